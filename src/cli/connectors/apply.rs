//! `sceau connectors apply`: what the ledger names runs on this machine, nothing else does.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::client::{CallError, Client};
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::Config;
use crate::connectors::{Around, Attachment, Places, Told, apply};

/// Attache sur cette machine ce que le journal nomme, et détache le reste : sceau-connectors.service l'appelle en root.
///
/// Une image absente, autre que celle de l'ordre, ou signée par personne de connu est refusée, avec sa cause ; le reste est attaché.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Racine d'un système préparé, où sont les images et où vont les compléments d'unités.
    #[arg(long, value_name = "DOSSIER", default_value = "/")]
    root: PathBuf,
}

impl Apply {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let config = Config::load(&self.config)?;
        let answer = Client::connect_admin(&config.sockets.admin)?.call_admin("Connectors", &json!({}))?;
        let told = Told::read(answer).ok_or(NotDone::Call(CallError::Reply))?;
        let places = Places::below(&self.root);
        let around = Around {
            token: &config.sockets.token,
            relay: &config.sockets.relay,
            images: Path::new(&places.images),
            gate: config.gate.as_ref().map(|gate| gate.user.as_str()),
        };
        let applied = apply(&told, &places, &around, config.connectors.allowed())?;
        for (attachment, cause) in &applied.refused {
            match attachment {
                Attachment::Connector(name) => eprintln!("sceau : connecteur {name} non attaché : {cause}"),
                Attachment::Module(name) => eprintln!("sceau : module {name} non attaché : {cause}"),
            }
        }
        println!("{} attaché(s), {} refusé(s)", applied.attached, applied.refused.len());
        Ok(if applied.refused.is_empty() { 0 } else { EXIT_NEGATIVE })
    }
}
