//! `sceau connectors inspect`: what an image says of itself, and whether its vendor is known.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::connectors::{Image, NotGood, Vendors};

/// Where the appliance's image has the certificates of vendors.
const VENDORS: &str = "/usr/lib/verity.d";

/// Montre la racine dm-verity d'une image, et si un fournisseur connu l'a signée. Rien n'est attaché.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Image (.raw).
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// Dossier des certificats des fournisseurs (*.crt), au lieu de /usr/lib/verity.d.
    #[arg(long, value_name = "DOSSIER")]
    vendors: Option<PathBuf>,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let image = read(&self.image)?;
        let vendors = Vendors::read(self.vendors.as_deref().unwrap_or(Path::new(VENDORS)))?;
        let judged = image.judge(image.hash(), &vendors).and_then(|()| image.verify());
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", json!({ "image": image.hash(), "signed": judged.is_ok() }))?;
        } else {
            let signed = if judged.is_ok() { "oui" } else { "NON" };
            writeln!(out, "Image       {}", image.hash())?;
            writeln!(out, "Signée      {signed}, d'après {} certificat(s) de fournisseur", vendors.count())?;
        }
        out.flush()?;
        match judged {
            Ok(()) => Ok(0),
            Err(cause) => {
                eprintln!("sceau : {} : {cause}", self.image.display());
                Ok(EXIT_NEGATIVE)
            }
        }
    }
}

/// An image that an order is about.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn read(path: &Path) -> Result<Image, NotDone> {
    Image::read(path).map_err(|cause| match cause {
        // Here nothing is attached: whoever asks may have it where he likes.
        NotGood::Writable => NotDone::Usage(format!(
            "{} : d'autres que vous peuvent écrire cette image ; chmod go-w, puis recommencez",
            path.display()
        )),
        cause => NotDone::Usage(format!("{} : {cause}", path.display())),
    })
}
