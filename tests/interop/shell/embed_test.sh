#!/bin/sh
# embed_test.sh QUIRE: .embed keeps vectors of a table's texts, with a program that speaks JSON
# lines: the vector it gives is the length of the line.
set -eu

quire=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >embedder <<'END'
while read -r line; do
    id=${line#*\"id\":}
    echo "{\"id\":${id%%,*},\"vector\":[${#line},1]}"
done
END
embed='.embed "my docs" "title || body" emb --exec "sh embedder" --model length'

expect() { # OUTPUT ARGUMENT...: what quire prints on both ways out, its last line
    wanted=$1
    shift
    printed=$("$quire" a.db "$@" 2>&1 | tail -n 1)
    if [ "$printed" != "$wanted" ]; then
        echo "quire a.db $*: expected \"$wanted\", got \"$printed\""
        exit 1
    fi
}

"$quire" a.db 'CREATE TABLE "my docs"(title, body)' \
    "INSERT INTO \"my docs\" VALUES ('tea', 'leaf'), ('ink', 'x'), (NULL, 'no title')"
expect '3 rows, 2 texts embedded' "$embed"
expect '0 rows, 0 texts embedded' "$embed"
expect '1|0|7' 'SELECT doc, start, length FROM emb_current LIMIT 1'
"$quire" a.db "UPDATE \"my docs\" SET body = 'y' WHERE title = 'ink'" \
    "UPDATE \"my docs\" SET body = 'leaf' WHERE title = 'tea'" \
    'DELETE FROM "my docs" WHERE title IS NULL'
expect '3 rows, 1 texts embedded' "$embed --batch 10 --wait 1"
expect '2' 'SELECT count(*) FROM emb_current'
expect '2 rows, 3 texts embedded' \
    '.embed "my docs" body other --exec "sh embedder" --feed emb_feed --chunk 3 --overlap 0'

expect 'Usage: .embed TABLE EXPR TARGET --exec COMMAND | --url URL ?OPTIONS?' '.embed a b c'
expect 'Usage: .embed TABLE EXPR TARGET --exec COMMAND | --url URL ?OPTIONS?' \
    '.embed a b c --exec x --wait'
expect 'Error: the embedder does not answer: it has ended' \
    '.embed "my docs" title third --exec false --batch 1'
if "$quire" -safe a.db "$embed" 2>/dev/null; then
    echo 'a program was run under -safe'
    exit 1
fi
echo 'kept, found again, told of'
