//! `sceau connectors attach`, `sceau modules attach`: the order for one image.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::image;
use crate::cli::NotDone;
use crate::cli::order::Signing;
use crate::policy::order::Verb;
use crate::traces::digest::Digest;

/// Which image an order is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Image, dont la racine dm-verity va dans l'ordre.
    #[arg(long, value_name = "FICHIER")]
    image: Option<PathBuf>,
    /// Racine dm-verity, au lieu de l'image.
    #[arg(long, value_name = "HEXADECIMAL")]
    root_hash: Option<String>,
}

impl Which {
    fn hash(self) -> Result<String, NotDone> {
        match (self.image, self.root_hash) {
            (Some(path), _) => Ok(image::read(&path)?.hash().to_string()),
            (None, hash) => Ok(hash.unwrap_or_default()),
        }
    }
}

/// Attache un connecteur : ordre d'un administrateur ; d'un second aussi, s'il a une interface, un périphérique ou l'état.
#[derive(Debug, Args)]
pub(super) struct Attach {
    /// Nom : a-z 0-9 -, une lettre au début. Le même nom remplace l'image et garde l'utilisateur Unix.
    #[arg(long, value_name = "NOM")]
    name: String,
    #[command(flatten)]
    which: Which,
    /// Ce qu'il peut atteindre : token, relay, metrics, journal, state (un dossier à lui, qui dure) ; à répéter.
    #[arg(long = "door", value_name = "PORTE")]
    doors: Vec<String>,
    /// Interface réseau, parmi celles de [connectors] interfaces ; sans elle, aucun réseau.
    #[arg(long, value_name = "INTERFACE", requires = "peers")]
    interface: Option<String>,
    /// Adresse ou préfixe avec qui il peut parler ; à répéter.
    #[arg(long = "peer", value_name = "ADRESSE", requires = "interface")]
    peers: Vec<String>,
    /// Port TCP où il peut écouter, de 1024 à 65535.
    #[arg(long, value_name = "PORT", requires = "interface")]
    listen: Option<u16>,
    /// Périphérique qui devient son entrée et sa sortie, parmi ceux de [connectors] devices.
    #[arg(long, value_name = "CHEMIN", conflicts_with = "interface")]
    device: Option<String>,
    /// Fichier de réglage, sous son nom, dont l'empreinte va dans l'ordre ; à répéter. Le fichier vient par settings/ de la clé USB.
    #[arg(long = "setting", value_name = "FICHIER")]
    settings: Vec<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

impl Attach {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut arguments = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                arguments.insert(name.to_owned(), value);
            }
        };
        let list = |texts: Vec<String>| (!texts.is_empty()).then(|| json!(texts));
        add("name", Some(self.name.into()));
        add("image", Some(self.which.hash()?.into()));
        add("doors", list(self.doors));
        add("interface", self.interface.map(Value::from));
        add("peers", list(self.peers));
        add("listen", self.listen.map(|port| port.to_string().into()));
        add("device", self.device.map(Value::from));
        add("settings", list(self.settings.iter().map(|path| setting(path)).collect::<Result<_, _>>()?));
        self.signing.give(Verb::ConnectorAttach, arguments, None)
    }
}

/// A file as orders name it ([`crate::policy::connectors::Setting`]).
fn setting(path: &Path) -> Result<String, NotDone> {
    let unread = |cause| {
        NotDone::Usage(format!("{} : ce réglage ne se lit pas ({cause}) ; vérifiez le chemin", path.display()))
    };
    let digest = Digest::of(&[&std::fs::read(path).map_err(unread)?]);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A name that is none is refused by who obeys, with its remedy.
    Ok(format!("{name}:{digest}"))
}

/// Attache un module PKCS#11 : ordre d'un administrateur et d'un second (administrateur ou approbateur).
#[derive(Debug, Args)]
pub(super) struct AttachModule {
    /// Nom : a-z 0-9 -, une lettre au début, celui de l'extension dans l'image.
    #[arg(long, value_name = "NOM")]
    name: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    signing: Signing,
}

impl AttachModule {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let hash = self.which.hash()?;
        let arguments = Map::from_iter([("name".to_owned(), self.name.into()), ("image".to_owned(), hash.into())]);
        self.signing.give(Verb::ModuleAttach, arguments, None)
    }
}
