//! Forging alone: facts to canonical, hashed bytes, on one thread, without signature.

use std::hint::black_box;

use sceau::vihf::assertion::{Authn, Facts, Lps, Patient, forge};
use sceau::vihf::codes::{Purpose, Role, Sector};
use sceau::vihf::identity::{Form, Ins, InsOid, PsIdNat, StructIdNat};
use sceau::vihf::instant::Instant;
use sceau::vihf::profile::Profiles;
use sceau::vihf::signature::SignatureAlgorithm;
use sceau::vihf::text::Text;

use crate::support::practitioners::PATIENTS;

const ROUNDS: u32 = 50_000;

/// Thread CPU of one assertion of usual facts, in microseconds.
pub(super) fn microseconds_per_assertion() -> f64 {
    let profiles = Profiles::shipped().unwrap();
    let text = |text: &str| Text::parse(text).unwrap();
    let lps =
        Lps { name: text("Démo LPS"), version: text("1.0"), id: None, homologation: text("HOMOL-DEMO-2026") };
    let issued_at = Instant::from_ms(1_764_000_000_000);
    let authn = Authn { class: "SmartcardPKI".into(), decl: "CPS".into(), instant: issued_at };
    let patient = Patient { ins: Ins::parse(PATIENTS[0]).unwrap(), oid: InsOid::Nir };
    let facts = Facts {
        profile: profiles.get("dmp-air").unwrap(),
        issuer: "CN=sceau,OU=1690781810,O=CH de Démonstration,ST=Rhône (69),C=FR",
        id: "_1b4e28ba-2fa1-41d2-883f-0016d3cca427",
        issued_at,
        expires_at: issued_at.plus_ms(30_000),
        practitioner: &PsIdNat::parse("899900063480").unwrap(),
        display_name: &text("ANNE DUPONT"),
        role: &Role::parse("10", Some("SM26"), &["SM"]).unwrap(),
        structure: &StructIdNat::parse("1690781810", Form::Strict).unwrap(),
        sector: &Sector::parse("SA01").unwrap(),
        authn: &authn,
        patient: Some(&patient),
        purpose: Purpose::Normal,
        invisible_to_guardians: false,
        lps: &lps,
    };
    let before = sceau::sys::cpu::thread_ns();
    for _ in 0..ROUNDS {
        let _ = black_box(forge(black_box(&facts), SignatureAlgorithm::RsaSha256));
    }
    (sceau::sys::cpu::thread_ns() - before) as f64 / f64::from(ROUNDS) / 1000.0
}
