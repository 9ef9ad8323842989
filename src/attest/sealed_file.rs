//! The files of sealed PINs: kept, read, and what is forgotten of their approvals.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::answer::No;
use super::approvals::Written;
use super::task::Tasks;
use crate::config::KeyName;
use crate::evidence::document::Marshalled;
use crate::sys::durable;
use crate::tpm::approver::Approver;
use crate::tpm::device::{Tpm, TpmName};
use crate::tpm::sealed::Approval;
use crate::traces::digest::Digest;

/// Format of the files.
pub(super) const FORMAT: &str = "fr.sceau.sealed/2";
/// End of their names.
const SUFFIX: &str = ".sealed.json";

/// A sealed PIN as it is kept; nothing in it is of use without this TPM.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub(super) format: String,
    pub(super) storage: Marshalled,
    pub(super) public: Marshalled,
    pub(super) private: Marshalled,
    pub(super) approver: String,
    pub(super) pcrs: Vec<u8>,
    pub(super) approvals: Vec<Written>,
}

impl Kept {
    pub(super) fn approver(&self) -> Result<Approver, No> {
        Approver::from_pem(&self.approver).map_err(|_| torn())
    }

    /// The newest approval of that policy.
    pub(super) fn approval(&self, policy: &Digest) -> Option<Approval> {
        let all = self.approvals.iter().rev().filter_map(Written::approval);
        all.into_iter().find(|approval| approval.policy == *policy)
    }
}

impl Tasks {
    /// Names of the sealed PINs.
    pub(super) fn sealed(&self) -> Result<Vec<String>, No> {
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.to_owned());
        Ok(self.kept(SUFFIX)?.iter().filter_map(name).collect())
    }

    /// The TPM that sealed it.
    pub(super) fn of(&self, kept: &Kept) -> Result<Tpm, No> {
        Ok(Tpm::open(&self.config.tpm.tcti, Some(&TpmName(kept.storage.0.clone())))?)
    }

    pub(super) fn sealed_path(&self, name: &KeyName) -> PathBuf {
        self.config.tpm.folder.join(format!("{name}{SUFFIX}"))
    }

    pub(super) fn sealed_of(&self, name: &KeyName) -> Result<Kept, No> {
        let path = self.sealed_path(name);
        let bytes = std::fs::read(&path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => No::Denied(
                "not-sealed",
                format!("aucun PIN n'est scellé sous le nom {name} ; sceau seal create le fait"),
            ),
            _ => self.folder(&cause),
        })?;
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| torn())?;
        if kept.format == FORMAT { Ok(kept) } else { Err(torn()) }
    }

    pub(super) fn keep(&self, name: &KeyName, kept: &Kept) -> Result<(), No> {
        let bytes = serde_json::to_vec_pretty(kept).map_err(|_| torn())?;
        durable::replace(&self.sealed_path(name), &bytes, 0o600).map_err(|cause| self.folder(&cause))
    }
}

/// Forgets that many of the oldest approvals, but none of that policy.
pub(super) fn forget(approvals: &mut Vec<Written>, mut surplus: usize, stays: &Digest) {
    approvals.retain(|written| {
        let is_now = written.approval().is_some_and(|approval| approval.policy == *stays);
        let goes = surplus > 0 && !is_now;
        surplus -= usize::from(goes);
        !goes
    });
}

pub(super) fn torn() -> No {
    let message = "le fichier du scellement est abîmé ; remettez-le d'une sauvegarde, ou sceau seal recover avec deux officiers";
    No::Unavailable("folder", message.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_oldest_approvals_are_forgotten_and_the_state_of_now_never() {
        let digest = |number: u8| Digest::new([number; Digest::LEN]);
        let written = |number: u8| -> Written {
            let text = format!("{{\"pcrs\":[7],\"pol\":\"{}\",\"sig\":\"\"}}", digest(number));
            serde_json::from_str(&text).unwrap()
        };
        let mut approvals: Vec<_> = (1..=6).map(written).collect();
        forget(&mut approvals, 3, &digest(2));
        let left: Vec<_> = approvals.iter().map(|written| written.approval().unwrap().policy).collect();
        assert_eq!(left, [digest(2), digest(5), digest(6)]);
    }
}
