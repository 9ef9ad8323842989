//! The companion as a systemd service: a user of its own, its folder, its unit.

use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::connect::identity::{IdentityError, make_folder};
use crate::connect::settings::Settings;
use crate::sys::{command, durable, peer};
use crate::tables::{ConfigError, system_words};

const USER: &str = "sceau-connect";
const UNIT: &str = "/etc/systemd/system/sceau-connect.service";
const UNIT_TEXT: &str = include_str!("sceau-connect.service");
const UNIT_MODE: u32 = 0o644;
/// Longest wait for a program of the system.
const WAIT: Duration = Duration::from_secs(60);

/// Why the service is not installed, or not removed.
#[derive(Debug, thiserror::Error)]
pub(in crate::connect) enum NotDone {
    #[error("{0}")]
    Settings(#[from] ConfigError),
    #[error("{0}")]
    Folder(#[from] IdentityError),
    #[error("il faut être root ; refaites la commande avec sudo")]
    NotRoot,
    #[error("{} contient un espace ou un guillemet, que l'unité systemd n'admet pas ; déplacez-le", .0.display())]
    Path(PathBuf),
    #[error("{} ne peut pas être écrit ({}) ; vérifiez ses droits", path.display(), system_words(cause))]
    File { path: PathBuf, cause: io::Error },
    #[error("« {0} » a échoué ; lancez-le vous-même pour voir pourquoi, puis recommencez")]
    Program(String),
    #[error("le système refuse ce qu'il faut ({0})")]
    System(#[from] io::Error),
}

/// User, folder, unit, start. Calling again brings them up to date.
pub(in crate::connect) fn install(config: &Path) -> Result<String, NotDone> {
    if peer::own_uid() != 0 {
        return Err(NotDone::NotRoot);
    }
    let settings = Settings::read(config)?;
    if peer::ids_of(USER)?.is_none() {
        run("useradd", &["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER])?;
    }
    make_folder(&settings.folder)?;
    give_to_service(&settings.folder)?;
    let text = unit(&std::env::current_exe()?, &config.canonicalize()?, &settings.folder)?;
    let path = PathBuf::from(UNIT);
    durable::replace(&path, text.as_bytes(), UNIT_MODE).map_err(|cause| NotDone::File { path, cause })?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["enable", "sceau-connect.service"])?;
    // One that runs already takes up what was enrolled or configured since.
    run("systemctl", &["restart", "sceau-connect.service"])?;
    Ok(format!("Le service sceau-connect est installé et lancé ({UNIT}). Voir : systemctl status sceau-connect"))
}

/// Stop, unit; the user, the folder and the configuration stay.
pub(in crate::connect) fn uninstall(config: &Path) -> Result<String, NotDone> {
    if peer::own_uid() != 0 {
        return Err(NotDone::NotRoot);
    }
    let settings = Settings::read(config)?;
    run("systemctl", &["disable", "--now", "sceau-connect.service"])?;
    let path = PathBuf::from(UNIT);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(NotDone::File { path, cause }),
        _ => {}
    }
    run("systemctl", &["daemon-reload"])?;
    Ok(format!(
        "Le service sceau-connect est retiré. La clé reste dans {} : effacez ce dossier si ce serveur ne sert plus, et faites \
         retirer son certificat par l'exploitant.",
        settings.folder.display()
    ))
}

/// The unit's text.
fn unit(program: &Path, config: &Path, folder: &Path) -> Result<String, NotDone> {
    let mut text = UNIT_TEXT.to_owned();
    for (word, path) in [("@PROGRAM@", program), ("@CONFIG@", config), ("@FOLDER@", folder)] {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte);
        let written = path.to_str().filter(|path| path.bytes().all(plain));
        text = text.replace(word, written.ok_or_else(|| NotDone::Path(path.to_owned()))?);
    }
    Ok(text)
}

/// What root made in the folder becomes the service's, where the service has its user already.
///
/// # Errors
/// What the system said.
pub(in crate::connect) fn give_to_service(folder: &Path) -> io::Result<()> {
    let Some((uid, gid)) = peer::ids_of(USER)? else { return Ok(()) };
    if peer::own_uid() != 0 {
        return Ok(());
    }
    lchown(folder, Some(uid), Some(gid))?;
    for entry in fs::read_dir(folder)? {
        // The folder is the service's: a link that it put there leads root nowhere.
        lchown(entry?.path(), Some(uid), Some(gid))?;
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), NotDone> {
    let failed = || NotDone::Program(format!("{program} {}", arguments.join(" ")));
    let ended = command::run(Command::new(program).args(arguments), Vec::new(), WAIT).map_err(|_| failed())?;
    if ended.status.success() { Ok(()) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_unit_names_what_it_runs_and_nothing_is_left_open() {
        let text = unit(
            Path::new("/usr/bin/sceau-connect"),
            Path::new("/etc/sceau-connect.toml"),
            Path::new("/var/lib/sc"),
        )
        .unwrap();
        assert!(text.contains("\nExecStart=/usr/bin/sceau-connect run --config /etc/sceau-connect.toml\n"));
        assert!(text.contains("\nReadOnlyPaths=/var/lib/sc\n") && !text.contains("@PROGRAM@"));
        for wrong in ["/opt/mon dossier/x", "/opt/x\nExecStart=/bin/sh", "/opt/%i"] {
            assert!(
                matches!(unit(Path::new(wrong), Path::new("/c"), Path::new("/f")), Err(NotDone::Path(_))),
                "{wrong}"
            );
        }
    }
}
