//! The command line `sceau`: exit codes, texts, `--json`, and what it never shows; the help of every program.

mod arguments;
mod issue;
mod status;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::establishment::Establishment;
use crate::support::practitioners::Practitioner;
use crate::support::program::program;

/// `sceau <verb>` for that establishment.
fn sceau(establishment: &Establishment, verb: &str) -> Command {
    let mut command = Command::new(program("sceau"));
    command.arg(verb).arg("--config").arg(establishment.config());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `sceau issue` of a consultation by the general physician; the patient comes from standard input.
fn issue(establishment: &Establishment) -> Command {
    let mut command = sceau(establishment, "issue");
    command.args([
        "--practitioner",
        &Practitioner::physician().id,
        "--method",
        "CPS",
        "--service",
        "consultation",
    ]);
    command.args(["--transaction", "3.1", "--purpose", "normal", "--ins", "-"]);
    command
}

/// Runs it with `input` on its standard input.
fn fed(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // One that refuses its arguments is gone before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Exit code, standard output and standard error.
fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Asserts exit code `code`, nothing on standard output, and each of `words` in what was said to the person.
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let (actual, out, said) = parts(output);
    assert_eq!((actual, out.as_str()), (Some(code), ""), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}
