#!/bin/bash
# A second build in another folder, with the same keys: what is not the same is named, and ends with a failure. Images of foreign
# software are compared with their signatures, which RSA PKCS #1 v1.5 makes the same twice.
source "$(dirname "$0")/common.sh"
first=$work second=$work/again
mkdir -p "$second"
export IMAGE_WORK=$second IMAGE_TOOLS=$tools IMAGE_KEYS=$keys IMAGE_VERSION=$version
cp -r "$work/sandbox" "$second/"
"$image/build/system.sh"
"$image/build/disk.sh"
"$image/build/attached.sh"
status=0
for file in mkosi/root.root-x86-64.raw mkosi/root.root-x86-64-verity.raw mkosi/initrd.cpio.zst mkosi/vmlinuz \
    "out/sceau_$version.unsigned.efi" out/boot.unsigned.efi out/roothash \
    $(cd "$first" && find attached -name '*.raw' | LC_ALL=C sort); do
    if cmp --silent "$first/$file" "$second/$file"; then
        echo "identique : $file"
    else
        echo "différent : $file" && status=1
    fi
done
exit $status
