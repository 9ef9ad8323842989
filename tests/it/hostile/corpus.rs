//! The committed hostile frames, each answered as the contract says.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::{Hospital, closed, source};
use crate::support::varlink::Client;

/// Fewer than these means that somebody lost the corpus.
const FRAMES_MIN: usize = 250;

/// A row of `expectations.tsv`.
struct Expected {
    error: String,
    detail: String,
    lives: bool,
}

fn expectations() -> BTreeMap<String, Expected> {
    let table = fs::read_to_string(source("tests/corpus/expectations.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let [frame, error, detail, connection] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not four columns: {line}");
        };
        assert!(matches!(connection, "lives" | "closes"), "{line}");
        let lives = connection == "lives";
        (frame.to_owned(), Expected { error: error.into(), detail: detail.into(), lives })
    });
    rows.collect()
}

impl Expected {
    /// Whether the answer is this one.
    fn check(&self, frame: &str, client: &mut Client) {
        let answer = client.receive_answer().unwrap_or_else(|e| panic!("{frame}: no answer ({e})"));
        let Err(refused) = answer else {
            return assert_eq!(self.error, "-", "{frame} was accepted");
        };
        assert_eq!(refused.error, self.error, "{frame}: {}", refused.parameters);
        let detail = json!(refused.brief().1).to_string();
        let detail = detail.trim_matches('"');
        match self.detail.strip_suffix('…') {
            Some(beginning) => assert!(detail.starts_with(beginning), "{frame}: {detail}"),
            None => assert_eq!(detail, self.detail, "{frame}"),
        }
        let for_people = refused.error.starts_with("fr.sceau.Token.");
        assert!(!for_people || refused.parameters["message"].as_str().is_some_and(|m| m.len() > 10), "{frame}");
    }
}

#[test]
fn the_corpus_is_replayed() {
    let expectations = expectations();
    let mut files: Vec<_> =
        fs::read_dir(source("tests/corpus/frames")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let names: Vec<&str> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, expectations.keys().map(String::as_str).collect::<Vec<_>>(), "files and rows");
    assert!(names.len() >= FRAMES_MIN);

    let hospital = Hospital::open("corpus", &[]);
    let mut bystander = hospital.bystander();
    let mut client = hospital.connect();
    for (path, (name, expected)) in files.iter().zip(&expectations) {
        let frame = fs::read(path).unwrap();
        assert!(!frame.contains(&0), "{name} would be two frames");
        // A frame over the limit may be cut off while it is still being sent; its answer comes all the same.
        let sent = client.send(&frame);
        assert!(sent.is_ok() || !expected.lives, "{name}: {sent:?}");
        expected.check(name, &mut client);
        if expected.lives {
            // The next answer is the next question's: the frame got exactly one.
            assert_eq!(client.status()["state"], "operational", "{name}");
        } else {
            closed(&mut client);
            client = hospital.connect();
        }
    }
    bystander.is_served();

    // All at once on one connection: as many answers, in order.
    let lives = || files.iter().zip(&expectations).filter(|(_, (_, expected))| expected.lives);
    let mut sender = hospital.connect();
    let stream = sender.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (path, _) in lives() {
                std::io::Write::write_all(&mut &stream, &[fs::read(path).unwrap(), vec![0]].concat()).unwrap();
            }
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        });
        for (_, (name, expected)) in lives() {
            expected.check(name, &mut sender);
        }
        closed(&mut sender);
    });
    bystander.is_served();
    assert_eq!(hospital.daemons.sceaud.starts(), 1);
    let log = hospital.daemons.sceaud.log();
    assert!(!log.contains("panicked"), "{log}");
}
