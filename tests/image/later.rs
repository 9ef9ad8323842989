//! The appliance's next boots, as one life for all tests: an assertion, evidence on a stick and a probe, until its power is cut; an
//! assertion again; then the disk of before.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::artefacts;
use super::life::provisioned;
use super::machine::{BOOT, Boot, LOOK_EVERY};
use super::support::varlink::Issued;
use super::support::wait::watched;
use super::token::{application, issue, print, ready};

/// How the probe's report ends (`probes/probe`).
const PROBE_END: &[u8] = b"== end\n";

/// What they came to.
pub(crate) struct Later {
    /// An assertion of each of two boots; the first one ended with its power.
    pub(crate) issued: [Issued; 2],
    /// What the first one answered on a stick.
    pub(crate) answer: String,
    /// Exit code and verdict on the evidence of the provisioning boot and of this one, then on the latter's by other values.
    pub(crate) verdicts: [(i32, Value); 3],
    /// What an intruder in a connector of its own could do.
    pub(crate) probed: String,
    /// What it says of itself when it is switched on with its disk as it was between the two.
    pub(crate) rolled_back: Value,
}

static LATER: LazyLock<Later> = LazyLock::new(|| {
    let (mut machine, site) = (provisioned().machine.twin(), &provisioned().site);
    let officer = provisioned().officer.twin();
    let before = officer.judges(provisioned().machine.stick(), &artefacts::reference());

    machine.pull_stick();
    let mut boot = machine.boot();
    // From the beginning: what the probe says to nobody is lost.
    let peer = UnixStream::connect(boot.peer()).unwrap();
    let first = issue(&mut ready(&boot, site), site);
    print(&format!("boot to first token: {} s", boot.seconds()));
    let answer = boot.is_given(|stick| {
        officer.nonce(stick);
        // The same file again: it knows that it was applied.
        site.provision(stick);
        site.order_probe(stick);
    });
    let now = officer.judges(boot.stick(), &artefacts::reference());
    let other = officer.judges(boot.stick(), of_another_image().path());
    print(&format!("evidence of two boots: exit codes {} and {}, by other values {}", before.0, now.0, other.0));
    assert!(answer.contains("3-sonde.json"), "{answer}\n{}", boot.tail());
    let probed = probed(&boot, peer);
    print(&format!("boot, a token, a visit and a probe: {} s", boot.seconds()));
    drop(boot);

    let old = machine.copy_of_disk();
    let boot = machine.boot();
    let second = issue(&mut ready(&boot, site), site);
    drop(boot);

    machine.with_disk(&old);
    let boot = machine.boot();
    let mut client = application(&boot, site);
    let mut rolled_back = Value::Null;
    watched(LOOK_EVERY, BOOT, || {
        rolled_back = client.try_call("fr.sceau.Token.Status", json!({})).ok()?.ok()?;
        (rolled_back["state"] == "halted" || rolled_back["ready"] == true).then_some(())
    });
    print(&format!("boot with a disk of before, to its refusal: {} s", boot.seconds()));
    Later { issued: [first, second], answer, verdicts: [before, now, other], probed, rolled_back }
});

/// The probe's report, to its end.
fn probed(boot: &Boot<'_>, mut peer: UnixStream) -> String {
    peer.set_read_timeout(Some(BOOT)).unwrap();
    let (mut report, mut bytes) = (Vec::new(), [0; 4096]);
    while !report.windows(PROBE_END.len()).any(|window| window == PROBE_END) {
        let len = peer.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {}", boot.tail()));
        assert!(len > 0, "its peer is gone: {}", boot.tail());
        report.extend_from_slice(&bytes[..len]);
    }
    String::from_utf8(report).unwrap()
}

/// What all tests share.
pub(crate) fn later() -> &'static Later {
    &LATER
}

/// Reference values with another PCR 11.
fn of_another_image() -> tempfile::NamedTempFile {
    let other = tempfile::NamedTempFile::new().unwrap();
    let mut values: Value =
        serde_json::from_str(&std::fs::read_to_string(artefacts::reference()).unwrap()).unwrap();
    for admitted in values["admitted"].as_array_mut().unwrap() {
        for value in admitted["pcrs"].as_array_mut().unwrap().iter_mut().filter(|value| value["pcr"] == 11) {
            value["sha256"] = "5".repeat(64).into();
        }
    }
    std::fs::write(other.path(), values.to_string()).unwrap();
    other
}
