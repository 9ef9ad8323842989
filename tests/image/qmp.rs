//! QEMU's own protocol (QMP): what happened to a machine, and what is done to it from outside.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::support::wait::eventually;

/// An answer of QEMU's comes at once; this is for a host with other work.
const ANSWER: Duration = Duration::from_secs(60);

/// The connection to one QEMU.
pub(super) struct Qmp {
    stream: UnixStream,
    answers: Receiver<Value>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Qmp {
    pub(super) fn connect(socket: &Path) -> Qmp {
        let stream = eventually("QEMU listens", || UnixStream::connect(socket).ok());
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let events = Arc::new(Mutex::new(Vec::new()));
        let (sender, answers) = channel();
        let seen = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).unwrap();
                if message.get("event").is_some() {
                    seen.lock().unwrap().push(message);
                } else if message.get("QMP").is_none() {
                    let _ = sender.send(message);
                }
            }
        });
        let mut qmp = Qmp { stream, answers, events };
        qmp.ask("qmp_capabilities", json!({}));
        qmp
    }

    /// One command, which QEMU accepts.
    pub(super) fn ask(&mut self, command: &str, arguments: Value) -> Value {
        self.try_ask(command, arguments).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// One command; what QEMU says against it.
    pub(super) fn try_ask(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let text = json!({"execute": command, "arguments": arguments}).to_string();
        self.stream.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let answer = self.answers.recv_timeout(ANSWER).map_err(|error| error.to_string())?;
        answer.get("return").cloned().ok_or_else(|| answer["error"]["desc"].to_string())
    }

    /// The events of this name until now.
    pub(super) fn events(&self, name: &str) -> Vec<Value> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event["event"] == name).cloned().collect()
    }

    /// Forgets the events of this name: what comes is of now.
    pub(super) fn forget(&mut self, name: &str) {
        self.events.lock().unwrap().retain(|event| event["event"] != name);
    }
}
