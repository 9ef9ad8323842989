#!/bin/bash
# What is published beside the disk: update, bill of materials, reference values, security record, checksums, signature.
source "$(dirname "$0")/common.sh"
made=$work/mkosi out=$work/out name=sceau_$version
published=$work/sceau_$version
rm -rf "$published" && mkdir -p "$published/update"

# The update: the same bytes as the disk's, under the names that sysupdate.d expects.
hash=$(cat "$out/roothash")
uuid() { sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12})$/\1-\2-\3-\4-\5/' <<<"$1"; }
data=$(uuid "${hash:0:32}") tree=$(uuid "${hash:32}")
cp "$out/$name.efi" "$published/update/$name.efi"
cp "$out/$name.root.raw" "$published/update/${name}_$data.root.raw"
cp "$out/$name.root-verity.raw" "$published/update/${name}_$tree.root-verity.raw"
cp "$out/sceau_$version.raw" "$published/sceau_$version.raw"
# Foreign software, each with the root hash that an order names; the folders are those of a stick.
for kind in connectors modules; do
    mkdir "$published/$kind"
    cp "$work/attached/$kind"/*.raw "$work/attached/$kind"/*.roothash "$published/$kind/"
done
# Firmware setups take certificates as DER, from a stick.
for key in PK KEK db; do openssl x509 -in "$keys/$key.crt" -outform DER -out "$published/$key.cer"; done

# What is inside, and what is known of it.
(cd "$repository" && cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu) >"$work/cargo-metadata.json"
tool python3 "$image/build/sbom.py" "$version" "$epoch" "$made" "$work/cargo-metadata.json" "$work/attached" >"$published/sbom.cdx.json"
cp "$image/vex.cdx.json" "$published/vex.cdx.json"

# What a machine measures that runs this image.
tool "$image/build/reference.sh" "$out" "$name" "$keys" "$made" "$version" >"$published/reference.json"

sums() { (cd "$1" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS); }
sign() { ssh-keygen -q -Y sign -f "$keys/release" -n fr.sceau.release "$1/SHA256SUMS" 2>/dev/null; }
# The update is signed by itself: it travels without the rest.
sums "$published/update" && sign "$published/update"
sums "$published" && sign "$published"
echo "$published"
