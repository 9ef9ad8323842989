//! `sceau keys csr`: the request for a key's certificate, signed by the token.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::KeysError;
use super::certificate::{other_subject, read};
use super::choice::{Choice, Chosen};
use crate::certificate::{OtherSubject, Subject, request};
use crate::cli::NotDone;
use crate::sys::durable;
use crate::token::{TokenError, Unusable};
use crate::vihf::identity::{Form, StructIdNat};

/// Fait la demande de certificat (PKCS#10) d'une clé du token, à remettre à l'IGC-Santé.
#[derive(Debug, Args)]
pub(super) struct Csr {
    #[command(flatten)]
    choice: Choice,
    /// ST : nom et numéro du département, comme "Rhône (69)".
    #[arg(long, value_name = "DEPARTEMENT", required_unless_present = "same_subject_as")]
    department: Option<String>,
    /// O : raison sociale, telle qu'à l'inscription à l'IGC-Santé.
    #[arg(long, value_name = "RAISON_SOCIALE", required_unless_present = "same_subject_as")]
    organisation: Option<String>,
    /// OU : Struct_IdNat, avec --uri ; avec --key, c'est celui de [[seal]].
    #[arg(long, value_name = "STRUCT_IDNAT", required_unless_present_any = ["key", "same_subject_as"])]
    structure: Option<String>,
    /// CN : nom de l'application.
    #[arg(long, value_name = "NOM", required_unless_present = "same_subject_as")]
    application: Option<String>,
    /// Reprend octet pour octet le sujet de l'autre certificat, ou de l'autre demande, de la structure (PEM).
    #[arg(long, value_name = "FICHIER", conflicts_with_all = ["department", "organisation", "structure", "application"])]
    same_subject_as: Option<PathBuf>,
    /// Fichier de la demande, qui ne doit pas exister ; sans cette option, sortie standard.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
    /// Admet une structure fictive et une clé d'essai, avec --uri ; avec --key, la configuration en décide.
    #[arg(long, conflicts_with = "key")]
    test: bool,
}

/// What the request shall say.
enum Asked {
    Layout(Subject),
    Same(OtherSubject),
}

impl Csr {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let chosen = self.choice.choose()?;
        // All that can be wrong before the token is asked for anything.
        let key_use = chosen.key_use.certified()?;
        let asked = self.subject(&chosen)?;
        if let Some(out) = &self.out
            && out.symlink_metadata().is_ok()
        {
            return Err(KeysError::Exists(out.clone()).into());
        }
        let token = chosen.open()?;
        let key = token.key(&chosen.uri)?;
        if let Some(cause) = key.refusal().filter(|_| !self.is_test(&chosen)) {
            let cause = Unusable::Refused(cause);
            return Err(KeysError::Token(TokenError::Unusable { object: key.name(), cause }).into());
        }
        let sign = |info: &[u8]| key.sign_request_info(info);
        let unfit = || TokenError::Unusable { object: key.name(), cause: Unusable::Purpose };
        let (algorithm, spki) =
            (key.algorithm().certified().ok_or_else(|| KeysError::Token(unfit()))?, key.spki());
        let pem = match &asked {
            Asked::Layout(subject) => request(subject, key_use, algorithm, spki, sign),
            Asked::Same(other) => request(other, key_use, algorithm, spki, sign),
        };
        let pem = pem.map_err(KeysError::from)?;
        match &self.out {
            Some(out) => durable::create(out, pem.as_bytes(), 0o644).map_err(|cause| match cause.kind() {
                io::ErrorKind::AlreadyExists => KeysError::Exists(out.clone()),
                _ => KeysError::Write { path: out.clone(), cause },
            })?,
            None => {
                let mut out = io::stdout().lock();
                out.write_all(pem.as_bytes())?;
                out.flush()?;
            }
        }
        // The request may be on standard output: what is for the person goes beside it.
        let written = self.out.as_ref().map(|out| format!(" : {}", out.display())).unwrap_or_default();
        let (offer, mut options) = (key_use.offer(), chosen.options(&self.choice));
        if chosen.configured.is_none() {
            let structure = self.structure.as_deref().unwrap_or("STRUCT_IDNAT");
            options = format!("{options} --structure {structure} --out CERTIFICAT.pem");
        }
        eprintln!("Demande de certificat {offer} faite et vérifiée{written}.");
        eprintln!(
            "Remettez-la à l'IGC-Santé. Au retour du certificat : sceau keys import-certificate {options} FICHIER"
        );
        Ok(0)
    }

    fn is_test(&self, chosen: &Chosen) -> bool {
        self.test || chosen.configured.as_ref().is_some_and(|(config, _)| config.is_test())
    }

    fn subject(&self, chosen: &Chosen) -> Result<Asked, KeysError> {
        let form = if self.is_test(chosen) { Form::Test } else { Form::Strict };
        let configured = chosen.configured.as_ref().map(|(_, seal)| seal.structure.as_str());
        if let (Some(given), Some(configured)) = (self.structure.as_deref(), configured)
            && given != configured
        {
            return Err(KeysError::Usage(format!(
                "--structure n'est pas la structure de la clé ({configured}) ; retirez --structure, ou choisissez la clé \
                 de l'autre structure"
            )));
        }
        let Some(path) = &self.same_subject_as else {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let structure = self.structure.as_deref().or(configured).unwrap_or_default();
            let (department, organisation) = (text(&self.department), text(&self.organisation));
            let subject = Subject::new(&department, &organisation, structure, &text(&self.application), form)?;
            return Ok(Asked::Layout(subject));
        };
        let other = other_subject(path, &read(path)?)?;
        let is_structure = |unit: &String| match configured {
            Some(structure) => unit == structure,
            None => StructIdNat::parse(unit, form).is_ok(),
        };
        if other.units().iter().any(is_structure) {
            return Ok(Asked::Same(other));
        }
        let wanted = configured.map_or("un Struct_IdNat juste".to_owned(), |id| format!("la structure {id}"));
        Err(KeysError::Usage(format!(
            "--same-subject-as : l'OU de {} ({}) n'est pas {wanted} ; donnez le fichier de la même structure",
            path.display(),
            other.units().join(", ")
        )))
    }
}
