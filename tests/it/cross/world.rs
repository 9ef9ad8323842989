//! The worlds of the product: who is in the registers and in which state, what the application may, how proofs are made.

use serde_json::json;
use toml::{Table, Value};

use crate::proofs::mint::Mint;
use crate::support::configuration::{PROFILES, SERVICES, table};
use crate::support::crowd::rpps;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};

/// Declared structures: the first two.
pub(super) const DECLARED: usize = 2;
/// What the identity provider calls itself and the application.
pub(super) const ISSUER: &str = "https://sso.hopital.test/realms/produit";
pub(super) const CLIENT: &str = "dpi";
/// Every method of `vihf.md` §2, by the contract's names.
pub(super) const METHODS: [&str; 8] = [
    "CPS",
    "CARTE_ETS",
    "CPS:CPSSANSCONTACT",
    "OTP_SMS",
    "APP_MOBILE_AUTH",
    "APP_BROWSER_AUTH",
    "CONF_EXI_PGSSIS",
    "BLUETOOTH_PIN",
];
/// Not in the convention; and in the convention, but not of the wide application.
pub(super) const UNDECLARED_METHOD: &str = "APP_BROWSER_AUTH";
pub(super) const CLOSED_METHOD: &str = "APP_MOBILE_AUTH";

/// A state that a practitioner's entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Physician,
    Nurse,
    /// Of the first structure alone, in consultation alone.
    InOnePlace,
    /// Has a card, and nothing else.
    WithCard,
    CardLost,
    Suspended,
    NotEnrolled,
    NotTrained,
    TrainedTomorrow,
    ServiceOver,
    ServiceToCome,
    Unknown,
}

impl State {
    pub(super) const ALL: [Self; 12] = [
        Self::Physician,
        Self::Nurse,
        Self::InOnePlace,
        Self::WithCard,
        Self::CardLost,
        Self::Suspended,
        Self::NotEnrolled,
        Self::NotTrained,
        Self::TrainedTomorrow,
        Self::ServiceOver,
        Self::ServiceToCome,
        Self::Unknown,
    ];

    /// PS_IdNat: each state is one person.
    pub(super) fn id(self) -> String {
        rpps(self as usize)
    }

    /// `sub` at the identity provider.
    pub(super) fn subject(self) -> String {
        format!("s{}", self as usize)
    }

    /// The entry of whoever `id` and `subject` are in this state; none: there is none.
    pub(super) fn entry(self, id: &str, subject: &str) -> Option<Table> {
        let pairing = table([("provider", "sso".into()), ("subject", subject.into())]);
        let mut entry = table([
            ("id", id.into()),
            ("name", "DOMINIQUE PRODUIT".into()),
            ("profession", "10".into()),
            ("specialty", "SM26".into()),
            ("services", SERVICES.to_vec().into()),
            ("enrolled", true.into()),
            ("trained_on", "2026-01-15".into()),
            ("subject", vec![pairing].into()),
        ]);
        let mut set = |key: &str, value: Value| drop(entry.insert(key.into(), value));
        let card = |revoked: bool| {
            let serial = format!("carte-{id}");
            vec![table([("method", "CPS".into()), ("id", serial.into()), ("revoked", revoked.into())])]
        };
        match self {
            Self::Physician => {}
            Self::Nurse => {
                set("profession", "60".into());
                entry.remove("specialty");
            }
            Self::InOnePlace => {
                set("structures", vec![STRUCTURES[0]].into());
                set("services", vec![SERVICES[0]].into());
            }
            Self::WithCard => set("authenticator", card(false).into()),
            Self::CardLost => set("authenticator", card(true).into()),
            Self::Suspended => set("suspended", true.into()),
            Self::NotEnrolled => set("enrolled", false.into()),
            Self::NotTrained => drop(entry.remove("trained_on")),
            Self::TrainedTomorrow => {
                let day = time::OffsetDateTime::now_utc().date() + time::Duration::days(2);
                set("trained_on", day.to_string().into());
            }
            Self::ServiceOver => {
                set("services", vec!["consultation /2020-12-31", "urgences"].into());
            }
            Self::ServiceToCome => {
                set("services", vec!["consultation", "urgences 2999-01-01/"].into());
            }
            Self::Unknown => return None,
        }
        Some(entry)
    }
}

/// The register in which each person of [`State::ALL`] is in the state that `now` gives.
pub(super) fn register(now: impl Fn(State) -> State) -> Table {
    let entries = State::ALL.iter().filter_map(|who| now(*who).entry(&who.id(), &who.subject()));
    table([("practitioner", entries.collect::<Vec<_>>().into())])
}

/// What an application may, and in which mode the appliance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// Everything but one method; test mode, in which declaring is allowed.
    Wide,
    /// The same under the rights table of 2025.
    Wide2025,
    /// It must prove.
    Proving,
    /// One service, one channel, two methods, one profile.
    Narrow,
    Suspended,
    HomologationEnded,
    /// Production, with an exception to proof; without; and with one that has ended.
    Excepted,
    NotExcepted,
    ExceptionEnded,
}

impl World {
    pub(super) const ALL: [Self; 9] = [
        Self::Wide,
        Self::Wide2025,
        Self::Proving,
        Self::Narrow,
        Self::Suspended,
        Self::HomologationEnded,
        Self::Excepted,
        Self::NotExcepted,
        Self::ExceptionEnded,
    ];

    /// Lays it out; the provider's keys are those of `mint`.
    pub(super) fn establishment(self, mint: &Mint) -> Establishment {
        let keys = mint.ask(&json!({ "do": "jwks" }));
        let plan = Plan::new("cross").key_type(KeyType::P256).structures(&STRUCTURES[..DECLARED]);
        let plan = match self {
            Self::Excepted | Self::NotExcepted | Self::ExceptionEnded => plan.production(),
            _ => plan,
        };
        let plan = plan
            .structures(&STRUCTURES[..DECLARED])
            .may_declare(self != Self::Proving)
            .edit_config(move |config| self.configure(config))
            .edit_applications(move |register| {
                self.restrict(register["application"][0].as_table_mut().unwrap());
            })
            .edit_practitioners(|table| *table = register(|who| who));
        let establishment = plan.build();
        crate::support::establishment::write(&establishment.folder.join("keys.json"), &keys.to_string(), 0o644);
        establishment
    }

    pub(super) fn scope(self) -> &'static str {
        if self == Self::Wide2025 { "table-2025" } else { "consultation" }
    }

    fn configure(self, config: &mut Table) {
        let declared = METHODS.iter().filter(|method| **method != UNDECLARED_METHOD);
        config["convention"]["methods"] = declared.copied().collect::<Vec<_>>().into();
        config["convention"]["rights"] = self.scope().into();
        let method = |method: &&str| {
            let mut rule = table([
                ("method", (*method).into()),
                ("acr", vec![*method].into()),
                ("factors", vec!["possession", "knowledge"].into()),
            ]);
            if *method == "CPS:CPSSANSCONTACT" {
                rule.insert("initial_claim".into(), "card_pin_time".into());
            }
            rule
        };
        let provider = table([
            ("name", "sso".into()),
            ("issuer", ISSUER.into()),
            ("jwks", "keys.json".into()),
            ("algorithms", vec!["ES256"].into()),
            // One proof serves many questions of the pure product.
            ("age_max_ms", 3_600_000.into()),
            ("method", METHODS.iter().map(method).collect::<Vec<_>>().into()),
        ]);
        config.insert("identity_provider".into(), vec![provider].into());
        for (place, service) in SERVICES.iter().enumerate() {
            let purposes = Value::from(Self::purposes(service).to_vec());
            config["service"][place].as_table_mut().unwrap().insert("purposes".into(), purposes);
        }
        match self {
            Self::NotExcepted => drop(config.remove("exception")),
            Self::ExceptionEnded => config["exception"][0]["until"] = "2026-01-31".into(),
            _ => {}
        }
    }

    fn restrict(self, application: &mut Table) {
        let mut set = |key: &str, value: Value| drop(application.insert(key.into(), value));
        let audience = table([("provider", "sso".into()), ("client_id", CLIENT.into())]);
        set("audience", vec![audience].into());
        set("methods", self.methods().into());
        set("services", self.services().to_vec().into());
        set("channels", self.channels().to_vec().into());
        set("profiles", self.profiles().to_vec().into());
        match self {
            Self::Suspended => set("suspended", true.into()),
            Self::HomologationEnded => set("homologation_expires_on", "2026-01-31".into()),
            _ => {}
        }
    }

    pub(super) fn methods(self) -> Vec<&'static str> {
        if self == Self::Narrow {
            return vec!["CPS", "OTP_SMS"];
        }
        METHODS.into_iter().filter(|method| *method != CLOSED_METHOD).collect()
    }

    pub(super) fn services(self) -> &'static [&'static str] {
        if self == Self::Narrow { &SERVICES[..1] } else { &SERVICES }
    }

    pub(super) fn channels(self) -> &'static [&'static str] {
        if self == Self::Narrow { &["LPS"] } else { &["LPS", "WEB_PS"] }
    }

    pub(super) fn profiles(self) -> &'static [&'static str] {
        if self == Self::Narrow { &PROFILES[..1] } else { &PROFILES }
    }

    /// Purposes that a service may ask for, by `[[service]] purposes`.
    pub(super) fn purposes(service: &str) -> &'static [&'static str] {
        if service == SERVICES[0] { &["normal", "centre_15"] } else { &["normal", "bris_de_glace", "centre_15"] }
    }

    /// Whether its word about a login is enough.
    pub(super) fn may_declare(self) -> bool {
        !matches!(self, Self::Proving | Self::NotExcepted | Self::ExceptionEnded)
    }
}
