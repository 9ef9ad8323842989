//! The walls of a connector: its unit with every kind of drop-in, as systemd's own tools judge them, and users enough for all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sceau::connectors::{Around, Told, drop_in};
use sceau::policy::connectors::USERS_MAX;
use serde_json::{Value, json};

use super::{CHANNEL, ran};
use crate::support::softhsm::run;
use crate::units::staging::source;
use crate::units::{EXPOSURE_MAX_TENTHS, exposure_tenths};

/// Keys that Debian 12's systemd does not know yet; the image has Debian 13's.
const NEWER: &str = "RootImagePolicy";

fn extra(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("image/mkosi.extra/usr/lib").join(path)
}

fn row(more: Value) -> Value {
    let mut row = json!({
        "name": "demo", "user": "sceau-connector-1", "image": "ab".repeat(32), "doors": ["token", "relay", "metrics", "journal"],
        "peers": [], "settings": [], "since": "2026-01-01T00:00:00.000Z", "attached": true,
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

fn reaches() -> [Value; 4] {
    [
        json!({}),
        json!({ "interface": "lan1", "peers": ["192.0.2.7", "2001:db8::/32"], "listen": 8443 }),
        json!({ "device": CHANNEL }),
        // The gate's.
        json!({
            "doors": ["token", "relay", "state"], "settings": [format!("gate.toml:{}", "ab".repeat(32))],
            "interface": "lan1", "peers": ["192.0.2.7"], "listen": 8443,
        }),
    ]
}

/// The unit and its drop-in in one folder, the instance `demo`.
fn staged(more: Value) -> (tempfile::TempDir, String) {
    let told = Told::read(json!({ "connectors": [row(more)], "modules": [] })).unwrap();
    let [token, relay, images] =
        ["/run/sceau/token.sock", "/run/sceau-relay/relay.sock", "/var/lib/portables"].map(Path::new);
    let text = drop_in(&told.connectors[0], &Around { token, relay, images, gate: None });
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(extra("systemd/system/sceau-connector@.service")).unwrap();
    fs::write(folder.path().join("sceau-connector@.service"), &unit).unwrap();
    let drop_ins = folder.path().join("sceau-connector@demo.service.d");
    fs::create_dir(&drop_ins).unwrap();
    fs::write(drop_ins.join("50-attached.conf"), &text).unwrap();
    // `security --offline` reads no drop-ins of an instance: the same settings behind the unit's own.
    fs::write(folder.path().join("sceau-connector-demo.service"), format!("{unit}{text}")).unwrap();
    (folder, text)
}

#[test]
fn every_connector_exposes_at_most_1_5_however_far_it_reaches() {
    for reach in reaches() {
        let (folder, text) = staged(reach);
        let tenths = exposure_tenths(&folder.path().join("sceau-connector-demo.service"));
        println!("exposure {}.{} with\n{text}", tenths / 10, tenths % 10);
        assert!(tenths <= EXPOSURE_MAX_TENTHS, "{tenths} tenths with\n{text}");
    }
}

/// systemd takes every line that is made, and says so of one that it does not know.
#[test]
fn systemd_understands_every_line() {
    let understood = |folder: &Path| {
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no", "--no-pager"]).env("SYSTEMD_COLORS", "0").env("LC_ALL", "C.UTF-8");
        command.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()));
        let (_, out, said) = ran(command.arg("sceau-connector@demo.service"));
        let said = out + &said;
        let ours = |line: &&str| line.contains("sceau-connector@") && !line.contains(NEWER);
        // The program is in the image, and the stock units of the machine are its own affair.
        let known = |line: &&str| !line.contains("is not executable") && !line.contains("/usr/bin/connector");
        said.lines().filter(ours).filter(known).map(str::to_owned).collect::<Vec<_>>()
    };
    for reach in reaches() {
        let (folder, text) = staged(reach);
        assert_eq!(understood(folder.path()), [""; 0], "{text}");
        let path = folder.path().join("sceau-connector@demo.service.d/50-attached.conf");
        fs::write(&path, text.replace("RootHash=", "RootHsh=")).unwrap();
        assert!(understood(folder.path())[0].contains("RootHsh"), "canary");
    }
}

#[test]
fn walls_open_what_the_order_names_and_nothing_else() {
    let (_, shut) = staged(json!({ "doors": [] }));
    for word in ["Bind", "Network", "Device", "StateDirectory", "TemporaryFileSystem"] {
        assert!(!shut.contains(word), "{word} in {shut}");
    }
    let (_, open) = staged(reaches()[1].clone());
    for line in [
        "PrivateNetwork=no",
        "RestrictNetworkInterfaces=lan1",
        "IPAddressAllow=192.0.2.7",
        "IPAddressAllow=2001:db8::/32",
        "SocketBindAllow=tcp:8443",
        "BindPaths=/run/sceau/token.sock:/run/sceau/token.sock",
        "BindReadOnlyPaths=-/run/log/journal",
    ] {
        assert!(open.lines().any(|own| own == line), "{line} is not in {open}");
    }
    assert!(!open.contains("admin.sock") && !open.contains("sceau-signer") && !open.contains("attest"), "{open}");
    let (_, outgoing) = staged(json!({ "interface": "lan1", "peers": ["192.0.2.7"] }));
    assert!(!outgoing.contains("SocketBindAllow"), "{outgoing}");
}

/// What the daemon answers goes into unit files as our own types, or not at all.
#[test]
fn an_answer_that_is_not_of_its_form_is_none() {
    for more in [
        json!({ "name": "x\n[Service]\nUser=root" }),
        json!({ "user": "root" }),
        json!({ "user": "sceau-connector-17" }),
        json!({ "image": "" }),
        json!({ "doors": ["admin"] }),
        json!({ "interface": "lan1\nUser=root", "peers": ["192.0.2.7"] }),
        json!({ "interface": "lan1", "peers": ["0.0.0.0/0"] }),
        json!({ "interface": "lan1", "peers": ["192.0.2.7"], "listen": 22 }),
        json!({ "device": "/dev/sda" }),
        json!({ "peers": ["192.0.2.7"] }),
        json!({ "settings": [format!("../x:{}", "ab".repeat(32))] }),
        json!({ "settings": ["gate.toml:ab"] }),
    ] {
        assert_eq!(Told::read(json!({ "connectors": [row(more.clone())], "modules": [] })), None, "{more}");
    }
    assert_eq!(Told::read(json!({ "connectors": [] })), None);
    let detached =
        Told::read(json!({ "connectors": [row(json!({ "attached": false }))], "modules": [] })).unwrap();
    assert_eq!(detached, Told::default());
}

#[test]
fn there_is_a_unix_user_for_every_number() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("usr/lib/sysusers.d");
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::copy(extra("sysusers.d/sceau-connectors.conf"), target.join("sceau-connectors.conf")).unwrap();
    let at = format!("--root={}", root.path().display());
    run(Command::new("systemd-sysusers").args([&at, "sceau-connectors.conf"]));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    for number in 1..=USERS_MAX {
        let line = users.lines().find(|line| line.starts_with(&format!("sceau-connector-{number}:"))).unwrap();
        assert!(line.ends_with("/nologin"), "{line}");
    }
}

fn unit(name: &str) -> String {
    fs::read_to_string(extra(&format!("systemd/system/{name}"))).unwrap()
}

/// What our own programs do of the image's units, and the stick's updates: as narrow as the daemons.
#[test]
fn the_services_that_attach_and_update_expose_at_most_1_5() {
    for service in ["sceau-connectors.service", "sceau-update.service"] {
        let tenths = exposure_tenths(&extra(&format!("systemd/system/{service}")));
        println!("exposure {service}: {}.{}", tenths / 10, tenths % 10);
        assert!(tenths <= EXPOSURE_MAX_TENTHS, "{service}: {tenths} tenths");
    }
}

/// What `systemd-sysext` mounts inside a namespace of the service would be seen by nobody; nothing of ours runs there.
#[test]
fn modules_are_mounted_where_they_are_seen_below_opt_alone() {
    let service = unit("sceau-modules.service");
    let settings: Vec<(&str, &str)> = service.lines().filter_map(|line| line.split_once('=')).collect();
    for (setting, _) in settings.iter().filter(|(setting, _)| !setting.starts_with('#')) {
        let isolates = [
            "Protect",
            "Private",
            "Mount",
            "Bind",
            "ReadOnly",
            "ReadWrite",
            "Inaccessible",
            "Temporary",
            "NoExec",
            "Root",
        ];
        assert!(!isolates.iter().any(|start| setting.starts_with(start)), "{setting}");
        assert!(!["DynamicUser", "ExecPaths"].contains(setting), "{setting}");
    }
    let of = |wanted: &str| -> Vec<&str> {
        settings.iter().filter(|(setting, _)| *setting == wanted).map(|(_, value)| *value).collect()
    };
    let refresh = "/usr/bin/systemd-sysext refresh --image-policy=root=signed";
    assert_eq!(of("ExecStart"), [refresh]);
    assert_eq!(of("Environment"), ["SYSTEMD_SYSEXT_HIERARCHIES=/opt"]);
}

#[test]
fn the_service_that_attaches_is_woken_by_the_ledger() {
    // Beside the default ledger: the same name that an order leaves there (`what_is_attached_is_in_the_ledger_and_survives`).
    assert!(unit("sceau-connectors.path").contains("\nPathChanged=/var/lib/sceau/ledger/connectors-changed\n"));
    for ending in ["service", "path", "timer"] {
        let link = extra(&format!("systemd/system/sceau.target.wants/sceau-connectors.{ending}"));
        assert_eq!(fs::read_link(link).unwrap(), Path::new(&format!("../sceau-connectors.{ending}")));
    }
    let units = ["connectors.service", "connectors.path", "connectors.timer", "modules.service", "update.service"];
    for name in units.map(|name| format!("sceau-{name}")) {
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no", "--no-pager"]).env("SYSTEMD_COLORS", "0").env("LC_ALL", "C.UTF-8");
        command.env(
            "SYSTEMD_UNIT_PATH",
            format!("{}:{}:", extra("systemd/system").display(), source("systemd/system").display()),
        );
        let (_, out, said) = ran(command.arg(&name));
        let said = out + &said;
        let ours = said.lines().filter(|line| line.contains(&name) && !line.contains("/usr/bin/sceau"));
        assert_eq!(ours.collect::<Vec<_>>(), [""; 0]);
    }
}
