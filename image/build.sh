#!/bin/bash
# The appliance image: `build.sh` for what is published, `build.sh devel` for an image with a shell that is never published.
# Everything is made under target/image; IMAGE_KEYS names the keys of a release, IMAGE_RELEASE=yes refuses those for trials.
set -euo pipefail
here=$(dirname "$0")/build
profile=${1:-}
"$here/keys.sh"
"$here/tools.sh"
"$here/system.sh" ${profile:+"$profile"}
"$here/disk.sh" ${profile:+"$profile"}
if [ -z "$profile" ]; then
    "$here/attached.sh"
    "$here/publish.sh"
    "$here/report.sh"
fi
