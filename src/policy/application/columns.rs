//! An entry as a line of a table.

use super::record::{Record, lps_only};
use crate::policy::register::{Cell, Written, joined};
use crate::proof::Audience;

impl Written for Record {
    const COLUMNS: &'static [&'static str] = &[
        "user",
        "lps_name",
        "lps_version",
        "lps_id",
        "homologation",
        "homologation_expires_on",
        "services",
        "channels",
        "methods",
        "profiles",
        "audience",
        "may_declare",
        "suspended",
        "certificates",
    ];
    const REQUIRED: &'static [&'static str] = &[
        "user",
        "lps_name",
        "lps_version",
        "homologation",
        "homologation_expires_on",
        "services",
        "methods",
        "profiles",
    ];
    const MEMBERS: &'static [&'static str] = &[];
    /// Ten times what a large hospital has homologated; each has memories of its own (nonces, sessions).
    const ENTRIES_MAX: usize = 1_000;

    fn take(&mut self, column: &'static str, cell: Cell<'_>) -> Result<(), &'static str> {
        match column {
            "user" => self.user = cell.text(),
            "lps_name" => self.lps_name = cell.text(),
            "lps_version" => self.lps_version = cell.text(),
            "lps_id" => self.lps_id = cell.optional(),
            "homologation" => self.homologation = cell.text(),
            "homologation_expires_on" => self.homologation_expires_on = cell.text(),
            "services" => self.services = cell.texts(),
            "channels" => self.channels = cell.optional().map_or_else(lps_only, |_| cell.texts()),
            "methods" => self.methods = cell.texts(),
            "profiles" => self.profiles = cell.texts(),
            "audience" => {
                let audience = |value: &str| {
                    let (provider, client_id) = value.split_once(' ')?;
                    Some(Audience { provider: provider.to_owned(), client_id: client_id.trim().to_owned() })
                };
                self.audience = cell
                    .read(audience)
                    .ok_or("une audience s'écrit FOURNISSEUR CLIENT_ID ; plusieurs sont séparées par |")?;
            }
            "may_declare" => self.may_declare = cell.flag()?,
            "suspended" => self.suspended = cell.flag()?.unwrap_or_default(),
            _ => self.certificates = cell.texts(),
        }
        Ok(())
    }

    fn cells(&self) -> Option<Vec<String>> {
        // An empty cell of channels is read as LPS, and a blank inside tells two words of an audience apart.
        if self.channels.is_empty() || self.audience.iter().any(|audience| audience.provider.contains(' ')) {
            return None;
        }
        let audiences: Vec<_> =
            self.audience.iter().map(|one| format!("{} {}", one.provider, one.client_id)).collect();
        Some(vec![
            self.user.clone(),
            self.lps_name.clone(),
            self.lps_version.clone(),
            self.lps_id.clone().unwrap_or_default(),
            self.homologation.clone(),
            self.homologation_expires_on.clone(),
            joined(&self.services)?,
            joined(&self.channels)?,
            joined(&self.methods)?,
            joined(&self.profiles)?,
            joined(&audiences)?,
            self.may_declare.map_or("", |may| if may { "oui" } else { "non" }).to_owned(),
            if self.suspended { "oui" } else { "" }.to_owned(),
            joined(&self.certificates)?,
        ])
    }
}
