//! What refuses the start, who may connect, what the command line says.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use sceau::seal::key::requirements;
use sceau::seal::wire::{Answer, Request};

use super::rig::{PIN, Rig, Setting};
use crate::support::key_kind::KeyOrigin;

fn production() -> Setting<'static> {
    Setting { mode: "production", ..Setting::default() }
}

#[test]
fn production_takes_a_key_made_in_the_token_and_kept_there() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&production());
    let key = rig.start("seal-a-1").connect().hello();
    assert_eq!(requirements(&key.attributes), Ok(()), "{:?}", key.attributes);
}

#[test]
fn production_refuses_an_extractable_key_and_test_mode_takes_it() {
    let rig = Rig::empty();
    rig.generate("EC:prime256v1", &["--extractable"]);
    rig.configure(&production());
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("CKA_EXTRACTABLE") && message.contains("générez"), "{message}");
    rig.configure(&Setting::default());
    let key = rig.start("seal-a-1").connect().hello();
    assert_eq!((key.attributes.extractable, key.attributes.never_extractable), (Some(true), Some(false)));
}

#[test]
fn production_refuses_an_imported_key() {
    let rig = Rig::empty();
    rig.tool(
        "openssl",
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "imported.pem"],
    );
    let label = ["--import", "imported.pem", "--token", "sceau-test", "--label", "seal-a", "--id", "01"];
    rig.tool("softhsm2-util", &[label.as_slice(), &["--pin", PIN]].concat());
    rig.configure(&production());
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("CKA_LOCAL") && message.contains("générez"), "{message}");
    rig.configure(&Setting::default());
    assert_eq!(rig.start("seal-a-1").connect().hello().attributes.local, Some(false));
}

#[test]
fn a_key_that_is_no_seal_refuses_the_start() {
    for kind in ["rsa:1024", "EC:secp521r1"] {
        let rig = Rig::new(kind);
        let (code, message) = rig.refused("seal-a-1");
        assert!(code == Some(2) && message.contains("P-256 ou P-384"), "{kind}: {message}");
    }
}

#[test]
fn usage_and_configuration_errors_exit_two_with_the_remedy() {
    let rig = Rig::new("EC:prime256v1");
    for instance in ["seal-a", "seal-a-0", "seal-a-3", "seal-a-01", "seal-b-1", ""] {
        let (code, message) = rig.refused(instance);
        assert!(code == Some(2) && message.contains("seal-a-1, seal-a-2"), "{instance}: {message}");
    }
    for (uri, part) in [
        ("pkcs11:object=seal-a?pin-value=secretpin", "pin_file"),
        ("pkcs11:object=seal-a;type=cert", "type=private"),
        ("pkcs11:object=seal-a;x-vendor=1", "x-vendor"),
    ] {
        rig.configure(&Setting { uri, ..Setting::default() });
        let (code, message) = rig.refused("seal-a-1");
        assert!(code == Some(2) && message.contains(part) && !message.contains("secretpin"), "{uri}: {message}");
    }
    rig.configure(&Setting { client: "no-such-user", ..production() });
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("no-such-user") && message.contains("signer_client"), "{message}");
    rig.configure(&Setting { client: "no-such-user", ..Setting::default() });
    assert!(matches!(rig.start("seal-a-1").connect().ask(&Request::Hello), Answer::Key(_)));
}

#[test]
fn what_may_pass_by_itself_exits_three_so_that_systemd_tries_again() {
    KeyOrigin::KEYRINGS.into_iter().for_each(what_may_pass_exits_three);
}

fn what_may_pass_exits_three(keys: KeyOrigin) {
    let rig = Rig::with(keys, "EC:prime256v1");
    fs::remove_dir(rig.path("run")).unwrap();
    fs::write(rig.path("run"), "").unwrap();
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(3) && message.contains("sockets.signers"), "{message}");
    fs::remove_file(rig.path("run")).unwrap();
    rig.start("seal-a-1").connect().hello();
}

#[test]
fn help_is_complete_and_french() {
    let signer = env!("CARGO_BIN_EXE_sceau-signer");
    let output = Command::new(signer).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "Utilisation",
        "--config",
        "--instance",
        "/etc/sceau/sceau.toml",
        "pin-refused",
        "STATE_DIRECTORY",
        "Codes de sortie",
    ] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    assert_eq!(Command::new(signer).arg("--frobnicate").output().unwrap().status.code(), Some(2));
}

/// Asks for the counters as user nobody; what came back, in hexadecimal.
fn as_nobody(socket: &Path) -> String {
    let program = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(20)\ns.connect(sys.argv[1])\n\
                   try:\n s.sendall(b'\\0\\0\\0\\1\\4')\n print(s.recv(99).hex())\nexcept (BrokenPipeError,ConnectionResetError):\n print()";
    let user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "python3", "-c", program];
    let output = Command::new("setpriv").args(user).arg(socket).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn only_the_configured_client_and_the_signers_own_user_are_answered() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        // Setting another uid takes root.
        eprintln!("SKIPPED: needs root");
        return;
    }
    let both = KeyOrigin::KEYRINGS.map(|keys| [(keys, "", false), (keys, "nobody", true)]);
    for (keys, client, answered) in both.into_iter().flatten() {
        let rig = Rig::with(keys, "EC:prime256v1");
        rig.configure(&Setting { client, ..Setting::default() });
        let signer = rig.start("seal-a-1");
        let mode = fs::metadata(&signer.socket).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o660);
        // Every door of the file system opened: only SO_PEERCRED is left to refuse.
        for (path, mode) in [(rig.folder.path(), 0o755), (&rig.path("run"), 0o755), (&signer.socket, 0o666)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let answer = as_nobody(&signer.socket);
        assert_eq!(answer.starts_with("0000001983"), answered, "client {client:?}: {answer:?}");
        assert_eq!(answer.is_empty(), !answered);
        signer.connect().hello();
    }
}
