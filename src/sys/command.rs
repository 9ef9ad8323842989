//! Programs of the system: run without a shell, with bounded words and a deadline.

use std::io::{self, Read, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// Longest answer in bytes.
const ANSWER_LEN_MAX: u64 = 64 * 1024;

/// What a program said until its end.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, which may hold a secret.
    pub output: Zeroizing<Vec<u8>>,
    /// Its standard error.
    pub complaint: String,
}

/// Runs a program with `input` on its standard input; what it says beyond 64 kio is lost.
///
/// # Errors
/// It cannot be started; `TimedOut`: it did not end in time and was killed.
pub fn run(command: &mut Command, input: Vec<u8>, within: Duration) -> io::Result<Ended> {
    let began = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (mut to, input) = (child.stdin.take(), Zeroizing::new(input));
    // Each of the three ends with the program at the latest, that is with the kill below.
    thread::spawn(move || to.take().map(|mut to| to.write_all(&input)));
    let (output, complaint) = (told(child.stdout.take()), told(child.stderr.take()));
    let mut wait = |telling: Receiver<Zeroizing<Vec<u8>>>| {
        telling.recv_timeout(within.saturating_sub(began.elapsed())).map_err(|_| {
            let _ = child.kill();
            io::Error::from(io::ErrorKind::TimedOut)
        })
    };
    let words = wait(output).and_then(|output| Ok((output, wait(complaint)?)));
    let status = child.wait()?;
    let (output, complaint) = words?;
    Ok(Ended { status, output, complaint: String::from_utf8_lossy(&complaint).into_owned() })
}

/// Reads a stream to its end beside the caller.
fn told(stream: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    let (told, telling) = mpsc::channel();
    thread::spawn(move || {
        let mut words = Zeroizing::new(Vec::new());
        if let Some(stream) = stream {
            let mut stream = stream;
            let _ = stream.by_ref().take(ANSWER_LEN_MAX).read_to_end(&mut words);
            // A program that is not read from would wait for ever.
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        let _ = told.send(words);
    });
    telling
}

/// What the program wrote to its standard output, if it ended well in time; nothing otherwise, and it is killed.
#[must_use]
pub fn answer(program: &str, arguments: &[&str], within: Duration) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    let ended = run(&mut command, Vec::new(), within).ok().filter(|ended| ended.status.success())?;
    String::from_utf8(ended.output.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_bounded_and_a_program_that_hangs_is_killed() {
        let second = Duration::from_secs(60);
        let ended = run(&mut Command::new("cat"), b"abc".to_vec(), second).unwrap();
        assert_eq!((ended.output.as_slice(), ended.status.success()), (&b"abc"[..], true));
        let long = run(Command::new("head").args(["-c", "300000", "/dev/zero"]), Vec::new(), second).unwrap();
        assert_eq!((long.output.len(), long.status.success()), (64 * 1024, true));
        let hung = run(Command::new("tail").args(["-f", "/dev/null"]), Vec::new(), Duration::from_millis(50));
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(run(&mut Command::new("/nowhere"), Vec::new(), second).is_err());
    }
}
