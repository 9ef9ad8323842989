//! Whose signatures let a convention rule: two approvers, each by the key of the register.

use super::{Convention, NotTaken};
use crate::policy::operator::Role;
use crate::policy::operators::Operators;
use crate::policy::order::Refusal;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// What an approver signs a convention for (`ssh-keygen -Y sign -n`): no signature of an order is one of a convention.
pub const NAMESPACE: &str = "sceau-convention";
/// Distinct approvers whose signatures a convention needs: nobody widens alone what he may do.
pub const APPROVERS_MIN: usize = 2;
/// Most signatures that are looked at.
pub(crate) const SIGNATURES_MAX: usize = 32;

/// What a convention is judged with.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Who may sign.
    pub operators: &'a Operators,
    /// Unsigned ones are refused.
    pub production: bool,
    /// The clock.
    pub now: Instant,
    /// Number and digest of the one that the ledger has, if it has one.
    pub previous: Option<(u64, Digest)>,
}

/// Judges a convention by its exact text and the signatures beside it; gives the names of the approvers.
///
/// Signatures beyond the two that are needed are not held against it: an old one may still lie beside a new text. Names are
/// of right signatures alone.
///
/// # Errors
/// [`NotTaken`] with the first reason: number, days, signatures.
pub fn judge(
    convention: &Convention,
    text: &[u8],
    signatures: &[impl AsRef<str>],
    known: &Known<'_>,
) -> Result<Vec<String>, NotTaken> {
    let title = convention.title.as_ref().ok_or(NotTaken::Unreadable)?;
    if let Some((number, digest)) = known.previous
        && digest != Digest::of(&[text])
    {
        match title.number.cmp(&number) {
            std::cmp::Ordering::Less => return Err(NotTaken::Older),
            std::cmp::Ordering::Equal => return Err(NotTaken::SameNumber),
            std::cmp::Ordering::Greater => {}
        }
    }
    if known.now >= title.ends_at {
        return Err(NotTaken::Ended);
    }
    if known.now < title.begins_at {
        return Err(NotTaken::NotYet);
    }
    let approved = approvers(text, signatures, known.operators);
    if known.production { approved } else { Ok(approved.unwrap_or_default()) }
}

/// Distinct approvers whose signatures are right.
fn approvers(text: &[u8], signatures: &[impl AsRef<str>], operators: &Operators) -> Result<Vec<String>, NotTaken> {
    if operators.is_empty() {
        return Err(NotTaken::NoOperators);
    }
    if signatures.is_empty() {
        return Err(NotTaken::Unsigned);
    }
    let (mut names, mut flaw): (Vec<String>, _) = (Vec::new(), None);
    for armour in signatures.iter().take(SIGNATURES_MAX) {
        let not_taken = match operators.signer(armour.as_ref(), NAMESPACE, text) {
            Ok(signer) if !signer.has_any(&[Role::Approver]) => NotTaken::NotApprover,
            Ok(signer) if names.contains(&signer.name) => NotTaken::SignerTwice,
            Ok(signer) => {
                names.push(signer.name.clone());
                continue;
            }
            Err(Refusal::SignatureNamespace) => NotTaken::Namespace,
            Err(Refusal::SignerUnknown) => NotTaken::SignerUnknown,
            Err(Refusal::SignerRevoked) => NotTaken::SignerRevoked,
            Err(_) => NotTaken::Altered,
        };
        flaw = flaw.or(Some(not_taken));
    }
    if names.len() >= APPROVERS_MIN { Ok(names) } else { Err(flaw.unwrap_or(NotTaken::SignersMissing)) }
}
