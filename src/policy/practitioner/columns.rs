//! An entry as a line of a table.

use super::Subject;
use super::authenticator::AuthenticatorRecord;
use super::record::Record;
use crate::policy::register::{Cell, Written, joined};

impl Written for Record {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "profession",
        "specialty",
        "section",
        "structures",
        "services",
        "enrolled_by",
        "enrolled_how",
        "enrolled_on",
        "authenticator",
        "trained_on",
        "subject",
        "suspended",
    ];
    const REQUIRED: &'static [&'static str] = &["id", "name", "profession", "services"];
    const MEMBERS: &'static [&'static str] = &["enrolled"];
    /// Some times the largest hospital; what the ledger keeps of them fits in one record of a backup.
    const ENTRIES_MAX: usize = 50_000;

    fn take(&mut self, column: &'static str, cell: Cell<'_>) -> Result<(), &'static str> {
        match column {
            "id" => self.id = cell.text(),
            "name" => self.name = cell.text(),
            "profession" => self.profession = cell.text(),
            "specialty" => self.specialty = cell.optional(),
            "section" => self.section = cell.optional(),
            "structures" => self.structures = cell.texts(),
            "services" => self.services = cell.texts(),
            "enrolled_by" => self.enrolled_by = cell.optional(),
            "enrolled_how" => self.enrolled_how = cell.optional(),
            "enrolled_on" => self.enrolled_on = cell.optional(),
            "trained_on" => self.trained_on = cell.optional(),
            "authenticator" => {
                self.authenticator = cell.read(AuthenticatorRecord::parse).ok_or(
                    "un moyen s'écrit METHODE IDENTIFIANT [AAAA-MM-JJ] [revoked] ; plusieurs sont séparés par |",
                )?;
            }
            "subject" => {
                let pairing = |value: &str| {
                    let (provider, subject) = value.split_once(' ')?;
                    Some(Subject { provider: provider.to_owned(), subject: subject.trim().to_owned() })
                };
                self.subject = cell
                    .read(pairing)
                    .ok_or("un appariement s'écrit FOURNISSEUR SUJET ; plusieurs sont séparés par |")?;
            }
            _ => self.suspended = cell.flag()?.unwrap_or_default(),
        }
        Ok(())
    }

    fn cells(&self) -> Option<Vec<String>> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        if self.subject.iter().any(|pairing| pairing.provider.contains(' ')) {
            return None;
        }
        let authenticators: Vec<_> = self.authenticator.iter().map(AuthenticatorRecord::text).collect();
        let subjects: Vec<_> =
            self.subject.iter().map(|one| format!("{} {}", one.provider, one.subject)).collect();
        Some(vec![
            self.id.clone(),
            self.name.clone(),
            self.profession.clone(),
            text(&self.specialty),
            text(&self.section),
            joined(&self.structures)?,
            joined(&self.services)?,
            text(&self.enrolled_by),
            text(&self.enrolled_how),
            text(&self.enrolled_on),
            joined(&authenticators)?,
            text(&self.trained_on),
            joined(&subjects)?,
            if self.suspended { "oui" } else { "" }.to_owned(),
        ])
    }
}
