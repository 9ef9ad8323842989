//! The companion's configuration file: where its doors are, and who may use them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::tables::{ConfigError, Document, Key, Kind, may};

/// Where it is unless the command line says otherwise.
#[cfg(not(windows))]
pub(super) const DEFAULT_FILE: &str = "/etc/sceau-connect.toml";
/// Where it is unless the command line says otherwise.
#[cfg(windows)]
pub(super) const DEFAULT_FILE: &str = r"C:\ProgramData\Sceau\sceau-connect.toml";

#[cfg(not(windows))]
const DEFAULT_FOLDER: &str = "/var/lib/sceau-connect";
#[cfg(windows)]
const DEFAULT_FOLDER: &str = r"C:\ProgramData\Sceau\connect";

/// Most local connections at once, of all doors: some hundred threads of an application server.
const CONNECTIONS_MAX: usize = 512;
/// Most of them that may be given.
const CONNECTIONS_LIMIT: i64 = 16_384;

/// Keys of the file; the typed tables below have the same.
const KEYS: &[Key] = &[
    may("folder", Kind::Text),
    may("socket", Kind::Table(&[may("path", Kind::Text), may("users", Kind::Texts)])),
    may("pipe", Kind::Table(&[may("name", Kind::Text), may("users", Kind::Texts)])),
    may("http", Kind::Table(&[may("address", Kind::Text), may("users", Kind::Texts)])),
    may("limits", Kind::Table(&[may("connections_max", Kind::Count(CONNECTIONS_LIMIT))])),
];

/// The whole of it; a file that is not there is one without a door, enough to enrol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Key, certificate, known appliances and hashes of secrets: for the companion alone.
    pub(super) folder: PathBuf,
    /// Linux: the varlink socket.
    pub(super) socket: Option<SocketDoor>,
    /// Windows: the varlink pipe.
    pub(super) pipe: Option<PipeDoor>,
    /// HTTP on the loopback.
    pub(super) http: Option<HttpDoor>,
    /// How many at once.
    pub(super) limits: Limits,
}

/// `[socket]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SocketDoor {
    /// Where applications connect.
    pub(super) path: PathBuf,
    /// Unix users that may, beside the companion's own.
    pub(super) users: Vec<String>,
}

/// `[pipe]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PipeDoor {
    /// `\\.\pipe\…`.
    pub(super) name: String,
    /// Security identifiers (`S-1-5-…`) of accounts that may connect, beside administrators and the system.
    pub(super) users: Vec<String>,
}

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpDoor {
    /// Where it listens: a loopback address.
    pub(super) address: SocketAddr,
    /// Linux: Unix users that need no secret, as the kernel says whose a connection is.
    pub(super) users: Vec<String>,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Local connections at once.
    pub(super) connections_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: DEFAULT_FOLDER.into(), socket: None, pipe: None, http: None, limits: Limits::default() }
    }
}

impl Default for SocketDoor {
    fn default() -> Self {
        Self { path: "/run/sceau-connect/token.sock".into(), users: Vec::new() }
    }
}

impl Default for PipeDoor {
    fn default() -> Self {
        Self { name: r"\\.\pipe\sceau".to_owned(), users: Vec::new() }
    }
}

impl Default for HttpDoor {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 8480)), users: Vec::new() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: CONNECTIONS_MAX }
    }
}

impl Settings {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let mut document: Document<Self> = Document::read(path, KEYS);
        let mut faults = std::mem::take(&mut document.faults);
        let settings = document.take();
        if let Some(settings) = &settings {
            faults.extend(document.locate(settings.breaches()));
        }
        ConfigError::unless_empty(faults)?;
        let mut settings = settings.unwrap_or_default();
        // Relative paths are the file's neighbours'.
        let base = path.parent().unwrap_or(Path::new("."));
        settings.folder = base.join(&settings.folder);
        if let Some(socket) = &mut settings.socket {
            socket.path = base.join(&socket.path);
        }
        Ok(settings)
    }

    fn breaches(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut breach =
            |rule, section, field, cause: &str| breaches.push(Breach::of(rule, section, field, cause));
        if let Some(http) = &self.http
            && !http.address.ip().is_loopback()
        {
            let cause = "cette adresse n'est pas sur la boucle locale ; donnez 127.0.0.1:PORT ou [::1]:PORT";
            breach("bad-value", "http", "address", cause);
        }
        if let Some(pipe) = &self.pipe {
            if !pipe.name.starts_with(r"\\.\pipe\") {
                breach("bad-value", "pipe", "name", r"un tube nommé commence par \\.\pipe\ ; corrigez ce nom");
            }
            // Written into an access list: nothing but an identifier may be.
            let is_sid = |user: &String| {
                user.strip_prefix("S-1-").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
            };
            if !pipe.users.iter().all(is_sid) {
                let cause = "un compte se donne par son identifiant de sécurité (S-1-5-…) ; la commande whoami /user le montre";
                breach("bad-value", "pipe", "users", cause);
            }
        }
        if self.limits.connections_max == 0 {
            breach(
                "bad-value",
                "limits",
                "connections_max",
                "aucune connexion ne serait admise ; donnez au moins 1",
            );
        }
        if cfg!(windows) {
            if self.socket.is_some() {
                breach("not-here", "socket", "path", "une socket Unix n'existe que sous Linux ; utilisez [pipe]");
            }
            if self.http.as_ref().is_some_and(|http| !http.users.is_empty()) {
                let cause = "Windows ne dit pas à qui est une connexion ; créez un secret (sceau-connect secret)";
                breach("not-here", "http", "users", cause);
            }
        } else if self.pipe.is_some() {
            breach("not-here", "pipe", "name", "un tube nommé n'existe que sous Windows ; utilisez [socket]");
        }
        breaches
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sceau-connect.toml");
        std::fs::write(&path, text).unwrap();
        Settings::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_remedy() {
        for (text, words) in [
            ("[http]\naddress = \"0.0.0.0:8480\"\n", ["ligne 2", "boucle locale"]),
            ("[http]\naddress = \"partout\"\n", ["ligne 2", "forme attendue"]),
            ("[sockett]\n", ["ligne 1", "`socket`"]),
            ("[socket]\nusers = \"dpi\"\n", ["ligne 2", "liste"]),
            ("[limits]\nconnections_max = 0\n", ["ligne 2", "au moins 1"]),
            ("[pipe]\nname = '\\\\.\\pipe\\sceau'\n", ["ligne 2", "[socket]"]),
            ("[pipe]\nusers = [\"S-1-5-21)(A;;GA;;;WD\"]\n", ["ligne 2", "whoami"]),
        ] {
            let said = read(text).unwrap_err();
            assert!(words.iter().all(|word| said.contains(word)), "{text}: {said}");
        }
    }

    #[test]
    fn a_missing_file_is_one_without_doors() {
        let settings = Settings::read(Path::new("/nonexistent/sceau-connect.toml")).unwrap();
        assert!(settings.socket.is_none() && settings.http.is_none() && settings.pipe.is_none());
        let settings = read("folder = \"state\"\n[socket]\n[http]\n").unwrap();
        assert!(settings.folder.ends_with("state") && settings.folder.is_absolute());
        assert!(settings.http.unwrap().address.ip().is_loopback());
    }
}
