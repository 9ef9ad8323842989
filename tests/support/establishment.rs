//! An establishment on disk: configuration, registers, PKI, tokens and PINs in one folder.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use toml::Table;

use super::audit::{self, Audit};
use super::pki::Pki;
use super::practitioners::Practitioner;
use super::seal::Seal;
use super::softhsm::TokenStore;
use super::varlink;

/// An establishment on disk. A temporary one vanishes with this value: drop its daemons first.
pub struct Establishment {
    /// Unique in this process and among those that run beside it.
    pub name: String,
    /// Where everything is.
    pub folder: PathBuf,
    /// Its certification authority, for further certificates.
    pub pki: Pki,
    /// Its tokens.
    pub store: TokenStore,
    /// Its seals.
    pub seals: Vec<Seal>,
    /// Its audit key.
    pub audit: Option<Audit>,
    /// Its practitioners.
    pub practitioners: Vec<Practitioner>,
    /// Struct_IdNat of its declared structures.
    pub structures: Vec<String>,
    /// The default profile.
    pub profile: String,
    pub(super) _temporary: Option<tempfile::TempDir>,
}

impl Establishment {
    /// `sceau.toml`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("sceau.toml")
    }

    /// The applications' socket.
    pub fn token_socket(&self) -> PathBuf {
        self.folder.join("run/token.sock")
    }

    /// The operators' socket.
    pub fn admin_socket(&self) -> PathBuf {
        self.folder.join("run/admin.sock")
    }

    /// `pki/ca.pem` (the root alone) and `pki/intermediate.pem`.
    pub fn trust_files(&self) -> [PathBuf; 2] {
        [self.folder.join("pki/ca.pem"), self.folder.join("pki/intermediate.pem")]
    }

    /// Rewrites one of the configuration's files, as an operator with an editor would.
    pub fn edit_file(&self, file: &str, edit: impl FnOnce(&mut Table)) {
        let path = self.folder.join(file);
        let mut table: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        edit(&mut table);
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        write(&path, &toml::to_string(&table).unwrap(), mode);
    }

    /// A new connection to the applications' socket.
    pub fn client(&self) -> varlink::Client {
        varlink::Client::of(self)
    }

    /// The audit key's signer, if it has one.
    pub fn audit_instance(&self) -> Option<String> {
        self.audit.as_ref().map(|_| format!("{}-1", audit::KEY))
    }

    /// Instances of `sceau-signer` for seals: `<key>-<n>`.
    pub fn signer_instances(&self) -> Vec<String> {
        let of = |seal: &Seal| (1..=seal.processes).map(|n| format!("{}-{n}", seal.key)).collect::<Vec<_>>();
        self.seals.iter().flat_map(of).collect()
    }
}

/// Writes a file with exactly that mode, whatever was there.
pub fn write(path: &Path, content: &str, mode: u32) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
    let mut file = file.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.set_permissions(PermissionsExt::from_mode(mode)).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

/// Name of the Unix user that runs this; its number where it has no name.
pub fn user_name() -> String {
    let uid = Uid::effective();
    User::from_uid(uid).unwrap().map_or_else(|| uid.to_string(), |user| user.name)
}
