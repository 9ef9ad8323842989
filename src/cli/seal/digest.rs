//! `sceau seal digest`: the policy of a state of the machine by arithmetic, on any machine; and its approval, once signed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::json;

use super::text;
use crate::cli::NotDone;
use crate::sys::durable;
use crate::tpm::approver::Approver;
use crate::tpm::policy::{self, PCR_MAX, Value};
use crate::traces::digest::Digest;

/// Calcule, sans TPM, la politique d'un état de la machine ; avec sa signature, écrit l'approbation pour sceau seal reseal.
#[derive(Debug, Args)]
pub(super) struct Policy {
    /// Valeur d'un PCR (banque SHA-256), comme 11=64 chiffres hexadécimaux ; à répéter.
    #[arg(long = "pcr", value_name = "PCR=VALEUR", required = true, value_parser = value)]
    values: Vec<Value>,
    /// Écrire la politique et le choix de PCR pour lequel elle vaut, à signer : openssl dgst -sha256 -sign CLÉ -out SIGNATURE FICHIER.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
    /// Signature faite de ce fichier : l'approbation est imprimée.
    #[arg(long, value_name = "SIGNATURE", requires = "approver")]
    signature: Option<PathBuf>,
    /// Clé publique RSA, en PEM, de qui approuve ; avec elle la politique de l'objet scellé est imprimée aussi.
    #[arg(long, value_name = "CLÉ.pem")]
    approver: Option<PathBuf>,
}

fn value(text: &str) -> Result<Value, String> {
    let wrong = || "donnez PCR=VALEUR : un numéro de 0 à 23, et 64 chiffres hexadécimaux en minuscules".to_owned();
    let (pcr, value) = text.split_once('=').ok_or_else(wrong)?;
    let pcr = pcr.parse().ok().filter(|pcr| *pcr <= PCR_MAX).ok_or_else(wrong)?;
    Ok((pcr, Digest::from_hex(value).ok_or_else(wrong)?))
}

impl Policy {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut pcrs: Vec<u8> = self.values.iter().map(|(pcr, _)| *pcr).collect();
        pcrs.sort_unstable();
        if pcrs.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(NotDone::Usage("un PCR est donné deux fois ; gardez une valeur par PCR".to_owned()));
        }
        if let Some(pcr) = policy::unmeasured(&self.values) {
            let why = "rien n'y est mesuré, et l'approuver ne protégerait de rien ; choisissez d'autres PCR (12 à zéro va avec un PCR 11 mesuré)";
            return Err(NotDone::Usage(format!("le PCR {pcr} est à zéro : {why}")));
        }
        let policy = policy::of_pcrs(&self.values);
        if let Some(path) = &self.out {
            keep(path, &policy, &pcrs)?;
        }
        let approver = self.approver.as_deref().map(approver).transpose()?;
        match (&self.signature, &approver) {
            (Some(path), Some(approver)) => {
                let signature = std::fs::read(path).map_err(|cause| super::unread(path, &cause))?;
                if !approver.has_signed(&policy, &pcrs, &signature) {
                    let message =
                        format!("{} n'est pas la signature de cette politique par cette clé", path.display());
                    return Err(NotDone::Usage(message));
                }
                let approval = json!({
                    "pcrs": pcrs,
                    "pkfp": approver.fingerprint().to_string(),
                    "pol": policy.to_string(),
                    "sig": STANDARD.encode(signature),
                });
                println!("{}", json!({ "sha256": [approval] }));
            }
            _ => {
                println!("politique {policy}");
                if let Some(approver) = &approver {
                    println!("objet {}", policy::of_sealed(approver.name(), &pcrs));
                }
            }
        }
        Ok(0)
    }
}

fn approver(path: &Path) -> Result<Approver, NotDone> {
    Approver::from_pem(&text(path)?).map_err(|cause| NotDone::Usage(format!("{} : {cause}", path.display())))
}

/// Writes the bytes of a policy over these PCRs, for who signs them.
pub(super) fn keep(path: &Path, policy: &Digest, pcrs: &[u8]) -> Result<(), NotDone> {
    Ok(durable::replace(path, &policy::to_sign(policy, pcrs), 0o644)?)
}
