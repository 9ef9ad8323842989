//! The register of practitioners: what orders change of it, and what may be read of it.
//!
//! What a crash leaves: order and register are in one commit, so both or neither. The new register is judged and written down
//! on a thread of its own, and takes force behind the commit: who asks in between is served by the old one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::Daemon;
use super::super::registers::InForce;
use super::answer::{No, Page};
use super::obey::{Effect, NotObeyed, changed};
use crate::ledger::{Line, NotRecorded};
use crate::policy::denial::Malformed;
use crate::policy::order::{AuthenticatorRevoke, Ordered, PractitionersImport, Refusal};
use crate::policy::practitioner::import::{self, Format};
use crate::policy::practitioner::{NotChanged, Practitioners, REGISTER};
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
    import: &PractitionersImport,
    document: Option<Zeroizing<Vec<u8>>>,
) -> Result<Effect, NotObeyed> {
    let wrong = |field: &str, message: &str| NotObeyed::No(No::Malformed(Malformed::new(field, message)));
    let format = Format::parse(&import.format)
        .ok_or_else(|| wrong("order.arguments.format", "ce format est inconnu ; choisissez csv ou json"))?;
    // Nothing is recorded: the same order is good with its file.
    let bytes = document.ok_or_else(|| {
        wrong("document", "cet ordre porte sur un fichier ; joignez-le (sceau order submit --document FICHIER)")
    })?;
    let digest = hexadecimal(&Digest::of(&[&bytes]));
    if !digest.eq_ignore_ascii_case(&import.sha256) {
        let message =
            "le fichier joint n'est pas celui de l'ordre, octet pour octet ; joignez le fichier qui a été signé";
        return Err(wrong("document", message));
    }
    let InForce { practitioners: current, document, .. } = daemon.registers.in_force();
    let lookup = daemon.registers.lookup();
    let around = daemon.config.around(&daemon.conventions.current().convention, &daemon.loaded.profiles);
    let judged = aside(move || {
        let current = document.is_some().then_some(&*current);
        let judged = import::judge(&bytes, format, &around, current, &mut |_, _| {});
        judged.map(|practitioners| written(practitioners, &lookup))
    })
    .await?;
    match judged {
        Ok(written) => Ok(register(written?, ordered)),
        Err(slips) => {
            let line = slips.first().map(|slip| slip.line);
            tracing::warn!(slips = slips.len(), line, "a file of practitioners is refused");
            Err(Refusal::RegisterInvalid.into())
        }
    }
}

/// `authenticator-revoke`: no login by it serves any more.
pub(super) async fn authenticator_revoke(
    daemon: &Daemon,
    ordered: &Ordered,
    revoke: &AuthenticatorRevoke,
) -> Result<Effect, NotObeyed> {
    let AuthenticatorRevoke { practitioner, method, authenticator } = revoke.clone();
    let method = Method::parse(&method).ok_or(Refusal::AuthenticatorUnknown)?;
    change(daemon, ordered, move |register| register.revoking(&practitioner, method, &authenticator)).await
}

/// The next entries behind that id.
///
/// # Errors
/// Malformed: nobody has it, perhaps no longer.
pub(super) fn page<'r>(in_force: &'r InForce, after: Option<&str>) -> Result<Page<'r>, No> {
    let InForce { practitioners, document, .. } = in_force;
    let message = "ce professionnel n'est pas, ou plus, au registre ; recommencez la lecture";
    let page =
        practitioners.page(after, PAGE_LEN).ok_or_else(|| No::Malformed(Malformed::new("after", message)))?;
    let last = practitioners.all().last().map(|one| one.id.as_str());
    Ok(Page {
        source: if document.is_some() { "ledger" } else { "file" },
        register: document.map(|digest| digest.to_string()),
        total: practitioners.all().len(),
        practitioners: page.iter().map(|one| &one.record).collect(),
        next: page.last().map(|one| one.id.as_str()).filter(|id| Some(*id) != last),
    })
}

/// Changes one entry of the ledger's register.
async fn change(
    daemon: &Daemon,
    ordered: &Ordered,
    change: impl FnOnce(&Practitioners) -> Result<Practitioners, NotChanged> + Send + 'static,
) -> Result<Effect, NotObeyed> {
    let InForce { practitioners, document, .. } = daemon.registers.in_force();
    let lookup = daemon.registers.lookup();
    if document.is_none() {
        return Err(Refusal::RegisterNotImported.into());
    }
    let changed = aside(move || change(&practitioners).map(|changed| written(changed, &lookup))).await?;
    let written = changed.map_err(|cause| match cause {
        NotChanged::Unknown => Refusal::PractitionerUnknown,
        NotChanged::AuthenticatorUnknown => Refusal::AuthenticatorUnknown,
        NotChanged::AsItIs => Refusal::NothingToChange,
    })?;
    Ok(register(written?, ordered))
}

/// A register with its document.
struct Written {
    in_force: InForce,
    digest: Digest,
    document: Vec<u8>,
}

fn written(practitioners: Practitioners, lookup: &LookupKey) -> Result<Written, NotObeyed> {
    let unavailable = || NotObeyed::No(NotRecorded::Unavailable.into());
    let mut salt = [0; SALT_LEN];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| unavailable())?;
    let document = practitioners.document(&STANDARD.encode(salt)).map_err(|_| unavailable())?;
    let digest = Digest::of(&[&document]);
    Ok(Written { in_force: InForce::of(practitioners, Some(digest), lookup), digest, document })
}

/// The register from now on, in the ledger with the order's mandate.
fn register(written: Written, ordered: &Ordered) -> Effect {
    let Written { in_force, digest, document } = written;
    let done = json!({ "practitioners": in_force.practitioners.all().len(), "register": digest.to_string() });
    let then = vec![Line::register(changed(REGISTER, &document, ordered), REGISTER, document)];
    Effect { then, practitioners: Some(in_force), ..Effect::answer(done) }
}

/// Runs what takes its time beside the requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotObeyed> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        tracing::error!(%cause, "a register was not judged");
        NotObeyed::No(NotRecorded::Unavailable.into())
    })
}

fn hexadecimal(digest: &Digest) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
