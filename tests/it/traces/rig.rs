//! A ledger that a real daemon wrote, and archives of it under a test's audit key.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::{Command, Output};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use sceau::envelope::Recipient;
use sceau::ledger::Reader;
use sceau::ledger::export::{Checkpointed, ZONE, offset_in};
use sceau::traces::archive::request::{Period, Person, Request, Selection};
use sceau::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use sceau::traces::map::tree::Tree;
use sceau::traces::note::key::VerifierKey;
use sceau::vihf::assertion::Patient;
use sceau::vihf::identity::{Ins, InsOid, PsIdNat};
use sceau::vihf::instant::Instant;

use crate::doorstep::{consultation, physician_login, with};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::varlink::Issued;

const ORIGIN: &str = "ch-exemple.fr/sceau/1";

/// A ledger at rest, with what the callers received.
pub(super) struct Rig {
    pub(super) establishment: Establishment,
    /// Assertions that were released, in their order.
    pub(super) received: Vec<Issued>,
    pub(super) practitioner: String,
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap()
}

fn key() -> VerifierKey {
    VerifierKey::ed25519(ORIGIN, pair().public_key().as_ref()).unwrap()
}

impl Rig {
    /// A physician consults three patients' records, one of them twice, and is refused once; `AUDIT.pub` is laid out.
    pub(super) fn new() -> Self {
        let establishment = Plan::new("traces").key_type(KeyType::P256).build();
        let mut daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        let session = client.open_session(physician_login()).unwrap();
        let whose = [PATIENTS[0], PATIENTS[1], PATIENTS[0], PATIENTS[2]];
        let received = whose.map(|ins| client.consult(&session, ins).unwrap()).into();
        client.issue(with(consultation(&session, PATIENTS[0]), "transaction", "2.1".into())).unwrap_err();
        daemons.sceaud.stop();
        std::fs::write(establishment.folder.join("AUDIT.pub"), format!("{}\n", key())).unwrap();
        let practitioner = physician_login()["practitioner"].as_str().unwrap().to_owned();
        Self { establishment, received, practitioner }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.establishment.folder.join(name)
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.path("ledger")).unwrap()
    }

    /// The ledger's checkpoint.
    pub(super) fn signed(&self, reader: &Reader) -> SignedCheckpoint {
        let mut map: Tree = reader.heads().unwrap().into_iter().collect();
        let frontier = &reader.edge().frontier;
        let sign = |text: &[u8]| Ok::<_, Infallible>(pair().sign(text).as_ref().to_vec());
        Checkpoint::new(ORIGIN, frontier.size(), frontier.root(), map.root()).unwrap().sign(&key(), sign).unwrap()
    }

    /// Everything of the physician.
    pub(super) fn of_practitioner(&self, reader: &Reader) -> Selection {
        let id = PsIdNat::parse(&self.practitioner).unwrap();
        Selection::Practitioners(vec![Person { id, lookup: reader.lookup_key().practitioner(&id) }])
    }

    /// Everything of a patient.
    pub(super) fn of_patient(reader: &Reader, ins: &str, oid: InsOid) -> Selection {
        let id = Patient { ins: Ins::parse(ins).unwrap(), oid };
        Selection::Patient(Person { lookup: reader.lookup_key().patient(&id), id })
    }

    /// Writes an archive under a name; gives its path.
    pub(super) fn export(
        &self,
        name: &str,
        selection: Selection,
        recipients: &[Recipient],
        since: Option<u64>,
    ) -> PathBuf {
        let reader = self.reader();
        let view = Checkpointed::new(&reader, self.signed(&reader)).unwrap();
        let offset = offset_in(ZONE).unwrap();
        let request = Request {
            selection,
            period: Period { from: Instant::from_ms(0), to: Instant::from_ms(4_000_000_000_000) },
            mandate: None,
            since,
            made_at: Instant::from_ms(1_900_000_000_000),
            offset: &offset,
        };
        let path = self.path(name);
        view.export(&request, recipients, std::fs::File::create(&path).unwrap()).unwrap();
        path
    }

    /// What the officer's program makes of a file.
    pub(super) fn judge(&self, file: &std::path::Path, more: &[&str]) -> (Option<i32>, String) {
        let mut verifier = Command::new(program("sceau-verify"));
        let output = verifier.arg("traces").arg(file).arg("--key").arg(self.path("AUDIT.pub")).args(more).output();
        said(&output.unwrap())
    }

    /// Runs a verb of `sceau traces`.
    pub(super) fn sceau(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut sceau = Command::new(program("sceau"));
        sceau.arg("traces").args(arguments).arg("--config").arg(self.establishment.config());
        said(&sceau.output().unwrap())
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}
