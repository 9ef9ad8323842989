//! Secrets of the loopback door: given to one user of the system in a file of his own, kept here as a digest.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::arguments;
use super::identity::make_folder;
use super::settings::Settings;
use crate::sys::durable;
use crate::tables::system_words;
use crate::traces::digest::Digest;
use crate::usage::{EXIT_UNAVAILABLE, EXIT_USAGE};

const FOLDER: &str = "secrets";
/// Bytes of a secret: nobody tries 256 bits.
const SECRET_LEN: usize = 32;
/// For the user alone: whoever else reads it calls in his name.
const SECRET_MODE: u32 = 0o600;
const DIGEST_MODE: u32 = 0o600;
/// Longest name of a user, in bytes (useradd(8)).
const NAME_LEN_MAX: usize = 32;

/// Why no secret was made.
#[derive(Debug, thiserror::Error)]
enum NotMade {
    #[error("{0}")]
    Settings(#[from] crate::tables::ConfigError),
    #[error("{0}")]
    Folder(#[from] super::identity::IdentityError),
    #[error("ce nom d'utilisateur contient autre chose que lettres, chiffres, points et tirets ; corrigez-le")]
    Name,
    #[cfg_attr(not(unix), allow(dead_code, reason = "icacls looks for the user there"))]
    #[error("l'utilisateur n'existe pas sur ce serveur ; créez-le d'abord, ou corrigez le nom")]
    NoUser,
    #[error(
        "{path} ne peut pas être écrit ({}) ; donnez un nouveau fichier, dans un dossier existant",
        system_words(cause)
    )]
    File { path: String, cause: std::io::Error },
    #[error("le système ne donne pas d'octets aléatoires ; recommencez")]
    Random,
}

/// `sceau-connect secret`: makes a secret in place of the user's former one.
pub(super) fn main(given: &arguments::Secret) -> ExitCode {
    match make(given) {
        Ok(()) => {
            println!(
                "Le secret de « {} » est dans {} ; il remplace l'ancien. Donnez-le dans l'en-tête Sceau-Secret, ou en tête du \
                 chemin : http://127.0.0.1:PORT/~SECRET/…",
                given.user,
                given.out.display()
            );
            ExitCode::SUCCESS
        }
        Err(not_made) => {
            eprintln!("sceau-connect secret : {not_made}");
            let usage = matches!(not_made, NotMade::Settings(_) | NotMade::Name | NotMade::NoUser);
            ExitCode::from(if usage { EXIT_USAGE } else { EXIT_UNAVAILABLE })
        }
    }
}

fn make(given: &arguments::Secret) -> Result<(), NotMade> {
    let folder = Settings::read(&given.config)?.folder;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if given.user.is_empty() || given.user.len() > NAME_LEN_MAX || !given.user.bytes().all(is_name) {
        return Err(NotMade::Name);
    }
    if given.user.starts_with('.') {
        return Err(NotMade::Name);
    }
    #[cfg(unix)]
    let owner = crate::sys::peer::ids_of(&given.user).ok().flatten().ok_or(NotMade::NoUser)?;
    make_folder(&folder)?;
    make_folder(&folder.join(FOLDER))?;
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    rand::fill(&mut *secret).map_err(|_| NotMade::Random)?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
    let file = |path: &Path| {
        let path = path.display().to_string();
        |cause| NotMade::File { path, cause }
    };
    durable::create(&given.out, text.as_bytes(), SECRET_MODE).map_err(file(&given.out))?;
    #[cfg(unix)]
    if owner.0 != crate::sys::peer::own_uid() {
        // The folder may be his: what he put there in its place is not followed.
        std::os::unix::fs::lchown(&given.out, Some(owner.0), Some(owner.1)).map_err(file(&given.out))?;
    }
    #[cfg(windows)]
    super::install::only_for(&given.out, &given.user).map_err(file(&given.out))?;
    // A crash before this line leaves a secret that opens nothing; the former one still does.
    let path = folder.join(FOLDER).join(&given.user);
    durable::replace(&path, Digest::of(&[text.as_bytes()]).to_string().as_bytes(), DIGEST_MODE)
        .map_err(file(&path))?;
    #[cfg(unix)]
    same_owner(&path, &folder).map_err(file(&path))?;
    Ok(())
}

/// What root makes in the companion's folder is the companion's; a link that it put there leads root nowhere.
#[cfg(unix)]
fn same_owner(path: &Path, folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    let owner = folder.metadata()?;
    for made in [path, path.parent().unwrap_or(folder)] {
        lchown(made, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Whether somebody was given that secret. Read each time: a secret that was replaced opens nothing any more.
pub(super) fn is_known(folder: &Path, secret: &str) -> bool {
    let given = Digest::of(&[secret.as_bytes()]);
    let Ok(entries) = fs::read_dir(folder.join(FOLDER)) else { return false };
    let mut known = false;
    for entry in entries.flatten() {
        let digest = fs::read_to_string(entry.path()).ok().and_then(|text| Digest::from_hex(text.trim()));
        known |= digest.is_some_and(|digest| verify_slices_are_equal(digest.as_bytes(), given.as_bytes()).is_ok());
    }
    known
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_keeps_its_owner() {
        use std::os::unix::fs::{MetadataExt as _, chown, symlink};
        if crate::sys::peer::own_uid() != 0 {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (theirs, roots) = (folder.path().join("state/secrets"), folder.path().join("shadow"));
        fs::create_dir_all(&theirs).unwrap();
        fs::write(&roots, "").unwrap();
        symlink(&roots, theirs.join("dpi")).unwrap();
        let state = folder.path().join("state");
        chown(&state, Some(65_534), Some(65_534)).unwrap();
        same_owner(&theirs.join("dpi"), &state).unwrap();
        assert_eq!(roots.metadata().unwrap().uid(), 0);
        assert_eq!(theirs.join("dpi").symlink_metadata().unwrap().uid(), 65_534);
    }

    #[test]
    fn a_secret_opens_until_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("c.toml");
        fs::write(&config, "folder = \"state\"\n").unwrap();
        #[cfg(unix)]
        let user = crate::sys::peer::name_of(crate::sys::peer::own_uid()).unwrap().unwrap();
        let state = folder.path().join("state");
        let made = |out: &str, user: &str| {
            let out = folder.path().join(out);
            make(&arguments::Secret { user: user.into(), out: out.clone(), config: config.clone() })?;
            Ok::<_, NotMade>(fs::read_to_string(out).unwrap())
        };
        assert!(!is_known(&state, "x"));
        let first = made("one", &user).unwrap();
        assert!(is_known(&state, &first) && !is_known(&state, "") && !is_known(&state, &first[1..]));
        let second = made("two", &user).unwrap();
        assert!(!is_known(&state, &first) && is_known(&state, &second));
        // What is there already is never overwritten, and then nothing else was.
        assert!(matches!(made("two", &user), Err(NotMade::File { .. })));
        assert!(is_known(&state, &second));
        for wrong in ["../x", "", "a b", ".x"] {
            assert!(matches!(made("three", wrong), Err(NotMade::Name)), "{wrong}");
        }
        assert!(matches!(made("three", "nobody-of-that-name"), Err(NotMade::NoUser)));
    }
}
