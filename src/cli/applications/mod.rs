//! `sceau applications`: the register of applications.

mod enrolment;
mod review;

use std::io;

use clap::{Args, Subcommand};

use super::register::{self, Register};
use super::{AFTER_HELP, NotDone};
use crate::config::{Config, Named};
use crate::policy::application::{Record, import};
use crate::policy::order::Verb;
use crate::policy::register::{Format, Slip};
use crate::sys::peer;

const AFTER_IMPORT_HELP: &str = "\
Toutes les lignes sont bonnes, ou rien ne change. --dry-run dit chaque ligne fautive et ce qui changerait, sans rien changer.

  sceau applications export --out applications.csv
  sceau applications import applications.csv --dry-run
  sceau applications import applications.csv --sign-with ~/.ssh/id_ed25519_sk

Codes de sortie : 0 fait ou bon ; 1 refusé, une ligne au moins est fautive ; 2 ligne de commande, configuration ou fichier \
illisible ; 3 occupé ou indisponible ; 4 arrêté.";

/// Importe, exporte, montre et revoit le registre des applications. sceau suspend et sceau resume les arrêtent et les reprennent.
#[derive(Debug, Args)]
pub(super) struct Applications {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fait d'un fichier CSV ou JSON le registre des applications : ordre d'un administrateur.
    #[command(after_help = AFTER_IMPORT_HELP)]
    Import(register::Import),
    #[command(after_help = AFTER_HELP)]
    Export(register::Export),
    #[command(after_help = AFTER_HELP)]
    List(register::List),
    #[command(after_help = AFTER_HELP)]
    Review(review::Review),
    #[command(after_help = AFTER_HELP)]
    Invite(enrolment::Invite),
    #[command(after_help = AFTER_HELP)]
    Enrolments(enrolment::Enrolments),
    /// Confirme le certificat d'une application distante : ordre d'un administrateur.
    #[command(after_help = AFTER_HELP)]
    Certificate(enrolment::Certificate),
    /// Révoque le certificat d'une application distante, à l'instant : ordre d'un administrateur ou d'un approbateur.
    #[command(after_help = AFTER_HELP)]
    RevokeCertificate(enrolment::Certificate),
}

impl Applications {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::Import(import) => import.run::<Self>(),
            What::Export(export) => export.run::<Self>(),
            What::List(list) => list.run::<Self>(),
            What::Review(review) => review.run(),
            What::Invite(invite) => invite.run(),
            What::Enrolments(enrolments) => enrolments.run(),
            What::Certificate(certificate) => certificate.run(Verb::ApplicationCertificate),
            What::RevokeCertificate(certificate) => certificate.run(Verb::ApplicationCertificateRevoke),
        }
    }
}

impl Register for Applications {
    type Record = Record;
    const METHOD: &'static str = "Applications";
    const MEMBER: &'static str = "applications";
    const IMPORT: Verb = Verb::ApplicationsImport;
    const ENTRIES: &'static str = "application(s)";
    const KEEPS: bool = true;

    fn key(record: &Record) -> &str {
        &record.user
    }

    fn show(one: &Record, out: &mut impl io::Write) -> io::Result<()> {
        let state = if one.suspended { "  SUSPENDUE" } else { "" };
        writeln!(out, "{}  {} {}{state}", one.user, one.lps_name, one.lps_version)?;
        writeln!(out, "    homologation : {} jusqu'au {}", one.homologation, one.homologation_expires_on)?;
        writeln!(out, "    services : {}", one.services.join(", "))?;
        writeln!(out, "    canaux : {} ; méthodes : {}", one.channels.join(", "), one.methods.join(", "))?;
        let declares = match one.may_declare {
            Some(true) => "admise si une [[exception]] le permet",
            Some(false) => "refusée",
            None => "refusée en production",
        };
        writeln!(out, "    profils : {} ; connexion déclarée : {declares}", one.profiles.join(", "))?;
        for certificate in &one.certificates {
            writeln!(out, "    certificat : {certificate}")?;
        }
        for audience in &one.audience {
            writeln!(out, "    audience : {} chez {}", audience.client_id, audience.provider)?;
        }
        Ok(())
    }

    fn judge(
        config: &Config,
        named: &Named,
        (bytes, format): (&[u8], Format),
        now: &[Record],
        _progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Record>, Vec<Slip>> {
        let uid = |user: &str| peer::uid_of(user).ok().flatten();
        let name = |uid| peer::name_of(uid).ok().flatten();
        let users = import::Users { uid: &uid, name: &name };
        let confirmed = |user: &str| Some(now.iter().find(|known| known.user == user)?.certificates.clone());
        let register = import::judge(bytes, format, &named.around(config), users, &confirmed)?;
        Ok(register.all().iter().map(|one| one.record.clone()).collect())
    }
}
