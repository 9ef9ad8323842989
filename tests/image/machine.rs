//! A machine: a folder with its disk, its firmware's variables and its TPM; switched on, a QEMU.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::chip::{self, Chip};
use super::console::Console;
use super::disk::Disk;
use super::qmp::Qmp;
use super::stick::Stick;
use super::support::softhsm::run;
use super::support::wait::watched;
use super::tools::file;
use super::{accelerator, artefacts, firmware, scratch};

/// From power to whatever a boot is waited for: a minute or two without KVM on an idle machine, more beside other work.
pub(crate) const BOOT: Duration = Duration::from_secs(600);
/// Between two looks at a machine: reading a stick starts a program, which takes of the processors that the machine is on.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Room for the state that the first boot makes behind the image.
const DISK_BYTES: u64 = 6 << 30;
/// What the appliance says of a stick, on it.
const ANSWER: &str = "sceau/answers/result.txt";
/// Lines of a console that a failure shows.
const TAIL_LINES: usize = 60;

/// The machine while it is off.
pub(crate) struct Machine {
    folder: TempDir,
    uuid: String,
    stick: Option<Stick>,
    /// Whether that stick is in it when it is switched on.
    has_stick: bool,
    more: Vec<String>,
}

/// How a machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its system switched it off.
    PoweredOff,
    /// Its system started it anew (a machine here is switched on by its test alone).
    Rebooted,
    /// Its kernel said that it can go on no more.
    Panicked,
}

impl Machine {
    /// A new machine with the image on its disk, a TPM that nobody used, and a firmware that enforces the image's keys.
    pub(crate) fn new(disk: &Path) -> Machine {
        let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned();
        let mut machine =
            Machine { folder: scratch::folder(), uuid, stick: None, has_stick: true, more: Vec::new() };
        Disk::copy(disk, &machine.path("disk"));
        let file = std::fs::File::options().write(true).open(machine.path("disk")).unwrap();
        file.set_len(DISK_BYTES).unwrap();
        machine.with_variables(&firmware::enforcing());
        machine.with_new_chip();
        machine.new_stick();
        machine
    }

    /// Another machine with the same disk, variables and TPM, as they are now.
    pub(crate) fn twin(&self) -> Machine {
        let uuid = self.uuid.clone();
        let mut machine =
            Machine { folder: scratch::folder(), uuid, stick: None, has_stick: true, more: Vec::new() };
        Disk::copy(&self.path("disk"), &machine.path("disk"));
        Disk::copy(&self.path("variables"), &machine.path("variables"));
        run(Command::new("cp").arg("-r").args([self.path("chip"), machine.path("chip")]));
        machine.new_stick();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its disk.
    pub(crate) fn disk(&self) -> Disk {
        Disk::of(&self.path("disk"))
    }

    /// Firmware variables of this file in the place of its own.
    pub(crate) fn with_variables(&self, from: &Path) {
        Disk::copy(from, &self.path("variables"));
    }

    /// A copy of its disk as it is now.
    pub(crate) fn copy_of_disk(&self) -> PathBuf {
        Disk::copy(&self.path("disk"), &self.path("copy"));
        self.path("copy")
    }

    /// What is on its disk now, in the place of what was.
    pub(crate) fn with_disk(&self, from: &Path) {
        Disk::copy(from, &self.path("disk"));
    }

    /// Another TPM in the place of its own.
    pub(crate) fn with_new_chip(&self) {
        let _ = std::fs::remove_dir_all(self.path("chip"));
        chip::make(&self.path("chip"));
    }

    /// Certificates of its TPM's maker: root, intermediate.
    pub(crate) fn chip_authorities(&self) -> [PathBuf; 2] {
        super::support::tpm_maker::authorities(&self.path("chip"))
    }

    /// A new stick of ours is in it at its next boots, with nothing on it but our folder.
    pub(crate) fn new_stick(&mut self) -> &Stick {
        let stick = Stick::new(&self.path("stick"), "SCEAU");
        stick.files().folder("sceau");
        self.has_stick = true;
        self.stick.insert(stick)
    }

    /// It lies beside the machine at its next boots.
    pub(crate) fn pull_stick(&mut self) {
        self.has_stick = false;
    }

    /// The stick that is in it.
    pub(crate) fn stick(&self) -> &Stick {
        self.stick.as_ref().expect("a stick is in it")
    }

    /// Further words to QEMU at its next boots.
    pub(crate) fn with(&mut self, arguments: &[&str]) {
        self.more = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    }

    /// Switches it on.
    pub(crate) fn boot(&mut self) -> Boot<'_> {
        self.forget_answer();
        let folder = scratch::sockets();
        let run = folder.path();
        let chip = Chip::start(&self.path("chip"), run);
        let mut qemu = super::tools::tool("qemu-system-x86_64");
        qemu.args(self.hardware(run)).args(chip.arguments()).args(&self.more);
        let errors = std::fs::File::create(run.join("errors")).unwrap();
        let qemu = qemu.stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        let qmp = Qmp::connect(&run.join("qmp"));
        let console = Console::connect(&run.join("console"), &run.join("console.log"));
        let mut boot =
            Boot { qemu, qmp, console, run: folder, began: Instant::now(), heard: 0, _chip: chip, machine: self };
        boot.qmp().ask("cont", json!({}));
        boot
    }

    /// An answer of before is none of now.
    fn forget_answer(&self) {
        if let Some(stick) = self.stick.as_ref().filter(|stick| stick.files().has(ANSWER)) {
            stick.files().remove(ANSWER);
        }
    }

    fn hardware(&self, run: &Path) -> Vec<String> {
        let shown = |path: PathBuf| path.display().to_string();
        let socket = |id: &str| format!("socket,id={id},path={},server=on,wait=off", shown(run.join(id)));
        let mut words: Vec<String> =
            accelerator::arguments(&artefacts::kernel()).iter().map(|w| (*w).into()).collect();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        // System management mode protects the firmware's variables from the system, as Secure Boot needs.
        add("-M", "q35,smm=on".into());
        add("-global", "driver=cfi.pflash01,property=secure,value=on".into());
        // Its system is named by its firmware.
        add("-uuid", self.uuid.clone());
        add("-smp", "2".into());
        add("-m", "1536".into());
        add("-L", shown(file("usr/share/qemu")));
        for word in ["-nodefaults", "-no-user-config", "-no-reboot"] {
            add(word, String::new());
        }
        add("-display", "none".into());
        // Paused until the console and QMP are heard: not a byte and not an event is missed.
        add("-S", String::new());
        let code = shown(firmware::code());
        add("-drive", format!("if=pflash,unit=0,format=raw,readonly=on,file={code}"));
        add("-drive", format!("if=pflash,unit=1,format=raw,file={}", shown(self.path("variables"))));
        add("-drive", format!("if=none,id=disk,format=raw,discard=unmap,file={}", shown(self.path("disk"))));
        add("-device", "virtio-blk-pci,drive=disk,bootindex=1".into());
        add("-device", "virtio-rng-pci".into());
        add("-device", "qemu-xhci".into());
        if let Some(stick) = &self.stick {
            // Its file is changed by the host while it is pulled: QEMU keeps no lock on it.
            let file = format!("file.driver=file,file.filename={},file.locking=off", shown(stick.path().into()));
            add("-blockdev", format!("driver=raw,node-name=stick,{file}"));
            if self.has_stick {
                add("-device", "usb-storage,id=stick,drive=stick,removable=on".into());
            }
        }
        add("-chardev", format!("{},logfile={}", socket("console"), shown(run.join("console.log"))));
        add("-serial", "chardev:console".into());
        add("-chardev", socket("token"));
        add("-device", "virtio-serial-pci".into());
        add("-device", "virtserialport,chardev=token,name=fr.sceau.token".into());
        // A cable, and on its other end this host alone.
        // What it calls there: a peer that is heard, and one that takes whatever comes.
        add("-chardev", socket("peer"));
        add("-chardev", "null,id=stranger".into());
        let peers = "guestfwd=tcp:192.0.2.100:7000-chardev:peer,guestfwd=tcp:192.0.2.101:7000-chardev:stranger";
        add("-netdev", format!("user,id=net,net=192.0.2.0/24,restrict=on,{peers}"));
        add("-device", "virtio-net-pci,netdev=net,romfile=".into());
        add("-qmp", format!("unix:{},server=on,wait=off", shown(run.join("qmp"))));
        words.retain(|word| !word.is_empty());
        words
    }
}

/// The machine while it is on; dropped, its power is cut.
pub(crate) struct Boot<'machine> {
    qemu: Child,
    qmp: Qmp,
    console: Console,
    run: TempDir,
    began: Instant,
    /// How much of what its console said is of the past, in bytes.
    heard: usize,
    _chip: Chip,
    machine: &'machine mut Machine,
}

impl Boot<'_> {
    /// QEMU's own door.
    pub(super) fn qmp(&mut self) -> &mut Qmp {
        &mut self.qmp
    }

    /// Its console.
    pub(crate) fn console(&mut self) -> &mut Console {
        &mut self.console
    }

    /// All that its console said.
    pub(crate) fn said(&self) -> String {
        self.console.said()
    }

    /// Waits until this holds, or its end: whether it holds.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let mut held = false;
        let enough = watched(LOOK_EVERY, BOOT, || {
            let over = self.qemu.try_wait().unwrap().is_some();
            held = holds(self);
            (held || over).then_some(())
        });
        assert!(enough.is_some(), "neither {what} nor its end:\n{}", self.tail());
        held
    }

    /// Waits until its console says one of these, or its end: which of them, None for the end.
    pub(crate) fn says_or_ends<'text>(&mut self, texts: &[&'text str]) -> Option<&'text str> {
        let mut found = None;
        self.until(&format!("one of {texts:?}"), |boot| {
            let said = boot.said();
            found = texts.iter().find(|text| said.contains(**text)).copied();
            found.is_some()
        });
        found
    }

    /// Waits until its console says this; its end, or none of it in time, fails the test.
    pub(crate) fn says(&mut self, text: &str) {
        assert!(self.says_or_ends(&[text]).is_some(), "it ended without {text:?}:\n{}", self.tail());
    }

    /// What its console said up to here is of the past.
    pub(crate) fn forgets(&mut self) {
        self.heard = self.said().len();
    }

    /// Waits until its console says this, after what it was told to forget.
    pub(crate) fn says_now(&mut self, text: &str) {
        let held = self.until(text, |boot| boot.said().get(boot.heard..).is_some_and(|said| said.contains(text)));
        assert!(held, "it ended without {text:?}:\n{}", self.tail());
    }

    /// The stick that is in it.
    pub(crate) fn stick(&self) -> &Stick {
        self.machine.stick()
    }

    /// What it answered on its stick, if it did.
    pub(crate) fn answered(&self) -> Option<String> {
        let files = self.machine.stick().files();
        // A machine that is on writes it aside and renames it; on vfat its new name has no length yet for a moment (seen in a boot).
        let answer = files.has(ANSWER).then(|| String::from_utf8(files.content(ANSWER)).unwrap());
        answer.filter(|answer| !answer.is_empty())
    }

    /// Waits until it has opened its state, started its console and answered on its stick; the answer.
    pub(crate) fn comes_up(&mut self) -> String {
        let mut answer = None;
        self.until("an answer on the stick", |boot| {
            answer = boot.answered();
            answer.is_some()
        });
        answer.unwrap_or_else(|| panic!("it ended without an answer:\n{}", self.tail()))
    }

    /// The host's end of the channel to a connector.
    pub(crate) fn channel(&self) -> PathBuf {
        self.run.path().join("token")
    }

    /// The host's end of what a connector says to its peer on the network.
    pub(crate) fn peer(&self) -> PathBuf {
        self.run.path().join("peer")
    }

    /// A port of this host that leads to that address and port of the machine, from now on.
    pub(crate) fn forwards(&mut self, to: &str) -> u16 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.forwards_from(free, to);
        free
    }

    /// The same from that port, which another boot had.
    pub(crate) fn forwards_from(&mut self, port: u16, to: &str) {
        let command = format!("hostfwd_add net tcp:127.0.0.1:{port}-{to}");
        let said = self.qmp().ask("human-monitor-command", json!({ "command-line": command }));
        assert_eq!(said, "", "{command}");
    }

    /// How long it is on.
    pub(crate) fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    /// Waits for its end.
    pub(crate) fn ends(&mut self) -> End {
        let over = watched(LOOK_EVERY, BOOT, || self.qemu.try_wait().unwrap());
        assert!(over.is_some(), "it does not end:\n{}", self.tail());
        let shutdowns = self.qmp().events("SHUTDOWN");
        let reason = shutdowns.last().map(|event| event["data"]["reason"].as_str().unwrap().to_owned());
        match reason.as_deref() {
            Some("guest-shutdown") => End::PoweredOff,
            Some("guest-reset") => End::Rebooted,
            Some("guest-panic") => End::Panicked,
            other => {
                panic!(
                    "{other:?}\n{}\n{}",
                    self.tail(),
                    std::fs::read_to_string(self.run.path().join("errors")).unwrap()
                )
            }
        }
    }

    /// Pulls the stick, lets somebody change what is on it, and puts it in again; the appliance's answer.
    pub(crate) fn brings(&mut self, change: impl FnOnce(&Stick)) -> String {
        // Nobody pulls it with the last byte of an answer.
        assert!(self.until("a stick that is let go", |boot| boot.stick().is_let_go()), "{}", self.tail());
        self.qmp.ask("device_del", json!({"id": "stick"}));
        let gone = watched(LOOK_EVERY, BOOT, || (!self.qmp.events("DEVICE_DELETED").is_empty()).then_some(()));
        assert!(gone.is_some(), "the stick stays in:\n{}", self.tail());
        self.qmp.forget("DEVICE_DELETED");
        self.is_given(change)
    }

    /// Puts a stick in, none being there, with what somebody puts on it; the appliance's answer.
    pub(crate) fn is_given(&mut self, change: impl FnOnce(&Stick)) -> String {
        self.machine.forget_answer();
        change(self.machine.stick());
        self.qmp.ask(
            "device_add",
            json!({"driver": "usb-storage", "id": "stick", "drive": "stick", "removable": true}),
        );
        self.comes_up()
    }

    /// Its power button: it goes down in good order.
    pub(crate) fn power_button(&mut self) -> End {
        self.qmp().ask("system_powerdown", json!({}));
        self.ends()
    }

    /// The last lines of its console.
    pub(crate) fn tail(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Boot<'_> {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
