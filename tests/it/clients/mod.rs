//! The integrator's clients of the guide, each against the real `sceaud`: a good assertion, every kind of answer, a lost one.

mod between;
pub(crate) mod program;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::doorstep::{consultation, freeze, physician_login, until};
use crate::forge::readers::assert_verified;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::{HOSTILE_NAMES, PATIENTS, Practitioner};
use crate::support::varlink::{Client, ago};
use between::{Exchange, Meddle, between};
use program::{Program, Said};
use sceau::traces::entry::event::Event;

/// Issues under way at most in these establishments.
const IN_FLIGHT: i64 = 1;
/// Tries of a client whose answer does not come, or is Unavailable.
const TRIES: usize = 3;
/// Tries of a client that is told Busy.
const BUSY_TRIES: usize = 5;

/// A client with an establishment that runs.
struct Scene<'c> {
    client: &'c Program,
    // Dropped in this order: the programs before their folder.
    daemons: Daemons,
    establishment: Establishment,
}

impl<'c> Scene<'c> {
    fn open(client: &'c Program) -> Self {
        let plan = Plan::new("clients").key_type(KeyType::P256).edit_config(|config| {
            let limits = [("requests_in_flight_max", IN_FLIGHT), ("signature_ms", 30_000)];
            let limits = limits.map(|(name, value)| (name.to_owned(), value.into()));
            config.insert("limits".into(), toml::Table::from_iter(limits).into());
            config["ledger"].as_table_mut().unwrap().insert("counter".into(), "file:counter".into());
        });
        let named = HOSTILE_NAMES.iter().enumerate().map(|(number, name)| Practitioner::named(number, name));
        let establishment = named.fold(plan, Plan::practitioner).build();
        Self { client, daemons: Daemons::start(&establishment), establishment }
    }

    /// Asks for a consultation of that practitioner; `more` comes last.
    fn ask(&self, socket: &str, practitioner: &str, more: &[&str]) -> Said {
        let instant = ago(Duration::from_secs(60));
        let mut arguments = vec!["--socket", socket, "--practitioner", practitioner, "--method", "CPS"];
        arguments.extend(["--instant", &instant, "--transaction", "3.1", "--ins", "-"]);
        if !more.contains(&"--service") {
            arguments.extend(["--service", "consultation"]);
        }
        arguments.extend(more);
        self.client.run(&arguments, PATIENTS[0])
    }

    /// The general physician's consultation, with every exchange on the way.
    fn meddled(&self, meddle: &Meddle<'_>) -> (Said, Vec<Exchange>) {
        let physician = Practitioner::physician().id;
        between(&self.establishment, meddle, |socket| self.ask(socket, &physician, &[]))
    }

    fn plain(&self, practitioner: &str, more: &[&str]) -> Said {
        self.ask(self.establishment.token_socket().to_str().unwrap(), practitioner, more)
    }
}

fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!((said.code, said.out.len()), (Some(code), 0), "{said:?}");
    assert!(words.iter().all(|word| said.err.contains(word)), "{words:?}: {said:?}");
    // Whoever it was asked for is in no message.
    assert!(!said.err.contains(PATIENTS[0]) && !said.err.contains(&Practitioner::physician().id), "{said:?}");
}

fn issues(exchanges: &[Exchange]) -> Vec<&Exchange> {
    exchanges.iter().filter(|exchange| exchange.method() == "Issue").collect()
}

fn nonces(exchanges: &[Exchange]) -> Vec<&str> {
    let nonces = issues(exchanges).into_iter().map(|exchange| &exchange.question["parameters"]["nonce"]);
    nonces.map(|nonce| nonce.as_str().unwrap()).collect()
}

/// How many of them differ.
fn distinct(nonces: &[&str]) -> usize {
    nonces.iter().collect::<BTreeSet<_>>().len()
}

fn is_issue(question: &Value) -> bool {
    question["method"] == "fr.sceau.Token.Issue"
}

fn passes(_: &mut Value, _: Option<&Value>) -> bool {
    true
}

/// Everything that a client promises, in one establishment.
fn promise(client: &Program) {
    let scene = Scene::open(client);
    obtains(&scene);
    tells_refusals(&scene);
    asks_again_after_a_lost_answer(&scene);
    opens_a_session_that_is_gone_again(&scene);
    repeats_the_same_question_when_busy(&scene);
    tries_again_while_unavailable(&scene);
    tells_that_it_halted(scene);
}

/// The bytes that `sceaud` answered, whatever name is in them; xmlsec1 verifies each.
fn obtains(scene: &Scene<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let who = scene.establishment.practitioners.iter();
    let files: Vec<_> = who
        .enumerate()
        .map(|(number, who)| {
            let (said, exchanges) = between(&scene.establishment, &passes, |socket| {
                scene.ask(socket, &who.id, &["--purpose", "normal"])
            });
            assert_eq!(said.code, Some(0), "{said:?}");
            let methods: Vec<_> = exchanges.iter().map(Exchange::method).collect();
            assert_eq!(methods, ["OpenSession", "Issue", "CloseSession"]);
            let answer = &exchanges[1].answer["parameters"];
            assert_eq!(String::from_utf8(said.out.clone()).unwrap(), answer["assertion"].as_str().unwrap());
            assert!(said.err.contains(answer["id"].as_str().unwrap()), "{said:?}");
            let file = folder.path().join(format!("{number}.xml"));
            std::fs::write(&file, said.out).unwrap();
            file
        })
        .collect();
    let files: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    assert_eq!(files.len(), 6 + HOSTILE_NAMES.len());
    assert_verified(&scene.establishment.folder.join("pki"), &files);
}

fn tells_refusals(scene: &Scene<'_>) {
    let physician = Practitioner::physician().id;
    let denied = scene.plain(&physician, &["--service", "radiologie"]);
    refused(&denied, 1, &["Denied", "service-not-allowed", "ce service"]);
    refused(&scene.plain(&physician, &["--profile", "dmp-indirecte"]), 1, &["Denied", "transaction-not-allowed"]);
    refused(&scene.plain("12", &[]), 2, &["Malformed", "practitioner"]);
    let (said, _) = scene.meddled(&|question, _| {
        if is_issue(question) {
            question["parameters"]["purpose"] = json!(12);
        }
        true
    });
    refused(&said, 2, &["InvalidParameter", "purpose"]);
    // Somebody else has used the nonce: no other is tried, as that would hide it.
    let (said, exchanges) = scene.meddled(&|question, answer| {
        if is_issue(question) && answer.is_none() {
            scene.establishment.client().issue(question["parameters"].clone()).unwrap();
        }
        true
    });
    refused(&said, 1, &["Replayed"]);
    assert_eq!(nonces(&exchanges).len(), 1);
    // What the client itself refuses.
    let words = ["--practitioner", &physician, "--transaction", "3.1", "--method", "CPS"];
    refused(&scene.client.run(&words, ""), 2, &["--instant"]);
    let nowhere = scene.establishment.folder.join("nowhere.sock");
    refused(&scene.ask(nowhere.to_str().unwrap(), &physician, &[]), 3, &["nowhere.sock"]);
    // A proof is sent as it is in its file, and asked for once.
    let file = scene.establishment.folder.join("proof");
    std::fs::write(&file, "a.b.c\n").unwrap();
    let (said, exchanges) = between(&scene.establishment, &passes, |socket| {
        scene.ask(socket, &physician, &["--proof-file", file.to_str().unwrap()])
    });
    refused(&said, 1, &["Denied", "proof-invalid"]);
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0].question["parameters"]["authentication"]["proof"], "a.b.c");
}

/// The assertion whose answer was lost counts as issued; the next question has another nonce.
fn asks_again_after_a_lost_answer(scene: &Scene<'_>) {
    let issued = || entries(&scene.establishment).iter().filter(|e| matches!(e.event, Event::Issued(_))).count();
    let (before, lost) = (issued(), AtomicUsize::new(0));
    let (said, exchanges) = scene.meddled(&|question, answer| {
        let loses = answer.is_some() && is_issue(question);
        !loses || lost.fetch_add(1, Ordering::Relaxed) > 0
    });
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("nouvelle demande"), "{said:?}");
    let asked = nonces(&exchanges);
    assert_eq!((asked.len(), distinct(&asked), issued() - before), (2, 2, 2));
    let last = issues(&exchanges)[1].answer["parameters"]["assertion"].as_str().unwrap();
    assert_eq!(said.out, last.as_bytes(), "the one that arrived");
    // The answer of an opening can be lost too, and nobody asks for ever.
    let (said, exchanges) = scene.meddled(&|_, answer| answer.is_none());
    refused(&said, 3, &["token.sock"]);
    let methods: Vec<_> = exchanges.iter().map(Exchange::method).collect();
    assert_eq!(methods, ["OpenSession"; TRIES]);
}

fn opens_a_session_that_is_gone_again(scene: &Scene<'_>) {
    let closed = AtomicUsize::new(0);
    let (said, exchanges) = scene.meddled(&|question, answer| {
        if is_issue(question) && answer.is_none() && closed.fetch_add(1, Ordering::Relaxed) == 0 {
            let session = json!({ "session": question["parameters"]["session"] });
            scene.establishment.client().call("fr.sceau.Token.CloseSession", session).unwrap();
        }
        true
    });
    assert_eq!(said.code, Some(0), "{said:?}");
    let methods: Vec<_> = exchanges.iter().map(Exchange::method).collect();
    assert_eq!(methods, ["OpenSession", "Issue", "OpenSession", "Issue", "CloseSession"]);
    // Once is an accident, twice is not.
    let (said, exchanges) = scene.meddled(&|question, answer| {
        if is_issue(question) && answer.is_none() {
            let session = json!({ "session": question["parameters"]["session"] });
            scene.establishment.client().call("fr.sceau.Token.CloseSession", session).unwrap();
        }
        true
    });
    refused(&said, 1, &["Denied", "session-unknown"]);
    assert_eq!(issues(&exchanges).len(), 2);
}

/// Nothing was done: the same question, nonce included, until its turn comes.
fn repeats_the_same_question_when_busy(scene: &Scene<'_>) {
    let signer = &scene.daemons.signers[0];
    let mut other = scene.establishment.client();
    let session = other.open_session(physician_login()).unwrap();
    let issued = || entries(&scene.establishment).iter().filter(|e| matches!(e.event, Event::Issued(_))).count();
    let occupied = |asked: &dyn Fn() -> (Said, Vec<Exchange>)| {
        freeze(signer);
        let before = issued();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let mut client = Client::connect(&scene.establishment.token_socket()).unwrap();
                client.issue(consultation(&session, PATIENTS[1]))
            });
            until("the only place is taken", || issued() > before);
            let asked = asked();
            signer.signal(Signal::SIGCONT);
            first.join().unwrap().unwrap();
            asked
        })
    };
    let (said, exchanges) = occupied(&|| {
        scene.meddled(&|_, answer| {
            if answer.is_some_and(|answer| answer["error"] == "fr.sceau.Token.Busy") {
                signer.signal(Signal::SIGCONT);
            }
            true
        })
    });
    assert_eq!(said.code, Some(0), "{said:?}");
    let asked = nonces(&exchanges);
    assert!(asked.len() >= 2 && distinct(&asked) == 1, "{asked:?}");
    let (said, exchanges) = occupied(&|| scene.meddled(&passes));
    refused(&said, 3, &["Busy"]);
    let asked = nonces(&exchanges);
    assert_eq!((asked.len(), distinct(&asked)), (BUSY_TRIES, 1));
}

/// Every other answer has spent the nonce.
fn tries_again_while_unavailable(scene: &Scene<'_>) {
    let signer = &scene.daemons.signers[0];
    let away = || {
        signer.kill_and_hold();
        until("it is missed", || scene.establishment.client().status()["ready"] == false);
    };
    away();
    let (said, exchanges) = scene.meddled(&passes);
    refused(&said, 3, &["Unavailable", "token-unreachable"]);
    let asked = nonces(&exchanges);
    assert_eq!((asked.len(), distinct(&asked)), (TRIES, TRIES));
    let back = AtomicUsize::new(0);
    let (said, exchanges) = scene.meddled(&|_, answer| {
        if answer.is_some_and(|answer| answer["error"] == "fr.sceau.Token.Unavailable")
            && back.fetch_add(1, Ordering::Relaxed) == 0
        {
            signer.release();
            until("it is back", || scene.establishment.client().status()["ready"] == true);
        }
        true
    });
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(distinct(&nonces(&exchanges)), 2);
}

fn tells_that_it_halted(scene: Scene<'_>) {
    let Scene { client, daemons, establishment } = scene;
    for life in 2..5 {
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
    }
    drop(daemons);
    std::fs::remove_file(establishment.folder.join("counter")).unwrap();
    let scene = Scene { client, daemons: Daemons::start(&establishment), establishment };
    until("it is halted", || scene.establishment.client().status()["state"] == "halted");
    let (said, exchanges) = scene.meddled(&passes);
    refused(&said, 4, &["Halted"]);
    assert_eq!(exchanges.len(), 1, "nobody insists");
}

#[test]
fn the_python_client_obtains_and_handles_every_answer() {
    promise(&Program::python());
}

#[test]
fn the_java_client_obtains_and_handles_every_answer() {
    promise(&Program::java());
}

#[test]
fn the_csharp_client_obtains_and_handles_every_answer() {
    if let Some(client) = Program::csharp() {
        promise(&client);
    }
}
