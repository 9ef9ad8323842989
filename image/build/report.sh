#!/bin/bash
# What is in the image, counted from the root itself, and what outside checkers find; each finding left open has its reason
# in hardening.tsv.
source "$(dirname "$0")/common.sh"
made=$work/mkosi root=$work/root
rm -rf "$root"
tool fsck.erofs --extract="$root" "$made/root.root-x86-64.raw" >/dev/null

count() { find "$root" "$@" | wc -l; }
# Anything that interprets, installs or lets in.
shells=$(count -type f -regextype posix-extended -regex '.*/s?bin/(.*sh|busybox|python.*|perl.*|awk|.*awk|env|sshd|dpkg.*|apt.*)')
setuid=$(count -type f -perm /6000)
packages=$(grep -c '"name"' "$made/system.packages.json")
listeners=$(grep -rlE '^Listen(Stream|Datagram)=([0-9]|\[|vsock)' "$root/usr/lib/systemd/system" "$root/etc/systemd/system" | wc -l || true)
size=$(($(stat -c %s "$work/out/sceau_$version.raw") >> 20))
echo "paquets : $packages (initrd : $(grep -c '"name"' "$made/initrd.packages.json")), fichiers : $(count -type f)"
echo "image disque : $size Mio (racine $(($(stat -c %s "$made/root.root-x86-64.raw") >> 20)), noyau $(($(stat -c %s "$work/out/sceau_$version.efi") >> 20)))"
echo "setuid : $setuid, interpréteurs et gestionnaires : $shells, ports en écoute : $listeners"
if [ "$setuid" -ne 0 ] || [ "$shells" -ne 0 ] || [ "$listeners" -ne 0 ]; then
    echo "l'image de production porte ce qu'elle ne doit pas porter" >&2
    exit 1
fi
"$(dirname "$0")/hardening.sh"
