//! Arguments of a verb as they are typed: `NOM=VALEUR`, `NOM=@FICHIER`, `NOM=@-`.

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Map, Value, json};

use super::super::NotDone;
use crate::policy::order::{ORDER_LEN_MAX, Verb};

/// Members that name a person: a command line is seen by every user of the machine.
const NEVER_TYPED: [&str; 2] = ["patient", "practitioner"];

/// The arguments of an order.
///
/// # Errors
/// No `=`, a file that cannot be read, a person on the command line, a text given twice.
pub(super) fn read(verb: Verb, given: &[String]) -> Result<Map<String, Value>, NotDone> {
    let mut arguments = Map::new();
    for list in verb.lists() {
        arguments.insert((*list).to_owned(), json!([]));
    }
    for argument in given {
        let usage = |message: &str| NotDone::Usage(message.to_owned());
        let (name, value) = argument
            .split_once('=')
            .ok_or_else(|| usage("un argument s'écrit NOM=VALEUR, NOM=@FICHIER ou NOM=@-"))?;
        if NEVER_TYPED.contains(&name) && !value.starts_with('@') {
            let message = format!(
                "une personne ne se donne jamais en argument ; écrivez {name}=@- et donnez l'identifiant sur l'entrée standard"
            );
            return Err(NotDone::Usage(message));
        }
        let value = read_value(value)?;
        match arguments.get_mut(name) {
            Some(Value::Array(items)) => items.push(value.into()),
            Some(_) => {
                return Err(NotDone::Usage(format!("l'argument {} est donné deux fois", name.escape_debug())));
            }
            None => drop(arguments.insert(name.to_owned(), value.into())),
        }
    }
    arguments.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    Ok(arguments)
}

/// A value as typed: itself, or the content of `@FICHIER` or `@-` without the newline at its end.
///
/// # Errors
/// The file cannot be read, or has more than an order may have.
pub(in super::super) fn read_value(value: &str) -> Result<String, NotDone> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
    let read = |reader: &mut dyn Read| {
        let mut text = String::new();
        reader.take(ORDER_LEN_MAX as u64 + 1).read_to_string(&mut text).map(|_| text)
    };
    let text = if path == "-" {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let text = text.map_err(|cause| NotDone::Usage(format!("{path} n'est pas lisible ({cause})")))?;
    if text.len() > ORDER_LEN_MAX {
        return Err(NotDone::Usage(format!("{path} est trop long pour un ordre (16 kio)")));
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
