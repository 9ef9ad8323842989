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
