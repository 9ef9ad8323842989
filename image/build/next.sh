#!/bin/bash
# The same sources under another version, `next.sh 0.1.1`: what an update leads to. Its update and reference values are in
# next/sceau_<version> of the build's folder; nothing but the kept folders of the first build is shared with it.
source "$(dirname "$0")/common.sh"
first=$work
mkdir -p "$work/next"
export IMAGE_WORK=$first/next IMAGE_TOOLS=$tools IMAGE_KEYS=$keys IMAGE_VERSION=$1
export IMAGE_CACHE=$first/cache IMAGE_PACKAGES=$first/packages
rm -rf "$first/next/sandbox" "$first/next/attached"
cp -r "$first/sandbox" "$first/attached" "$first/next/"
for step in system disk publish; do "$image/build/$step.sh"; done
