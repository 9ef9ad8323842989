//! What runs the machine's processor: KVM where a kernel really boots under it, else QEMU itself.

use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use super::support::wait::within;
use super::tools::{file, tool};

/// A kernel says its first words within a second or two under KVM; it is given this long.
const FIRST_WORDS: Duration = Duration::from_secs(20);

/// QEMU's arguments. A `/dev/kvm` that can be opened says little: where this host is a guest itself, it may still be unable to boot
/// a kernel. So one is booted.
pub(super) fn arguments(kernel: &Path) -> &'static [&'static str] {
    static KVM_BOOTS: LazyLock<std::sync::Mutex<Option<bool>>> = LazyLock::new(Default::default);
    let mut known = KVM_BOOTS.lock().unwrap();
    let boots = *known.get_or_insert_with(|| kvm_boots(kernel));
    if boots { &["-accel", "kvm", "-cpu", "host"] } else { &["-accel", "tcg,thread=multi", "-cpu", "max"] }
}

fn kvm_boots(kernel: &Path) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let console = folder.path().join("console");
    let mut qemu = tool("qemu-system-x86_64");
    qemu.args(["-accel", "kvm", "-cpu", "host", "-M", "q35", "-m", "512", "-nodefaults", "-display", "none"]);
    qemu.args(["-L", &file("usr/share/qemu").display().to_string(), "-no-reboot"]);
    qemu.arg("-kernel").arg(kernel).args(["-append", "console=ttyS0 panic=-1"]);
    qemu.args(["-serial", &format!("file:{}", console.display())]);
    let mut qemu = qemu.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Without a root it panics and the machine ends; what counts is that it came so far.
    let spoke = || std::fs::read(&console).is_ok_and(|said| said.windows(12).any(|w| w == b"Kernel panic"));
    let ended = within(FIRST_WORDS, || (spoke() || qemu.try_wait().unwrap().is_some()).then_some(()));
    let _ = qemu.kill();
    let _ = qemu.wait();
    let boots = ended.is_some() && spoke();
    eprintln!(
        "image: {}",
        if boots { "KVM" } else { "no KVM here that boots a kernel: QEMU's own processor, slowly" }
    );
    boots
}
