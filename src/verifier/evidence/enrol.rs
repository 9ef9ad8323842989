//! `sceau-verify evidence enrol`: an appliance becomes known, by what only its TPM can open.

use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use clap::Args;
use serde::Deserialize;

use super::officer::{self, Appliance, Kept, Pending};
use super::{State, create, document, print};
use crate::certificate::Trust;
use crate::evidence::baseline::Enrolled;
use crate::evidence::credential::{draw, make};
use crate::evidence::document::{DOCUMENT_LEN_MAX, Document};
use crate::evidence::endorsement;
use crate::evidence::enrolment::{Answer, Challenge, Request};
use crate::evidence::nonce::Nonce;
use crate::evidence::public::Public;
use crate::sys::clock;
use crate::traces::audit::AuditPublicKey;
use crate::traces::digest::Digest;
use crate::usage::EXIT_NEGATIVE;
use crate::verifier::file::open;
use crate::verifier::{NotJudged, authorities};
use crate::vihf::instant::Instant;

/// How long an answer is waited for, in milliseconds: documents may travel by hand.
const ANSWER_MS: u64 = 7 * 24 * 3_600_000;
/// Most enrolments that wait at a time.
const PENDING_MAX: usize = 64;
/// Longest file of an audit key in bytes.
const KEY_LEN_MAX: u64 = 64 * 1024;

/// Enrôle une appliance en deux temps : sa demande donne un défi (--out), sa réponse au défi l'enrôle.
///
/// Le certificat de son TPM doit mener aux racines données ; le défi ne s'ouvre que dans ce TPM.
#[derive(Debug, Args)]
pub(super) struct Enrol {
    /// Demande (sceau attest enrol), ou réponse au défi.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    #[command(flatten)]
    state: State,
    /// Pour une demande : nom à donner à l'appliance.
    #[arg(long, value_name = "NOM")]
    name: Option<String>,
    /// Pour une demande : racines et autorités des fabricants de TPM (PEM) ; peut être répété.
    #[arg(long, value_name = "RACINES.pem")]
    roots: Vec<PathBuf>,
    /// Pour une demande : défi à écrire, dans un fichier qui n'existe pas encore.
    #[arg(long, value_name = "DEFI.json")]
    out: Option<PathBuf>,
    /// Pour une demande : clé d'audit du journal (AUDIT.pub), obtenue par une voie sûre ; elle peut alors être hors
    /// du TPM (HSM, jeton logiciel), et chaque verdict le dit. Sinon, celle de la première preuve, que le TPM doit certifier.
    #[arg(long, value_name = "AUDIT.pub")]
    key: Option<PathBuf>,
    /// Pour une demande : prend la place d'une appliance déjà enrôlée sous ce nom (TPM remplacé ou effacé).
    #[arg(long)]
    replace: bool,
}

impl Enrol {
    /// Does the step that the document is for.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(super) fn run(self) -> Result<u8, NotJudged> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let bytes = open(&self.file, DOCUMENT_LEN_MAX as u64)?;
        let head = serde_json::from_slice::<Head>(&bytes).map(|head| head.format);
        if head.is_ok_and(|format| format == Answer::FORMAT) { self.answer() } else { self.request() }
    }

    fn request(&self) -> Result<u8, NotJudged> {
        let request: Request = document(&self.file)?;
        let missing =
            |what: &str| NotJudged::Usage(format!("il manque : {what} ; une demande d'enrôlement le veut"));
        let name = self.name.clone().ok_or_else(|| missing("--name NOM"))?;
        officer::name(&name)?;
        let out = self.out.as_ref().ok_or_else(|| missing("--out DEFI.json"))?;
        if self.roots.is_empty() {
            return Err(missing("--roots RACINES.pem"));
        }
        let roots = authorities::read("--roots", &self.roots, "celle du fabricant du TPM")?;
        let audit_key = self.key.as_deref().map(audit_key).transpose()?;
        let mut kept = Kept::open(&self.state.path, true)?;
        if !self.replace && kept.officer.appliances.iter().any(|known| known.name == name) {
            return Err(NotJudged::Usage(format!(
                "« {name} » est déjà enrôlée ; donnez un autre nom, ou --replace si son TPM a été remplacé ou effacé"
            )));
        }
        let now = clock::now();
        let authorities = match appraised(&request, &roots, now) {
            Ok(authorities) => authorities,
            Err(cause) => {
                print(&format!("demande refusée : {cause}\n"))?;
                return Ok(EXIT_NEGATIVE);
            }
        };
        let (pending, challenge) = challenge(&request, name, audit_key, self.replace, now)?;
        kept.officer.pending.retain(|other| other.expires_at > now && other.name != pending.name);
        if kept.officer.pending.len() >= PENDING_MAX {
            return Err(NotJudged::Usage(format!(
                "{PENDING_MAX} enrôlements attendent déjà leur réponse ; finissez-les"
            )));
        }
        kept.officer.pending.push(pending);
        // A challenge that is handed out is always known.
        kept.save()?;
        create(out, &challenge.text())?;
        print(&format!(
            "certificat EK garanti par {}\ndéfi écrit : {} ; l'appliance y répond par sceau attest answer\n",
            authorities.last().map_or("", String::as_str),
            out.display()
        ))?;
        Ok(0)
    }

    fn answer(&self) -> Result<u8, NotJudged> {
        let answer: Answer = document(&self.file)?;
        let mut kept = Kept::open(&self.state.path, false)?;
        let now = clock::now();
        let Some(at) = kept.officer.pending.iter().position(|pending| pending.id == answer.id) else {
            print(
                "réponse refusée : aucun enrôlement de ce fichier ne l'attend (déjà conclu, remplacé, ou d'un autre officier)\n",
            )?;
            return Ok(EXIT_NEGATIVE);
        };
        // One try: what fails is begun again.
        let pending = kept.officer.pending.swap_remove(at);
        let found = Digest::of(&[&answer.credential.0]);
        let refusal = if now >= pending.expires_at {
            Some("le défi est périmé ; recommencez par une demande")
        } else if verify_slices_are_equal(found.as_bytes(), pending.secret.as_bytes()).is_err() {
            Some(
                "ce n'est pas ce que le TPM devait trouver dans le défi : la clé d'attestation n'est pas dans le TPM du certificat EK",
            )
        } else {
            None
        };
        if let Some(cause) = refusal {
            kept.save()?;
            print(&format!("réponse refusée : {cause}\n"))?;
            return Ok(EXIT_NEGATIVE);
        }
        let name = pending.name.clone();
        let mut appliance = Appliance::new(name.clone(), pending.enrolled, now);
        if pending.replaces {
            // Another TPM, and the same appliance: what was judged of it stays.
            let judged = kept.officer.appliances.extract_if(.., |known| known.name == name);
            appliance.verdicts = judged.flat_map(|known| known.verdicts).collect();
        } else if kept.officer.appliances.iter().any(|known| known.name == name) {
            return Err(NotJudged::Usage(format!(
                "« {name} » a été enrôlée entre-temps ; recommencez sous un autre nom"
            )));
        }
        kept.officer.appliances.push(appliance);
        kept.save()?;
        print(&format!("appliance enrôlée : {name}\n"))?;
        Ok(0)
    }
}

/// The line of an `AUDIT.pub` that the officer gives.
///
/// # Errors
/// [`NotJudged::Usage`].
pub(super) fn audit_key(path: &Path) -> Result<String, NotJudged> {
    let text = open(path, KEY_LEN_MAX)?;
    let refuse = |cause: String| NotJudged::Usage(format!("--key {} : {cause}", path.display()));
    let text = String::from_utf8(text).map_err(|_| refuse("ce n'est pas du texte".to_owned()))?;
    let key = AuditPublicKey::parse(&text).map_err(|cause| refuse(cause.to_string()))?;
    Ok(key.to_string())
}

/// The authorities that vouch for the TPM of a request whose AK attests.
fn appraised(request: &Request, roots: &Trust, now: Instant) -> Result<Vec<String>, String> {
    let authorities = endorsement::verify(&request.endorsement, roots, now).map_err(|fault| {
        format!("{fault} ; vérifiez que la demande vient bien de la machine, et procurez-vous les racines de son fabricant")
    })?;
    let ak = Public::parse(&request.attestation_key.0).and_then(|ak| ak.attestation_key().map(|_| ()));
    ak.map_err(|fault| format!("clé d'attestation : {fault} ; refaites la demande sur l'appliance"))?;
    Ok(authorities)
}

fn challenge(
    request: &Request,
    name: String,
    audit_key: Option<String>,
    replaces: bool,
    now: Instant,
) -> Result<(Pending, Challenge), NotJudged> {
    let refuse = |cause: &dyn std::fmt::Display| NotJudged::Usage(cause.to_string());
    let ek = Public::parse(&request.endorsement.ek_public.0).map_err(|fault| refuse(&fault))?;
    let ak = Public::parse(&request.attestation_key.0).map_err(|fault| refuse(&fault))?;
    let spki = endorsement::ek_spki(&request.endorsement).map_err(|fault| refuse(&fault))?;
    let (secret, id) = (draw().map_err(|fault| refuse(&fault))?, draw().map_err(|fault| refuse(&fault))?);
    let made = make(&ek, &spki, ak.name(), &secret).map_err(|fault| refuse(&fault))?;
    let id = Nonce::new(*id);
    let pending = Pending {
        id,
        name,
        expires_at: now.plus_ms(ANSWER_MS),
        enrolled: Enrolled {
            ek_certificate: request.endorsement.ek_certificate.clone(),
            attestation_key: request.attestation_key.clone(),
            audit_key_vouched: audit_key.is_some(),
            audit_key,
        },
        secret: Digest::of(&[secret.as_slice()]),
        replaces,
    };
    let challenge =
        Challenge { format: Challenge::FORMAT.to_owned(), id, credential: made.credential, secret: made.secret };
    Ok((pending, challenge))
}
