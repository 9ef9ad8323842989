//! The ledger of an establishment, read from its file by the side of the daemon that writes it.

use rusqlite::{Connection, OpenFlags};
use sceau::traces::entry::Entry;
use sceau::traces::entry::kind::Kind;

use super::establishment::Establishment;

/// Every entry on the disk, in order.
pub fn entries(of: &Establishment) -> Vec<Entry> {
    leaves(of).iter().map(|leaf| Entry::decode(leaf).unwrap()).collect()
}

/// Every leaf on the disk, in order.
pub fn leaves(of: &Establishment) -> Vec<Vec<u8>> {
    let path = of.folder.join("ledger/ledger.sqlite");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut rows = connection.prepare("SELECT leaf FROM entries ORDER BY idx").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Assertions that were recorded before they were sealed.
pub fn issued(of: &Establishment) -> usize {
    entries(of).iter().filter(|entry| entry.event.kind() == Kind::Issued).count()
}
