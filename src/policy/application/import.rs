//! A file that is to become the register: taken whole, or refused with every line that is bad.

use super::record::{Demands, Record};
use super::register::Applications;
use super::remote;
use crate::policy::register::{Around, File, Format, Slip, conclude};
use crate::policy::review;

/// The machine's Unix users.
#[derive(Clone, Copy)]
pub struct Users<'a> {
    /// The number of a user by name, or by a number that stands for itself.
    pub uid: &'a dyn Fn(&str) -> Option<u32>,
    /// The name that the system gives a number; none: it has no name.
    pub name: &'a dyn Fn(u32) -> Option<String>,
}

/// The certificates that an application of the register in force has; none: it is not in it, or no order made that register.
pub type Confirmed<'a> = &'a dyn Fn(&str) -> Option<Vec<String>>;

/// Judges a file beside the configuration.
///
/// Certificates of an application that is in the register come and go by their own orders: a file that names none keeps them, so
/// that a table without that column revokes nobody; one that names others is refused, so that an old table revives no key.
///
/// # Errors
/// Everything that is wrong, by line.
pub fn judge(
    bytes: &[u8],
    format: Format,
    around: &Around,
    users: Users<'_>,
    confirmed: Confirmed<'_>,
) -> Result<Applications, Vec<Slip>> {
    let File { lines, mut records, mut slips } = File::<Record>::read(bytes, format)?;
    for (record, line) in records.iter_mut().zip(&lines) {
        if let Err(cause) = keep(record, confirmed) {
            slips.push(Slip::of(*line, "certificates", "certificates-differ", cause));
        }
    }
    let demands = Demands {
        uid: users.uid,
        service_exists: &|name| around.services.contains(name),
        profile_exists: &|name| around.profiles.contains(name),
    };
    let applications = Applications::of(&records, demands, &mut |entry, _, rule, field, cause| {
        if let Some(line) = lines.get(entry) {
            slips.push(Slip::of(*line, field, rule, cause));
        }
    });
    for application in applications.all() {
        let own = (users.name)(application.uid).unwrap_or_else(|| application.uid.to_string());
        let is_other = own != application.user && !remote::is_reserved(application.uid);
        let Some(line) = lines.get(application.entry).filter(|_| is_other) else { continue };
        // Suspensions, nonces and traces go by the name: under another one they would be somebody else's.
        let cause = format!("user : le système nomme cet utilisateur {own:?} ; écrivez ce nom");
        slips.push(Slip::of(*line, "user", "user-other-name", cause));
    }
    for breach in review::audiences(&applications, |name| around.providers.contains(name)) {
        if let Some(line) = breach.entry.and_then(|entry| lines.get(entry)) {
            slips.push(Slip::of(*line, breach.field, breach.rule, breach.cause));
        }
    }
    conclude(applications, slips)
}

/// Gives an entry without certificates those that it has.
fn keep(record: &mut Record, confirmed: Confirmed<'_>) -> Result<(), String> {
    let Some(now) = confirmed(&record.user) else { return Ok(()) };
    let other = |of: &[String], than: &[String]| of.iter().find(|one| !than.contains(one)).cloned();
    if record.certificates.is_empty() {
        record.certificates = now;
    } else if let Some(new) = other(&record.certificates, &now) {
        return Err(format!(
            "certificates : {new} n'est pas (ou plus) confirmé pour cette application ; retirez-le de la ligne, ou confirmez-le d'abord : \
             sceau applications certificate"
        ));
    } else if let Some(missing) = other(&now, &record.certificates) {
        return Err(format!(
            "certificates : {missing} est confirmé et manque ici ; un import ne révoque pas : ajoutez-le, laissez la cellule vide, ou \
             révoquez-le : sceau applications revoke-certificate"
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
