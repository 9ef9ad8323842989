#!/bin/bash
# libFuzzer on every target: `fuzz.sh brief` replays the corpora, then a few seconds each; `fuzz.sh long` is `make fuzz`.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
targets=$(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' tests/fuzz/Cargo.toml)
case ${1:-} in
# The same inputs each time, so that a commit is not judged by chance: what chance finds is `long`'s.
brief) seconds=${FUZZ_SECONDS:-20} how="-seed=1 -runs=60000" ;;
long) seconds=${FUZZ_SECONDS:-600} how= ;;
*)
    echo "usage: fuzz.sh brief | long  (FUZZ_SECONDS: seconds for each target)" >&2
    exit 2
    ;;
esac

# SanitizerCoverage by hand: cargo-fuzz wants a nightly compiler for the address sanitizer, which code without unsafe does
# not need. With --target the flags are not those of build scripts, which have no libFuzzer to link.
flags="-Cpasses=sancov-module --cfg fuzzing"
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
    flags="$flags -Cllvm-args=-sanitizer-coverage-$argument"
done
flags="$flags -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=16"
host=$(rustc -vV | sed -n 's/^host: //p')
CARGO_TARGET_DIR=$target RUSTFLAGS=$flags \
    cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --bins

fuzz() {
    local name=$1 kept=tests/corpus/fuzz/$1 own=$target/corpus/$1 found=$target/findings/$1
    mkdir -p "$own" "$found"
    local options=($how -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "-artifact_prefix=$found/")
    [ ! -f "tests/corpus/fuzz/$name.dict" ] || options+=("-dict=tests/corpus/fuzz/$name.dict")
    # New inputs go to the first folder, under target/: only what a person minimised is committed.
    if ! "$target/$host/release/$name" "${options[@]}" "-max_total_time=$seconds" "$own" "$kept" >"$target/$name.log" 2>&1; then
        tail -n 40 "$target/$name.log" >&2
        echo "fuzz $name: a finding; the input is in $found (keep it in $kept once corrected)" >&2
        return 1
    fi
    local runs
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$target/$name.log")
    # libFuzzer that did not run is no success.
    [ "${runs:-0}" -gt "$(find "$kept" -type f | wc -l)" ] || { echo "fuzz $name: $runs runs only" >&2; return 1; }
    echo "fuzz $name: $runs runs, no finding"
}
export -f fuzz
export target host seconds how
# Two at a time: what the machines of the project's tests have.
xargs -P 2 -I{} bash -euo pipefail -c 'fuzz {}' <<<"$targets"
