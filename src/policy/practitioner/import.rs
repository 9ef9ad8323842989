//! A file that is to become the register: taken whole, or refused with every line that is bad.

use super::record::{Demands, Record};
use super::register::Practitioners;
use crate::policy::register::{Around, File, Format, Slip, conclude};

/// Largest register in the ledger, in bytes: one record of a backup holds it with its name and what encrypts it.
pub const DOCUMENT_LEN_MAX: usize = 31 * 1024 * 1024;
/// Lines between two calls of `progress`.
const PROGRESS_EVERY: usize = 256;

/// Judges a file beside the configuration; `progress` learns how many lines of how many are judged.
///
/// `current` is the register of now if orders made it: an authenticator that is revoked there stays so for its holder, whatever
/// the file says. Suspensions by order are a register of their own ([`crate::policy::suspensions`]).
///
/// # Errors
/// Everything that is wrong, by line.
pub fn judge(
    bytes: &[u8],
    format: Format,
    around: &Around,
    current: Option<&Practitioners>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Practitioners, Vec<Slip>> {
    let File { lines, mut records, mut slips } = File::<Record>::read(bytes, format)?;
    if let Some(current) = current {
        keep(&mut records, current);
    }
    let families: Vec<&str> = around.physician_specialties.iter().map(String::as_str).collect();
    let (total, mut judged) = (lines.len(), 0);
    let demands = Demands {
        physician_specialties: &families,
        structure_exists: &|id| around.structures.contains(id),
        service_exists: &|name| around.services.contains(name),
        evidence: true,
    };
    let told = records.iter().inspect(|_| {
        judged += 1;
        if judged % PROGRESS_EVERY == 0 && judged < total {
            progress(judged, total);
        }
    });
    let practitioners = Practitioners::of(told, demands, &mut |entry, _, rule, field, cause| {
        if let Some(line) = lines.get(entry) {
            slips.push(Slip::of(*line, field, rule, cause));
        }
    });
    progress(total, total);
    for breach in practitioners.of_unknown_providers(|name| around.providers.contains(name)) {
        if let Some(line) = breach.entry.and_then(|entry| lines.get(entry)) {
            slips.push(Slip::of(*line, breach.field, breach.rule, breach.cause));
        }
    }
    if practitioners.document("").map_or(usize::MAX, |document| document.len()) > DOCUMENT_LEN_MAX {
        let cause = "le registre dépasse 31 Mio ; retirez les moyens révoqués et les droits échus de longue date";
        slips.push(Slip::of(1, "", "too-large", cause));
    }
    conclude(practitioners, slips)
}

/// Takes over what no import undoes.
fn keep(records: &mut [Record], current: &Practitioners) {
    for record in records {
        let Some(known) = current.record(&record.id) else { continue };
        for revoked in known.authenticator.iter().filter(|one| one.revoked) {
            match record.authenticator.iter_mut().find(|one| one.method == revoked.method && one.id == revoked.id)
            {
                Some(one) => one.revoked = true,
                None => record.authenticator.push(revoked.clone()),
            }
        }
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
