//! `countersign sign-in`, `sign-out`, `whoami`.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context, Result};
use countersign_console::plain;
use serde_json::json;

use super::Told;
use crate::cli::{ServerArgs, SignInArgs};
use crate::client::{Client, forget_session, keep_session};
use crate::out::{self, Exit};

pub fn sign_in(args: &SignInArgs, told: Told) -> Result<Exit> {
    let client = Client::of(&args.server)?;
    let code = match &args.code {
        Some(code) => code.clone(),
        None => asked_for()?,
    };
    let made = client.post("/v1/sign-in", &json!({"code": code.trim()}), None)?.good()?;
    let token = made["secret"].as_str().context("the server gave no session")?;
    let path = keep_session(client.server(), token)?;
    let ends = made["ends"].as_str().unwrap_or("it says");
    out::say(&format!("Signed in until {}; kept in {}.", plain(ends), path.display()));
    show(&Client::new(client.server().to_owned(), Some(token.to_owned()))?, told)
}

/// From a terminal or a pipe, so that no code stands in a shell's history.
fn asked_for() -> Result<String> {
    if std::io::stdin().is_terminal() {
        out::say("The code that the server or an owner gave you:");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("could not read the code")?;
    Ok(line)
}

pub fn sign_out(server: &ServerArgs) -> Result<Exit> {
    Client::of(server)?.post("/v1/sign-out", &json!({}), None)?.good()?;
    if server.token_file.is_none() {
        forget_session()?;
    }
    out::say("Signed out.");
    Ok(Exit::Ok)
}

pub fn whoami(server: &ServerArgs, told: Told) -> Result<Exit> {
    show(&Client::of(server)?, told)
}

fn show(client: &Client, told: Told) -> Result<Exit> {
    let body = client.get("/v1/self")?.good()?;
    if told.json {
        out::data(&format!("{body}\n"))?;
        return Ok(Exit::Ok);
    }
    let text = |key: &str| body[key].as_str().map(plain);
    let mut line = format!(
        "{}, {}",
        text("principal").unwrap_or_default(),
        text("role").unwrap_or_default().replace('_', " ")
    );
    for key in ["organization", "sponsor", "tenant"] {
        if let Some(value) = text(key) {
            line.push_str(&format!(", {key} {value}"));
        }
    }
    out::data(&format!("{line}\n"))?;
    Ok(Exit::Ok)
}
