#!/bin/sh
# Installs the SDK of npm in a folder of the build and runs sdk.mjs with it.
#
#   sdk.sh QUIRE FOLDER
set -eu

here=$(cd "$(dirname "$0")" && pwd)
quire=$(realpath "$1")
mkdir -p "$2"
cd "$2"
for program in node npm; do
    command -v "$program" >/dev/null || {
        echo "sdk.sh: $program is not installed" >&2
        exit 1
    }
done
[ -d node_modules/@modelcontextprotocol ] ||
    npm install --no-audit --no-fund --silent @modelcontextprotocol/sdk@1
cp "$here/sdk.mjs" .
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node sdk.mjs "$quire" "$work"
