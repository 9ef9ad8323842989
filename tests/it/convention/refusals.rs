//! A convention that is not right is not taken, whatever is wrong with it; the one before it stays, and says why.

use serde_json::json;
use toml::Table;

use super::{day, door, hash, opens, plan, presented, reason, told, troubles};
use crate::doorstep::DoorAlone;
use crate::support::convention::{CONVENTION, ssh_sign};
use crate::support::establishment::{Establishment, write};

/// Signs with that operator's key into a further file.
fn sign_aside(of: &Establishment, operator: &str, namespace: &str, file: &str) {
    let signature = ssh_sign(&of.operator_key(operator), namespace, &of.convention());
    write(&of.folder.join(format!("{CONVENTION}.{file}.sig")), &signature, 0o644);
}

/// Exactly these operators sign.
fn signed_by(of: &Establishment, operators: &[&str]) {
    of.unsign_convention();
    operators.iter().for_each(|name| of.sign_convention(name));
}

#[test]
fn each_wrong_signature_is_refused_by_its_name_and_the_old_convention_stays() {
    let door = door();
    let of = &door.establishment;
    let first = told(of)["hash"].clone();
    of.renew_convention(|_| ());
    let right = std::fs::read_to_string(of.convention()).unwrap();
    let spoils: [(&str, &dyn Fn()); 8] = [
        ("convention-unsigned", &|| of.unsign_convention()),
        ("convention-signers-missing", &|| signed_by(of, &["basile"])),
        ("convention-signer-twice", &|| {
            signed_by(of, &["basile"]);
            sign_aside(of, "basile", "sceau-convention", "autre");
        }),
        ("convention-signer-role", &|| signed_by(of, &["anne", "basile"])),
        ("convention-signer-unknown", &|| signed_by(of, &["basile", "personne"])),
        ("convention-namespace", &|| {
            signed_by(of, &["basile"]);
            sign_aside(of, "elise", "sceau-order", "elise");
        }),
        // One byte, even where it says nothing.
        ("convention-altered", &|| {
            signed_by(of, &["basile", "elise"]);
            write(&of.convention(), &format!("{right} "), 0o644);
        }),
        ("convention-altered", &|| {
            signed_by(of, &["basile"]);
            write(&of.folder.join(format!("{CONVENTION}.elise.sig")), "-----BEGIN SSH SIGNATURE-----\n", 0o644);
        }),
    ];
    for (why, spoil) in spoils {
        write(&of.convention(), &right, 0o644);
        spoil();
        let refused = of.take_convention().unwrap_err();
        assert_eq!(refused.brief(), ("Denied", why));
        let trace = presented(of).pop().unwrap();
        assert_eq!(trace.refused.map(|reason| reason.to_string()).as_deref(), Some(why));
        assert_eq!(trace.order, hash(of), "{why}");
        let now = told(of);
        assert_eq!((&now["hash"], &now["in_force"], &now["refused"]), (&first, &json!(true), &json!(why)));
        assert_eq!((opens(of).as_str(), troubles(of)), ("opened", vec!["convention-refused".to_owned()]), "{why}");
    }
    // What was wrong was the signatures alone.
    write(&of.convention(), &right, 0o644);
    signed_by(of, &["basile", "elise"]);
    of.take_convention().unwrap();
    let now = told(of);
    assert_eq!((&now["hash"], &now["approvers"]), (&json!(hash(of).to_string()), &json!(["basile", "elise"])));
    assert_eq!((now.get("refused"), troubles(of)), (None, Vec::<String>::new()));
}

/// Signatures that are of no use lie beside two good ones: an old text's, a stranger's.
#[test]
fn what_lies_beside_two_approvers_signatures_takes_nothing_from_them() {
    let door = door();
    let of = &door.establishment;
    of.sign_convention("personne");
    sign_aside(of, "anne", "sceau-convention", "vieille");
    of.edit_file(CONVENTION, |table| table["convention"]["number"] = 2.into());
    ["basile", "elise"].iter().for_each(|name| of.sign_convention(name));
    of.take_convention().unwrap();
    assert_eq!(told(of)["approvers"], json!(["basile", "elise"]));
}

/// An entry names five signers at most: a sixth good signature stops nothing.
#[test]
fn more_approvers_may_sign_than_an_entry_names() {
    let door = door();
    let of = &door.establishment;
    let more = ["gilles", "hugo", "ines", "jules"];
    for name in more {
        let line = std::fs::read_to_string(of.operator_key(name).with_extension("pub")).unwrap();
        let key = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let named = json!({ "name": name, "roles": ["approver"], "key": key });
        of.order("operator-add", named, &["anne", "denis"]).unwrap();
    }
    of.renew_convention(|_| ());
    more.iter().for_each(|name| of.sign_convention(name));
    of.take_convention().unwrap();
    assert_eq!(told(of)["approvers"], json!(["basile", "elise", "gilles", "hugo", "ines", "jules"]));
    let trace = presented(of).pop().unwrap();
    assert_eq!((trace.order, trace.refused, trace.actors.len()), (hash(of), None, 5));
    assert_eq!(opens(of), "opened");
}

#[test]
fn a_revoked_approver_counts_no_longer_and_undoes_nothing() {
    let door = door();
    let of = &door.establishment;
    let first = told(of)["hash"].clone();
    of.order("operator-revoke", json!({ "name": "elise" }), &["anne", "denis"]).unwrap();
    // What two persons approved stays approved, and through a restart.
    assert_eq!(opens(of), "opened");
    let restarted = door.sceaud.starts() + 1;
    door.sceaud.kill();
    door.sceaud.wait_starts(restarted);
    crate::doorstep::until("sceaud listens again", || {
        crate::support::varlink::Client::connect(&of.admin_socket()).is_ok()
    });
    assert_eq!((opens(of).as_str(), &told(of)["hash"]), ("opened", &first));
    of.renew_convention(|_| ());
    assert_eq!(reason(of.take_convention()), "convention-signer-revoked");
    assert_eq!((opens(of).as_str(), &told(of)["hash"]), ("opened", &first));
}

#[test]
fn days_and_numbers_are_held() {
    let door = door();
    let of = &door.establishment;
    let first = std::fs::read_to_string(of.convention()).unwrap();
    let edit = |name: &'static str, value: toml::Value| {
        of.renew_convention(move |table| {
            drop(table["convention"].as_table_mut().unwrap().insert(name.into(), value))
        });
        reason(of.take_convention())
    };
    assert_eq!(edit("from", day(2)), "convention-not-yet");
    of.edit_file(CONVENTION, |table| table["convention"]["from"] = day(-9));
    assert_eq!(edit("until", day(-1)), "convention-ended");
    // The last day is whole.
    assert_eq!(edit("until", day(0)), "taken");
    let third = std::fs::read_to_string(of.convention()).unwrap();
    // The first one was signed well, and is over.
    write(&of.convention(), &first, 0o644);
    signed_by(of, &["basile", "elise"]);
    assert_eq!(reason(of.take_convention()), "convention-older");
    write(&of.convention(), &format!("{third}\n"), 0o644);
    signed_by(of, &["basile", "elise"]);
    assert_eq!(reason(of.take_convention()), "convention-same-number");
    write(&of.convention(), &third, 0o644);
    assert_eq!(
        (reason(of.take_convention()), troubles(of)),
        ("taken".to_owned(), vec!["convention-ends-soon".to_owned()])
    );
}

#[test]
fn a_file_that_cannot_be_read_or_is_wrong_is_refused() {
    let door = door();
    let of = &door.establishment;
    let right = std::fs::read_to_string(of.convention()).unwrap();
    std::fs::remove_file(of.convention()).unwrap();
    assert_eq!(reason(of.take_convention()), "convention-unreadable");
    let spoil = |edit: &dyn Fn(&mut Table)| {
        write(&of.convention(), &right, 0o644);
        of.renew_convention(edit);
        reason(of.take_convention())
    };
    let head = |table: &mut Table, name: &str, value: toml::Value| {
        table["convention"].as_table_mut().unwrap().insert(name.into(), value);
    };
    let spoils: [&dyn Fn(&mut Table); 9] = [
        &|table| head(table, "format", 2.into()),
        &|table| head(table, "establishment", "\u{1b}[2J".into()),
        &|table| head(table, "until", "2020-01-01".into()),
        &|table| drop(table.remove("structure")),
        &|table| drop(table.insert("service".into(), toml::Value::Array(Vec::new()))),
        &|table| drop(table.insert("mode".into(), "test".into())),
        // Test structures are none of production's, whoever signs them.
        &|table| table["structure"][0]["id"] = "10B0127189".into(),
        // Annexe 3 names the certificates: without any named, every one would do.
        &|table| drop(table["structure"][0].as_table_mut().unwrap().remove("certificates")),
        &|table| table["service"][0]["lifetime_ms"] = 600_000.into(),
    ];
    for (at, edit) in spoils.into_iter().enumerate() {
        assert_eq!(spoil(edit), "convention-unreadable", "{at}");
    }
    let log = door.sceaud.log();
    assert!(log.contains("convention.toml") && log.contains("the convention's file is not right"), "{log}");
    assert_eq!(opens(of), "opened");
    assert_eq!(spoil(&|_| ()), "taken");
}

#[test]
fn terms_of_the_configuration_are_for_tests_alone() {
    let door = DoorAlone::open(plan());
    assert_eq!(opens(&door.establishment), "opened");
    let before = troubles(&door.establishment);
    assert_eq!(reason(door.establishment.take_convention()), "convention-not-configured");
    assert_eq!(troubles(&door.establishment), before, "nothing was presented, and nothing of what rules is amiss");
    let told = told(&door.establishment);
    assert_eq!((&told["source"], &told["in_force"]), (&json!("configuration"), &json!(true)));
}
