//! Instants and lifetime (vihf.md §1, §5).

use super::facts::Facts;
use super::finding::{Findings, quoted};
use super::judgement::Moment;
use super::rule::Rule;
use super::shape::{self, SAML, Slot};
use crate::vihf::instant::Instant;
use crate::vihf::profile::Profile;
use crate::xmldsig::Element;

const HOUR_MS: i64 = 3_600_000;
/// Time zones lie within this many hours of UTC.
const ZONE_HOURS_MAX: i64 = 14;
/// How far from a whole number of hours, in milliseconds, local time marked as UTC may arrive: forging, travel and clocks.
const WHOLE_HOUR_MARGIN_MS: i64 = 90_000;
/// How far ahead, in milliseconds, a clock may be without being told.
const CLOCK_MARGIN_MS: i64 = 60_000;
/// How far `NotBefore` may stand before `IssueInstant`, in milliseconds: no two clocks differ by more (as in profiles).
const NOT_BEFORE_AHEAD_MAX_MS: i64 = 300_000;

/// Judges every instant; gives the one at which the certificate is to be judged.
pub(super) fn check(
    facts: &Facts<'_>,
    profile: Option<&Profile>,
    moment: Moment,
    findings: &mut Findings,
) -> Instant {
    let assertion = facts.assertion;
    let issued = instant(assertion, "IssueInstant", true, findings);
    let authn = facts.authn_statement.and_then(|statement| instant(statement, "AuthnInstant", true, findings));
    if let (Some(statement), Some(authn), Some(issued)) = (facts.authn_statement, authn, issued)
        && authn > issued
    {
        let message = format!("AuthnInstant ({authn}) suit IssueInstant ({issued})");
        findings.at(Rule::AuthnAfterIssue, statement, message);
    }
    let wants_conditions = profile.is_some_and(|profile| profile.conditions);
    let lifetime_max_ms = profile.map(|profile| profile.lifetime_max_ms);
    let bounds = conditions(facts, issued, wants_conditions, lifetime_max_ms, findings);
    let Some(issued) = issued else {
        return match moment {
            Moment::At(at) | Moment::NotAfter(at) => at,
        };
    };
    match moment {
        Moment::At(at) => {
            received(assertion, issued, bounds, lifetime_max_ms, at, findings);
            at
        }
        Moment::NotAfter(now) => {
            let ahead_ms = issued.ms_since(now);
            if ahead_ms > CLOCK_MARGIN_MS {
                from_future(assertion, issued, now, findings);
            }
            issued
        }
    }
}

/// First and last instant of `Conditions`, where they are given.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    not_before: Option<Instant>,
    not_on_or_after: Option<Instant>,
}

fn conditions(
    facts: &Facts<'_>,
    issued: Option<Instant>,
    wanted: bool,
    lifetime_max_ms: Option<u64>,
    findings: &mut Findings,
) -> Bounds {
    let Some(conditions) = facts.conditions else {
        if wanted {
            findings.at(
                Rule::LifetimeMissing,
                facts.assertion,
                "Conditions manque : l'assertion n'a pas de durée de vie",
            );
        }
        return Bounds::default();
    };
    if let Some(audience) = conditions.child(SAML, "AudienceRestriction") {
        findings.at(Rule::AudiencePresent, audience, "Conditions porte AudienceRestriction");
    }
    let slots = [Slot(SAML, "AudienceRestriction", 0, usize::MAX), Slot(SAML, "OneTimeUse", 0, 1)];
    shape::check(conditions, &slots, &["NotBefore", "NotOnOrAfter"], findings);
    let bounds = Bounds {
        not_before: instant(conditions, "NotBefore", false, findings),
        not_on_or_after: instant(conditions, "NotOnOrAfter", false, findings),
    };
    if wanted && conditions.attribute("NotOnOrAfter").is_none() {
        findings.at(Rule::LifetimeMissing, conditions, "NotOnOrAfter manque : l'assertion n'a pas de fin");
    }
    let (Some(end), Some(issued)) = (bounds.not_on_or_after, issued) else { return bounds };
    let ahead_ms = bounds.not_before.map_or(0, |start| issued.ms_since(start));
    let lifetime_ms = end.ms_since(issued);
    if lifetime_ms <= 0 || bounds.not_before.is_some_and(|start| end <= start) {
        findings.at(Rule::LifetimeEmpty, conditions, "NotOnOrAfter ne suit pas NotBefore et IssueInstant");
    } else if let Some(max_ms) = lifetime_max_ms.and_then(|max_ms| i64::try_from(max_ms).ok())
        && lifetime_ms > max_ms
    {
        let message = format!("l'assertion vit {} s ; le plafond est de {} s", lifetime_ms / 1000, max_ms / 1000);
        findings.at(Rule::LifetimeTooLong, conditions, message);
    }
    if lifetime_max_ms.is_some() && ahead_ms > NOT_BEFORE_AHEAD_MAX_MS {
        let message = format!("NotBefore précède IssueInstant de {} s", ahead_ms / 1000);
        findings.at(Rule::LifetimeTooLong, conditions, message);
    }
    bounds
}

/// Judges an assertion as a server that receives it at `at`: one fault of the clock is told once.
fn received(
    assertion: Element<'_>,
    issued: Instant,
    bounds: Bounds,
    lifetime_max_ms: Option<u64>,
    at: Instant,
    findings: &mut Findings,
) {
    // The cap is the profile's: the direct mode, which none describes, has only the end that the assertion gives.
    let end = bounds.not_on_or_after.or_else(|| Some(issued.plus_ms(lifetime_max_ms?)));
    if let Some(hours) = whole_hours(issued.ms_since(at)) {
        let message = format!(
            "IssueInstant ({issued}) est à {hours:+} h de l'instant de réception ({at}) : heure locale marquée Z ?"
        );
        findings.at(Rule::IssueWholeHours, assertion, message);
    } else if issued.ms_since(at) > CLOCK_MARGIN_MS {
        from_future(assertion, issued, at, findings);
    } else if bounds.not_before.is_some_and(|start| at < start) {
        findings.at(Rule::NotYetValid, assertion, format!("l'assertion n'est pas encore valable à {at}"));
    } else if let Some(end) = end.filter(|end| at >= *end && *end > issued) {
        findings.at(Rule::Expired, assertion, format!("l'assertion ne vaut plus à {at} : elle a fini à {end}"));
    }
}

fn from_future(assertion: Element<'_>, issued: Instant, now: Instant, findings: &mut Findings) {
    if let Some(hours) = whole_hours(issued.ms_since(now)) {
        let message = format!("IssueInstant ({issued}) est à {hours:+} h de {now} : heure locale marquée Z ?");
        findings.at(Rule::IssueWholeHours, assertion, message);
    } else {
        findings.at(Rule::IssueInFuture, assertion, format!("IssueInstant ({issued}) est dans l'avenir de {now}"));
    }
}

/// The hours that a difference amounts to, if it is a whole number of them other than none.
fn whole_hours(difference_ms: i64) -> Option<i64> {
    let hours = difference_ms.saturating_add(HOUR_MS / 2).div_euclid(HOUR_MS);
    let off_ms = difference_ms.saturating_sub(hours.saturating_mul(HOUR_MS)).abs();
    (hours != 0 && hours.abs() <= ZONE_HOURS_MAX && off_ms <= WHOLE_HOUR_MARGIN_MS).then_some(hours)
}

/// Reads an instant; a leap second is none of `xs:dateTime` (XML Schema datatypes §3.2.7); one that is missing is told if it is required, one that is not UTC always.
fn instant(element: Element<'_>, name: &str, required: bool, findings: &mut Findings) -> Option<Instant> {
    let Some(text) = element.attribute(name) else {
        if required {
            findings.at(Rule::InstantForm, element, format!("{name} manque"));
        }
        return None;
    };
    let instant = Instant::parse(text)
        .filter(|_| text.ends_with('Z') && text.get(10..11) == Some("T") && text.get(16..19) != Some(":60"));
    if instant.is_none() {
        findings.at(Rule::InstantForm, element, format!("{name} vaut {}", quoted(text)));
    } else if text.len() != "2020-08-04T07:12:16.918Z".len() {
        findings.at(Rule::InstantPrecision, element, format!("{name} vaut {}", quoted(text)));
    }
    instant
}
