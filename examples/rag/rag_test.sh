#!/bin/sh
# rag_test.sh RAG FOLDER: runs RAG over a folder of texts in an empty database, then again when
# nothing changed, then with vectors from another program, one that answers and one that does not.
set -eu

rag=$1
folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect() {
    if ! grep -q -- "$1" "$work/output"; then
        cat "$work/output"
        echo "expected: $1"
        exit 1
    fi
}

"$rag" -f "$folder" "$work/a.db" "singular vectors of sparse documents" >"$work/output" 2>&1
expect 'documents in'
expect ' lsa.c'
expect 'integrity_check: ok'

"$rag" "$work/a.db" "another program that speaks JSON lines" >"$work/output" 2>&1
expect '\] 0 changes'
expect ' worker.c'

"$rag" -f "$folder" -e 'while read -r line; do echo "{\"vector\":[1,2,3]}"; done' "$work/b.db" \
    "anything" >"$work/output" 2>&1
expect 'semantic'
expect 'integrity_check: ok'

if "$rag" -f "$folder" -e 'exit 1' "$work/c.db" >"$work/output" 2>&1; then
    echo "a dead embedder went unnoticed"
    exit 1
fi
expect 'does not answer'
