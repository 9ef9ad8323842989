//! `sceau-verify` as `make verify` builds it: one file that needs nothing, and nothing of the appliance in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::geteuid;

use crate::support::collection::target_folder;
use crate::support::program::program;
use crate::support::skip::skip;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// Words of the libraries' own interfaces, which whoever links or loads them cannot do without.
const FOREIGN_WORDS: [&str; 6] =
    ["C_GetFunctionList", "C_Initialize", "Esys_", "Tss2_", "sqlite3_", "SQLite format 3"];
/// Crates that reach them, and the one that loads libraries by name.
const FOREIGN_CRATES: [&str; 4] = ["cryptoki", "tss-esapi", "rusqlite", "libloading"];

/// The file that is handed out.
fn verifier() -> PathBuf {
    built(target_folder().join("verify/sceau-verify"))
}

/// The same before its symbols were taken off.
fn with_symbols() -> PathBuf {
    let host = format!("verify/{}-unknown-linux-gnu/release/sceau-verify", std::env::consts::ARCH);
    built(target_folder().join(host))
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: make verify", path.display());
    path
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// What a tool that must succeed prints.
fn printed(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn readelf(path: &Path) -> String {
    printed(Command::new("readelf").args(["--wide", "--segments", "--dynamic"]).arg(path))
}

fn holds(file: &Path, word: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    memchr::memmem::find(&bytes, word.as_bytes()).is_some()
}

fn tree(arguments: &[&str]) -> Vec<String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(ROOT).args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let printed = printed(cargo.args(arguments));
    printed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_shared_library_is_needed() {
    let shared = readelf(&program("sceau"));
    assert!(shared.contains("INTERP") && shared.contains("(NEEDED)"), "a shared program is recognised: {shared}");
    let of = readelf(&verifier());
    assert!(of.contains("LOAD") && !of.contains("INTERP") && !of.contains("(NEEDED)"), "{of}");
}

#[test]
fn neither_pkcs11_nor_tss_nor_sqlite_is_linked() {
    let signer = program("sceau-signer");
    assert!(holds(&signer, "C_GetFunctionList"), "a program that speaks PKCS#11 is recognised");
    for word in FOREIGN_WORDS {
        assert!(!holds(&verifier(), word), "{word} is in {}", verifier().display());
    }
    let symbols = |path: &Path| printed(Command::new("nm").arg("--demangle").arg(path));
    assert!(symbols(&signer).contains("cryptoki"), "its symbols too");
    let of = symbols(&with_symbols());
    assert!(of.contains("sceau::verifier"), "symbols are there to be read");
    for word in FOREIGN_CRATES.iter().map(|name| name.replace('-', "_")).chain(FOREIGN_WORDS.map(str::to_owned)) {
        assert!(!of.contains(&word), "{word} is linked");
    }
}

#[test]
fn the_file_with_symbols_is_the_one_that_is_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let code = |path: PathBuf, name: &str| {
        let out = folder.path().join(name);
        printed(Command::new("objcopy").args(["-O", "binary", "--only-section=.text"]).arg(path).arg(&out));
        fs::read(out).unwrap()
    };
    let handed_out = code(verifier(), "handed-out");
    assert!(handed_out.len() > 100_000, "{} bytes of code", handed_out.len());
    assert!(handed_out == code(with_symbols(), "with-symbols"), "make verify made both");
}

#[test]
fn the_crates_of_the_appliance_are_not_among_its_dependencies() {
    assert!(tree(&[]).iter().any(|name| name == "cryptoki"), "the appliance has it");
    let of = tree(&["--no-default-features"]);
    assert!(of.len() > 20, "{of:?}");
    for name in FOREIGN_CRATES {
        assert!(!of.iter().any(|other| other == name), "{name}");
    }
}

#[test]
fn no_path_of_the_building_machine_is_in_the_file() {
    // Two people who build the same source with the same tools obtain the same digest.
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| std::env::var("HOME").unwrap() + "/.cargo");
    assert!(holds(&program("sceau"), &cargo), "a path is recognised");
    for path in [ROOT, &cargo, ".rustup/toolchains"] {
        assert!(!holds(&verifier(), path), "{path}");
    }
}

#[test]
fn it_runs_where_there_is_no_other_file() {
    let empty = tempfile::tempdir().unwrap();
    fs::copy(verifier(), empty.path().join("sceau-verify")).unwrap();
    fs::copy(Path::new(ROOT).join("tests/golden/dmp-air.xml"), empty.path().join("vihf.xml")).unwrap();
    // Only root changes the root folder; others are root of a user namespace of their own, where the kernel lets them.
    let as_root: &[&str] = if geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(as_root).arg("--root").arg(empty.path()).arg("/sceau-verify");
        output(command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    let allowed = output(Command::new("unshare").args(as_root).arg("true"));
    if !allowed.status.success() {
        let why = String::from_utf8_lossy(&allowed.stderr).trim().to_owned();
        return skip("static_verifier::it_runs_where_there_is_no_other_file", &why);
    }
    let help = inside(&["--help"]);
    assert_eq!(help.status.code(), Some(0), "{}", String::from_utf8_lossy(&help.stderr));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Utilisation : sceau-verify"));
    // Without authorities an assertion is never good: a verdict, which is neither a crash nor a usage error.
    let verdict = inside(&["vihf", "/vihf.xml"]);
    assert_eq!(verdict.status.code(), Some(1), "{}", String::from_utf8_lossy(&verdict.stderr));
    assert!(!verdict.stdout.is_empty());
}

/// What `[target.'<condition>'.dependencies]` names, as Rust names it.
fn crates_of(condition: &str) -> Vec<String> {
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap()).unwrap();
    let dependencies = manifest["target"][condition]["dependencies"].as_table().unwrap();
    dependencies.keys().map(|name| name.replace('-', "_")).collect()
}

/// The code of a file and of the modules below it that are there without Unix, one (path, text) each; tests left out.
fn portable(file: &Path, found: &mut Vec<(PathBuf, String)>) {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    let stem = file.file_stem().unwrap();
    let owns_folder = stem == "mod" || stem == "lib";
    let folder = if owns_folder { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let declared =
            line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let Some(name) = declared.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let above =
            lines[..at].iter().rev().take_while(|above| above.starts_with("#[")).copied().collect::<String>();
        if above.contains("cfg(unix")
            || above.contains("cfg(all(unix")
            || above.contains("cfg(test")
            || above.contains("feature = \"connect\"")
        {
            continue;
        }
        let beside = folder.join(name).with_extension("rs");
        portable(&if beside.exists() { beside } else { folder.join(name).join("mod.rs") }, found);
    }
    found.push((file.to_owned(), text));
}

#[test]
fn no_room_of_the_verifier_names_unix() {
    let elsewhere = crates_of("cfg(not(unix))");
    let mut foreign: Vec<String> = crates_of("cfg(unix)")
        .into_iter()
        .filter(|name| !elsewhere.contains(name))
        .map(|name| name + "::")
        .collect();
    assert!(foreign.contains(&"nix::".to_owned()), "{foreign:?}");
    foreign.extend(["std::os::", "libc::"].map(str::to_owned));
    let mut found = Vec::new();
    portable(&Path::new(ROOT).join("src/lib.rs"), &mut found);
    for room in ["verifier", "lint", "xmldsig", "vihf", "certificate"] {
        let folder = Path::new(ROOT).join("src").join(room);
        assert!(found.iter().any(|(path, _)| path.starts_with(&folder)), "{room} is among what is read");
    }
    let names = |text: &str, word: &str| {
        let outside = |at: usize| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        text.match_indices(word).any(|(at, _)| outside(at))
    };
    for (path, text) in &found {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for word in &foreign {
            assert!(!names(&code, word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn it_is_read_by_the_compiler_for_windows() {
    let name = "static_verifier::it_is_read_by_the_compiler_for_windows";
    let installed = Command::new("rustup").current_dir(ROOT).args(["target", "list", "--installed"]).output();
    if !installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).lines().any(|line| line == WINDOWS)) {
        return skip(name, &format!("rustup has no {WINDOWS} here: rustup target add {WINDOWS}"));
    }
    if Command::new("x86_64-w64-mingw32-gcc").arg("--version").output().is_err() {
        return skip(name, "no x86_64-w64-mingw32-gcc here: apt-get install gcc-mingw-w64-x86-64");
    }
    let of = tree(&["--no-default-features", "--target", WINDOWS]);
    for unix in ["nix", "tokio", "listenfd", "cryptoki"] {
        assert!(!of.iter().any(|other| other == unix), "{unix}");
    }
    printed(Command::new(Path::new(ROOT).join("tests/static.sh")).arg("check-windows"));
}
