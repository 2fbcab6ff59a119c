#!/bin/sh
# Runs a script on the stock shell and on quire's, each in an empty folder of its own, and demands
# the same output, the same errors and the same exit status.
#
#   compare.sh QUIRE SCRIPT
#
# A script lets one program at a time complain: what several write at once comes mixed up, in the
# middle of lines too. What differs by right is kept out: versions, memory figures, plans whose
# wording changed after the stock shell that is installed.
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
}

run stock sqlite3
run quire "$quire"
diff -u "$folder/stock.out" "$folder/quire.out"
diff -u "$folder/stock.err" "$folder/quire.err"
echo "$(grep -c . "$script") lines alike"
