//! A configuration, a profile and the registers: any text is taken whole or refused with its place, and never echoed raw.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sceau::config::{CONVENTION_LEN_MAX, Config, Mode, STRUCTURES_MAX, Terms, convention};
use sceau::policy::application::import::{Users, judge};
use sceau::policy::application::{Applications, ApplicationsFile};
use sceau::policy::convention::difference;
use sceau::policy::practitioner::{Practitioners, PractitionersFile, import};
use sceau::policy::register::{Around, Format, Slip};
use sceau::vihf::profile::Profiles;

static SHIPPED: LazyLock<Profiles> = LazyLock::new(|| Profiles::shipped().expect("the shipped profiles"));

/// The input as each of the files that an establishment writes.
pub fn holds(input: &[u8]) {
    is_taken_or_located(input);
    is_a_convention_or_located(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    is_a_profile_or_refused(text);
    is_a_register_or_told(input);
    let any = |_: &str| true;
    if let Ok(file) = toml::from_str::<ApplicationsFile>(text) {
        let (_, breaches) = Applications::check(file, |name| (name != "absent").then_some(1000), any, any);
        breaches.iter().for_each(|breach| is_for_people(&breach.cause));
    }
    if let Ok(file) = toml::from_str::<PractitionersFile>(text) {
        let (_, breaches) = Practitioners::check(file, &["SM".to_owned()], any, any);
        breaches.iter().for_each(|breach| is_for_people(&breach.cause));
    }
}

/// The input as a file that is to become the register.
fn is_a_register_or_told(input: &[u8]) {
    let one = |name: &str| std::collections::HashSet::from([name.to_owned()]);
    let around = Around {
        physician_specialties: vec!["SM".to_owned()],
        structures: one("1690781810"),
        services: one("consultation"),
        providers: one("sso"),
        profiles: one("dmp-air"),
    };
    let lines = input.split(|byte| *byte == b'\n').count() as u64;
    let are_told = |slips: Vec<Slip>| {
        assert!(!slips.is_empty());
        for slip in slips {
            is_for_people(&slip.cause);
            assert!(!slip.column.chars().any(char::is_control), "{slip:?}");
            assert!((1..=lines).contains(&slip.line), "{slip:?}");
        }
    };
    let uid = |name: &str| (name != "absent").then_some(1000);
    let users = Users { uid: &uid, name: &|_| Some("dpi".to_owned()) };
    for format in [Format::Csv, Format::Json] {
        match import::judge(input, format, &around, None, &mut |_, _| {}) {
            Ok(imported) => assert!(!imported.all().is_empty()),
            Err(slips) => are_told(slips),
        }
        match judge(input, format, &around, users, &|_| None) {
            Ok(imported) => assert!(!imported.all().is_empty()),
            Err(slips) => are_told(slips),
        }
    }
}

fn is_taken_or_located(input: &[u8]) {
    let path = std::env::temp_dir().join(format!("sceau-properties-{}.toml", std::process::id()));
    std::fs::write(&path, input).expect("a temporary file");
    let loaded = Config::load(&path);
    std::fs::remove_file(&path).expect("the temporary file");
    let lines = input.split(|byte| *byte == b'\n').count();
    match loaded {
        Ok(config) => is_complete(&config),
        Err(error) => {
            let faults = error.faults();
            assert!(!faults.is_empty());
            for fault in faults {
                is_for_people(&fault.cause);
                assert_eq!(fault.file, path);
                assert!(
                    fault.position.is_none_or(|at| (1..=lines).contains(&at.line) && at.column >= 1),
                    "{fault}"
                );
            }
        }
    }
}

/// The input as a convention of its own: whole, with days that hold, or refused with its place.
fn is_a_convention_or_located(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let lines = input.split(|byte| *byte == b'\n').count();
    match convention(Path::new("/convention.toml"), text, true) {
        Ok(taken) => {
            assert!(text.len() <= CONVENTION_LEN_MAX);
            let title = taken.title.as_ref().expect("a file has its title");
            assert!(title.number > 0 && title.begins_at < title.ends_at);
            assert!((1..=STRUCTURES_MAX).contains(&taken.structures.len()) && !taken.services.is_empty());
            assert_eq!(difference(&taken, &taken), []);
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                is_for_people(&fault.cause);
                assert!(
                    fault.position.is_none_or(|at| (1..=lines).contains(&at.line) && at.column >= 1),
                    "{fault}"
                );
            }
        }
    }
}

/// What `Config` promises of itself.
fn is_complete(config: &Config) {
    if config.mode == Mode::Production && !config.has_inline_terms {
        // Whether there is a convention is told by what loads it.
        return;
    }
    let Terms::Inline(terms) = &config.terms else {
        assert!(config.convention_file().is_some_and(Path::is_absolute) && !config.has_inline_terms);
        return;
    };
    assert!(terms.structures.len() <= STRUCTURES_MAX);
    let is_declared = |id: &str| terms.structure(id).is_some();
    let mut paths: Vec<&Path> = vec![&config.path, &config.sockets.token, &config.sockets.signers];
    paths.extend([&*config.registers.applications, &*config.registers.practitioners]);
    paths.extend(config.audit.iter().map(|audit| audit.public_key.as_path()));
    let named: [&[PathBuf]; 3] = [&config.trust.anchors, &config.trust.intermediates, &config.profiles.files];
    paths.extend(named.into_iter().flatten().map(PathBuf::as_path));
    for seal in &config.seals {
        assert!(is_declared(&seal.structure), "{seal:?}");
        assert!(seal.processes > 0 && seal.sessions > 0, "{seal:?}");
        paths.push(&seal.certificate);
        paths.extend(seal.module.as_deref());
    }
    assert!(paths.iter().all(|path| path.is_absolute()), "{paths:?}");
    assert!(config.seals.is_empty() || !terms.services.is_empty());
    assert!(config.limits.connections_max > 0 && config.limits.frame_read_ms > 0, "{:?}", config.limits);
}

fn is_a_profile_or_refused(text: &str) {
    let mut profiles = SHIPPED.clone();
    match profiles.take(text) {
        Ok(profile) => assert!(profiles.get(&profile.name).is_some(), "{}", profile.name),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Neither empty nor able to write into the terminal that shows it.
fn is_for_people(message: &str) {
    assert!(message.len() > 10, "{message:?}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
}
