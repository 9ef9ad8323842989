//! What people are told stays true: README's commands run, the examples of the guides load.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use sceau::config::{Config, GateFile, GateLimits, Limits, Mode, Presented, Relay};
use sceau::policy::declaration::Declaration;
use sceau::policy::guard::Budgets;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// Shell blocks of a Markdown text.
fn shell_blocks(markdown: &str) -> Vec<&str> {
    markdown.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn readme_commands_run() {
    let readme = text("README.md");
    let blocks = shell_blocks(&readme);
    assert!(blocks.len() >= 2, "README has its two shell blocks");
    for block in blocks {
        // `set -m`: `%1` is the job that the block put in the background, in a process group of its own.
        let output = Command::new("bash")
            .args(["-e", "-m", "-o", "pipefail", "-c", block])
            .current_dir(ROOT)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}");
        if block.starts_with("make run") {
            assert!(said.contains("\nxmlsec1: OK\n"), "{said}");
        }
    }
}

#[test]
fn readme_names_existing_targets_and_files() {
    let (readme, makefile) = (text("README.md"), text("Makefile"));
    for word in readme.split('`') {
        if let Some(target) = word.strip_prefix("make ") {
            assert!(
                makefile.lines().any(|line| line.split(':').next().unwrap().split(' ').any(|t| t == target)),
                "{word}"
            );
        }
    }
    for link in readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(Path::new(ROOT).join(link).exists(), "{link}");
    }
}

/// The rows of the first table behind `heading`: the names between backticks in the first cell, then the other cells.
fn rows<'t>(markdown: &'t str, heading: &str) -> Vec<(Vec<&'t str>, Vec<&'t str>)> {
    let (_, rest) = markdown.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let table = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = table.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim));
    cells
        .map(|mut cells| (cells.next().unwrap().split('`').skip(1).step_by(2).collect(), cells.collect()))
        .collect()
}

/// The words that a `match` of the source gives, as `=> "word"`.
fn words(source: &str, function: &str) -> BTreeSet<String> {
    let source = text(source);
    let (_, body) = source.split_once(function).unwrap_or_else(|| panic!("no {function}"));
    let body = body.split("\n    }\n").next().unwrap();
    body.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn the_integrators_guide_says_what_to_do_with_every_answer() {
    let guide = text("docs/integrateur.md");
    let reasons = |heading: &str| -> BTreeSet<String> {
        let rows = rows(&guide, heading);
        assert!(rows.iter().all(|(_, cells)| cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty())));
        rows.iter().flat_map(|(names, _)| names.iter().map(ToString::to_string)).collect()
    };
    let denied = words("src/policy/denial.rs", "pub fn code(self)");
    assert!(denied.len() >= 28, "{denied:?}");
    assert_eq!(reasons("### Raisons de `Denied`"), denied);
    let unavailable = words("src/daemon/answer.rs", "pub fn code(self)");
    assert!(unavailable.len() >= 7, "{unavailable:?}");
    assert_eq!(reasons("### Raisons d'`Unavailable`"), unavailable);
    // Every error of the interface, with what it holds.
    let told = rows(&guide, "## 6. Que faire de chaque erreur");
    let told: BTreeSet<&str> = told.iter().flat_map(|(names, _)| names.iter().copied()).collect();
    let interface = text("src/varlink/fr.sceau.Token.varlink");
    let errors: Vec<&str> = interface.lines().filter_map(|line| line.strip_prefix("error ")).collect();
    assert_eq!(errors.len(), 6, "{errors:?}");
    for error in errors {
        let (name, members) = error.split_once(" (").unwrap();
        let members: Vec<&str> =
            members.trim_end_matches(')').split(", ").map(|member| member.split(':').next().unwrap()).collect();
        let form = format!("{name}({})", members.join(", "));
        assert!(told.contains(form.as_str()), "{form} is not among {told:?}");
    }
}

#[test]
fn the_example_configuration_loads_and_shows_the_defaults() {
    let config = Config::load(&Path::new(ROOT).join("docs/sceau.toml")).unwrap();
    assert_eq!((config.mode, config.limits), (Mode::Production, Limits::default()));
    let presented = Presented::read(&Path::new(ROOT).join("docs/convention.toml"), false).unwrap();
    assert_eq!(config.convention_file().unwrap(), Path::new(ROOT).join("docs/convention.toml"));
    let convention = presented.convention;
    assert_eq!(convention.guard, Budgets::default());
    assert_eq!(convention.declarations.limits, Declaration::default());
    let relay = config.relay.clone().unwrap();
    let files = Relay { anchors: relay.anchors.clone(), crls: relay.crls.clone(), ..Relay::default() };
    assert_eq!(relay, files, "the example shows the defaults");
    assert_eq!((convention.structures.len(), config.seals.len(), convention.services.len()), (1, 1, 2));
}

#[test]
fn the_example_of_the_gate_loads_and_shows_the_defaults() {
    let gate = GateFile::load(&Path::new(ROOT).join("docs/gate.toml")).unwrap();
    assert_eq!(gate.limits, GateLimits::default());
    assert!(gate.sources.iter().any(|source| source.has("192.0.2.10".parse().unwrap())) && gate.relay.is_some());
    let bare = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bare.path(), "sources = [\"192.0.2.10\"]").unwrap();
    let bare = GateFile::load(bare.path()).unwrap();
    assert_eq!(
        (gate.listen, gate.key, gate.certificate, gate.token),
        (bare.listen, bare.key, bare.certificate, bare.token)
    );
    for wrong in [
        "",
        "sources = []",
        "sources = [\"x\"]",
        "sources = [\"192.0.2.1\"]\nport = 1",
        "sources = [\"192.0.2.1\"]\nlisten = \"8443\"",
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), wrong).unwrap();
        assert!(GateFile::load(file.path()).is_err(), "{wrong}");
    }
}

#[test]
fn the_example_registers_are_taken() {
    use sceau::policy::application::Applications;
    use sceau::policy::practitioner::Practitioners;
    let presented = Presented::read(&Path::new(ROOT).join("docs/convention.toml"), false).unwrap();
    let service = |name: &str| presented.convention.service(name).is_some();
    let applications = toml::from_str(&text("docs/applications.toml")).unwrap();
    let (applications, breaches) =
        Applications::check(applications, |_| Some(7), service, |name| name == "dmp-air");
    assert_eq!(breaches, []);
    assert_eq!(applications.get(7).unwrap().may_declare, Some(false));
    let practitioners = toml::from_str(&text("docs/practitioners.toml")).unwrap();
    let (_, breaches) = Practitioners::check(practitioners, &["SM".to_owned()], |_| true, service);
    assert_eq!(breaches, []);
}
