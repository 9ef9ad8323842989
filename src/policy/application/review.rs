//! What is to be looked at again in one entry of the register (convention, article 3.4: rights are reviewed).

use std::collections::{BTreeMap, BTreeSet};

use super::{Record, end_of_day};
use crate::policy::practitioner::review::DAY_MS;
use crate::vihf::instant::Instant;

/// Why an entry is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its homologation has ended: everything is refused.
    HomologationEnded,
    /// Its homologation ends soon.
    HomologationDue,
    /// A service or profile is no longer in the configuration.
    Gone,
    /// No assertion for a long time, or ever.
    Unused,
    /// It is used, and one of its rights is not.
    UnusedRight,
    /// It asked for assertions in bris de glace or for a centre 15.
    Exceptional,
}

impl Why {
    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HomologationEnded => "homologation-ended",
            Self::HomologationDue => "homologation-due",
            Self::Gone => "gone",
            Self::Unused => "unused",
            Self::UnusedRight => "unused-right",
            Self::Exceptional => "exceptional",
        }
    }
}

/// What the ledger tells of an application's assertions: the newest of all, the others within the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// When the newest assertion was issued.
    pub last: Option<Instant>,
    /// Services.
    pub services: BTreeSet<String>,
    /// Channels.
    pub channels: BTreeSet<String>,
    /// Methods, by what assertions declare of them.
    pub declarations: BTreeSet<String>,
    /// Profiles.
    pub profiles: BTreeSet<String>,
    /// Assertions beyond `normal`, by purpose and service.
    pub exceptional: BTreeMap<(String, String), u64>,
}

/// What a review is made beside.
pub struct Beside<'a> {
    /// The time.
    pub now: Instant,
    /// Days before the end of a homologation at which it is told.
    pub within: u32,
    /// Days of silence after which a right is told, and the period of [`Use`].
    pub unused: u32,
    /// Whether the configuration has that service.
    pub service_exists: &'a dyn Fn(&str) -> bool,
    /// What assertions of that profile and method declare; none: there is no such profile, or it has not that method.
    pub declaration: &'a dyn Fn(&str, &str) -> Option<String>,
    /// Whether there is such a profile.
    pub profile_exists: &'a dyn Fn(&str) -> bool,
}

/// One thing to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'r> {
    /// The entry.
    pub record: &'r Record,
    /// Why.
    pub why: Why,
    /// Cause and remedy in French.
    pub message: String,
}

/// What is to be looked at.
#[must_use]
pub fn review<'r>(record: &'r Record, used: &Use, beside: &Beside<'_>) -> Vec<Finding<'r>> {
    let mut findings = Vec::new();
    let mut tell = |why, message: String| findings.push(Finding { record, why, message });
    let Beside { now, within, unused, .. } = *beside;
    let day = &record.homologation_expires_on;
    match end_of_day(day) {
        Some(end) if end <= now => {
            tell(
                Why::HomologationEnded,
                format!(
                    "son homologation est finie depuis le {day}, tout lui est refusé ; renseignez la nouvelle, ou retirez-la"
                ),
            );
        }
        Some(end) if end <= now.plus_ms(u64::from(within) * DAY_MS) => {
            tell(
                Why::HomologationDue,
                format!("son homologation finit le {day} ; demandez la nouvelle à son éditeur"),
            );
        }
        _ => {}
    }
    for name in record.services.iter().filter(|name| !(beside.service_exists)(name)) {
        tell(Why::Gone, format!("le service {name} n'est plus dans la configuration ; retirez-le"));
    }
    for name in record.profiles.iter().filter(|name| !(beside.profile_exists)(name)) {
        tell(Why::Gone, format!("le profil {name} n'est plus dans la configuration ; retirez-le"));
    }
    match used.last {
        None => tell(Why::Unused, "aucune assertion au journal ; demandez si elle sert".to_owned()),
        Some(last) if last.plus_ms(u64::from(unused) * DAY_MS) <= now => {
            tell(Why::Unused, format!("aucune assertion depuis le {last} ; demandez si elle sert"));
        }
        Some(_) => {
            for (kind, name) in rights_unused(record, used, beside) {
                let message = format!(
                    "{kind} {name} n'a pas servi depuis {unused} jours ; retirez ce droit s'il ne sert plus"
                );
                tell(Why::UnusedRight, message);
            }
        }
    }
    for ((purpose, service), count) in &used.exceptional {
        let message = format!(
            "{count} assertion(s) en {purpose} par le service {service} depuis {unused} jours ; vérifiez-les aux traces"
        );
        tell(Why::Exceptional, message);
    }
    findings
}

/// Rights that no assertion of the period used: what each is, and its name.
fn rights_unused<'r>(record: &'r Record, used: &Use, beside: &Beside<'_>) -> Vec<(&'static str, &'r str)> {
    let is_method_used = |method: &str| {
        let mut declared = record.profiles.iter().filter_map(|profile| (beside.declaration)(profile, method));
        used.declarations.contains(method) || declared.any(|text| used.declarations.contains(&text))
    };
    let not_in = |known: &'r [String], used: &BTreeSet<String>| -> Vec<&'r str> {
        known.iter().filter(|name| !used.contains(*name)).map(String::as_str).collect()
    };
    let services =
        not_in(&record.services, &used.services).into_iter().filter(|name| (beside.service_exists)(name));
    let profiles =
        not_in(&record.profiles, &used.profiles).into_iter().filter(|name| (beside.profile_exists)(name));
    let methods = record.methods.iter().map(String::as_str).filter(|method| !is_method_used(method));
    let mut unused: Vec<_> = services.map(|name| ("le service", name)).collect();
    unused.extend(not_in(&record.channels, &used.channels).into_iter().map(|name| ("le canal", name)));
    unused.extend(methods.map(|name| ("la méthode", name)));
    unused.extend(profiles.map(|name| ("le profil", name)));
    unused
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts<C: FromIterator<String>>(words: &[&str]) -> C {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn each_finding_has_its_reason() {
        let at = |text: &str| Instant::parse(text).unwrap();
        let beside = Beside {
            now: at("2026-06-15T12:00:00Z"),
            within: 60,
            unused: 90,
            service_exists: &|name| name != "fermé",
            declaration: &|profile, method| (profile == "dmp-air" && method == "CPS").then(|| "CPS-3".to_owned()),
            profile_exists: &|name| name != "ancien",
        };
        let record = |day: &str| Record {
            homologation_expires_on: day.to_owned(),
            services: texts(&["bloc"]),
            methods: texts(&["CPS"]),
            profiles: texts(&["dmp-air"]),
            ..Record::default()
        };
        let all = Use {
            last: Some(at("2026-06-15T11:00:00Z")),
            services: texts(&["bloc"]),
            channels: texts(&["LPS"]),
            declarations: texts(&["CPS-3"]),
            profiles: texts(&["dmp-air"]),
            ..Use::default()
        };
        let of = |record: &Record, used: &Use| -> Vec<_> {
            review(record, used, &beside).into_iter().map(|finding| finding.why).collect()
        };
        assert_eq!(of(&record("2026-08-14"), &all), []);
        assert_eq!(of(&record("2026-08-13"), &all), [Why::HomologationDue]);
        assert_eq!(of(&record("2026-06-15"), &all), [Why::HomologationDue]);
        assert_eq!(of(&record("2026-06-14"), &all), [Why::HomologationEnded]);
        let good = record("2027-01-01");
        assert_eq!(of(&good, &Use::default()), [Why::Unused]);
        assert_eq!(of(&good, &Use { last: Some(at("2026-03-17T12:00:00Z")), ..all.clone() }), [Why::Unused]);
        assert_eq!(of(&good, &Use { last: all.last, ..Use::default() }), [Why::UnusedRight; 4]);
        let gone = Record {
            services: texts(&["bloc", "fermé"]),
            profiles: texts(&["dmp-air", "ancien"]),
            ..good.clone()
        };
        assert_eq!(of(&gone, &all), [Why::Gone, Why::Gone]);
        let exceptional = BTreeMap::from([(("bris_de_glace".to_owned(), "bloc".to_owned()), 3)]);
        assert_eq!(of(&good, &Use { exceptional, ..all }), [Why::Exceptional]);
    }
}
