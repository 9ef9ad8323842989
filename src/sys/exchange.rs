//! One varlink call and its answer on a connection that stays open.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes that most answers fit in: an assertion has about 7 kB.
const ANSWER_ROOM_LEN: usize = 16 * 1024;

/// Sends a frame with its NUL and gives the answer without it.
///
/// After `Err` the call was obeyed or was not, and the connection is good for nothing. The caller bounds the time.
///
/// # Errors
/// What the system said; `UnexpectedEof` if the peer left, or the answer is longer than `answer_len_max` bytes.
pub async fn exchange(
    stream: &mut UnixStream,
    frame: &[u8],
    answer_len_max: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    stream.write_all(frame).await?;
    let mut answer = Zeroizing::new(Vec::with_capacity(ANSWER_ROOM_LEN));
    let mut chunk = [0; 8192];
    while answer.last() != Some(&0) {
        let read = stream.read(&mut chunk).await?;
        if read == 0 || answer.len() > answer_len_max {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    chunk.zeroize();
    answer.pop();
    Ok(answer)
}

/// Whether a connection that nothing is asked on still lives: its peer may have been started again, and a call must not be asked
/// twice.
#[must_use]
pub fn is_idle(stream: &UnixStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|cause| cause.kind() == io::ErrorKind::WouldBlock)
}
