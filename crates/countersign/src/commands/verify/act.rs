//! A proof of an act, as the API gives it: the entry, its proof and, if it is shown, the item.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_console::plain;
use countersign_ledger::Hash;
use countersign_ledger::change_proof::{ItemError, ShownItem, check_item};
use serde_json::Value as Json;

const FORMAT: &str = "countersign.change-proof.v1";

/// What was read, nothing of it checked.
pub struct Act {
    pub entry: Vec<u8>,
    pub proof: String,
    item: Option<Item>,
}

struct Item {
    row: Vec<u8>,
    place: Option<(u64, Vec<Hash>)>,
    opening: Option<(String, Hash)>,
}

/// `None` if the text is something else.
pub fn read(text: &str) -> Result<Option<Act>> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let json: Json = serde_json::from_str(text).context("it is neither a bundle nor JSON")?;
    if json["format"] != FORMAT {
        bail!("it is no `{FORMAT}`; a newer version of Countersign may know it");
    }
    let proof = json["proof"].as_str().context("it has no `proof`")?.to_owned();
    let entry = bytes(&json["entry"]).context("it has no `entry`")?;
    let item = match &json["item"] {
        Json::Null => None,
        item => Some(self::item(item).context("its `item` is malformed")?),
    };
    Ok(Some(Act { entry, proof, item }))
}

fn item(item: &Json) -> Option<Item> {
    let place = match &item["row_index"] {
        Json::Null => None,
        index => {
            let path = item["row_path"].as_array()?.iter();
            let path = path.map(|hash| bytes(hash)?.try_into().ok()).collect::<Option<_>>()?;
            Some((index.as_u64()?, path))
        }
    };
    let opening = match (&item["text"], &item["salt"]) {
        (Json::Null, Json::Null) => None,
        (text, salt) => Some((text.as_str()?.to_owned(), hash(salt.as_str()?)?)),
    };
    Some(Item { row: bytes(&item["row"])?, place, opening })
}

fn bytes(text: &Json) -> Option<Vec<u8>> {
    STANDARD.decode(text.as_str()?).ok()
}

fn hash(hex: &str) -> Option<Hash> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().as_chunks::<2>().0) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

impl Act {
    /// Whether the item is part of the entry, and its text what was committed to.
    pub fn check(&self) -> Result<(), ItemError> {
        let Some(Item { row, place, opening }) = &self.item else { return Ok(()) };
        let place = place.as_ref().map(|(index, path)| (*index, path.as_slice()));
        let opening = opening.as_ref().map(|(text, salt)| (text.as_bytes(), *salt));
        check_item(&self.entry, &ShownItem { row, place, opening }).map(|_| ())
    }

    /// What is proven beside the entry.
    pub fn opened(&self) -> String {
        match &self.item {
            None => "The proof is of the act; it shows none of its items.".to_owned(),
            Some(Item { opening: None, .. }) => {
                "The item is part of the act. What it said was erased, or is not shown.".to_owned()
            }
            Some(Item { opening: Some((text, _)), .. }) => {
                format!("The item was, from then on:\n{}", plain(text))
            }
        }
    }
}
