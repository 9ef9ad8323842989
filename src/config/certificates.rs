//! Authorities, and the keys whose certificates and public halves the configuration names: read, and appraised as far as it goes.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::reading::Whole;
use super::{Audit, Config, ConfigError, Fault, SealKey};
use crate::certificate::{Refusal, Requirements, SealCertificate, Trust, appraise};
use crate::policy::breach::Breach;
use crate::tables::{read_bytes, read_text};
use crate::traces::audit::AuditPublicKey;
use crate::vihf::instant::Instant;

/// A seal key with what is to be said of its certificate.
#[derive(Clone, Debug)]
pub struct Appraised {
    /// As configured.
    pub key: SealKey,
    /// As read.
    pub certificate: SealCertificate,
    /// Why it may not seal; empty: it may. What time alone refuses is here too, even if another certificate stands in.
    pub refusals: Vec<Refusal>,
}

impl Config {
    /// Reads the authorities of `[trust]`.
    ///
    /// # Errors
    /// Every file that is no PEM file of certificates.
    pub fn load_trust(&self) -> Result<Trust, ConfigError> {
        let mut faults = Vec::new();
        let trust = self.read_trust(&mut faults);
        ConfigError::unless_empty(faults).map(|()| trust)
    }

    fn read_trust(&self, faults: &mut Vec<Fault>) -> Trust {
        Trust {
            anchors: certificates(&self.trust.anchors, faults),
            intermediates: certificates(&self.trust.intermediates, faults),
        }
    }

    pub(super) fn read_seals(
        &self,
        whole: &Whole,
        now: Instant,
        faults: &mut Vec<Fault>,
        remarks: &mut Vec<Fault>,
    ) -> Vec<Appraised> {
        let before = faults.len();
        let trust = self.read_trust(faults);
        let all_authorities = whole.trust && faults.len() == before;
        let mut seals = Vec::new();
        for key in &self.seals {
            let path = &key.certificate;
            let certificate = match read_bytes(path).map(|pem| SealCertificate::parse(&pem)) {
                Ok(Ok(certificate)) => certificate,
                Ok(Err(cause)) => {
                    faults.push(Fault::of("certificate-unreadable", path, format!("clé {} : {cause}", key.key)));
                    continue;
                }
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            let needs = Requirements {
                structure: &key.structure,
                trust: &trust,
                policy_oid: &self.trust.policy_oid,
                production: !self.is_test() && whole.mode,
            };
            let mut refusals = appraise(&certificate, &needs, now);
            // Nothing is concluded from authorities that could not be read.
            refusals.retain(|refusal| {
                all_authorities
                    || !matches!(
                        refusal,
                        Refusal::Chain { .. } | Refusal::NoAnchor | Refusal::TestAuthority { .. }
                    )
            });
            seals.push(Appraised { key: key.clone(), certificate, refusals });
        }
        let told = |seal: &Appraised, refusal: &Refusal| {
            Fault::of(refusal.rule(), &seal.key.certificate, format!("clé {} : {refusal}", seal.key.key))
        };
        for seal in &seals {
            // While two certificates overlap, the one that has ended, or has yet to begin, must not stop the other.
            let stand_in = |other: &Appraised| {
                other.key.structure == seal.key.structure && other.certificate.is_valid_at(now)
            };
            for refusal in &seal.refusals {
                if refusal.is_of_time() && seals.iter().any(stand_in) {
                    remarks.push(Fault { rule: "certificate-superseded", ..told(seal, refusal) });
                } else {
                    faults.push(told(seal, refusal));
                }
            }
        }
        if self.trust.policy_oid.is_empty() && !self.seals.is_empty() && whole.trust {
            let cause = "[trust] policy_oid est vide, la politique des certificats n'est pas vérifiée ; donnez l'OID de l'offre ORG_SIGN dès qu'il vous est connu";
            remarks.extend(self.locate(vec![Breach::of("policy-unchecked", "trust", "policy_oid", cause)]));
        }
        seals
    }

    /// Production issues nothing whose trace nobody could hold the ledger to.
    pub(super) fn read_audit(&self, whole: &Whole, faults: &mut Vec<Fault>) -> Option<Audit> {
        let Some(key) = &self.audit else {
            if !self.is_test() && !self.seals.is_empty() && whole.mode && whole.audit {
                let cause = "[audit] manque : la production signe son journal ; générez la clé d'audit (sceau keys generate --use audit), puis ajoutez [audit]";
                faults.extend(self.locate(vec![Breach::of("missing-key", "", "audit", cause)]));
            }
            return None;
        };
        let refuse = |cause: String| Fault::of("bad-value", &key.public_key, cause);
        let read = read_text(&key.public_key).and_then(|text| {
            AuditPublicKey::parse(&text).map_err(|cause| refuse(format!("[audit] public_key : {cause}")))
        });
        match read {
            Ok(public) if public.origin() == key.origin => Some(Audit { key: key.clone(), public }),
            Ok(public) => {
                let cause = format!(
                    "[audit] public_key est une clé du journal {:?}, et origin = {:?} ; corrigez l'un des deux",
                    public.origin(),
                    key.origin
                );
                faults.extend(self.locate(vec![Breach::of("contradiction", "audit", "public_key", cause)]));
                None
            }
            Err(fault) => {
                faults.push(fault);
                None
            }
        }
    }
}

fn certificates(paths: &[PathBuf], faults: &mut Vec<Fault>) -> Vec<CertificateDer<'static>> {
    let mut all = Vec::new();
    for path in paths {
        match read_bytes(path).map(|pem| read_pem(&pem, path)) {
            Ok(Ok(found)) => all.extend(found),
            Ok(Err(fault)) | Err(fault) => faults.push(fault),
        }
    }
    all
}

fn read_pem(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => {
            let cause = "il ne contient aucun certificat PEM (-----BEGIN CERTIFICATE-----)";
            Err(Fault::of("certificate-unreadable", path, cause))
        }
    }
}
