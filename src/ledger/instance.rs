//! Which ledger this is: a random name that orders carry, so that one signed for another ledger orders nothing here.
//!
//! A new generation draws a new name: orders for the time before, used up in what was lost or not, are then another ledger's.

use rusqlite::{Connection, params};

use super::memories;
use super::store::{StoreError, number};
use crate::traces::audit::{FIRST_GENERATION, Generation};

/// Random bytes of a name.
const NAME_LEN: usize = 16;

/// Name and generation of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its number is 1, and one more each time that it goes on from an older copy.
    pub generation: Generation,
}

impl Default for Instance {
    fn default() -> Self {
        Self { id: String::new(), generation: FIRST_GENERATION.into() }
    }
}

impl Instance {
    /// What the store has.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let (id, life) = connection
            .query_row("SELECT id, generation FROM instance", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let life = number(life)?;
        // The name that was made with the declaration; one of before marks were made has its number alone.
        let named = memories::read(connection, memories::GENERATION)?.and_then(|text| Generation::parse(&text));
        let generation = named.filter(|named| named.number() == life).unwrap_or(life.into());
        Ok(Self { id, generation })
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
