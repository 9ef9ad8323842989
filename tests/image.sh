#!/bin/bash
# Boots the image that `make image` left in target/image, attacks it, and says what was not done; `make image-test`.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export SCEAU_IMAGE=${SCEAU_IMAGE:-$target/image}
mkdir -p "$target"
rm -f "$target/skipped.txt"
log=$target/image-test.log

cargo build --release --locked --bins
# What a machine is updated to: the same sources as the next two versions.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
for patch in 1 2; do
    next=${version%.*}.$((${version##*.} + patch))
    made=$SCEAU_IMAGE/next/sceau_$next/update/SHA256SUMS.sig
    [ "$made" -nt "$SCEAU_IMAGE/sceau_$version/SHA256SUMS.sig" ] || image/build/next.sh "$next"
done
# The tests' own connector, signed as a vendor's: what an intruder in one could do.
[ "$SCEAU_IMAGE/attached/probes/probe.roothash" -nt "$SCEAU_IMAGE/sceau_$version/SHA256SUMS.sig" ] || image/connectors/build.sh tests/image/probes/probe
# Two machines at a time: without KVM each has one busy processor most of the time, two while it starts its services.
cargo test --release --locked --test image -- --test-threads=2 2>&1 | tee "$log"

skipped=$(cat "$target/skipped.txt" 2>/dev/null || true)
count=$(grep -c . <<<"$skipped" || true)
passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
echo "make image-test: $passed tests passed, 0 failed, $count skipped${skipped:+:}"
[ -z "$skipped" ] || sed 's/^/  - /' <<<"$skipped"
