//! Items of a server: `list`, `get`, `put`, `act`, `history`.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_console::plain;
use serde_json::{Map, Value as Json};

use super::Told;
use crate::cli::{ActArgs, ItemArgs, ListArgs, PutArgs};
use crate::client::Client;
use crate::out::{self, Exit};

pub fn list(args: &ListArgs, told: Told) -> Result<Exit> {
    let client = Client::of(&args.server)?;
    let mut filter = String::new();
    for (name, wanted) in [
        ("state", &args.state),
        ("organization", &args.organization),
        ("sponsor", &args.sponsor),
        ("about", &args.about),
    ] {
        if let Some(wanted) = wanted {
            filter.push_str(&format!("&{name}={}", segment(wanted)?));
        }
    }
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/{}?limit=200{filter}{cursor}", segment(&args.noun)?);
        let page = client.get(&path)?.good()?;
        for item in page["items"].as_array().into_iter().flatten() {
            out::data(&if told.json { format!("{item}\n") } else { line(item) })?;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", segment(next)?),
            None => return Ok(Exit::Ok),
        }
    }
}

fn line(item: &Json) -> String {
    let text = |key: &str| plain(item[key].as_str().unwrap_or("-"));
    format!(
        "{:28} {:12} {:20} {}\n",
        text("id"),
        text("state"),
        text("organization"),
        text("sponsor")
    )
}

pub fn get(args: &ItemArgs, told: Told) -> Result<Exit> {
    let path = format!("/v1/{}/{}", segment(&args.noun)?, segment(&args.id)?);
    show(&Client::of(&args.server)?.get(&path)?.good()?, told)
}

pub fn put(args: &PutArgs, told: Told) -> Result<Exit> {
    let document = document(&args.document)?;
    let id = document["id"].as_str().unwrap_or("register");
    let begins = match &args.begins {
        Some(verb) => format!("?as={}", segment(verb)?),
        None => String::new(),
    };
    let path = format!("/v1/{}/{}{begins}", segment(&args.noun)?, segment(id)?);
    show(&Client::of(&args.server)?.put(&path, &document, args.revision)?.good()?, told)
}

pub fn document(path: &Path) -> Result<Json> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("could not read standard input")?;
        text
    } else {
        fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?
    };
    let document: Json =
        serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))?;
    if !document.is_object() {
        bail!("`{}` is no JSON object; write the item as `{{\"id\": …}}`", path.display());
    }
    Ok(document)
}

pub fn act(args: &ActArgs, told: Told) -> Result<Exit> {
    let mut body = Map::new();
    for pair in &args.set {
        let (name, value) =
            pair.split_once('=').with_context(|| format!("`{}` is no NAME=VALUE", plain(pair)))?;
        body.insert(name.to_owned(), value.into());
    }
    if let Some(why) = &args.why {
        body.insert("why".to_owned(), why.as_str().into());
    }
    let path = format!(
        "/v1/{}/{}/{}",
        segment(&args.noun)?,
        segment(&args.id)?,
        segment(&args.verb.replace('_', "-"))?
    );
    let client = Client::of(&args.server)?;
    show(&client.post(&path, &Json::Object(body), args.revision)?.good()?, told)
}

pub fn history(args: &ItemArgs, told: Told) -> Result<Exit> {
    let path = format!("/v1/{}/{}/history", segment(&args.noun)?, segment(&args.id)?);
    let body = Client::of(&args.server)?.get(&path)?.good()?;
    for change in body["changes"].as_array().into_iter().flatten() {
        if told.json {
            out::data(&format!("{change}\n"))?;
            continue;
        }
        let text = |key: &str| plain(change[key].as_str().unwrap_or_default());
        let why = change["why"].as_str().map_or(String::new(), |why| format!("  {}", plain(why)));
        out::data(&format!("{:30} {:24} {}{why}\n", text("at"), text("verb"), text("by")))?;
    }
    Ok(Exit::Ok)
}

fn show(item: &Json, told: Told) -> Result<Exit> {
    if told.json {
        out::data(&format!("{item}\n"))?;
        return Ok(Exit::Ok);
    }
    // An erasure answers with more than the item it left.
    let item = item.get("item").unwrap_or(item);
    let text = |key: &str| plain(item[key].as_str().unwrap_or_default());
    out::data(&format!(
        "{} {}: {}, revision {}\n",
        text("noun").replace('_', " "),
        text("id"),
        text("state"),
        item["revision"]
    ))?;
    for part in ["document", "process"] {
        let pairs = item[part].as_object().into_iter().flatten();
        // `countersign history` tells the acts, each with its evidence.
        for (key, value) in pairs.filter(|(key, _)| *key != "acts") {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            out::data(&format!("  {:16} {}\n", plain(key), plain(&value)))?;
        }
    }
    Ok(Exit::Ok)
}

/// One part of a path or query: nothing in it leads anywhere else.
pub fn segment(text: &str) -> Result<String> {
    if text.is_empty() {
        bail!("a name is empty");
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-~".contains(byte);
    Ok(text
        .bytes()
        .map(|byte| match byte {
            byte if is_plain(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect())
}
