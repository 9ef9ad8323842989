#!/bin/bash
# Foreign software that may be attached: one signed image for each folder of connectors/ and modules/.
source "$(dirname "$0")/common.sh"
rm -rf "$work/attached"
for packages in "$image"/{connectors,modules}/*/packages; do
    "$image/connectors/build.sh" "$(dirname "$packages")"
done
