//! Rights spoiled in one place each; the finding's own remedy repairs it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{assert_seen, check, plan};
use crate::support::skip::skip;

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn each_wrong_right_is_found_and_its_remedy_repairs_it() {
    let establishment = plan().build();
    let cases = [
        ("file-writable", "sceau.toml", 0o666, 2),
        ("file-writable", "applications.toml", 0o664, 2),
        ("file-writable", "practitioners.toml", 0o660, 2),
        ("file-writable", "pki/seal-a.pem", 0o646, 2),
        ("file-writable", "pki/ca.pem", 0o664, 2),
        ("register-readable", "practitioners.toml", 0o644, 2),
        ("pin-readable", "secrets/seal-a.pin", 0o640, 2),
        ("pin-readable", "secrets/seal-a.pin", 0o604, 2),
        ("folder-writable", "pki", 0o777, 2),
        ("folder-writable", "run", 0o775, 2),
        ("folder-writable", "run/signers", 0o777, 2),
        ("folder-writable", "secrets", 0o770, 2),
    ];
    for (rule, file, mode, _) in cases {
        let path = establishment.folder.join(file);
        let before = path.metadata().unwrap().permissions().mode() & 0o7777;
        chmod(&path, mode);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_seen(&establishment, 1, &[(rule, name)]);
        let report = check(&establishment, &["--json"]).json();
        let finding = report["findings"].as_array().unwrap().iter().find(|f| f["rule"] == rule).unwrap().clone();
        assert!(finding["message"].as_str().unwrap().contains(&format!("{mode:04o}")), "{finding}");
        let remedy = finding["remedy"].as_str().unwrap().to_owned();
        let command = remedy.split(" : ").last().unwrap();
        assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{remedy}");
        assert_seen(&establishment, 0, &[]);
        chmod(&path, before);
    }
}

#[test]
fn a_strangers_file_is_found() {
    if !nix::unistd::geteuid().is_root() {
        skip("check: files of other owners", "only root may give files away");
        return;
    }
    let establishment = plan().build();
    for (rule, file) in [
        ("file-owner", "applications.toml"),
        ("file-owner", "pki"),
        ("file-owner", "pki/ca.pem"),
        ("pin-owner", "secrets/seal-a.pin"),
    ] {
        let path = establishment.folder.join(file);
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert_seen(&establishment, 1, &[(rule, path.file_name().unwrap().to_str().unwrap())]);
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    assert_seen(&establishment, 0, &[]);
}

/// What an ordinary user may not look at is said, and is no fault.
#[test]
fn an_ordinary_user_is_told_what_was_not_checked() {
    if !nix::unistd::geteuid().is_root() {
        skip("check: another user's view", "only root may become another user");
        return;
    }
    let establishment = plan().build();
    let copy = establishment.folder.join("sceau");
    std::fs::copy(crate::support::program::program("sceau"), &copy).unwrap();
    chmod(&copy, 0o755);
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
        .arg(&copy)
        .args(["check", "--json", "--config"])
        .arg(establishment.config())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let not_checked = report["not_checked"].to_string();
    for part in ["practitioners.toml", "seal-a.pin", "relancez en root"] {
        assert!(not_checked.contains(part), "{part}: {report}");
    }
    let errors = report["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == "error");
    let errors: Vec<_> = errors.filter(|f| f["rule"] != "clock-unsynchronised").collect();
    assert!(errors.is_empty(), "{report}");
}
