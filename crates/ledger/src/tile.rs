//! Names of tiles and entry bundles (C2SP tlog-tiles): which files a tree of some size consists of.

use crate::merkle::Hash;

/// Hashes in a full tile, entries in a full bundle: 2^8.
pub const TILE_WIDTH: usize = 256;

/// A tile of hashes or, at [`Level::Entries`], a bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub level: Level,
    pub index: u64,
    /// 1 to 256 hashes or entries; less than 256 is a partial tile.
    pub width: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Entries,
    /// 0 holds leaf hashes, each next level the roots of 256 of the one below.
    Hashes(u8),
}

impl Tile {
    /// The path below the ledger's folder, such as `tile/0/x001/234.p/17`.
    pub fn path(&self) -> String {
        let level = match self.level {
            Level::Entries => "entries".to_owned(),
            Level::Hashes(level) => level.to_string(),
        };
        let mut digits = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            digits = format!("x{:03}/{digits}", rest % 1000);
            rest /= 1000;
        }
        let partial = match usize::from(self.width) {
            TILE_WIDTH => String::new(),
            width => format!(".p/{width}"),
        };
        format!("tile/{level}/{digits}{partial}")
    }

    /// The tile of a path that [`Tile::path`] makes, and of no other text.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            level => Level::Hashes(level.parse().ok()?),
        };
        let (digits, width) = match rest.split_once(".p/") {
            Some((digits, width)) => (digits, width.parse().ok()?),
            None => (rest, TILE_WIDTH as u16),
        };
        let mut index = 0_u64;
        for part in digits.split('/') {
            let part: u64 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(part)?;
        }
        let tile = Self { level, index, width };
        (tile.path() == path).then_some(tile)
    }

    /// The tile at `index` of a level in a tree of `size` leaves, if there is one.
    pub fn in_tree(size: u64, level: Level, index: u64) -> Option<Self> {
        let count = match level {
            Level::Entries => size,
            Level::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        };
        let width = count.saturating_sub(index.checked_mul(TILE_WIDTH as u64)?);
        let width = width.min(TILE_WIDTH as u64) as u16;
        (width > 0).then_some(Self { level, index, width })
    }

    /// The last tile of a level in a tree of `size` leaves if it is partial.
    pub fn partial_of(size: u64, level: Level) -> Option<Self> {
        let below = match level {
            Level::Entries => 0,
            Level::Hashes(level) => u32::from(level),
        };
        let index = size.checked_shr(8 * (below + 1)).unwrap_or(0);
        Self::in_tree(size, level, index)
    }
}

/// The levels of hashes that a tree of `size` leaves has.
pub fn levels(size: u64) -> impl Iterator<Item = u8> {
    (0..8).take_while(move |&level| size >> (8 * u32::from(level)) > 0)
}

/// The bytes of a tile of hashes.
pub fn encode(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes of a tile; `None` unless there are exactly `width`.
pub fn decode(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == usize::from(width)).then(|| hashes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = |level, index, width| Tile { level, index, width }.path();
        assert_eq!(path(Level::Hashes(0), 0, 256), "tile/0/000");
        assert_eq!(path(Level::Hashes(2), 67, 17), "tile/2/067.p/17");
        assert_eq!(path(Level::Entries, 1_234_067, 256), "tile/entries/x001/x234/067");
    }

    #[test]
    fn a_tree_of_seventy_thousand_leaves_has_these_tiles() {
        // The example of the specification: 273 full tiles and one of 112 at level 0, …
        let partial = |level| Tile::partial_of(70_000, level).map(|tile| tile.path());
        assert_eq!(partial(Level::Hashes(0)).as_deref(), Some("tile/0/273.p/112"));
        assert_eq!(partial(Level::Hashes(1)).as_deref(), Some("tile/1/001.p/17"));
        assert_eq!(partial(Level::Hashes(2)).as_deref(), Some("tile/2/000.p/1"));
        assert_eq!(partial(Level::Hashes(3)), None);
        assert_eq!(levels(70_000).count(), 3);
        assert_eq!(Tile::partial_of(512, Level::Entries), None);
        assert_eq!(Tile::in_tree(512, Level::Hashes(0), 1).unwrap().width, 256);
        assert_eq!(Tile::in_tree(512, Level::Hashes(0), 2), None);
    }
}
