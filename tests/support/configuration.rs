//! The text of `sceau.toml` and of the two registers.

use std::time::SystemTime;

use time::{Duration, OffsetDateTime};
use toml::{Table, Value};

use super::audit::{KEY, ORIGIN};
use super::establishment::{Establishment, user_name};
use super::key_kind::KeyOrigin;
use super::plan::Plan;

/// Every method of annexe 2 (`vihf.md` §2) that has a declared value.
pub const METHODS: [&str; 6] =
    ["CPS", "CARTE_ETS", "CPS:CPSSANSCONTACT", "OTP_SMS", "APP_MOBILE_AUTH", "APP_BROWSER_AUTH"];
/// The method of "AIR simplifié" (`vihf.md` §2), which a plan names when it wants it.
pub const SIMPLIFIED_METHOD: &str = "CONF_EXI_PGSSIS";
/// The services, the one with the longer lifetime first.
pub const SERVICES: [&str; 2] = ["consultation", "urgences"];
/// The profiles shipped with the product.
pub const PROFILES: [&str; 3] = ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"];
impl Plan {
    pub(super) fn config(&self, laid: &Establishment) -> Table {
        let structures =
            self.structures.iter().map(|id| table([("id", id.as_str().into()), ("sector", "SA01".into())]));
        let seals = laid.seals.iter().map(|seal| {
            let mut seal_table = table([
                ("structure", seal.structure.as_str().into()),
                ("key", seal.key.as_str().into()),
                ("uri", seal.token.uri().into()),
                ("pin_file", format!("secrets/{}.pin", seal.key).into()),
                ("certificate", format!("pki/{}.pem", seal.key).into()),
                ("processes", i64::from(seal.processes).into()),
            ]);
            seal_table.extend(seal.token.module().map(|module| ("module".to_owned(), module.into())));
            seal_table
        });
        let service = |name: &str, lifetime_ms: i64| {
            let age = Value::Integer(4 * 3_600_000);
            // Whoever tests the service's permission takes it away.
            let purposes = vec!["normal", "bris_de_glace", "centre_15"];
            table([
                ("name", name.into()),
                ("lifetime_ms", lifetime_ms.into()),
                ("login_age_max_ms", age),
                ("purposes", purposes.into()),
            ])
        };
        let trust = [
            ("anchors", vec!["pki/ca.pem"].into()),
            ("intermediates", vec!["pki/intermediate.pem"].into()),
            ("policy_oid", self.policy.as_str().into()),
        ];
        let convention = [
            ("methods", self.methods.clone().into()),
            ("rights", "consultation".into()),
            ("contactless_delay_ms", (4 * 3_600_000).into()),
            ("sealed_keys", (self.keys == KeyOrigin::Sealed).into()),
        ];
        let sockets = [
            ("token", "run/token.sock".into()),
            ("admin", "run/admin.sock".into()),
            ("signers", "run/signers".into()),
            // Everything runs as whoever runs the tests: production's own users do not exist here.
            ("signer_client", if self.mode == "test" { "".into() } else { user_name().into() }),
        ];
        let registers =
            [("applications", "applications.toml".into()), ("practitioners", "practitioners.toml".into())];
        // Sessions by the dozen and logins of hours ago are what many tests are made of.
        let declaration =
            [("login_age_max_ms", (4 * 3_600_000).into()), ("sessions_per_hour_max", 100_000.into())];
        let exception = table([
            ("application", user_name().into()),
            ("reason", "essais".into()),
            ("until", next_year().date().to_string().into()),
        ]);
        let profiles = [("default", self.profile.as_str().into()), ("files", Value::Array(Vec::new()))];
        let mut config = table([
            ("mode", self.mode.into()),
            ("structure", Value::Array(structures.map(Value::Table).collect())),
            ("seal", Value::Array(seals.map(Value::Table).collect())),
            ("trust", table(trust).into()),
            ("convention", table(convention).into()),
            ("service", vec![service(SERVICES[0], 30_000), service(SERVICES[1], 15_000)].into()),
            ("declaration", table(declaration).into()),
            ("exception", vec![exception].into()),
            ("profiles", table(profiles).into()),
            ("registers", table(registers).into()),
            ("sockets", table(sockets).into()),
            // And more assertions for one practitioner than a hospital lets pass.
            ("guard", budgets([FAR; 6]).into()),
            // The disk of a test is as full as it is.
            ("ledger", table([("folder", "ledger".into()), ("space_alarm_mib", 1.into())]).into()),
            // The machine of a test may have no NTP at all.
            ("clock", table([("require_synchronised", false.into())]).into()),
        ]);
        if let Some(audit) = &laid.audit {
            let mut table_of_audit = table([
                ("origin", ORIGIN.into()),
                ("key", KEY.into()),
                ("uri", audit.token.uri().into()),
                ("pin_file", format!("secrets/{KEY}.pin").into()),
                ("public_key", "pki/AUDIT.pub".into()),
            ]);
            table_of_audit.extend(audit.token.module().map(|module| ("module".to_owned(), module.into())));
            config.insert("audit".into(), table_of_audit.into());
        }
        config
    }

    pub(super) fn applications(&self) -> Table {
        let application = table([
            ("user", user_name().into()),
            ("lps_name", "Démo LPS".into()),
            ("lps_version", "1.0".into()),
            ("lps_id", "INST-0001".into()),
            ("homologation", "HOMOL-DEMO-2026".into()),
            ("homologation_expires_on", next_year().date().to_string().into()),
            ("services", SERVICES.to_vec().into()),
            ("channels", vec!["LPS", "WEB_PS"].into()),
            ("methods", self.methods.clone().into()),
            ("profiles", PROFILES.to_vec().into()),
            ("may_declare", self.may_declare.into()),
        ]);
        table([("application", vec![application].into())])
    }

    pub(super) fn register(&self) -> Table {
        let entries: Vec<Table> = self.practitioners.iter().map(|who| who.to_toml(&self.structures)).collect();
        table([("practitioner", entries.into())])
    }
}

fn next_year() -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now()) + Duration::days(365)
}

/// Alarm and freeze level of a volume that no test reaches.
pub const FAR: [u32; 2] = [1_000_000_000, 1_000_000_000];

/// `[guard]` with these alarm and freeze levels over an hour: tokens then patients of practitioner, application,
/// establishment.
pub fn budgets(levels: [[u32; 2]; 6]) -> Table {
    let budget = |[alarm, freeze]: [u32; 2]| -> Value {
        table([
            ("window_ms", 3_600_000.into()),
            ("alarm", i64::from(alarm).into()),
            ("freeze", i64::from(freeze).into()),
        ])
        .into()
    };
    let scoped = |at: usize| -> Value {
        table([("tokens", budget(levels[at])), ("patients", budget(levels[at + 1]))]).into()
    };
    table([("practitioner", scoped(0)), ("application", scoped(2)), ("establishment", scoped(4))])
}

/// A TOML table of these entries.
pub fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
