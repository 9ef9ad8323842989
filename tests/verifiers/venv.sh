#!/bin/sh
# Makes the virtual environment of the Python verifiers, and of the outside varlink client, under target/venv, once,
# and prints its interpreter.
# It is made again when requirements.txt or the system's Python changes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SCEAU_VENV:-$here/../../target/venv}
mkdir -p "$(dirname "$target")"
# Two callers at once (a person and `make test`) wait for each other.
exec 9>"$target.lock"
flock 9
wanted=$(python3 --version; cat "$here/requirements.txt")
if [ "$(cat "$target/made-for" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$target"
    python3 -m venv "$target" >&2
    "$target/bin/pip" install --quiet --no-input --disable-pip-version-check --only-binary :all: \
        --no-deps --requirement "$here/requirements.txt" >&2
    "$target/bin/pip" check >&2
    # Written last: an interrupted installation starts again.
    printf '%s\n' "$wanted" >"$target/made-for"
fi
echo "$target/bin/python"
