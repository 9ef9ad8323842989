//! `sceau order sign`: ssh-keygen signs, so that agents, smart cards and FIDO2 keys work as people have them.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use super::super::NotDone;
use super::made::Made;
use crate::policy::order::NAMESPACE;
use crate::sys::durable;

/// Signe un ordre avec une clé SSH ; écrit la signature à côté de l'ordre.
///
/// L'ordre est d'abord montré : ne signez que ce que vous voulez. ssh-keygen demande la phrase de la clé ou le toucher.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// Ordre, tel que sceau order new l'a imprimé.
    #[arg(value_name = "ORDRE")]
    order: PathBuf,
    /// Clé SSH : fichier privé, ou .pub d'une clé que tient l'agent.
    #[arg(long, value_name = "CLE")]
    key: PathBuf,
    /// Fichier de la signature ; par défaut ORDRE.NOM-DE-LA-CLE.sig.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
}

impl Sign {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let made = Made::read(&self.order)?;
        eprintln!("{}", made.summary());
        let signature = signature(&self.key, NAMESPACE, made.text().as_bytes())?;
        let out = self.out.unwrap_or_else(|| beside(&self.order, &self.key));
        durable::create(&out, signature.as_bytes(), 0o644).map_err(|cause| {
            NotDone::Usage(format!("la signature {} ne peut pas être écrite ({cause})", out.display()))
        })?;
        println!("{}", out.display());
        Ok(0)
    }
}

/// `ordre.json` and `~/.ssh/alice` give `ordre.json.alice.sig`: two signers of one folder do not meet.
pub(in super::super) fn beside(order: &Path, key: &Path) -> PathBuf {
    let mut name = OsString::from(order);
    name.push(".");
    name.push(key.file_stem().unwrap_or_default());
    name.push(".sig");
    name.into()
}

/// The armoured signature of these bytes by that key, for that use.
///
/// # Errors
/// ssh-keygen is missing or refused; its own words are on standard error.
pub(in super::super) fn signature(key: &Path, namespace: &str, text: &[u8]) -> Result<String, NotDone> {
    let failed =
        |cause: &str| NotDone::Usage(format!("ssh-keygen n'a pas signé avec {} ({cause})", key.display()));
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|cause| failed(&format!("{cause} ; installez openssh-client")))?;
    // It reads all of its input before it writes.
    let written = child.stdin.take().map(|mut input| input.write_all(text));
    let output = child.wait_with_output().map_err(|cause| failed(&cause.to_string()))?;
    if !output.status.success() || !matches!(written, Some(Ok(()))) {
        return Err(failed("voyez son message ci-dessus"));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("sa réponse n'est pas une signature"))
}
