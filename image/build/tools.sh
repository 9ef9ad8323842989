#!/bin/bash
# The tools of Debian 13 in one folder: mkosi, systemd's own, QEMU. Made once from this machine's own archive of Debian.
source "$(dirname "$0")/common.sh"

# Archives of Debian as this machine knows them: "<address> <suite>" of the one whose origin is Debian and which is no update.
archive=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
    awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
security=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
    awk '$1 == "Debian" && $2 ~ /-security$/ { print $3; exit }')
if [ -z "$archive" ]; then
    echo "aucune archive Debian connue d'apt sur cette machine : apt-get update" >&2
    exit 2
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
sources="deb [signed-by=$keyring] $archive trixie main"
[ -z "$security" ] || sources+=$'\n'"deb [signed-by=$keyring] $security trixie-security main"

# What mkosi's own apt is told: generated, because the archive's address is this machine's.
mkdir -p "$work/sandbox/etc/apt/sources.list.d"
printf '%s\n' "$sources" >"$work/sandbox/etc/apt/sources.list.d/mkosi.list"
: >"$work/sandbox/etc/apt/sources.list.d/mkosi.sources"

packages=(
    mkosi systemd systemd-container systemd-repart systemd-cryptsetup systemd-ukify systemd-boot-efi systemd-boot-tools
    cryptsetup-bin fdisk apt erofs-utils dosfstools mtools e2fsprogs cpio zstd kmod openssl ca-certificates
    sbsigntool python3-virt-firmware python3-pefile python3-cryptography python3-pyelftools
    qemu-system-x86 qemu-utils ovmf swtpm swtpm-tools tpm2-tools lynis
)
wanted="${packages[*]}"
if [ "$(cat "$tools/.packages" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$tools"
mmdebstrap --quiet --variant=apt --aptopt='APT::Install-Recommends "false"' --include="${packages[*]}" \
    trixie "$tools" - <<<"$sources"
# mkosi alone, without the libraries beside it: it runs on this machine's Python.
mkdir "$tools/mkosi"
cp -r "$tools/usr/lib/python3/dist-packages/mkosi" "$tools/mkosi/"
echo "$wanted" >"$tools/.packages"
