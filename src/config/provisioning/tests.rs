//! What is refused in a provisioning, each by its field and line.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::*;

const RIGHT: &str = r#"
format = 1
until = "2030-12-31"
[appliance]
name = "sceau-1"
[network]
interface = "enp1s0"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
[time]
sources = ["ntp.exemple.fr"]
[token]
module = "softhsm"
[establishment]
organisation = "CENTRE HOSPITALIER"
department = "Rhône (69)"
application = "SCEAU"
origin = "ch-exemple.fr/sceau"
structures = ["1690781810"]
[trust]
anchors = ["racine.pem"]
[[file]]
name = "racine.pem"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"#;

fn faults(text: &str) -> Vec<(String, usize)> {
    let faults = Provisioning::parse(Path::new("provisioning.toml"), text).unwrap_err();
    faults.iter().map(|fault| (fault.cause.clone(), fault.position.map_or(0, |at| at.line))).collect()
}

#[test]
fn a_right_one_is_read() {
    let read = Provisioning::parse(Path::new("p"), RIGHT).unwrap();
    assert_eq!((read.name.as_str(), read.token, read.files.len()), ("sceau-1", TokenModule::Soft, 1));
    assert!(matches!(read.network.addressing, Addressing::Static { gateway: Some(_), .. }));
    assert_eq!(read.keys.kind, "rsa-2048");
}

#[test]
fn each_wrong_value_is_told_by_its_field_and_line() {
    for (right, wrong, word, line) in [
        ("format = 1", "format = 2", "format", 2),
        ("2030-12-31", "31/12/2030", "until", 3),
        ("\"sceau-1\"", "\"Sceau 1\"", "name", 5),
        ("\"sceau-1\"", "\"a.b\"", "name", 5),
        ("enp1s0", "../x", "interface", 7),
        ("enp1s0", "a\\nb", "interface", 7),
        ("192.0.2.10/24", "192.0.2.10", "address", 8),
        ("192.0.2.10/24", "192.0.2.10/33", "address", 8),
        ("192.0.2.1\"", "192.0.2\"", "gateway", 9),
        ("ntp.exemple.fr", "ntp exemple", "sources", 11),
        ("ntp.exemple.fr", "a\\nkey b", "sources", 11),
        ("\"ntp.exemple.fr\"", "", "sources", 11),
        ("softhsm", "/tmp/evil.so", "module", 13),
        ("softhsm", "/usr/lib/../../tmp/evil.so", "module", 13),
        ("Rhône (69)", "Rhône", "département", 19),
        ("ch-exemple.fr/sceau", "CH EXEMPLE", "origin", 18),
        ("1690781810", "1690781811", "structure", 19),
        ("[\"racine.pem\"]", "[\"autre.pem\"]", "autre.pem", 21),
        ("name = \"racine.pem\"", "name = \"../racine.pem\"", "name", 23),
        ("name = \"racine.pem\"", "name = \"seal.pem\"", "name", 23),
        ("sha256 = \"00", "sha256 = \"zz", "sha256", 24),
    ] {
        assert!(RIGHT.contains(right), "{right}");
        let found = faults(&RIGHT.replacen(right, wrong, 1));
        let told =
            found.iter().any(|(cause, at)| cause.to_lowercase().contains(&word.to_lowercase()) && *at == line);
        assert!(told, "{wrong}: {word} at line {line} is not in {found:?}");
    }
}

#[test]
fn contradictions_and_unknown_keys_are_told_together() {
    let text = RIGHT.replace("gateway =", "dhcp = true\ngateway =").replace("[time]", "[time]\nntp = 1");
    let found = faults(&text);
    assert!(found.len() >= 2, "{found:?}");
    let vendor = RIGHT.replace("\"softhsm\"", "\"/usr/lib/vendor/p11.so\"\nuri = \"pkcs11:token=a;object=b\"");
    assert!(faults(&vendor)[0].0.contains("sans clé"));
    let twice = format!("{RIGHT}[[file]]\nname = \"racine.pem\"\nsha256 = \"{}\"\n", "0".repeat(64));
    assert!(faults(&twice).iter().any(|(cause, _)| cause.contains("deux fois")));
}

proptest::proptest! {
    /// Whatever is taken holds nothing that could end a line of a unit or a network file.
    #[test]
    fn nothing_taken_ends_a_line(interface in "\\PC{0,20}", name in "\\PC{0,70}", server in "\\PC{0,30}", module in "\\PC{0,40}") {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let text = RIGHT.replace("\"enp1s0\"", &quoted(&interface)).replace("\"sceau-1\"", &quoted(&name))
            .replace("\"ntp.exemple.fr\"", &quoted(&server)).replace("\"softhsm\"", &quoted(&module));
        if let Ok(read) = Provisioning::parse(Path::new("p"), &text) {
            for value in [read.network.interface.as_str(), &read.name, &read.time_sources[0]] {
                proptest::prop_assert!(value.bytes().all(|b| b.is_ascii_graphic()), "{value:?}");
            }
        }
    }
}
