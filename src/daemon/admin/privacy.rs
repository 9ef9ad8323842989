//! The orders that end the term of identities, and that take the ledger away in copies.

use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::Daemon;
use super::answer::{No, Unavailable};
use super::delivery::{Document, Sink};
use super::obey::{Effect, NotObeyed};
use crate::envelope::Recipient;
use crate::ledger::{self, Line, NotBackedUp, Reader, SegmentLimits, StoreError};
use crate::policy::denial::Malformed;
use crate::policy::order::{Ordered, TracesBackup, TracesCloseDmp};
use crate::policy::retention::years_after;
use crate::sys::clock;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Event, Mandate, Register};
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::{Ins, InsOid};
use crate::vihf::instant::Instant;

/// The register that a closing changes.
const CLOSINGS: &str = "closings";

/// `traces-close-dmp`: the term of the patient's traces begins with the order, whatever the identifier system that the
/// ledger knows the digits under. A date of the past is not taken: it would let one person shorten the term.
pub(super) async fn traces_close_dmp(
    daemon: &Daemon,
    ordered: &Ordered,
    close: &TracesCloseDmp,
) -> Result<Effect, NotObeyed> {
    let malformed = |cause: String| NotObeyed::No(No::Malformed(Malformed::new("order.arguments.patient", cause)));
    let ins = Ins::parse(close.patient.trim())
        .map_err(|cause| malformed(format!("INS : {cause} ; donnez les 15 caractères de l'INS")))?;
    let patients = InsOid::ALL.map(|oid| Patient { ins: ins.clone(), oid });
    let folder = daemon.config.ledger.folder.clone();
    let known = reading(move || ledger::known_patients(&folder, &patients)).await.map_err(NotObeyed::No)?;
    let word = |text: &str| Word::parse(text).unwrap_or_else(Word::unknown);
    let line = |patient: &Digest| {
        let at = ordered.at().ms().to_be_bytes();
        let content = Digest::of(&[b"sceau-closing-v1\0", patient.as_bytes(), &at]);
        let actor = ordered.signers().first().map_or_else(Word::unknown, |name| word(name));
        let mandate = Some(Mandate { actor, order: ordered.order().digest });
        let event = Event::Register(Register { register: word(CLOSINGS), content, mandate });
        Line::closes(event, *patient, ordered.at())
    };
    let due = years_after(ordered.at(), daemon.config.ledger.retention.closed_years);
    let done = match known.is_empty() {
        true => json!({ "known": false }),
        false => json!({ "known": true, "due_at": due.to_string() }),
    };
    Ok(Effect { then: known.iter().map(line).collect(), ..Effect::answer(done) })
}

/// `traces-purge`: prepared here, decided in the commit of its trace ([`super::submit`]).
pub(super) fn traces_purge() -> Effect {
    Effect { purges: true, ..Effect::answer(Value::Null) }
}

/// `traces-backup`: segments, or the escrow of their keys; never both in one document.
pub(super) async fn traces_backup(daemon: &Daemon, order: &TracesBackup) -> Result<Effect, NotObeyed> {
    let plan = &daemon.config.backup;
    let (files, escrow) = (if order.escrow { &plan.recovery } else { &plan.readers }, order.escrow);
    let recipients = recipients(files, clock::now()).map_err(|cause| {
        tracing::warn!(%cause, "a backup was ordered without certificates that can receive it");
        NotObeyed::No(No::Unavailable(Unavailable::NoBackupCertificate))
    })?;
    let (folder, since) = (daemon.config.ledger.folder.clone(), order.since.clone());
    // Told here: once the order is recorded, a document that breaks off is all that the operator would see.
    let (asked, state) = (folder.clone(), since.clone());
    let goes_on = move || match ledger::backup_goes_on(&Reader::open(&asked)?, state.as_deref()) {
        Err(NotBackedUp::Store(cause)) => Err(cause),
        goes_on => Ok(goes_on),
    };
    reading(goes_on).await.map_err(NotObeyed::No)?.map_err(|cause| {
        NotObeyed::No(match cause {
            NotBackedUp::State => No::Malformed(Malformed::new("order.arguments.since", cause.to_string())),
            NotBackedUp::UnderWay => No::Unavailable(Unavailable::DestructionUnderWay),
            NotBackedUp::Store(_) | NotBackedUp::Write(_) => No::Unavailable(Unavailable::Ledger),
        })
    })?;
    let document = Document::new(move |sink| {
        let done = if escrow {
            let reader = Reader::open(&folder).map_err(io::Error::other)?;
            let epoch = ledger::escrow(&reader, &recipients, &mut *sink).map_err(io::Error::other)?;
            json!({ "epoch": epoch, "destroy": destroy(epoch) })
        } else {
            segments(&folder, &recipients, since, sink).map_err(io::Error::other)?
        };
        Ok(done)
    });
    Ok(Effect { document: Some(document), ..Effect::answer(Value::Null) })
}

/// Segments until there is no more, each behind its length: how many bytes of the document are its.
fn segments(
    folder: &std::path::Path,
    recipients: &[Recipient],
    mut since: Option<String>,
    sink: &mut Sink,
) -> Result<Value, NotBackedUp> {
    // One moment for all of them.
    let reader = Reader::open(folder)?;
    let checkpoint = reader.newest_checkpoint()?.map(|(_, note)| note);
    let mut made = Vec::new();
    loop {
        let mut segment = Vec::new();
        let limits = SegmentLimits::default();
        let (since_text, checkpoint) = (since.as_deref(), checkpoint.clone());
        let done =
            ledger::backup(&reader, recipients, since_text, limits, checkpoint, clock::now(), &mut segment)?;
        sink.write_all(&segment)?;
        made.push(json!({ "generation": done.generation, "number": done.number, "bytes": segment.len() }));
        since = Some(done.state.clone());
        if !done.more {
            let destroy = if done.new_epoch { destroy(done.epoch) } else { Value::Null };
            return Ok(json!({
                "segments": made,
                "state": done.state,
                "entries": done.entries,
                "epoch": done.epoch,
                "new_escrow": done.new_epoch,
                "destroy": destroy,
            }));
        }
    }
}

/// What a new epoch asks of people.
fn destroy(epoch: u64) -> Value {
    match epoch {
        0 | 1 => Value::Null,
        _ => format!("détruisez tous les séquestres des époques 1 à {}, copies comprises", epoch - 1).into(),
    }
}

fn recipients(files: &[PathBuf], now: Instant) -> Result<Vec<Recipient>, String> {
    if files.is_empty() {
        return Err("no certificate is configured".to_owned());
    }
    let read = |path: &PathBuf| {
        let pem = std::fs::read(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
        Recipient::from_pem(&pem, now).map_err(|cause| format!("{}: {cause}", path.display()))
    };
    files.iter().map(read).collect()
}

/// Reads the ledger aside from the way of tokens.
pub(super) async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, No> {
    let unavailable = || No::Unavailable(Unavailable::Ledger);
    tokio::task::spawn_blocking(read).await.map_err(|_| unavailable())?.map_err(|cause| {
        tracing::error!(%cause, "the ledger was not read for an operator");
        unavailable()
    })
}
