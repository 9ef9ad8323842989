//! A small blocking client of the sockets: JSON objects ended by NUL (varlink.org).

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::collection::Collection;
use super::establishment::Establishment;

/// An answer must come by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Interface of the applications' socket.
const TOKEN: &str = "fr.sceau.Token";

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Qualified name, as `fr.sceau.Token.Denied`.
    pub error: String,
    /// Its parameters.
    pub parameters: Value,
}

impl Refused {
    /// Name without the interface, and `reason` or `field` where there is one: `("Denied", "login-too-old")`.
    pub fn brief(&self) -> (&str, &str) {
        let name = self.error.rsplit('.').next().unwrap();
        let detail = ["reason", "field", "parameter"].iter().find_map(|key| self.parameters[key].as_str());
        (name, detail.unwrap_or(""))
    }
}

/// What `Issue` answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Issued {
    /// The XML text.
    pub assertion: String,
    /// Its `@ID`.
    pub id: String,
    /// IssueInstant.
    pub issued_at: String,
    /// NotOnOrAfter.
    pub expires_at: String,
    /// Number in the ledger.
    pub entry: u64,
    /// The ledger's proof.
    pub receipt: Option<String>,
}

/// One connection.
pub struct Client {
    stream: UnixStream,
    pending: Vec<u8>,
    collection: Option<Collection>,
    default_profile: String,
    /// Profile and method of each session opened here, for the collection.
    sessions: HashMap<String, (String, Value)>,
}

impl Client {
    /// Connects to any socket; nothing is collected.
    pub fn connect(socket: &Path) -> io::Result<Client> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        let (pending, default_profile) = (Vec::new(), String::new());
        Ok(Client { stream, pending, collection: None, default_profile, sessions: HashMap::new() })
    }

    /// Connects to the establishment's applications' socket; every assertion issued is kept for the outside verifiers.
    pub fn of(establishment: &Establishment) -> Client {
        Client::through(establishment, &establishment.token_socket())
    }

    /// The same through a socket that something in between listens at.
    pub fn through(establishment: &Establishment, socket: &Path) -> Client {
        let mut client = Client::connect(socket).unwrap_or_else(|e| panic!("{}: {e}", socket.display()));
        client.collection = Some(Collection::of(establishment));
        client.default_profile.clone_from(&establishment.profile);
        client
    }

    /// The stream itself, for tests that misbehave.
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends one frame: these bytes and the NUL.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(&[frame, b"\0"].concat())
    }

    /// The next frame without its NUL; None when the peer has closed.
    pub fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == 0) {
                let rest = self.pending.split_off(end + 1);
                let mut frame = std::mem::replace(&mut self.pending, rest);
                frame.pop();
                return Ok(Some(frame));
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes)? {
                0 => return Ok(None),
                len => self.pending.extend_from_slice(&bytes[..len]),
            }
        }
    }

    /// The next frame as an answer.
    pub fn receive_answer(&mut self) -> io::Result<Result<Value, Refused>> {
        let frame = self.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut answer: Value = serde_json::from_slice(&frame)?;
        let parameters = answer.get_mut("parameters").map_or(json!({}), Value::take);
        Ok(match answer["error"].as_str() {
            Some(error) => Err(Refused { error: error.into(), parameters }),
            None => Ok(parameters),
        })
    }

    /// Calls a method of any interface; Err of the outside is the connection's.
    pub fn try_call(&mut self, method: &str, parameters: Value) -> io::Result<Result<Value, Refused>> {
        self.send(json!({ "method": method, "parameters": parameters }).to_string().as_bytes())?;
        self.receive_answer()
    }

    /// Calls a method by its qualified name; a broken connection panics.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Refused> {
        self.try_call(method, parameters).unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    /// `Status`.
    pub fn status(&mut self) -> Value {
        self.call(&format!("{TOKEN}.Status"), json!({})).unwrap()
    }

    /// `OpenSession` with these parameters; the session.
    pub fn open_session(&mut self, parameters: Value) -> Result<String, Refused> {
        let profile = parameters["profile"].as_str().unwrap_or(&self.default_profile).to_owned();
        let method = parameters["authentication"]["method"].clone();
        let answer = self.call(&format!("{TOKEN}.OpenSession"), parameters)?;
        let session = answer["session"].as_str().unwrap().to_owned();
        self.sessions.insert(session.clone(), (profile, method));
        Ok(session)
    }

    /// `Issue` with these parameters; a nonce is added where there is none.
    pub fn issue(&mut self, mut parameters: Value) -> Result<Issued, Refused> {
        let fields = parameters.as_object_mut().unwrap();
        fields.entry("nonce").or_insert_with(|| nonce().into());
        let session = fields["session"].as_str().unwrap_or("").to_owned();
        let answer = self.call(&format!("{TOKEN}.Issue"), parameters)?;
        let issued: Issued = serde_json::from_value(answer).unwrap();
        if let (Some(collection), Some((profile, method))) = (&self.collection, self.sessions.get(&session)) {
            collection.keep(&issued.assertion, &issued.id, profile, method);
        }
        Ok(issued)
    }

    /// `Issue` of a consultation (TD3.1, normal) of that patient.
    pub fn consult(&mut self, session: &str, ins: &str) -> Result<Issued, Refused> {
        let patient = json!({ "ins": ins });
        self.issue(json!({ "session": session, "transaction": "3.1", "purpose": "normal", "patient": patient }))
    }

    /// Sessions opened elsewhere, so that what they issue here is collected with the right words.
    pub fn knows_session(&mut self, session: &str, profile: &str, method: &str) {
        self.sessions.insert(session.into(), (profile.into(), method.into()));
    }
}

/// Parameters of `OpenSession` for a login by `method` that took place one minute ago; the contactless method gets its
/// initial reading, ten minutes ago. With several structures, add `structure`.
pub fn login(practitioner: &str, method: &str, service: &str) -> Value {
    let mut authentication = json!({ "method": method, "instant": ago(Duration::from_secs(60)) });
    if method == "CPS:CPSSANSCONTACT" {
        authentication["initial_instant"] = ago(Duration::from_secs(600)).into();
    }
    json!({ "practitioner": practitioner, "authentication": authentication, "service": service })
}

/// RFC 3339 UTC, that long before now.
pub fn ago(before: Duration) -> String {
    OffsetDateTime::from(SystemTime::now() - before).format(&Rfc3339).unwrap()
}

/// A nonce that this machine has not used.
pub fn nonce() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    format!("n-{}-{now}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
