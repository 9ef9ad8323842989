//! `traces-export`: the archive of an order, made under a checkpoint that covers the order itself.

use std::io;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::super::Daemon;
use super::super::checkpointing::Asker;
use super::super::halt::Halt;
use super::answer::{No, Unavailable};
use super::delivery::{Document, Sink};
use super::obey::{Effect, NotObeyed};
use crate::envelope::{RECIPIENTS_MAX, Recipient};
use crate::ledger::Reader;
use crate::ledger::export::{Checkpointed, ZONE, offset_in};
use crate::policy::denial::Malformed;
use crate::policy::order::{Ordered, TracesExport};
use crate::traces::archive::PRACTITIONERS_MAX;
use crate::traces::archive::request::{Mandate, Period, Person, Request, Selection};
use crate::traces::audit::AuditPublicKey;
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::{Ins, InsOid, PsIdNat};
use crate::vihf::instant::Instant;

/// Everything that the archive is made from once the order is recorded.
struct Work {
    folder: PathBuf,
    asker: Asker,
    public: AuditPublicKey,
    whose: Whose,
    period: Period,
    since: Option<u64>,
    recipients: Vec<Recipient>,
    order: (Vec<u8>, Digest),
    /// Entries that were there before the order.
    before: u64,
    at: Instant,
}

/// Who is asked for, without their keyed hashes.
enum Whose {
    Practitioners(Vec<PsIdNat>),
    Patient(Ins),
}

impl Daemon {
    /// Why nothing is signed as far as the counter is concerned.
    pub(super) fn counter_trouble(&self) -> Unavailable {
        if self.halted.cause().is_some_and(Halt::is_of_counter) {
            Unavailable::CounterContradicts
        } else {
            Unavailable::CounterSilent
        }
    }

    /// Prepares the archive; it is made once the order is recorded.
    pub(super) fn traces_export(&self, ordered: &Ordered, export: &TracesExport) -> Result<Effect, NotObeyed> {
        if self.is_newest().is_err() || self.halted.cause().is_some_and(Halt::is_of_counter) {
            // Before anything is recorded: no archive is made without a checkpoint.
            return Err(NotObeyed::No(No::Unavailable(self.counter_trouble())));
        }
        let wrong = |member: &str, message: &str| {
            NotObeyed::No(No::Malformed(Malformed::new(format!("order.arguments.{member}"), message)))
        };
        let audit = self.audit.as_ref().ok_or(NotObeyed::No(No::Unavailable(Unavailable::NoAuditKey)))?;
        let instant = |member: &str, text: &str| {
            let message = "un instant s'écrit en UTC selon RFC 3339, par exemple 2026-01-15T00:00:00Z";
            Instant::parse(text).ok_or_else(|| wrong(member, message))
        };
        let period = Period { from: instant("from", &export.from)?, to: instant("to", &export.to)? };
        if period.from >= period.to {
            return Err(wrong("to", "la période finit avant de commencer ; corrigez from ou to"));
        }
        let whose = whose(export).map_err(|(member, message)| wrong(member, message))?;
        let recipients = recipients(export.encrypt_for.as_deref(), ordered.at())
            .map_err(|message| wrong("encrypt_for", &message))?;
        let since = export.since.as_deref().map(|size| {
            let message = "c'est la taille d'un point de contrôle de ce journal : sa deuxième ligne";
            size.parse().ok().filter(|size| *size <= self.ledger.size()).ok_or_else(|| wrong("since", message))
        });
        let order = (ordered.order().text().to_vec(), ordered.order().digest);
        let work = Work {
            folder: self.config.ledger.folder.clone(),
            asker: self.checkpoints.asker(),
            public: audit.public().clone(),
            whose,
            period,
            since: since.transpose()?,
            recipients,
            order,
            before: self.ledger.size(),
            at: ordered.at(),
        };
        let runtime = Handle::current();
        let document = Document::new(move |sink| work.make(&runtime, sink));
        Ok(Effect { document: Some(document), ..Effect::answer(Value::Null) })
    }
}

fn whose(export: &TracesExport) -> Result<Whose, (&'static str, &'static str)> {
    match (&*export.practitioners, &export.patient) {
        ([], Some(ins)) => {
            let message = "ce n'est pas un INS de 15 caractères dont la clé est juste";
            Ins::parse(ins).map(Whose::Patient).map_err(|_| ("patient", message))
        }
        ([], None) => Err(("practitioners", "donnez des professionnels, ou un patient")),
        (_, Some(_)) => Err(("patient", "donnez des professionnels ou un patient, pas les deux")),
        (ids, None) if ids.len() > PRACTITIONERS_MAX => {
            Err(("practitioners", "il y en a plus de 256 ; faites plusieurs ordres"))
        }
        (ids, None) => {
            let ids = ids.iter().map(|id| PsIdNat::parse(id)).collect::<Result<Vec<_>, _>>();
            ids.map(Whose::Practitioners)
                .map_err(|_| ("practitioners", "l'un n'est pas un PS_IdNat dont la clé est juste"))
        }
    }
}

/// Every certificate of a PEM text; none without text.
fn recipients(pem: Option<&str>, at: Instant) -> Result<Vec<Recipient>, String> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let one = |der: Result<CertificateDer<'_>, _>| {
        let der = der.map_err(|_| "une section PEM est abîmée ; redonnez le certificat".to_owned())?;
        Recipient::from_der(&der, at).map_err(|cause| format!("un certificat est refusé : {cause}"))
    };
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).map(one).collect::<Result<Vec<_>, _>>()?;
    match all.len() {
        0 => Err("il n'y a aucun certificat PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
        1..=RECIPIENTS_MAX => Ok(all),
        _ => Err(format!("plus de {RECIPIENTS_MAX} destinataires ; donnez-en moins")),
    }
}

impl Work {
    /// Makes the archive: a fresh checkpoint that covers the order's entry, then everything up to it.
    fn make(self, runtime: &Handle, sink: &mut Sink) -> io::Result<Value> {
        let other = |cause: &dyn std::fmt::Display| io::Error::other(cause.to_string());
        let entry =
            self.entry().map_err(|cause| other(&cause))?.ok_or_else(|| other(&"the order's entry is missing"))?;
        let note = runtime.block_on(self.asker.covering(entry)).map_err(|_| other(&"no checkpoint was signed"))?;
        let (signed, _) = self.public.open(&note).map_err(|cause| other(&cause))?;
        let size = signed.checkpoint().size;
        let reader = Reader::open(&self.folder).map_err(|cause| other(&cause))?;
        let view = Checkpointed::new(&reader, signed).map_err(|cause| other(&cause))?;
        let offset = offset_in(ZONE)?;
        let request = Request {
            selection: selection(&reader, self.whose).map_err(|cause| other(&cause))?,
            period: self.period,
            mandate: Some(Mandate { entry, text: self.order.0 }),
            since: self.since,
            made_at: self.at,
            offset: &offset,
        };
        let made = view.export(&request, &self.recipients, sink).map_err(|cause| other(&cause))?;
        Ok(json!({ "entries": made.entries, "rows": made.rows, "size": size }))
    }

    /// The entry of the order: among those written since.
    fn entry(&self) -> Result<Option<u64>, crate::ledger::StoreError> {
        let reader = Reader::open(Path::new(&self.folder))?;
        let mut found = None;
        reader.leaves(self.before..reader.edge().frontier.size(), |index, leaf| {
            if let Ok(Entry { event: Event::Order(order), .. }) = Entry::decode(leaf)
                && order.order == self.order.1
            {
                found = found.or(Some(index));
            }
            Ok::<_, crate::ledger::StoreError>(())
        })?;
        Ok(found)
    }
}

fn selection(reader: &Reader, whose: Whose) -> Result<Selection, crate::ledger::StoreError> {
    match whose {
        Whose::Practitioners(ids) => {
            let person = |id: PsIdNat| Person { id, lookup: reader.lookup_key().practitioner(&id) };
            Ok(Selection::Practitioners(ids.into_iter().map(person).collect()))
        }
        // The order names digits alone: the first identifier system under which the ledger knows them.
        Whose::Patient(ins) => {
            let person = |oid| {
                let id = Patient { ins: ins.clone(), oid };
                Person { lookup: reader.lookup_key().patient(&id), id }
            };
            for oid in InsOid::ALL {
                if !reader.of_patient(&person(oid).lookup)?.is_empty() {
                    return Ok(Selection::Patient(person(oid)));
                }
            }
            Ok(Selection::Patient(person(InsOid::Nir)))
        }
    }
}
