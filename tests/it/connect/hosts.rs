//! Network namespaces as hosts: two appliances, three application servers; cables are pulled, gates killed and frozen, links slowed.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sceau::traces::entry::event::Event;

use super::appliance::Appliance;
use super::network::Network;
use crate::doorstep::{consultation, physician_login};
use crate::support::companion::{Companion, Server};
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::skip::skip;
use crate::support::wait::{StopOnDrop, until};

const NAME: &str = "connect::cables_are_pulled_and_no_answer_is_lost_or_doubled";
const SERVERS: usize = 3;

/// What one server's application has seen.
#[derive(Default)]
struct Book {
    /// When, and the assertion's id.
    answers: Vec<(Instant, String)>,
    /// Questions that may have been obeyed without an answer.
    lost: usize,
    /// Sessions opened, and refusals `session-unknown`.
    sessions: usize,
    unknown: usize,
    /// Anything else that was told.
    other: Vec<String>,
}

/// Asks until it is over, as the guide says.
fn work(companion: &Companion, book: &Mutex<Book>, over: &AtomicBool) {
    let mut client = companion.client();
    let mut session = String::new();
    while !over.load(Ordering::Acquire) {
        if session.is_empty() {
            match client.open_session(physician_login()) {
                Ok(opened) => {
                    session = opened;
                    book.lock().unwrap().sessions += 1;
                }
                // Nobody answers for a moment.
                Err(refused) if refused.brief() == ("Unavailable", "appliance-unreachable") => {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                Err(refused) => book.lock().unwrap().other.push(format!("{refused:?}")),
            }
            continue;
        }
        match client.issue(consultation(&session, PATIENTS[0])) {
            Ok(issued) => book.lock().unwrap().answers.push((Instant::now(), issued.id)),
            Err(refused) => match refused.brief() {
                ("Unavailable", "appliance-unreachable") => {
                    if refused.parameters["message"].as_str().unwrap().contains("a pu être exécutée") {
                        book.lock().unwrap().lost += 1;
                    }
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                ("Denied", "session-unknown") => {
                    book.lock().unwrap().unknown += 1;
                    session.clear();
                }
                _ => book.lock().unwrap().other.push(format!("{refused:?}")),
            },
        }
    }
}

/// What a companion said last of the health of the two appliances, by their address.
fn health(of: &Companion) -> [String; 2] {
    let log = of.log();
    [1, 2].map(|number| {
        let about = format!("appliance=\"10.77.0.{number}:8443\" health=\"");
        let last = log.rsplit_once(&about).map_or("", |(_, last)| last);
        last.split('"').next().unwrap().to_owned()
    })
}

/// Strikes, and waits until every server has answers again; the longest pause of a server's, in milliseconds.
fn strike(what: &str, books: &[Mutex<Book>], blow: impl FnOnce()) -> u128 {
    let at = Instant::now();
    blow();
    let come = |book: &Mutex<Book>| {
        let book = book.lock().unwrap();
        // The second after the blow: the first may have been on its way.
        book.answers.iter().filter(|(when, _)| *when > at).nth(20).is_some()
    };
    until(what, || books.iter().all(come));
    let pause = |book: &Mutex<Book>| {
        let book = book.lock().unwrap();
        let times: Vec<Instant> = book.answers.iter().map(|(when, _)| *when).collect();
        let pairs = times.windows(2).filter(|pair| pair[1] > at);
        pairs.map(|pair| pair[1].duration_since(pair[0]).as_millis()).max().unwrap_or(0)
    };
    let longest = books.iter().map(pause).max().unwrap_or(0);
    println!("{what}: longest pause {longest} ms");
    longest
}

#[test]
fn cables_are_pulled_and_no_answer_is_lost_or_doubled() {
    let network = match Network::make(2 + SERVERS) {
        Ok(network) => network,
        Err(why) => return skip(NAME, &why),
    };
    let start = |number: usize| {
        let address = format!("10.77.0.{number}:8443");
        Appliance::start(Plan::new("connect-hosts"), Some(network.host(number)), &address, "10.77.0.0/24")
    };
    let (first, mut second) = (start(1), start(2));
    let servers: Vec<Server> = (0..SERVERS).map(|number| Server::new(Some(network.host(3 + number)))).collect();
    for server in &servers {
        first.introduce(server);
        second.introduce(server);
    }
    let companions: Vec<Companion> = servers.iter().map(Server::serving).collect();
    let books: Vec<Mutex<Book>> = companions.iter().map(|_| Mutex::default()).collect();
    let over = AtomicBool::new(false);
    // What each said last of both: one that was slow to look may never have missed a gate that is back already.
    let seen_by_all = || until("both are seen by all", || companions.iter().all(|of| health(of) == ["Ready"; 2]));
    std::thread::scope(|scope| {
        for (companion, book) in companions.iter().zip(&books) {
            let over = &over;
            scope.spawn(move || work(companion, book, over));
        }
        // Whatever fails above ends the others too.
        let end = StopOnDrop(&over);
        seen_by_all();
        strike("nothing happens", &books, || {});
        let failovers = || companions.iter().map(|c| c.log().matches("fail-over").count()).sum::<usize>();
        strike("the first appliance's cable is pulled", &books, || network.cable(1, false));
        assert!(failovers() >= SERVERS, "each server has gone over");
        network.cable(1, true);
        seen_by_all();
        strike("the second's gate is killed", &books, || second.close());
        assert!(failovers() >= 2 * SERVERS);
        second.open();
        seen_by_all();
        strike("the first's gate is frozen", &books, || first.signal(Signal::SIGSTOP));
        assert!(failovers() >= 3 * SERVERS);
        first.signal(Signal::SIGCONT);
        seen_by_all();
        strike("one server's own cable is pulled for a moment", &books, || {
            network.cable(3, false);
            until("it notices", || health(&companions[0]).iter().all(|health| health.starts_with("Away")));
            network.cable(3, true);
        });
        match network.slow(2) {
            Ok(how) => drop(strike(&format!("the second's link is {how}"), &books, || {})),
            Err(why) => skip(&format!("{NAME} (a slow link)"), &why),
        }
        drop(end);
    });
    // What was answered is what was made: each answer is one entry of one ledger, and every entry without an answer was told so.
    let mut answered = BTreeSet::new();
    let (mut lost, mut unknown) = (0, 0);
    for book in &books {
        let book = book.lock().unwrap();
        assert_eq!(book.other, Vec::<String>::new());
        assert!(book.sessions >= 4 && book.unknown + 1 >= book.sessions - 1, "{} {}", book.sessions, book.unknown);
        (lost, unknown) = (lost + book.lost, unknown + book.unknown);
        assert!(book.answers.iter().all(|(_, id)| answered.insert(id.clone())), "an assertion was answered twice");
    }
    let issued = |of: &Appliance| {
        let entries = entries(&of.scene.establishment);
        let ids = entries.iter().filter_map(|entry| match &entry.event {
            Event::Issued(issued) => Some(issued.assertion_id.to_string()),
            _ => None,
        });
        ids.collect::<Vec<_>>()
    };
    let made = [issued(&first), issued(&second)].concat();
    let distinct: BTreeSet<_> = made.iter().cloned().collect();
    assert_eq!(distinct.len(), made.len());
    assert!(answered.is_subset(&distinct), "an answer without an entry");
    assert!(made.len() - answered.len() <= lost, "{} made, {} answered, {lost} lost", made.len(), answered.len());
    println!(
        "{} assertions made, {} answered, {lost} told lost, {unknown} sessions unknown",
        made.len(),
        answered.len()
    );
}
