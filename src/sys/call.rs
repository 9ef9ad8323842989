//! One varlink call on a connection of its own, blocking, with one deadline for all of it.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes read at once.
const CHUNK_LEN: usize = 16 * 1024;

/// What came back; its strings may be secrets, which the caller erases.
#[derive(Debug)]
pub struct Reply {
    /// Qualified name of the error, if it is one.
    pub error: Option<String>,
    /// Its parameters.
    pub parameters: Value,
}

/// Calls `method` (qualified) of whoever listens at `socket`.
///
/// After `Ok` the reply is whole. After `Err` the call was obeyed or was not.
///
/// # Errors
/// What the system said; `TimedOut` after `wait`; `InvalidData` if what came back is no reply, or longer than
/// `answer_len_max` bytes.
pub fn call(
    socket: &Path,
    method: &str,
    parameters: &Value,
    wait: Duration,
    answer_len_max: usize,
) -> io::Result<Reply> {
    let until = Instant::now() + wait;
    let mut stream = UnixStream::connect(socket)?;
    let mut frame = Zeroizing::new(json!({ "method": method, "parameters": parameters }).to_string().into_bytes());
    frame.push(0);
    stream.set_write_timeout(Some(wait))?;
    stream.write_all(&frame)?;
    let mut answer = Zeroizing::new(Vec::with_capacity(CHUNK_LEN));
    let mut chunk = Zeroizing::new(vec![0; CHUNK_LEN]);
    while answer.last() != Some(&0) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut chunk).map_err(|cause| match cause.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => cause,
        })?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if answer.len() + read > answer_len_max {
            return Err(io::ErrorKind::InvalidData.into());
        }
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    chunk.zeroize();
    answer.pop();
    let mut reply: Value = serde_json::from_slice(&answer).map_err(|_| io::ErrorKind::InvalidData)?;
    let error = reply.get("error").and_then(Value::as_str).map(str::to_owned);
    let parameters = reply.get_mut("parameters").map(Value::take).unwrap_or(Value::Null);
    Ok(Reply { error, parameters })
}
