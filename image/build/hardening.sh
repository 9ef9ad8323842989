#!/bin/bash
# What outside checkers find: kernel-hardening-checker on the kernel's configuration, command line and sysctl, lynis on the root as if
# it ran there. Each finding that stays has its reason in hardening.tsv; hardening.py holds both sides against each other.
source "$(dirname "$0")/common.sh"
made=$work/mkosi root=$work/root

# Neither Debian nor PyPI has the first: its release from its authors, by the commit that the tag had. KERNEL_HARDENING_CHECKER: a copy of it.
release=v0.6.17.1 commit=afc376f2a935994793343cfeb05953583cc30191
checker=${KERNEL_HARDENING_CHECKER:-$work/kernel-hardening-checker}
if [ ! -e "$checker/bin/kernel-hardening-checker" ]; then
    rm -rf "$checker"
    if ! timeout 120 git clone --quiet --depth 1 --branch "$release" https://github.com/a13xp0p0v/kernel-hardening-checker "$checker" 2>/dev/null ||
        [ "$(git -C "$checker" rev-parse HEAD)" != "$commit" ]; then
        rm -rf "$checker"
    fi
fi
rm -rf "$work/hardening" && mkdir -p "$work/hardening"/{bin,plugins}
if [ -e "$checker/bin/kernel-hardening-checker" ]; then
    sed '/^#/d' "$image/cmdline" | tr '\n' ' ' >"$work/hardening/cmdline"
    # In systemd-sysctl's order: by name, the last one counts.
    cat "$root"/usr/lib/sysctl.d/*.conf "$root/usr/lib/sceau/modules-disabled.conf" | sed -E '/^[#;]|^ *$/d; s/^-//; s/ *= */ = /' >"$work/hardening/sysctl"
    PYTHONPATH=$checker python3 "$checker/bin/kernel-hardening-checker" --mode json --config "$made/kernel-config" \
        --cmdline "$work/hardening/cmdline" --sysctl "$work/hardening/sysctl" >"$work/hardening/kernel.json"
fi

# lynis sees the image's own files in their places; its programs stay beside them, and nothing runs there.
ln -s /tools/usr/bin/mawk "$work/hardening/bin/awk"
# Not the name of the machine that builds, which is all that these would look at.
{
    cat "$tools/etc/lynis/default.prf"
    printf 'skip-test=%s\n' NAME-4028 NAME-4404 NAME-4406 NAME-4408
} >"$work/hardening/sceau.prf"
python3 "$tools/mkosi/mkosi/sandbox.py" --unshare-net --ro-bind "$root/usr" /usr --ro-bind "$root/etc" /etc --ro-bind "$root/opt" /opt \
    --ro-bind "$root/root" /root --ro-bind "$root/efi" /efi --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib \
    --symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /run --tmpfs /tmp --tmpfs /var --ro-bind "$tools" /tools \
    --bind "$work/hardening" /report --setenv PATH /report/bin:/tools/usr/bin:/tools/usr/sbin:/usr/bin:/usr/sbin \
    --setenv LD_LIBRARY_PATH /tools/usr/lib/x86_64-linux-gnu --chdir /tools/usr/share/lynis -- \
    /tools/usr/bin/dash /tools/usr/sbin/lynis audit system --usecwd --plugin-dir /report/plugins --profile /report/sceau.prf \
    --quick --no-colors --no-plugins --logfile /report/lynis.log --report-file /report/lynis.dat --quiet </dev/null >"$work/hardening/lynis.out" 2>&1 || true

python3 "$image/build/hardening.py" "$image/hardening.tsv" "$work/hardening"
