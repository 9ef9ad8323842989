//! Golden bytes: what fixed facts give under each profile, as `tests/golden/` holds it. A change of one byte is a change
//! of what the DMP receives, and is made on purpose or not at all.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sceau::vihf::assertion::{Authn, Lps, Patient, forge};
use sceau::vihf::codes::{Purpose, Role, Sector};
use sceau::vihf::identity::{Form, Ins, InsOid, PsIdNat, StructIdNat};
use sceau::vihf::instant::Instant;
use sceau::vihf::profile::Profile;
use sceau::vihf::signature::SignatureAlgorithm;
use sceau::vihf::text::Text;

use super::profiles;
use super::sample::{ID, Sample};
use crate::support::collection::target_folder;

const ISSUER: &str = "CN=SCEAU,OU=1690781810,O=CH \\<SUD\\> & FILS,ST=Rhône (69),C=FR";

/// One set of facts for all profiles; each shows what the profile makes of it.
fn facts(profile: &std::sync::Arc<Profile>) -> Sample {
    let text = |text: &str| Text::parse(text).unwrap();
    let form = profile.methods.values().next().unwrap();
    Sample {
        profile: std::sync::Arc::clone(profile),
        issued_at: Instant::parse("2026-02-28T23:59:59.999Z").unwrap(),
        lifetime_ms: profile.lifetime_max_ms,
        practitioner: PsIdNat::parse("899900063480").unwrap(),
        display_name: text("ÉLOÏSE <D'ARC> & \"FILS\" 𝔄 e\u{301}"),
        role: Role::parse("10", Some("SM26"), &profile.physician_specialties).unwrap(),
        structure: StructIdNat::parse("1690781810", Form::Strict).unwrap(),
        sector: Sector::parse("SA01").unwrap(),
        authn: Authn {
            class: form.class.clone(),
            decl: form.decl.clone(),
            instant: Instant::parse("2026-02-28T20:00:00Z").unwrap(),
        },
        patient: Some(Patient {
            ins: Ins::parse("180032B02040123").unwrap(),
            oid: InsOid::parse(&profile.ins_oid).unwrap(),
        }),
        purpose: Purpose::Normal,
        invisible_to_guardians: !profile.guardians_element.is_empty(),
        lps: Lps {
            name: text("Démo LPS"),
            version: text("1.0 <beta>"),
            id: Some(text("INST-0001")),
            homologation: text("HOMOL-2026"),
        },
    }
}

/// The assertion that the digest covers, and its SignedInfo.
fn forged(profile: &std::sync::Arc<Profile>) -> [(String, String); 2] {
    let sample = facts(profile);
    let unsealed = forge(&sample.facts(ISSUER, ID), SignatureAlgorithm::RsaSha256);
    let sealed = unsealed.sealed(b"", "");
    // What the enveloped-signature transform does.
    let (head, rest) = sealed.split_once("<ds:Signature ").unwrap();
    let (_, tail) = rest.split_once("</ds:Signature>").unwrap();
    [
        (format!("{}.xml", profile.name), format!("{head}{tail}")),
        (format!("{}.signed-info.xml", profile.name), unsealed.signed_info().to_owned()),
    ]
}

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

#[test]
fn fixed_facts_give_the_golden_bytes() {
    let made = target_folder().join("golden");
    std::fs::create_dir_all(&made).unwrap();
    let all: Vec<_> = profiles::all().iter().flat_map(forged).collect();
    let mut different = Vec::new();
    for (file, bytes) in &all {
        std::fs::write(made.join(file), bytes).unwrap();
        if std::fs::read(golden(file)).ok().as_deref() != Some(bytes.as_bytes()) {
            different.push(file);
        }
    }
    assert!(different.is_empty(), "{different:?} differ from tests/golden; what we made is in {}", made.display());
    let kept = std::fs::read_dir(golden(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "xml"));
    assert_eq!(kept.count(), all.len(), "a golden file that no profile makes");
}

/// The golden files agree with each other, without any code of ours: the one's digest is in the other.
#[test]
fn golden_digests_are_of_the_golden_assertions() {
    for profile in profiles::all() {
        let assertion = std::fs::read(golden(&format!("{}.xml", profile.name))).unwrap();
        let signed_info = std::fs::read_to_string(golden(&format!("{}.signed-info.xml", profile.name))).unwrap();
        let digest = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &assertion));
        assert!(signed_info.contains(&format!("<ds:DigestValue>{digest}</ds:DigestValue>")), "{}", profile.name);
    }
}
