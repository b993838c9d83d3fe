//! Appending by place: the sequencer of a server says which leaf it adds where, so that the log need
//! not remember its leaves to add each once.

use super::{Appended, BUNDLE_BYTES_MAX, Loaded, Log, LogError, TILE_BYTES_MAX, load_bundle, read};
use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::merkle::{Edge, Hash, leaf_hash};
use crate::note::SigningKey;
use crate::tile::{self, Level, TILE_WIDTH, Tile, levels};

impl Log {
    /// As [`Log::open`], but reads only the right edge of the tree.
    pub fn open_in_order(disk: Box<dyn Disk>, key: SigningKey) -> Result<Self, LogError> {
        Self::open_by(disk, key, load_edge)
    }

    /// The leaves that follow the first `expected` of the tree, but for those at `rotations`, which
    /// are the log's own. Those that are there already must be the same; the rest is added and
    /// committed.
    pub fn append_from<L: AsRef<[u8]>>(
        &mut self,
        expected: u64,
        leaves: &[L],
        rotations: &[u64],
    ) -> Result<Appended, LogError> {
        let size = self.signed.size;
        if self.known.is_some() || self.edge.size() != size || !self.batch.is_empty() {
            // What `begin` added and nobody committed would come between, too.
            return Err(LogError::NotInOrder);
        }
        if size < expected {
            return Err(LogError::Behind { size, expected });
        }
        let skipped = self.compare(expected, leaves, rotations)?;
        let new = &leaves[skipped..];
        self.guard(|log| {
            new.iter().try_for_each(|leaf| log.push_new_leaf(leaf.as_ref()).map(|_| ()))
        })?;
        let appended = self.commit()?;
        Ok(Appended { skipped: skipped as u64, ..appended })
    }

    /// The signed entries of bundle `index`, 256 in each but the last; `None` beyond the tree.
    pub fn bundle(&self, index: u64) -> Result<Option<Vec<Vec<u8>>>, LogError> {
        let Some(tile) = Tile::in_tree(self.signed.size, Level::Entries, index) else {
            return Ok(None);
        };
        let path = tile.path();
        let bytes = read(&*self.disk, &path, BUNDLE_BYTES_MAX)?.unwrap_or_default();
        let entries: Vec<Vec<u8>> = crate::bundle::entries(&bytes)
            .map_while(|entry| entry.ok().map(<[u8]>::to_vec))
            .collect();
        let hashes = entries.iter().map(|entry| leaf_hash(entry));
        if hashes.eq(self.leaf_hashes(index)?) {
            Ok(Some(entries))
        } else {
            Err(LogError::Damaged(path))
        }
    }

    /// How many of `leaves` the tree has.
    fn compare<L: AsRef<[u8]>>(
        &self,
        first: u64,
        leaves: &[L],
        rotations: &[u64],
    ) -> Result<usize, LogError> {
        let size = self.signed.size;
        let mut tile: Option<(u64, Vec<Hash>)> = None;
        let mut skipped = 0;
        for index in (first..size).filter(|index| rotations.binary_search(index).is_err()) {
            let Some(leaf) = leaves.get(skipped) else {
                return Err(LogError::Ahead { size, known: index });
            };
            let at = index / TILE_WIDTH as u64;
            let hashes = match &tile {
                Some((read, hashes)) if *read == at => hashes,
                _ => &tile.insert((at, self.leaf_hashes(at)?)).1,
            };
            let stored = hashes.get((index % TILE_WIDTH as u64) as usize);
            if stored != Some(&leaf_hash(leaf.as_ref())) {
                return Err(LogError::Differs(index));
            }
            skipped += 1;
        }
        Ok(skipped)
    }

    fn leaf_hashes(&self, index: u64) -> Result<Vec<Hash>, LogError> {
        let tile = Tile::in_tree(self.signed.size, Level::Hashes(0), index);
        let tile = tile.ok_or_else(|| LogError::Damaged("tile/0".into()))?;
        read_tile(&*self.disk, tile)
    }
}

/// The last tiles of each level and the last bundle. They lead to the signed root or are damaged; what
/// lies to their left is not read.
fn load_edge(disk: &dyn Disk, checkpoint: &Checkpoint) -> Result<Loaded, LogError> {
    let mut partials = Vec::new();
    for level in levels(checkpoint.size) {
        let tile = Tile::partial_of(checkpoint.size, Level::Hashes(level));
        partials.push(tile.map_or(Ok(Vec::new()), |tile| read_tile(disk, tile))?);
    }
    let edge = Edge::from_partials(checkpoint.size, partials);
    if edge.root() != checkpoint.root {
        return Err(LogError::Damaged("tile".into()));
    }
    let bundle = load_bundle(disk, checkpoint, &edge)?;
    Ok((edge, bundle, None))
}

fn read_tile(disk: &dyn Disk, tile: Tile) -> Result<Vec<Hash>, LogError> {
    let path = tile.path();
    let bytes = read(disk, &path, TILE_BYTES_MAX)?.unwrap_or_default();
    tile::decode(&bytes, tile.width).ok_or(LogError::Damaged(path))
}

#[cfg(test)]
mod tests;
