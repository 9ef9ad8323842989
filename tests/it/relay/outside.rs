//! SOAP stacks that we did not write, over the socket: ITI-18, ITI-43 in MTOM, and a fault that they understand.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use super::bridge::Bridge;
use super::dmp::source;
use super::rig::Rig;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;
use crate::support::varlink::nonce;

const DOCUMENT_LEN: usize = 300_000;

#[test]
fn zeep_consults_a_record_through_the_socket() {
    let rig = Rig::start();
    let session = rig.session();
    // ITI-18 ignores it; ITI-43 answers so.
    rig.dmp().behave(&json!({ "document": DOCUMENT_LEN, "only": "/repository" }));
    let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/venv.sh");
    let python = run(Command::new("sh").arg(venv));
    let mut zeep = Command::new(python.trim());
    zeep.arg(source("lps.py")).arg(rig.establishment.folder.join("run/relay.sock")).arg(rig.host());
    zeep.args([PATIENTS[0], PATIENTS[1]]);
    let mut zeep = zeep.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let secrets = [session, nonce(), nonce(), nonce()].join("\n");
    zeep.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = zeep.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success");
    assert_eq!(lines[1], format!("{DOCUMENT_LEN} True"));
    assert!(
        lines[2].starts_with("patient-mismatch | le corps de l'appel ne nomme pas le patient"),
        "{}",
        lines[2]
    );
    let calls = rig.dmp().calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
}

/// The guide's own curl command, with the test's socket and address.
#[test]
fn the_guides_curl_command_makes_a_call() {
    let rig = Rig::start();
    let session = rig.session();
    let guide =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/integrateur.md"));
    let guide = guide.unwrap();
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let command = blocks.into_iter().find(|block| block.contains("--unix-socket")).unwrap();
    let socket = rig.establishment.folder.join("run/relay.sock").display().to_string();
    let command = command
        .replace("/run/sceau-relay/relay.sock", &socket)
        .replace("lps.dmp.exemple.fr/si-dmp-server/v2/services", &rig.host());
    std::fs::write(rig.establishment.folder.join("appel.xml"), rig.query(PATIENTS[0], "")).unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", &command]).current_dir(&rig.establishment.folder);
    shell.env("SESSION", session).env("NONCE", nonce()).env("INS", PATIENTS[0]);
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("ResponseStatusType:Success"), "{said}");
    assert_eq!(rig.dmp().calls().len(), 1);
}

/// Where Debian puts the jars of libjaxws-java and of what it depends on; its own manifests do not name all of them.
const JARS: &str = "/usr/share/java";
const STACK: [&str; 22] = [
    "jaxws-rt",
    "jaxws-api",
    "jaxb-api",
    "jaxb-runtime",
    "jaxb-core",
    "javax.activation",
    "saaj-impl",
    "javax.xml.soap-api",
    "jws-api",
    "stax-ex",
    "streambuffer",
    "mimepull",
    "metro-policy",
    "istack-commons-runtime",
    "txw2",
    "gmbal",
    "FastInfoset",
    "stax2-api",
    "woodstox-core",
    "xml-resolver",
    "geronimo-annotation-1.3-spec",
    "glassfish-management-api",
];

/// A client of the JDK's own stack that was told of an HTTP proxy on that port, and knows the DMP by its name.
pub(super) fn jdk(proxy_port: u16, host: &str) -> Command {
    let path: Vec<String> = STACK.iter().map(|jar| format!("{JARS}/{jar}.jar")).collect();
    let mut java = Command::new("java");
    java.args(["-Dhttp.proxyHost=127.0.0.1", &format!("-Dhttp.proxyPort={proxy_port}"), "-Dhttp.nonProxyHosts="]);
    // JAXB of before modules reaches into the class loader.
    java.args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp", &path.join(":")]);
    java.arg(source("Lps.java")).arg(source("registry.wsdl")).arg(host).args([PATIENTS[0], PATIENTS[1]]);
    java
}

/// The JDK's own stack (JAX-WS and its reference implementation) writes MTOM with a document of its own, and reads one.
#[test]
fn a_jdk_client_consults_a_record_in_mtom_both_ways() {
    let rig = Rig::start();
    let session = rig.session();
    rig.dmp().behave(&json!({ "document": DOCUMENT_LEN, "only": "/repository" }));
    let bridge = Bridge::to(&rig.establishment.folder.join("run/relay.sock"));
    let mut java = jdk(bridge.port, &rig.host());
    let mut java = java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let secrets = [session, nonce(), nonce(), nonce()].join("\n");
    java.stdin.take().unwrap().write_all(secrets.as_bytes()).unwrap();
    let output = java.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..2],
        ["urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success", &format!("{DOCUMENT_LEN} 0")]
    );
    assert!(lines[2].starts_with("{urn:fr.sceau:relay}patient-mismatch | "), "{}", lines[2]);
    let sent = bridge.sent.lock().unwrap();
    let mtom =
        memchr::memmem::find(&sent, b"cid:").is_some() && memchr::memmem::find(&sent, &[b'J'; 4096]).is_some();
    assert!(mtom, "its document was an attachment");
    let calls = rig.dmp().calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
    assert!(calls[1]["length"].as_u64().unwrap() > 200_000);
}
