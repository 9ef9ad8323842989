//! Applications that misbehave: nothing of theirs reaches the DMP but what was judged, and nobody else waits for them.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use super::rig::{RETRIEVE, Rig, RigPlan, SOAP, multipart, read};
use crate::support::configuration::table;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;

#[test]
fn the_wrong_patient_is_refused_before_an_assertion_is_made() {
    let rig = Rig::start();
    let session = rig.session();
    let refused = (400, "patient-mismatch".to_owned());
    let headers = |patient: &str| rig.sealed(&session, patient);
    let of_b = rig.query(PATIENTS[1], "");
    assert_eq!(rig.post("/registry", &headers(PATIENTS[0]), of_b.as_bytes()).fault(), refused);
    // Hidden beside the right one, in another form, as an entity, in CDATA.
    let other = format!("{}^^^&1.2.250.1.213.1.4.8&ISO^NH", PATIENTS[1]);
    let escaped = other.replace('&', "&#38;");
    for hidden in [
        format!("<Value>'{escaped}'</Value>"),
        format!("<Value><![CDATA['{other}']]></Value>"),
        format!("<x v=\"{escaped}\"/>"),
        format!("<id root=\"1.2.250.1.213.1.4.8\" extension=\"{}\"/>", PATIENTS[1]),
    ] {
        let call = rig.query(PATIENTS[0], "").replace("</ValueList>", &format!("{hidden}</ValueList>"));
        assert_eq!(rig.post("/registry", &headers(PATIENTS[0]), call.as_bytes()).fault(), refused, "{hidden}");
    }
    let nobody = rig.envelope("/registry", super::rig::QUERY, "", "<q/>");
    assert_eq!(rig.post("/registry", &headers(PATIENTS[0]), nobody.as_bytes()).fault(), refused);
    let without = headers(PATIENTS[0]).replace(&format!("Sceau-Patient: {}\r\n", PATIENTS[0]), "");
    assert_eq!(rig.post("/registry", &without, rig.query(PATIENTS[0], "").as_bytes()).fault(), refused);
    // The same number in another system of identifiers is another patient.
    let test_system = rig.query(PATIENTS[0], "").replace("1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9");
    assert_eq!(rig.post("/registry", &headers(PATIENTS[0]), test_system.as_bytes()).fault(), refused);
    assert!(rig.dmp().calls().is_empty());
    assert!(!rig.course().contains(&sceau::traces::entry::outcome::Outcome::Spent));
}

#[test]
fn a_call_is_held_to_its_transaction_and_destination() {
    let rig = Rig::start();
    let session = rig.session();
    let (headers, query) = (rig.sealed(&session, PATIENTS[0]), rig.query(PATIENTS[0], ""));
    let fault = |headers: &str, body: &str| rig.post("/registry", headers, body.as_bytes()).fault().1;
    assert_eq!(fault(&headers.replace("Transaction: 3.1", "Transaction: 3.2"), &query), "transaction-mismatch");
    assert_eq!(fault(&headers, &query.replace("RegistryStoredQuery", "Other")), "action-not-allowed");
    assert_eq!(fault(&headers, &query.replace("/registry</a:To>", "/other</a:To>")), "to-mismatch");
    assert_eq!(fault(&headers.replace("charset=utf-8", "action=\"urn:other\""), &query), "action-mismatch");
    assert_eq!(fault(&headers.replace("localhost", "ailleurs.test"), &query), "destination-unknown");
    assert_eq!(fault(&headers.replace("Sceau-Session: ", "Sceau-Session: x"), &query), "session-unknown");
    let own = query.replace("</s:Header>", "<Security xmlns=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/></s:Header>");
    assert_eq!(fault(&headers, &own), "security-misplaced");
    let used = rig.sealed(&session, PATIENTS[0]);
    assert_eq!(rig.post("/registry", &used, query.as_bytes()).status, 200);
    assert_eq!(fault(&used, &query), "replayed");
    assert_eq!(rig.dmp().calls().len(), 1);
}

/// Two lengths, two framings, headers within values: one reading or none.
#[test]
fn smuggled_requests_and_injected_headers_do_not_arrive() {
    let rig = Rig::start();
    let session = rig.session();
    let query = rig.query(PATIENTS[0], "");
    let inner = format!(
        "POST /registry HTTP/1.1\r\nHost: {}\r\n{SOAP}X-Smuggled: 1\r\nContent-Length: 0\r\n\r\n",
        rig.host()
    );
    let chunked = format!("{:x}\r\n{query}\r\n0\r\n\r\n", query.len());
    for framing in [
        format!("Content-Length: {}\r\nContent-Length: {}\r\n\r\n{query}", query.len(), query.len() + inner.len()),
        format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        format!("Transfer-Encoding : chunked\r\n\r\n{chunked}"),
        format!("Content-Length: +{}\r\n\r\n{query}", query.len()),
        format!("X-A: a\r\n folded\r\nContent-Length: {}\r\n\r\n{query}", query.len()),
        format!("X-A: a\rX-Smuggled: 1\r\nContent-Length: {}\r\n\r\n{query}", query.len()),
        format!("Accept: a\nX-Smuggled: 1\r\nContent-Length: {}\r\n\r\n{query}", query.len()),
        format!("Connection: Content-Length, Sceau-Session\r\nContent-Length: {}\r\n\r\n{query}", query.len()),
    ] {
        let head = format!("POST /registry HTTP/1.1\r\n{}{framing}{inner}", rig.sealed(&session, PATIENTS[0]));
        let mut stream = rig.connect();
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = read(&mut stream);
    }
    for call in rig.dmp().calls() {
        let headers = call["headers"].to_string().to_ascii_lowercase();
        assert!(!headers.contains("smuggled") && !headers.contains("sceau-"), "{headers}");
        assert_eq!(call["verdict"], "accepted", "{call}");
        assert!(call["envelope"].as_str().unwrap().contains(PATIENTS[0]));
    }
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
}

/// What a chunked body has beside its bytes (extensions, trailers) is between two neighbours: it is dropped, and what two
/// neighbours could read in two ways is refused.
#[test]
fn chunk_extensions_and_trailers_stay_here() {
    let rig = Rig::start();
    let session = rig.session();
    let query = rig.query(PATIENTS[0], "");
    let post = |body: &str| {
        let head = format!("POST /registry HTTP/1.1\r\n{}", rig.sealed(&session, PATIENTS[0]));
        rig.raw(format!("{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes())
    };
    let (len, half) = (query.len(), query.len() / 2);
    let (first, second) = query.split_at(half);
    let pieces = format!(
        "{half:x};x-smuggled=1\r\n{first}\r\n{:X} ; y=\"a;b\"\r\n{second}\r\n0;last\r\nX-Smuggled: 1\r\nContent-Length: 5\r\n\r\n",
        len - half
    );
    assert_eq!(post(&pieces).status, 200);
    let sent = rig.dmp().calls();
    assert_eq!(sent.len(), 1);
    let envelope = sent[0]["envelope"].as_str().unwrap();
    let (before, after) = query.split_once("</s:Header>").unwrap();
    assert!(envelope.starts_with(before) && envelope.ends_with(after), "{envelope}");
    assert!(!sent[0].to_string().to_ascii_lowercase().contains("smuggled"), "{}", sent[0]);
    let smuggled = format!("POST /registry HTTP/1.1\r\nHost: {}\r\n\r\n", rig.host());
    for wrong in [
        // A line feed in an extension: the next line is a chunk for some readers.
        format!("{len:x};a\n{query}\r\n0\r\n\r\n"),
        format!("{len:x};a=\"\n0\n\n{smuggled}\"\r\n{query}\r\n0\r\n\r\n"),
        format!("{len:x};{}\r\n{query}\r\n0\r\n\r\n", "a".repeat(100_000)),
        format!("0x{len:x}\r\n{query}\r\n0\r\n\r\n"),
        format!("-{len:x}\r\n{query}\r\n0\r\n\r\n"),
        format!("fffffffffffffffff{len:x}\r\n{query}\r\n0\r\n\r\n"),
        format!("{len:x}\r\n{query}0\r\n\r\n"),
    ] {
        let answer = post(&wrong);
        assert_ne!(answer.status, 200, "{}", &wrong[..60]);
    }
    assert_eq!(rig.dmp().calls().len(), 1);
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
}

/// Bodies that never end, grow, or say one length and have another.
#[test]
fn slow_and_swollen_calls_end_and_hold_nobody_up() {
    let rig = RigPlan {
        edit: Box::new(|config| {
            let relay = config["relay"].as_table_mut().unwrap();
            for (key, value) in
                [("envelope_ms", 400), ("silence_ms", 400), ("idle_ms", 400), ("call_len_max", 2_000_000)]
            {
                relay.insert(key.into(), value.into());
            }
        }),
        ..RigPlan::default()
    }
    .start();
    let session = rig.session();
    let start = |rest: &str| {
        let mut stream = rig.connect();
        stream
            .write_all(
                format!("POST /registry HTTP/1.1\r\n{}{rest}", rig.sealed(&session, PATIENTS[0])).as_bytes(),
            )
            .unwrap();
        stream
    };
    // A head, an envelope and an attachment that stop half-way; each is ended by us.
    let (content, whole) = multipart(&rig.envelope("/repository", RETRIEVE, "", "<x/>"), &[b'a'; 4096]);
    let mut head = start("X-Slow: ");
    let mut body = start("Content-Length: 1000\r\n\r\n<s:Enve");
    let mut attachment = rig.connect();
    let sealed =
        rig.sealed(&session, PATIENTS[0]).replace("Transaction: 3.1", "Transaction: 3.2").replace(SOAP, &content);
    let declared = format!("POST /repository HTTP/1.1\r\n{sealed}Content-Length: {}\r\n\r\n", whole.len());
    attachment.write_all(&[declared.as_bytes(), &whole[..whole.len() - 100]].concat()).unwrap();
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200, "others do not wait");
    assert_eq!(read(&mut body).fault(), (408, "envelope-late".into()));
    assert_ne!(read(&mut head).status, 200);
    assert_eq!(read(&mut attachment).fault().1, "call-truncated");
    // Bombs: a length that is too long, an envelope that is, and one that hides its length.
    let fault = |rest: &str| read(&mut start(rest)).fault();
    assert_eq!(fault("Content-Length: 999999999999\r\n\r\n"), (413, "call-too-long".into()));
    let big = format!("Content-Length: 1500000\r\n\r\n{}", " ".repeat(1_500_000));
    assert_eq!(
        rig.raw(format!("POST /registry HTTP/1.1\r\n{}{big}", rig.sealed(&session, PATIENTS[0])).as_bytes())
            .fault()
            .0,
        413
    );
    let deep = rig.query(PATIENTS[0], "").replace("<s:Body>", &format!("<s:Body>{}", "<a>".repeat(5_000)));
    assert_eq!(
        rig.post("/registry", &rig.sealed(&session, PATIENTS[0]), deep.as_bytes()).fault(),
        (400, "envelope-malformed".into())
    );
    let entities = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{}", rig.query(PATIENTS[0], ""));
    assert_eq!(
        rig.post("/registry", &rig.sealed(&session, PATIENTS[0]), entities.as_bytes()).fault(),
        (400, "envelope-malformed".into())
    );
    let cut: Vec<_> = rig.dmp().calls().into_iter().filter(|call| call["verdict"] == "truncated").collect();
    assert!(cut.len() <= 1, "a call without its end was taken for whole: {cut:?}");
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
}

/// Parts that two readers could take for the root.
#[test]
fn an_ambiguous_multipart_is_refused() {
    let rig = Rig::start();
    let session = rig.session();
    rig.dmp().behave(&json!({}));
    let (content, body) = multipart(&rig.envelope("/repository", RETRIEVE, "", "<x/>"), b"doc");
    let headers = |content: &str| {
        rig.sealed(&session, PATIENTS[0]).replace("Transaction: 3.1", "Transaction: 3.2").replace(SOAP, content)
    };
    let text = String::from_utf8(body.clone()).unwrap();
    for wrong in [
        content.replace("<root@lps>", "<doc@lps>"),
        content.replace("boundary=\"bb\"", "boundary=\"bb\"; boundary=\"cc\""),
        content.replace("application/xop+xml", "text/xml"),
    ] {
        assert_eq!(
            rig.post("/repository", &headers(&wrong), &body).fault(),
            (415, "content-type".into()),
            "{wrong}"
        );
    }
    let encoded = text.replacen("Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: base64", 1);
    assert_eq!(rig.post("/repository", &headers(&content), encoded.as_bytes()).fault().0, 415);
    assert_eq!(rig.post("/repository", &headers(&content), &body).status, 200);
    assert_eq!(rig.dmp().calls().len(), 1);
}

/// Sends its standard input to a socket and says what came back.
const STRANGER: &str = r"
import socket, sys
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
try:
    stream.sendall(sys.stdin.buffer.read())
    while data := stream.recv(65536):
        sys.stdout.buffer.write(data)
        if data.endswith(b'\0'):
            break
except OSError:
    pass
";

/// A user of no register has nothing made or sent for it, with a session of somebody else's; and the relay's own way to the
/// ledger answers nobody but the relay.
#[test]
fn a_stranger_gets_nothing_made_or_sent() {
    use std::os::unix::fs::PermissionsExt as _;
    let name = "relay::a_stranger_gets_nothing_made_or_sent";
    let Some(nobody) = crate::doorstep::OtherUser::named("nobody", name) else { return };
    let rig = Rig::start();
    let session = rig.session();
    let ask = |socket: &str, bytes: &[u8]| {
        let socket = rig.establishment.folder.join("run").join(socket);
        // The file's mode is not what is tried here.
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
        let mut python = nobody.command(std::path::Path::new("/usr/bin/python3"));
        python.args(["-I", "-c", STRANGER]).arg(&socket);
        let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        python.stdin.take().unwrap().write_all(bytes).unwrap();
        String::from_utf8_lossy(&python.wait_with_output().unwrap().stdout).into_owned()
    };
    let query = rig.query(PATIENTS[0], "");
    let head = format!(
        "POST /registry HTTP/1.1\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
        rig.sealed(&session, PATIENTS[0]),
        query.len()
    );
    let answer = ask("relay.sock", format!("{head}{query}").as_bytes());
    assert!(answer.contains(">sceau:application-unknown<"), "{answer}");
    let call = "{\"method\":\"org.varlink.service.GetInfo\"}\0";
    assert_eq!(ask("relay-ledger.sock", call.as_bytes()), "");
    assert!(ask("token.sock", call.as_bytes()).contains("Sceau"), "the same question at an open door");
    assert!(rig.dmp().calls().is_empty());
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
}

/// One application's connections are its own limit; what nobody registered gets nothing issued.
#[test]
fn connections_are_bounded() {
    let rig = RigPlan {
        edit: Box::new(|config| {
            config["relay"].as_table_mut().unwrap().insert("calls_per_application_max".into(), 2.into());
        }),
        ..RigPlan::default()
    }
    .start();
    let held: Vec<_> = (0..2).map(|_| rig.connect()).collect();
    let mut third = rig.connect();
    assert_eq!(read(&mut third).status, 503);
    drop(held);
    let session = rig.session();
    crate::support::wait::until("places are free again", || rig.ask(&session, PATIENTS[0]).status == 200);
    let _ = nonce();
}

/// The gate has many clients, who share three quarters of all places: applications of this machine find the rest.
#[test]
fn the_gate_leaves_places_to_others() {
    let rig = RigPlan {
        edit: Box::new(|config| {
            config.insert("gate".into(), table([("user", "".into())]).into());
            let limits = [("calls_max", 4.into()), ("calls_per_application_max", 1.into())];
            config["relay"].as_table_mut().unwrap().extend(table(limits));
        }),
        ..RigPlan::default()
    }
    .start();
    let mut held: Vec<_> = (0..3).map(|_| rig.connect()).collect();
    assert_eq!(read(&mut rig.connect()).status, 503);
    // The third has its place: what it asks is read.
    held[2].write_all(b"GET / HTTP/1.1\r\nHost: dmp\r\nConnection: close\r\n\r\n").unwrap();
    assert_ne!(read(&mut held[2]).status, 503);
}
