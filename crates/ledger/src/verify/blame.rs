//! Which of several files that contradict each other was changed: the one that the signed root
//! contradicts too.

use super::{Tampered, in_file};
use crate::log::CHECKPOINT;
use crate::merkle::Hash;
use crate::tile::{Level, TILE_WIDTH, Tile};

/// The first contradiction of each sort.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// An entry and its hash in the lowest tile.
    entry: Option<(Tile, u64)>,
    /// A hash of a higher tile and the entries below it: the tile, its level, the hash's position.
    tile: Option<(Tile, u8, u64)>,
}

impl Seen {
    pub fn entry_differs(&mut self, tile: Tile, entry: u64) {
        self.entry.get_or_insert((tile, entry));
    }

    pub fn compare_tile(&mut self, tile: Tile, level: u8, stored: &[Hash], expected: &[Hash]) {
        let differs = stored.iter().zip(expected).position(|(stored, expected)| stored != expected);
        // The lowest tile narrows it down best.
        let is_lower = self.tile.is_none_or(|(_, lowest, _)| level < lowest);
        if let Some(position) = differs.filter(|_| is_lower) {
            self.tile = Some((tile, level, tile.index * TILE_WIDTH as u64 + position as u64));
        }
    }

    /// The entry that contradicts its hash.
    pub fn first_entry(&self) -> Option<Tampered> {
        let (tile, entry) = self.entry?;
        Some(in_file(&tile.path(), Some(entry), "the entry is not the one that was signed"))
    }

    /// The entries lead to the signed root: whatever contradicts them was changed.
    pub fn blame(&self) -> Option<Tampered> {
        if let Some((tile, entry)) = self.entry {
            let tile = Tile { level: Level::Hashes(0), ..tile };
            let what = "the hash is not that of the signed entry";
            return Some(in_file(&tile.path(), Some(entry), what));
        }
        if let Some((tile, level, position)) = self.tile {
            let entry = position << (8 * u32::from(level));
            let what = "a hash is not that of the signed entries";
            return Some(in_file(&tile.path(), Some(entry), what));
        }
        None
    }

    /// The entries do not lead to the signed root. `tiles_lead_to_root`: the stored hashes do.
    pub fn blame_for_root(&self, tiles_lead_to_root: bool) -> Tampered {
        if let Some(tampered) = self.first_entry() {
            return match tiles_lead_to_root {
                true => tampered,
                false => Tampered {
                    what: "neither the entry nor its hash leads to the signed root".to_owned(),
                    ..tampered
                },
            };
        }
        if let Some((tile, level, position)) = self.tile {
            let first = position << (8 * u32::from(level));
            let bundle = first / TILE_WIDTH as u64;
            let last = (position + 1) << (8 * u32::from(level));
            let file = Tile { level: Level::Entries, index: bundle, width: TILE_WIDTH as u16 };
            let what = format!(
                "one or more of the entries {first} to {} were changed together with their hashes; \
                 `{}` has another hash of them",
                last - 1,
                tile.path()
            );
            return in_file(&file.path(), Some(first), &what);
        }
        let what = "the signed root is not that of the entries, nor of the tiles";
        in_file(CHECKPOINT, None, what)
    }
}
