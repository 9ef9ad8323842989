#!/bin/bash
# One image of foreign software: `build.sh FOLDER`, of image/connectors or image/modules. Its packages are unpacked, never installed:
# no script of theirs runs. The result is attached/KIND/NAME.raw under the build's folder, with its root hash and its packages; the
# key that signs stands for a vendor's.
source "$(dirname "$0")/../build/common.sh"
folder=$(realpath "$1")
name=$(basename "$folder")
out=$work/attached/$(basename "$(dirname "$folder")")
root=$out/$name.root
mkdir -p "$out"
# Whether every library that a program names is in the image: a connector that cannot start ends the build, not a hospital's evening.
linked() {
    local name
    for name in $(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'); do
        [ -e "$2/usr/lib/x86_64-linux-gnu/$name" ] || [ -e "$2/usr/lib64/$name" ] || {
            echo "$1 : $name manque dans l'image ; ajoutez son paquet à $folder/packages" >&2
            exit 1
        }
    done
}
rm -rf "$root" "$out/$name".*
# The same archive as the tools: build/tools.sh asked this machine's apt.
packages=$(sed '/^#/d' "$folder/packages" | paste -sd, -)
# What was unpacked, for the bill of materials: nothing is registered by dpkg.
listed='for deb in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --show --showformat="\${Package}\t\${Version}\t\${source:Package}\t\${source:Version}\n" "$deb"; done'
mmdebstrap --quiet --variant=extract --aptopt='APT::Install-Recommends "false"' --include="$packages" \
    --extract-hook="($listed) >\"$out/$name.packages\"" \
    trixie "$root" "$work/sandbox/etc/apt/sources.list.d/mkosi.list"
if [ -x "$folder/choose" ]; then
    # What is taken of the packages: a module shows below /opt alone.
    "$folder/choose" "$root"
fi
if [ -d "$folder/extra" ]; then cp -r "$folder/extra/." "$root/"; fi
if [ -f "$folder/program" ]; then
    # A program of ours, as Cargo built it for the system's image too.
    install -m 0755 "$programs/$(cat "$folder/program")" "$root/usr/bin/connector"
    linked "$root/usr/bin/connector" "$root"
fi
# Nothing of the machine that builds, which mmdebstrap leaves there, nor of the archive's own bookkeeping; and places for what systemd mounts.
rm -rf "$root"/{dev,proc,sys,run,tmp,var,boot,home,root,srv,mnt,media} "$root"/usr/share/{doc,man,locale,lintian,bug} "$root"/usr/lib/*/gconv
rm -f "$root"/etc/{hostname,resolv.conf}
mkdir -p "$root"/{dev,proc,sys,run,tmp,var/tmp}
find "$root" -exec touch --no-dereference --date="@$epoch" {} +
# Its identifiers come from its name, so that a second build is the same but for the signature.
seed=$(printf 'sceau %s' "$name" | md5sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
tool systemd-repart --offline=yes --pretty=no --empty=create --size=auto --dry-run=no --sector-size=512 --seed="$seed" \
    --definitions="$repository/image/connectors/repart.d" --copy-source="$root" \
    --private-key="$keys/extensions.key" --certificate="$keys/extensions.crt" "$out/$name.raw" >"$out/$name.log" 2>&1
chmod 0644 "$out/$name.raw"
rm -rf "$root"
data=$(tool sfdisk --part-uuid "$out/$name.raw" 1 | tr 'A-Z' 'a-z') tree=$(tool sfdisk --part-uuid "$out/$name.raw" 2 | tr 'A-Z' 'a-z')
echo "${data//-/}${tree//-/}" >"$out/$name.roothash"
echo "$name : $(stat -c %s "$out/$name.raw") octets, racine $(cat "$out/$name.roothash")"
