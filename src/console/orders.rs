//! Orders on a stick: the first operators' one is made for them to sign, signed ones are handed to `sceaud`, which judges them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zeroize::Zeroizing;

use super::enrolments;
use super::error::ConsoleError;
use super::folder;
use super::place::Place;
use super::program::told;
use super::renewal;
use super::report::Report;
use super::stick::{FILE_LEN_MAX, Stick};
use crate::config::provisioning::Provisioning;
use crate::policy::order::{Command, ORDER_LEN_MAX, Order, Verb};
use crate::policy::sshsig::ENVELOPE_LEN_MAX;
use crate::sys::durable;
use crate::traces::digest::Digest;

/// Folder on the stick.
const FOLDER: &str = "orders";
/// The answer that registers the first operators once each of them has signed it.
const FIRST: &str = "operateurs.json";

/// Submits every order of the stick that was not done before; its signatures are `NAME.sig` and `NAME.*.sig`, the document that
/// it is about `NAME.document`.
pub(super) fn submit(place: &Place, stick: &Stick, applied: &Provisioning, report: &mut Report) {
    for name in stick.names(FOLDER, ".json") {
        match submit_one(place, stick, applied, &name) {
            Ok(Some(said)) => report.did(format!("{name} : {said}")),
            Ok(None) => {}
            Err(error) => report.failed(&error),
        }
    }
}

fn submit_one(
    place: &Place,
    stick: &Stick,
    applied: &Provisioning,
    name: &str,
) -> Result<Option<String>, ConsoleError> {
    let unread = |cause| ConsoleError::refused(name, format!("il ne se lit pas ({cause}) ; recopiez-le"));
    let read = |name: &str, max: usize| {
        stick.read(&format!("{FOLDER}/{name}"), u64::try_from(max).unwrap_or(u64::MAX)).map_err(unread)
    };
    let text = read(name, ORDER_LEN_MAX)?.unwrap_or_default();
    // An order counts once; this one's end was told on this very stick.
    let done = format!("{name}.fait");
    let digest = Digest::of(&[&text]).to_string();
    if stick.answered(&done).is_some_and(|told| told == digest.as_bytes()) {
        return Ok(None);
    }
    let order = Order::parse(&text)
        .map_err(|error| ConsoleError::refused(format!("{name}, {}", error.field), error.message.to_string()))?;
    // Before it is used up for nothing.
    let successor = match &order.command {
        Command::KeyRenew(renew) => {
            Some(renewal::successor(place, applied, &renew.key).map_err(|error| named(name, error))?)
        }
        _ => None,
    };
    let folder = place.work().join("order");
    folder::remove(&folder, None)?;
    folder::make(&folder, 0o700, None)?;
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        durable::replace(&path, bytes, 0o600).map_err(ConsoleError::file(&path)).map(|()| path)
    };
    let mut arguments = vec![put("order.json", &text)?];
    let is_signature = |sig: &String| sig.starts_with(name) && !sig.contains(' ');
    for (at, signature) in stick.names(FOLDER, ".sig").into_iter().filter(is_signature).enumerate() {
        let armour = read(&signature, ENVELOPE_LEN_MAX)?.unwrap_or_default();
        arguments.extend([PathBuf::from("--signature"), put(&format!("{at}.sig"), &armour)?]);
    }
    if let Some(document) = stick.read(&format!("{FOLDER}/{name}.document"), FILE_LEN_MAX).map_err(unread)? {
        arguments.extend([PathBuf::from("--document"), put("document", &document)?]);
    }
    let delivered = folder.join("delivered");
    if order.verb().delivers() {
        arguments.extend([PathBuf::from("--out"), delivered.clone()]);
    }
    let invites = order.verb() == Verb::ApplicationInvite;
    if invites {
        arguments.push(PathBuf::from("--json"));
    }
    let told = told(place, &["order", "submit"], &arguments, "ordre").map_err(|error| named(name, error));
    let result = told.map(Zeroizing::new).and_then(|said| {
        if let Some(key) = &successor {
            renewal::want(place, key)?;
        }
        if order.verb().delivers() {
            let bytes = fs::read(&delivered).map_err(ConsoleError::file(&delivered))?;
            answer(stick, &format!("{name}.out"), &bytes)?;
        }
        let words = if invites {
            enrolments::invited(stick, name, &said)?
        } else {
            String::from_utf8_lossy(&said).trim().to_owned()
        };
        answer(stick, &done, digest.as_bytes())?;
        Ok(Some(words))
    });
    folder::remove(&folder, None)?;
    result
}

/// The refusal under the order's name.
fn named(name: &str, error: ConsoleError) -> ConsoleError {
    match error {
        ConsoleError::Refused(refusals) => ConsoleError::Refused(
            refusals.into_iter().map(|refusal| super::error::Refusal::new(name, refusal.text)).collect(),
        ),
        error => error,
    }
}

/// Makes the first operators' order as long as nobody is registered, for each of them to sign: who they are is the signed
/// provisioning's word, that they hold their keys is theirs.
pub(super) fn first_operators(
    place: &Place,
    stick: &Stick,
    applied: &Provisioning,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    if applied.operators.is_empty() {
        return Ok(());
    }
    let listed = told(place, &["operators", "list"], &["--json"], "opérateurs")?;
    let listed: Value = serde_json::from_slice(&listed).unwrap_or_default();
    let registered = listed.get("operators").and_then(Value::as_array).is_none_or(|list| !list.is_empty());
    if registered {
        return stick.withdraw(FIRST).map_err(ConsoleError::file(Path::new(FIRST)));
    }
    let folder = place.work().join("operators");
    folder::remove(&folder, None)?;
    folder::make(&folder, 0o700, None)?;
    let mut arguments = Vec::new();
    for (at, operator) in applied.operators.iter().enumerate() {
        let path = folder.join(format!("{at}.pub"));
        durable::replace(&path, operator.key.as_bytes(), 0o600).map_err(ConsoleError::file(&path))?;
        let roles: Vec<_> = operator.roles.iter().map(|role| role.name()).collect();
        arguments.push(format!("--operator={}:{}:{}", operator.name, roles.join(","), path.display()));
    }
    let order = told(place, &["operators", "bootstrap"], &arguments, "premiers opérateurs");
    folder::remove(&folder, None)?;
    answer(stick, FIRST, &order?)?;
    let names: Vec<_> = applied.operators.iter().map(|operator| operator.name.as_str()).collect();
    report.next(format!(
        "faites signer answers/{FIRST} dans les 24 heures par {} (ssh-keygen -Y sign -n sceau-order, ou sceau order sign), puis \
         rapportez l'ordre et ses signatures dans sceau/{FOLDER}",
        names.join(", ")
    ));
    Ok(())
}

/// An answer to an order, by its name.
pub(super) fn answer(stick: &Stick, name: &str, bytes: &[u8]) -> Result<(), ConsoleError> {
    stick.answer(name, bytes).map_err(ConsoleError::file(Path::new(name)))
}
