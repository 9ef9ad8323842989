# What the steps of the build share: where things are, and how a tool of Debian 13 is called. Sourced by each of them.
# shellcheck shell=bash
set -euo pipefail
repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
image=$repository/image
# Everything that is made, ignored by git. Another folder gives an independent second build.
work=${IMAGE_WORK:-${CARGO_TARGET_DIR:-$repository/target}/image}
tools=${IMAGE_TOOLS:-$work/tools}
keys=${IMAGE_KEYS:-$work/keys}
version=${IMAGE_VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | head -1)}
# Times inside the image: those of the commit, so that a second build gives the same bytes.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH=$epoch
# What Cargo built: the programs that go into images.
programs=$(realpath -m "${CARGO_TARGET_DIR:-$repository/target}")/release
mkdir -p "$work"

# mkosi of the tree, run by this machine's Python; it brings the tools into a sandbox of its own.
mkosi() {
    PYTHONPATH=$tools/mkosi python3 -m mkosi --directory "$image" --tools-tree "$tools" "$@"
}

# A program of the tree, which sees this repository and what is made here, and no network.
tool() {
    python3 "$tools/mkosi/mkosi/sandbox.py" --unshare-net --ro-bind "$tools/usr" /usr --ro-bind "$tools/etc" /etc \
        --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
        --proc /proc --dev /dev --tmpfs /run --tmpfs /tmp --tmpfs /var/tmp --ro-bind "$repository" "$repository" \
        --bind "$work" "$work" --ro-bind "$keys" "$keys" --setenv PATH /usr/bin:/usr/sbin --same-dir -- "$@"
}
