//! Envelopes that OpenSSL opens, certificates that cannot receive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use super::{Envelope, Recipient, RecipientError};
use crate::sys::clock;
use crate::vihf::instant::Instant;

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) -> Output {
    Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap()
}

/// A key and its self-signed certificate, as an auditor would make them: `NAME.key`, `NAME.pem`.
fn certificate(folder: &Path, name: &str, key: &str, usage: &str) -> Vec<u8> {
    let made = openssl(
        folder,
        &format!(
            "req -x509 -newkey {key} -nodes -keyout {name}.key -out {name}.pem -days 30 -subj /O=Établissement/CN={name}{usage}"
        ),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::read(folder.join(format!("{name}.pem"))).unwrap()
}

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// A day on: certificates that a test makes begin later than the test.
fn tomorrow() -> Instant {
    clock::now().plus_ms(86_400_000)
}

fn sealed(recipients: &[Recipient], content: &[u8], step: usize) -> Vec<u8> {
    let mut envelope = Envelope::new(recipients, Vec::new()).unwrap();
    for part in content.chunks(step) {
        envelope.write_all(part).unwrap();
    }
    envelope.finish().unwrap()
}

/// What openssl makes of it with the key of `name`; none if it refuses.
fn opened(folder: &Path, name: &str, envelope: &[u8]) -> Option<Vec<u8>> {
    fs::write(folder.join("e.p7m"), envelope).unwrap();
    let _ = fs::remove_file(folder.join("clear"));
    let output = openssl(
        folder,
        &format!("cms -decrypt -binary -inform DER -in e.p7m -inkey {name}.key -recip {name}.pem -out clear"),
    );
    output.status.success().then(|| fs::read(folder.join("clear")).unwrap())
}

#[test]
fn openssl_opens_it_with_each_recipients_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let now = tomorrow();
    let read = |pem: Vec<u8>| Recipient::from_pem(&pem, now).unwrap();
    let rsa = read(certificate(folder, "rsa", "rsa:2048", " -addext keyUsage=critical,keyEncipherment"));
    let ec = read(certificate(folder, "ec", P256, " -addext keyUsage=critical,keyAgreement"));
    let plain = read(certificate(folder, "plain", P256, ""));
    certificate(folder, "stranger", "rsa:2048", "");
    let all = [rsa.clone(), ec.clone(), plain];
    for (len, step) in [(0, 1), (1, 1), (15, 4), (16, 16), (65_535, 7), (65_536, 65_536), (300_000, 4099)] {
        let content: Vec<u8> = (0..len).map(|n| (n * n / 251) as u8).collect();
        let envelope = sealed(&all, &content, step);
        for name in ["rsa", "ec", "plain"] {
            assert!(opened(folder, name, &envelope).as_deref() == Some(&content), "{name}, {len} bytes");
        }
        assert!(opened(folder, "stranger", &envelope).is_none_or(|clear| clear != content));
    }
    // One kind of recipient alone has another version number.
    for (name, one) in [("rsa", rsa), ("ec", ec)] {
        let envelope = sealed(&[one], b"content", 7);
        assert_eq!(opened(folder, name, &envelope).as_deref(), Some(b"content".as_slice()));
        assert!(!envelope.windows(7).any(|window| window == b"content"));
        // Half of it opens for nobody.
        assert_eq!(opened(folder, name, &envelope[..envelope.len() - 12]), None);
    }
}

#[test]
fn two_envelopes_of_one_content_have_nothing_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let ec = [Recipient::from_pem(&certificate(folder.path(), "ec", P256, ""), tomorrow()).unwrap()];
    let (one, other) = (sealed(&ec, &[0; 64], 64), sealed(&ec, &[0; 64], 64));
    assert_ne!(one[one.len() - 90..one.len() - 16], other[other.len() - 90..other.len() - 16]);
    assert!(Envelope::new(&[], Vec::new()).is_err());
}

#[test]
fn a_certificate_that_cannot_receive_is_refused_by_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let now = tomorrow();
    let refused = |pem: &[u8]| Recipient::from_pem(pem, now).unwrap_err();
    assert_eq!(refused(b"text"), RecipientError::Pem);
    assert_eq!(Recipient::from_der(b"text", now).unwrap_err(), RecipientError::Der);
    for key in ["rsa:1024", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519"] {
        assert_eq!(refused(&certificate(folder, "odd", key, "")), RecipientError::Key, "{key}");
    }
    for (key, usage) in [("rsa:2048", "digitalSignature"), (P256, "keyEncipherment"), ("rsa:2048", "keyAgreement")]
    {
        let pem = certificate(folder, "odd", key, &format!(" -addext keyUsage={usage}"));
        assert_eq!(refused(&pem), RecipientError::Usage, "{key} {usage}");
    }
    let pem = certificate(folder, "old", P256, "");
    assert!(Recipient::from_pem(&pem, now).is_ok());
    for at in [Instant::from_ms(0), now.plus_ms(31 * 86_400_000)] {
        assert_eq!(Recipient::from_pem(&pem, at).unwrap_err(), RecipientError::Validity);
    }
}
