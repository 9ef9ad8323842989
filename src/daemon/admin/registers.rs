//! The registers of practitioners and applications: what orders change of them, and what may be read of them.
//!
//! What a crash leaves: order and register are in one commit, so both or neither. The new register is judged and written down
//! on a thread of its own, and takes force behind the commit: who asks in between is served by the old one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::Daemon;
use super::super::registers::{InForce, Kept, New, names};
use super::answer::{No, Page};
use super::obey::{Effect, NotObeyed, changed};
use crate::ledger::{Line, NotRecorded};
use crate::policy::application::import::Users;
use crate::policy::application::{self, Applications};
use crate::policy::denial::Malformed;
use crate::policy::fingerprint::Fingerprint;
use crate::policy::order::{AuthenticatorRevoke, Ordered, Refusal, RegisterImport};
use crate::policy::practitioner::{self, NotChanged, Practitioners};
use crate::policy::register::{Format, Slip};
use crate::sys::peer;
use crate::traces::digest::Digest;
use crate::traces::entry::key::LookupKey;
use crate::vihf::method::Method;

/// Entries of one answer: with all their members some hundred kilobytes.
const PAGE_LEN: usize = 128;
/// Random bytes beside a register, so that its digest confirms no guess.
const SALT_LEN: usize = 16;

/// `practitioners-import`: the file beside the order is the register from now on.
pub(super) async fn practitioners_import(
    daemon: &Daemon,
    ordered: &Ordered,
    import: &RegisterImport,
    document: Option<Zeroizing<Vec<u8>>>,
) -> Result<Effect, NotObeyed> {
    let (bytes, format) = file(import, document)?;
    let current = daemon.registers.in_force().practitioners;
    let lookup = daemon.registers.lookup();
    let around = daemon.config.around(&daemon.conventions.current().convention, &daemon.profiles);
    let judged = aside(move || {
        let current = current.document.is_some().then_some(&*current.register);
        let judged = practitioner::import::judge(&bytes, format, &around, current, &mut |_, _| {});
        judged.map(|practitioners| written_practitioners(practitioners, &lookup))
    })
    .await?;
    Ok(register(daemon, judged.map_err(|slips| invalid(&slips))??, ordered))
}

/// `applications-import`: the same for applications. Sessions and nonces of one that leaves are kept until they end; certificates
/// of one that stays are changed by their own orders alone.
pub(super) async fn applications_import(
    daemon: &Daemon,
    ordered: &Ordered,
    import: &RegisterImport,
    document: Option<Zeroizing<Vec<u8>>>,
) -> Result<Effect, NotObeyed> {
    let (bytes, format) = file(import, document)?;
    let around = daemon.config.around(&daemon.conventions.current().convention, &daemon.profiles);
    let current = daemon.registers.in_force().applications;
    let judged = aside(move || {
        let current = current.document.is_some().then_some(&*current.register);
        let confirmed = |user: &str| Some(current?.named(user)?.record.certificates.clone());
        let uid = |user: &str| peer::uid_of(user).ok().flatten();
        let name = |uid| peer::name_of(uid).ok().flatten();
        let judged =
            application::import::judge(&bytes, format, &around, Users { uid: &uid, name: &name }, &confirmed);
        judged.map(written_applications)
    })
    .await?;
    Ok(register(daemon, judged.map_err(|slips| invalid(&slips))??, ordered))
}

/// `authenticator-revoke`: no login by it serves any more, nor a session that may have been opened by it.
pub(super) async fn authenticator_revoke(
    daemon: &Daemon,
    ordered: &Ordered,
    revoke: &AuthenticatorRevoke,
) -> Result<Effect, NotObeyed> {
    let AuthenticatorRevoke { practitioner, method, authenticator } = revoke.clone();
    let method = Method::parse(&method).ok_or(Refusal::AuthenticatorUnknown)?;
    change(daemon, ordered, move |register| register.revoking(&practitioner, method, &authenticator)).await
}

/// A certificate of a remote application is added, or taken away: the register is the ledger's, as that of practitioners is when
/// an authenticator is revoked.
pub(super) async fn certificate(
    daemon: &Daemon,
    ordered: &Ordered,
    user: String,
    certificate: Fingerprint,
    add: bool,
) -> Result<Effect, NotObeyed> {
    let Kept { register: current, document } = daemon.registers.in_force().applications;
    if document.is_none() {
        return Err(Refusal::ApplicationsNotImported.into());
    }
    let changed =
        aside(move || current.with_certificate(&user, certificate, add).map(written_applications)).await?;
    Ok(register(daemon, changed.map_err(Refusal::from)??, ordered))
}

/// The next practitioners behind that id.
///
/// # Errors
/// Malformed: nobody has it, perhaps no longer.
pub(super) fn practitioners<'r>(
    in_force: &'r InForce,
    after: Option<&str>,
) -> Result<Page<'r, practitioner::Record>, No> {
    let kept = &in_force.practitioners;
    let message = "ce professionnel n'est pas, ou plus, au registre ; recommencez la lecture";
    let page = kept.register.page(after, PAGE_LEN).ok_or_else(|| gone(message))?;
    let last = kept.register.all().last().map(|one| one.id.as_str());
    let next = page.last().map(|one| one.id.as_str()).filter(|id| Some(*id) != last);
    let entries = page.iter().map(|one| &one.record).collect();
    Ok(Page::of(kept, kept.register.all().len(), entries, next))
}

/// The next applications behind that Unix user.
///
/// # Errors
/// Malformed: it is none, perhaps no longer.
pub(super) fn applications<'r>(
    in_force: &'r InForce,
    after: Option<&str>,
) -> Result<Page<'r, application::Record>, No> {
    let kept = &in_force.applications;
    let message = "cette application n'est pas, ou plus, au registre ; recommencez la lecture";
    let page = kept.register.page(after, PAGE_LEN).ok_or_else(|| gone(message))?;
    let last = kept.register.all().last().map(|one| one.user.as_str());
    let next = page.last().map(|one| one.user.as_str()).filter(|user| Some(*user) != last);
    let entries = page.iter().map(|one| &one.record).collect();
    Ok(Page::of(kept, kept.register.all().len(), entries, next))
}

fn gone(message: &str) -> No {
    No::Malformed(Malformed::new("after", message))
}

/// The file beside an import, which is the one that was signed.
///
/// # Errors
/// Malformed, and nothing is recorded: the same order is good with its file.
fn file(
    import: &RegisterImport,
    document: Option<Zeroizing<Vec<u8>>>,
) -> Result<(Zeroizing<Vec<u8>>, Format), NotObeyed> {
    let wrong = |field: &str, message: &str| NotObeyed::No(No::Malformed(Malformed::new(field, message)));
    let format = Format::parse(&import.format)
        .ok_or_else(|| wrong("order.arguments.format", "ce format est inconnu ; choisissez csv ou json"))?;
    let bytes = document.ok_or_else(|| {
        wrong("document", "cet ordre porte sur un fichier ; joignez-le (sceau order submit --document FICHIER)")
    })?;
    if !hexadecimal(&Digest::of(&[&bytes])).eq_ignore_ascii_case(&import.sha256) {
        let message =
            "le fichier joint n'est pas celui de l'ordre, octet pour octet ; joignez le fichier qui a été signé";
        return Err(wrong("document", message));
    }
    Ok((bytes, format))
}

/// A file with bad lines, of which the log repeats nothing.
fn invalid(slips: &[Slip]) -> NotObeyed {
    let line = slips.first().map(|slip| slip.line);
    tracing::warn!(slips = slips.len(), line, "a file that was to become a register is refused");
    Refusal::RegisterInvalid.into()
}

/// Changes one entry of the ledger's register of practitioners.
async fn change(
    daemon: &Daemon,
    ordered: &Ordered,
    change: impl FnOnce(&Practitioners) -> Result<Practitioners, NotChanged> + Send + 'static,
) -> Result<Effect, NotObeyed> {
    let Kept { register: current, document } = daemon.registers.in_force().practitioners;
    let lookup = daemon.registers.lookup();
    if document.is_none() {
        return Err(Refusal::RegisterNotImported.into());
    }
    let changed = aside(move || change(&current).map(|changed| written_practitioners(changed, &lookup))).await?;
    let written = changed.map_err(|cause| match cause {
        NotChanged::Unknown => Refusal::PractitionerUnknown,
        NotChanged::AuthenticatorUnknown => Refusal::AuthenticatorUnknown,
        NotChanged::AsItIs => Refusal::NothingToChange,
    })?;
    Ok(register(daemon, written?, ordered))
}

/// A register with its document.
struct Written {
    new: New,
    name: &'static str,
    entries: usize,
    digest: Digest,
    document: Vec<u8>,
}

fn written_practitioners(practitioners: Practitioners, lookup: &LookupKey) -> Result<Written, NotObeyed> {
    let mut salt = [0; SALT_LEN];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| unavailable())?;
    let document = practitioners.document(&STANDARD.encode(salt)).map_err(|_| unavailable())?;
    let (digest, entries) = (Digest::of(&[&document]), practitioners.all().len());
    let names = names(&practitioners, lookup);
    let new = New::Practitioners(Kept::of(practitioners, Some(digest)), names);
    Ok(Written { new, name: practitioner::REGISTER, entries, digest, document })
}

fn written_applications(applications: Applications) -> Result<Written, NotObeyed> {
    let document = applications.document().map_err(|_| unavailable())?;
    let (digest, entries) = (Digest::of(&[&document]), applications.all().len());
    let new = New::Applications(Kept::of(applications, Some(digest)));
    Ok(Written { new, name: application::REGISTER, entries, digest, document })
}

fn unavailable() -> NotObeyed {
    NotObeyed::No(NotRecorded::Unavailable.into())
}

/// The register from now on, in the ledger with the order's mandate, and the end of every session whose login it no longer
/// counts. One that is being opened meanwhile is one of before the order.
fn register(daemon: &Daemon, written: Written, ordered: &Ordered) -> Effect {
    let Written { new, name, entries, digest, document } = written;
    let ending = match &new {
        New::Practitioners(after, _) => {
            daemon.sessions.those(|session| daemon.registers.ends(session, &after.register))
        }
        New::Applications(_) => Vec::new(),
    };
    let done = json!({ name: entries, "register": digest.to_string(), "sessions_ended": ending.len() });
    let mut then = vec![Line::register(changed(name, &document, ordered), name, document)];
    then.extend(ending.iter().map(|(hash, traced)| daemon.ended(traced, *hash)));
    let ended = ending.iter().map(|(hash, traced)| (traced.session.application(), *hash)).collect();
    Effect { then, register: Some(new), ended, ..Effect::answer(done) }
}

/// Runs what takes its time beside the requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotObeyed> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        tracing::error!(%cause, "a register was not judged");
        unavailable()
    })
}

fn hexadecimal(digest: &Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
