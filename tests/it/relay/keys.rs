//! What each key signs: handshakes the one, assertions the other, and neither what is the other's.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use sceau::seal::handshake::Scheme;
use sceau::seal::wire::{self, Answer, Failure, HEADER_LEN, Request};
use sceau::vihf::signature::{SignatureAlgorithm, signed_info};

use super::rig::Rig;
use crate::support::wait::eventually;

/// Asks on a connection of its own; the place of the one before may not be free yet, nor this signer's key open.
pub(crate) fn ask(socket: &Path, request: &Request<'_>) -> Answer {
    eventually("the signer serves", || match ask_once(socket, request) {
        Ok(Answer::Failure(Failure::Busy | Failure::TokenUnreachable)) => None,
        Ok(answer) => Some(answer),
        // Told that it is one connection too many before it had written.
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => None,
        Err(error) => panic!("{error}"),
    })
}

fn ask_once(socket: &Path, request: &Request<'_>) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    let mut frame = Vec::new();
    wire::encode(request, &mut frame).unwrap();
    stream.write_all(&frame)?;
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header)?;
    let mut answer = vec![0; wire::header(&header).unwrap()];
    stream.read_exact(&mut answer)?;
    Ok(wire::decode_answer(&answer).unwrap())
}

#[test]
fn neither_key_signs_what_is_the_others() {
    let rig = Rig::start();
    let seal = rig.establishment.folder.join("run/signers/seal-a-1.sock");
    let authentication = rig.establishment.folder.join("run/authentication/auth-1.sock");
    let info =
        signed_info(SignatureAlgorithm::EcdsaSha256, "_1b4e28ba-2fa1-41d2-883f-0016d3cca427", &[7; 32], None);
    let content = [[b' '; 64].as_slice(), b"TLS 1.3, client CertificateVerify\0", &[7; 32]].concat();
    let server = [[b' '; 64].as_slice(), b"TLS 1.3, server CertificateVerify\0", &[7; 32]].concat();
    let refused = Answer::Failure(Failure::ShapeRefused);
    let (assertion, handshake) =
        (Request::Sign(info.as_bytes()), Request::SignHandshake(Scheme::EcdsaP256, &content));
    assert!(matches!(ask(&seal, &assertion), Answer::Signature(_)));
    assert!(matches!(ask(&authentication, &handshake), Answer::Signature(_)));
    assert_eq!(ask(&seal, &handshake), refused);
    assert_eq!(ask(&authentication, &assertion), refused);
    for wrong in [
        Request::SignHandshake(Scheme::EcdsaP256, &server),
        Request::SignHandshake(Scheme::EcdsaP256, info.as_bytes()),
        Request::SignHandshake(Scheme::EcdsaP256, b""),
        // A key of another kind.
        Request::SignHandshake(Scheme::RsaPss, &content),
    ] {
        assert_eq!(ask(&authentication, &wrong), refused);
    }
}
