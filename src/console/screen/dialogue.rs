//! Questions of a provisioning, and the file that the answers make: the same file as a signed one, judged by the same reader.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use toml::{Table, Value};
use zeroize::Zeroizing;

use super::super::brought::FILE;
use super::super::error::Refusal;
use super::super::stick::{FILE_LEN_MAX, Stick};
use super::super::typed::Typed;
use super::run::{Desk, Gone};
use crate::config::provisioning::Provisioning;
use crate::sys::clock;
use crate::traces::digest::Digest;

/// How long what is typed may wait for the visit that applies it, in milliseconds: the next day is far enough.
const LIFETIME_MS: u64 = 24 * 3_600_000;

/// What the stick brings for the answers to name.
#[derive(Debug, Default)]
pub(super) struct Material {
    /// Names and digests of `sceau/files/`.
    files: Vec<(String, Digest)>,
    /// Keys of `sceau/operators/NAME.ROLE+ROLE.pub`: name, roles, key.
    operators: Vec<(String, Vec<String>, String)>,
}

impl Material {
    /// Looks at the stick.
    pub(super) fn of(stick: &Stick) -> Self {
        let mut material = Self::default();
        for name in stick.names("files", "") {
            if let Ok(Some(bytes)) = stick.read(&format!("files/{name}"), FILE_LEN_MAX) {
                material.files.push((name, Digest::of(&[&bytes])));
            }
        }
        for file in stick.names("operators", ".pub") {
            let stem = file.strip_suffix(".pub").unwrap_or(&file);
            let Some((name, roles)) = stem.rsplit_once('.') else { continue };
            let Ok(Some(key)) = stick.read(&format!("operators/{file}"), 16 * 1024) else { continue };
            // The comment often names its holder's mailbox: the register has no use for it.
            let key = String::from_utf8_lossy(&key).split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            material.operators.push((name.to_owned(), roles.split('+').map(str::to_owned).collect(), key));
        }
        material
    }
}

/// What an answer is.
#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    /// Words with commas or blanks between them.
    List,
    /// `oui` or `non`.
    Flag,
}

/// One question: section, key, words, form, default; where it only matters for some answers, which.
struct Question(
    &'static str,
    &'static str,
    &'static str,
    Form,
    &'static str,
    Option<(&'static str, &'static str, &'static str)>,
);

const QUESTIONS: [Question; 22] = [
    Question("appliance", "name", "Nom de l'appliance (a-z 0-9 -)", Form::Text, "sceau", None),
    Question("appliance", "mode", "Mode : production ou test", Form::Text, "production", None),
    Question("appliance", "complement", "Fichier complément de sceau.toml (rien : aucun)", Form::Text, "", None),
    Question("network", "interface", "Interface réseau", Form::Text, "en*", None),
    Question("network", "dhcp", "Adresse par DHCP (oui ou non)", Form::Flag, "oui", None),
    Question(
        "network",
        "address",
        "Adresse et réseau, comme 192.0.2.10/24",
        Form::Text,
        "",
        Some(("network", "dhcp", "non")),
    ),
    Question("network", "gateway", "Passerelle", Form::Text, "", Some(("network", "dhcp", "non"))),
    Question("network", "name_servers", "Serveurs de noms (adresses)", Form::List, "", None),
    Question("network", "relay", "Réseaux que le relais DMP peut appeler (rien : aucun)", Form::List, "", None),
    Question("time", "sources", "Serveurs de temps NTS", Form::List, "", None),
    Question("token", "module", "Token : softhsm, ou la bibliothèque du fabricant", Form::Text, "softhsm", None),
    Question(
        "token",
        "uri",
        "Token du fabricant, comme pkcs11:token=cachet (rien : softhsm)",
        Form::Text,
        "",
        None,
    ),
    Question("token", "address", "Adresse du HSM réseau (rien : aucun)", Form::Text, "", None),
    Question("establishment", "organisation", "Raison sociale, comme à l'IGC-Santé", Form::Text, "", None),
    Question("establishment", "department", "Département, comme Rhône (69)", Form::Text, "", None),
    Question("establishment", "application", "Nom de l'application", Form::Text, "SCEAU", None),
    Question("establishment", "origin", "Nom du journal, comme ch-exemple.fr/sceau", Form::Text, "", None),
    Question("establishment", "structures", "Structures (Struct_IdNat)", Form::List, "", None),
    Question("keys", "authentication", "Clé d'authentification pour le DMP (oui ou non)", Form::Flag, "oui", None),
    Question("trust", "anchors", "Fichiers des racines", Form::List, "", None),
    Question("trust", "intermediates", "Fichiers des autorités intermédiaires", Form::List, "", None),
    Question(
        "trust",
        "policy_oid",
        "Politique exigée des certificats (OID ; rien : non vérifiée)",
        Form::Text,
        "",
        None,
    ),
];

/// Asks until the file is right; None: given up. The PIN is that of a vendor's token.
pub(super) fn ask<R: Read + AsFd, W: Write>(
    desk: &mut Desk<R, W>,
    material: &Material,
) -> Result<Option<Typed>, Gone> {
    let mut answers: Vec<String> = QUESTIONS.iter().map(|question| question.4.to_owned()).collect();
    loop {
        let mut intro = vec![
            "Provisionnement au clavier. Entrée garde la valeur entre crochets ; « . » abandonne.".to_owned(),
        ];
        intro.push(format!("Sur la clé USB : {}", named(material)));
        desk.read(&intro)?;
        for (at, question) in QUESTIONS.iter().enumerate() {
            if !matters(question, &answers) {
                continue;
            }
            let Question(_, _, words, ..) = question;
            let Some(answer) = answers.get_mut(at) else { continue };
            let typed = desk.ask(&format!("{words} [{answer}] : "))?;
            match typed.as_str() {
                "." => return Ok(None),
                "" => {}
                "-" => answer.clear(),
                typed => typed.clone_into(answer),
            }
        }
        let text = text(&answers, material, &until());
        match Provisioning::parse(Path::new(FILE), &text) {
            Ok(read) => {
                let pin = match read.token {
                    crate::config::provisioning::TokenModule::Soft => None,
                    crate::config::provisioning::TokenModule::Vendor { .. } => {
                        let typed = desk.ask_hidden("PIN du token (il n'est pas montré) : ")?;
                        Some(Zeroizing::new(typed.as_bytes().to_vec()))
                    }
                };
                desk.read(&text.lines().map(str::to_owned).collect::<Vec<_>>())?;
                if *desk.ask("Tout est juste ? L'appliance n'est provisionnée qu'une fois. Tapez OUI : ")? == "OUI"
                {
                    return Ok(Some(Typed { text, pin }));
                }
            }
            Err(faults) => {
                let mut lines = vec!["Ce qui est saisi ne convient pas :".to_owned()];
                lines.extend(faults.iter().map(|fault| format!("- {}", Refusal::of_fault(fault).text)));
                desk.read(&lines)?;
            }
        }
    }
}

/// Whether a question matters after the answers before it.
fn matters(question: &Question, answers: &[String]) -> bool {
    let Question(.., condition) = question;
    let Some((section, key, wanted)) = condition else { return true };
    let at = QUESTIONS.iter().position(|asked| asked.0 == *section && asked.1 == *key);
    at.and_then(|at| answers.get(at)).is_none_or(|answer| answer == wanted)
}

fn named(material: &Material) -> String {
    let files: Vec<_> = material.files.iter().map(|(name, _)| name.as_str()).collect();
    let operators: Vec<_> = material.operators.iter().map(|(name, ..)| name.as_str()).collect();
    let listed = |names: &[&str]| if names.is_empty() { "aucun".to_owned() } else { names.join(", ") };
    format!("fichiers : {} ; opérateurs : {}", listed(&files), listed(&operators))
}

/// The day after this one.
fn until() -> String {
    clock::now().plus_ms(LIFETIME_MS).to_string().chars().take(10).collect()
}

/// `provisioning.toml` of these answers: what is empty is left out, every file of the stick that has a digest is pinned.
fn text(answers: &[String], material: &Material, until: &str) -> String {
    let mut file = Table::new();
    file.insert("format".to_owned(), 1.into());
    file.insert("until".to_owned(), until.into());
    for section in ["appliance", "network", "time", "token", "establishment", "keys", "trust"] {
        file.insert(section.to_owned(), Table::new().into());
    }
    let words = |answer: &str| -> Vec<String> {
        answer.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    for (question, answer) in QUESTIONS.iter().zip(answers) {
        let Question(section, key, _, form, ..) = question;
        let value: Option<Value> = match form {
            _ if !matters(question, answers) => None,
            Form::Text if answer.is_empty() => None,
            Form::Text => Some(answer.as_str().into()),
            // What must be there is told as empty, not as missing.
            Form::List => Some(words(answer).into()),
            Form::Flag => Some((answer == "oui").into()),
        };
        if let (Some(value), Some(table)) = (value, file.get_mut(*section).and_then(Value::as_table_mut)) {
            table.insert((*key).to_owned(), value);
        }
    }
    let pinned = material.files.iter().map(|(name, digest)| {
        Table::from_iter([
            ("name".to_owned(), name.as_str().into()),
            ("sha256".to_owned(), digest.to_string().into()),
        ])
    });
    file.insert("file".to_owned(), pinned.collect::<Vec<Table>>().into());
    let operators = material.operators.iter().map(|(name, roles, key)| {
        Table::from_iter([
            ("name".to_owned(), name.as_str().into()),
            ("roles".to_owned(), roles.clone().into()),
            ("key".to_owned(), key.as_str().into()),
        ])
    });
    file.insert("operator".to_owned(), operators.collect::<Vec<Table>>().into());
    toml::to_string(&file).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answers(given: &[(&str, &str)]) -> Vec<String> {
        let of = |question: &Question| {
            given
                .iter()
                .find(|(key, _)| *key == question.1 || *key == format!("{}.{}", question.0, question.1))
                .map_or(question.4, |(_, answer)| answer)
                .to_owned()
        };
        QUESTIONS.iter().map(of).collect()
    }

    const GIVEN: [(&str, &str); 6] = [
        ("organisation", "CENTRE HOSPITALIER"),
        ("department", "Rhône (69)"),
        ("origin", "ch-exemple.fr/sceau"),
        ("structures", "1690781810"),
        ("sources", "a.exemple.fr, b.exemple.fr"),
        ("anchors", "racine.pem"),
    ];

    #[test]
    fn right_answers_make_a_right_file() {
        let material =
            Material { files: vec![("racine.pem".to_owned(), Digest::of(&[b"x"]))], operators: Vec::new() };
        let read = Provisioning::parse(Path::new(FILE), &text(&answers(&GIVEN), &material, "2030-01-01")).unwrap();
        assert_eq!(read.time_sources, ["a.exemple.fr", "b.exemple.fr"]);
        assert!(read.keys.authentication && read.files.len() == 1);
        let fixed = [&GIVEN[..], &[("dhcp", "non"), ("network.address", "192.0.2.10/24")]].concat();
        assert!(Provisioning::parse(Path::new(FILE), &text(&answers(&fixed), &material, "2030-01-01")).is_ok());
        let wrong =
            Provisioning::parse(Path::new(FILE), &text(&answers(&[]), &material, "2030-01-01")).unwrap_err();
        assert!(wrong.len() >= 4, "{wrong:?}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_answered_makes_a_file_or_faults(answer in "\\PC{0,40}") {
            for (key, _) in GIVEN {
                let text = text(&answers(&[(key, answer.as_str())]), &Material::default(), "2030-01-01");
                proptest::prop_assert!(text.parse::<Table>().is_ok());
                let _ = Provisioning::parse(Path::new(FILE), &text);
            }
        }
    }
}
