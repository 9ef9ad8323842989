//! The terms as they are written, in a file of their own or inside `sceau.toml`, checked beside each other.

use serde::Deserialize;

use super::structure::{self, StructureTable};
use super::{Convention, Scope, Service, TitleTable};
use crate::policy::breach::{Breach, unique};
use crate::policy::declaration::{Declaration, Declarations, Exception, ExceptionTable};
use crate::policy::guard::Budgets;
use crate::vihf::identity::Form;
use crate::vihf::method::Method;

/// Longest delay in milliseconds between CPS with PIN and the contactless reading: a working day.
const CONTACTLESS_DELAY_MAX_MS: u64 = 24 * 3_600_000;

/// The declared terms of annexe 2.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// See [`Convention::methods`].
    pub methods: Vec<Method>,
    /// See [`Convention::rights`].
    pub rights: Scope,
    /// See [`Convention::contactless_delay_ms`].
    pub contactless_delay_ms: u64,
    /// See [`Convention::sealed_keys`].
    pub sealed_keys: bool,
}

/// Every table of the terms.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Of a file; none inside `sceau.toml`.
    pub title: Option<TitleTable>,
    /// What annexe 2 has.
    pub declared: Declared,
    /// `[[structure]]`.
    pub structures: Vec<StructureTable>,
    /// `[[service]]`.
    pub services: Vec<Service>,
    /// `[declaration]`.
    pub declaration: Declaration,
    /// `[[exception]]`.
    pub exceptions: Vec<ExceptionTable>,
    /// `[guard]`.
    pub guard: Budgets,
}

impl Tables {
    /// The convention without its wrong entries, and what is wrong with those; `test`: test structures are admitted, and
    /// declared logins by default.
    #[must_use]
    pub fn check(self, form: Form, test: bool) -> (Convention, Vec<Breach>) {
        let mut breaches = Vec::new();
        // Terms inside `sceau.toml` are refused as such.
        let all_declared = self.title.is_some() && !test;
        let title = self.title.and_then(|title| title.check(&mut breaches));
        let structures = structure::check(&self.structures, form, all_declared, &mut breaches);
        unique("service", "name", self.services.iter().map(|s| s.name.as_str()), &mut breaches);
        for (entry, service) in self.services.iter().enumerate() {
            breaches.extend(service.check().into_iter().map(|breach| breach.in_entry(entry)));
        }
        let exceptions = exceptions(self.exceptions, &mut breaches);
        breaches.extend(self.declaration.check());
        breaches.extend(self.declared.check());
        breaches.extend(self.guard.check());
        let convention = Convention {
            title,
            methods: self.declared.methods,
            rights: self.declared.rights,
            contactless_delay_ms: self.declared.contactless_delay_ms,
            sealed_keys: self.declared.sealed_keys,
            structures,
            services: self.services,
            declarations: Declarations { test, limits: self.declaration, exceptions },
            guard: self.guard,
        };
        (convention, breaches)
    }
}

impl Declared {
    /// Terms that contradict each other.
    fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.contactless_delay_ms > CONTACTLESS_DELAY_MAX_MS {
            let cause = format!(
                "[convention] contactless_delay_ms = {} : le maximum est {CONTACTLESS_DELAY_MAX_MS}",
                self.contactless_delay_ms
            );
            breaches.push(Breach::of("bad-value", "convention", "contactless_delay_ms", cause));
        }
        if self.methods.contains(&Method::CpsSansContact) && self.contactless_delay_ms == 0 {
            let cause = format!(
                "[convention] methods contient {} : donnez contactless_delay_ms, le délai déclaré",
                Method::CpsSansContact
            );
            breaches.push(Breach::of("contradiction", "convention", "methods", cause));
        }
        breaches
    }
}

fn exceptions(tables: Vec<ExceptionTable>, breaches: &mut Vec<Breach>) -> Vec<Exception> {
    unique("exception", "application", tables.iter().map(ExceptionTable::application), breaches);
    let mut exceptions = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check() {
            Ok(exception) => exceptions.push(exception),
            Err(wrong) => breaches.extend(wrong.into_iter().map(|breach| breach.in_entry(entry))),
        }
    }
    exceptions
}
