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

/// Judges a file beside the configuration.
///
/// # Errors
/// Everything that is wrong, by line.
pub fn judge(bytes: &[u8], format: Format, around: &Around, users: Users<'_>) -> Result<Applications, Vec<Slip>> {
    let File { lines, records, mut slips } = File::<Record>::read(bytes, format)?;
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

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
