//! `countersign admin`: what an operator does at the machine, with the rights of its file system.

use anyhow::{Context, Result};
use countersign_app::{Act, App, Caller};
use countersign_store::Store;
use serde_json::json;

use super::Told;
use crate::cli::PlaceArgs;
use crate::out::{self, Exit};
use crate::serve;

const OWNER: &str = "owner";

/// Works beside a server that runs; its sequencer moves the evidence into the ledger.
pub fn recover(place: &PlaceArgs, told: Told) -> Result<Exit> {
    let keys = serve::key_files(place)?;
    let handles = serve::handles(&place.data.join("ledger"), &keys)
        .with_context(|| format!("no instance is in `{}`", place.data.display()))?;
    let store = Store::open(&serve::address(place)?).context("could not open the store")?;
    let app = App::new(store, handles, Box::new(serve::now), Box::new(serve::fill));
    let system = Caller::system();
    let owner = app.store().item("member", OWNER)?;
    let is_owner = owner.is_some_and(|owner| {
        let body: serde_json::Value = serde_json::from_str(&owner.body).unwrap_or_default();
        owner.state == "current" && body["role"] == "owner"
    });
    if !is_owner {
        app.put_member(&system, &json!({"id": OWNER, "role": "owner"}), &Act::default())?;
    }
    let made = app.code_for(&system, OWNER)?;
    let ends = countersign_register::time_text(made.ends);
    if told.json {
        out::data(&format!("{}\n", json!({"code": made.secret, "ends": ends})))?;
    } else {
        out::data(&format!("{}\n", made.secret))?;
        out::say(&format!("Until {ends}, once:\n\n  countersign sign-in --code {}\n", made.secret));
    }
    Ok(Exit::Ok)
}
