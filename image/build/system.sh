#!/bin/bash
# Root and initial file system, by mkosi; nothing of this is signed.
source "$(dirname "$0")/common.sh"
profile=${1:-}

ours=(sceau sceaud sceau-signer sceau-relayd sceau-attestd sceau-console)
staged=$work/staged
rm -rf "$staged"
mkdir -p "$staged"/usr/{bin,lib/systemd,lib/sysusers.d,lib/tmpfiles.d,lib/sceau,lib/udev/rules.d}
for program in "${ours[@]}"; do
    install -m 0755 "$programs/$program" "$staged/usr/bin/$program"
done
cp -r "$repository/systemd/system" "$staged/usr/lib/systemd/"
# The gate is no part of the system: there it is a connector, if an order attaches one.
rm -r "$staged"/usr/lib/systemd/system/sceau-gate.*
cp "$repository"/systemd/sysusers.d/*.conf "$staged/usr/lib/sysusers.d/"
cp "$repository"/systemd/udev/*.rules "$staged/usr/lib/udev/rules.d/"
# /etc/sceau is a link into the state here, no folder to be made.
for file in "$repository"/systemd/tmpfiles.d/*.conf; do
    sed '/^d  *\/etc\/sceau /d' "$file" >"$staged/usr/lib/tmpfiles.d/${file##*/}"
done
find "$staged" -name '*.example' -delete
# What the image believes: who signs updates, extensions and provisioning files, and the state in which PINs are opened.
sed 's/^/release@sceau /' "$keys/release.pub" >"$staged/usr/lib/sceau/release.keys"
sed 's/^/provisioning@sceau /' "$keys/provisioning.pub" >"$staged/usr/lib/sceau/provisioning.keys"
install -m 0644 "$keys/pcr-ready.pub" "$keys/pcr-disk.pub" "$staged/usr/lib/sceau/"
mkdir -p "$staged/usr/lib/verity.d"
install -m 0644 "$keys/extensions.crt" "$staged/usr/lib/verity.d/sceau.crt"
# Dates of what is staged come from the commit, not from the copy.
find "$staged" -exec touch --no-dereference --date="@$epoch" {} +

out=$work/mkosi${profile:+-$profile}
cache=${IMAGE_CACHE:-$work/cache} packages=${IMAGE_PACKAGES:-$work/packages}
mkdir -p "$out" "$cache" "$packages"
mkosi --force ${profile:+--profile "$profile"} --image-version "$version" --source-date-epoch "$epoch" \
    --output-directory "$out" --package-cache-dir "$packages" --cache-directory "$cache" --incremental=yes \
    --workspace-directory "$work" --sandbox-tree "$work/sandbox" --extra-tree "$staged" build
