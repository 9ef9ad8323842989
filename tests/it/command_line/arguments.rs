//! Secrets and patients' identifiers are never arguments, nor in the environment, of any program.

use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{assert_refused, fed, issue, sceau};
use crate::doorstep::{freeze, until};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;

fn plan() -> Plan {
    Plan::new("arguments").key_type(KeyType::P256)
}

#[test]
fn an_ins_on_the_command_line_is_a_usage_error() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    for argument in [vec!["--ins", PATIENTS[0]], vec!["--ins", ""], vec!["--ins"], vec!["--patient", PATIENTS[0]]]
    {
        let mut command = sceau(&establishment, "issue");
        command.args(["--practitioner", &Practitioner::physician().id, "--method", "CPS", "--transaction", "3.1"]);
        assert_refused(&command.args(&argument).output().unwrap(), 2, &[]);
    }
    assert_eq!(issued(&establishment), 0);
}

#[test]
fn what_cannot_be_understood_is_2() {
    let establishment = plan().build();
    for arguments in [vec![], vec!["emit"], vec!["issue"], vec!["status", "extra"], vec!["--bogus"]] {
        assert_refused(&Command::new(program("sceau")).args(&arguments).output().unwrap(), 2, &[]);
    }
    // Options that say something about one that is missing.
    let mut command = sceau(&establishment, "issue");
    command.args(["--practitioner", &Practitioner::physician().id, "--transaction", "0.1"]);
    assert_refused(&command.args(["--instant", "2026-01-15T09:30:00Z"]).output().unwrap(), 2, &["--method"]);
}

fn command_line_and_environment(pid: Pid) -> String {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let mut bytes = read("cmdline");
    assert!(!bytes.is_empty(), "{pid} runs");
    bytes.extend(read("environ"));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn no_secret_is_an_argument_or_in_the_environment() {
    let establishment = plan().edit_config(|config| {
        let limits = [("signature_ms".to_owned(), 30_000.into())];
        config.insert("limits".into(), toml::Table::from_iter(limits).into());
    });
    let establishment = establishment.build();
    let daemons = Daemons::start(&establishment);
    // Held up where every program knows what it will ever know of the request.
    freeze(&daemons.signers[0]);
    let child = {
        let mut command = issue(&establishment);
        let (told, pid) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            use std::io::Write;
            let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(PATIENTS[0].as_bytes()).unwrap();
            told.send(child.id()).unwrap();
            child.wait_with_output().unwrap()
        });
        (pid.recv().unwrap(), thread)
    };
    until("the request is under way", || issued(&establishment) == 1);
    let (pid, thread) = child;
    let pids = [Pid::from_raw(pid as i32), daemons.sceaud.pid(), daemons.signers[0].pid()];
    for shown in pids.map(command_line_and_environment) {
        for secret in [PATIENTS[0], &establishment.seals[0].token.pin] {
            assert!(!shown.contains(secret), "{secret} is in {shown:?}");
        }
    }
    daemons.signers[0].signal(Signal::SIGCONT);
    assert_eq!(thread.join().unwrap().status.code(), Some(0));
    assert_eq!(fed(&mut issue(&establishment), PATIENTS[0]).status.code(), Some(0));
}
