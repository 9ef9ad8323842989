//! One program, supervised as systemd would.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::establishment::Establishment;
use super::notify::Notify;
use super::program::{command_of, spawn};

/// A program must be ready by then, RSA 4096 self-tests on a busy machine included.
pub const READY_WITHIN: Duration = Duration::from_secs(60);
/// As `RestartSec=` of the units.
const RESTART_AFTER: Duration = Duration::from_millis(200);
/// A program that got SIGTERM is killed after that.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// As `RestartPreventExitStatus=` of the units: configuration errors and Halted.
const FINAL_EXIT_CODES: [i32; 2] = [2, 4];

/// One supervised program. Dropping it stops it.
pub struct Daemon {
    /// `sceaud`, or the signer's instance.
    pub name: String,
    /// What it says to its service manager.
    pub notify: Arc<Notify>,
    log: PathBuf,
    state: Arc<(Mutex<State>, Condvar)>,
    supervisor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// Of the running child; None between two lives.
    pid: Option<Pid>,
    starts: u32,
    stopping: bool,
    held: bool,
    last_exit: Option<ExitStatus>,
}

impl Daemon {
    /// Starts `sceaud`; does not wait.
    pub fn sceaud(of: &Establishment, env: &[(&str, &str)]) -> Daemon {
        Daemon::start(of, "sceaud", "sceaud", &[], env)
    }

    /// Starts the signer `<key>-<n>`; does not wait.
    pub fn signer(of: &Establishment, instance: &str, env: &[(&str, &str)]) -> Daemon {
        Daemon::start(of, instance, "sceau-signer", &["--instance", instance], env)
    }

    /// Starts `executable`, one of the product's programs or an absolute path; does not wait.
    pub fn start(of: &Establishment, name: &str, executable: &str, args: &[&str], env: &[(&str, &str)]) -> Daemon {
        let notify = Arc::new(Notify::bind(&of.folder.join(format!("run/{name}.notify"))));
        let log = of.folder.join(format!("log/{name}.log"));
        let mut command = command_of(of, executable, args);
        command.env("NOTIFY_SOCKET", notify.path());
        command.envs(env.iter().copied());
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (theirs, voice, log_file) = (Arc::clone(&state), Arc::clone(&notify), log.clone());
        let supervisor = std::thread::spawn(move || supervise(command, &log_file, &theirs, &voice));
        Daemon { name: name.into(), notify, log, state, supervisor: Some(supervisor) }
    }

    /// Waits for READY=1 of the present life (the `nth`, from 1); panics with the program's log otherwise.
    pub fn wait_ready(&self, nth: u32) {
        let heard = self.notify.wait(READY_WITHIN, |heard| heard.ready >= nth || heard.ended.is_some());
        match heard {
            Ok(heard) if heard.ready >= nth => {}
            Ok(heard) | Err(heard) => {
                panic!("{} is not ready: {heard:?}\n{}", self.name, self.log())
            }
        }
    }

    /// What it wrote to its standard output and error, over all its lives.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Process id of the present life; waits for it between two lives.
    pub fn pid(&self) -> Pid {
        let state = self.state.0.lock().unwrap();
        let within = RESTART_AFTER + READY_WITHIN;
        let waited = self.state.1.wait_timeout_while(state, within, |state| state.pid.is_none());
        waited.unwrap().0.pid.unwrap_or_else(|| panic!("{} does not run\n{}", self.name, self.log()))
    }

    /// Times it was started.
    pub fn starts(&self) -> u32 {
        self.state.0.lock().unwrap().starts
    }

    /// Waits until it was started `times` times.
    pub fn wait_starts(&self, times: u32) {
        let state = self.state.0.lock().unwrap();
        let waited = self.state.1.wait_timeout_while(state, READY_WITHIN, |state| state.starts < times);
        assert!(!waited.unwrap().1.timed_out(), "{} was not started {times} times\n{}", self.name, self.log());
    }

    /// Sends a signal to the present life. SIGSTOP freezes it, SIGCONT thaws it.
    pub fn signal(&self, signal: Signal) {
        let state = self.state.0.lock().unwrap();
        let within = RESTART_AFTER + READY_WITHIN;
        let state = self.state.1.wait_timeout_while(state, within, |state| state.pid.is_none()).unwrap().0;
        // Under the lock, the supervisor has not reaped it: the number cannot belong to another process.
        kill(state.pid.unwrap_or_else(|| panic!("{} does not run\n{}", self.name, self.log())), signal).unwrap();
    }

    /// SIGKILL; the supervisor starts it again.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// SIGKILL, and no restart until `release`: a machine that cannot start it.
    pub fn kill_and_hold(&self) {
        self.state.0.lock().unwrap().held = true;
        self.kill();
        let state = self.state.0.lock().unwrap();
        let gone = self.state.1.wait_timeout_while(state, STOP_WITHIN, |state| state.pid.is_some()).unwrap();
        assert!(!gone.1.timed_out(), "{} survived SIGKILL", self.name);
    }

    /// Lets the supervisor start it again.
    pub fn release(&self) {
        self.state.0.lock().unwrap().held = false;
        self.state.1.notify_all();
    }

    /// SIGTERM, then SIGKILL after the deadline; how it ended. No restart.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        {
            let mut state = self.state.0.lock().unwrap();
            state.stopping = true;
            self.state.1.notify_all();
            if let Some(pid) = state.pid {
                // A frozen process acts on SIGTERM only when thawed.
                let _ = (kill(pid, Signal::SIGTERM), kill(pid, Signal::SIGCONT));
            }
            let waited = self.state.1.wait_timeout_while(state, STOP_WITHIN, |state| state.pid.is_some());
            if let Some(pid) = waited.unwrap().0.pid {
                let _ = killpg(pid, Signal::SIGKILL);
            }
        }
        self.supervisor.take().map(JoinHandle::join);
        self.state.0.lock().unwrap().last_exit
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("---- {} ----\n{}", self.name, self.log());
        }
    }
}

/// One program's lives, one after the other.
fn supervise(mut command: Command, log: &Path, shared: &(Mutex<State>, Condvar), voice: &Notify) {
    loop {
        let mut state = shared.0.lock().unwrap();
        if state.stopping {
            break;
        }
        let mut child = spawn(&mut command, log, state.starts == 0);
        let pid = Pid::from_raw(child.id() as i32);
        state.pid = Some(pid);
        state.starts += 1;
        drop(state);
        shared.1.notify_all();
        let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        // Reaped under the lock: whoever signals holds it, so a recycled pid is never hit.
        let mut state = shared.0.lock().unwrap();
        let status = child.wait().unwrap();
        (state.pid, state.last_exit) = (None, Some(status));
        shared.1.notify_all();
        if status.code().is_some_and(|code| FINAL_EXIT_CODES.contains(&code)) {
            voice.note(|heard| heard.ended = Some(format!("{status}")));
            return;
        }
        let restart_at = Instant::now() + RESTART_AFTER;
        while !state.stopping {
            let left = restart_at.saturating_duration_since(Instant::now());
            if left.is_zero() && !state.held {
                break;
            }
            let nap = if left.is_zero() { STOP_WITHIN } else { left };
            state = shared.1.wait_timeout(state, nap).unwrap().0;
        }
    }
    let state = shared.0.lock().unwrap();
    let how = state.last_exit.map_or(String::new(), |status| format!("{status} (signal {:?})", status.signal()));
    voice.note(|heard| heard.ended = Some(how));
}
