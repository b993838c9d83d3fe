//! Proofs that an act is in the ledger, for who was not there: the leaf, its place under a signed
//! checkpoint, and what opens the commitment for who may read the item.

use countersign_ledger::entry::{Change as ChangeLeaf, ChangeBatch, Entry};
use countersign_ledger::handles::{Commitment, Handle};
use countersign_ledger::merkle::{Hash, inclusion_proof, leaf_hash, root_of};
use countersign_ledger::prove::{ProveError, prove_nth};
use countersign_ledger::publish::{self, Public, Published};
use countersign_store::feed::Changed;
use countersign_store::items::Committed;

use crate::evidence::{hash, version_bytes};
use crate::{App, AppError, Caller};

/// Rows of one act that are listed; of more, one is proven at a time.
const ROWS_MAX: usize = 4096;

/// What proves an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProof {
    pub change: Changed,
    pub index: u64,
    /// C2SP tlog-proof of `change.leaf`, with its checkpoint.
    pub proof: String,
    /// Of an act that changed many items: how many.
    pub count: Option<usize>,
    /// Of such an act, in their order; none if there are more than 4096.
    pub rows: Vec<RowHash>,
    /// The item that was asked for, or the only one.
    pub item: Option<ItemProof>,
}

/// One item of an act that changed many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowHash {
    pub noun: String,
    pub id: String,
    pub hash: Hash,
}

/// How one item is part of the act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemProof {
    pub noun: String,
    pub id: String,
    pub rev: i64,
    /// The encoded row; of an act on one item, the leaf itself.
    pub row: Vec<u8>,
    /// Where in the batch the row is, and the hashes that lead to the batch's root.
    pub place: Option<(u64, Vec<Hash>)>,
    /// What the row commits to, and its salt; `None` once it was erased.
    pub opening: Option<(String, Vec<u8>)>,
}

/// A row of a batch, made again.
struct Remade {
    committed: Committed,
    row: Vec<u8>,
}

impl App {
    /// Proves the act `id`; of an act on many items, one of them if `wanted` says which, as noun and
    /// id.
    ///
    /// # Errors
    /// `Refused` with `proof.pending` if no checkpoint covers it yet: ask again in a second.
    /// `NotFound`, also for who may read neither all acts nor the item.
    pub fn change_proof(
        &self,
        caller: &Caller,
        id: &[u8; 16],
        wanted: Option<(&str, &str)>,
    ) -> Result<ChangeProof, AppError> {
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let missing = || AppError::not_found("change", &name);
        let change = self.store.change(id)?.ok_or_else(missing)?;
        let sees_all = self.demand(caller, "list", "change");
        let single = change.item.as_deref().map(|item| (change.noun.as_str(), item));
        let wanted = wanted.or(single);
        match wanted {
            // A proof opens the item: who may see that it changed may still not read it.
            Some((noun, id)) => self.readable(caller, noun, id).map_err(|_| missing())?,
            None => sees_all.map_err(|_| missing())?,
        }
        let rows = self.remade(&change)?;
        let item = match wanted {
            Some((noun, id)) => self.item_proof(&change, &rows, noun, id)?,
            None => None,
        };
        if item.is_none() && wanted.is_some() && single.is_none() {
            return Err(missing());
        }
        let (index, proof) = self.proof_of(&change)?;
        if let Some(opened) = item.as_ref().filter(|item| item.opening.is_some()) {
            let shown = self.stored(&opened.noun, &opened.id)?;
            self.has_read(caller, "proof", &opened.noun, &[&shown])?;
        }
        let is_batch = matches!(Entry::decode(&change.leaf), Ok(Entry::ChangeBatch(_)));
        let count = is_batch.then_some(rows.len());
        let is_listed = is_batch && item.is_none() && rows.len() <= ROWS_MAX;
        let listed = rows.into_iter().filter(|_| is_listed).map(|remade| RowHash {
            noun: remade.committed.noun,
            id: remade.committed.id,
            hash: leaf_hash(&remade.row),
        });
        Ok(ChangeProof { index, proof, count, rows: listed.collect(), item, change })
    }

    fn readable(&self, caller: &Caller, noun: &str, id: &str) -> Result<(), AppError> {
        self.demand_on(caller, "read", &self.stored(noun, id)?)
    }

    /// The rows that the leaf stands for, from the versions that are stored. They are held against the
    /// leaf: what does not lead to it is not given out.
    fn remade(&self, change: &Changed) -> Result<Vec<Remade>, AppError> {
        let (time, id, by, verb) = match Entry::decode(&change.leaf)? {
            Entry::ChangeBatch(ChangeBatch { time, id, by, verb, .. })
            | Entry::Change(ChangeLeaf { time, id, by, verb, .. }) => (time, id, by, verb),
            _ => return Ok(Vec::new()),
        };
        let mut rows: Vec<(Handle, Remade)> = Vec::new();
        for committed in self.store.commitments_of(change.cursor.seq)? {
            let item = self.item_handle(&committed.noun, &committed.id);
            let before = committed.before.as_deref().map(hash).transpose()?;
            let after = Commitment(hash(&committed.digest)?);
            let noun = committed.noun.as_str();
            let row = ChangeLeaf { time, id, verb, noun, item, by, before, after };
            let row = Entry::Change(row).encode()?;
            rows.push((item, Remade { committed, row }));
        }
        rows.sort_by_key(|(item, _)| *item);
        let rows: Vec<Remade> = rows.into_iter().map(|(_, row)| row).collect();
        let fits = match Entry::decode(&change.leaf)? {
            Entry::ChangeBatch(batch) => root_of(&hashes(&rows)) == batch.root,
            _ => rows.iter().all(|remade| remade.row == change.leaf),
        };
        if fits {
            return Ok(rows);
        }
        Err(AppError::Stored(format!(
            "the versions of revision {} are not those of its leaf",
            change.cursor.seq
        )))
    }

    fn item_proof(
        &self,
        change: &Changed,
        rows: &[Remade],
        noun: &str,
        id: &str,
    ) -> Result<Option<ItemProof>, AppError> {
        let is_it = |remade: &Remade| remade.committed.noun == noun && remade.committed.id == id;
        let Some(at) = rows.iter().position(is_it) else { return Ok(None) };
        let rev = change.cursor.seq;
        let version = self.store.version(noun, id, rev)?;
        let opening = version.and_then(|version| {
            let bytes = version_bytes(&version.state, &version.body, &version.process);
            Some((String::from_utf8(bytes).ok()?, version.salt?))
        });
        let place = match Entry::decode(&change.leaf)? {
            Entry::ChangeBatch(_) => Some((at as u64, path(&hashes(rows), at)?)),
            _ => None,
        };
        let row = rows[at].row.clone();
        Ok(Some(ItemProof { noun: noun.to_owned(), id: id.to_owned(), rev, row, place, opening }))
    }

    /// The index of a change's leaf, and the text that proves it.
    fn proof_of(&self, change: &Changed) -> Result<(u64, String), AppError> {
        let pending = || {
            let text = "its evidence is in no signed checkpoint yet; ask again in a second";
            AppError::refused("proof.pending", text)
        };
        let folder = self.ledger.as_deref().ok_or_else(pending)?;
        let place = self.store.leaf_place(change.cursor)?.ok_or_else(pending)?;
        let (index, proven) =
            prove_nth(folder, place.first, place.nth).map_err(|error| match error {
                ProveError::NoSuchEntry { .. } => pending(),
                error => AppError::Stored(error.to_string()),
            })?;
        if proven.leaf != change.leaf {
            let text = format!("entry {index} of the ledger is not the leaf of this change");
            return Err(AppError::Stored(text));
        }
        Ok((index, proven.proof))
    }

    /// A public file of the ledger. Entries are for who may export the ledger; hashes, signatures
    /// and public keys are for everybody (`caller` may be `None`).
    pub fn ledger_file(&self, caller: Option<&Caller>, path: &str) -> Result<Published, AppError> {
        let missing = || AppError::not_found("file of the ledger", path);
        if publish::kind(path).ok_or_else(missing)? == Public::Entries {
            self.demand(caller.ok_or(AppError::Unauthenticated)?, "export", "ledger")?;
        }
        let folder = self.ledger.as_deref().ok_or_else(missing)?;
        let file = publish::published(folder, path);
        file.map_err(|error| AppError::Stored(error.to_string()))?.ok_or_else(missing)
    }
}

fn hashes(rows: &[Remade]) -> Vec<Hash> {
    rows.iter().map(|remade| leaf_hash(&remade.row)).collect()
}

/// From a row to its batch's root.
fn path(hashes: &[Hash], at: usize) -> Result<Vec<Hash>, AppError> {
    let node = &mut |height: u32, index: u64| {
        let start = usize::try_from(index << height).unwrap_or(usize::MAX);
        let nodes = hashes.get(start..start.saturating_add(1 << height));
        nodes.map(root_of).ok_or_else(|| AppError::Stored("a batch has holes".to_owned()))
    };
    let path = inclusion_proof(at as u64, hashes.len() as u64, node)?;
    path.ok_or_else(|| AppError::Stored("a batch is shorter than its rows".to_owned()))
}
