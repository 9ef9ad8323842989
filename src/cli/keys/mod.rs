//! `sceau keys`: the key ceremony; one file per step.

mod audit_public;
mod certificate;
mod choice;
mod csr;
mod entry;
mod error;
mod generate;
mod held;
mod import;
mod install;
mod judgement;
mod list;
mod next;
mod renew;
mod sealed;
mod table;

use clap::{Args, Subcommand};

use super::NotDone;
pub(super) use choice::guard;
pub(super) use error::KeysError;

const AFTER_GENERATE_HELP: &str = "\
La clé privée ne sort jamais du token. Sans HSM, --sealed (ou uri = sealed:FICHIER dans la configuration) la garde dans un \
fichier, sous une clé d'enveloppe que le TPM rend ; ce n'est pas l'équivalent d'un HSM. La clé a signé un essai vérifié avant d'être annoncée ; sinon elle est détruite. Une \
clé de même nom n'est jamais remplacée. Le PIN n'est essayé qu'une fois ; refusé, il ne l'est plus jamais.

Exemples :
  sceau keys generate --key seal
  sceau keys generate --key audit
  sceau keys generate --module /usr/lib/vendor/libpkcs11.so --uri 'pkcs11:token=cachet;object=seal-2026' --pin-file /etc/sceau/seal.pin --use seal
  sceau keys generate --sealed /etc/sceau/seal-2026.sealed --pin-file /run/enveloppe --use seal

Codes de sortie : 0 fait ; 2 ligne de commande ou configuration incorrecte, nom déjà pris ; 3 token injoignable ou PIN refusé.";
const AFTER_WRAPPING_HELP: &str = "\
Une clé d'enveloppe par clé scellée, sur une ligne ; elle n'est montrée nulle part ailleurs que dans ce fichier.

Codes de sortie : 0 fait ; 2 le fichier existe déjà ; 3 fichier impossible à écrire.";
const AFTER_CSR_HELP: &str = "\
Les deux certificats d'une structure (cachet et authentification) portent le même sujet : faites la première demande avec \
--department, --organisation et --application, la seconde avec --same-subject-as et le fichier de la première.

Codes de sortie : 0 fait ; 2 ligne de commande, configuration ou sujet incorrects ; 3 token injoignable ou PIN refusé.";
const AFTER_IMPORT_HELP: &str = "\
Le certificat est vérifié avant d'être installé : clé du token, usages, structure, chaîne, validité, politique, autorité de \
test, sujet. Tous les défauts sont dits ensemble. Il est installé d'un coup ; le précédent est gardé à côté, daté.

Codes de sortie : 0 installé ; 1 certificat refusé, rien n'est changé ; 2 ligne de commande ou configuration incorrecte ; 3 \
token injoignable, PIN refusé ou fichier impossible à écrire.";
const AFTER_AUDIT_PUBLIC_HELP: &str = "\
Le fichier est une clé C2SP (nom+identifiant+base64) que sceau-verify traces prend par --key, et tout vérificateur de notes \
signées. La clé signe un essai, qui est vérifié.

Exemple :
  sceau keys audit-public --key audit --out /etc/sceau/AUDIT.pub

Codes de sortie : 0 fait ; 2 ligne de commande ou configuration incorrecte ; 3 token injoignable ou PIN refusé.";
const AFTER_RENEW_HELP: &str = "\
Pour une appliance : la console exécute l'ordre qu'une clé USB apporte, fait la clé neuve et rend sa demande de certificat. L'ancienne \
sert toujours. Ailleurs, faites la clé avec sceau keys generate.

Exemple :
  sceau keys renew --key seal > ordre.json

Codes de sortie : 0 fait ; 1 refusé ; 2 ligne de commande ou ordre incorrect ; 3 sceaud injoignable ; 4 sceaud arrêté.";
const AFTER_LIST_HELP: &str = "\
Sans --uri : les tokens de toutes les clés de la configuration.

Codes de sortie : 0 fait ; 2 ligne de commande ou configuration incorrecte ; 3 un token au moins est injoignable ou a refusé \
le PIN.";

/// La cérémonie de clés : générer dans le token, demander un certificat, l'importer, tout lister.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    #[command(after_help = AFTER_GENERATE_HELP)]
    Generate(generate::Generate),
    #[command(after_help = AFTER_WRAPPING_HELP)]
    WrappingKey(sealed::Wrapping),
    #[command(after_help = AFTER_CSR_HELP)]
    Csr(csr::Csr),
    #[command(after_help = AFTER_IMPORT_HELP)]
    ImportCertificate(import::Import),
    #[command(after_help = AFTER_AUDIT_PUBLIC_HELP)]
    AuditPublic(audit_public::AuditPublic),
    #[command(after_help = AFTER_RENEW_HELP)]
    Renew(renew::Renew),
    #[command(after_help = AFTER_LIST_HELP)]
    List(list::List),
}

impl Keys {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        // The PIN will be in our memory.
        crate::sys::process::keep_memory_private().map_err(KeysError::System)?;
        match self.step {
            Step::Generate(generate) => generate.run(),
            Step::WrappingKey(wrapping) => wrapping.run(),
            Step::Csr(csr) => csr.run(),
            Step::ImportCertificate(import) => import.run(),
            Step::AuditPublic(audit) => audit.run(),
            Step::Renew(renew) => renew.run(),
            Step::List(list) => list.run(),
        }
    }
}
