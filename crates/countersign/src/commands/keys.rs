//! `key`: of a machine of the register, or of an application.

use anyhow::Result;
use countersign_console::plain;
use serde_json::{Value as Json, json};

use super::Told;
use super::items::segment;
use crate::cli::KeyArgs;
use crate::client::Client;
use crate::out::{self, Exit};

pub fn run(args: &KeyArgs, told: Told) -> Result<Exit> {
    let client = Client::of(&args.server)?;
    let (noun, of) = match (&args.member, &args.identity) {
        (Some(member), _) => ("members", member.as_str()),
        (None, identity) => ("identities", identity.as_deref().unwrap_or_default()),
    };
    let path = format!("/v1/{noun}/{}/keys", segment(of)?);
    if args.list {
        return list(&client.get(&path)?.good()?, told);
    }
    if let Some(key) = &args.revoke {
        client.post(&format!("{path}/revoke"), &json!({"key": key}), None)?.good()?;
        out::say(&format!("{} works no more.", plain(key)));
        return Ok(Exit::Ok);
    }
    let mut body = json!({});
    for (name, value) in [
        ("role", &args.role),
        ("until", &args.until),
        ("organization", &args.organization),
        ("sponsor", &args.sponsor),
        ("tenant", &args.tenant),
    ] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    let made = client.post(&path, &body, None)?.good()?;
    if told.json {
        out::data(&format!("{made}\n"))?;
        return Ok(Exit::Ok);
    }
    let text = |key: &str| made[key].as_str().unwrap_or_default();
    out::data(&format!("{}\n", text("secret")))?;
    let name = match text("key") {
        "" => format!("credential {}", plain(text("credential"))),
        key => format!("key {}", plain(key)),
    };
    out::say(&format!("Shown this once. It is {name}, and ends {}.", plain(text("ends"))));
    Ok(Exit::Ok)
}

fn list(found: &Json, told: Told) -> Result<Exit> {
    for key in found["keys"].as_array().into_iter().flatten() {
        if told.json {
            out::data(&format!("{key}\n"))?;
            continue;
        }
        let text = |name: &str| plain(key[name].as_str().unwrap_or("-"));
        let state = match key["revoked"].as_str() {
            Some(at) => format!("revoked {}", plain(at)),
            None => format!("ends {}", text("ends")),
        };
        out::data(&format!("{:20} made {}  {state}\n", text("key"), text("made")))?;
    }
    Ok(Exit::Ok)
}
