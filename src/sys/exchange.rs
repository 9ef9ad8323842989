//! One varlink call and its answer on a connection that stays open.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
#[cfg(all(unix, feature = "appliance"))]
use tokio::{io::AsyncWriteExt as _, net::UnixStream};
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes that most answers fit in: an assertion has about 7 kB, with a receipt some more.
const ANSWER_ROOM_LEN: usize = 16 * 1024;

/// Sends a frame with its NUL and gives the answer without it.
///
/// After `Err` the call was obeyed or was not, and the connection is good for nothing. The caller bounds the time.
///
/// # Errors
/// As [`answer`].
#[cfg(all(unix, feature = "appliance"))]
pub async fn exchange(
    stream: &mut UnixStream,
    frame: &[u8],
    answer_len_max: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    stream.write_all(frame).await?;
    let mut answer = answer(stream, answer_len_max).await?;
    answer.pop();
    Ok(answer)
}

/// Reads one answer with its NUL. After `Err`, or when dropped half-way, the connection is of no more use.
///
/// # Errors
/// What the system said; `UnexpectedEof` if the peer left, `InvalidData` if the answer is longer than `len_max` bytes or something
/// follows it: one answer for each frame, more would be somebody else's.
pub async fn answer(stream: &mut (impl AsyncRead + Unpin), len_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut answer = Zeroizing::new(Vec::with_capacity(ANSWER_ROOM_LEN));
    loop {
        if answer.capacity() - answer.len() < ANSWER_ROOM_LEN / 2 {
            grow(&mut answer);
        }
        let before = answer.len();
        if stream.read_buf(&mut *answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match memchr::memchr(0, answer.get(before..).unwrap_or_default()) {
            Some(at) if before + at + 1 == answer.len() => return Ok(answer),
            None if answer.len() <= len_max => {}
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// More room; a vector that grows by itself leaves its old content in memory.
fn grow(answer: &mut Zeroizing<Vec<u8>>) {
    let mut larger = Vec::with_capacity(answer.capacity() * 2);
    larger.extend_from_slice(answer);
    answer.zeroize();
    **answer = larger;
}

/// Whether a connection that nothing is asked on still lives: its peer may have been started again, and a call must not be asked
/// twice.
#[cfg(all(unix, feature = "appliance"))]
#[must_use]
pub fn is_idle(stream: &UnixStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|cause| cause.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MAX: usize = 40_000;

    async fn read(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        answer(&mut bytes, MAX).await.map(|answer| answer.to_vec())
    }

    #[tokio::test]
    async fn one_answer_is_read_and_nothing_beside_it() {
        let long = [vec![b'x'; MAX], vec![0]].concat();
        for whole in [&b"{}\0"[..], b"\0", &long] {
            assert_eq!(read(whole).await.unwrap(), whole);
        }
        let kind = async |bytes: &[u8]| read(bytes).await.unwrap_err().kind();
        assert_eq!(kind(b"{}\0{}\0").await, io::ErrorKind::InvalidData);
        assert_eq!(kind(&[b'x'; 3 * MAX]).await, io::ErrorKind::InvalidData);
        assert_eq!(
            (kind(b"{}").await, kind(b"").await),
            (io::ErrorKind::UnexpectedEof, io::ErrorKind::UnexpectedEof)
        );
    }
}
