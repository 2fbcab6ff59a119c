#!/bin/sh
# live_index_test.sh PROGRAM: files that come, change and go are found, or not.
set -eu

work=$(mktemp -d)
trap 'kill $watcher 2>/dev/null || true; rm -rf "$work"' EXIT
watcher=

search() {
    "$1" "$work/a.db" --search "$2"
}

# Waits up to ten seconds until the search for $2 gives $3.
until_found() {
    for try in $(seq 50); do
        [ "$(search "$1" "$2")" = "$3" ] && return 0
        sleep 0.2
    done
    search "$1" "$2"
    echo "expected for $2: $3"
    exit 1
}

mkdir "$work/texts"
echo "tea and ink" >"$work/texts/one"
"$1" "$work/a.db" "$work/texts" --once
until_found "$1" inks "one: tea and [ink]"
"$1" "$work/a.db" "$work/texts" >/dev/null &
watcher=$!
echo "paper boats" >"$work/texts/two"
until_found "$1" boat "two: paper [boats]"
echo "coffee" >"$work/texts/one"
until_found "$1" ink ""
rm "$work/texts/two"
until_found "$1" boat ""
