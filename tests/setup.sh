#!/bin/sh
# Installs what is missing from Debian 12 or 13: `setup.sh run` for the demonstration, `setup.sh test` for all tests,
# `setup.sh image` for the appliance image, `setup.sh build` to compile only, `setup.sh windows` to compile for Windows.
set -eu

if ! command -v cargo >/dev/null; then
    echo "cargo est introuvable : installez Rust par https://rustup.rs (rust-toolchain.toml nomme la version)" >&2
    exit 2
fi

packages="gcc libc6-dev"
case ${1:-test} in
build) ;;
windows) packages="$packages gcc-mingw-w64-x86-64" ;;
# libtss2-dev: the TPM library of sceau-attestd, with the ways to a TPM; the static verifier does without.
*) packages="$packages softhsm2 opensc xmlsec1 libtss2-dev pkg-config" ;;
esac
if [ "${1:-test}" = image ]; then
    # mmdebstrap: the folder of Debian 13's own tools, where everything else that the image needs is. python3: mkosi's.
    packages="$packages mmdebstrap debian-archive-keyring openssl openssh-client python3 uidmap"
fi
if [ "${1:-test}" = test ]; then
    # g++: the runtime of libFuzzer.
    # nginx: the DMP of the relay's tests; libjaxws-java: a SOAP client of the JDK's; chromium: the browser of TD0.10 and of reports.
    # cryptsetup-bin, fdisk: images of connectors, with their verity trees and partitions; socat: what the demonstration one runs.
    # iproute2: network namespaces as hosts (it::connect).
    # mono-mcs: the compiler of the C# client; its runtime comes with tests/verifiers.
    packages="$packages nginx-light curl libjaxws-java chromium-headless-shell make g++ openssl libxml2-utils
        opensaml-schemas xmltooling-schemas python3-venv default-jdk-headless mono-mcs systemd
        cryptsetup-bin fdisk socat iproute2
        swtpm swtpm-tools tpm2-tools tpm2-abrmd libtpm2-pkcs11-1 libtpm2-pkcs11-tools libtss2-tcti-tabrmd0 dbus"
fi
missing=
for package in $packages; do
    case $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "Installation des paquets manquants :$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null; then
        echo "paquets manquants :$missing ; installez-les en tant que root : apt-get install$missing" >&2
        exit 2
    fi
fi
# A folder of archives of our own: an apt-get update elsewhere may empty the shared one under a running install.
archives=$(mktemp -d)
trap '$sudo rm -rf "$archives"' EXIT
mkdir "$archives/partial"
chmod 755 "$archives"
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600"
$apt update
# shellcheck disable=SC2086 # a list of names
$apt install --yes --no-install-recommends -o Dir::Cache::archives="$archives" $missing
