#!/bin/sh
# Unpacks rsyslog and its libraries below target/rsyslog, once, and prints the folder. Not installed: a package's own script would start
# a syslog daemon on the machine of whoever runs the tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${SCEAU_RSYSLOG:-$here/../../../target/rsyslog}
mkdir -p "$(dirname "$target")"
# Two callers at once wait for each other.
exec 9>"$target.lock"
flock 9
if [ ! -e "$target/complete" ]; then
    rm -rf "$target" "$target.debs"
    mkdir -p "$target" "$target.debs"
    (cd "$target.debs" && apt-get -qq -o APT::Sandbox::User=root download rsyslog rsyslog-openssl libestr0 libfastjson4 liblognorm5) >&2
    for package in "$target.debs"/*.deb; do dpkg-deb -x "$package" "$target"; done
    rm -rf "$target.debs"
    # Written last: an interrupted unpacking starts again.
    touch "$target/complete"
fi
realpath "$target"
