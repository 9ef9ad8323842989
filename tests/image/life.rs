//! Machines that were switched on before: what a test needs of them is booted once for all tests.

use std::sync::LazyLock;

use super::artefacts;
use super::machine::Machine;

/// What the console says once everything of the boot is there.
pub(crate) const READY: &str = "Sceau";

/// A machine after its first boot: it has made its state, and nobody has provisioned it.
static FIRST: LazyLock<Machine> = LazyLock::new(|| {
    let mut machine = fresh();
    let mut boot = machine.boot();
    boot.says(READY);
    boot.power_button();
    drop(boot);
    machine
});

/// A machine as it is delivered: it was never switched on.
pub(crate) fn fresh() -> Machine {
    Machine::new(&artefacts::disk(artefacts::VERSION))
}

/// A machine that was switched on before, for one test alone.
pub(crate) fn lived_in() -> Machine {
    FIRST.twin()
}
