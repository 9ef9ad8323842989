//! Orders by themselves: one text is read one way, verbs keep their names, slots are filled by persons.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::policy::operators::Operators;
use crate::vihf::instant::Instant;

fn parse(text: &str) -> Result<Order, crate::policy::denial::Malformed> {
    Order::parse(text.as_bytes())
}

#[test]
fn verbs_keep_their_names() {
    for verb in Verb::ALL {
        assert_eq!(Verb::parse(verb.name()), Some(verb));
    }
    assert_eq!(Verb::parse("operator-Add"), None);
}

/// Orders and traces name them for ten years: a word that stood here stays.
#[test]
fn the_words_of_the_verbs_are_these() {
    let words = "operators-bootstrap operator-add operator-revoke clock-accept clock-confirm counter-accept traces-export \
                 traces-close-dmp traces-purge traces-backup ledger-restore practitioner-suspend practitioner-resume \
                 application-suspend application-resume establishment-suspend establishment-resume practitioners-import \
                 applications-import authenticator-revoke connector-attach connector-detach module-attach module-detach \
                 application-invite application-certificate application-certificate-revoke key-renew";
    assert_eq!(Verb::ALL.map(Verb::name).join(" "), words);
}

/// The exact bytes of an order that attaches, as an operator's own tool may write them.
#[test]
fn an_order_that_attaches_is_these_bytes() {
    let arguments = json!({
        "name": "gate", "image": "ab".repeat(32), "doors": ["token", "relay"],
        "interface": "lan1", "peers": ["192.0.2.7"], "listen": "8443",
    });
    let serde_json::Value::Object(arguments) = arguments else { unreachable!() };
    let (issued, expires) = (Instant::from_ms(1_000), Instant::from_ms(2_000));
    let made = text("ledger", Verb::ConnectorAttach, "0123456789abcdef", issued, expires, arguments);
    let golden = format!(
        r#"{{"arguments":{{"doors":["token","relay"],"image":"{}","interface":"lan1","listen":"8443","name":"gate","peers":["192.0.2.7"]}},"expires_at":"1970-01-01T00:00:02.000Z","id":"0123456789abcdef","issued_at":"1970-01-01T00:00:01.000Z","ledger":"ledger","sceau_order":1,"verb":"connector-attach"}}
"#,
        "ab".repeat(32)
    );
    assert_eq!(made, golden);
    let Command::ConnectorAttach(attach) = parse(&made).unwrap().command else { unreachable!() };
    assert!(attach.reaches_out() && attach.doors == ["token", "relay"] && attach.device.is_none());
}

#[test]
fn what_is_made_is_read() {
    let arguments = Map::from_iter([("name".to_owned(), json!("alice"))]);
    let (issued, expires) = (Instant::from_ms(1_000), Instant::from_ms(2_000));
    let text = text("ledger", Verb::OperatorRevoke, "0123456789abcdef", issued, expires, arguments);
    let order = parse(&text).unwrap();
    assert_eq!((order.issued, order.expires, order.ledger.as_str()), (issued, expires, "ledger"));
    assert_eq!(order.command, Command::OperatorRevoke(Revoke { name: "alice".to_owned() }));
    // The same members in another place or spelling are the same order by another text: another digest, the same mark.
    let spaced = text.replace(",\"", ", \"");
    let other = parse(&spaced).unwrap();
    assert!(other.digest != order.digest && other.mark() == order.mark());
}

/// Whoever is refused finds the reason in the guide.
#[test]
fn every_reason_is_in_the_guide() {
    let guide = include_str!("../../../docs/exploitant.md");
    for refusal in Refusal::ALL {
        assert!(guide.contains(&format!("`{}`", refusal.code())), "{}", refusal.code());
        assert!(!refusal.message().is_empty());
    }
    for not_taken in crate::policy::convention::NotTaken::ALL {
        assert!(guide.contains(&format!("`{}`", not_taken.code())), "{}", not_taken.code());
        assert!(not_taken.message().contains(" ; ") || not_taken.message().contains(" : "));
    }
    for verb in Verb::ALL {
        assert!(guide.contains(&format!("`{}`", verb.name())), "{}", verb.name());
    }
}

/// A list where a table belongs would be read member by member.
#[test]
fn a_list_is_no_order() {
    assert!(
        parse(r#"[1,"l","clock-accept","0123456789abcdef","2026-01-01T00:00:00Z","2026-01-01T01:00:00Z",{}]"#)
            .is_err()
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Order::parse(&bytes);
        let _ = Operators::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = crate::policy::sshsig::Envelope::parse(&text);
        let _ = crate::policy::sshsig::OperatorKey::parse(&text);
    }

    #[test]
    fn a_register_has_one_text(text in r#"[ \n]{0,1}\{"sceau_operators":1,"operators":\[\]\}[ \n]{0,1}"#) {
        let canonical = r#"{"sceau_operators":1,"operators":[]}"#;
        prop_assert_eq!(Operators::parse(text.as_bytes()).is_some(), text == canonical);
    }
}
