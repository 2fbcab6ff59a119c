#!/bin/sh
# tail_test.sh TAIL SHELL: changes that another process commits are shown.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$2" "$work/a.db" "CREATE TABLE t(a, b)"
"$1" "$work/a.db" t 4 >"$work/output" &
# Changes made before the capture began are not shown: wait for its first record, however long.
until grep -q 'insert sqlite_schema' "$work/output"; do
    sleep 0.1
done
# The reader writes too, to keep its place: the shell waits for it.
"$2" -cmd '.timeout 20000' "$work/a.db" "INSERT INTO t VALUES(1, 'tea')" \
    "UPDATE t SET b = 'ink'" "DELETE FROM t"
wait $!
for line in 'insert t 1' '    + {"a":1,"b":"tea"}' 'update t 1' '    - {"a":1,"b":"tea"}' \
    '    + {"a":1,"b":"ink"}' 'delete t 1'; do
    if ! grep -qF -- "$line" "$work/output"; then
        cat "$work/output"
        echo "expected: $line"
        exit 1
    fi
done
