//! RFC 6962 hashing: leaves, nodes, the right edge of a growing tree, and proofs.
//!
//! A *node* is named by its height in bits and its index: node `(h, i)` covers the leaves
//! `[i << h, (i + 1) << h)`. Only complete subtrees are nodes.

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::tile::TILE_WIDTH;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Longest proof: one hash for each bit of a tree size, twice for consistency.
pub const PROOF_HASHES_MAX: usize = 130;

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    // One call on one piece of memory is much faster than several.
    let mut short = [0; 512];
    let mut length = 0;
    for part in parts {
        let Some(space) = short.get_mut(length..length + part.len()) else {
            return sha256_apart(parts);
        };
        space.copy_from_slice(part);
        length += part.len();
    }
    to_hash(digest(&SHA256, short.get(..length).unwrap_or(&[])).as_ref())
}

fn sha256_apart(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    to_hash(context.finish().as_ref())
}

/// `SHA-256(0x00 || leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    to_hash(digest(&SHA256, &bytes).as_ref())
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root over `hashes`, which are all of one height.
pub fn root_of(hashes: &[Hash]) -> Hash {
    fold_right(hashes, None).unwrap_or_else(empty_root)
}

/// What a growing tree must remember: of each tile level, the hashes of its last, partial tile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile that [`Edge::push`] completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree of `size` leaves by the last hashes of each level, from the leaves up.
    /// Whether they are its own is for the root to say.
    pub(crate) fn from_partials(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Self { size, levels }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tile of each level, from the leaves up. May be empty at a level.
    pub fn partials(&self) -> impl Iterator<Item = (u8, &[Hash])> {
        (0..).zip(self.levels.iter().map(Vec::as_slice))
    }

    pub fn root(&self) -> Hash {
        let mut root = None;
        for hashes in &self.levels {
            root = fold_right(hashes, root);
        }
        root.unwrap_or_else(empty_root)
    }

    /// Adds a leaf; hands each tile that it completes to `full`, from the leaves up.
    pub fn push<E>(
        &mut self,
        leaf: Hash,
        mut full: impl FnMut(FullTile) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut carry = leaf;
        self.size += 1;
        for level in 0..8_u8 {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(carry);
            if hashes.len() < TILE_WIDTH {
                return Ok(());
            }
            let hashes = std::mem::replace(hashes, Vec::with_capacity(TILE_WIDTH));
            carry = root_of(&hashes);
            let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
            full(FullTile { level, index, hashes })?;
        }
        Ok(())
    }
}

/// The root over complete subtrees of one height, followed by a smaller rest.
fn fold_right(hashes: &[Hash], rest: Option<Hash>) -> Option<Hash> {
    let mut root = rest;
    let mut end = hashes.len();
    while end > 0 {
        // The last of the powers of two that make up `end`, largest first.
        let width = 1 << end.trailing_zeros();
        let complete = complete_root(&hashes[end - width..end]);
        root = Some(match root {
            None => complete,
            Some(rest) => node_hash(&complete, &rest),
        });
        end -= width;
    }
    root
}

/// The root over a power of two of hashes.
fn complete_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        for pair in 0..row.len() / 2 {
            row[pair] = node_hash(&row[2 * pair], &row[2 * pair + 1]);
        }
        row.truncate(row.len() / 2);
    }
    row[0]
}

/// The hashes beside the way from leaf `index` to the root of a tree of `size` leaves, from the
/// leaf up (RFC 6962 §2.1.1). `node(height, index)` reads a complete subtree's root.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + largest_power_below(high - low);
        if index < middle {
            path.push(range_root(middle, high, node)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, node)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The root that a leaf hash and its proof lead to; `None` if the proof's length is not the one
/// that index and size demand (RFC 9162 §2.1.3.2).
pub fn root_from_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node_hash(sibling, &root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// Proves that the tree of `old` leaves is a prefix of the tree of `size` leaves (RFC 6962 §2.1.2).
pub fn consistency_proof<E>(
    old: u64,
    size: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old > size {
        return Ok(None);
    }
    if old == 0 || old == size {
        return Ok(Some(Vec::new()));
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    // The verifier has the old root already; it needs the part's root only after a step right.
    let mut is_old_root = true;
    while old != high {
        let middle = low + largest_power_below(high - low);
        if old <= middle {
            path.push(range_root(middle, high, node)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, node)?);
            low = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        path.push(range_root(low, high, node)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Whether `path` proves that the `old` tree is a prefix of the `new` one, each a size and a root
/// (RFC 9162 §2.1.4.2).
pub fn is_consistent(old: (u64, Hash), new: (u64, Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return path.is_empty() && old_root == empty_root();
    }
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut path = path.iter();
    let start = if old_size.is_power_of_two() { Some(&old_root) } else { path.next() };
    let Some(&start) = start else { return false };
    let (mut from_old, mut from_new) = (start, start);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == old_root && from_new == new_root
}

/// The root over the leaves `[low, high)`, where `low` is a multiple of the power of two above
/// `high - low`.
fn range_root<E>(
    low: u64,
    high: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut root = None;
    let mut end = high;
    while end > low {
        let height = (end - low).trailing_zeros();
        let complete = node(height, (end >> height) - 1)?;
        root = Some(match root {
            None => complete,
            Some(rest) => node_hash(&complete, &rest),
        });
        end -= 1 << height;
    }
    Ok(root.unwrap_or_else(empty_root))
}

/// The largest power of two that is smaller than `count`, which is 2 or more.
fn largest_power_below(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

fn to_hash(bytes: &[u8]) -> Hash {
    bytes.try_into().expect("SHA-256 yields 32 bytes")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Leaves and roots of the certificate-transparency reference implementation.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_that_certificate_transparency_published() {
        let mut edge = Edge::default();
        for (count, expected) in ROOTS.iter().enumerate() {
            assert_eq!(crate::note::hex(&edge.root()), *expected, "{count} leaves");
            let hashes: Vec<_> = LEAVES[..count].iter().map(|leaf| leaf_hash(leaf)).collect();
            assert_eq!(root_of(&hashes), edge.root());
            if let Some(leaf) = LEAVES.get(count) {
                push(&mut edge, leaf_hash(leaf));
            }
        }
    }

    #[test]
    fn every_inclusion_and_consistency_proof_of_small_trees_checks_and_no_altered_one_does() {
        let leaves: Vec<Hash> = (0..70_u8).map(|leaf| leaf_hash(&[leaf])).collect();
        let mut node = |height: u32, index: u64| {
            let start = (index << height) as usize;
            Ok::<_, Infallible>(root_of(&leaves[start..start + (1 << height)]))
        };
        for size in 1..=leaves.len() as u64 {
            let root = root_of(&leaves[..size as usize]);
            for index in 0..size {
                let path = inclusion_proof(index, size, &mut node).unwrap().unwrap();
                let leaf = leaves[index as usize];
                assert_eq!(root_from_inclusion(index, size, leaf, &path), Some(root));
                let other = (index + 1) % size;
                if other != index {
                    assert_ne!(root_from_inclusion(other, size, leaf, &path), Some(root));
                }
                let longer = [&path[..], &[leaf]].concat();
                assert_eq!(root_from_inclusion(index, size, leaf, &longer), None);
            }
            for old in 0..=size {
                let path = consistency_proof(old, size, &mut node).unwrap().unwrap();
                let old_root = root_of(&leaves[..old as usize]);
                assert!(is_consistent((old, old_root), (size, root), &path), "{old} in {size}");
                assert!(!is_consistent((old, leaves[0]), (size, root), &path) || old == 1);
                // Of the empty tree every tree is a continuation.
                let other_root = is_consistent((old, old_root), (size, leaves[69]), &path);
                assert_eq!(other_root, old == 0);
                if !path.is_empty() {
                    assert!(!is_consistent((old, old_root), (size, root), &path[1..]));
                }
            }
        }
    }

    #[test]
    fn the_edge_of_a_tree_over_several_tiles_has_the_root_of_all_its_leaves() {
        let mut edge = Edge::default();
        let mut leaves = Vec::new();
        for count in 0..70_000_u32 {
            leaves.push(leaf_hash(&count.to_be_bytes()));
            push(&mut edge, leaves[leaves.len() - 1]);
            if [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537].contains(&leaves.len()) {
                assert_eq!(edge.root(), root_of(&leaves));
            }
        }
        assert_eq!(edge.root(), root_of(&leaves));
    }

    fn push(edge: &mut Edge, leaf: Hash) {
        let Ok(()) = edge.push(leaf, |_| Ok::<_, Infallible>(()));
    }
}
