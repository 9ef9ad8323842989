//! The process that makes proofs: jwcrypto in the Python of the verifiers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use crate::support::softhsm::run;

/// Makes tokens on demand; ends when it is dropped.
pub(crate) struct Mint {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Mint {
    pub(crate) fn start() -> Mint {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = run(Command::new("sh").arg(root.join("tests/verifiers/venv.sh")));
        let mut command = Command::new(python.trim());
        command.arg("-I").arg(root.join("tests/it/proofs/mint.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Mint { child, pipes: Mutex::new((input, BufReader::new(output))) }
    }

    /// One question, one answer.
    pub(crate) fn ask(&self, question: &Value) -> Value {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{question}").unwrap();
        let mut line = String::new();
        pipes.1.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {question} was answered {line:?}"))
    }

    /// A question whose answer is a token.
    pub(crate) fn token(&self, question: &Value) -> String {
        self.ask(question).as_str().unwrap().to_owned()
    }
}

impl Drop for Mint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
