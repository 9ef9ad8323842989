//! Generated facts: any practitioner, patient, login and name, under any profile.

use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use sceau::vihf::assertion::{Authn, Facts, Lps, Patient};
use sceau::vihf::codes::{Purpose, Role, Sector};
use sceau::vihf::identity::{Form, Ins, InsOid, PsIdNat, StructIdNat};
use sceau::vihf::instant::Instant;
use sceau::vihf::profile::Profile;
use sceau::vihf::text::Text;

use super::identifiers::{ins, ps_id_nat, struct_id_nat};
use super::{profiles, texts};

/// An id of the form that assertions have.
pub(super) const ID: &str = "_1b4e28ba-2fa1-41d2-883f-0016d3cca427";
/// Repeats a run: its value is what the failed run printed.
const SEED_VARIABLE: &str = "SCEAU_FORGE_SEED";
/// One minute before the last instant that has a text.
const ISSUED_LAST_MS: i64 = 253_402_300_740_000;

/// Facts that own what they tell.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) profile: Arc<Profile>,
    pub(super) issued_at: Instant,
    pub(super) lifetime_ms: u64,
    pub(super) practitioner: PsIdNat,
    pub(super) display_name: Text,
    pub(super) role: Role,
    pub(super) structure: StructIdNat,
    pub(super) sector: Sector,
    pub(super) authn: Authn,
    pub(super) patient: Option<Patient>,
    pub(super) purpose: Purpose,
    pub(super) invisible_to_guardians: bool,
    pub(super) lps: Lps,
}

impl Sample {
    /// As the assertion takes them.
    pub(super) fn facts<'a>(&'a self, issuer: &'a str, id: &'a str) -> Facts<'a> {
        Facts {
            profile: &self.profile,
            issuer,
            id,
            issued_at: self.issued_at,
            expires_at: self.issued_at.plus_ms(self.lifetime_ms),
            practitioner: &self.practitioner,
            display_name: &self.display_name,
            role: &self.role,
            structure: &self.structure,
            sector: &self.sector,
            authn: &self.authn,
            patient: self.patient.as_ref(),
            purpose: self.purpose,
            invisible_to_guardians: self.invisible_to_guardians,
            lps: &self.lps,
        }
    }
}

/// Where the generated values come from; printed, so that a failure can be seen again.
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) fn fixed() -> Seed {
        Seed([7; 32])
    }

    pub(super) fn from_environment() -> Seed {
        let mut seed = [0; 32];
        match std::env::var(SEED_VARIABLE) {
            Ok(hex) => seed.iter_mut().enumerate().for_each(|(at, byte)| {
                *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
            }),
            Err(_) => aws_lc_rs::rand::fill(&mut seed).unwrap(),
        }
        Seed(seed)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SEED_VARIABLE}=")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// That many samples; the profiles take turns.
pub(super) fn generate(seed: &Seed, count: usize) -> Vec<Sample> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.0);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategies: Vec<_> = profiles::all().into_iter().map(sample).collect();
    let of = |at: usize| strategies[at % strategies.len()].new_tree(&mut runner).unwrap().current();
    (0..count).map(of).collect()
}

fn sample(profile: Arc<Profile>) -> impl Strategy<Value = Sample> {
    let form = if profile.test { Form::Test } else { Form::Strict };
    let who = (ps_id_nat(), texts::text(), role(&profile), struct_id_nat(form), sector());
    let when = (0..ISSUED_LAST_MS, 1..=profile.lifetime_max_ms, 0..ISSUED_LAST_MS);
    let what = (authn(&profile), patient(&profile), proptest::sample::select(&Purpose::ALL[..]), any::<bool>());
    (who, when, what, lps()).prop_map(move |(who, when, what, lps)| Sample {
        profile: Arc::clone(&profile),
        issued_at: Instant::from_ms(when.0),
        lifetime_ms: when.1,
        practitioner: PsIdNat::parse(&who.0).unwrap(),
        display_name: who.1,
        role: who.2,
        structure: StructIdNat::parse(&who.3, form).unwrap(),
        sector: who.4,
        authn: Authn { instant: Instant::from_ms(when.2), ..what.0 },
        patient: what.1,
        purpose: what.2,
        invisible_to_guardians: what.3 && !profile.guardians_element.is_empty(),
        lps,
    })
}

fn authn(profile: &Profile) -> impl Strategy<Value = Authn> + use<> {
    let form =
        |class: &str, decl: &str| Authn { class: class.into(), decl: decl.into(), instant: Instant::from_ms(0) };
    let mut forms: Vec<_> = profile.methods.values().map(|method| form(&method.class, &method.decl)).collect();
    forms.extend((!profile.authentication_required).then(|| form(&profile.default_class, "")));
    proptest::sample::select(forms)
}

fn patient(profile: &Profile) -> impl Strategy<Value = Option<Patient>> + use<> {
    let oids: Vec<InsOid> = profile.ins_oids.iter().map(|oid| InsOid::parse(oid).unwrap()).collect();
    let patient = (ins(), proptest::sample::select(oids));
    proptest::option::weighted(0.7, patient.prop_map(|(ins, oid)| Patient { ins: Ins::parse(&ins).unwrap(), oid }))
}

fn lps() -> impl Strategy<Value = Lps> {
    let texts = (texts::text(), texts::text(), proptest::option::of(texts::text()), texts::text());
    texts.prop_map(|(name, version, id, homologation)| Lps { name, version, id, homologation })
}

fn role(profile: &Profile) -> impl Strategy<Value = Role> + use<> {
    let families = profile.physician_specialties.clone();
    let of_system = |system: &str| -> Vec<&'static str> {
        super::expected::SUBJECT_ROLE.iter().filter(|row| row.1 == system).map(|row| row.0).collect()
    };
    let professions = of_system("1.2.250.1.71.1.2.7");
    let qualifications = [of_system("1.2.250.1.71.4.2.5"), of_system("1.2.250.1.71.4.2.6")].concat();
    let mut roles = Vec::new();
    for profession in professions {
        roles.extend(Role::parse(profession, None, &families));
        let of = qualifications.iter().map(|code| Role::parse(profession, Some(code), &families));
        roles.extend(of.filter_map(Result::ok));
    }
    // Physicians have far the most roles: each kind gets its share.
    let is = |code: &'static str| move |role: &Role| role.profession().code() == code;
    let kind = |keep: &dyn Fn(&Role) -> bool| roles.iter().filter(|role| keep(role)).copied().collect::<Vec<_>>();
    let others = kind(&|role| !is("10")(role) && !is("21")(role));
    prop_oneof![
        proptest::sample::select(kind(&is("10"))),
        proptest::sample::select(kind(&is("21"))),
        proptest::sample::select(others),
    ]
}

fn sector() -> impl Strategy<Value = Sector> {
    let codes: Vec<&'static str> = include_str!("../../../src/vihf/data/sectors.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    proptest::sample::select(codes).prop_map(|code| Sector::parse(code).unwrap())
}
