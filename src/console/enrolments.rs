//! Enrolment of application servers by stick: an invitation's code goes out with its order, what was proposed is told to operators.

use serde_json::Value;
use zeroize::Zeroizing;

use super::error::ConsoleError;
use super::orders::answer;
use super::place::Place;
use super::program::told;
use super::report::Report;
use super::stick::Stick;
use crate::config::Config;
use crate::policy::order::Verb;

/// Gives an invitation's code to whoever brought the order, in a file alone: the report is shown on the screen too, as long as the
/// machine runs. What is told of it.
pub(super) fn invited(stick: &Stick, name: &str, said: &[u8]) -> Result<String, ConsoleError> {
    let told: Value = serde_json::from_slice(said).unwrap_or_default();
    let text = |path: &str| told.pointer(path).and_then(Value::as_str);
    let (Some(code), Some(application)) = (text("/done/code"), text("/done/application")) else {
        // Obeyed, and its code is lost: a further invitation takes its place.
        let complaint =
            "l'ordre est exécuté, son code n'a pas pu être lu ; faites un nouvel ordre d'invitation".to_owned();
        return Err(ConsoleError::Program { step: "invitation", complaint });
    };
    let file = format!("{name}.code");
    answer(stick, &file, Zeroizing::new(format!("{code}\n")).as_bytes())?;
    let entry = told.get("entry").and_then(Value::as_u64).unwrap_or_default();
    Ok(format!(
        "ordre exécuté ({}), inscrit à l'entrée {entry}\ncode d'invitation de {application} dans answers/{file}, valable 24 heures au plus et \
         une seule fois : remettez-le, puis effacez-le de la clé USB",
        Verb::ApplicationInvite.name(),
    ))
}

/// Tells which certificates application servers have proposed, for operators to compare and to confirm by an order.
pub(super) fn proposals(place: &Place, report: &mut Report) -> Result<(), ConsoleError> {
    let has_gate = Config::examine(&place.sceau_toml()).config.is_some_and(|config| config.gate.is_some());
    if !has_gate {
        return Ok(());
    }
    let listed = told(place, &["applications", "enrolments"], &["--json"], "inscriptions")?;
    let listed: Value = serde_json::from_slice(&listed).unwrap_or_default();
    for row in listed.get("enrolments").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        // Without one, it is only invited.
        let (Some(certificate), Some(short)) = (text("certificate"), text("short")) else { continue };
        report.next(format!(
            "{} propose, depuis {}, un certificat de code court {short} : comparez-le avec celui de son écran ; s'ils sont identiques, \
             confirmez par un ordre (sceau applications certificate) l'empreinte {certificate}",
            text("application").unwrap_or("?"),
            text("address").unwrap_or("?")
        ));
    }
    Ok(())
}
