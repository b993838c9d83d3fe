//! The company's directory, asked over HTTP.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use countersign_http::{Call, Oidc, is_safe};
use serde_json::Value as Json;

use crate::cli::ServeArgs;
use crate::client::agent;

const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// If the command line names one.
pub fn of(args: &ServeArgs) -> Result<Option<Oidc>> {
    let (Some(issuer), Some(client_id), Some(file)) =
        (&args.oidc_issuer, &args.oidc_client_id, &args.oidc_client_secret_file)
    else {
        return Ok(None);
    };
    if !is_safe(issuer) {
        bail!("--oidc-issuer is an https address");
    }
    let public_url = match &args.public_url {
        Some(url) if is_safe(url) => url.clone(),
        Some(_) => bail!("--public-url is an https address"),
        None if args.listen.ip().is_loopback() && args.listen.port() != 0 => {
            format!("http://{}", args.listen)
        }
        None => bail!("say by --public-url where people reach this server"),
    };
    let secret = fs::read_to_string(file)
        .with_context(|| format!("could not read `{}`", file.display()))?
        .trim()
        .to_owned();
    let agent = agent(TIMEOUT);
    let fetch = move |call: Call<'_>| ask(&agent, &call);
    let names = (issuer.clone(), public_url);
    Ok(Some(Oidc::new(names, (client_id.clone(), secret), Box::new(fetch))))
}

fn ask(agent: &ureq::Agent, call: &Call<'_>) -> Result<Json, String> {
    let (url, result) = match call {
        Call::Get(url) => (*url, agent.get(*url).call()),
        Call::Token { url, client: (id, secret), form } => {
            // Both parts are encoded as a form before Basic (RFC 6749, section 2.3.1).
            let pair =
                format!("{}:{}", countersign_http::percent(id), countersign_http::percent(secret));
            let basic = base64::engine::general_purpose::STANDARD.encode(pair);
            let request = agent.post(*url).header("authorization", format!("Basic {basic}"));
            (*url, request.send_form(form.iter().copied()))
        }
    };
    let mut response = result.map_err(|error| format!("{url}: {error}"))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(format!("{url} answered {status}"));
    }
    let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let text = text.map_err(|error| format!("{url}: {error}"))?;
    serde_json::from_str(&text).map_err(|_| format!("{url} gave no JSON"))
}
