#!/bin/sh
# Builds quire from nothing and runs its tests, on a bare Debian 12 with root or sudo.
#
#   tests/run.sh                    everything but the label "long"
#   tests/run.sh -L quick           the quick tests; any arguments go to ctest not the default
#   QUIRE_BUILD=build/asan tests/run.sh -R btree     in another build folder
#   QUIRE_LIMIT=600 tests/run.sh    seconds until the whole run is stopped, 870 unless told
#   QUIRE_CMAKE="-DQUIRE_SANITIZE=address,undefined" tests/run.sh
#
# Installs what is missing with apt-get, configures with assertions and -Werror, builds, runs ctest.
# The exit status is that of the first step that fails.
set -eu

cd "$(dirname "$0")/.."

BUILD=${QUIRE_BUILD:-build/ci}
LIMIT=${QUIRE_LIMIT:-870}
JOBS=${QUIRE_JOBS:-$(nproc)}
STARTED=$(date +%s)

PACKAGES="gcc g++ libc6-dev binutils cmake ninja-build ccache pkg-config clang clang-format
    libcmocka-dev liburing-dev libopenblas-dev libstemmer-dev libutf8proc-dev libsqlite3-dev sqlite3
    libedit-dev libcurl4-openssl-dev libsqlite3-tcl tcl libdbd-sqlite3-perl"

# Seconds left of the run; at least one, so that timeout(1) always has a bound.
left() {
    seconds=$((LIMIT - $(date +%s) + STARTED))
    [ "$seconds" -gt 0 ] || seconds=1
    echo "$seconds"
}

. tests/support/packages.sh

install_packages $PACKAGES

say "configuring in $BUILD"
timeout "$(left)" cmake -G Ninja -B "$BUILD" -DCMAKE_BUILD_TYPE=Debug -DQUIRE_WERROR=ON \
    ${QUIRE_CMAKE:-} >/dev/null

say "building"
timeout "$(left)" ninja -C "$BUILD" -j "$JOBS" --quiet

[ $# -gt 0 ] || set -- -LE long
say "testing: ctest $*"
status=0
timeout -k 10 "$(left)" ctest --test-dir "$BUILD" --no-tests=error --output-on-failure -j2 "$@" \
    >"$BUILD/ctest.log" 2>&1 || status=$?

# All of the failing tests' output, and ctest's own summary, which closes the log.
if [ "$status" -ne 0 ]; then
    grep -v ' Passed ' "$BUILD/ctest.log" | tail -n 400 | grep -v '^ *Start ' || true
else
    sed -n '/tests passed/,$p' "$BUILD/ctest.log"
fi
[ "$status" -ne 124 ] || say "stopped: the run took more than $LIMIT seconds"
say "took $(($(date +%s) - STARTED)) s; full log in $BUILD/ctest.log"
exit "$status"
