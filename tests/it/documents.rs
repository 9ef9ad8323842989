//! What people are told stays true: README's commands run, the examples of the guides load.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sceau::config::{Config, Limits, Mode, Presented, Relay};
use sceau::policy::declaration::Declaration;
use sceau::policy::guard::Budgets;

use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::ago;

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

#[test]
fn the_integrators_client_obtains_an_assertion() {
    let establishment = Plan::new("client").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = Command::new("python3")
        .arg(Path::new(ROOT).join("docs/clients/vihf.py"))
        .arg("--socket")
        .arg(establishment.token_socket())
        .args([
            "--practitioner",
            &establishment.practitioners[0].id,
            "--method",
            "CPS",
            "--service",
            "consultation",
        ])
        .args(["--instant", &ago(Duration::from_secs(60)), "--transaction", "3.1", "--ins", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(PATIENTS[0].as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    let assertion = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && assertion.trim_end().ends_with("</saml:Assertion>"), "{assertion}");
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
