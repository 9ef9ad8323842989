//! The demonstration connector's own script between a host's channel and `sceaud`: what is issued inside is verified outside.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};

use crate::doorstep::{physician_login, until};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::varlink::Client;

/// The connector as systemd starts it, the channel on its standard input and output; it ends with its test.
struct Connector(Child);

impl Connector {
    fn start(channel: UnixStream, token: &Path) -> Connector {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/connectors/demo/extra/usr/bin/connector");
        let input = OwnedFd::from(channel.try_clone().unwrap());
        let mut command = Command::new(script);
        command.env("CONNECTOR_TOKEN", token).stdin(input).stdout(OwnedFd::from(channel));
        Connector(command.spawn().unwrap())
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The host's side is a socket, as QEMU makes it of a serial port of a virtual machine.
#[test]
fn a_vihf_issued_inside_reaches_the_host() {
    if Command::new("socat").arg("-V").output().is_err() {
        skip("connectors::a_vihf_issued_inside_reaches_the_host", "socat is not installed");
        return;
    }
    let establishment = Plan::new("host").key_type(KeyType::P256).build();
    let daemons = Daemons::start(&establishment);
    let host = establishment.folder.join("run/host.sock");
    let listener = UnixListener::bind(&host).unwrap();
    let mut client = Client::through(&establishment, &host);
    let mut connector = Connector::start(listener.accept().unwrap().0, &establishment.token_socket());
    let session = client.open_session(physician_login()).unwrap();
    let issued = client.consult(&session, PATIENTS[0]).unwrap();
    let vihf = establishment.folder.join("host.xml");
    std::fs::write(&vihf, &issued.assertion).unwrap();
    let mut verify = Command::new(program("sceau-verify"));
    verify.arg("vihf").arg(&vihf).args(["--profile", &establishment.profile]);
    for trusted in ["pki/ca.pem", "pki/intermediate.pem"] {
        verify.arg("--trust").arg(establishment.folder.join(trusted));
    }
    let judged = verify.output().unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    // A host that goes away is waited for, since its channel says the same as one that nobody has opened yet; Sceau that goes away
    // ends it, and systemd starts it anew.
    drop(client);
    assert!(connector.0.try_wait().unwrap().is_none(), "it ended with its host");
    drop(daemons);
    until("the connector has ended", || connector.0.try_wait().unwrap().is_some());
}
