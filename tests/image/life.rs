//! Machines that were switched on before: what a test needs of them is booted once for all tests.

use std::sync::LazyLock;

use super::artefacts;
use super::machine::{End, Machine};
use super::officer::Officer;
use super::site::Site;
use super::token::print;

/// A machine as it is delivered: it was never switched on.
pub(crate) fn fresh() -> Machine {
    Machine::new(&artefacts::disk(artefacts::VERSION))
}

/// An appliance, whose it is, and the officer who judges it.
pub(crate) struct Appliance {
    pub(crate) machine: Machine,
    pub(crate) site: Site,
    pub(crate) officer: Officer,
    /// What it answered to the provisioning, to its certificate, to its operators' orders.
    pub(crate) answers: [String; 3],
    /// How its power button ended that boot.
    pub(crate) end: End,
}

/// Provisioned, certified, enrolled, with operators and a connector, in its first boot, by a stick that goes to and fro.
static PROVISIONED: LazyLock<Appliance> = LazyLock::new(|| {
    let (mut machine, site) = (fresh(), Site::new());
    let officer = Officer::new(&machine.chip_authorities());
    site.provision(machine.stick());
    let mut boot = machine.boot();
    let provisioned = boot.comes_up();
    assert!(provisioned.contains("attend ses certificats"), "{provisioned}\n{}", boot.tail());
    assert!(provisioned.contains("TPM enrôlé"), "{provisioned}\n{}", boot.tail());
    print(&format!("power to provisioned, state made on the way: {} s", boot.seconds()));
    let certified = boot.brings(|stick| {
        site.certify(stick, "seal");
        officer.challenge(stick);
    });
    officer.enrolled(boot.stick());
    let ordered = boot.brings(|stick| {
        site.order_connector(stick);
        officer.nonce(stick);
    });
    assert!(ordered.contains("2-connecteur.json"), "{certified}\n{ordered}\n{}", boot.tail());
    print(&format!("power to a machine that serves, three visits on the way: {} s", boot.seconds()));
    let end = boot.power_button();
    drop(boot);
    Appliance { machine, site, officer, answers: [provisioned, certified, ordered], end }
});

/// The appliance that all tests share: it is off, and stays so.
pub(crate) fn provisioned() -> &'static Appliance {
    &PROVISIONED
}

/// A machine that has a state of its own and serves, for one test alone.
pub(crate) fn lived_in() -> Machine {
    provisioned().machine.twin()
}

/// One boot: up, the stick visited, then the power is cut: what an answer says was done is on the disk.
pub(crate) fn visited(machine: &mut Machine) -> String {
    machine.boot().comes_up()
}
