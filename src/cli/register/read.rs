//! A register of the running `sceaud`, page by page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Register;
use crate::cli::NotDone;
use crate::cli::client::{CallError, Client};

/// How often a reading is begun again because the register changed under it.
const ATTEMPTS: usize = 3;

/// A register as it was at one moment.
pub(in crate::cli) struct Read<R: Register> {
    /// `ledger`, or `file` as long as no order imported one.
    pub(in crate::cli) source: String,
    pub(in crate::cli) records: Vec<R::Record>,
}

impl<R: Register> Read<R> {
    /// Where it comes from, for people.
    pub(in crate::cli) fn source_words(&self) -> &'static str {
        if self.source == "ledger" { "journal" } else { "fichier de la configuration" }
    }
}

#[derive(Deserialize)]
struct Place {
    source: String,
    register: Option<String>,
    next: Option<String>,
}

/// Reads all of it.
///
/// # Errors
/// The answer was an error, or there was none; the register changes all the time.
pub(in crate::cli) fn read<R: Register>(client: &mut Client) -> Result<Read<R>, NotDone> {
    for _ in 0..ATTEMPTS {
        if let Some(register) = attempt::<R>(client)? {
            return Ok(register);
        }
    }
    Err(NotDone::Usage("le registre change pendant la lecture ; recommencez dans un instant".to_owned()))
}

/// None: the register changed meanwhile.
fn attempt<R: Register>(client: &mut Client) -> Result<Option<Read<R>>, NotDone> {
    let (Place { source, register: content, mut next }, mut records) = page::<R>(client, None)?;
    while let Some(after) = next.take() {
        let (place, mut more) = match page::<R>(client, Some(&after)) {
            Ok(page) => page,
            // The one that we went on from is gone.
            Err(NotDone::Call(CallError::Refused { error, .. })) if error.ends_with(".Malformed") => {
                return Ok(None);
            }
            Err(cause) => return Err(cause),
        };
        if place.register != content {
            return Ok(None);
        }
        records.append(&mut more);
        next = place.next;
    }
    Ok(Some(Read { source, records }))
}

fn page<R: Register>(client: &mut Client, after: Option<&str>) -> Result<(Place, Vec<R::Record>), NotDone> {
    let mut answer = client.call_admin(R::METHOD, &json!({ "after": after }))?;
    let entries = answer.get_mut(R::MEMBER).map_or(Value::Null, Value::take);
    let entries = serde_json::from_value(entries).map_err(|_| CallError::Reply)?;
    Ok((serde_json::from_value(answer).map_err(|_| CallError::Reply)?, entries))
}
