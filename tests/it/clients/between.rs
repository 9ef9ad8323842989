//! Between a client and `sceaud`: carries questions and answers, remembers them, and meddles as it is told.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::establishment::Establishment;
use crate::support::varlink::Client;

/// One question with its answer, as they went to `sceaud` and came from it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) question: Value,
    pub(super) answer: Value,
}

impl Exchange {
    /// `Issue`.
    pub(super) fn method(&self) -> &str {
        self.question["method"].as_str().unwrap().rsplit('.').next().unwrap()
    }
}

/// Called with each question before it goes on, and again with its answer before that goes back; false: the answer is lost.
pub(super) type Meddle<'m> = dyn Fn(&mut Value, Option<&Value>) -> bool + Sync + 'm;

/// Runs `client` on a socket whose connections go to the establishment's; what it gave, and every exchange.
pub(super) fn between<T>(
    establishment: &Establishment,
    meddle: &Meddle<'_>,
    client: impl FnOnce(&str) -> T,
) -> (T, Vec<Exchange>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (exchanges, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let door = establishment.token_socket();
    let given = thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming() {
                if over.load(Ordering::Acquire) {
                    break;
                }
                let (stream, door, exchanges) = (stream.unwrap(), &door, &exchanges);
                scope.spawn(move || carry(&stream, door, meddle, exchanges));
            }
        });
        // Ends the listener even where the client's run panics.
        let _end = End { path: &path, over: &over };
        client(path.to_str().unwrap())
    });
    (given, exchanges.into_inner().unwrap())
}

struct End<'e> {
    path: &'e Path,
    over: &'e AtomicBool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = UnixStream::connect(self.path);
    }
}

/// One connection, until either side closes it or an answer is lost.
fn carry(near: &UnixStream, door: &Path, meddle: &Meddle<'_>, exchanges: &Mutex<Vec<Exchange>>) {
    let mut far = Client::connect(door).unwrap();
    let (mut reader, mut writer) = (BufReader::new(near), near);
    loop {
        let mut frame = Vec::new();
        if !matches!(reader.read_until(0, &mut frame), Ok(1..)) || frame.pop() != Some(0) {
            return;
        }
        let mut question: Value = serde_json::from_slice(&frame).unwrap();
        meddle(&mut question, None);
        if far.send(question.to_string().as_bytes()).is_err() {
            return;
        }
        let Ok(Some(bytes)) = far.receive() else { return };
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        let passes = meddle(&mut question, Some(&answer));
        exchanges.lock().unwrap().push(Exchange { question, answer });
        if !passes || writer.write_all(&[bytes.as_slice(), b"\0"].concat()).is_err() {
            return;
        }
    }
}
