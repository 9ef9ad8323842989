//! What stands before the door in these tests: `sceaud` alone, waiting for a condition, callers of other Unix users.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Uid, User};
use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::plan::Plan;
use crate::support::practitioners::Practitioner;
use crate::support::skip::skip;
use crate::support::varlink::{Client, Refused, login};
pub(crate) use crate::support::wait::{freeze, until};

/// `sceaud` without signers: enough for everything but an assertion.
pub(crate) struct DoorAlone {
    // Dropped first: the program must be gone before its folder.
    pub(crate) sceaud: Daemon,
    pub(crate) establishment: Establishment,
}

impl DoorAlone {
    /// Lays the plan out and starts `sceaud`; returns once it listens.
    pub(crate) fn open(plan: Plan) -> DoorAlone {
        let establishment = plan.build();
        let sceaud = Daemon::sceaud(&establishment, &[]);
        let door = DoorAlone { sceaud, establishment };
        until("sceaud listens", || Client::connect(&door.establishment.token_socket()).is_ok());
        door
    }

    /// The same in production, with the convention in force.
    pub(crate) fn in_production(plan: Plan) -> DoorAlone {
        let door = DoorAlone::open(plan.production());
        door.establishment.enforce_convention();
        door
    }

    /// Stops it in good order.
    pub(crate) fn stop(&mut self) {
        self.sceaud.stop();
    }

    pub(crate) fn client(&self) -> Client {
        self.establishment.client()
    }
}

/// A CPS login of the general physician in the consultation service, one minute ago.
pub(crate) fn physician_login() -> Value {
    login(&Practitioner::physician().id, "CPS", "consultation")
}

/// `parameters` with `member` set to `value` (`null` takes it away); `authentication.method` reaches inside.
pub(crate) fn with(mut parameters: Value, member: &str, value: Value) -> Value {
    let (at, name) = match member.rsplit_once('.') {
        Some((outer, name)) => (&mut parameters[outer], name),
        None => (&mut parameters, member),
    };
    match value {
        Value::Null => drop(at.as_object_mut().unwrap().remove(name)),
        value => at[name] = value,
    }
    parameters
}

/// Parameters of `Issue` for a consultation of that patient; the support adds a nonce.
pub(crate) fn consultation(session: &str, ins: &str) -> Value {
    json!({ "session": session, "transaction": "3.1", "purpose": "normal", "patient": { "ins": ins } })
}

/// Error and reason or field, owned: `("Denied", "login-too-old")`.
pub(crate) fn brief<T: std::fmt::Debug>(answer: Result<T, Refused>) -> (String, String) {
    let refused = answer.expect_err("refused");
    let (error, detail) = refused.brief();
    (error.to_owned(), detail.to_owned())
}

/// The pair that [`brief`] gives.
pub(crate) fn says(error: &str, detail: &str) -> (String, String) {
    (error.to_owned(), detail.to_owned())
}

/// A Unix user that is not the one who runs the tests.
pub(crate) struct OtherUser {
    uid: Uid,
}

/// Carries bytes between connections on its standard input, a listening socket, and the socket that it is told of.
const CARRIER: &str = r"
import socket, sys, threading
def carry(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        b.close()
listener = socket.socket(fileno=0)
while True:
    near, far = listener.accept()[0], socket.socket(socket.AF_UNIX)
    far.connect(sys.argv[1])
    for pair in (near, far), (far, near):
        threading.Thread(target=carry, args=pair, daemon=True).start()
";

impl OtherUser {
    /// A user of every Debian by its name; None, counted as skipped, where the tests may not become it.
    pub(crate) fn named(name: &str, what: &str) -> Option<OtherUser> {
        if !Uid::effective().is_root() {
            skip(what, "only root can run a program as another Unix user");
            return None;
        }
        let user = User::from_name(name).unwrap().unwrap_or_else(|| panic!("{name} is a user of every Debian"));
        Some(OtherUser { uid: user.uid })
    }

    /// A command that this user runs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        let id = self.uid.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// A way to the establishment's door whose connections are this user's.
    pub(crate) fn way_to(&self, establishment: &Establishment) -> Way {
        self.way_to_socket(establishment, &establishment.token_socket())
    }

    /// The same to another of its doors.
    pub(crate) fn way_to_socket(&self, establishment: &Establishment, door: &Path) -> Way {
        let socket = establishment.folder.join(format!("run/way-{}.sock", self.uid));
        let listener = UnixListener::bind(&socket).unwrap();
        // Debian's own interpreter: one in a home folder is out of this user's reach.
        let mut carrier = self.command(Path::new("/usr/bin/python3"));
        carrier.args(["-I", "-c", CARRIER]).arg(door);
        carrier.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null());
        Way { carrier: carrier.spawn().unwrap(), socket }
    }
}

/// See [`OtherUser::way_to`]. Dropping it closes its connections.
pub(crate) struct Way {
    carrier: Child,
    socket: PathBuf,
}

impl Way {
    /// A new connection of the other user; its assertions are not collected.
    pub(crate) fn client(&self) -> io::Result<Client> {
        Client::connect(&self.socket)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.carrier.kill();
        let _ = self.carrier.wait();
    }
}

/// Adds a second application to `applications.toml`: the first one's entry for another user.
pub(crate) fn also_for(user: &'static str) -> impl FnOnce(&mut toml::Table) {
    move |applications| {
        let entries = applications["application"].as_array_mut().unwrap();
        let mut second = entries[0].clone();
        second["user"] = user.into();
        entries.push(second);
    }
}
