//! `countersign schema`: the published schemas.

use anyhow::{Result, bail};

use crate::out::{self, Exit};

/// One line an action.
pub const ROW: &str = include_str!("../../schema/row.schema.json");

pub fn run(name: &str) -> Result<Exit> {
    let text = match name {
        "row" => ROW.to_owned(),
        "register" => format!("{:#}\n", countersign_register::schema()),
        "template" => format!("{:#}\n", countersign_register::template_schema()),
        "definition" => countersign_sources::SCHEMA.to_owned(),
        "truth" => countersign_world::TRUTH_SCHEMA.to_owned(),
        other => {
            bail!(
                "there is no schema `{other}`: there are row, register, template, definition and truth"
            )
        }
    };
    out::data(&text)?;
    Ok(Exit::Ok)
}
