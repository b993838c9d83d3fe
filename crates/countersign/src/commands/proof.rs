//! `countersign proof`: fetches what proves an act of a server to others.

use anyhow::Result;

use super::items::segment;
use crate::cli::ProofArgs;
use crate::client::Client;
use crate::out::{self, Exit};

pub fn run(args: &ProofArgs) -> Result<Exit> {
    let item = match &args.item {
        Some(item) => format!("?item={}", segment(item)?),
        None => String::new(),
    };
    let path = format!("/v1/changes/{}/proof{item}", segment(&args.change)?);
    let proof = Client::of(&args.server)?.get(&path)?.good()?;
    out::data(&format!("{proof}\n"))?;
    Ok(Exit::Ok)
}
