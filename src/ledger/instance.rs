//! Which ledger this is: a random name that orders carry, so that one signed for another ledger orders nothing here.
//!
//! A restore draws a new name with its generation: orders for the time before are then another ledger's.

use rusqlite::{Connection, params};

use super::store::{StoreError, number};

/// Random bytes of a name.
const NAME_LEN: usize = 16;

/// Name and generation of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// 32 hexadecimal digits.
    pub id: String,
    /// 1, and one more for each restore.
    pub generation: u64,
}

impl Instance {
    /// What the store has.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let (id, generation) = connection
            .query_row("SELECT id, generation FROM instance", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { id, generation: number(generation)? })
    }
}

/// Opens the next generation of a ledger under a name of its own; a new ledger's is the first.
///
/// What a crash leaves is the transaction's: the connection is in one.
pub(super) fn draw(connection: &Connection) -> Result<(), StoreError> {
    let mut name = [0; NAME_LEN];
    aws_lc_rs::rand::fill(&mut name).map_err(|_| StoreError::Random)?;
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    connection.execute(
        "INSERT INTO instance VALUES (0, ?1, 1) ON CONFLICT DO UPDATE SET id = excluded.id, generation = generation + 1",
        params![name],
    )?;
    Ok(())
}
