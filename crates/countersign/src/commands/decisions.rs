//! `countersign explain`, `decide` and `decisions`: what was, is and would be decided.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;

use anyhow::{Context, Result};
use countersign_console::plain;
use serde_json::{Value as Json, json};

use super::Told;
use super::items::segment;
use crate::cli::{DecideArgs, DecisionsArgs, ExplainArgs};
use crate::client::Client;
use crate::out::{self, Exit};

pub fn explain(args: &ExplainArgs, told: Told) -> Result<Exit> {
    let path = format!("/v1/decisions/{}", segment(&args.decision)?);
    let body = Client::of(&args.server)?.get(&path)?.good()?;
    if told.json {
        out::data(&format!("{body}\n"))?;
    } else {
        out::data(&explained(&body))?;
    }
    Ok(if body["again"] == "differs" { Exit::Found } else { Exit::Ok })
}

pub fn decide(args: &DecideArgs, told: Told) -> Result<Exit> {
    let mut text = String::new();
    if args.question.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("could not read standard input")?;
    } else {
        text = fs::read_to_string(&args.question)
            .with_context(|| format!("could not read `{}`", args.question.display()))?;
    }
    let question: Json = serde_json::from_str(&text).context("the question is not JSON")?;
    let asked = json!({"tenant": args.tenant, "at": args.at, "request": question});
    let body = Client::of(&args.server)?.post("/v1/decisions/judge", &asked, None)?.good()?;
    if told.json {
        out::data(&format!("{body}\n"))?;
        return Ok(Exit::Ok);
    }
    let mut text = String::from("As known then\n");
    judged(&mut text, &body["then"]);
    if body["differ"] == true {
        text.push_str("\nAs known now\n");
        judged(&mut text, &body["now_known"]);
    } else {
        text.push_str("\nWhat is known now of that moment changes nothing.\n");
    }
    out::data(&text)?;
    Ok(Exit::Ok)
}

pub fn report(args: &DecisionsArgs, told: Told) -> Result<Exit> {
    let mut path = format!("/v1/decisions?tenant={}", segment(&args.tenant)?);
    if let Some(since) = &args.since {
        path.push_str(&format!("&since={}", segment(since)?));
    }
    let body = Client::of(&args.server)?.get(&path)?.good()?;
    if told.json {
        out::data(&format!("{body}\n"))?;
        return Ok(Exit::Ok);
    }
    let mut text = format!(
        "{} decisions since {}: {} allowed, {} refused, {} allowed that would be refused.\n",
        body["decisions"],
        word(&body["since"]),
        body["allowed"],
        body["refused"],
        body["would_be_refused"]
    );
    if body["unattributed"] != 0 {
        let _ = writeln!(
            text,
            "{} named nobody behind a portal: let it vouch for its people (docs/proxies.md).",
            body["unattributed"]
        );
    }
    for reason in body["reasons"].as_array().into_iter().flatten() {
        let actions: Vec<String> =
            reason["actions"].as_array().into_iter().flatten().map(word).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>8}  {:<28} {} identities; {}; last {}, such as {}",
            reason["decisions"].to_string(),
            word(&reason["code"]),
            reason["identities"],
            actions.join(", "),
            word(&reason["last"]),
            word(&reason["examples"][0]),
        );
    }
    out::data(&text)?;
    Ok(Exit::Ok)
}

fn explained(body: &Json) -> String {
    let mut text = format!("{}\n", word(&body["id"]));
    judged(&mut text, &body["record"]);
    let again = match body["again"].as_str() {
        Some("same") => "Made again: the same, byte for byte.".to_owned(),
        Some("differs") => "Made again: it comes out otherwise.".to_owned(),
        _ => {
            let missing = body["missing"].as_array().into_iter().flatten().map(word);
            format!("Cannot be made again: {}.", missing.collect::<Vec<_>>().join("; "))
        }
    };
    let _ = writeln!(text, "\n{again}");
    if body["again"] == "differs" {
        judged(&mut text, &body["remade"]);
    }
    if body["count"].as_u64().is_some_and(|count| count > 1) {
        let _ = writeln!(text, "Stands for {} decisions.", body["count"]);
    }
    text
}

/// A record, or what would be one.
fn judged(text: &mut String, record: &Json) {
    let (judgement, request) = (&record["judgement"], &record["request"]);
    let (subject, resource) = (&request["subject"], &request["resource"]);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<14} {value}");
        }
    };
    line("at", word(&record["at"]));
    line("tenant", word(&record["tenant"]));
    let identity = record["identity"].as_str().map_or("not registered", |identity| identity);
    line("subject", format!("{} ({})", word(&subject["id"]), plain(identity)));
    line("action", word(&request["action"]["name"]));
    line("resource", format!("{}:{}", word(&resource["type"]), word(&resource["id"])));
    line("answered", format!("{} ({})", word(&record["answered"]), word(&record["mode"])));
    line("judged", word(&judgement["outcome"]));
    line("grant", word(&judgement["grant"]));
    line("sponsor", word(&judgement["sponsor"]));
    line("accepted by", word(&judgement["accepted_by"]));
    for reason in judgement["reasons"].as_array().into_iter().flatten() {
        line("because", format!("{}  {}", word(&reason["code"]), word(&reason["text"])));
    }
    for exception in judgement["exceptions"].as_array().into_iter().flatten() {
        line("exception", word(exception));
    }
    line("policies", word(&record["policies"]));
}

/// A text of the server, which may hold anything.
fn word(value: &Json) -> String {
    plain(value.as_str().unwrap_or_default()).to_string()
}
