//! `sceau issue`: asks for one assertion over the socket and prints it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::client::Client;
use super::{Door, NotDone};
use crate::config::system_words;
use crate::proof::PROOF_LEN_MAX;
use crate::sys::clock;

/// Longest line read from standard input in bytes: an INS has 15.
const INS_LEN_MAX: u64 = 64;

/// Demande une assertion VIHF par la socket et l'imprime telle quelle.
///
/// Ouvre une session, demande une assertion, ferme la session. L'identifiant du patient se donne sur l'entrée standard
/// (--ins -), jamais en argument.
#[derive(Debug, Args)]
pub(super) struct Issue {
    #[command(flatten)]
    door: Door,
    /// PS_IdNat du professionnel, par exemple 899900063480.
    #[arg(long, value_name = "PS_IDNAT")]
    practitioner: String,
    /// Méthode d'authentification primaire, par exemple CPS (annexe 2) ; à omettre en mode indirect simple.
    #[arg(long, value_name = "METHODE")]
    method: Option<String>,
    /// Instant de l'authentification primaire en UTC (RFC 3339) ; par défaut, maintenant.
    #[arg(long, value_name = "INSTANT", requires = "method")]
    instant: Option<String>,
    /// Pour CPS:CPSSANSCONTACT, instant de la lecture de la carte avec son code.
    #[arg(long, value_name = "INSTANT", requires = "method")]
    initial_instant: Option<String>,
    /// Fichier de la preuve, le jeton d'identité reçu du fournisseur ; donnez alors son auth_time en instant.
    #[arg(long, value_name = "FICHIER", requires = "method")]
    proof_file: Option<PathBuf>,
    /// Clé de la transaction, par exemple 3.1.
    #[arg(long, value_name = "TD")]
    transaction: String,
    /// Mode d'accès : normal, bris_de_glace ou centre_15.
    #[arg(long, value_name = "MODE", default_value = "normal")]
    purpose: String,
    /// « - » : lire l'INS du patient (15 caractères) sur l'entrée standard ; à omettre si la transaction n'a pas de patient.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    ins: Option<String>,
    /// Système d'identifiants de l'INS, si ce n'est pas celui du profil.
    #[arg(long, value_name = "OID", requires = "ins")]
    ins_oid: Option<String>,
    /// Structure, si le professionnel en a plusieurs.
    #[arg(long, value_name = "STRUCT_IDNAT")]
    structure: Option<String>,
    /// Service, si le professionnel en a plusieurs.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Canal : LPS ou WEB_PS.
    #[arg(long, value_name = "CANAL")]
    channel: Option<String>,
    /// Profil, si ce n'est pas celui par défaut.
    #[arg(long, value_name = "PROFIL")]
    profile: Option<String>,
    /// Connexion secrète d'un mineur.
    #[arg(long)]
    invisible_to_guardians: bool,
    /// Demander aussi le reçu, preuve que la trace est au journal (membre receipt du document JSON).
    #[arg(long, requires = "json")]
    receipt: bool,
    /// Imprimer un document JSON (assertion, id, issued_at, expires_at, entry, receipt) au lieu de l'assertion seule.
    #[arg(long)]
    json: bool,
}

impl Issue {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let ins = match self.ins {
            Some(_) => Some(read_ins()?),
            None => None,
        };
        let mut client = Client::connect(&self.door.path()?)?;
        let opened = client.call("OpenSession", &self.opening()?)?;
        let session = opened.get("session").cloned().unwrap_or(Value::Null);
        let issued = client.call("Issue", &self.asking(&session, ins.as_deref())?);
        // The session ends whatever the answer was; a session that cannot be closed ends by itself.
        if let Err(error) = client.call("CloseSession", &json!({ "session": session })) {
            eprintln!("sceau : la session n'a pas pu être fermée ({error})");
        }
        let issued = issued?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{issued}")?;
        } else {
            writeln!(out, "{}", issued.get("assertion").and_then(Value::as_str).unwrap_or_default())?;
        }
        out.flush()?;
        Ok(0)
    }

    fn opening(&self) -> Result<Value, NotDone> {
        let mut opening = Map::new();
        opening.insert("practitioner".to_owned(), json!(self.practitioner));
        if let Some(method) = &self.method {
            let instant = self.instant.clone().unwrap_or_else(|| clock::now().to_string());
            let mut authentication = json!({ "method": method, "instant": instant });
            if let (Some(initial), Some(members)) = (&self.initial_instant, authentication.as_object_mut()) {
                members.insert("initial_instant".to_owned(), json!(initial));
            }
            if let (Some(file), Some(members)) = (&self.proof_file, authentication.as_object_mut()) {
                members.insert("proof".to_owned(), json!(*read_proof(file)?));
            }
            opening.insert("authentication".to_owned(), authentication);
        }
        let named = [
            ("structure", &self.structure),
            ("service", &self.service),
            ("channel", &self.channel),
            ("profile", &self.profile),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                opening.insert(name.to_owned(), json!(value));
            }
        }
        Ok(Value::Object(opening))
    }

    fn asking(&self, session: &Value, ins: Option<&String>) -> Result<Value, NotDone> {
        let mut asking = json!({
            "session": session,
            "nonce": nonce()?,
            "transaction": self.transaction,
            "purpose": self.purpose,
        });
        if let Some(members) = asking.as_object_mut() {
            if let Some(ins) = ins {
                let mut patient = json!({ "ins": ins });
                if let (Some(oid), Some(patient)) = (&self.ins_oid, patient.as_object_mut()) {
                    patient.insert("oid".to_owned(), json!(oid));
                }
                members.insert("patient".to_owned(), patient);
            }
            for (name, flag) in
                [("invisible_to_guardians", self.invisible_to_guardians), ("receipt", self.receipt)]
            {
                if flag {
                    members.insert(name.to_owned(), json!(true));
                }
            }
        }
        Ok(asking)
    }
}

fn read_ins() -> Result<Zeroizing<String>, NotDone> {
    let mut text = Zeroizing::new(String::new());
    let wrong = "l'INS n'a pas pu être lu : donnez-le seul sur l'entrée standard, en une ligne de 15 caractères";
    let read = io::stdin().lock().take(INS_LEN_MAX).read_to_string(&mut text);
    let ins = Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned());
    if read.is_err() || ins.is_empty() {
        return Err(NotDone::Usage(wrong.to_owned()));
    }
    Ok(ins)
}

fn read_proof(path: &Path) -> Result<Zeroizing<String>, NotDone> {
    let mut text = Zeroizing::new(String::new());
    // One byte more than a proof may have: sceaud refuses it by its rule.
    let read = File::open(path).and_then(|file| file.take(PROOF_LEN_MAX as u64 + 1).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(cause) => Err(NotDone::Usage(format!(
            "le fichier de la preuve ne peut pas être lu ({}) ; vérifiez --proof-file",
            system_words(&cause)
        ))),
    }
}

fn nonce() -> Result<String, NotDone> {
    let mut bytes = [0u8; 24];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| NotDone::Usage("le système ne donne pas d'octets aléatoires".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
