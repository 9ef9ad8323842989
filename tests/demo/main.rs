//! The demonstration: one establishment under `target/demo/`, its daemons, one VIHF.
//!
//! `demo run` obtains a VIHF, has xmlsec1 verify it and stops; `demo serve` stays up until SIGTERM;
//! `demo soak` holds a load for as long as one likes, `demo bench` measures, `demo bench relay` the relay beside nginx, `demo bench
//! attest` what the TPM costs, `demo bench gate` what the gate does, `demo bench capacity` each kind of key; `demo ledger` measures
//! a large ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
#[allow(dead_code, reason = "the tests' rig, of which the bench needs a part")]
#[path = "../it/relay/dmp.rs"]
mod dmp;
mod ledger;
mod machine;
#[allow(dead_code, reason = "the tests' rig, of which the bench needs a part")]
#[path = "../it/relay/rig.rs"]
mod rig;
mod run;
mod serve;
mod soak;
mod stage;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests' client, of which the bench needs a part")]
#[path = "../it/gate/wire.rs"]
mod wire;

use std::process::ExitCode;

const USAGE: &str = "usage : demo run | serve | bench [relay | attest | gate | capacity | path CONNEXIONS] | soak SECONDES | ledger ENTRÉES [APPELANTS]
  run    installe une démonstration sous target/demo/, obtient un VIHF, le vérifie et s'arrête
  serve  la même, en service jusqu'à SIGTERM ou Ctrl-C
  bench  la même, mesurée ; rapport dans target/bench/ ; bench relay : le relais face à nginx, target/bench-relay.json ;
         bench attest : ce que coûtent preuves du TPM et PIN scellé, target/bench-attest.json ; bench gate : ce que coûte
         le portail, target/bench-gate.json ; bench capacity : la fiche de capacité, docs/capacite.md ;
         bench path : le chemin entier à tant de connexions, seul, pour un profileur
  soak   la même, sous charge tenue et coups aux signataires ; rapport dans target/soak.json
  ledger un grand journal sous target/ledger/, sans signature : écriture, démarrage, mémoire, lecture";

/// Exit codes as of the product's command lines.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["run"] => run::run(),
        ["serve"] => serve::serve(),
        ["bench"] => bench::bench(),
        ["bench", "relay"] => bench::relay::bench(),
        ["bench", "attest"] => bench::attest::bench(),
        ["bench", "gate"] => bench::gate::bench(),
        ["bench", "path", connections] => bench::path_alone(connections),
        ["bench", "capacity"] => bench::capacity::bench(),
        // The bench's own child: the module in a process of its own.
        ["bench-raw", config, key, milliseconds, sessions] => bench::child(config, key, milliseconds, sessions),
        ["soak", seconds] => soak::soak(seconds),
        ["ledger", entries] => ledger::ledger(entries, None),
        ["ledger", entries, callers] => ledger::ledger(entries, Some(callers)),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::usage(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the demonstration did not do what it was asked.
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn negative(message: impl Into<String>) -> Failure {
        Failure { code: 1, message: message.into() }
    }

    fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, message: message.into() }
    }

    fn busy(message: impl Into<String>) -> Failure {
        Failure { code: 3, message: message.into() }
    }
}
