#!/bin/sh
# Runs a script on the stock shell and on quire's, each in an empty folder of its own, and demands
# the same output, the same errors and the same exit status.
#
#   compare.sh QUIRE SCRIPT
#
# What differs by right is kept out of the scripts: versions, memory figures, plans whose wording
# changed after the stock shell that is installed.
set -eu

quire=$(realpath "$1")
script=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() { # NAME SHELL
    mkdir "$folder/$1"
    status=0
    (
        cd "$folder/$1"
        HOME=$folder "$2" test.db <"$script" >"$folder/$1.out" 2>"$folder/$1.err"
    ) || status=$?
    echo "exit status $status" >>"$folder/$1.out"
    sed -i "s|$folder/$1|FOLDER|g" "$folder/$1.out" "$folder/$1.err"
    # What programs at the two ends of a pipe complain of comes in any order, and the ends of their
    # lines at any time.
    grep '^sh: ' "$folder/$1.err" | sort >"$folder/$1.sh" || true
    sed -i -e '/^sh: /d' -e '/^$/d' "$folder/$1.err"
}

run stock sqlite3
run quire "$quire"
diff -u "$folder/stock.out" "$folder/quire.out"
diff -u "$folder/stock.err" "$folder/quire.err"
diff -u "$folder/stock.sh" "$folder/quire.sh"
echo "$(grep -c . "$script") lines alike"
