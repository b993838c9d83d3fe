//! Keeps the facts of this node as new as the feed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_http::Server;
use countersign_journal::Journal;

/// How soon this node sees what another one wrote.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is said that the store cannot be read.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Loads the facts and follows the feed for as long as the server is there.
pub fn start(server: &Arc<Server>, journal: Journal) -> Result<()> {
    server.app.begin_to_judge(journal).context("could not load the facts")?;
    let server = Arc::downgrade(server);
    std::thread::Builder::new()
        .name("follow".to_owned())
        .spawn(move || {
            let mut said: Option<Instant> = None;
            while let Some(server) = server.upgrade() {
                if let Err(error) = server.app.follow()
                    && said.is_none_or(|said| said.elapsed() >= SAY_EVERY)
                {
                    tracing::warn!(%error, "what changed is not seen; decisions will be refused");
                    said = Some(Instant::now());
                }
                drop(server);
                std::thread::sleep(LOOK_EVERY);
            }
        })
        .context("could not start the thread that follows the feed")?;
    Ok(())
}
