//! A grant as it is stored, and its evidence.

use anyhow::Result;
use countersign_ledger::Handles;
use countersign_ledger::entry::{Change as ChangeLeaf, Entry};
use countersign_ledger::handles::{Noun, Salt};
use countersign_store::batch::{Change, Put};

pub const ORGANIZATIONS: u64 = 200;
pub const IDENTITIES_PER_GRANT: u64 = 10;
pub const END: i64 = 1_893_456_000_000_000;
/// The columns of an item that the store writes.
pub const INSERT: &str = "insert into item (noun, id, rev, state, organization, sponsor, about, \
     ends, body, process, digest, salt) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

#[derive(Debug)]
pub struct Row {
    pub id: String,
    pub body: String,
    pub process: String,
    pub digest: [u8; 32],
    pub salt: [u8; 32],
}

pub fn organization(number: u64) -> String {
    format!("partner-{:03}", number % ORGANIZATIONS)
}

pub fn identity(number: u64) -> String {
    format!("identity-{:07}", number / IDENTITIES_PER_GRANT)
}

pub fn row(number: u64) -> Row {
    let id = format!("grant-{number:08}");
    let body = format!(
        "{{\"id\":\"{id}\",\"entitlement\":\"orders-{}\",\"identity\":\"{}\",\"sponsor\":\"ann\",\
         \"justification\":\"orders of the year\",\"from\":\"2026-01-01\",\"until\":\"2030-01-01\"}}",
        number % 50,
        identity(number)
    );
    let process = "{\"by\":\"member:owner\",\"applied\":true}".to_owned();
    let mut salt = [7; 32];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    Row { id, body, process, digest: [0; 32], salt }
}

pub fn put(number: u64) -> Put {
    let Row { id, body, process, salt, .. } = row(number);
    let bytes = format!("{{\"state\":\"active\",\"document\":{body},\"process\":{process}}}");
    Put {
        look: None,
        noun: "grant".to_owned(),
        id,
        after: None,
        state: "active".to_owned(),
        organization: Some(organization(number)),
        sponsor: Some("ann".to_owned()),
        about: Some(identity(number)),
        parent: None,
        ends: Some(END),
        body,
        process,
        digest: Salt::from_bytes(salt).commit(bytes.as_bytes()).0,
        salt: Some(salt),
    }
}

/// The leaf of one version.
pub fn leaf(handles: &mut Handles, act: [u8; 16], put: &Put) -> Result<Vec<u8>> {
    let item = handles.handle(Noun::Subject, &format!("{}:{}", put.noun, put.id));
    let by = handles.handle(Noun::Subject, "member:owner");
    let after = countersign_ledger::handles::Commitment(put.digest);
    let (verb, noun) = ("grant.change", put.noun.as_str());
    let leaf = ChangeLeaf { time: 0, id: act, verb, noun, item, by, before: None, after };
    Ok(Entry::Change(leaf).encode()?)
}

pub fn act(number: u64, puts: Vec<Put>, leaf: Vec<u8>) -> Change {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let item = match puts.as_slice() {
        [one] => Some(one.id.clone()),
        _ => None,
    };
    Change {
        erased: Vec::new(),
        id,
        at: 0,
        by: "member:owner".to_owned(),
        verb: "grant.change".to_owned(),
        noun: "grant".to_owned(),
        item,
        why: None,
        leaf,
        puts,
    }
}

pub fn change(handles: &mut Handles, number: u64) -> Result<Change> {
    let put = put(number);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let leaf = leaf(handles, id, &put)?;
    Ok(act(number, vec![put], leaf))
}
