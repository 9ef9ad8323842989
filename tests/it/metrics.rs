//! Figures for a supervisor: read by a parser that is not ours, over the socket that systemd would open, about nobody.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::doorstep::{consultation, physician_login, until};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;
use crate::support::softhsm::run;

/// Every sample as a JSON list of name, labels and value, by the parser of Prometheus's own Python client.
const READER: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
families = list(read(sys.stdin.read()))
print(json.dumps([[f.name, f.type, s.name, s.labels, s.value] for f in families for s in f.samples]))
";

fn parsed(text: &str) -> Vec<(String, String, Value, f64)> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let mut command = Command::new(python.trim());
    let mut child = command.args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "no OpenMetrics:\n{text}");
    let rows: Vec<(String, String, String, Value, f64)> = serde_json::from_slice(&output.stdout).unwrap();
    rows.into_iter().map(|(_, kind, name, labels, value)| (name, kind, labels, value)).collect()
}

fn metrics(establishment: &Establishment) -> (i32, String, String) {
    let mut command = Command::new(program("sceau"));
    let output = command.arg("metrics").arg("--config").arg(establishment.config()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn figures_are_read_by_a_parser_that_is_not_ours_and_tell_of_nobody() {
    let establishment = Plan::new("metrics").key_type(KeyType::P256).build();
    let mut daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    let mut emergency = consultation(&session, PATIENTS[1]);
    emergency["purpose"] = "bris_de_glace".into();
    let _ = client.issue(emergency);
    let before = client.status()["entries"].as_f64().unwrap();
    let (code, text, said) = metrics(&establishment);
    assert_eq!((code, said.as_str()), (0, ""));
    let samples = parsed(&text);
    let value = |name: &str, label: Option<(&str, &str)>| {
        let fits = |labels: &Value| label.is_none_or(|(label, value)| labels[label] == value);
        let found = samples.iter().find(|(own, _, labels, _)| own == name && fits(labels));
        found.unwrap_or_else(|| panic!("{name} is not in\n{text}")).3
    };
    assert_eq!(value("sceau_up", None), 1.0);
    assert_eq!(value("sceau_ready", None), 1.0);
    assert_eq!(value("sceau_build_info", Some(("version", env!("CARGO_PKG_VERSION")))), 1.0);
    for (state, is_it) in [("operational", 1.0), ("halted", 0.0)] {
        assert_eq!(value("sceau_state", Some(("sceau_state", state))), is_it);
    }
    let status = client.status();
    // The ledger grows by itself, by checkpoints.
    let entries = value("sceau_ledger_entries", None);
    assert!(before >= 1.0 && (before..=status["entries"].as_f64().unwrap()).contains(&entries), "{entries}");
    let key = status["seals"][0]["key"].as_str().unwrap();
    assert_eq!(value("sceau_seal_ready", Some(("key", key))), 1.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(value("sceau_seal_certificate_expiry_timestamp_seconds", Some(("key", key))) > now);
    let counted = status["exceptional"].as_array().unwrap().iter().find(|row| row["purpose"] == "bris_de_glace");
    if let Some(counted) = counted {
        let told = value("sceau_exceptional_assertions_total", Some(("purpose", "bris_de_glace")));
        assert_eq!(told, counted["count"].as_f64().unwrap());
    }
    // Of nobody: neither who asked nor for whom, nor a session.
    for secret in [PATIENTS[0], PATIENTS[1], &Practitioner::physician().id, session.as_str()] {
        assert!(!text.contains(secret), "{text}");
    }
    daemons.sceaud.stop();
    let (code, text, said) = metrics(&establishment);
    assert_eq!((code, parsed(&text).len()), (3, 1));
    assert!(text.contains("sceau_up 0\n") && said.contains("ne répond pas"), "{text}{said}");
}

/// Killed with its test.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The socket as the unit has it: one process for each connection, which becomes its standard input and output.
#[test]
fn a_scraper_asks_over_the_socket() {
    let establishment = Plan::new("metrics-http").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let socket = establishment.folder.join("run/metrics.sock");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "systemd-socket-activate", "--accept", "--inetd", "--listen"]);
    command
        .arg(&socket)
        .arg(program("sceau"))
        .args(["metrics", "--http", "--socket"])
        .arg(establishment.token_socket());
    let _listener = Listener(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("the socket is there", || socket.exists());
    let ask = |more: &[&str], path: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--max-time", "60", "--unix-socket"]).arg(&socket).args(more);
        run(command.arg(format!("http://localhost{path}")))
    };
    let text = ask(&[], "/metrics");
    assert!(parsed(&text).iter().any(|(name, .., value)| name == "sceau_ready" && *value == 1.0), "{text}");
    let head = ask(&["--include"], "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{head}"
    );
    for (more, path, status) in
        [(&[][..], "/", "404"), (&["--request", "POST", "--data", "x"][..], "/metrics", "405")]
    {
        let head = ask(&[more, &["--include"]].concat(), path);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
}
