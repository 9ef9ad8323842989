#!/bin/bash
# Everything the project promises, on real parts; ends with counts and with what was skipped and why.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "$target"
# The tests leave every assertion there, and the outside verifiers read it.
export SCEAU_ASSERTIONS=$target/assertions
rm -rf "$SCEAU_ASSERTIONS" "$target/skipped.txt"
log=$target/test.log
: >"$log"

step() {
    local began=$SECONDS
    echo "== $*"
    "$@" 2>&1 | tee -a "$log"
    echo "== $((SECONDS - began)) s"
}

step cargo fmt --check
# The fuzz targets have a lock file of their own, which a new dependency of ours makes stale.
cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
step cargo clippy --release --locked --all-targets -- -D warnings
# No target of a plain `cargo test`: the boots of make image-test.
step cargo clippy --release --locked --test image -- -D warnings
RUSTDOCFLAGS='-D warnings' step cargo doc --release --locked --no-deps --lib
step cargo test --release --locked --lib
# In a folder of their own and before the tests that look at what they made, so that no test's time holds a build.
step make verify
if rustup target list --installed 2>/dev/null | grep -qx x86_64-pc-windows-gnu && command -v x86_64-w64-mingw32-gcc >/dev/null; then
    step tests/static.sh check-windows
    step tests/static.sh check-windows sceau-connect
fi
step cargo test --release --locked --test it
step cargo test --release --locked --test verifiers
step cargo test --release --locked --doc
step tests/fuzz.sh brief

skipped=$(
    cat "$target/skipped.txt" 2>/dev/null || true
    sed -n 's/^test \(.*\) \.\.\. ignored,* */\1: /p' "$log" | grep -v ': child process of' || true
    echo "cargo deny: needs its advisory database, hence a network"
)
passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
assertions=$(find "$SCEAU_ASSERTIONS" -name '*.xml' | wc -l)
echo "make test: $passed tests passed, 0 failed, $assertions assertions verified from outside, $(wc -l <<<"$skipped") skipped:"
sed 's/^/  - /' <<<"$skipped"
