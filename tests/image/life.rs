//! Machines that were switched on before: what a test needs of them is booted once for all tests.

use std::sync::LazyLock;

use super::artefacts;
use super::machine::{End, Machine};
use super::site::Site;

/// A machine as it is delivered: it was never switched on.
pub(crate) fn fresh() -> Machine {
    Machine::new(&artefacts::disk(artefacts::VERSION))
}

/// An appliance, and whose it is.
pub(crate) struct Appliance {
    pub(crate) machine: Machine,
    pub(crate) site: Site,
    /// What it answered to the provisioning, then to its certificate.
    pub(crate) answers: [String; 2],
}

/// Provisioned at its first boot by a signed file, certified at its second one.
static PROVISIONED: LazyLock<Appliance> = LazyLock::new(|| {
    let (mut machine, site) = (fresh(), Site::new());
    site.provision(machine.stick());
    let first = visited(&mut machine);
    site.certify(machine.stick());
    let second = visited(&mut machine);
    Appliance { machine, site, answers: [first, second] }
});

/// The appliance that all tests share: it is off, and stays so.
pub(crate) fn provisioned() -> &'static Appliance {
    &PROVISIONED
}

/// A machine that was switched on before, for one test alone.
pub(crate) fn lived_in() -> Machine {
    provisioned().machine.twin()
}

/// One boot: up, the stick visited, and off in good order.
pub(crate) fn visited(machine: &mut Machine) -> String {
    let mut boot = machine.boot();
    let answer = boot.comes_up();
    assert_eq!(boot.power_button(), End::PoweredOff, "{}", boot.tail());
    answer
}
