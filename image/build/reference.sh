#!/bin/bash
# Reference values (fr.sceau.reference/1) of one version: PCR 4, 7 and 11 as a machine measures them, by systemd's own tools.
# Runs among the tools of Debian 13: OUT NAME KEYS MADE VERSION.
set -euo pipefail
out=$1 name=$2 keys=$3 made=$4 version=$5
lock=/usr/lib/systemd/systemd-pcrlock
digest() { python3 -c '
import json, sys
for record in json.load(sys.stdin)["records"]:
    for entry in record["digests"]:
        if record["pcr"] == int(sys.argv[1]) and entry["hashAlg"] == "sha256": print(entry["digest"])' "$1"; }
pe() { "$lock" lock-pe --pcr=4 --pcrlock=/tmp/pe.pcrlock "$1" >/dev/null 2>&1; digest 4 </tmp/pe.pcrlock | head -1; }
# PCR 11: of the phases that ukify wrote, the last: a machine that is up.
# PCR 4: the firmware says that it calls a boot option, the separator, then boot loader and kernel image. The kernel in it is no
# program of the firmware's any more: it is not measured there (seen in the event log of a real boot), but in PCR 11.
python3 - "$version" "$(pe "$out/boot.efi")" "$(pe "$out/$name.efi")" "$keys" "$(sed -n '$s/^11:sha256=//p' "$out/$name.pcr11")" <<'P'
import base64, hashlib, json, struct, sys, uuid

version, loader, image, keys, ready = sys.argv[1:]


def extend(events):
    value = bytes(32)
    for event in events:
        value = hashlib.sha256(value + event).digest()
    return value.hex()


def der(name):
    body = open(f"{keys}/{name}.crt").read().split("-----")[2]
    return base64.b64decode(body)


OWNER = uuid.UUID("5ce0a5ea-1ba6-4e2f-9c53-0d1a5f2b7e11").bytes_le
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f").bytes_le
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
separator = hashlib.sha256(bytes(4)).digest()


def signature(name):
    return OWNER + der(name)


def signatures(name):
    data = signature(name)
    return X509 + struct.pack("<III", 28 + len(data), 0, len(data)) + data


def variable(guid, name, value):
    """UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile, 10.2.6)."""
    text = name.encode("utf-16-le")
    return hashlib.sha256(guid + struct.pack("<QQ", len(name), len(value)) + text + value).digest()


# PCR 7: Secure Boot is on, with these keys and an empty dbx; then the key that let the boot loader in.
policy = [variable(GLOBAL, "SecureBoot", b"\x01"), variable(GLOBAL, "PK", signatures("PK")),
          variable(GLOBAL, "KEK", signatures("KEK")), variable(SECURITY, "db", signatures("db")),
          variable(SECURITY, "dbx", b""), separator, variable(SECURITY, "db", signature("db"))]
option = hashlib.sha256(b"Calling EFI Application from Boot Option").digest()
chain = [option, separator] + [bytes.fromhex(value) for value in (loader, image)]
admitted = [
    {"name": "sceau", "version": version,
     "pcrs": [{"pcr": 4, "sha256": extend(chain)}] + [{"pcr": 11, "sha256": ready}]},
    {"name": "sceau-secure-boot-keys", "version": "dbx vide", "pcrs": [{"pcr": 7, "sha256": extend(policy)}]},
]
json.dump({"format": "fr.sceau.reference/1", "admitted": admitted}, sys.stdout, indent=1)
print()
P
