//! What the programs' command lines have in common: French help, and a French answer to what is mistyped.
//!
//! clap finds the mistakes; its own words are English, and it repeats the value that was given. An INS given by mistake
//! as an argument must not reach a log or a screen, so no value is ever repeated here.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::{self, ExitCode};

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Arg, ArgAction, Command, Parser};

/// Negative verdict, Denied or Replayed (contract, exit codes).
pub(crate) const EXIT_NEGATIVE: u8 = 1;
/// Usage, configuration, certificate or Malformed: systemd does not start a daemon again.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Busy or Unavailable, the world's trouble: systemd starts a daemon again.
pub(crate) const EXIT_UNAVAILABLE: u8 = 3;
/// Halted, the ledger is not what it was: systemd does not start a daemon again.
#[cfg(all(unix, feature = "appliance"))]
pub(crate) const EXIT_HALTED: u8 = 4;

const TEMPLATE: &str = "{about}\n\nUtilisation : {usage}\n\n{all-args}{after-help}";
/// clap writes the colon that follows a heading; French has a space before it.
const OPTIONS: &str = "Options ";
const POSITIONALS: &str = "Arguments ";
const VERBS: &str = "Verbes ";
/// Most digits of a word that may be repeated: an INS has 13 to 15 of them, and a mistyped one nearly as many.
const REPEATED_DIGITS_MAX: usize = 5;

/// The exit code of what was asked: its own, or, told in French on standard error, the one that `code` gives to why it was not done.
pub(crate) fn exit<E: Display>(program: &str, done: Result<u8, E>, code: impl FnOnce(&E) -> u8) -> ExitCode {
    ExitCode::from(done.unwrap_or_else(|cause| {
        eprintln!("{program} : {cause}");
        code(&cause)
    }))
}

/// Reads the command line of this process.
///
/// Trusts nothing of it. Returns only with arguments that are complete; otherwise prints help or version on standard
/// output and exits 0, or one French sentence with cause and remedy on standard error and exits 2 (contract, exit codes;
/// for a missing verb the sentence is the help). No value that was given is printed.
#[must_use]
pub fn parse<A: Parser>() -> A {
    let given: Vec<OsString> = std::env::args_os().collect();
    let mut command = french(A::command());
    let read =
        command.try_get_matches_from_mut(&given).and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
    match read {
        Ok(arguments) => arguments,
        Err(error) => {
            match error.kind() {
                ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    // Who closed the output does not want the help.
                    let _ = error.print();
                }
                _ => {
                    let (called, verbs) = called(&command, &given);
                    eprintln!("{} : {} Voir « {called} --help ».", command.get_name(), mistake(&error, &verbs));
                }
            }
            process::exit(error.exit_code());
        }
    }
}

/// A command and its verbs with French headings, French flags, and defaults in French.
fn french(command: Command) -> Command {
    let has_version = command.get_version().is_some();
    let command = command
        .help_template(TEMPLATE)
        .subcommand_help_heading(VERBS)
        .subcommand_value_name("VERBE")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .mut_args(french_argument)
        .mut_subcommands(french)
        .arg(flag("help", 'h', ArgAction::Help, "Affiche cette aide"));
    if has_version { command.arg(flag("version", 'V', ArgAction::Version, "Affiche la version")) } else { command }
}

fn flag(name: &'static str, short: char, action: ArgAction, help: &'static str) -> Arg {
    Arg::new(name).long(name).short(short).action(action).help(help).help_heading(OPTIONS)
}

fn french_argument(argument: Arg) -> Arg {
    let heading = if argument.is_positional() { POSITIONALS } else { OPTIONS };
    let argument = argument.help_heading(heading).hide_possible_values(true).hide_default_value(true);
    let defaults =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(", ");
    match argument.get_help().map(ToString::to_string) {
        Some(help) if !defaults.is_empty() => argument.help(format!("{help} [par défaut : {defaults}]")),
        _ => argument,
    }
}

/// The command that was called, as it is typed, and its verbs.
fn called<'a>(command: &'a Command, given: &[OsString]) -> (String, Vec<&'a str>) {
    let mut typed = command.get_name().to_owned();
    let mut at = command;
    for word in given.iter().skip(1) {
        let Some(verb) = at.get_subcommands().find(|verb| word == verb.get_name()) else { break };
        typed = format!("{typed} {}", verb.get_name());
        at = verb;
    }
    (typed, at.get_subcommands().map(Command::get_name).collect())
}

/// The sentence for a mistake: its cause and its remedy.
fn mistake(error: &Error, verbs: &[&str]) -> String {
    let argument = || list(error, ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            format!("argument inconnu{}{}.", repeated(&argument()), suggestion(error, ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => format!(
            "verbe inconnu{}{} ; les verbes sont : {}.",
            repeated(&list(error, ContextKind::InvalidSubcommand)),
            suggestion(error, ContextKind::SuggestedSubcommand),
            verbs.join(", ")
        ),
        ErrorKind::MissingSubcommand => format!("il manque un verbe ; donnez l'un de : {}.", verbs.join(", ")),
        ErrorKind::MissingRequiredArgument => format!("il manque : {} ; ajoutez ce qui manque.", argument()),
        ErrorKind::InvalidValue if list(error, ContextKind::InvalidValue).is_empty() => {
            format!("{} attend une valeur ; donnez-la{}.", argument(), allowed(error))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!(
                "la valeur donnée à {} est refusée (elle n'est pas répétée ici) ; corrigez-la{}.",
                argument(),
                allowed(error)
            )
        }
        ErrorKind::TooManyValues => format!("{} n'attend pas de valeur ; retirez-la.", argument()),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            format!("les valeurs de {} ne sont pas en bon nombre ; corrigez-les.", argument())
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (argument(), list(error, ContextKind::PriorArg));
            if one == other {
                format!("{one} est donné deux fois ; ne le donnez qu'une fois.")
            } else {
                format!("{one} ne va pas avec {other} ; retirez l'un des deux.")
            }
        }
        ErrorKind::InvalidUtf8 => "un argument n'est pas du texte UTF-8 ; corrigez-le.".to_owned(),
        // clap may learn new mistakes; its own words are not shown, they would hold the value.
        _ => "la ligne de commande n'est pas comprise ; corrigez-la.".to_owned(),
    }
}

/// What clap knows of the mistake under `kind`, joined; empty where it knows nothing.
fn list(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(all)) => all.join(", "),
        _ => String::new(),
    }
}

/// The word that was not understood, unless it may hold an identifier of a person.
fn repeated(word: &str) -> String {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    let digits = name.chars().filter(char::is_ascii_digit).count();
    if digits > REPEATED_DIGITS_MAX {
        " (il n'est pas répété ici : l'INS d'un patient se donne sur l'entrée standard, jamais en argument)"
            .to_owned()
    } else {
        format!(" « {} »", name.escape_debug())
    }
}

fn suggestion(error: &Error, kind: ContextKind) -> String {
    match list(error, kind) {
        none if none.is_empty() => String::new(),
        names => format!(" ; essayez « {names} »"),
    }
}

fn allowed(error: &Error) -> String {
    match list(error, ContextKind::ValidValue) {
        none if none.is_empty() => String::new(),
        values => format!(" ; valeur admise : « {values} »"),
    }
}
