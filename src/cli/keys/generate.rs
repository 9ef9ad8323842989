//! `sceau keys generate`: a key pair made inside the token.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::KeysError;
use super::choice::{Choice, Chosen, Use};
use super::held::Opened;
use super::sealed;
use super::table::{attribute, hex, kind_name, plain, quoted};
use crate::cli::NotDone;
use crate::seal::key::requirements;
use crate::token::KeyKind;

/// Génère une paire de clés dans le token, d'où la clé privée ne sort jamais ; ou, avec --sealed, dans un fichier scellé.
#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(flatten)]
    choice: Choice,
    /// Type de clé : rsa-2048, rsa-3072, rsa-4096, p-256, p-384 ; par défaut rsa-2048, que demande l'IGC-Santé. Pour une clé d'audit, ed25519 (par défaut) ou p-256.
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<KindWord>,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

/// `--type`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindWord {
    #[value(name = "rsa-2048")]
    Rsa2048,
    #[value(name = "rsa-3072")]
    Rsa3072,
    #[value(name = "rsa-4096")]
    Rsa4096,
    #[value(name = "p-256")]
    P256,
    #[value(name = "p-384")]
    P384,
    #[value(name = "ed25519")]
    Ed25519,
}

impl From<KindWord> for KeyKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Rsa2048 => Self::Rsa(2048),
            KindWord::Rsa3072 => Self::Rsa(3072),
            KindWord::Rsa4096 => Self::Rsa(4096),
            KindWord::P256 => Self::P256,
            KindWord::P384 => Self::P384,
            KindWord::Ed25519 => Self::Ed25519,
        }
    }
}

impl Generate {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let chosen = self.choice.choose()?;
        let Some(label) = chosen.uri.object.as_deref().filter(|label| !label.is_empty()) else {
            let cause = "l'uri ne nomme pas la clé à générer ; ajoutez object=, le nom de la clé dans le token";
            return Err(KeysError::Usage(cause.to_owned()).into());
        };
        if chosen.uri.id.is_some() {
            let cause = "l'uri impose id= ; retirez-le, une clé nouvelle reçoit un identifiant tiré au hasard";
            return Err(KeysError::Usage(cause.to_owned()).into());
        }
        // CKA_LABEL is UTF-8 (PKCS#11 §3.3 RFC2279String); a name that cannot be seen cannot be typed again.
        let Some(name) = std::str::from_utf8(label).ok().filter(|name| !name.contains(char::is_control)) else {
            let cause = "object= contient un caractère invisible ou n'est pas de l'UTF-8 ; donnez un nom lisible";
            return Err(KeysError::Usage(cause.to_owned()).into());
        };
        let kind = self.kind(chosen.key_use)?;
        let next = self.next(&chosen);
        if let Some(path) = &chosen.sealed {
            return sealed::generate(&chosen, path, kind, &next, self.json);
        }
        let Opened::Token(token) = chosen.open()? else {
            return Err(KeysError::Usage("cette clé n'est pas dans un token".to_owned()).into());
        };
        let made = token.generate(label, kind).map_err(KeysError::from)?;
        // Not a reason to destroy: a token that tells less than production asks may still serve a test.
        let unfit = requirements(&made.attributes).err();
        let mut out = io::stdout().lock();
        let told = &made.attributes;
        if self.json {
            let document = json!({
                "token": {"label": token.identity().label, "serial": token.identity().serial},
                "module": token.module(),
                "label": name,
                "id": hex(&made.id),
                "type": kind_name(Some((made.algorithm, made.bits))),
                "use": chosen.key_use.name(),
                "sensitive": told.sensitive,
                "always_sensitive": told.always_sensitive,
                "extractable": told.extractable,
                "never_extractable": told.never_extractable,
                "local": told.local,
                "signs_only": made.signs_only,
                "self_test": true,
                "production": unfit.is_none(),
            });
            writeln!(out, "{document}")?;
        } else {
            writeln!(out, "Clé générée dans le token {} : {name}", plain(&token.identity().label))?;
            let lines = [
                ("type", kind_name(Some((made.algorithm, made.bits)))),
                ("identifiant (CKA_ID)", hex(&made.id)),
                ("secrète (CKA_SENSITIVE)", attribute(told.sensitive).to_owned()),
                ("toujours secrète (CKA_ALWAYS_SENSITIVE)", attribute(told.always_sensitive).to_owned()),
                ("exportable (CKA_EXTRACTABLE)", attribute(told.extractable).to_owned()),
                ("jamais exportable (CKA_NEVER_EXTRACTABLE)", attribute(told.never_extractable).to_owned()),
                ("née dans le token (CKA_LOCAL)", attribute(told.local).to_owned()),
                ("essai", "une signature a été faite et vérifiée".to_owned()),
            ];
            for (name, value) in lines {
                writeln!(out, "  {name:<42} {value}")?;
            }
            if !made.signs_only {
                writeln!(
                    out,
                    "REMARQUE : ce module ne fait pas de clé de ce type pour la seule signature ; sceau-signer ne lui demande \
                     que des signatures. P-256 y échappe sur un TPM, si l'IGC-Santé l'admet."
                )?;
            }
            if let Some(cause) = &unfit {
                writeln!(out, "ATTENTION : le mode production refusera cette clé : {cause}")?;
            }
            writeln!(out, "Ensuite : {next}")?;
        }
        out.flush()?;
        Ok(0)
    }

    /// The command that follows.
    fn next(&self, chosen: &Chosen) -> String {
        let options = chosen.options(&self.choice);
        match (chosen.key_use, &chosen.audit) {
            (Use::Certified(_), _) => format!("sceau keys csr {options}"),
            (Use::Audit, Some((_, audit))) => {
                let file = quoted(&audit.public_key.display().to_string());
                format!("sceau keys audit-public {options} --out {file}")
            }
            (Use::Audit, None) => format!("sceau keys audit-public {options} --origin ORIGINE --out AUDIT.pub"),
        }
    }

    /// What is made where nothing is said, and what may be: IGC-Santé certifies no Ed25519, notes know nothing else but
    /// P-256.
    fn kind(&self, key_use: Use) -> Result<KeyKind, KeysError> {
        match (key_use, self.kind) {
            (Use::Certified(_), None) => Ok(KeyKind::Rsa(2048)),
            (Use::Audit, None | Some(KindWord::Ed25519)) => Ok(KeyKind::Ed25519),
            (Use::Audit, Some(KindWord::P256)) => Ok(KeyKind::P256),
            (Use::Audit, Some(_)) => {
                Err(KeysError::Usage("--type : une clé d'audit est ed25519 ou p-256".to_owned()))
            }
            (Use::Certified(_), Some(KindWord::Ed25519)) => Err(KeysError::Usage(
                "--type ed25519 est pour la clé d'audit ; l'IGC-Santé certifie RSA, et P-256 ou P-384 si elle l'admet"
                    .to_owned(),
            )),
            (Use::Certified(_), Some(kind)) => Ok(kind.into()),
        }
    }
}
