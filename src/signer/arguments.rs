//! The command line, and the key and number that an instance's name stands for.

use std::path::PathBuf;

use clap::Parser;

use super::StartError;
use crate::config::{Config, SignerKey};
use crate::usage;

const AFTER_HELP: &str = "\
Le processus charge la bibliothèque PKCS#11 du fabricant, ouvre une seule clé et répond sur \
<sockets.signers>/<clé>-<n>.sock aux seuls utilisateurs admis : le sien et sockets.signer_client (clé de [[authentication]] : \
sockets.authentication_signers et sockets.relay_user). Une clé de cachet ne signe que des SignedInfo canoniques, la clé \
d'audit que des points de contrôle du journal, une clé d'authentification que des ouvertures TLS de client ; toutes, des \
autotests. Il peut être tué et relancé à tout moment.

Un PIN refusé n'est jamais réessayé, par aucun processus du même token : <empreinte du token>.pin-refused s'en souvient, \
dans $STATE_DIRECTORY (/var/lib/sceau-signer sous systemd), à défaut dans sockets.signers ; le journal donne le chemin \
entier. Corrigez le fichier du PIN ; si le PIN est bien le bon (token débloqué entre-temps), supprimez ce fichier. Un \
échec de connexion sans cause claire est réessayé après 30 s, puis deux fois plus tard à chaque fois, 15 minutes au plus.

Token absent ou perdu : le processus le retrouve seul, sans redémarrage.

Journal : variable SCEAU_LOG (error, warn, info, debug).

Codes de sortie : 0 arrêt demandé (SIGTERM) ; 2 ligne de commande, configuration ou clé refusée ; 3 empêchement \
passager (instance déjà servie, socket, protection du noyau) : à relancer.";

/// Signe avec une clé d'un token PKCS#11, pour sceaud
#[derive(Debug, Parser)]
#[command(name = "sceau-signer", version, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Fichier de configuration
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    pub(super) config: PathBuf,
    /// Instance <clé>-<n> : une clé de [[seal]], de [audit] ou de [[authentication]] et un numéro de 1 à « processes »
    #[arg(long, value_name = "INSTANCE")]
    pub(super) instance: String,
}

impl Arguments {
    /// Reads the command line; prints help, version or the mistake and exits where there is nothing to run.
    pub(super) fn read() -> Self {
        usage::parse()
    }
}

/// A key of the configuration and the number of one of its processes.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) key: SignerKey,
    pub(super) number: u16,
}

impl Instance {
    /// Finds `<key>-<n>`, n from 1 to the key's `processes`, written without leading zeros.
    pub(super) fn find(config: &Config, instance: &str) -> Result<Self, StartError> {
        let keys = config.signer_keys();
        for key in &keys {
            if let Some(at) = key.instances().position(|name| name == instance) {
                let number = u16::try_from(at).unwrap_or(u16::MAX).saturating_add(1);
                return Ok(Self { key: key.clone(), number });
            }
        }
        let known = keys.iter().flat_map(SignerKey::instances).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() {
            "aucune, il n'y a ni [[seal]], ni [audit], ni [[authentication]]".to_owned()
        } else {
            known
        };
        Err(StartError::Instance { instance: instance.to_owned(), known })
    }
}
