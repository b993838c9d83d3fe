//! A change with its evidence.

use countersign_ledger::entry::{Change as ChangeLeaf, ChangeBatch, Entry};
use countersign_ledger::handles::{Commitment, Handle, Noun as HandleNoun, Salt};
use countersign_ledger::merkle::{Hash, leaf_hash, root_of};
use countersign_store::batch::{Change, Put};
use countersign_store::items::Item;
use serde_json::Value as Json;

use crate::index::{Index, OrganizationOf, index};
use crate::{App, AppError, Caller, micros};

/// A version of an item before its evidence.
pub(crate) struct Version<'a> {
    pub noun: &'a str,
    pub id: &'a str,
    /// The version it succeeds.
    pub after: Option<&'a Item>,
    pub state: String,
    pub body: Json,
    pub process: Json,
}

/// What is done: by whom, as which verb, why.
pub(crate) struct Deed<'a> {
    pub by: &'a Caller,
    /// Such as `grant.approve`.
    pub verb: &'a str,
    pub why: Option<&'a str>,
    /// The same for the same request.
    pub id: [u8; 16],
}

/// The bytes that a leaf commits to: one text for one version.
pub(crate) fn version_bytes(state: &str, body: &str, process: &str) -> Vec<u8> {
    format!("{{\"state\":\"{state}\",\"document\":{body},\"process\":{process}}}").into_bytes()
}

impl App {
    /// One act that makes one version or many, and the one leaf that stands for them.
    pub(crate) fn change(
        &self,
        deed: &Deed<'_>,
        mut versions: Vec<Version<'_>>,
        organization_of: &OrganizationOf<'_>,
    ) -> Result<Change, AppError> {
        let at = self.now();
        versions.sort_by_key(|version| (version.noun.to_owned(), version.id.to_owned()));
        let noun = versions.first().map_or("register", |version| version.noun).to_owned();
        let item = match versions.as_slice() {
            [one] => Some(one.id.to_owned()),
            _ => None,
        };
        let mut puts = Vec::with_capacity(versions.len());
        let mut rows = Vec::with_capacity(versions.len());
        for version in versions {
            let before = version.after.map(|item| hash(&item.digest)).transpose()?;
            let mut index = index(version.noun, version.id, &version.body, organization_of)?;
            if version.noun == "sponsor" {
                crate::people::index(&mut index, version.id, &version.body, &version.process);
            }
            let put = self.version(version, index);
            rows.push(self.row(deed, at.0, &put, before)?);
            puts.push(put);
        }
        // By handle: an order that can be made again when an id is no longer there.
        rows.sort();
        let rows: Vec<Vec<u8>> = rows.into_iter().map(|(_, row)| row).collect();
        let leaf = match rows.as_slice() {
            [one] => one.clone(),
            rows => self.batch_leaf(deed, at.0, rows)?,
        };
        Ok(Change {
            id: deed.id,
            at: micros(at),
            by: deed.by.principal.clone(),
            verb: deed.verb.to_owned(),
            noun,
            item,
            why: deed.why.map(str::to_owned),
            leaf,
            puts,
            erased: Vec::new(),
        })
    }

    /// What is no version of an item, with its leaf; goes beside a change that makes one.
    pub(crate) fn beside(&self, deed: &Deed<'_>, item: (&str, &str), leaf: Vec<u8>) -> Change {
        Change {
            id: deed.id,
            at: micros(self.now()),
            by: deed.by.principal.clone(),
            verb: deed.verb.to_owned(),
            noun: item.0.to_owned(),
            item: Some(item.1.to_owned()),
            why: deed.why.map(str::to_owned),
            leaf,
            puts: Vec::new(),
            erased: Vec::new(),
        }
    }

    fn version(&self, version: Version<'_>, index: Index) -> Put {
        let look = self.next_look(&version);
        let (body, process) = (version.body.to_string(), version.process.to_string());
        let salt: [u8; 32] = self.random();
        let bytes = version_bytes(&version.state, &body, &process);
        Put {
            noun: version.noun.to_owned(),
            id: version.id.to_owned(),
            after: version.after.map(|item| item.rev),
            state: version.state,
            organization: index.organization,
            sponsor: index.sponsor,
            about: index.about,
            parent: index.parent,
            ends: index.ends,
            look,
            body,
            process,
            digest: Salt::from_bytes(salt).commit(&bytes).0,
            salt: Some(salt),
        }
    }

    /// The canonical entry of one version, and the handle of its item.
    fn row(
        &self,
        deed: &Deed<'_>,
        time: i64,
        put: &Put,
        before: Option<Hash>,
    ) -> Result<(Handle, Vec<u8>), AppError> {
        let item = self.item_handle(&put.noun, &put.id);
        let by = self.handle_of(&deed.by.principal);
        let after = Commitment(put.digest);
        let (verb, noun) = (deed.verb, put.noun.as_str());
        let row = ChangeLeaf { time, id: deed.id, verb, noun, item, by, before, after };
        Ok((item, Entry::Change(row).encode()?))
    }

    /// The name of an item in leaves.
    pub(crate) fn item_handle(&self, noun: &str, id: &str) -> Handle {
        self.handle_of(&format!("{noun}:{id}"))
    }

    /// The name of a principal in leaves.
    pub(crate) fn handle_of(&self, principal: &str) -> Handle {
        self.with_handles(|handles| handles.handle(HandleNoun::Subject, principal))
    }

    /// One leaf for all rows of an act.
    fn batch_leaf(
        &self,
        deed: &Deed<'_>,
        time: i64,
        rows: &[Vec<u8>],
    ) -> Result<Vec<u8>, AppError> {
        let by = self.handle_of(&deed.by.principal);
        let hashes: Vec<Hash> = rows.iter().map(|row| leaf_hash(row)).collect();
        let count = u32::try_from(rows.len())
            .map_err(|_| AppError::refused("too_many", "one act changes up to 4 billion items"))?;
        let (id, verb, root) = (deed.id, deed.verb, root_of(&hashes));
        Ok(Entry::ChangeBatch(ChangeBatch { time, id, by, verb, count, root }).encode()?)
    }

    /// A fresh id of an act.
    pub(crate) fn deed_id(&self) -> [u8; 16] {
        self.random()
    }
}

pub(crate) fn hash(bytes: &[u8]) -> Result<Hash, AppError> {
    bytes.try_into().map_err(|_| AppError::Stored("a digest is not 32 bytes".to_owned()))
}
