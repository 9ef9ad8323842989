//! `traces.csv`: the acts of an archive for spreadsheets, one row each, with what became of them.
//!
//! UTF-8 with byte order mark, semicolons, CRLF: what a French Excel opens by a double click with its accents right. The
//! rows hold nothing that `entries.jsonl` does not; the judge makes them again and compares.

use std::fmt::Write as _;

use csv::{Terminator, WriterBuilder};
use time::{OffsetDateTime, UtcOffset};

use super::record::Facts;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::instant::Instant;

/// UTF-8's byte order mark: without it Excel takes the file for Windows-1252.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Offsets that any zone of the earth has, in seconds: quarters of hours, from 12 hours behind to 14 ahead. Another would show an
/// act on a day that it was not on.
const OFFSETS_S: std::ops::RangeInclusive<i32> = -12 * 3600..=14 * 3600;
/// See [`OFFSETS_S`].
const QUARTER_S: i32 = 900;

/// The headings.
const HEADINGS: [&str; 29] = [
    "Entrée",
    "Date et heure locales",
    "Décalage",
    "Instant UTC",
    "Acte",
    "Suite",
    "Professionnel",
    "Patient (INS)",
    "Système d'identifiants (OID)",
    "Transaction",
    "Finalité",
    "Invisible aux représentants légaux",
    "Application",
    "Service",
    "Structure",
    "Canal",
    "Profil",
    "Mode d'authentification",
    "Preuve de connexion",
    "Connexion (UTC)",
    "Connexion initiale (UTC)",
    "Session",
    "Motif du refus",
    "Nombre de refus",
    "Depuis (UTC)",
    "Fin de validité (UTC)",
    "Identifiant de l'assertion",
    "Empreinte de l'assertion",
    "Certificat de sceau (empreinte)",
];

/// The first line, byte order mark included.
///
/// # Errors
/// csv's own, which a vector never meets.
pub fn head() -> Result<String, csv::Error> {
    Ok(BYTE_ORDER_MARK.to_owned() + &line(HEADINGS.map(str::to_owned))?)
}

/// Whether entries of this kind have a row of their own: what became of an assertion stands in its row.
#[must_use]
pub fn has_row(facts: &Facts) -> bool {
    matches!(facts.kind, "issued" | "refused" | "session-opened" | "session-closed")
}

/// The row of an entry, with its CRLF.
///
/// # Errors
/// csv's own, which a vector never meets.
pub fn row(
    index: u64,
    at: Instant,
    facts: &Facts,
    outcomes: &[Outcome],
    offset: UtcOffset,
) -> Result<String, csv::Error> {
    let of = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let person = |field: fn(&super::record::Person) -> &str, name: &str| match &facts.patient {
        Some(person) => cell(field(person)),
        None if facts.unreadable.contains(&name) => "(clé détruite)".to_owned(),
        None => String::new(),
    };
    let practitioner = match &facts.practitioner {
        Some(id) => cell(id),
        None if facts.unreadable.contains(&"practitioner") => "(clé détruite)".to_owned(),
        None => String::new(),
    };
    line([
        index.to_string(),
        local(at, offset),
        offset_text(offset),
        facts.time.clone(),
        act(facts.kind).to_owned(),
        became(facts.kind, outcomes),
        practitioner,
        person(|person| &person.ins, "patient"),
        person(|person| &person.oid, ""),
        of(&facts.transaction),
        of(&facts.purpose),
        if facts.invisible_to_guardians { "oui".to_owned() } else { String::new() },
        of(&facts.application),
        of(&facts.service),
        of(&facts.structure),
        of(&facts.channel),
        of(&facts.profile),
        of(&facts.method),
        evidence(facts.evidence).to_owned(),
        of(&facts.login),
        of(&facts.initial_login),
        number(facts.session),
        of(&facts.reason),
        number(facts.count),
        of(&facts.since),
        of(&facts.expires),
        of(&facts.assertion_id),
        of(&facts.assertion_digest),
        of(&facts.certificate),
    ])
}

fn line<const N: usize>(cells: [String; N]) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().delimiter(b';').terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(&cells)?;
    let bytes = writer.into_inner().map_err(|cause| csv::Error::from(cause.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that a spreadsheet shows as it is: one that it would take for a formula (CWE-1236), or for a number whose zeros and
/// last digits it would drop, gets an apostrophe before it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if formula || digits { format!("'{text}") } else { text.to_owned() }
}

/// `31/12/2026 23:59:59`, which a French spreadsheet takes for a date.
fn local(at: Instant, offset: UtcOffset) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.ms().div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let at = at.to_offset(offset);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{day:02}/{:02}/{year:04} {hour:02}:{minute:02}:{second:02}", u8::from(month))
}

/// `UTC+01:00`.
fn offset_text(offset: UtcOffset) -> String {
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
}

/// The offset that a row says its local time is in: the third cell; neither of those before it is ever quoted.
#[must_use]
pub fn offset_of(row: &str) -> Option<UtcOffset> {
    let text = row.split(';').nth(2)?.strip_prefix("UTC")?;
    let (sign, text) = text.split_at_checked(1)?;
    let (hours, minutes) = text.split_once(':')?;
    let sign: i8 = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let part = |text: &str| text.parse::<i8>().ok().filter(|part| *part >= 0);
    let offset = UtcOffset::from_hms(sign * part(hours)?, sign * part(minutes)?, 0).ok()?;
    let is_a_zones = OFFSETS_S.contains(&offset.whole_seconds()) && offset.whole_seconds() % QUARTER_S == 0;
    is_a_zones.then_some(offset)
}

fn act(kind: &str) -> &'static str {
    match kind {
        "issued" => "assertion",
        "refused" => "refus",
        "session-opened" => "ouverture de session",
        "session-closed" => "fermeture de session",
        _ => "",
    }
}

fn evidence(name: Option<&str>) -> &'static str {
    match name {
        Some("declared") => "déclarée",
        Some("proof") => "preuve",
        Some("none") => "aucune",
        _ => "",
    }
}

/// Recorded is not released: an assertion of which nobody knows that it left accuses nobody.
fn became(kind: &str, outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let word = match outcome {
            Outcome::Released => "remise",
            Outcome::Failed => "non remise (échec)",
            Outcome::Spent => "utilisée",
            Outcome::Expired => "expirée",
            Outcome::Accepted => "acceptée par le DMP",
            Outcome::Refused => "refusée par le DMP",
            Outcome::Unused => "non utilisée",
        };
        let _ = write!(text, "{}{word}", if text.is_empty() { "" } else { ", " });
    }
    if kind == "issued" && !outcomes.iter().any(|outcome| outcome.may_come(true)) {
        "inconnue : rien ne dit qu'elle a été remise".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_or_round_is_a_text() {
        for text in ["=1+1", "+33", "-1", "@SUM(A1)", "\t=1", "207058575627097", "0750000011"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        for text in ["", "TD3.1", "1.2.250.1.213.1.4.8", "cardiologie", "2A"] {
            assert_eq!(cell(text), text);
        }
        // A separator or a quote inside stays inside.
        let facts = Facts { kind: "refused", reason: Some("a;b \"c\"".to_owned()), ..Facts::default() };
        let row = row(7, Instant::from_ms(0), &facts, &[], UtcOffset::UTC).unwrap();
        assert!(row.contains(";\"a;b \"\"c\"\"\";") && row.ends_with("\r\n"), "{row}");
    }

    #[test]
    fn a_row_says_its_offset_and_its_local_time() {
        let at = Instant::parse("2026-12-31T23:30:00Z").unwrap();
        for (hours, minutes, text) in
            [(1, 0, "01/01/2027 00:30:00;UTC+01:00"), (-9, -30, "31/12/2026 14:00:00;UTC-09:30")]
        {
            let offset = UtcOffset::from_hms(hours, minutes, 0).unwrap();
            let row = row(7, at, &Facts::default(), &[], offset).unwrap();
            assert!(row.starts_with(&format!("7;{text};")), "{row}");
            assert_eq!(offset_of(&row), Some(offset));
        }
        for other in [
            "",
            "7;x",
            "7;x;UTC",
            "7;x;UTC*01:00",
            "7;x;UTC+99:00",
            "7;x;UTC+-1:00",
            "7;x;+01:00",
            "7;x;UTC+14:15",
            "7;x;UTC-12:15",
            "7;x;UTC+23:00",
            "7;x;UTC+01:07",
        ] {
            assert_eq!(offset_of(other), None, "{other}");
        }
    }
}
