//! `sceau seal create` and `recover`: a PIN is sealed, and kept openable by two of three officers.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::boot_pin::BootPin;
use super::{name, pin, recovery, text};
use crate::cli::NotDone;
use crate::cli::attest::ask::Ask;
use crate::config::KeyName;

/// PCR de la forme durcie, par défaut : Secure Boot, image, ligne de commande (tpm-policies/pin.toml).
const PCRS: &str = "7,11,12";

/// What is sealed, and under which approvals.
#[derive(Debug, Args)]
struct What {
    #[command(flatten)]
    ask: Ask,
    /// Nom du scellement, celui de la clé.
    #[arg(long, value_name = "NOM", value_parser = name)]
    name: KeyName,
    /// Fichier du PIN du token ; effacez-le ensuite.
    #[arg(long, value_name = "FICHIER")]
    pin_file: PathBuf,
    /// Clé publique RSA, en PEM, qui approuve les états de la machine.
    #[arg(long, value_name = "CLÉ.pem")]
    approver: PathBuf,
    /// PCR qui doivent être dans un état approuvé, croissants.
    #[arg(long, value_name = "PCR", default_value = PCRS)]
    pcrs: String,
    /// Approbations signées, comme systemd-measure ou sceau seal digest les écrivent.
    #[arg(long, value_name = "FICHIER.json")]
    signatures: PathBuf,
    #[command(flatten)]
    boot_pin: BootPin,
}

impl What {
    fn seal(&self, secret: &Zeroizing<String>, replace: bool) -> Result<(), NotDone> {
        let (approver, signatures) = (text(&self.approver)?, text(&self.signatures)?);
        let boot_pin = self.boot_pin.choose()?;
        let parameters = json!({
            "name": self.name.as_str(),
            "secret": secret.as_str(),
            "boot_pin": boot_pin.as_str(),
            "approver": approver,
            "pcrs": self.pcrs,
            "signatures": signatures,
            "replace": replace,
        });
        self.ask.ask("Seal", &parameters)?;
        println!(
            "PIN scellé sous le nom {} ; essayez-le : sceau seal test --name {}, puis effacez {}",
            self.name,
            self.name,
            self.pin_file.display()
        );
        Ok(())
    }
}

/// Scelle le PIN d'un token dans le TPM, et le confie à trois officiers dont deux le rouvrent.
#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    what: What,
    /// Certificat de chiffrement d'un officier, en PEM ; donnez l'option trois fois.
    #[arg(long = "officer", value_name = "CERT.pem", required = true)]
    officers: Vec<PathBuf>,
    /// Dossier des trois enveloppes de secours, à garder hors de cette machine.
    #[arg(long, value_name = "DOSSIER")]
    recovery: PathBuf,
}

impl Create {
    /// Runs the verb. The envelopes are written first: no PIN is sealed that nobody could recover.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let officers = recovery::Officers::read(&self.officers)?;
        let secret = pin(&self.what.pin_file)?;
        let envelopes = officers.envelopes(secret.as_bytes())?;
        let kept = recovery::keep(&self.recovery, &self.what.name, &envelopes)?;
        if let Err(not_done) = self.what.seal(&secret, false) {
            // Nothing was sealed: the envelopes would be of nothing.
            kept.iter().for_each(|path| drop(std::fs::remove_file(path)));
            return Err(not_done);
        }
        println!("Enveloppes de secours : {} ; remettez-les aux officiers", self.recovery.display());
        Ok(0)
    }
}

/// Scelle à nouveau le PIN que deux officiers ont rouvert, à la place de celui qui ne se rend plus.
#[derive(Debug, Args)]
pub(super) struct Recover {
    #[command(flatten)]
    what: What,
}

impl Recover {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let secret = pin(&self.what.pin_file)?;
        self.what.seal(&secret, true)?;
        println!("Les enveloppes de secours restent celles de ce PIN.");
        Ok(0)
    }
}
