//! Somebody on the wire between the machine and its TPM, who puts a key of his own in the place of the storage key.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use sceau::tpm::TpmError;
use sceau::tpm::device::Tpm;
use sceau::traces::digest::Digest;

use super::rig::Machine;
use crate::support::swtpm::Swtpm;

/// TPM2_CreatePrimary.
const CREATE_PRIMARY: u32 = 0x0000_0131;
/// Header of a command or a response: tag, size, code.
const HEADER_LEN: usize = 10;
/// A point of P-256 that is not the TPM's: the curve's generator (SEC 2 §2.4.2).
const GENERATOR: [&str; 2] = [
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
];

fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; HEADER_LEN];
    stream.read_exact(&mut bytes).ok()?;
    let len = u32::from_be_bytes(bytes[2..6].try_into().unwrap()) as usize;
    bytes.resize(len, 0);
    stream.read_exact(&mut bytes[HEADER_LEN..]).ok()?;
    Some(bytes)
}

/// Code of a command.
pub(super) fn code(command: &[u8]) -> u32 {
    u32::from_be_bytes(command[6..HEADER_LEN].try_into().unwrap())
}

/// A TPM2B at `at`: its content, and where it ends.
fn tpm2b(bytes: &[u8], at: usize) -> (&[u8], usize) {
    let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    (&bytes[at + 2..end], end)
}

/// Of a session without salt, for an object without a secret: whoever reads the wire has its key, which is empty.
fn mac(parts: &[&[u8]]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &[]));
    parts.iter().for_each(|part| mac.update(part));
    mac.sign()
}

/// Key and initialisation vector of a parameter that the TPM encrypts (part 1, §21 "Session-based encryption").
fn cipher(newer: &[u8], older: &[u8]) -> (UnboundCipherKey, [u8; 16]) {
    let block = mac(&[&1_u32.to_be_bytes(), b"CFB\0", newer, older, &256_u32.to_be_bytes()]);
    let (key, vector) = block.as_ref().split_at(16);
    (UnboundCipherKey::new(&AES_128, key).unwrap(), vector.try_into().unwrap())
}

/// The response of TPM2_CreatePrimary with another point, and everything that goes with it: name, encryption, authentication.
fn substituted(command: &[u8], mut response: Vec<u8>) -> Vec<u8> {
    // Handle, length of the authorisations, session's handle; handle, length of the parameters.
    let (older, _) = tpm2b(command, HEADER_LEN + 12);
    let parameters = HEADER_LEN + 8;
    let len = u32::from_be_bytes(response[parameters - 4..parameters].try_into().unwrap()) as usize;
    let (newer, attributes) = tpm2b(&response, parameters + len);
    let newer = newer.to_vec();
    let (_, public) = tpm2b(&response, parameters);
    let (key, vector) = cipher(&newer, older);
    let context = DecryptionContext::Iv128(vector.into());
    let key = DecryptingKey::cfb128(key).unwrap();
    key.decrypt(&mut response[parameters + 2..public], context).unwrap();
    // TPMT_PUBLIC ends with the point: two TPM2B of 32 bytes.
    for (coordinate, from_end) in GENERATOR.into_iter().zip([66, 32]) {
        let at = public - from_end;
        response[at..at + 32].copy_from_slice(Digest::from_hex(coordinate).unwrap().as_bytes());
    }
    let name = Digest::of(&[&response[parameters + 2..public]]);
    let (key, vector) = cipher(&newer, older);
    let context = EncryptionContext::Iv128(vector.into());
    let key = EncryptingKey::cfb128(key).unwrap();
    key.less_safe_encrypt(&mut response[parameters + 2..public], context).unwrap();
    // The name is the last parameter.
    let end = parameters + len;
    response[end - 32..end].copy_from_slice(name.as_bytes());
    let of_response = Digest::of(&[&[0; 4], &CREATE_PRIMARY.to_be_bytes(), &response[parameters..end]]);
    let tag = mac(&[of_response.as_bytes(), &newer, older, &response[attributes..=attributes]]);
    let len = response.len();
    response[len - 32..].copy_from_slice(tag.as_ref());
    response
}

/// Passes everything on, each answer with its command as `passed` makes it; both of the software TPM's ports. It ends with the test.
pub(super) fn interpose(tpm: &Swtpm, passed: impl Fn(&[u8], Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let (server, control, port) = loop {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        if let Ok(control) = TcpListener::bind(("127.0.0.1", port.saturating_add(1))) {
            break (server, control, port);
        }
    };
    let theirs: u16 = tpm.tcti().rsplit_once('=').unwrap().1.parse().unwrap();
    thread::spawn(move || {
        while let Ok((mut ours, _)) = control.accept() {
            let mut tpm = TcpStream::connect(("127.0.0.1", theirs + 1)).unwrap();
            let (mut back, mut forth) = (ours.try_clone().unwrap(), tpm.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut forth, &mut back));
            let _ = std::io::copy(&mut ours, &mut tpm);
            // The other way still has it open, and swtpm serves one at a time.
            let _ = tpm.shutdown(std::net::Shutdown::Both);
        }
    });
    thread::spawn(move || {
        while let Ok((mut ours, _)) = server.accept() {
            let mut tpm = TcpStream::connect(("127.0.0.1", theirs)).unwrap();
            while let Some(command) = message(&mut ours) {
                tpm.write_all(&command).unwrap();
                let Some(response) = message(&mut tpm) else { break };
                if ours.write_all(&passed(&command, response)).is_err() {
                    break;
                }
            }
        }
    });
    format!("swtpm:host=127.0.0.1,port={port}")
}

#[test]
fn no_session_is_salted_with_the_key_of_somebody_on_the_wire() {
    let test = "interposer::no_session_is_salted_with_the_key_of_somebody_on_the_wire";
    let Some(machine) = Machine::with(test, Swtpm::bare) else { return };
    let tcti = machine.tpm.tcti();
    let name = Tpm::open(&tcti, None).unwrap().name().clone();
    // The TPM of the enrolment itself is there, and tells its own key's name to whoever asks it.
    drop(Tpm::open(&tcti, Some(&name)).unwrap());
    let tcti = interpose(&machine.tpm, |command, response| {
        let is_done = response[6..HEADER_LEN] == [0; 4];
        if code(command) == CREATE_PRIMARY && is_done { substituted(command, response) } else { response }
    });
    let opened = Tpm::open(&tcti, Some(&name));
    assert!(matches!(opened, Err(TpmError::Other)), "{opened:?}");
}
