#!/bin/sh
# Installs what is missing, builds quire's release in build/release and runs the examples, on a bare
# Debian 12 with root or sudo.
#
#   examples/run.sh                    hello, transfer, rag with the questions below
#   examples/run.sh "play chess" ...   other questions
#   QUIRE_CORPUS=FOLDER QUIRE_EMBEDDER=COMMAND examples/run.sh    rag over text files, and with
#                                      vectors of another program: options -f and -e of rag
set -eu

cd "$(dirname "$0")/.."

BUILD=build/release
JOBS=${QUIRE_JOBS:-$(nproc)}
STARTED=$(date +%s)

. tests/support/packages.sh

install_packages gcc libc6-dev binutils cmake ninja-build pkg-config liburing-dev libopenblas-dev \
    libstemmer-dev libutf8proc-dev libedit-dev sqlite3

say "building in $BUILD"
cmake -G Ninja -B "$BUILD" -DCMAKE_BUILD_TYPE=Release -DQUIRE_TESTS=OFF >/dev/null
ninja -C "$BUILD" -j "$JOBS" --quiet

say "hello"
"$BUILD/examples/hello"
say "transfer"
"$BUILD/examples/transfer"

# Images of Debian come without package lists.
if [ -z "${QUIRE_CORPUS:-}" ] && [ -z "$(apt-cache dumpavail | head -c 1)" ]; then
    retry apt update
fi
[ $# -gt 0 ] || set -- "play chess against the computer" "draw diagrams and flow charts" \
    "watch system load in a terminal" "read mail offline"
say "rag"
rm -f "$BUILD/rag.db" "$BUILD/rag.db-wal" "$BUILD/rag.db-shm"
"$BUILD/examples/rag" ${QUIRE_CORPUS:+-f "$QUIRE_CORPUS"} ${QUIRE_EMBEDDER:+-e "$QUIRE_EMBEDDER"} \
    "$BUILD/rag.db" "$@"
printf '\nstock sqlite3 %s on the same file: ' "$(sqlite3 --version | cut -d' ' -f1)"
sqlite3 "$BUILD/rag.db" 'PRAGMA integrity_check'
say "took $(($(date +%s) - STARTED)) s"
