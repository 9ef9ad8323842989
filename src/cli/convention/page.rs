//! A convention on one screen, and as JSON.

use std::io;

use serde_json::{Value, json};

use crate::config::Presented;
use crate::policy::convention::{Change, Convention, words_of_ms};
use crate::sys::clock;

/// What is known of a convention beside its text.
pub(super) struct Standing<'a> {
    pub(super) approvers: &'a [String],
    pub(super) state: &'a str,
}

/// One screen in French. Free texts are escaped: a hostile file writes nothing into the terminal.
pub(super) fn write(presented: &Presented, standing: &Standing<'_>, out: &mut impl io::Write) -> io::Result<()> {
    let convention = &presented.convention;
    if let Some(title) = &convention.title {
        let days = title.days_left(clock::now());
        let left = if days < 0 { "FINIE".to_owned() } else { format!("encore {days} jour(s)") };
        writeln!(out, "Convention   n° {} de {}", title.number, shown(&title.establishment))?;
        writeln!(out, "Valable      du {} au {} inclus ({left})", title.from, title.until)?;
    }
    writeln!(out, "État         {}", standing.state)?;
    let approvers =
        if standing.approvers.is_empty() { "personne".to_owned() } else { standing.approvers.join(", ") };
    writeln!(out, "Approuvée    par {approvers}")?;
    writeln!(out, "Empreinte    {} (SHA-256, comme aux traces)", presented.digest)?;
    let methods: Vec<_> = convention.methods.iter().map(ToString::to_string).collect();
    writeln!(out, "Méthodes     {}", methods.join(", "))?;
    writeln!(out, "Méthode 3    délai {}", words_of_ms(convention.contactless_delay_ms))?;
    writeln!(out, "Droits       table {}", convention.rights.name())?;
    if convention.sealed_keys {
        writeln!(out, "Clés         scellées dans un fichier : admises, sans HSM")?;
    }
    for structure in &convention.structures {
        let certificates = match structure.certificates.as_ref().map(Vec::len) {
            Some(number) => format!("{number} certificat(s) déclaré(s)"),
            None => "tout certificat".to_owned(),
        };
        writeln!(out, "Structure    {} ({}), {certificates}", structure.id.as_str(), structure.sector.code())?;
        for certificate in structure.certificates.iter().flatten() {
            writeln!(out, "             {}", hexadecimal(certificate.as_bytes()))?;
        }
    }
    for service in &convention.services {
        let emergency = if service.emergency { ", URGENCES" } else { "" };
        let purposes: Vec<_> = service.purposes.iter().map(|purpose| purpose.code()).collect();
        writeln!(
            out,
            "Service      {} : assertion {}, authentification {}, {}{emergency}",
            shown(&service.name),
            words_of_ms(service.lifetime_ms),
            words_of_ms(service.login_age_max_ms),
            purposes.join(" ")
        )?;
    }
    let limits = &convention.declarations.limits;
    writeln!(
        out,
        "Déclarées    connexions sans preuve : {} au plus, {} par heure et par application",
        words_of_ms(limits.login_age_max_ms),
        limits.sessions_per_hour_max
    )?;
    for exception in &convention.declarations.exceptions {
        writeln!(
            out,
            "Exception    {} jusqu'au {} exclu : {}",
            shown(&exception.application),
            exception.ends_at,
            shown(&exception.reason)
        )?;
    }
    for (place, budget) in convention.guard.each() {
        let window = words_of_ms(budget.window_ms);
        writeln!(out, "Quota        {place} : alerte {}, arrêt {} en {window}", budget.alarm, budget.freeze)?;
    }
    writeln!(out, "Quota        urgences : {} fois ces arrêts", convention.guard.emergency_factor)
}

/// The same for programs.
pub(super) fn json(presented: &Presented, standing: &Standing<'_>) -> Value {
    let Convention {
        title,
        methods,
        rights,
        contactless_delay_ms,
        sealed_keys,
        structures,
        services,
        declarations,
        guard,
    } = &presented.convention;
    let structures: Vec<_> = structures
        .iter()
        .map(|structure| {
            let certificates =
                structure.certificates.iter().flatten().map(|digest| hexadecimal(digest.as_bytes()));
            json!({
                "id": structure.id.as_str(),
                "sector": structure.sector.code(),
                "certificates": certificates.collect::<Vec<_>>(),
            })
        })
        .collect();
    let services: Vec<_> = services
        .iter()
        .map(|service| {
            json!({
                "name": service.name,
                "lifetime_ms": service.lifetime_ms,
                "login_age_max_ms": service.login_age_max_ms,
                "emergency": service.emergency,
                "purposes": service.purposes.iter().map(|purpose| purpose.code()).collect::<Vec<_>>(),
            })
        })
        .collect();
    let exceptions: Vec<_> = declarations
        .exceptions
        .iter()
        .map(|one| json!({ "application": one.application, "reason": one.reason, "ends_at": one.ends_at.to_string() }))
        .collect();
    let budgets: Vec<_> = guard
        .each()
        .into_iter()
        .map(|(place, one)| {
            json!({ "of": place, "window_ms": one.window_ms, "alarm": one.alarm, "freeze": one.freeze })
        })
        .collect();
    json!({
        "number": title.as_ref().map(|title| title.number),
        "establishment": title.as_ref().map(|title| &title.establishment),
        "from": title.as_ref().map(|title| &title.from),
        "until": title.as_ref().map(|title| &title.until),
        "days_left": title.as_ref().map(|title| title.days_left(clock::now())),
        "state": standing.state,
        "approvers": standing.approvers,
        "hash": presented.digest.to_string(),
        "methods": methods.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "rights": rights.name(),
        "contactless_delay_ms": contactless_delay_ms,
        "sealed_keys": sealed_keys,
        "structures": structures,
        "services": services,
        "declaration": {
            "login_age_max_ms": declarations.limits.login_age_max_ms,
            "sessions_per_hour_max": declarations.limits.sessions_per_hour_max,
        },
        "exceptions": exceptions,
        "guard": { "budgets": budgets, "emergency_factor": guard.emergency_factor },
    })
}

/// What changes, in words, and how much of it widens.
pub(super) fn changes(changes: &[Change], out: &mut impl io::Write) -> io::Result<()> {
    if changes.is_empty() {
        return writeln!(out, "Rien ne change.");
    }
    for change in changes {
        let mark = if change.widens { "ÉLARGIT " } else { "        " };
        writeln!(out, "{mark} {}", shown(&change.text))?;
    }
    let wider = changes.iter().filter(|change| change.widens).count();
    writeln!(out, "{} changement(s), dont {wider} qui élargit ce qui est permis.", changes.len())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text of the file as a terminal may show it: what moves a cursor, hides or turns around what is read is written out.
fn shown(text: &str) -> String {
    let plain =
        |c: char| if matches!(c, '\'' | '"' | '\\') { c.to_string() } else { c.escape_debug().to_string() };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_shown_is_what_is_read() {
        assert_eq!(shown("CENTRE D'EXEMPLE « é »"), "CENTRE D'EXEMPLE « é »");
        assert_eq!(shown("a\u{1b}[2Jb\u{202e}c\u{200b}"), "a\\u{1b}[2Jb\\u{202e}c\\u{200b}");
    }
}
