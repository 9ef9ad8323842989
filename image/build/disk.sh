#!/bin/bash
# The disk: kernel image with the root's hash, signed; boot loader, signed; root, hashes and room for the rest.
source "$(dirname "$0")/common.sh"
profile=${1:-}
made=$work/mkosi${profile:+-$profile}
out=$work/out${profile:+-$profile}
rm -rf "$out" && mkdir -p "$out/esp"/{EFI/BOOT,EFI/Linux,loader}
name=sceau_$version

# The hash of the root is the partitions' identifiers, data then tree (Discoverable Partitions Specification), and is checked here.
partition() { tool sfdisk --part-uuid "$made/root.raw" "$1" | tr 'A-Z' 'a-z'; }
data=$(partition 1) tree=$(partition 2)
roothash=${data//-/}${tree//-/}
tool veritysetup verify "$made/root.root-x86-64.raw" "$made/root.root-x86-64-verity.raw" "$roothash"
echo "$roothash" >"$out/roothash"

# One kernel image: command line, kernel, initial file system, and the signatures of what PCR 11 will be. Two keys, two phases:
# the disk opens in the initial file system alone, PINs in a machine that is up.
cmdline="roothash=$roothash $(sed '/^#/d' "$image/cmdline" ${profile:+"$image/cmdline.$profile"} | tr '\n' ' ')"
# The disk's public key goes into the initial file system; the other one where systemd-creds looks for it in a machine that is up.
mkdir -p "$out/disk-key/usr/lib/sceau"
cp "$keys/pcr-disk.pub" "$out/disk-key/usr/lib/sceau/pcr-disk.pub"
find "$out/disk-key" -exec touch --date="@$epoch" {} +
(cd "$out/disk-key" && find . -mindepth 1 | LC_ALL=C sort | tool cpio --quiet --create --format=newc --owner=0:0 --reproducible) >"$out/disk-key.cpio"
tool /usr/lib/systemd/ukify build --linux "$made/vmlinuz" --initrd "$made/initrd.cpio.zst" --initrd "$out/disk-key.cpio" --uname "$(cat "$made/kernel-release")" \
    --os-release "@$made/os-release" --cmdline "${cmdline% }" --pcr-banks sha256 \
    --pcrpkey "$keys/pcr-ready.pub" \
    --pcr-private-key "$keys/pcr-disk.key" --pcr-public-key "$keys/pcr-disk.pub" --phases enter-initrd \
    --pcr-private-key "$keys/pcr-ready.key" --pcr-public-key "$keys/pcr-ready.pub" --phases enter-initrd:leave-initrd:sysinit:ready \
    --measure --output "$out/$name.unsigned.efi" >"$out/$name.pcr11"
cp "$tools/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$out/boot.unsigned.efi"
sign() { tool sbsign --key "$keys/db.key" --cert "$keys/db.crt" --output "$2" "$1" 2>/dev/null; }
sign "$out/$name.unsigned.efi" "$out/$name.efi"
sign "$out/boot.unsigned.efi" "$out/boot.efi"

# The first image of a disk is not on trial: no counter in its name.
cp "$out/$name.efi" "$out/esp/EFI/Linux/$name.efi"
cp "$out/boot.efi" "$out/esp/EFI/BOOT/BOOTX64.EFI"
cp "$image/loader.conf" "$out/esp/loader/loader.conf"

# The same definitions as the machine's own (mkosi.extra/usr/lib/repart.d), with what the first slot holds.
definitions=$out/repart.d
mkdir "$definitions"
sed "s|^Label=.*|&\nCopyFiles=$out/esp:/|" "$image/mkosi.extra/usr/lib/repart.d/10-esp.conf" >"$definitions/10-esp.conf"
slot() { sed "s|^Label=.*|Label=$name\nUUID=$2\nCopyBlocks=$3|" "$image/mkosi.extra/usr/lib/repart.d/$1" >"$definitions/$1"; }
slot 20-root-a.conf "$data" "$made/root.root-x86-64.raw"
slot 21-root-a-verity.conf "$tree" "$made/root.root-x86-64-verity.raw"
tool systemd-repart --offline=yes --pretty=no --empty=create --size=auto --dry-run=no --definitions="$definitions" \
    --seed=5ce0a5ea-1ba6-4e2f-9c53-0d1a5f2b7e11 --sector-size=512 "$out/sceau_$version.raw" >"$out/repart.log" 2>&1
cp "$made/root.root-x86-64.raw" "$out/${name}.root.raw"
cp "$made/root.root-x86-64-verity.raw" "$out/${name}.root-verity.raw"
ls -la "$out"
