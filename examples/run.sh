#!/bin/sh
# Installs what is missing, builds quire's release in build/release and runs the examples, on a bare
# Debian 12 with root or sudo.
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
say "took $(($(date +%s) - STARTED)) s"
