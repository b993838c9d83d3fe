//! Webhooks and mail, behind the API: made of the feed and sent by the node that leads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_app::WebhookKey;
use countersign_connect::{Drain, Mailer, PrivateAddresses, Webhooks, fan_out};
use countersign_http::Server;
use countersign_ledger::KeyFiles;
use countersign_store::batch::{Also, Batch};

use super::key_file;
use crate::chance;
use crate::cli::ServeArgs;

const EVERY: Duration = Duration::from_millis(500);
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// Ended tokens, answers and sent messages are kept so long, microseconds.
const KEEP: i64 = 30 * 86_400 * 1_000_000;
const WARN_EVERY: Duration = Duration::from_secs(300);

/// As the command line says.
pub fn drain(args: &ServeArgs) -> Result<Drain> {
    let private = match args.allow_private_webhooks {
        true => PrivateAddresses::Allowed,
        false => PrivateAddresses::Refused,
    };
    let mailer = match (&args.smtp_url, &args.mail_from) {
        (Some(url), Some(from)) => Some(Mailer::new(url, from)?),
        _ => None,
    };
    Ok(Drain::new(Webhooks::new(private), mailer))
}

/// The file, and what it is a key for.
pub const KEY: &str = "webhooks.key";

/// The key from which secrets of subscriptions are derived: made once, read by its owner only.
pub fn key(data: &Path, keys: &KeyFiles) -> Result<WebhookKey> {
    Ok(WebhookKey::new(&key_file::bytes(&data.join(KEY), "webhooks", keys)?))
}

/// Nobody waits for it when the node ends: what was being sent is sent again.
pub fn start(server: &Arc<Server>, mut drain: Drain, leads: Arc<AtomicBool>) -> Result<()> {
    let server = Arc::clone(server);
    let run = move || {
        let mut pruned: Option<Instant> = None;
        let mut warned: Option<Instant> = None;
        loop {
            std::thread::sleep(EVERY);
            if !leads.load(Ordering::Acquire) {
                continue;
            }
            if let Err(error) = round(&server, &mut drain) {
                tracing::warn!(%error, "could not send what waits");
            }
            if pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE_EVERY) {
                pruned = Some(Instant::now());
                prune(&server);
            }
            if warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
                warned = Some(Instant::now());
                warn(&server);
            }
        }
    };
    std::thread::Builder::new()
        .name("deliver".to_owned())
        .spawn(run)
        .map(|_| ())
        .context("could not start the thread that sends")
}

fn round(server: &Server, drain: &mut Drain) -> Result<()> {
    fan_out(&server.app)?;
    let drained = drain.step(&server.app, &mut fraction)?;
    if drained.failed + drained.given_up > 0 {
        let (failed, given_up) = (drained.failed, drained.given_up);
        tracing::warn!(failed, given_up, "messages were not delivered");
    }
    Ok(())
}

/// In `[0, 1)`; without chance the middle, which only spreads less.
fn fraction() -> f64 {
    chance::bytes::<4>().map_or(0.5, |bytes| f64::from(u32::from_be_bytes(bytes)) / 4_294_967_296.0)
}

fn prune(server: &Server) {
    let before = server.app.now().0.div_euclid(1_000).saturating_sub(KEEP);
    let also = vec![Also::Prune { before }];
    if let Err(error) = server.app.store().commit(Batch { also, ..Batch::default() }) {
        tracing::warn!(%error, "could not delete what ended long ago");
    }
}

/// Says how much waits: mail for a server that nobody set, or messages that nobody takes.
fn warn(server: &Server) {
    for count in server.app.store().outbox_counts().into_iter().flatten() {
        if count.waiting > 0 {
            let (kind, waiting) = (count.kind.as_str(), count.waiting);
            tracing::warn!(kind, waiting, "messages wait; mail needs --smtp-url and --mail-from");
        }
    }
}
