//! The local doors: who may, what passes, what is answered without an appliance.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::toy_gate::{GateKey, ToyGate};
use crate::clients::program::Program;
use crate::doorstep::{DoorAlone, OtherUser, consultation, physician_login};
use crate::forge::readers::assert_verified;
use crate::support::companion::Server;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::skip::skip;
use crate::support::varlink::{Client, ago};

/// An establishment's socket behind a toy gate, and a server that knows it.
fn scene(server: &Server, socket: &std::path::Path) -> ToyGate {
    let key = GateKey::make(server.folder.path().join("gate.pem"));
    let gate = ToyGate::start(None, "127.0.0.1", 0, &key, socket);
    server.enrolled(&format!("127.0.0.1:{}", gate.port), "dpi", &key.code());
    gate
}

/// `curl`: status and body.
fn curl(arguments: &[&str]) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "60", "--noproxy", "*", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

#[test]
fn the_guides_clients_run_through_the_socket_and_their_assertions_are_good() {
    let establishment = Plan::new("connect-doors").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let server = Server::new(None);
    let _gate = scene(&server, &establishment.token_socket());
    let companion = server.serving();
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let clients = [
        Some(("python", Program::python())),
        Some(("java", Program::java())),
        Program::csharp().map(|p| ("csharp", p)),
    ];
    for (name, client) in clients.into_iter().flatten() {
        let instant = ago(Duration::from_secs(60));
        let socket = companion.socket.to_str().unwrap();
        let practitioner = Practitioner::physician().id;
        let said = client.run(
            &[
                "--socket",
                socket,
                "--practitioner",
                &practitioner,
                "--method",
                "CPS",
                "--instant",
                &instant,
                "--transaction",
                "3.1",
                "--ins",
                "-",
                "--service",
                "consultation",
            ],
            PATIENTS[0],
        );
        assert_eq!(said.code, Some(0), "{name}: {said:?}");
        let file = folder.path().join(format!("{name}.xml"));
        std::fs::write(&file, said.out).unwrap();
        files.push(file);
    }
    assert!(files.len() >= 2);
    let files: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    assert_verified(&establishment.folder.join("pki"), &files);
    // Pipelined frames are answered in their order, whatever their kind; the interface is served as it is.
    let mut client = companion.client();
    let session = client.open_session(physician_login()).unwrap();
    let ask = |method: &str, parameters: Value| json!({ "method": method, "parameters": parameters }).to_string();
    client.send(ask("fr.sceau.Token.Status", json!({})).as_bytes()).unwrap();
    client.send(b"no json").unwrap();
    let mut issue = consultation(&session, PATIENTS[0]);
    issue["nonce"] = crate::support::varlink::nonce().into();
    client.send(ask("fr.sceau.Token.Issue", issue).as_bytes()).unwrap();
    assert!(client.receive_answer().unwrap().unwrap()["ready"].as_bool().unwrap());
    assert!(client.receive_answer().unwrap().unwrap_err().error.ends_with("Malformed"));
    assert!(client.receive_answer().unwrap().unwrap()["assertion"].as_str().unwrap().contains("Assertion"));
    // A frame over the limit is answered, then the connection closed.
    client.send(&vec![b' '; 70_000]).unwrap();
    assert!(client.receive_answer().unwrap().unwrap_err().error.ends_with("Malformed"));
    assert!(client.receive().is_ok_and(|frame| frame.is_none()) || client.receive().is_err());
    assert_eq!(companion.stop(), Some(0));
    assert!(!server.folder.path().join("token.sock").exists(), "nothing is left behind");
}

#[test]
fn whoever_is_not_named_is_answered_by_neither_door() {
    let door = DoorAlone::open(Plan::new("connect-doors").key_type(KeyType::P256));
    // No user without a secret on HTTP.
    let server = Server::with(None, "");
    let _gate = scene(&server, &door.establishment.token_socket());
    let companion = server.serving();
    let url = format!("{}/v1/status", server.http());
    let (status, body) = curl(&[&url]);
    assert_eq!((status, body["error"].as_str()), (401, Some("Denied")), "{body}");
    // A secret of a user, and no other; in a header, in the path.
    let secret_file = server.folder.path().join("secret");
    let user = crate::support::establishment::user_name();
    let made = server.verb(&["secret", &user, "--out", secret_file.to_str().unwrap()], "");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secret = std::fs::read_to_string(&secret_file).unwrap();
    let kept = std::fs::read_to_string(server.state().join("secrets").join(&user)).unwrap();
    assert!(!kept.contains(&secret) && !String::from_utf8_lossy(&made.stdout).contains(&secret));
    let header = format!("Sceau-Secret: {secret}");
    let in_path = format!("{}/~{secret}/v1/status", server.http());
    let wrong = format!("Sceau-Secret: {}x", &secret[..secret.len() - 1]);
    for (arguments, admitted) in [
        (vec!["-H", &header, url.as_str()], true),
        (vec![in_path.as_str()], true),
        (vec!["-H", &wrong, url.as_str()], false),
        (vec!["-H", &header, "-H", "Origin: https://evil.example", url.as_str()], false),
        (vec!["-H", &header, "-H", "Host: evil.example", url.as_str()], false),
    ] {
        let (status, body) = curl(&arguments);
        // The toy gate answers anything with 202.
        assert_eq!(status == 202, admitted, "{arguments:?}: {status} {body}");
    }
    let log = companion.log();
    assert!(!log.contains(&secret), "no secret in the log");
    // Another user at the socket: closed without an answer.
    let Some(other) =
        OtherUser::named("nobody", "connect::whoever_is_not_named_is_answered_by_neither_door (socket)")
    else {
        return;
    };
    let mut open = std::fs::metadata(server.folder.path()).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o755);
    std::fs::set_permissions(server.folder.path(), open).unwrap();
    let way = other.way_to_socket(&door.establishment, &companion.socket);
    let mut client = way.client().unwrap();
    let _ = client.send(br#"{"method":"fr.sceau.Token.Status"}"#);
    assert!(!matches!(client.receive(), Ok(Some(_))), "nothing is answered");
    crate::doorstep::until("it is told in the log", || companion.log().contains("not in socket.users"));
    drop(client);
    // He who is named needs no secret: the kernel says whose a connection is.
    drop(companion);
    let named = Server::with(None, "users = [\"nobody\"]\n");
    let _gate = scene(&named, &door.establishment.token_socket());
    let _companion = named.serving();
    let url = format!("{}/v1/status", named.http());
    let run = |mut command: Command| {
        let output = command
            .args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}", &url])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(other.command(std::path::Path::new("/usr/bin/curl"))), "202");
    match OtherUser::named("daemon", "connect::whoever_is_not_named_is_answered_by_neither_door (http)") {
        Some(third) => assert_eq!(run(third.command(std::path::Path::new("/usr/bin/curl"))), "401"),
        None => skip("connect::whoever_is_not_named_is_answered_by_neither_door (http)", "not root"),
    }
}

#[test]
fn without_an_appliance_each_door_says_so_in_its_own_words() {
    let door = DoorAlone::open(Plan::new("connect-doors").key_type(KeyType::P256));
    let server = Server::new(None);
    let gate = scene(&server, &door.establishment.token_socket());
    let companion = server.serving();
    drop(gate);
    let mut client: Client = companion.client();
    let refused = crate::support::wait::eventually("the appliance is missed", || {
        client.try_call("fr.sceau.Token.Status", json!({})).unwrap().err()
    });
    assert_eq!(refused.brief(), ("Unavailable", "appliance-unreachable"));
    let (status, body) = curl(&["-X", "POST", "-d", "{}", &format!("{}/v1/sessions", server.http())]);
    assert_eq!((status, body["parameters"]["reason"].as_str()), (503, Some("appliance-unreachable")), "{body}");
    let (status, body) = curl(&["-X", "POST", "-d", "<x/>", &format!("{}/relay/dmp.example/x", server.http())]);
    assert_eq!(status, 503);
    assert!(body.as_str().unwrap().contains("sceau:appliance-unreachable"), "{body}");
    // The same through a client's proxy setting, which knows nothing of paths.
    let proxy = server.http();
    let (status, body) =
        curl(&["--noproxy", "", "-x", &proxy, "-X", "POST", "-d", "<x/>", "http://dmp.example/x"]);
    assert_eq!(status, 503);
    assert!(body.as_str().unwrap().contains("sceau:appliance-unreachable"), "{body}");
    let (status, _) = curl(&["--noproxy", "", "--proxytunnel", "-x", &proxy, "http://dmp.example/x"]);
    assert_eq!(status, 0, "no tunnel through the companion");
}

#[test]
fn who_only_connects_takes_no_place_of_others() {
    let Some(other) = OtherUser::named("nobody", "connect::who_only_connects_takes_no_place_of_others") else {
        return;
    };
    let door = DoorAlone::open(Plan::new("connect-places").key_type(KeyType::P256));
    let server = Server::new(None);
    let text = std::fs::read_to_string(server.config()).unwrap();
    server.configure(&format!("{text}[limits]\nconnections_max = 12\n"));
    let _gate = scene(&server, &door.establishment.token_socket());
    let _companion = server.serving();
    let script = "import socket,sys\nheld=[socket.create_connection(('127.0.0.1',int(sys.argv[1]))) for _ in range(12)]\n\
                  print('held',flush=True)\nsys.stdin.read()";
    let mut holding = other.command(std::path::Path::new("/usr/bin/python3"));
    holding.args(["-c", script, &server.port.to_string()]);
    let mut holding =
        holding.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holding.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "held\n");
    // Some of these twelve are told that they are too many; what is left is anybody else's.
    crate::doorstep::until("another user is served", || curl(&[&format!("{}/v1/status", server.http())]).0 == 202);
    let mut client = server.folder.path().join("token.sock");
    client = client.canonicalize().unwrap();
    assert!(Client::connect(&client).unwrap().call("fr.sceau.Token.Status", json!({})).is_ok());
    drop(holding.stdin.take());
    holding.wait().unwrap();
}
