//! One visit with a stick, as one function: provisioning, certificates, answers; each only once and in this order.

use std::fs;
use std::path::Path;

use super::apply;
use super::brought::{Brought, FILE, serial, signed_text};
use super::certificates::import;
use super::credential::{Opened, TpmDevice};
use super::error::ConsoleError;
use super::folder;
use super::making::make;
use super::place::Place;
use super::report::{RESULT, Report};
use super::requests::{awaited, give, prepared};
use super::serving::serving;
use super::stick::Stick;
use super::typed::Typed;
use super::{attestation, convention, enrolments, foreign, orders, recovery, renewal};
use crate::config::provisioning::Provisioning;
use crate::sys::{clock, durable};

/// The ledger's public key.
const AUDIT: &str = "AUDIT.pub";

/// Does what the stick brings and writes the answers; the report is on the stick too, unless there is nothing of ours on it.
pub(super) fn visit(place: &Place, device: &TpmDevice, stick: &Stick) -> Report {
    let mut report = Report::default();
    if !stick.is_ours() {
        return report;
    }
    // An answer of before must not be taken for one of now, whatever happens to this visit.
    if let Err(cause) = stick.withdraw(RESULT) {
        report.failed(&ConsoleError::file(RESULT.as_ref())(cause));
        return report;
    }
    if let Err(error) = provision(place, device, stick, &mut report) {
        report.failed(&error);
    }
    if place.is_provisioned()
        && let Err(error) = serve(place, device, stick, &mut report)
    {
        report.failed(&error);
    }
    let text = report.text(&clock::now().to_string(), &serial(place), state(place));
    // For the screen, when the stick is gone.
    let kept = folder::make(&place.work(), 0o711, None).and_then(|()| {
        let path = place.last_visit();
        durable::replace(&path, text.as_bytes(), 0o600).map_err(ConsoleError::file(&path))
    });
    told(kept, &mut report);
    if let Err(cause) = stick.answer(RESULT, text.as_bytes()) {
        report.failed(&ConsoleError::file(RESULT.as_ref())(cause));
    }
    report
}

/// What the appliance is.
pub(super) fn state(place: &Place) -> &'static str {
    match apply::applied(place) {
        Ok(Some(applied)) if awaited(place, &serving(place, &applied)).is_empty() => "provisionnée",
        Ok(Some(_)) => "provisionnée, attend ses certificats",
        Ok(None) => "vierge",
        Err(_) => "provisionnée, fichier appliqué illisible",
    }
}

/// A provisioning makes a blank appliance an establishment's, once: a signed one, or one that was typed at this console.
fn provision(place: &Place, device: &TpmDevice, stick: &Stick, report: &mut Report) -> Result<(), ConsoleError> {
    let typed = Typed::take(place)?;
    let (text, signed, pin) = match (signed_text(place, stick), typed) {
        (_, Some(typed)) => (typed.text, None, typed.pin),
        (signed, None) => match signed? {
            Some((text, armour, by)) => (text, Some((armour, by)), None),
            None => return Ok(()),
        },
    };
    if place.is_provisioned() {
        let applied = fs::read_to_string(place.applied()).unwrap_or_default();
        if applied == text {
            report.did(format!("{FILE} : déjà appliqué à cette appliance, rien n'est refait"));
            return Ok(());
        }
        let cause = "cette appliance est déjà provisionnée, rien n'est changé ; effacez-la d'abord (réinitialisation d'usine)";
        return Err(ConsoleError::refused(FILE, cause));
    }
    let by = match &signed {
        Some((_, by)) => format!("le fichier que {by} a signé"),
        None => "ce qui a été saisi à la console".to_owned(),
    };
    let brought = Brought::read(place, stick, text, signed, clock::now())?;
    make(place, device, &brought, pin.as_deref().map(Vec::as_slice), report)?;
    report.did(format!("appliance {} provisionnée par {by}", brought.provisioning.name));
    Ok(())
}

/// What a provisioned appliance takes from a stick and gives to it. A step that fails is told and does not stop the next ones.
fn serve(place: &Place, device: &TpmDevice, stick: &Stick, report: &mut Report) -> Result<(), ConsoleError> {
    let Some(applied) = apply::applied(place)? else { return Ok(()) };
    let vaults = serving(place, &applied);
    let mut opened = Opened::new(place, device);
    // First what is lost if somebody pulls the stick and never comes back.
    told(recovery::give(place, stick, &applied, report), report);
    // Before the certificates that it names, where there is somebody to take it.
    let may_order = || apply::may_ask(place, "sceau-admin.socket");
    let was_whole = awaited(place, &vaults).is_empty() && may_order();
    if was_whole {
        told(convention::bring(place, stick, applied.is_test(), report), report);
    }
    let imported = import(place, &mut opened, stick, &vaults, &applied, report)?;
    let settled = renewal::settle(place, &applied, report);
    let changed = imported || settled.as_ref().is_ok_and(|changed| *changed);
    told(settled.map(drop), report);
    told(export(place, stick, &applied, report), report);
    apply::apply_now(place, changed)?;
    // Before the orders that name them.
    let brought = foreign::bring(place, stick, report);
    // The attester stands alone; sceaud is not asked for anything before it may start.
    if apply::may_ask(place, "sceau-attestd.socket") {
        told(attestation::enrol(place, stick, report), report);
    }
    if awaited(place, &vaults).is_empty() && may_order() {
        if !was_whole {
            told(convention::bring(place, stick, applied.is_test(), report), report);
        }
        orders::submit(place, stick, &applied, report);
        told(enrolments::proposals(place, report), report);
        if stick.asks_renewal() {
            let offered = renewal::offer(place, stick, &applied, report);
            if offered.is_ok() {
                stick.renewal_answered();
            }
            told(offered, report);
        }
        told(orders::first_operators(place, stick, &applied, report), report);
    }
    // Also what an order of before has asked for.
    told(renewal::make(place, &mut opened, &applied, stick, report), report);
    if brought {
        told(foreign::attach(place), report);
    }
    if apply::may_ask(place, "sceau-attestd.socket") {
        told(attestation::answer_challenge(place, stick, report), report);
        told(attestation::give_evidence(place, stick, report), report);
    }
    Ok(())
}

fn told(done: Result<(), ConsoleError>, report: &mut Report) {
    if let Err(error) = done {
        report.failed(&error);
    }
}

/// Requests that await their certificates, or all of them for who renews; and the ledger's public key.
fn export(place: &Place, stick: &Stick, applied: &Provisioning, report: &mut Report) -> Result<(), ConsoleError> {
    let vaults = serving(place, applied);
    let (awaited, prepared) = (awaited(place, &vaults), prepared(place, &vaults));
    let mut wanted = awaited.clone();
    if stick.asks_renewal() {
        let keys = vaults.iter().flat_map(|vault| &vault.keys);
        wanted = keys.filter(|key| key.structure.is_some()).collect();
    }
    wanted.extend(prepared.iter().map(|(_, key)| key));
    give(place, stick, &wanted, report)?;
    let (from, name) = (place.configuration().join(AUDIT), Path::new(AUDIT));
    let public = fs::read(&from).map_err(ConsoleError::file(&from))?;
    stick.answer(AUDIT, &public).map_err(ConsoleError::file(name))?;
    if !awaited.is_empty() {
        report.next("remettez AUDIT.pub à ceux qui vérifieront le journal, par une voie sûre");
    }
    Ok(())
}
