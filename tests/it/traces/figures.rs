//! Usage of DMPs, and comparison with what the national side saw.

use std::fs;

use sceau::traces::entry::event::Event;
use serde_json::Value;

use nix::sys::signal::Signal;

use super::rig::Rig;
use crate::doorstep::{consultation, physician_login, with};
use crate::support::daemons::Daemons;
use crate::support::ledger::entries;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::ago;
use crate::support::wait::freeze;

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// A DMP counts once a service, by consultations that were handed over: not by tests of existence, refusals, or what never left.
#[test]
fn usage_counts_each_dmp_once_a_service() {
    let rig = Rig::new();
    {
        let daemons = Daemons::start(&rig.establishment);
        let mut client = rig.establishment.client();
        let session = client.open_session(physician_login()).unwrap();
        // Another patient: whether there is a DMP, and what is administrative of it.
        for transaction in ["0.2", "1.3a", "1.6"] {
            client.issue(with(consultation(&session, PATIENTS[3]), "transaction", transaction.into())).unwrap();
        }
        // A consultation that was recorded and never left.
        freeze(&daemons.signers[0]);
        client.consult(&session, PATIENTS[3]).unwrap_err();
        daemons.signers[0].signal(Signal::SIGCONT);
    }
    let (code, said) = rig.sceau(&["usage", "--rolling", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let usage = json(&said);
    assert_eq!(
        (usage["services"][0]["dmps"].as_u64(), usage["services"][0]["assertions"].as_u64()),
        (Some(3), Some(4))
    );
    assert_eq!((usage["target"].as_u64(), usage["services"].as_array().unwrap().len()), (Some(100), 1));
    // Nothing of today is in the completed months.
    let (code, said) = rig.sceau(&["usage", "--json"]);
    assert_eq!((code, json(&said)["services"].as_array().unwrap().len()), (Some(0), 0), "{said}");
    let (code, said) = rig.sceau(&["usage", "--rolling"]);
    assert!(code == Some(0) && said.contains("il en manque 97"), "{said}");
}

#[test]
fn an_extract_of_ours_agrees_and_strangers_are_named() {
    let rig = Rig::new();
    let extract = |rows: &[String]| {
        let text = format!("\u{feff}Instant;ID_assertion;PS_IdNat;autre\r\n{}", rows.concat());
        fs::write(rig.path("extrait.csv"), text).unwrap();
        let (code, said) = rig.sceau(&["reconcile", "--json", rig.path("extrait.csv").to_str().unwrap()]);
        (code, json(&said))
    };
    let row = |id: &str, who: &str| format!("{};{id};{who};x\r\n", ago(std::time::Duration::ZERO));
    let ours: Vec<_> = rig.received.iter().map(|got| row(&got.id, &rig.practitioner)).collect();
    let (code, all) = extract(&ours);
    assert_eq!((code, &all["rows"], &all["matched"]), (Some(0), &4.into(), &4.into()), "{all}");
    assert_eq!(all["strange"], Value::Array(vec![]));
    let other = [ours[0].clone(), ours[0].clone(), row("_autre", ""), row(&rig.received[1].id, "899900077985")];
    let (code, said) = extract(&other);
    assert_eq!((code, &said["matched"]), (Some(1), &1.into()), "{said}");
    let why: Vec<_> = said["strange"].as_array().unwrap().iter().map(|one| one["why"].as_str().unwrap()).collect();
    assert_eq!(why, ["repeated", "not-ours", "other-practitioner"]);
    let (code, said) = rig.sceau(&["reconcile", rig.path("extrait.csv").to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("ne vient pas d'ici"), "{said}");
    // A forged document under an identifier of ours is named wherever it is listed, and the right one is not.
    let assertion = entries(&rig.establishment).into_iter().find_map(|entry| match entry.event {
        Event::Issued(issued) if issued.assertion_id.as_str() == rig.received[0].id => {
            Some(issued.assertion.to_string())
        }
        _ => None,
    });
    let row = |digest: &str| format!("{};{};{digest}\n", ago(std::time::Duration::ZERO), rig.received[0].id);
    let (right, forged) = (row(&assertion.unwrap()), row(&"ab".repeat(32)));
    for (rows, expected) in
        [([&right, &forged], vec!["other-digest"]), ([&forged, &right], vec!["other-digest", "repeated"])]
    {
        let text = format!("instant;id_assertion;empreinte_assertion\n{}{}", rows[0], rows[1]);
        fs::write(rig.path("extrait.csv"), text).unwrap();
        let said = json(&rig.sceau(&["reconcile", "--json", rig.path("extrait.csv").to_str().unwrap()]).1);
        let why: Vec<_> =
            said["strange"].as_array().unwrap().iter().map(|one| one["why"].as_str().unwrap()).collect();
        assert_eq!(why, expected, "{said}");
    }
    fs::write(rig.path("extrait.csv"), "quand;quoi\n").unwrap();
    let (code, said) = rig.sceau(&["reconcile", rig.path("extrait.csv").to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("colonnes"), "{said}");
}
