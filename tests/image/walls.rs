//! What an intruder in a connector could do on the running appliance, by his own report (`probes/probe`): canaries, denials, listeners,
//! and the calls that he was attached for.

use super::later::later;

/// The lines of one part of the report.
fn part(name: &str) -> Vec<&'static str> {
    let mut lines = later().probed.lines().skip_while(|line| *line != format!("== {name}"));
    assert!(lines.next().is_some(), "no {name} in {}", later().probed);
    lines.take_while(|line| !line.starts_with("== ")).collect()
}

#[test]
fn an_intruder_in_a_connector_is_refused_all_but_its_own() {
    let canaries = part("canaries");
    assert!(!canaries.is_empty() && canaries.iter().all(|line| line.ends_with(": done")), "{canaries:#?}");
    let denials = part("denials");
    let done: Vec<_> = denials.iter().filter(|line| !line.ends_with(": refused")).collect();
    assert!(denials.len() > 25 && done.is_empty(), "{done:#?} of {denials:#?}");
}

#[test]
fn nothing_listens_on_the_running_appliance() {
    // The canary: it is the machine's own network that it sees.
    let seen = part("network");
    assert!(seen.len() == 2 && seen.iter().all(|line| line.ends_with(": done")), "{seen:#?}");
    assert_eq!(part("listeners"), [""; 0]);
}

#[test]
fn a_connector_is_answered_as_the_application_that_it_is() {
    let calls = part("calls");
    // Nobody entered the probe's user in the register of applications: it is told the state, and nothing else.
    assert!(calls.iter().any(|line| line.starts_with("Status ") && line.contains("\"state\":\"")), "{calls:#?}");
    let refused = |line: &&str| line.starts_with("OpenSession ") && line.contains("application-unknown");
    assert!(calls.iter().any(refused), "{calls:#?}");
}
