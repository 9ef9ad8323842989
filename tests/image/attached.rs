//! Foreign software as it is published: each image judged by the certificate that the system's root has for vendors.

use std::process::Command;

use super::artefacts::{VERSION, built, key};
use super::support::program::program;
use super::support::softhsm::run;

#[test]
fn foreign_software_is_published_signed_and_whole() {
    let vendors = tempfile::tempdir().unwrap();
    std::fs::copy(key("extensions.crt"), vendors.path().join("sceau.crt")).unwrap();
    let published = built(&format!("sceau_{VERSION}"));
    let sums = std::fs::read_to_string(published.join("SHA256SUMS")).unwrap();
    for name in
        ["connectors/demo", "connectors/gate", "connectors/metrics", "connectors/syslog", "modules/softhsm"]
    {
        let image = published.join(format!("{name}.raw"));
        let told = std::fs::read_to_string(published.join(format!("{name}.roothash"))).unwrap();
        let mut inspect = Command::new(program("sceau"));
        inspect.args(["connectors", "inspect", "--json"]).arg(&image).arg("--vendors").arg(vendors.path());
        let judged: serde_json::Value = serde_json::from_str(&run(&mut inspect)).unwrap();
        assert_eq!(judged, serde_json::json!({ "image": told.trim(), "signed": true }), "{name}");
        assert!(sums.contains(&format!("  {name}.raw\n")), "{name} is not under the publisher's signature");
    }
}
