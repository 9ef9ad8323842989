//! What to do once a certificate is installed: the exact TOML to add, and the commands that follow.

use std::fmt::Write as _;
use std::path::Path;

use super::choice::{Chosen, Use};
use crate::certificate::{KeyUse, SealCertificate};
use crate::config::{Config, KeyName, PinSource, SealKey};

/// The next steps.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// For a person.
    pub(super) text: String,
    /// `[[seal]]` to add, for a seal that the configuration does not have yet.
    pub(super) toml: Option<String>,
}

/// What to do with the certificate that is now at `target`.
pub(super) fn steps(
    chosen: &Chosen,
    config: &Config,
    structure: &str,
    target: &Path,
    certificate: &SealCertificate,
) -> Next {
    let present: Vec<&SealKey> = config.seals.iter().filter(|seal| seal.structure == structure).collect();
    let mut text = String::new();
    let mut say = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    if chosen.key_use == Use::Certified(KeyUse::Authentication) {
        say(
            "Ensuite : gardez le nom de ce fichier, l'uri et le fichier du PIN ; le relais vers le DMP, qui s'en servira,",
        );
        say("n'existe pas encore dans cette version et la configuration n'a rien à recevoir.");
        return Next { text, toml: None };
    }
    if chosen.configured.is_some() || present.iter().any(|seal| seal.uri == chosen.uri_text) {
        say("Ensuite : relancez sceaud, qui le prend à son démarrage : sudo systemctl restart sceaud.service");
        if present.len() > 1 {
            overlap(&mut say, certificate);
        }
        return Next { text, toml: None };
    }
    let name = key_name(chosen, config);
    let toml = seal_table(chosen, structure, &name, target);
    say(&format!("Ensuite, ajoutez à {} :", config.path.display()));
    say("");
    toml.lines().for_each(&mut say);
    say("");
    say("puis démarrez son signataire et relancez sceaud :");
    say(&format!("  sudo systemctl enable --now sceau-signer@{name}-1.service"));
    say("  sudo systemctl restart sceaud.service");
    match present.as_slice() {
        [] => {}
        [old] => {
            say(&format!("Gardez [[seal]] key = \"{}\" : les deux servent pendant le recouvrement.", old.key));
            overlap(&mut say, certificate);
        }
        several => {
            let names: Vec<_> = several.iter().map(|seal| seal.key.as_str()).collect();
            say(&format!(
                "La structure a déjà deux [[seal]] ({}), le maximum : retirez d'abord celui dont le certificat est échu.",
                names.join(", ")
            ));
        }
    }
    Next { text, toml: Some(toml) }
}

/// As `sceaud` chooses among the seals of a structure.
fn overlap(say: &mut impl FnMut(&str), certificate: &SealCertificate) {
    say(
        "Recouvrement : des deux, celui dont la validité commence le plus tard scelle, l'autre prend le relais si sa clé ne",
    );
    say(&format!(
        "répond pas. Celui-ci vaut du {} au {}. Retirez l'ancien [[seal]] une fois son certificat échu.",
        certificate.not_before(),
        certificate.not_after()
    ));
}

/// A name of units and sockets, from the label; never one that is taken.
fn key_name(chosen: &Chosen, config: &Config) -> String {
    let label = String::from_utf8_lossy(chosen.uri.object.as_deref().unwrap_or_default()).to_lowercase();
    let kept = |c: char| if matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-') { c } else { '-' };
    let name: String = label.chars().map(kept).skip_while(|c| matches!(c, '.' | '-')).take(28).collect();
    let name = KeyName::parse(&name).map_or_else(|_| "seal".to_owned(), |name| name.as_str().to_owned());
    let taken = |name: &str| config.signer_keys().iter().any(|key| key.key.as_str() == name);
    let mut candidate = name.clone();
    let mut number = 2;
    while taken(&candidate) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

fn seal_table(chosen: &Chosen, structure: &str, name: &str, target: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let shown = |path: &Path| absolute(path).to_string_lossy().into_owned();
    let mut lines = vec![("structure", structure.to_owned()), ("key", name.to_owned())];
    lines.push(("uri", chosen.uri_text.clone()));
    lines.extend(chosen.module.as_deref().map(|module| ("module", shown(module))));
    match &chosen.pin {
        PinSource::File(path) => lines.push(("pin_file", shown(path))),
        PinSource::Credential(name) => lines.push(("pin_credential", name.clone())),
    }
    lines.push(("certificate", shown(target)));
    let mut toml = "[[seal]]\n".to_owned();
    for (member, value) in lines {
        let _ = writeln!(toml, "{member} = {}", toml::Value::String(value));
    }
    toml
}
