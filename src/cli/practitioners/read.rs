//! The register of the running `sceaud`, page by page.

use serde::Deserialize;
use serde_json::json;

use crate::cli::NotDone;
use crate::cli::client::{CallError, Client};
use crate::policy::practitioner::Record;

/// How often a reading is begun again because the register changed under it.
const ATTEMPTS: usize = 3;

/// The register as it was at one moment.
pub(super) struct Register {
    /// `ledger`, or `file` as long as no order imported one.
    pub(super) source: String,
    pub(super) records: Vec<Record>,
}

#[derive(Deserialize)]
struct Page {
    source: String,
    register: Option<String>,
    practitioners: Vec<Record>,
    next: Option<String>,
}

/// Reads all of it.
///
/// # Errors
/// The answer was an error, or there was none; the register changes all the time.
pub(super) fn register(client: &mut Client) -> Result<Register, NotDone> {
    for _ in 0..ATTEMPTS {
        if let Some(register) = attempt(client)? {
            return Ok(register);
        }
    }
    Err(NotDone::Usage("le registre change pendant la lecture ; recommencez dans un instant".to_owned()))
}

/// None: the register changed meanwhile.
fn attempt(client: &mut Client) -> Result<Option<Register>, NotDone> {
    let mut page = page(client, None)?;
    let (source, content) = (page.source, page.register);
    let mut records = page.practitioners;
    while let Some(after) = page.next.take() {
        page = match self::page(client, Some(&after)) {
            Ok(page) => page,
            // The one that we went on from is gone.
            Err(NotDone::Call(CallError::Refused { error, .. })) if error.ends_with(".Malformed") => {
                return Ok(None);
            }
            Err(cause) => return Err(cause),
        };
        if page.register != content {
            return Ok(None);
        }
        records.append(&mut page.practitioners);
    }
    Ok(Some(Register { source, records }))
}

fn page(client: &mut Client, after: Option<&str>) -> Result<Page, NotDone> {
    let answer = client.call_admin("Practitioners", &json!({ "after": after }))?;
    Ok(serde_json::from_value(answer).map_err(|_| CallError::Reply)?)
}
