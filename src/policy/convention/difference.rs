//! What one convention changes of another, in words, and whether it widens what is permitted.
//!
//! Structs are taken apart member by member: one that is added does not compile until it is compared here.

use super::{Convention, Service, Structure, Title};
use crate::policy::declaration::{Declaration, Exception};
use crate::policy::guard::{Budget, Budgets};

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// More is permitted than before.
    pub widens: bool,
    /// What, in French.
    pub text: String,
}

/// Everything that `new` changes of `old`, in the order of the file.
#[must_use]
pub fn difference(old: &Convention, new: &Convention) -> Vec<Change> {
    let mut changes = Changes::default();
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
    } = new;
    changes.titles(old.title.as_ref(), title.as_ref());
    for method in methods.iter().filter(|method| !old.methods.contains(method)) {
        changes.add(true, format!("méthode {method} : ajoutée"));
    }
    for method in old.methods.iter().filter(|method| !methods.contains(method)) {
        changes.add(false, format!("méthode {method} : retirée"));
    }
    if old.rights != *rights {
        let text = format!("table des droits : {} au lieu de {}", rights.name(), old.rights.name());
        changes.add(*rights > old.rights, text);
    }
    changes.duration("délai de la méthode 3", old.contactless_delay_ms, *contactless_delay_ms);
    if old.sealed_keys != *sealed_keys {
        let what = if *sealed_keys { "admises, sans HSM" } else { "plus admises" };
        changes.add(*sealed_keys, format!("clés scellées dans un fichier : {what}"));
    }
    changes.named(
        (&old.structures, structures),
        |structure| format!("structure {}", structure.id.as_str()),
        Changes::structures,
    );
    changes.named((&old.services, services), |service| format!("service {}", service.name), Changes::services);
    changes.declarations(&old.declarations.limits, &declarations.limits);
    changes.named(
        (&old.declarations.exceptions, &declarations.exceptions),
        |exception| format!("exception de l'application {}", exception.application),
        Changes::exceptions,
    );
    changes.guard(&old.guard, guard);
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, widens: bool, text: String) {
        self.0.push(Change { widens, text });
    }

    /// A number of which more is wider.
    fn number(&mut self, what: &str, old: u64, new: u64) {
        if old != new {
            self.add(new > old, format!("{what} : {new} au lieu de {old}"));
        }
    }

    /// A time in milliseconds of which more is wider.
    fn duration(&mut self, what: &str, old: u64, new: u64) {
        if old != new {
            self.add(new > old, format!("{what} : {} au lieu de {}", words_of_ms(new), words_of_ms(old)));
        }
    }

    /// Entries that have a name: added, removed, or compared by `compare`.
    fn named<T>(
        &mut self,
        (old, new): (&[T], &[T]),
        name: impl Fn(&T) -> String,
        compare: impl Fn(&mut Self, &str, &T, &T),
    ) {
        for entry in new {
            match old.iter().find(|known| name(known) == name(entry)) {
                Some(known) => compare(self, &name(entry), known, entry),
                None => self.add(true, format!("{} : nouveau", name(entry))),
            }
        }
        for entry in old.iter().filter(|known| !new.iter().any(|entry| name(entry) == name(known))) {
            self.add(false, format!("{} : retiré", name(entry)));
        }
    }

    fn titles(&mut self, old: Option<&Title>, new: Option<&Title>) {
        let (Some(old), Some(new)) = (old, new) else { return };
        let Title { number, establishment, from, until, begins_at, ends_at } = new;
        if old.number != *number {
            self.add(false, format!("numéro : {number} au lieu de {}", old.number));
        }
        if old.establishment != *establishment {
            self.add(true, format!("établissement : {establishment} au lieu de {}", old.establishment));
        }
        if old.begins_at != *begins_at {
            self.add(*begins_at < old.begins_at, format!("début : {from} au lieu de {}", old.from));
        }
        if old.ends_at != *ends_at {
            self.add(*ends_at > old.ends_at, format!("fin : {until} au lieu de {}", old.until));
        }
    }

    fn structures(&mut self, name: &str, old: &Structure, new: &Structure) {
        let Structure { id: _, sector, certificates } = new;
        if old.sector != *sector {
            let text = format!("{name}, secteur : {} au lieu de {}", sector.code(), old.sector.code());
            self.add(true, text);
        }
        match (&old.certificates, certificates) {
            (Some(old), Some(new)) => {
                for certificate in new.iter().filter(|certificate| !old.contains(certificate)) {
                    self.add(true, format!("{name}, certificat {} : ajouté", hexadecimal(certificate.as_bytes())));
                }
                for certificate in old.iter().filter(|certificate| !new.contains(certificate)) {
                    self.add(
                        false,
                        format!("{name}, certificat {} : retiré", hexadecimal(certificate.as_bytes())),
                    );
                }
            }
            (Some(_), None) => {
                self.add(true, format!("{name}, certificats : plus aucun n'est nommé, tous valent"))
            }
            (None, Some(new)) => self.add(false, format!("{name}, certificats : {} nommé(s)", new.len())),
            (None, None) => {}
        }
    }

    fn services(&mut self, name: &str, old: &Service, new: &Service) {
        let Service { name: _, lifetime_ms, login_age_max_ms, emergency, purposes } = new;
        self.duration(&format!("{name}, vie d'une assertion"), old.lifetime_ms, *lifetime_ms);
        self.duration(&format!("{name}, âge de l'authentification"), old.login_age_max_ms, *login_age_max_ms);
        if old.emergency != *emergency {
            let what = if *emergency { "devient un service d'urgence" } else { "n'est plus un service d'urgence" };
            self.add(*emergency, format!("{name} : {what}"));
        }
        for purpose in purposes.iter().filter(|purpose| !old.purposes.contains(purpose)) {
            self.add(true, format!("{name}, mode d'accès {} : ouvert", purpose.code()));
        }
        for purpose in old.purposes.iter().filter(|purpose| !purposes.contains(purpose)) {
            self.add(false, format!("{name}, mode d'accès {} : fermé", purpose.code()));
        }
    }

    fn declarations(&mut self, old: &Declaration, new: &Declaration) {
        let Declaration { login_age_max_ms, sessions_per_hour_max } = new;
        self.duration("connexions déclarées, âge", old.login_age_max_ms, *login_age_max_ms);
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.number(
            "connexions déclarées, sessions par heure",
            number(old.sessions_per_hour_max),
            number(*sessions_per_hour_max),
        );
    }

    fn exceptions(&mut self, name: &str, old: &Exception, new: &Exception) {
        let Exception { application: _, reason, ends_at } = new;
        if old.ends_at != *ends_at {
            let text = format!("{name}, fin : {ends_at} (exclu) au lieu de {}", old.ends_at);
            self.add(*ends_at > old.ends_at, text);
        }
        if old.reason != *reason {
            self.add(false, format!("{name}, motif : {reason:?} au lieu de {:?}", old.reason));
        }
    }

    fn guard(&mut self, old: &Budgets, new: &Budgets) {
        for ((place, old), (_, new)) in old.each().into_iter().zip(new.each()) {
            let Budget { window_ms, alarm, freeze } = new;
            // The same count over a shorter window is more.
            if old.window_ms != window_ms {
                let text = format!(
                    "quota {place}, fenêtre : {} au lieu de {}",
                    words_of_ms(window_ms),
                    words_of_ms(old.window_ms)
                );
                self.add(window_ms < old.window_ms, text);
            }
            self.number(&format!("quota {place}, alerte"), old.alarm.into(), alarm.into());
            self.number(&format!("quota {place}, arrêt"), old.freeze.into(), freeze.into());
        }
        self.number("quotas, facteur d'urgence", old.emergency_factor.into(), new.emergency_factor.into());
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A time as people say it: `4 h`, `1 min 30 s`, `250 ms`.
#[must_use]
pub fn words_of_ms(ms: u64) -> String {
    let parts = [(ms / 3_600_000, "h"), (ms / 60_000 % 60, "min"), (ms / 1_000 % 60, "s"), (ms % 1_000, "ms")];
    let words: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
