//! Deciding alone: policy over a register of twenty thousand, on one thread, without ledger and signature.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant as Moment;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau::config::{Config, Loaded};
use sceau::policy::application::Application;
use sceau::policy::convention::Convention;
use sceau::policy::denial::Decision;
use sceau::policy::issuing::{self, Asking};
use sceau::policy::opening::{self, Authentication, Known, Opening};
use sceau::policy::practitioner::Practitioners;
use sceau::policy::practitioner::import;
use sceau::policy::register::Format;
use sceau::policy::rights::Transaction;
use sceau::policy::session::Session;
use sceau::proof::{Algorithm, Audience, Factor, KeySet, MethodRule, Providers, Terms};
use sceau::sys::{clock, cpu};
use sceau::vihf::assertion::Patient;
use sceau::vihf::codes::{Purpose, Sector};
use sceau::vihf::identity::{Ins, InsOid, PsIdNat, StructIdNat};
use sceau::vihf::instant::Instant;
use sceau::vihf::method::Method;
use serde_json::{Value, json};

use crate::support::crowd::{HEAD, nurse, rpps};
use crate::support::establishment::Establishment;
use crate::support::practitioners::PATIENTS;

/// Practitioners of the largest hospitals.
pub(super) const CROWD: usize = 20_000;
/// Aim of a decision, in microseconds.
pub(super) const AIM_US: f64 = 5.0;
/// Decisions of each kind; fewer where each checks a signature.
const DECISIONS: usize = 10 * CROWD;
const PROOFS: usize = CROWD / 10;
/// Next practitioner but this many: prime, so that neighbours in memory are not neighbours in time.
const STRIDE: usize = 7919;

const ISSUER: &str = "https://sso.hopital.test";
const CLIENT: &str = "dpi";

/// What was measured: thread CPU in microseconds each, and counts.
pub(super) struct Decided {
    /// Judging a table of [`CROWD`] lines, in milliseconds.
    pub(super) import_ms: f64,
    /// A session by a declared login; by a proved one, its signature included; an assertion.
    pub(super) open_us: f64,
    pub(super) prove_us: f64,
    pub(super) issue_us: f64,
    /// Signatures checked for each proved session, and for each assertion.
    pub(super) checks: [f64; 2],
}

/// Everything that a decision is made of.
struct World {
    config: Config,
    convention: Convention,
    loaded: Loaded,
    structures: Vec<(StructIdNat, Sector)>,
    practitioners: Practitioners,
    application: Arc<Application>,
    providers: Providers,
    key: EcdsaKeyPair,
    now: Instant,
}

/// Measures with the configuration of that establishment and a register of [`CROWD`].
pub(super) fn measure(establishment: &Establishment) -> Decided {
    let (world, import_ms) = World::of(establishment);
    let ids: Vec<_> = (0..CROWD).map(|number| PsIdNat::parse(&rpps(number)).unwrap()).collect();
    let asked: Vec<Opening> = ids.iter().map(|id| world.opening(*id, None)).collect();
    let each = |number: usize| number * STRIDE % CROWD;
    let open_us = each_us(DECISIONS, |number| drop(black_box(world.open(black_box(&asked[each(number)])))));
    let sessions: Vec<Arc<Session>> = asked.iter().map(|asked| Arc::new(world.open(asked))).collect();
    let proved: Vec<Opening> = (0..PROOFS)
        .map(|number| world.opening(ids[each(number)], Some(world.proof(each(number), number))))
        .collect();
    let before = world.providers.signatures_checked();
    let prove_us = each_us(PROOFS, |number| drop(black_box(world.open(black_box(&proved[number])))));
    let between = world.providers.signatures_checked();
    let issue_us = each_us(DECISIONS, |number| world.issue(black_box(&sessions[each(number)])));
    let after = world.providers.signatures_checked();
    let checks = [(between - before) as f64 / PROOFS as f64, (after - between) as f64 / DECISIONS as f64];
    Decided { import_ms, open_us, prove_us, issue_us, checks }
}

/// Thread CPU of one `act`, in microseconds.
fn each_us(times: usize, act: impl Fn(usize)) -> f64 {
    let before = cpu::thread_ns();
    (0..times).for_each(act);
    (cpu::thread_ns() - before) as f64 / times as f64 / 1000.0
}

impl World {
    fn of(establishment: &Establishment) -> (Self, f64) {
        let now = clock::now();
        let config = Config::load(&establishment.config()).unwrap();
        let loaded = config.load_named(|_| Some(7), now).unwrap();
        let line = |number: usize| {
            let nurse = nurse(&rpps(number), &format!("CAMILLE NUMERO {number}"));
            format!("{};sso s{number}\n", nurse.trim_end())
        };
        let table = format!("{};subject\n{}", HEAD.trim_end(), (0..CROWD).map(line).collect::<String>());
        let convention = config.present_convention().unwrap().convention;
        let mut around = config.around(&convention, &loaded.profiles);
        around.providers.insert("sso".to_owned());
        let began = Moment::now();
        let practitioners = import::judge(table.as_bytes(), Format::Csv, &around, None, &mut |_, _| {}).unwrap();
        let import_ms = began.elapsed().as_secs_f64() * 1000.0;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut application = Application::clone(loaded.applications.get(7).unwrap());
        application.audiences = vec![Audience { provider: "sso".to_owned(), client_id: CLIENT.to_owned() }];
        let providers = providers(&key);
        let application = Arc::new(application);
        let structures = convention.structures.iter().map(|known| (known.id, known.sector)).collect();
        (
            Self { config, convention, loaded, structures, practitioners, application, providers, key, now },
            import_ms,
        )
    }

    fn opening(&self, practitioner: PsIdNat, proof: Option<String>) -> Opening {
        let instant = Instant::from_ms((self.now.ms() - 60_000) / 1000 * 1000);
        let login =
            Authentication { method: Method::Cps, instant, initial_instant: None, proof: proof.map(Into::into) };
        Opening {
            practitioner,
            authentication: Some(login),
            structure: None,
            service: Some("consultation".to_owned()),
            channel: None,
            profile: None,
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            convention: &self.convention,
            services: &self.convention.services,
            structures: &self.structures,
            practitioners: &self.practitioners,
            profiles: &self.loaded.profiles,
            default_profile: &self.config.profiles.default,
            providers: &self.providers,
            declarations: &self.convention.declarations,
            login_future_max_ms: self.config.limits.login_future_max_ms,
            now: self.now,
            lost_until: None,
        }
    }

    fn open(&self, asked: &Opening) -> Session {
        approved(opening::decide(&self.known(), &self.application, asked))
    }

    fn issue(&self, session: &Arc<Session>) {
        let asking = Asking {
            transaction: Transaction::parse("3.1").unwrap(),
            purpose: Purpose::Normal,
            patient: Some(Patient { ins: Ins::parse(PATIENTS[0]).unwrap(), oid: InsOid::Nir }),
            invisible_to_guardians: false,
        };
        drop(black_box(approved(issuing::decide(&self.known(), &self.application, session, asking))));
    }

    /// A proof of that practitioner's login, never the same twice.
    fn proof(&self, practitioner: usize, number: usize) -> String {
        let seconds = self.now.ms() / 1000;
        let claims = json!({
            "iss": ISSUER, "sub": format!("s{practitioner}"), "aud": CLIENT, "azp": CLIENT, "jti": number.to_string(),
            "iat": seconds, "exp": seconds + 300, "auth_time": (self.now.ms() - 60_000) / 1000, "acr": "eidas3",
        });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": "ES256", "kid": "k", "typ": "JWT" })), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn providers(key: &EcdsaKeyPair) -> Providers {
    // An uncompressed point: 4, x, y.
    let [x, y] = [1..33, 33..65].map(|half| URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[half]));
    let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y }] });
    let keys = KeySet::parse(keys.to_string().as_bytes(), &[Algorithm::ES256]).unwrap();
    let method = MethodRule {
        method: Method::Cps,
        acr: vec!["eidas3".to_owned()],
        amr: Vec::new(),
        factors: vec![Factor::Possession, Factor::Knowledge],
        initial_claim: None,
    };
    let terms = Terms {
        name: "sso".to_owned(),
        issuer: ISSUER.to_owned(),
        algorithms: vec![Algorithm::ES256],
        clock_skew_ms: 2_000,
        age_max_ms: 300_000,
        instant_tolerance_ms: 2_000,
        methods: vec![method],
    };
    let mut providers = Providers::default();
    providers.add(terms, keys);
    providers
}

fn approved<T>(decision: Decision<T>) -> T {
    match decision {
        Decision::Approved(approved) => approved,
        Decision::Denied(denial) => panic!("{denial:?}"),
        Decision::Malformed(malformed) => panic!("{malformed:?}"),
    }
}
