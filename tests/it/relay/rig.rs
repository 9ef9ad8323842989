//! An establishment with a relay: authentication key in a token of its own, a DMP, and calls over the socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use sceau::traces::entry::event::Event;
use sceau::traces::entry::outcome::Outcome;
use time::Duration;
use toml::Table;

use super::dmp::{Dmp, ServerPki, Wanted, free_port};
use crate::support::certificate::SealCertificate;
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, write};
use crate::support::key_bank;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::Practitioner;
use crate::support::softhsm::MODULE;
use crate::support::tpm_token::TpmTokens;
use crate::support::varlink::{login, nonce};
use crate::support::wait::eventually;

/// `wsa:Action` of ITI-18 and ITI-43 (vihf.md §8).
pub(super) const QUERY: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
pub(super) const RETRIEVE: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";

/// Everything that runs. Programs are dropped before their folder.
pub(super) struct Rig {
    pub(super) relay: Daemon,
    pub(super) signer: Daemon,
    pub(super) daemons: Daemons,
    pub(super) dmp: Option<Dmp>,
    pub(super) pki: ServerPki,
    pub(super) port: u16,
    /// The public half of the authentication key.
    pub(super) spki: Vec<u8>,
    /// Where the authentication key is, if it is in a TPM.
    _tokens: Option<TpmTokens>,
    pub(super) establishment: Establishment,
}

/// What the rig shall be.
pub(super) struct RigPlan {
    pub(super) key: KeyType,
    /// A TPM to make the authentication key in; a soft token without one.
    pub(super) tokens: Option<TpmTokens>,
    pub(super) protocol: &'static str,
    pub(super) server: Wanted,
    pub(super) revoked: Vec<u64>,
    pub(super) list_age: Duration,
    pub(super) nginx: &'static str,
    pub(super) staple: Option<bool>,
    pub(super) port: Option<u16>,
    pub(super) edit: Box<dyn FnOnce(&mut Table)>,
}

impl Default for RigPlan {
    fn default() -> Self {
        Self {
            key: KeyType::P256,
            tokens: None,
            protocol: "TLSv1.3",
            server: Wanted::good(),
            revoked: Vec::new(),
            list_age: Duration::hours(1),
            nginx: "",
            staple: None,
            port: None,
            edit: Box::new(|_| {}),
        }
    }
}

impl RigPlan {
    pub(super) fn start(self) -> Rig {
        let establishment = Plan::new("relay").key_type(KeyType::P256).build();
        let folder = &establishment.folder;
        std::fs::create_dir(folder.join("dmp")).unwrap();
        std::fs::create_dir(folder.join("run/authentication")).unwrap();
        let (spki, place, environment) = match &self.tokens {
            Some(tokens) => {
                tokens.generate("auth", "authentication", self.key);
                let environment = tokens.environment().to_vec();
                (tokens.spki("auth", "authentication"), tokens.place("auth"), environment)
            }
            None => {
                let token = key_bank::withdraw(&establishment.store, "auth", self.key);
                write(&folder.join("secrets/auth.pin"), &token.pin, 0o600);
                let pin = ("pin_file", "secrets/auth.pin".into());
                let place = [("uri", token.uri().into()), ("module", MODULE.into()), pin];
                (token.spki_der, place, Vec::new())
            }
        };
        let structure = establishment.structures[0].clone();
        let certificate = establishment.pki.issue(&SealCertificate::of(&structure).authentication(), &spki);
        write(&folder.join("pki/auth.pem"), &certificate, 0o644);
        let pki = ServerPki::new();
        pki.issue(&folder.join("dmp"), "server", &self.server);
        write(&folder.join("dmp/root.pem"), &pki.root_pem(), 0o644);
        write(&folder.join("dmp/list.pem"), &pki.list(&self.revoked, self.list_age), 0o644);
        if let Some(revoked) = self.staple {
            super::dmp::staple(&pki, &folder.join("dmp"), self.server.serial, revoked);
        }
        let nginx = self.nginx.replace("{at}", &folder.join("dmp").display().to_string());
        let (with_dmp, port) = (self.port.is_none(), self.port.unwrap_or_else(free_port));
        let dmp = with_dmp.then(|| Dmp::start(&establishment, port, self.protocol, &nginx));
        establishment.edit_file("sceau.toml", |config| {
            let mut authentication = table([
                ("structure", structure.as_str().into()),
                ("key", "auth".into()),
                ("certificate", "pki/auth.pem".into()),
            ]);
            authentication.extend(table(place));
            config.insert("authentication".into(), vec![authentication].into());
            let relay = table([
                ("anchors", vec!["dmp/root.pem"].into()),
                ("crls", vec!["dmp/list.pem"].into()),
                ("reload_ms", 50.into()),
                ("breaker_failures", 100_000.into()),
            ]);
            config.insert("relay".into(), relay.into());
            let call = |path: &str, action: &str, transaction: &str, patient: &str| {
                table([
                    ("host", "localhost".into()),
                    ("port", i64::from(port).into()),
                    ("path", path.into()),
                    ("action", action.into()),
                    ("transactions", vec![transaction].into()),
                    ("patient", patient.into()),
                ])
            };
            let calls =
                vec![call("/registry", QUERY, "3.1", "body"), call("/repository", RETRIEVE, "3.2", "assertion")];
            config.insert("dmp".into(), calls.into());
            let sockets = config["sockets"].as_table_mut().unwrap();
            sockets.insert("authentication_signers".into(), "run/authentication".into());
            sockets.insert("relay".into(), "run/relay.sock".into());
            sockets.insert("relay_ledger".into(), "run/relay-ledger.sock".into());
            sockets.insert("relay_user".into(), "".into());
            (self.edit)(config);
        });
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signer = Daemon::signer(&establishment, "auth-1", &environment);
        let daemons = Daemons::start(&establishment);
        signer.wait_ready(1);
        let relay = Daemon::start(&establishment, "sceau-relayd", "sceau-relayd", &[], &[("SCEAU_LOG", "debug")]);
        relay.wait_ready(1);
        Rig { relay, signer, daemons, dmp, pki, port, spki, _tokens: self.tokens, establishment }
    }
}

/// An answer over the socket.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// The body came to its proper end.
    pub(super) whole: bool,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and subcode of a fault of the relay's.
    pub(super) fn fault(&self) -> (u16, String) {
        let text = self.text();
        let code = text.split_once(">sceau:").map_or("", |(_, rest)| rest.split('<').next().unwrap());
        assert!(code.is_empty() || text.contains("xml:lang=\"fr\""), "{text}");
        (self.status, code.to_owned())
    }
}

impl Rig {
    pub(super) fn start() -> Rig {
        RigPlan::default().start()
    }

    pub(super) fn dmp(&self) -> &Dmp {
        self.dmp.as_ref().unwrap()
    }

    pub(super) fn session(&self) -> String {
        self.establishment
            .client()
            .open_session(login(&Practitioner::physician().id, "CPS", "consultation"))
            .unwrap()
    }

    pub(super) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.establishment.folder.join("run/relay.sock")).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        stream
    }

    pub(super) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Headers of a sealed ITI-18 call with a nonce of its own.
    pub(super) fn sealed(&self, session: &str, patient: &str) -> String {
        format!(
            "Host: {}\r\nSceau-Session: {session}\r\nSceau-Nonce: {}\r\nSceau-Transaction: 3.1\r\nSceau-Purpose: normal\r\n\
             Sceau-Patient: {patient}\r\n{SOAP}",
            self.host(),
            nonce()
        )
    }

    /// An ITI-18 envelope about that patient; `security` goes into its header.
    pub(super) fn query(&self, patient: &str, security: &str) -> String {
        let slot = format!(
            "<AdhocQueryRequest xmlns=\"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0\"><AdhocQuery id=\"urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d\">\
             <Slot name=\"$XDSDocumentEntryPatientId\"><ValueList><Value>'{patient}^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'</Value>\
             </ValueList></Slot></AdhocQuery></AdhocQueryRequest>"
        );
        self.envelope("/registry", QUERY, security, &slot)
    }

    pub(super) fn envelope(&self, path: &str, action: &str, security: &str, body: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\" \
             xmlns=\"urn:default\">\n<s:Header><a:Action s:mustUnderstand=\"1\">{action}</a:Action>\
             <a:MessageID>urn:uuid:{}</a:MessageID><a:To>https://{}{path}</a:To>{security}</s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>",
            nonce(),
            self.host()
        )
    }

    /// One call on a connection of its own.
    pub(super) fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// These bytes on a connection of their own, and what comes back until it ends.
    pub(super) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A refusal may come before everything was taken.
        let _ = stream.write_all(bytes);
        read(&mut stream)
    }

    /// A sealed ITI-18 call about that patient.
    pub(super) fn ask(&self, session: &str, patient: &str) -> Answer {
        self.post("/registry", &self.sealed(session, patient), self.query(patient, "").as_bytes())
    }

    /// The same on a connection that is there already.
    pub(super) fn ask_on(&self, mut stream: UnixStream, session: &str, patient: &str) -> Answer {
        let (headers, query) = (self.sealed(session, patient), self.query(patient, ""));
        let len = query.len();
        let head =
            format!("POST /registry HTTP/1.1\r\n{headers}Content-Length: {len}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(format!("{head}{query}").as_bytes());
        read(&mut stream)
    }

    /// What became of the assertion of that entry, in order.
    pub(super) fn course(&self) -> Vec<Outcome> {
        let of = |entry: &sceau::traces::entry::Entry| match &entry.event {
            Event::Outcome(outcome) => Some(outcome.outcome),
            _ => None,
        };
        entries(&self.establishment).iter().filter_map(of).collect()
    }

    /// Waits until the last outcomes are these.
    pub(super) fn wait_course(&self, expected: &[Outcome]) {
        eventually(&format!("{expected:?}"), || self.course().ends_with(expected).then_some(()));
    }
}

/// `Content-Type` of a bare envelope.
pub(super) const SOAP: &str = "Content-Type: application/soap+xml; charset=utf-8\r\n";

/// Reads one answer until its connection ends.
pub(super) fn read(stream: &mut UnixStream) -> Answer {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 65536];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
            Err(cause) if cause.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(cause) => panic!("{cause}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(500)])),
        }
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let rest = bytes.get(end + 4..).unwrap_or_default();
    let lower = head.to_ascii_lowercase();
    if lower.contains("transfer-encoding: chunked") {
        let (body, whole) = unchunked(rest);
        return Answer { status, head, body, whole };
    }
    let len = lower
        .split_once("content-length: ")
        .map(|(_, rest)| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
    let whole = len.is_some_and(|len| rest.len() >= len);
    let body = rest[..len.unwrap_or(rest.len()).min(rest.len())].to_vec();
    Answer { status, head, body, whole }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return (body, false) };
        let Ok(len) = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap().trim(), 16) else {
            return (body, false);
        };
        if len == 0 {
            return (body, true);
        }
        let Some(data) = rest.get(end + 2..end + 2 + len) else { return (body, false) };
        body.extend_from_slice(data);
        rest = rest.get(end + 4 + len..).unwrap_or_default();
    }
}

/// A multipart/related body with that root and one attachment.
pub(super) fn multipart(envelope: &str, attachment: &[u8]) -> (String, Vec<u8>) {
    let content = "Content-Type: multipart/related; type=\"application/xop+xml\"; boundary=\"bb\"; start=\"<root@lps>\"; \
                   start-info=\"application/soap+xml\"\r\n";
    let head = "--bb\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n\
                Content-Transfer-Encoding: binary\r\nContent-ID: <root@lps>\r\n\r\n";
    let next = "\r\n--bb\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\
                Content-ID: <doc@lps>\r\n\r\n";
    let body = [head.as_bytes(), envelope.as_bytes(), next.as_bytes(), attachment, b"\r\n--bb--\r\n"].concat();
    (content.to_owned(), body)
}

/// Bytes of memory that a process has now.
pub(super) fn resident(daemon: &Daemon) -> u64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(daemon.pid().to_string()).join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
