//! Opening: the log against its edge, the views against the log; views that are behind are made anew, others halt.

use std::collections::{BTreeMap, HashSet};

use rusqlite::params;

use super::change::{Change, Course};
use super::fold::FOLD_ENTRIES;
use super::line::Written;
use super::restored::{Reportable, Spent};
use super::store::{Edge, Folded, Store, StoreError, digest, number, row_id};
use super::views::{Pending, Tail, Views};
use crate::traces::digest::Digest;
use crate::traces::entry::event::Event;
use crate::traces::entry::outcome::Outcome;
use crate::traces::entry::word::Word;
use crate::traces::entry::{Entry, Head};
use crate::traces::map::tree::Tree;
use crate::traces::merkle::frontier::Frontier;
use crate::traces::merkle::tile::{self, Tile};
use crate::traces::merkle::{Nodes, leaf_hash};
use crate::vihf::instant::Instant;

/// Newest folded leaves that are held against tiles and heads: more than one commit ever has.
const RECHECKED: u64 = 1024;
/// Newest entries among which assertions are looked for that may still be reported on: half a second to read, and the issues
/// of an hour at ten a second.
const REPORTABLE_ENTRIES: u64 = 1 << 16;

impl Store {
    /// The log's edge and the views of it, at the end of the log.
    ///
    /// After `Ok`: the entries are without gap; those behind the last fold and the tree before them give exactly the committed
    /// edge; the views are folded up to it. Costs the heads, the tail and [`RECHECKED`] leaves, whatever the log's length.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: log, edge and views contradict each other, as no crash leaves them.
    pub(super) fn recover(&mut self, now: Instant) -> Result<(Edge, Views), StoreError> {
        let (edge, folded) = self.edge()?;
        let size = edge.frontier.size();
        let last: Option<i64> = self.connection.query_row("SELECT max(idx) FROM entries", [], |row| row.get(0))?;
        if last.map_or(Ok(0), |last| number(last).map(|last| last + 1))? != size {
            return Err(StoreError::Broken("the number of entries"));
        }
        if folded.size > size {
            return Err(StoreError::Broken("views are ahead of the log"));
        }
        self.check_edge(&edge, folded)?;
        let mut views = self.views(folded)?;
        self.check_newest(folded, &views)?;
        // What a crash, or a restored copy without views, left behind; each chunk folded is not done again.
        let mut from = folded.size;
        while from < size {
            let to = size.min(from + FOLD_ENTRIES as u64);
            self.leaves(from..to, |index, leaf| {
                let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
                if entry.index != index {
                    return Err(StoreError::Broken("an entry is not at its place"));
                }
                views.replay(Change::of(entry, leaf_hash(leaf)))
            })?;
            self.fold(&mut views, folded.window_ms, now)?;
            from = to;
        }
        Ok((edge, views))
    }

    /// The tree of the tiles, with the leaves behind them, has the committed edge.
    fn check_edge(&self, edge: &Edge, folded: Folded) -> Result<(), StoreError> {
        let frontier = tile::frontier(&Tiles(self), folded.size)?;
        let mut frontier: Frontier = frontier.ok_or(StoreError::Broken("the tree's edge"))?;
        self.leaves(folded.size..edge.frontier.size(), |_, leaf| {
            frontier.append(leaf_hash(leaf), |_| {});
            Ok::<_, StoreError>(())
        })?;
        if frontier == edge.frontier { Ok(()) } else { Err(StoreError::Broken("the entries are not the tree's")) }
    }

    /// The views as they were folded.
    fn views(&self, folded: Folded) -> Result<Views, StoreError> {
        let tiles = tile::Edge::load(folded.size, |level, index| self.tile(level, index))?;
        let tiles = tiles.ok_or(StoreError::Broken("a tile is not the tree's"))?;
        let mut map = Tree::default();
        self.heads(|practitioner, head| {
            if head.last >= folded.size {
                return Err(StoreError::Broken("a head is ahead of the log"));
            }
            map.set(practitioner, head);
            Ok(())
        })?;
        let mut rows = self.connection.prepare("SELECT idx, chain, expires_ms FROM pending")?;
        let mut rows = rows.query([])?;
        let mut pending = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (chain, expires): (Vec<u8>, i64) = (row.get(1)?, row.get(2)?);
            let one = Pending { chain: digest(&chain)?, expires: Instant::from_ms(expires) };
            pending.insert(number(row.get(0)?)?, one);
        }
        Ok(Views { map, pending, tiles, tail: Tail::default() })
    }

    /// The newest folded leaves are those of the tiles, and the newest of each practitioner is its head.
    fn check_newest(&self, folded: Folded, views: &Views) -> Result<(), StoreError> {
        let mut newest: BTreeMap<Digest, Head> = BTreeMap::new();
        let mut tile: Option<Tile> = None;
        self.leaves(folded.size.saturating_sub(RECHECKED)..folded.size, |index, leaf| {
            let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
            let at = index / tile::WIDTH as u64;
            if tile.as_ref().is_none_or(|tile| tile.index != at) {
                tile = self.tile(0, at)?;
            }
            let hash = tile.as_ref().and_then(|tile| tile.node(0, index));
            if entry.index != index || hash != Some(leaf_hash(leaf)) {
                return Err(StoreError::Broken("an entry is not the one that was hashed"));
            }
            newest.extend(entry.link.map(|link| (link.practitioner, link.head(index))));
            Ok(())
        })?;
        if newest.iter().all(|(practitioner, head)| views.map.get(practitioner) == Some(*head)) {
            Ok(())
        } else {
            Err(StoreError::Broken("a head is not the newest entry's"))
        }
    }

    /// A stored tile.
    pub(super) fn tile(&self, level: u8, index: u64) -> Result<Option<Tile>, StoreError> {
        use rusqlite::OptionalExtension as _;
        let mut row = self.connection.prepare_cached("SELECT hashes FROM tiles WHERE level = ?1 AND idx = ?2")?;
        let hashes: Option<Vec<u8>> =
            row.query_row(params![level, row_id(index)?], |row| row.get(0)).optional()?;
        let tile = |bytes: Vec<u8>| {
            Tile::from_bytes(level, index, &bytes).ok_or(StoreError::Broken("a tile of another length"))
        };
        hashes.map(tile).transpose()
    }

    /// Gives the heads that were folded, sorted.
    pub(super) fn heads(
        &self,
        mut each: impl FnMut(Digest, Head) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT practitioner, last, count FROM heads ORDER BY practitioner";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let practitioner: Vec<u8> = row.get(0)?;
            let head = Head { last: number(row.get(1)?)?, count: number(row.get(2)?)? };
            each(digest(&practitioner)?, head)?;
        }
        Ok(())
    }

    /// Nonces whose window is open at `now`, of a log that is folded.
    pub(super) fn nonces(&self, now: Instant) -> Result<Vec<Spent>, StoreError> {
        let sql = "SELECT application, until_ms, marks FROM nonces WHERE until_ms > ?1 ORDER BY until_ms";
        let mut rows = self.connection.prepare(sql)?;
        let mut rows = rows.query([now.ms()])?;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            let (application, until, marks): (String, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let application = Word::parse(&application).ok_or(StoreError::Broken("an application's name"))?;
            let marks = marks.chunks(Digest::LEN).map(digest).collect::<Result<_, _>>()?;
            pages.push(Spent { application, until: Instant::from_ms(until), marks });
        }
        Ok(pages)
    }

    /// Assertions among the newest entries that were handed over, or may have been.
    pub(super) fn reportable(&self, edge: &Edge, views: &Views) -> Result<Vec<Reportable>, StoreError> {
        let size = edge.frontier.size();
        let (mut issued, mut lost) = (Vec::new(), HashSet::new());
        self.leaves(size.saturating_sub(REPORTABLE_ENTRIES)..size, |index, leaf| {
            let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
            let chain = entry.link.map(|link| link.practitioner);
            if let Event::Issued(event) = entry.event {
                let until = views.pending.get(&index).map(|pending| pending.expires);
                let (application, id) = (event.setting.application, event.assertion_id);
                issued.push(Reportable { application, id, written: Written { index, chain }, until });
            } else if let Course::Outcome { of, outcome: Outcome::Failed | Outcome::Expired } =
                Change::of(entry, Digest::default()).course
            {
                lost.insert(of);
            }
            Ok::<_, StoreError>(())
        })?;
        issued.retain(|one| !lost.contains(&one.written.index));
        Ok(issued)
    }
}

/// The nodes that the stored tiles have.
struct Tiles<'s>(&'s Store);

impl Nodes for Tiles<'_> {
    type Error = StoreError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, StoreError> {
        let (tile, first) = (level / tile::HEIGHT, index << (level % tile::HEIGHT));
        let tile = self.0.tile(tile, first / tile::WIDTH as u64)?;
        tile.and_then(|tile| tile.node(level, index)).ok_or(StoreError::Broken("a tile is missing"))
    }
}
