//! The register by itself: one text, users for good, reach as the configuration lets it; its bytes stay as they were.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::vihf::instant::Instant;

fn at() -> Instant {
    Instant::from_ms(1_790_000_000_000)
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn hash(digit: &str) -> RootHash {
    RootHash::parse(&digit.repeat(64)).unwrap()
}

fn network() -> Reach {
    let peers = ["192.0.2.7".to_owned(), "2001:db8::/32".to_owned()];
    let wanted = Wanted { interface: Some("lan1"), peers: &peers, listen: Some("8443"), device: None };
    Reach::read(wanted).unwrap().unwrap()
}

/// The document is in ledgers for ten years: these bytes are read for good.
#[test]
fn the_register_is_these_bytes() {
    let register = Connectors::default().with(
        &name("gate"),
        hash("a"),
        &[Door::Relay, Door::Token],
        Some(network()),
        &[],
        at(),
    );
    let register =
        register.unwrap().with(&name("demo"), hash("b"), &[], None, &[], at()).unwrap().without("demo").unwrap();
    let device = Reach::Device { path: "/dev/virtio-ports/fr.sceau.token".to_owned() };
    let register =
        register.with(&name("host"), hash("0"), &[Door::Token, Door::Token], Some(device), &[], at()).unwrap();
    let register = register.with_module(&name("softhsm"), hash("c"), at()).unwrap();
    let golden = include_str!("golden.json").trim_end();
    assert_eq!(String::from_utf8(register.document()).unwrap(), golden);
    assert_eq!(Connectors::parse(golden.as_bytes()).unwrap(), register);
}

#[test]
fn a_unix_user_is_one_connectors_for_good() {
    let register = Connectors::default().with(&name("a"), hash("1"), &[], None, &[], at()).unwrap();
    let register = register.without("a").unwrap().with(&name("b"), hash("1"), &[], None, &[], at()).unwrap();
    assert_eq!(
        register.all().iter().map(Connector::user).collect::<Vec<_>>(),
        ["sceau-connector-1", "sceau-connector-2"]
    );
    let back = register.with(&name("a"), hash("2"), &[], None, &[], at()).unwrap();
    assert_eq!(
        back.attached().map(|one| (one.name.as_str(), one.number)).collect::<Vec<_>>(),
        [("a", 1), ("b", 2)]
    );
    let mut full = Connectors::default();
    for number in 1..=USERS_MAX {
        full = full
            .with(&name(&format!("c{number}")), hash("1"), &[], None, &[], at())
            .unwrap()
            .without(&format!("c{number}"))
            .unwrap();
    }
    assert_eq!(full.with(&name("one-more"), hash("1"), &[], None, &[], at()), Err(NotChanged::Full));
    assert!(full.with(&name("c3"), hash("1"), &[], None, &[], at()).is_ok());
}

/// Who speaks for applications of other machines is no matter of who was attached first.
#[test]
fn the_user_of_the_gate_is_for_the_gate_alone() {
    let demo = Connectors::default().with(&name("demo"), hash("1"), &[], None, &[], at()).unwrap();
    assert!(demo.has_another_as("sceau-connector-1", "gate") && !demo.has_another_as("sceau-connector-2", "gate"));
    let both = demo.with(&name("gate"), hash("1"), &[], None, &[], at()).unwrap();
    assert!(!both.has_another_as("sceau-connector-2", "gate"));
    assert!(
        !demo.without("demo").unwrap().has_another_as("sceau-connector-1", "gate"),
        "who is detached is nobody"
    );
}

/// A setting is a plain name and a digest; those of an order are in one order, whoever wrote them.
#[test]
fn a_setting_is_read_in_one_spelling() {
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let texts = [format!("gate.toml:{a}"), format!("ca.pem:{b}")];
    let settings = Setting::parse_all(&texts).unwrap();
    assert_eq!(settings.iter().map(Setting::name).collect::<Vec<_>>(), ["ca.pem", "gate.toml"]);
    let register = Connectors::default();
    let register = register.with(&name("gate"), hash("1"), &[Door::State], None, &settings, at()).unwrap();
    assert_eq!(Connectors::parse(&register.document()).unwrap(), register);
    assert_eq!(
        register.with(&name("gate"), hash("1"), &[Door::State], None, &settings, at()),
        Err(NotChanged::AsItIs)
    );
    assert!(register.with(&name("gate"), hash("1"), &[Door::State], None, &[], at()).is_ok());
    let swapped = String::from_utf8(register.document()).unwrap();
    let swapped = swapped.replace("ca.pem", "zz.pem");
    assert_eq!(Connectors::parse(swapped.as_bytes()), None, "not in their order");
    for wrong in
        ["", ":", "gate.toml", &format!(":{a}"), &format!("../x:{a}"), &format!("a b:{a}"), &format!(".x:{a}")]
    {
        assert_eq!(Setting::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Setting::parse(&format!("x:{}", "A".repeat(64))), None);
    assert_eq!(Setting::parse_all(&[format!("x:{a}"), format!("x:{b}")]), None);
}

#[test]
fn what_is_as_it_is_changes_nothing() {
    let register = Connectors::default().with(&name("a"), hash("1"), &[Door::Token], None, &[], at()).unwrap();
    assert_eq!(register.with(&name("a"), hash("1"), &[Door::Token], None, &[], at()), Err(NotChanged::AsItIs));
    assert!(register.with(&name("a"), hash("1"), &[], None, &[], at()).is_ok());
    assert_eq!(register.without("b"), Err(NotChanged::NotAttached));
    assert_eq!(register.without("a").unwrap().without("a"), Err(NotChanged::NotAttached));
    let modules = register.with_module(&name("m"), hash("1"), at()).unwrap();
    assert_eq!(modules.with_module(&name("m"), hash("1"), at()), Err(NotChanged::AsItIs));
    assert_eq!(modules.with_module(&name("m"), hash("2"), at()).unwrap().modules().len(), 1);
    assert_eq!(modules.without_module("n"), Err(NotChanged::NotAttached));
    assert!(modules.without_module("m").unwrap().modules().is_empty());
}

#[test]
fn names_that_could_be_something_else_are_none() {
    for text in ["", "A", "1a", "-a", "a-", "a--b", "a.b", "a/b", "a b", "a@b", "é", &"a".repeat(33)] {
        assert_eq!(Name::parse(text), None, "{text}");
    }
    for text in ["", "A", &"A".repeat(64), &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
        assert_eq!(RootHash::parse(text), None, "{text}");
    }
    assert_eq!(hash("0").to_string(), "0".repeat(64));
    assert_eq!(RootHash::of_halves([0x12; 16], [0xab; 16]).to_string(), "12".repeat(16) + &"ab".repeat(16));
}

#[test]
fn a_reach_is_told_in_full_or_refused() {
    let peers = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let one = peers(&["192.0.2.7"]);
    let base = Wanted { interface: Some("lan1"), peers: &one, listen: None, device: None };
    assert!(Reach::read(base).unwrap().unwrap().is_formed());
    let fault = |wanted: Wanted<'_>| Reach::read(wanted).unwrap_err().0;
    for interface in ["", "lo", "a b", "lan1;", "../x", "sixteen-letters-", "%i"] {
        assert_eq!(fault(Wanted { interface: Some(interface), ..base }), "interface", "{interface}");
    }
    for peer in [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "::/0",
        "8000::/1",
        "127.0.0.1",
        "::1",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/024",
        "any",
        "",
        "192.0.2.7 any",
        "224.0.0.1",
        "0.0.0.0",
        "10.0.0.0/-1",
    ] {
        let many = peers(&["192.0.2.7", peer]);
        assert_eq!(fault(Wanted { peers: &many, ..base }), "peers", "{peer}");
    }
    assert_eq!(fault(Wanted { peers: &[], ..base }), "peers");
    for listen in ["0", "80", "1023", "65536", "+8443", "08443", "x", ""] {
        assert_eq!(fault(Wanted { listen: Some(listen), ..base }), "listen", "{listen}");
    }
    assert_eq!(fault(Wanted { device: Some("/dev/virtio-ports/x"), ..base }), "device");
    for device in ["/dev/sda", "/dev/virtio-ports/", "/dev/virtio-ports/../sda", "/dev/virtio-ports/a/b", "x"] {
        assert_eq!(fault(Wanted { device: Some(device), ..Wanted::default() }), "device", "{device}");
    }
    assert_eq!(fault(Wanted { peers: &one, ..Wanted::default() }), "peers");
    assert_eq!(fault(Wanted { listen: Some("8443"), ..Wanted::default() }), "listen");
    assert_eq!(Reach::read(Wanted::default()), Ok(None));
    assert_eq!(network().within(Allowed::default()), Err(NotAllowed));
    assert_eq!(network().within(Allowed { interfaces: &peers(&["lan1"]), devices: &[] }), Ok(()));
    let device = Reach::Device { path: "/dev/virtio-ports/x".to_owned() };
    assert_eq!(device.within(Allowed { interfaces: &peers(&["lan1"]), devices: &[] }), Err(NotAllowed));
    assert_eq!(device.within(Allowed { interfaces: &[], devices: &peers(&["/dev/virtio-ports/x"]) }), Ok(()));
}

/// A register that another hand wrote is none, however near.
#[test]
fn nothing_else_is_a_register() {
    let golden = include_str!("golden.json").trim_end();
    for (from, to) in [
        ("\"lan1\"", "\"lo\""),
        ("\"number\":2", "\"number\":1"),
        ("\"demo\"", "\"gate\""),
        ("\"sceau_connectors\":1", "\"sceau_connectors\":2"),
        ("[\"token\",\"relay\"]", "[\"relay\",\"token\"]"),
        ("\"attached\":false", "\"attached\":false,\"more\":1"),
        (",", ", "),
    ] {
        let other = golden.replacen(from, to, 1);
        assert!(other != golden && Connectors::parse(other.as_bytes()).is_none(), "{to}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Connectors::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Name::parse(&text);
        let _ = RootHash::parse(&text);
        let _ = Reach::read(Wanted { interface: Some("lan1"), peers: &[text.into_owned()], ..Wanted::default() });
    }
}
