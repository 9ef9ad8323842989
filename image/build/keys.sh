#!/bin/bash
# Keys for trials, where none are given (IMAGE_KEYS): each says TEST in its subject, its comment or above it, and a release refuses them.
source "$(dirname "$0")/common.sh"

if [ "${IMAGE_RELEASE:-no}" = yes ]; then
    refuse() {
        echo "clé d'essai refusée pour une image de production : $1 ; donnez IMAGE_KEYS=dossier" >&2
        exit 1
    }
    # Left by the last line below: every key beside it was made for trials.
    [ ! -e "$keys/complete" ] || refuse "$keys (dossier fait par cette construction)"
    for name in PK KEK db extensions; do
        subject=$(openssl x509 -in "$keys/$name.crt" -noout -subject)
        [[ $subject != *TEST* ]] || refuse "$keys/$name.crt ($subject)"
    done
    # A bare key has no subject: its comment says it, or the line above it.
    for name in release.pub provisioning.pub pcr-disk.key pcr-ready.key; do
        ! grep -q TEST "$keys/$name" || refuse "$keys/$name"
    done
    exit 0
fi
[ ! -e "$keys/complete" ] || exit 0
rm -rf "$keys"
mkdir -p -m 700 "$keys"
# Secure Boot: platform key, key exchange key, and the one that signs boot loader and kernel images. Ten years, as firmware ignores.
for name in PK KEK db; do
    openssl req -quiet -new -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj "/O=Sceau TEST/CN=Sceau TEST $name" \
        -keyout "$keys/$name.key" -out "$keys/$name.crt" 2>/dev/null
done
# PCR 11: one key for the phase that opens the disk, another for the phase that opens PINs.
for name in pcr-disk pcr-ready; do
    # Readers of PEM skip what stands before it.
    { echo "Sceau TEST $name" && openssl genrsa 2048 2>/dev/null; } >"$keys/$name.key"
    openssl rsa -in "$keys/$name.key" -pubout -out "$keys/$name.pub" 2>/dev/null
done
# Updates and what is published; extensions and connectors.
ssh-keygen -q -t ed25519 -N '' -C 'Sceau TEST release' -f "$keys/release"
openssl req -quiet -new -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj "/O=Sceau TEST/CN=Sceau TEST extensions" \
    -keyout "$keys/extensions.key" -out "$keys/extensions.crt" 2>/dev/null
# Who may send a provisioning file: of trials, so that the image's tests can.
ssh-keygen -q -t ed25519 -N '' -C 'Sceau TEST provisioning' -f "$keys/provisioning"
touch "$keys/complete"
