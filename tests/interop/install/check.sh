#!/bin/sh
# Installs a build in a scratch folder and uses it as a stranger would: pkg-config and the headers
# for a C program, quire-env for one of Debian's.
#
#   check.sh BUILD SOURCE
set -eu

build=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake --install "$build" --prefix "$scratch/there" >/dev/null
mv "$scratch/there" "$scratch/here" # nothing may remember where it was put first

config=$(dirname "$(find "$scratch/here" -name quire.pc)")
flags=$(PKG_CONFIG_PATH="$config" pkg-config --cflags --libs quire)
library=$(PKG_CONFIG_PATH="$config" pkg-config --variable=libdir quire)
# shellcheck disable=SC2086
cc "$source/examples/hello.c" $flags -Wl,-rpath,"$library" -o "$scratch/hello"
printf '2 ink\n1 tea\n' >"$scratch/expected"
"$scratch/hello" | diff "$scratch/expected" -

version=$("$scratch/here/bin/quire-env" sqlite3 :memory: 'SELECT sqlite_version()')
[ "$version" = 3.53.2 ] || { echo "quire-env ran the shell on $version"; exit 1; }
[ "$("$scratch/here/bin/quire" :memory: 'SELECT 6 * 7')" = 42 ]
echo "installed, linked and run"
