//! `sceau connectors apply`: files below a staged root, and what is asked of systemctl, in order. A stand-in writes down what
//! it was asked: real attachment is a matter of the image's own tests, where systemd is the first process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sceau::traces::digest::Digest;
use serde_json::{Value, json};

use super::image::{Parts, Vendor};
use super::{CHANNEL, office, ran};
use crate::admin::office::Office;
use crate::support::program::program;
use crate::support::softhsm::run;

/// Writes down its name and arguments; fails if they have the word that it is told.
const STAND_IN: &str = r#"#!/bin/sh
echo "$(basename "$0")" "$@" >>"$SCEAU_ASKED"
case "$*" in *"${SCEAU_FAILS:-never}"*) exit 1;; esac
"#;

struct Scene {
    office: Office,
    root: PathBuf,
    vendor: Vendor,
}

impl Scene {
    fn new() -> Scene {
        let office = office();
        let folder = office.door.establishment.folder.clone();
        let root = folder.join("root");
        for below in
            ["var/lib/portables", "var/lib/sceau-modules", "run/systemd/system", "usr/lib/verity.d", "bin"]
        {
            fs::create_dir_all(root.join(below)).unwrap();
        }
        let vendor = Vendor::rsa(&folder, "vendor");
        fs::copy(&vendor.certificate, root.join("usr/lib/verity.d/vendor.crt")).unwrap();
        fs::write(folder.join("stand-in"), STAND_IN).unwrap();
        // Written by another process: a file that this one has open for writing while a parallel test forks cannot be run.
        let systemctl = root.join("bin/systemctl");
        run(Command::new("install").args(["-m", "755"]).arg(folder.join("stand-in")).arg(systemctl));
        Scene { office, root, vendor }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A good image there; its root hash.
    fn image(&self, path: &str, content: &str) -> String {
        let parts = Parts::good(&self.root, content, &self.vendor);
        parts.write(&self.file(path));
        parts.hash
    }

    fn order(&self, verb: &str, arguments: Value) {
        let order = self.office.order(verb, arguments);
        self.office.submit(&order, &[&self.office.alice, &self.office.bob]).unwrap();
    }

    /// Exit code, what was asked of systemd, and what was said.
    fn apply(&self, fails: &str) -> (i32, Vec<String>, String) {
        let asked = self.file("asked");
        let _ = fs::remove_file(&asked);
        let mut command = Command::new(program("sceau"));
        command.args(["connectors", "apply", "--config"]).arg(self.office.door.establishment.config());
        let path = format!("{}:{}", self.file("bin").display(), std::env::var("PATH").unwrap());
        command
            .arg("--root")
            .arg(&self.root)
            .env("PATH", path)
            .env("SCEAU_ASKED", &asked)
            .env("SCEAU_FAILS", fails);
        let (code, _, said) = ran(&mut command);
        let asked = fs::read_to_string(asked).unwrap_or_default();
        (code, asked.lines().map(str::to_owned).collect(), said)
    }

    fn drop_in(&self, name: &str) -> Option<String> {
        let path = format!("run/systemd/system/sceau-connector@{name}.service.d/50-attached.conf");
        fs::read_to_string(self.file(&path)).ok()
    }
}

#[test]
fn exactly_what_the_ledger_names_is_attached() {
    let scene = Scene::new();
    assert_eq!(scene.apply(""), (0, vec![], String::new()));
    let hash = scene.image("var/lib/portables/demo.raw", "demo");
    // An image that no order names is nothing.
    scene.image("var/lib/portables/other.raw", "other");
    scene.order(
        "connector-attach",
        json!({ "name": "demo", "image": hash, "doors": ["token"], "device": CHANNEL }),
    );
    let restart = ["systemctl daemon-reload", "systemctl --no-block restart sceau-connector@demo.service"];
    assert_eq!(scene.apply(""), (0, restart.map(str::to_owned).to_vec(), String::new()));
    let token = scene.office.door.establishment.token_socket();
    let wanted = format!(
        "[Service]\nRootImage={}\nRootHash={hash}\nUser=sceau-connector-1\nGroup=sceau-connector-1\n\
         BindPaths={}:/run/sceau/token.sock\nDeviceAllow={CHANNEL} rw\nStandardInput=file:{CHANNEL}\nStandardOutput=file:{CHANNEL}\n",
        scene.file("var/lib/portables/demo.raw").display(),
        token.display()
    );
    let text = scene.drop_in("demo").unwrap();
    assert_eq!(text.split_once('\n').unwrap().1, wanted);
    assert_eq!(scene.drop_in("other"), None);
    // Again: nothing is torn down.
    assert_eq!(scene.apply("").1, ["systemctl --no-block start sceau-connector@demo.service"]);
    // Another image by another order: restarted, and no longer by the old one.
    let update = scene.image("var/lib/portables/demo.raw", "update");
    let (code, asked, said) = scene.apply("");
    assert_eq!(code, 1);
    assert_eq!(asked, ["systemctl stop sceau-connector@demo.service", "systemctl daemon-reload"]);
    assert!(said.contains("connecteur demo non attaché : l'image est une autre"), "{said}");
    assert_eq!(scene.drop_in("demo"), None);
    scene.order("connector-attach", json!({ "name": "demo", "image": update, "doors": ["metrics"] }));
    assert_eq!(scene.apply("").1, restart);
    assert!(scene.drop_in("demo").unwrap().contains(&format!("RootHash={update}\n")));
    scene.order("connector-detach", json!({ "name": "demo" }));
    let (code, asked, _) = scene.apply("");
    let ended =
        ["systemctl stop sceau-connector@demo.service", "systemctl daemon-reload"].map(str::to_owned).to_vec();
    assert_eq!((code, asked, scene.drop_in("demo")), (0, ended, None));
}

/// The configuration may come to call the gate what an order once gave to another: that one ends, whichever was first.
#[test]
fn whoever_has_the_gates_user_and_is_not_the_gate_runs_no_longer() {
    let scene = Scene::new();
    let hash = scene.image("var/lib/portables/demo.raw", "demo");
    scene.order("connector-attach", json!({ "name": "demo", "image": hash, "doors": ["token"] }));
    assert_eq!(scene.apply("").0, 0);
    let config = scene.office.door.establishment.config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[gate]\nuser = \"sceau-connector-1\"\n")).unwrap();
    let (code, asked, said) = scene.apply("");
    assert_eq!((code, &*asked[0]), (1, "systemctl stop sceau-connector@demo.service"));
    assert!(said.contains("connecteur demo non attaché : son utilisateur est celui de [gate] user"), "{said}");
    assert_eq!(scene.drop_in("demo"), None);
    fs::write(&config, text).unwrap();
    assert_eq!((scene.apply("").0, scene.drop_in("demo").is_some()), (0, true));
}

/// A new image of the same name waits: what the ledger names runs on until the ledger names the new one.
#[test]
fn an_arrival_takes_its_place_by_an_order_alone() {
    let scene = Scene::new();
    fs::create_dir_all(scene.file("var/lib/portables/incoming")).unwrap();
    let arrival = "var/lib/portables/incoming/demo.raw";
    let first = scene.image(arrival, "first");
    assert_eq!(scene.apply(""), (0, vec![], String::new()));
    assert!(scene.file(arrival).exists());
    scene.order("connector-attach", json!({ "name": "demo", "image": first, "doors": ["token"] }));
    let restart = ["systemctl daemon-reload", "systemctl --no-block restart sceau-connector@demo.service"];
    assert_eq!(scene.apply(""), (0, restart.map(str::to_owned).to_vec(), String::new()));
    assert!(scene.file("var/lib/portables/demo.raw").exists() && !scene.file(arrival).exists());
    let second = scene.image(arrival, "second");
    assert_eq!(scene.apply("").1, ["systemctl --no-block start sceau-connector@demo.service"]);
    assert!(scene.drop_in("demo").unwrap().contains(&format!("RootHash={first}\n")));
    scene.order("connector-attach", json!({ "name": "demo", "image": second, "doors": ["token"] }));
    assert_eq!(scene.apply("").1, restart);
    assert!(scene.drop_in("demo").unwrap().contains(&format!("RootHash={second}\n")));
    assert!(!scene.file(arrival).exists());
}

/// What an order sets for a connector is these bytes: none that are missing, none that are others.
#[test]
fn a_connector_has_the_settings_that_its_order_names_or_is_not_attached() {
    let scene = Scene::new();
    let image = scene.image("var/lib/portables/gate.raw", "gate");
    let bytes = b"sources = []\n";
    let digest = Digest::of(&[bytes]).to_string();
    let order =
        json!({ "name": "gate", "image": image, "doors": ["state"], "settings": [format!("gate.toml:{digest}")] });
    scene.order("connector-attach", order);
    let refused = |said: &str| said.contains("connecteur gate non attaché : le réglage gate.toml n'est pas là");
    let (code, asked, said) = scene.apply("");
    assert!(code == 1 && asked.is_empty() && refused(&said), "{asked:?} {said}");
    let kept = scene.file(&format!("var/lib/portables/settings/{digest}"));
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::write(&kept, "sources = [ ]\n").unwrap();
    assert!(refused(&scene.apply("").2), "other bytes");
    fs::write(&kept, bytes).unwrap();
    let restart = ["systemctl daemon-reload", "systemctl --no-block restart sceau-connector@gate.service"];
    assert_eq!(scene.apply(""), (0, restart.map(str::to_owned).to_vec(), String::new()));
    let text = scene.drop_in("gate").unwrap();
    assert!(text.contains(&format!("BindReadOnlyPaths={}:/run/connector/gate.toml\n", kept.display())), "{text}");
    assert!(text.contains("StateDirectory=sceau-connectors/gate\n"), "{text}");
    // Spoilt later: it is not attached at the next look.
    fs::write(&kept, "").unwrap();
    let (_, asked, said) = scene.apply("");
    assert!(refused(&said) && asked[0] == "systemctl stop sceau-connector@gate.service", "{asked:?} {said}");
}

/// One bad image keeps no other from being attached.
#[test]
fn an_image_that_is_not_good_is_refused_alone() {
    let scene = Scene::new();
    let good = scene.image("var/lib/portables/good.raw", "good");
    let stranger = Vendor::rsa(&scene.root, "stranger");
    let unsigned = Parts::good(&scene.root, "unsigned", &stranger);
    unsigned.write(&scene.file("var/lib/portables/unsigned.raw"));
    let writable = scene.image("var/lib/portables/writable.raw", "writable");
    let path = scene.file("var/lib/portables/writable.raw");
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    for (name, hash) in
        [("absent", "1".repeat(64)), ("good", good), ("unsigned", unsigned.hash), ("writable", writable)]
    {
        scene.order("connector-attach", json!({ "name": name, "image": hash }));
    }
    let (code, asked, said) = scene.apply("");
    assert_eq!(code, 1);
    assert_eq!(asked, ["systemctl daemon-reload", "systemctl --no-block restart sceau-connector@good.service"]);
    for (name, words) in [
        ("absent", "l'image n'est pas lisible"),
        ("unsigned", "aucun fournisseur"),
        ("writable", "d'autres que root peuvent écrire l'image"),
    ] {
        let line = said.lines().find(|line| line.contains(&format!("connecteur {name} non attaché"))).unwrap();
        assert!(line.contains(words) && line.contains(" ; "), "{line}");
        assert_eq!(scene.drop_in(name), None);
    }
}

#[test]
fn a_module_is_linked_with_its_root_hash_and_shows_below_opt_alone() {
    let scene = Scene::new();
    let hash = scene.image("var/lib/sceau-modules/vendor.raw", "module");
    scene.image("var/lib/sceau-modules/other.raw", "other");
    scene.order("module-attach", json!({ "name": "vendor", "image": hash }));
    let refresh = [
        "systemctl restart sceau-modules.service",
        "systemctl --no-block try-restart sceau-signer@*.service",
        "systemctl --no-block start sceau.target",
    ];
    assert_eq!(scene.apply(""), (0, refresh.map(str::to_owned).to_vec(), String::new()));
    let links: Vec<_> = names(&scene.file("run/extensions"));
    assert_eq!(links, ["vendor.raw", "vendor.roothash"]);
    let link = fs::read_link(scene.file("run/extensions/vendor.raw")).unwrap();
    assert_eq!(link, scene.file("var/lib/sceau-modules/vendor.raw"));
    for beside in ["run/extensions", "var/lib/sceau-modules"] {
        assert_eq!(fs::read_to_string(scene.file(beside).join("vendor.roothash")).unwrap(), hash);
    }
    assert_eq!(scene.apply("").1, [""; 0]);
    // Exchanged on the disk: it is there no longer.
    scene.image("var/lib/sceau-modules/vendor.raw", "exchanged");
    let (code, asked, said) = scene.apply("");
    assert_eq!((code, asked[0].as_str()), (1, "systemctl restart sceau-modules.service"));
    assert!(said.contains("module vendor non attaché : l'image est une autre"), "{said}");
    assert_eq!(names(&scene.file("run/extensions")), [""; 0]);
}

/// A tool that fails is told, and what does not depend on it is done.
#[test]
fn a_tool_that_fails_is_told() {
    let scene = Scene::new();
    let module = scene.image("var/lib/sceau-modules/vendor.raw", "module");
    let hash = scene.image("var/lib/portables/demo.raw", "demo");
    scene.order("module-attach", json!({ "name": "vendor", "image": module }));
    scene.order("connector-attach", json!({ "name": "demo", "image": hash }));
    let (code, asked, said) = scene.apply("sceau-modules");
    assert_eq!(code, 3);
    assert!(said.contains("systemctl a échoué") && said.contains("-u sceau-modules"), "{said}");
    assert!(asked.contains(&"systemctl --no-block restart sceau-connector@demo.service".to_owned()), "{asked:?}");
    // What failed is tried again.
    let (code, asked, _) = scene.apply("");
    assert_eq!((code, asked[0].as_str()), (0, "systemctl restart sceau-modules.service"));
    scene.order("connector-detach", json!({ "name": "demo" }));
    let (code, _, said) = scene.apply("sceau-connector@demo");
    assert_eq!(code, 3);
    assert!(said.contains("systemctl a échoué"), "{said}");
}

/// Without an answer of `sceaud` nothing is touched.
#[test]
fn nothing_is_attached_or_torn_down_without_the_ledger() {
    let mut scene = Scene::new();
    let hash = scene.image("var/lib/portables/demo.raw", "demo");
    scene.order("connector-attach", json!({ "name": "demo", "image": hash }));
    assert_eq!(scene.apply("").0, 0);
    scene.office.door.stop();
    let (code, asked, said) = scene.apply("");
    assert_eq!((code, asked), (3, vec![]));
    assert!(said.contains("ne répond pas"), "{said}");
    assert!(scene.drop_in("demo").is_some());
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
