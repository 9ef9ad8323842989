//! A real identity provider that we did not write (oidc-provider, a certified OpenID Connect server): its ID token opens.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{CLIENT, SUBJECT, registered, rfc3339, rule};
use crate::doorstep::{brief, physician_login, says, with};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The provider, listening on loopback until it is dropped.
struct Server {
    child: Child,
    issuer: String,
    jwks: Value,
}

impl Server {
    /// Starts it with clients, each with the algorithm of its ID tokens.
    fn start(clients: &Value) -> Server {
        let folder = PathBuf::from(run(Command::new("sh").arg(source("tests/providers/node.sh"))).trim());
        let mut command = Command::new(folder.join("node"));
        command.arg(source("tests/providers/provider.mjs")).arg(&folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_ref().unwrap(), "{}", json!({ "clients": clients })).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        Server { child, issuer: said["issuer"].as_str().unwrap().to_owned(), jwks: said["jwks"].clone() }
    }

    /// An authorization code flow of that client; the ID token and the access token.
    fn login(&self, client: &str, form: &Value) -> (String, String) {
        let mut command = Command::new("python3");
        command.arg("-I").arg(source("tests/providers/login.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut browser = command.spawn().unwrap();
        let asked = json!({ "issuer": self.issuer, "client_id": client, "form": form });
        browser.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = browser.wait_with_output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).expect("the token endpoint's answer");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("id_token"), text("access_token"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a token says, for the application that passes it on.
fn claims_of(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn its_id_token_opens_a_session_and_an_assertion_follows() {
    let server = Server::start(&json!([
        { "client_id": CLIENT, "alg": "PS256" },
        { "client_id": "pharmacie", "alg": "ES256" },
        { "client_id": "ancien", "alg": "RS256" },
    ]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, server.jwks.to_string()).unwrap();
    let plan = Plan::new("provider").key_type(KeyType::P256).may_declare(false);
    let plan = registered(plan, &server.issuer, &file.display().to_string(), &["PS256", "ES256"]);
    let establishment = plan.build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let ask = |token: &str| {
        let login = claims_of(token)["auth_time"].as_u64().unwrap();
        let asked = with(physician_login(), "authentication.proof", token.into());
        let asked = with(asked, "authentication.method", "OTP_SMS".into());
        with(asked, "authentication.instant", rfc3339(login).into())
    };
    let anne = json!({ "account": SUBJECT, "pwd": "…", "otp": "123456" });

    let (token, access) = server.login(CLIENT, &anne);
    let session = client.open_session(ask(&token)).unwrap();
    let issued = client.consult(&session, PATIENTS[0]).unwrap();
    assert!(issued.assertion.contains("OTP_SMS"));
    assert_eq!(brief(client.open_session(ask(&token))), says("Replayed", ""));
    let with_access_token = with(ask(&token), "authentication.proof", access.into());
    assert_eq!(rule(client.open_session(with_access_token)), "not-compact");

    // Somebody else; one factor alone; another application's token; an algorithm that is not registered.
    let (other, _) = server.login(CLIENT, &with(anne.clone(), "account", "paul".into()));
    assert_eq!(rule(client.open_session(ask(&other))), "subject");
    let (weak, _) = server.login(CLIENT, &with(anne.clone(), "otp", Value::Null));
    assert_eq!(rule(client.open_session(ask(&weak))), "method");
    let (pharmacy, _) = server.login("pharmacie", &anne);
    assert_eq!(rule(client.open_session(ask(&pharmacy))), "audience");
    let (old, _) = server.login("ancien", &anne);
    assert_eq!(rule(client.open_session(ask(&old))), "algorithm");
    // And once more, as it should be.
    let (again, _) = server.login(CLIENT, &anne);
    client.open_session(ask(&again)).unwrap();
}
