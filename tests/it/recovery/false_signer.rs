//! Another program in the signer's place: whatever it answers, nothing false is released.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use sceau::seal::wire::{self, Answer, Request};

use super::{Caller, eventually, locked_sceaud, same_sceaud};
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::Plan;

/// What the false signer does with a request for a signature; `Hello` is always answered by the real one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    /// None: everything is passed on.
    Honest,
    /// The real signature with one bit changed, as a fault makes it.
    BitFlipped,
    /// A right signature of another key.
    AnotherKey,
    /// The real key's signature of something else: the last self-test.
    AnotherMessage,
    /// A signature of no bytes.
    Empty,
    /// An answer to another question.
    AnotherAnswer,
    /// Bytes of no protocol.
    Garbage,
    /// Half an answer, then the end.
    Truncated,
    /// A length over the limit.
    Oversize,
    /// Two answers to one question.
    Twice,
    /// The end.
    HangUp,
    /// Nothing.
    Silence,
}

const LIES: [Lie; 11] = [
    Lie::BitFlipped,
    Lie::AnotherKey,
    Lie::AnotherMessage,
    Lie::Empty,
    Lie::AnotherAnswer,
    Lie::Garbage,
    Lie::Truncated,
    Lie::Oversize,
    Lie::Twice,
    Lie::HangUp,
    Lie::Silence,
];

/// Sits on the signer's socket; the real one listens beside it.
struct FalseSigner {
    real: PathBuf,
    lie: Mutex<Lie>,
    /// Whether self-tests are lied to as well.
    thorough: Mutex<bool>,
    told: AtomicUsize,
    last_self_test: Mutex<Vec<u8>>,
    key: EcdsaKeyPair,
}

impl FalseSigner {
    fn sit(socket: PathBuf) -> Arc<FalseSigner> {
        let real = socket.with_file_name("real.sock");
        fs::rename(&socket, &real).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let signer = Arc::new(FalseSigner {
            real,
            lie: Mutex::new(Lie::Honest),
            thorough: Mutex::new(false),
            told: AtomicUsize::new(0),
            last_self_test: Mutex::default(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        });
        let theirs = Arc::clone(&signer);
        // Ends with the test's process; its connections end with sceaud.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let signer = Arc::clone(&theirs);
                thread::spawn(move || stream.and_then(|stream| signer.serve(stream)));
            }
        });
        signer
    }

    fn tells(&self, lie: Lie, thorough: bool) {
        *self.thorough.lock().unwrap() = thorough;
        *self.lie.lock().unwrap() = lie;
    }

    fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut real = UnixStream::connect(&self.real)?;
        loop {
            let question = frame(&mut stream)?;
            write(&mut real, &question)?;
            let truth = frame(&mut real)?;
            let (message, self_test) = match wire::decode_request(&question).map_err(io::Error::other)? {
                Request::Sign(signed_info) => (signed_info.to_vec(), false),
                Request::SelfTest(nonce) => (wire::self_test_message(&nonce), true),
                Request::Hello | Request::Stats | Request::SignHandshake(..) => {
                    write(&mut stream, &truth)?;
                    continue;
                }
            };
            let lie = *self.lie.lock().unwrap();
            if lie == Lie::Honest || (self_test && !*self.thorough.lock().unwrap()) {
                if let (true, Ok(Answer::Signature(signature))) = (self_test, wire::decode_answer(&truth)) {
                    *self.last_self_test.lock().unwrap() = signature;
                }
                write(&mut stream, &truth)?;
                continue;
            }
            self.told.fetch_add(1, Ordering::AcqRel);
            self.lie(lie, &message, &truth, &mut stream)?;
        }
    }

    fn lie(&self, lie: Lie, message: &[u8], truth: &[u8], stream: &mut UnixStream) -> io::Result<()> {
        let end = || Err(io::ErrorKind::ConnectionAborted.into());
        match lie {
            Lie::Honest => write(stream, truth),
            Lie::BitFlipped => {
                let mut wrong = truth.to_vec();
                *wrong.last_mut().unwrap() ^= 1;
                write(stream, &wrong)
            }
            Lie::AnotherKey => {
                let signature = self.key.sign(&SystemRandom::new(), message).unwrap();
                answer(stream, &Answer::Signature(signature.as_ref().to_vec()))
            }
            Lie::AnotherMessage => {
                let signature = self.last_self_test.lock().unwrap().clone();
                answer(stream, &Answer::Signature(signature))
            }
            Lie::Empty => answer(stream, &Answer::Signature(Vec::new())),
            Lie::AnotherAnswer => answer(stream, &Answer::Stats(wire::Stats::default())),
            Lie::Garbage => stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n"),
            Lie::Truncated => {
                let len = u32::try_from(truth.len()).unwrap().to_be_bytes();
                stream.write_all(&[&len, &truth[..truth.len() / 2]].concat())?;
                end()
            }
            Lie::Oversize => stream.write_all(&[0xff; 64]),
            Lie::Twice => {
                let len = u32::try_from(truth.len()).unwrap().to_be_bytes();
                stream.write_all(&[&len, truth, &len, truth].concat())
            }
            Lie::HangUp => end(),
            // Until sceaud gives up.
            Lie::Silence => stream.read(&mut [0]).map(drop),
        }
    }
}

fn frame(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut head = [0; wire::HEADER_LEN];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; wire::header(&head).map_err(io::Error::other)?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn write(stream: &mut UnixStream, body: &[u8]) -> io::Result<()> {
    stream.write_all(&[&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat())
}

fn answer(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut out = Vec::new();
    wire::encode_answer(answer, &mut out).unwrap();
    stream.write_all(&out)
}

#[test]
fn a_false_signer_has_nothing_released() {
    KeyOrigin::KEYRINGS.into_iter().for_each(releases_nothing_false);
}

fn releases_nothing_false(keys: KeyOrigin) {
    let establishment = Plan::new("false").key_type(KeyType::P256).keys(keys).build();
    let signers = vec![Daemon::signer(&establishment, "seal-a-1", &[])];
    signers[0].wait_ready(1);
    let signer = FalseSigner::sit(establishment.folder.join("run/signers/seal-a-1.sock"));
    let daemons = Daemons { sceaud: locked_sceaud(&establishment), signers, audit: None };
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    for thorough in [false, true] {
        for lie in LIES {
            let before = signer.told.load(Ordering::Acquire);
            signer.tells(lie, thorough);
            if thorough {
                // Lied to in its self-tests, sceaud does not even call itself ready.
                caller.wait_ready(false);
                eventually("a lie at connecting", || {
                    (signer.told.load(Ordering::Acquire) >= before + 2).then_some(())
                });
                assert!(!caller.ready(), "{lie:?}");
            }
            eventually("lies", || {
                let refused = caller.issue().unwrap_err();
                assert_eq!(refused.brief(), ("Unavailable", "token-unreachable"), "{lie:?}");
                (signer.told.load(Ordering::Acquire) >= before + 2).then_some(())
            });
            signer.tells(Lie::Honest, false);
            eventually("the truth", || caller.issue().ok());
        }
    }
    caller.is_served();
    same_sceaud(&daemons);
}
