//! The ledger of the tests as an archive's source.

use zeroize::Zeroizing;

use super::*;
use crate::traces::archive::source::Source;
use crate::traces::entry::key::Revealed;
use crate::traces::merkle::tests::Kept;

/// A ledger in memory at its present size.
pub(super) struct Snapshot {
    leaves: Vec<Vec<u8>>,
    heads: BTreeMap<Digest, Head>,
    nodes: Kept,
    map: Stored,
    pub(super) signed: SignedCheckpoint,
    /// Number of a data key that is no more.
    pub(super) destroyed: Option<u64>,
}

impl Snapshot {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut map = Stored::default();
        map.set(ledger.heads.clone());
        let (_, nodes) = grown(&ledger.hashes());
        Self {
            leaves: ledger.leaves.clone(),
            heads: ledger.heads.clone(),
            nodes,
            map,
            signed: ledger.signed(),
            destroyed: None,
        }
    }
}

impl Source for Snapshot {
    type Error = ();

    fn checkpoint(&self) -> &SignedCheckpoint {
        &self.signed
    }

    fn leaf(&self, index: u64) -> Result<Vec<u8>, ()> {
        self.leaves.get(index as usize).cloned().ok_or(())
    }

    fn inclusion(&self, index: u64) -> Result<Vec<Digest>, ()> {
        prove::inclusion(&self.nodes, index, self.leaves.len() as u64).map_err(|_| ())
    }

    fn consistency(&self, first: u64) -> Result<Vec<Digest>, ()> {
        prove::consistency(&self.nodes, first, self.leaves.len() as u64).map_err(|_| ())
    }

    fn head(&self, practitioner: &Digest) -> Result<Option<Head>, ()> {
        Ok(self.heads.get(practitioner).copied())
    }

    fn map_proof(&self, practitioner: &Digest) -> Result<MapProof, ()> {
        MapProof::of(&self.map, practitioner).map_err(|_| ())
    }

    fn of_patient(&self, patient: &Digest) -> Result<Vec<u64>, ()> {
        let names = |leaf: &Vec<u8>| {
            Entry::decode(leaf).unwrap().event.patient().is_some_and(|sealed| sealed.lookup == *patient)
        };
        Ok((0..).zip(&self.leaves).filter(|(_, leaf)| names(leaf)).map(|(index, _)| index).collect())
    }

    fn data_key(&self, person: &Digest, id: u64) -> Result<Option<Revealed>, ()> {
        if self.destroyed == Some(id) {
            return Ok(None);
        }
        let known = if id == patient_key().id() { (2, [30; 32]) } else { practitioner_secret(Some(*person)) };
        assert_eq!(known.0, id);
        Ok(Some(Revealed::new(id, Zeroizing::new(known.1))))
    }
}
