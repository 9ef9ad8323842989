//! A sealed key whose wrapping key the TPM keeps: it seals in an approved state of the machine, and the disk alone has nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::rig::Machine;
use super::sealing_rig::{PCRS, Sealing};
use super::tpm_keys::verify;
use crate::doorstep::physician_login;
use crate::support::daemons::Daemons;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::skip::skip;
use crate::support::swtpm::Swtpm;

/// Every file below that folder which holds these bytes.
fn files_with(bytes: &[u8], folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let found = entries.flat_map(|entry| {
        let (kind, path) = (entry.file_type().unwrap(), entry.path());
        let holds = kind.is_file() && fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes);
        if kind.is_dir() { files_with(bytes, &path) } else { Vec::from_iter(holds.then_some(path)) }
    });
    found.collect()
}

#[test]
fn a_sealed_key_seals_where_the_tpm_gives_its_wrapping_key_and_nowhere_else() {
    let test = "attest::a_sealed_key_seals_where_the_tpm_gives_its_wrapping_key_and_nowhere_else";
    let missing = Machine::missing();
    if !missing.is_empty() {
        return skip(test, &format!("not installed: {}", missing.join(", ")));
    }
    let plan = Plan::new("wrapping").key_type(KeyType::P256).keys(KeyOrigin::Sealed);
    let sealing = Sealing::on(Machine::of(Swtpm::bare(), plan), &PCRS);
    let folder = sealing.machine.establishment.folder.clone();
    let (given, drawn) = ("secrets/seal-a.pin", sealing.path("pin"));
    fs::rename(sealing.path(given), &drawn).unwrap();
    let wrapping = fs::read_to_string(&drawn).unwrap().trim().to_owned();
    let attestd = sealing.machine.attestd();
    sealing.machine.define_counter();
    let sealing = sealing.created();
    fs::remove_file(&drawn).unwrap();
    assert_eq!(files_with(wrapping.as_bytes(), &folder), Vec::<PathBuf>::new(), "the disk has the wrapping key");
    let open = ["open", "--out", given, "--boot-pin-file", "boot"];
    sealing.done(&open);
    assert_eq!(files_with(wrapping.as_bytes(), &folder), [sealing.path(given)]);
    let establishment = &sealing.machine.establishment;
    let daemons = Daemons::start(establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    verify(establishment, &client.consult(&session, PATIENTS[0]).unwrap().assertion);
    drop((client, daemons));
    // The next boot, of something else: nothing is left in memory, and the TPM gives nothing.
    fs::remove_file(sealing.path(given)).unwrap();
    sealing.machine.tpm.extend(11, 'b');
    sealing.refused(&open, 1, &["policy-refused"]);
    assert_eq!(files_with(wrapping.as_bytes(), &folder), Vec::<PathBuf>::new());
    drop(attestd);
}
