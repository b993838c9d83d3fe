//! `countersign templates`, `onboard`, `invite`.

use anyhow::{Context, Result};
use countersign_console::plain;
use serde_json::{Value as Json, json};

use super::Told;
use super::items::{document, segment};
use crate::cli::{InviteArgs, OnboardArgs, TemplatesArgs};
use crate::client::Client;
use crate::out::{self, Exit};

pub fn templates(args: &TemplatesArgs, told: Told) -> Result<Exit> {
    let body = Client::of(&args.server)?.get("/v1/templates")?.good()?;
    let all = body["templates"].as_array().context("the server gave no templates")?;
    let wanted =
        |template: &&Json| args.template.as_deref().is_none_or(|wanted| template["id"] == wanted);
    let found: Vec<&Json> = all.iter().filter(wanted).collect();
    if let (Some(wanted), true) = (&args.template, found.is_empty()) {
        let names: Vec<&str> = all.iter().filter_map(|one| one["id"].as_str()).collect();
        anyhow::bail!("there is no template `{}`; there are {}", plain(wanted), names.join(", "));
    }
    for template in found {
        let text = match (told.json, &args.template) {
            (true, _) => format!("{template}\n"),
            (false, None) => line(template),
            (false, Some(_)) => line(template) + &questions(template),
        };
        out::data(&text)?;
    }
    Ok(Exit::Ok)
}

fn line(template: &Json) -> String {
    let text = |key: &str| plain(template[key].as_str().unwrap_or_default());
    format!("{:18} {}\n", text("id"), text("about"))
}

fn questions(template: &Json) -> String {
    let mut lines = String::new();
    for question in template["questions"].as_array().into_iter().flatten() {
        let text = |key: &str| plain(question[key].as_str().unwrap_or_default());
        let optional = if question["optional"] == true { " (may be left out)" } else { "" };
        lines.push_str(&format!("  {:20} {}{optional}\n", text("key"), text("ask")));
    }
    lines
}

pub fn onboard(args: &OnboardArgs, told: Told) -> Result<Exit> {
    let mut body = match &args.answers {
        Some(path) => document(path)?,
        None => json!({"answers": {}}),
    };
    for pair in &args.answer {
        let (key, value) =
            pair.split_once('=').with_context(|| format!("`{}` is no KEY=VALUE", plain(pair)))?;
        let parts: Vec<&str> = value.split(',').collect();
        body["answers"][key] = match parts.as_slice() {
            [one] => (*one).into(),
            parts => json!(parts),
        };
    }
    if let Some(why) = &args.why {
        body["why"] = why.as_str().into();
    }
    let path = format!("/v1/templates/{}", segment(&args.template)?);
    let made = Client::of(&args.server)?.post(&path, &body, None)?.good()?;
    if told.json {
        out::data(&format!("{made}\n"))?;
        return Ok(Exit::Ok);
    }
    for item in made["items"].as_array().into_iter().flatten() {
        let text = |key: &str| plain(item[key].as_str().unwrap_or_default());
        out::data(&format!("{:12} {:28} {}\n", text("noun"), text("id"), text("state")))?;
    }
    out::say("Nothing of it holds before somebody accepts it: `countersign act`.");
    Ok(Exit::Ok)
}

pub fn invite(args: &InviteArgs, told: Told) -> Result<Exit> {
    let mut body = json!({"contact": args.contact});
    if let Some(expires) = &args.expires {
        body["expires"] = expires.as_str().into();
    }
    let path = format!("/v1/organizations/{}/invitations", segment(&args.organization)?);
    let made = Client::of(&args.server)?.post(&path, &body, None)?.good()?;
    if told.json {
        out::data(&format!("{made}\n"))?;
        return Ok(Exit::Ok);
    }
    let text = |key: &str| made[key].as_str().unwrap_or_default();
    out::data(&format!("{}\n", text("secret")))?;
    out::say(&format!(
        "Shown this once; it ends {}. With it alone their administrator completes their side.",
        plain(text("ends"))
    ));
    Ok(Exit::Ok)
}
