//! The real programs of one establishment, started, watched and restarted as systemd would.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::establishment::Establishment;
use super::notify::Notify;

/// A program must be ready by then, RSA 4096 self-tests on a busy machine included.
pub const READY_WITHIN: Duration = Duration::from_secs(60);
/// As `RestartSec=` of the units.
const RESTART_AFTER: Duration = Duration::from_millis(200);
/// A program that got SIGTERM is killed after that.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// As `RestartPreventExitStatus=` of the units: configuration errors and Halted.
const FINAL_EXIT_CODES: [i32; 2] = [2, 4];

/// Path of one of the product's programs: where Cargo says, else beside the folder of the running program.
pub fn program(name: &str) -> PathBuf {
    let told = match name {
        "sceaud" => option_env!("CARGO_BIN_EXE_sceaud"),
        "sceau-signer" => option_env!("CARGO_BIN_EXE_sceau-signer"),
        "sceau" => option_env!("CARGO_BIN_EXE_sceau"),
        _ => None,
    };
    told.map(PathBuf::from).unwrap_or_else(|| {
        let running = std::env::current_exe().unwrap();
        running.parent().and_then(Path::parent).unwrap().join(name)
    })
}

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

    fn start(
        of: &Establishment,
        name: &str,
        executable: &str,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Daemon {
        let notify = Arc::new(Notify::bind(&of.folder.join(format!("run/{name}.notify"))));
        let log = of.folder.join(format!("log/{name}.log"));
        let mut command = command_of(of, executable, args);
        command.env("NOTIFY_SOCKET", notify.path());
        command.envs(env.iter().copied());
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (theirs, voice, log_file) = (Arc::clone(&state), Arc::clone(&notify), log.clone());
        let supervisor = std::thread::spawn(move || supervise(command, &log_file, &theirs, &voice));
        Daemon {
            name: name.into(),
            notify,
            log,
            state,
            supervisor: Some(supervisor),
        }
    }

    /// Waits for READY=1 of the present life (the `nth`, from 1); panics with the program's log otherwise.
    pub fn wait_ready(&self, nth: u32) {
        let heard = self.notify.wait(READY_WITHIN, |heard| {
            heard.ready >= nth || heard.ended.is_some()
        });
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
        let waited = self
            .state
            .1
            .wait_timeout_while(state, within, |state| state.pid.is_none());
        waited
            .unwrap()
            .0
            .pid
            .unwrap_or_else(|| panic!("{} does not run\n{}", self.name, self.log()))
    }

    /// Times it was started.
    pub fn starts(&self) -> u32 {
        self.state.0.lock().unwrap().starts
    }

    /// Sends a signal to the present life. SIGSTOP freezes it, SIGCONT thaws it.
    pub fn signal(&self, signal: Signal) {
        let state = self.state.0.lock().unwrap();
        let within = RESTART_AFTER + READY_WITHIN;
        let state = self
            .state
            .1
            .wait_timeout_while(state, within, |state| state.pid.is_none())
            .unwrap()
            .0;
        // Under the lock, the supervisor has not reaped it: the number cannot belong to another process.
        kill(
            state
                .pid
                .unwrap_or_else(|| panic!("{} does not run\n{}", self.name, self.log())),
            signal,
        )
        .unwrap();
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
        let gone = self
            .state
            .1
            .wait_timeout_while(state, STOP_WITHIN, |state| state.pid.is_some())
            .unwrap();
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
            let waited = self
                .state
                .1
                .wait_timeout_while(state, STOP_WITHIN, |state| state.pid.is_some());
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

/// Every program that the establishment's configuration asks for.
pub struct Daemons {
    /// The door.
    pub sceaud: Daemon,
    /// `<key>-<n>` of each seal.
    pub signers: Vec<Daemon>,
}

impl Daemons {
    /// Starts signers and `sceaud`; returns when all are ready.
    pub fn start(of: &Establishment) -> Daemons {
        Daemons::start_with(of, &[])
    }

    /// The same with further environment for all of them.
    pub fn start_with(of: &Establishment, env: &[(&str, &str)]) -> Daemons {
        let signers = of
            .signer_instances()
            .iter()
            .map(|instance| Daemon::signer(of, instance, env))
            .collect();
        let daemons = Daemons {
            signers,
            sceaud: Daemon::sceaud(of, env),
        };
        daemons
            .signers
            .iter()
            .for_each(|signer| signer.wait_ready(1));
        daemons.sceaud.wait_ready(1);
        daemons
    }

    /// The signer of that instance.
    pub fn signer(&self, instance: &str) -> &Daemon {
        self.signers
            .iter()
            .find(|signer| signer.name == instance)
            .unwrap()
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
pub fn run_until_exit(
    of: &Establishment,
    executable: &str,
    args: &[&str],
    within: Duration,
) -> Refusal {
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
    Refusal {
        code: status.code(),
        said,
        was_ready: notify.heard().ready > 0,
    }
}

/// `setpriv --pdeathsig`: even a test program that is killed leaves nothing behind.
fn command_of(of: &Establishment, executable: &str, args: &[&str]) -> Command {
    let path = program(executable);
    assert!(
        path.exists(),
        "{} is missing: cargo build --release --locked --bins",
        path.display()
    );
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(path)
        .arg("--config")
        .arg(of.config())
        .args(args);
    command.env("SOFTHSM2_CONF", of.store.conf());
    for foreign in [
        "JOURNAL_STREAM",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    ] {
        command.env_remove(foreign);
    }
    command.stdin(Stdio::null()).process_group(0);
    command
}

fn spawn(command: &mut Command, log: &Path, anew: bool) -> Child {
    let log = File::options()
        .create(true)
        .write(true)
        .append(!anew)
        .truncate(anew)
        .open(log)
        .unwrap();
    command
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| panic!("setpriv (util-linux): {e}"))
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
        if status
            .code()
            .is_some_and(|code| FINAL_EXIT_CODES.contains(&code))
        {
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
    let how = state.last_exit.map_or(String::new(), |status| {
        format!("{status} (signal {:?})", status.signal())
    });
    voice.note(|heard| heard.ended = Some(how));
}
