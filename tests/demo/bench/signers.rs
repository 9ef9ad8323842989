//! A signer's own counters, asked over its socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use sceau::seal::wire::{Answer, HEADER_LEN, Request, Stats, decode_answer, encode, header};

use crate::support::establishment::Establishment;

/// Counters of the signer `instance`.
pub(super) fn stats(establishment: &Establishment, instance: &str) -> Stats {
    let socket = establishment.folder.join(format!("run/signers/{instance}.sock"));
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut frame = Vec::new();
    encode(&Request::Stats, &mut frame).unwrap();
    stream.write_all(&frame).unwrap();
    let mut head = [0; HEADER_LEN];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; header(&head).unwrap()];
    stream.read_exact(&mut body).unwrap();
    match decode_answer(&body).unwrap() {
        Answer::Stats(stats) => stats,
        other => panic!("{other:?}"),
    }
}
