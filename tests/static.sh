#!/bin/bash
# Builds sceau-verify as one file without a shared library and prints what it made: `static.sh linux`, `static.sh windows`;
# `static.sh check-windows` only has the compiler read it for Windows. A second word names another program: sceau-connect.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
program=${2:-sceau-verify}
features=
if [ "$program" = sceau-connect ]; then
    features=connect
fi
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/verify

if [ "$1" = linux ]; then
    triple=$(rustc -vV | sed -n 's/^host: //p')
    name=$program strip=strip
else
    triple=x86_64-pc-windows-gnu
    name=$program.exe strip=x86_64-w64-mingw32-strip
    if ! rustup target list --installed | grep -qx "$triple"; then
        echo "la cible $triple manque : rustup target add $triple" >&2
        exit 2
    fi
fi

# Paths of this machine stay out of the file: its digest depends on what was built, not on where.
cargo=${CARGO_HOME:-$HOME/.cargo}
library=$(realpath "$(rustc --print sysroot)")/lib/rustlib/src/rust
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$cargo=cargo --remap-path-prefix=$root=sceau"
RUSTFLAGS+=" --remap-path-prefix=$library=/rustc/$commit"
export CFLAGS="-ffile-prefix-map=$cargo=cargo -ffile-prefix-map=$folder=target"
# --target, though it may be this machine: without it crt-static would reach the proc-macros, which are shared libraries.
what=(--release --locked --no-default-features --features "$features" --bin "$program" --target "$triple" --target-dir "$folder")
if [ "$1" = check-windows ]; then
    exec cargo check "${what[@]}"
fi
cargo build "${what[@]}"
# The symbols stay beside it, for whoever examines what was linked.
"$strip" --strip-all -o "$folder/$name" "$folder/$triple/release/$name"
echo "$folder/$name : $(stat --format=%s "$folder/$name") octets"
echo "sha256 : $(sha256sum <"$folder/$name" | cut -d' ' -f1)"
