//! `countersign apply` and `export`: a server's register as files.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_console::plain;
use serde_json::{Value as Json, json};

use super::{Told, files_of, load_register};
use crate::cli::{ApplyArgs, ExportArgs};
use crate::client::Client;
use crate::out::{self, Exit};

/// Steps of a plan that are listed; the rest is counted.
const LISTED_MAX: usize = 200;

pub fn apply(args: &ApplyArgs, told: Told) -> Result<Exit> {
    // Mistakes are said here, before anything is sent, with the places of these files.
    let register = match load_register(&args.register, &countersign_register::Known::default())? {
        Ok(register) => register,
        Err(exit) => return Ok(exit),
    };
    let files = files_of(&register);
    let client = Client::of(&args.server)?;
    let body = json!({"files": files, "why": args.why});
    let plan = client.post("/v1/register/plan", &body, None)?.good()?;
    let steps = plan["steps"].as_array().map_or(0, Vec::len);
    if args.dry_run || steps == 0 {
        show(&plan, "It would be", told)?;
        return Ok(if steps == 0 { Exit::Ok } else { Exit::Found });
    }
    if !args.yes && std::io::stdin().is_terminal() {
        show(&plan, "It would be", told)?;
        out::say("Do it? [y/N]");
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("could not read the answer")?;
        if !matches!(line.trim(), "y" | "Y" | "yes") {
            out::say("Nothing was done.");
            return Ok(Exit::Ok);
        }
    }
    let done = client.post("/v1/register/apply", &body, None)?.good()?;
    show(&done, "Done", told)?;
    Ok(Exit::Ok)
}

fn show(plan: &Json, tense: &str, told: Told) -> Result<()> {
    if told.json {
        return Ok(out::data(&format!("{plan}\n"))?);
    }
    let empty = Vec::new();
    let steps = plan["steps"].as_array().unwrap_or(&empty);
    let mut text = String::new();
    for step in steps.iter().take(LISTED_MAX) {
        let word = |key: &str| plain(step[key].as_str().unwrap_or_default());
        let keys: Vec<String> = step["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|key| Some(plain(key.as_str()?).into_owned()))
            .collect();
        let keys = if keys.is_empty() { String::new() } else { format!("  {}", keys.join(", ")) };
        text.push_str(&format!("{:8} {:12} {}{keys}\n", word("verb"), word("noun"), word("id")));
    }
    if steps.len() > LISTED_MAX {
        text.push_str(&format!("and {} more\n", steps.len() - LISTED_MAX));
    }
    let count = |verb: &str| steps.iter().filter(|step| step["verb"] == verb).count();
    let (created, changed) = (count("create"), count("change"));
    let ended = steps.len() - created - changed;
    let unchanged = &plan["unchanged"];
    text.push_str(&match steps.len() {
        0 => format!("The server is what the register says: {unchanged} items.\n"),
        _ => format!(
            "{tense}: {created} created, {changed} changed, {ended} ended; {unchanged} the same.\n"
        ),
    });
    Ok(out::data(&text)?)
}

pub fn export(args: &ExportArgs) -> Result<Exit> {
    let body = Client::of(&args.server)?.get("/v1/register")?.good()?;
    let files = body["files"].as_array().context("the server gave no files")?;
    empty_folder(&args.folder)?;
    for file in files {
        let (Some(name), Some(text)) = (file["name"].as_str(), file["text"].as_str()) else {
            bail!("the server gave a file without name or text");
        };
        // A name from elsewhere leads nowhere else.
        let is_plain =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_plain || name.starts_with('.') {
            bail!("the server gave a file of the name `{}`", plain(name));
        }
        let path = args.folder.join(name);
        fs::write(&path, text).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    out::say(&format!("{} files in {}.", files.len(), args.folder.display()));
    Ok(Exit::Ok)
}

fn empty_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
    let mut inside = fs::read_dir(folder)
        .with_context(|| format!("could not read the folder `{}`", folder.display()))?;
    if inside.next().is_some() {
        bail!(
            "`{}` is not empty; give a new folder, so that nothing of yours is mixed in",
            folder.display()
        );
    }
    Ok(())
}
