#!/usr/bin/env python3
"""Bill of materials, CycloneDX 1.6: Debian packages of which a file is in the image, those that each image of foreign software was
unpacked from, and the crates that our programs are linked with.
Arguments: version, time (seconds), mkosi's output folder, `cargo metadata`'s answer, the folder of foreign software."""
import datetime
import json
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

version, epoch, made, metadata = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), json.loads(Path(sys.argv[4]).read_text())
attached = Path(sys.argv[5])


def unpacked() -> list[tuple[str, dict]]:
    """Which image has which package: the system's and the initial file system's from what dpkg knew, the others' from their archives."""
    fields = ("name", "version", "source", "source_version")
    found = [(image, package) for image in ("system", "initrd")
             for package in json.loads((made / f"{image}.packages.json").read_text())]
    for listed in sorted(attached.glob("*/*.packages")):
        image = f"{listed.parent.name}/{listed.stem}"
        found += [(image, dict(zip(fields, line.split("\t")))) for line in listed.read_text().splitlines()]
    return found


def debian() -> list[dict]:
    found = {}
    for image, package in unpacked():
        entry = found.setdefault((package["name"], package["version"]), {
            "type": "library", "bom-ref": f"deb/{package['name']}@{package['version']}",
            "name": package["name"], "version": package["version"],
            "purl": f"pkg:deb/debian/{quote(package['name'])}@{quote(package['version'])}?arch=amd64&distro=debian-13",
            "properties": [{"name": "sceau:source", "value": f"{package['source']} {package['source_version']}"}]})
        entry["properties"].append({"name": "sceau:in", "value": image})
    return list(found.values())


def linked() -> set[str]:
    """Crates that the package depends on, without those of tests and of build scripts."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in reached:
                reached.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return reached


def crates() -> list[dict]:
    names = linked()
    return [{"type": "library", "bom-ref": f"cargo/{package['name']}@{package['version']}", "name": package["name"],
             "version": package["version"], "purl": f"pkg:cargo/{package['name']}@{package['version']}",
             "licenses": [{"expression": package["license"].replace("/", " OR ")}] if package.get("license") else []}
            for package in metadata["packages"] if package["id"] in names]


# Not in Debian's main archive, and not free: whoever looks for it in this list finds why it is not here.
ABSENT = ("intel-microcode, amd64-microcode, firmware-misc-nonfree and their kind: processors' microcode comes from the machine's own "
          "firmware, which its vendor keeps up to date; network cards run without files of theirs (docs/appliance.md)")

components = sorted(debian() + crates(), key=lambda component: component["bom-ref"])
document = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
    "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'sceau/{version}/{epoch}')}",
    "metadata": {"timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).isoformat(),
                 "component": {"type": "firmware", "bom-ref": "sceau", "name": "sceau", "version": version},
                 "properties": [{"name": "sceau:absent", "value": ABSENT}]},
    "components": components,
}
json.dump(document, sys.stdout, indent=1)
print()
