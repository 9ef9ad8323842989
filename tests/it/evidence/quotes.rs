//! Quotes, judged by `tpm2_checkquote` too.

use std::fs;

use sceau::evidence::attest::Statement;
use sceau::evidence::document::{Attested, Marshalled};
use sceau::evidence::public::Public;
use sceau::traces::digest::Digest;

use super::attester::{Attester, SELECTION, hex};
use super::mutation::mutations;

/// Mutations of the quote, of its signature and of the qualifying data.
const MUTATIONS: [usize; 3] = [500, 500, 50];
const AK: u32 = 0x8101_0002;

/// Ours is at least as strict: what `tpm2_checkquote` 5.4 takes beyond is bytes after the signature, which it does not read.
#[test]
fn mutated_quotes_are_judged_as_by_tpm2_checkquote() {
    let Some(attester) = Attester::new("mutated_quotes_are_judged_as_by_tpm2_checkquote") else { return };
    let data = Digest::of(&[b"qualifying data"]);
    let good = attester.quote(AK, SELECTION, &data);
    let ak = Public::parse(&attester.public("ak.pub").0).unwrap();
    let key = ak.attestation_key().unwrap();
    let ours = |quote: &Attested, data: &[u8]| {
        Statement::verified(quote, key).is_ok_and(|statement| statement.extra_data == data)
    };
    let theirs = |quote: &Attested, data: &[u8]| {
        let file = |name: &str, bytes: &[u8]| fs::write(attester.tpm.path(name), bytes).unwrap();
        file("m", &quote.attest.0);
        file("s", &quote.signature.0);
        let arguments = ["-u", "ak.pub", "-m", "m", "-s", "s", "-g", "sha256", "-q", &hex(data)];
        attester.tpm.tool("tpm2_checkquote", &arguments).output().unwrap().status.success()
    };
    let data = data.as_bytes().as_slice();
    assert!(ours(&good, data) && theirs(&good, data));
    let (mut all, mut ours_alone) = (0, 0);
    let mut judged = |quote: &Attested, data: &[u8], what: &dyn std::fmt::Debug| {
        let (us, them) = (ours(quote, data), theirs(quote, data));
        assert!(!us || them, "{what:?}: good for ours alone");
        if us != them {
            assert!(is_tail(&quote.signature.0, &good.signature.0), "{what:?}: good for tpm2_checkquote alone");
            ours_alone += 1;
        }
        all += 1;
    };
    for mutation in mutations("quote", good.attest.0.len(), MUTATIONS[0]) {
        judged(&Attested { attest: Marshalled(mutation.of(&good.attest.0)), ..good.clone() }, data, &mutation);
    }
    for mutation in mutations("signature", good.signature.0.len(), MUTATIONS[1]) {
        judged(
            &Attested { signature: Marshalled(mutation.of(&good.signature.0)), ..good.clone() },
            data,
            &mutation,
        );
    }
    for mutation in mutations("data", data.len(), MUTATIONS[2]) {
        judged(&good, &mutation.of(data), &mutation);
    }
    let longer = Attested { signature: Marshalled([&good.signature.0[..], &[0]].concat()), ..good.clone() };
    judged(&longer, data, &"a byte after the signature");
    println!("{all} mutations: {ours_alone} refused by ours alone");
    assert!(all > 1_000);
}

/// The good signature with something after it.
fn is_tail(signature: &[u8], good: &[u8]) -> bool {
    signature.len() > good.len() && signature.starts_with(good)
}
