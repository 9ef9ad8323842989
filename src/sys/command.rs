//! One short question to a program of the system, with a deadline.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longest answer in bytes.
const ANSWER_LEN_MAX: u64 = 64 * 1024;

/// What the program wrote to its standard output, if it ended well in time; nothing otherwise, and it is killed.
#[must_use]
pub fn answer(program: &str, arguments: &[&str], within: Duration) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let output = child.stdout.take()?;
    let (told, telling) = mpsc::channel();
    // Ends with the program's output at the latest, that is with the kill below.
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(ANSWER_LEN_MAX).read_to_string(&mut text);
        let _ = told.send(read.is_ok().then_some(text));
    });
    let text = telling.recv_timeout(within).ok().flatten();
    if text.is_none() {
        let _ = child.kill();
    }
    let ended_well = child.wait().is_ok_and(|status| status.success());
    text.filter(|_| ended_well)
}
