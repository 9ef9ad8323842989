//! Machines that were switched on before: what a test needs of them is booted once for all tests.

use std::sync::LazyLock;

use super::artefacts;
use super::machine::Machine;
use super::officer::Officer;
use super::site::Site;

/// A machine as it is delivered: it was never switched on.
pub(crate) fn fresh() -> Machine {
    Machine::new(&artefacts::disk(artefacts::VERSION))
}

/// An appliance, whose it is, and the officer who judges it.
pub(crate) struct Appliance {
    pub(crate) machine: Machine,
    pub(crate) site: Site,
    pub(crate) officer: Officer,
    /// What it answered to the provisioning, then to its certificate.
    pub(crate) answers: [String; 2],
}

/// Provisioned, certified and enrolled in its first boot, by a stick that goes to and fro.
static PROVISIONED: LazyLock<Appliance> = LazyLock::new(|| {
    let (mut machine, site) = (fresh(), Site::new());
    let officer = Officer::new(&machine.chip_authorities());
    site.provision(machine.stick());
    let mut boot = machine.boot();
    let first = boot.comes_up();
    assert!(first.contains("attend ses certificats"), "{first}\n{}", boot.tail());
    let second = boot.brings(|stick| {
        site.certify(stick);
        officer.challenge(stick);
    });
    officer.enrolled(boot.stick());
    drop(boot);
    Appliance { machine, site, officer, answers: [first, second] }
});

/// The appliance that all tests share: it is off, and stays so.
pub(crate) fn provisioned() -> &'static Appliance {
    &PROVISIONED
}

/// Switched on once: it has made its state, answered, and lost its power. Attacks begin there, so that what is amiss with a
/// provisioning hides none of them.
static LIVED_IN: LazyLock<Machine> = LazyLock::new(|| {
    let mut machine = fresh();
    let answer = visited(&mut machine);
    assert!(answer.contains("État : vierge"), "{answer}");
    machine
});

/// A machine that was switched on before, for one test alone.
pub(crate) fn lived_in() -> Machine {
    LIVED_IN.twin()
}

/// One boot: up, the stick visited, then the power is cut: what an answer says was done is on the disk.
pub(crate) fn visited(machine: &mut Machine) -> String {
    machine.boot().comes_up()
}
