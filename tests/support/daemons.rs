//! All programs of one establishment, and single runs that are expected to end.

use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::daemon::Daemon;
use super::establishment::Establishment;
use super::notify::Notify;
use super::program::{command_of, spawn};
use super::wait::until;

/// Every program that the establishment's configuration asks for.
pub struct Daemons {
    /// The door.
    pub sceaud: Daemon,
    /// `<key>-<n>` of each seal.
    pub signers: Vec<Daemon>,
    /// The audit key's signer, if there is one.
    pub audit: Option<Daemon>,
}

impl Daemons {
    /// Starts signers and `sceaud`; returns when all are ready, and in production the convention is in force.
    pub fn start(of: &Establishment) -> Daemons {
        Daemons::start_with(of, &[])
    }

    /// The same with further environment for all of them.
    pub fn start_with(of: &Establishment, env: &[(&str, &str)]) -> Daemons {
        let signers = of.signer_instances().iter().map(|instance| Daemon::signer(of, instance, env)).collect();
        let audit = of.audit_instance().map(|instance| Daemon::signer(of, &instance, env));
        let daemons = Daemons { signers, audit, sceaud: Daemon::sceaud(of, env) };
        daemons.signers.iter().chain(&daemons.audit).for_each(|signer| signer.wait_ready(1));
        daemons.sceaud.wait_ready(1);
        daemons.wait_audit(of);
        of.enforce_convention();
        daemons
    }

    /// Waits until the audit key signs: READY does not. Told by the log, since a connection might be one too many.
    fn wait_audit(&self, of: &Establishment) {
        let configured = std::fs::read_to_string(of.config()).unwrap().contains("[audit]");
        if self.audit.is_some() && configured {
            until("the audit key signs", || self.sceaud.log().contains("the audit key signs"));
        }
    }

    /// The signer of that instance.
    pub fn signer(&self, instance: &str) -> &Daemon {
        self.signers.iter().find(|signer| signer.name == instance).unwrap()
    }
}

/// How a program that was expected to refuse ended.
pub struct Refusal {
    /// Exit code; None if it had to be killed or died of a signal.
    pub code: Option<i32>,
    /// Standard output and error.
    pub said: String,
    /// READY=1 came before.
    pub was_ready: bool,
}

/// Runs a program once, unsupervised, until it ends or `within` is over (then it is killed).
pub fn run_until_exit(of: &Establishment, executable: &str, args: &[&str], within: Duration) -> Refusal {
    let notify = Notify::bind(&of.folder.join("run/once.notify"));
    let log = of.folder.join("log/once.log");
    let mut command = command_of(of, executable, args);
    command.env("NOTIFY_SOCKET", notify.path());
    let mut child = spawn(&mut command, &log, true);
    let pid = Pid::from_raw(child.id() as i32);
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let killer = std::thread::spawn(move || {
        // The main thread reaps only after this thread is gone or told: the pid is still the child's.
        if wait.recv_timeout(within).is_err() {
            let _ = killpg(pid, Signal::SIGKILL);
        }
    });
    let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
    let _ = done.send(());
    killer.join().unwrap();
    let status = child.wait().unwrap();
    let said = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    Refusal { code: status.code(), said, was_ready: notify.heard().ready > 0 }
}
