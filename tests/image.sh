#!/bin/bash
# Boots the image that `make image` left in target/image, attacks it, and says what was not done; `make image-test`. With "brief"
# the part that every commit can bear: one machine's life, its token, its evidence, and an attack of each kind.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export SCEAU_IMAGE=${SCEAU_IMAGE:-$target/image}
mkdir -p "$target"
rm -f "$target/skipped.txt"
log=$target/image-test.log
brief=(
    contents:: attached:: kernel_image:: token:: evidence:: walls::
    provisioning::a_signed_file_provisions_it_at_its_first_boot
    attacks::a_changed_root_ends_in_a_halt
    attacks::an_unsigned_kernel_image_is_refused_by_the_firmware
    attacks::without_secure_boot_the_state_stays_shut
    attacks::the_disk_beside_another_tpm_does_not_open_its_state
    attacks::an_older_copy_of_the_disk_is_told
)

cargo build --release --locked --bins
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
chosen=()
if [ "${1:-}" = brief ]; then
    chosen=("${brief[@]}")
else
    # What a machine is updated to: the same sources as the next two versions.
    for patch in 1 2; do
        next=${version%.*}.$((${version##*.} + patch))
        made=$SCEAU_IMAGE/next/sceau_$next/update/SHA256SUMS.sig
        [ "$made" -nt "$SCEAU_IMAGE/sceau_$version/SHA256SUMS.sig" ] || image/build/next.sh "$next"
    done
fi
# The tests' own connector, signed as a vendor's: what an intruder in one could do.
[ "$SCEAU_IMAGE/attached/probes/probe.roothash" -nt "$SCEAU_IMAGE/sceau_$version/SHA256SUMS.sig" ] || image/connectors/build.sh tests/image/probes/probe
boots=(cargo test --release --locked --test image --)
# Two machines at a time: without KVM each has one busy processor most of the time, two while it starts its services.
"${boots[@]}" --test-threads=2 "${chosen[@]}" 2>&1 | tee "$log"

passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
skipped=$(
    cat "$target/skipped.txt" 2>/dev/null || true
    # Those that were not chosen.
    comm -23 <("${boots[@]}" --list 2>/dev/null | sed -n 's/: test$//p' | sort) <(sed -n 's/^test \([^ ]*\) \.\.\..*/\1/p' "$log" | sort -u)
)
count=$(grep -c . <<<"$skipped" || true)
echo "make image-test: $passed tests passed, 0 failed, $count skipped${skipped:+:}"
[ -z "$skipped" ] || sed 's/^/  - /' <<<"$skipped"
