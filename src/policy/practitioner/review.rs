//! What is to be looked at again in one entry of the register (convention, article 3.4: rights are reviewed).

use super::Record;
use super::practice::Practice;
use crate::policy::application::start_of_day;
use crate::vihf::instant::Instant;

/// A day in milliseconds.
pub const DAY_MS: u64 = 24 * 3_600_000;

/// Why an entry is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A right ends soon.
    Due,
    /// A right has ended and is still written: the practitioner moved, or leaves.
    Outlived,
    /// The service is no longer in the configuration, or there is none at all.
    NoService,
    /// No assertion for a long time, or ever.
    Unused,
}

impl Why {
    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Outlived => "outlived",
            Self::NoService => "no-service",
            Self::Unused => "unused",
        }
    }
}

/// One thing to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'r> {
    /// The entry.
    pub record: &'r Record,
    /// Why.
    pub why: Why,
    /// The service, or when it was last used.
    pub detail: String,
}

impl Finding<'_> {
    /// Cause and remedy in French.
    #[must_use]
    pub fn message(&self) -> String {
        let detail = &self.detail;
        match self.why {
            Why::Due => format!("le droit {detail} finit bientôt ; prolongez-le ou laissez-le finir"),
            Why::Outlived => {
                format!("le droit {detail} est fini ; retirez-le, ou le professionnel s'il est parti")
            }
            Why::NoService if detail.is_empty() => {
                "aucun service ; donnez-en un, ou retirez le professionnel".to_owned()
            }
            Why::NoService => format!("le service {detail} n'est plus dans la configuration ; retirez ce droit"),
            Why::Unused if detail.is_empty() => {
                "aucune assertion au journal ; demandez si ce droit sert".to_owned()
            }
            Why::Unused => format!("aucune assertion depuis le {detail} ; demandez si ce droit sert"),
        }
    }
}

/// What is to be looked at; `used` is when the newest assertion was issued, `days` those before an end and those of silence.
pub fn review<'r>(
    record: &'r Record,
    used: Option<Instant>,
    now: Instant,
    (within, unused): (u32, u32),
    service_exists: impl Fn(&str) -> bool,
) -> Vec<Finding<'r>> {
    let finding = |why, detail: &str| Finding { record, why, detail: detail.to_owned() };
    let mut findings = Vec::new();
    if record.services.is_empty() && !record.suspended {
        findings.push(finding(Why::NoService, ""));
    }
    for text in &record.services {
        let Some(practice) = Practice::parse(text) else { continue };
        if practice.is_over(now) {
            findings.push(finding(Why::Outlived, text));
        } else if !service_exists(&practice.service) {
            findings.push(finding(Why::NoService, &practice.service));
        } else if practice.is_over(now.plus_ms(u64::from(within) * DAY_MS)) {
            findings.push(finding(Why::Due, text));
        }
    }
    // Who was enrolled lately had no time to use it.
    let enrolled = record.enrolled_on.as_deref().and_then(start_of_day);
    let silent = |since: Instant| since.plus_ms(u64::from(unused) * DAY_MS) <= now;
    match used {
        None if enrolled.is_some_and(|since| !silent(since)) => {}
        None => findings.push(finding(Why::Unused, "")),
        Some(used) if silent(used) => {
            findings.push(finding(Why::Unused, &used.to_string()));
        }
        Some(_) => {}
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_finding_has_its_reason() {
        let now = Instant::parse("2026-06-15T12:00:00Z").unwrap();
        let of = |services: &[&str], used: Option<&str>| {
            let services = services.iter().map(|text| (*text).to_owned()).collect();
            let record = Record { services, ..Record::default() };
            let used = used.map(|text| Instant::parse(text).unwrap());
            let found = review(&record, used, now, (30, 90), |name| name != "fermé");
            found.iter().map(|one| one.why).collect::<Vec<_>>()
        };
        let lately = Some("2026-06-01T00:00:00Z");
        assert_eq!(of(&["bloc", "bloc /2026-12-31", "bloc 2026-07-01/"], lately), []);
        assert_eq!(of(&["bloc /2026-07-14"], lately), [Why::Due]);
        assert_eq!(of(&["bloc /2026-07-15"], lately), []);
        assert_eq!(of(&["bloc /2026-06-15"], lately), [Why::Due]);
        assert_eq!(of(&["bloc /2026-06-14", "bloc"], lately), [Why::Outlived]);
        assert_eq!(of(&["fermé"], lately), [Why::NoService]);
        assert_eq!(of(&[], None), [Why::NoService, Why::Unused]);
        assert_eq!(of(&["bloc"], Some("2026-03-17T12:00:00Z")), [Why::Unused]);
        assert_eq!(of(&["bloc"], Some("2026-03-17T12:00:00.001Z")), []);
    }
}
