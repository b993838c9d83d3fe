//! Looks for the records by which invited partners prove their domains. On a thread of its own: no
//! request waits for another's name server, and neither does evidence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_http::Server;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use tokio::runtime::Runtime;

/// How soon after its publication a record is found, at most, once name servers have it.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long one name may take.
const WAIT: Duration = Duration::from_secs(10);
/// How soon the thread sees that it is over.
const STEP: Duration = Duration::from_millis(500);

pub fn start(server: Arc<Server>, is_over: Arc<AtomicBool>) -> Result<()> {
    std::thread::Builder::new()
        .name("domains".to_owned())
        .spawn(move || run(&server, &is_over))
        .context("could not start the thread that looks names up")?;
    Ok(())
}

fn run(server: &Server, is_over: &AtomicBool) {
    let (runtime, resolver) = match ready() {
        Ok(ready) => ready,
        Err(error) => {
            let error = format!("{error:#}");
            return tracing::warn!(error, "domains of invited partners cannot be proven here");
        }
    };
    let mut looked: Option<Instant> = None;
    while !is_over.load(Ordering::Acquire) {
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            match server.app.prove_domains(&|name| texts(&runtime, &resolver, name)) {
                Ok(0) => (),
                Ok(count) => tracing::info!(count, "domains proven"),
                Err(error) => tracing::warn!(%error, "could not prove domains"),
            }
            looked = Some(Instant::now());
        }
        std::thread::sleep(STEP);
    }
}

fn ready() -> Result<(Runtime, TokioResolver)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start what looks names up")?;
    let resolver = {
        let _inside = runtime.enter();
        TokioResolver::builder_tokio()
            .and_then(hickory_resolver::ResolverBuilder::build)
            .context("could not read the system's name servers")?
    };
    Ok((runtime, resolver))
}

/// The TXT records of a name. Whatever is no answer is an error, also that there is no such name.
fn texts(
    runtime: &Runtime,
    resolver: &TokioResolver,
    name: &str,
) -> std::result::Result<Vec<String>, String> {
    // With its dot it is no name of a search list.
    let name = format!("{name}.");
    let lookup =
        runtime.block_on(async { tokio::time::timeout(WAIT, resolver.txt_lookup(name)).await });
    let lookup = lookup.map_err(|_| "timed out".to_owned())?.map_err(|error| error.to_string())?;
    let texts = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::TXT(txt) => {
            // Strings of one record are one text (RFC 7208, 3.3, as everybody reads them).
            let bytes: Vec<u8> =
                txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
            String::from_utf8(bytes).ok()
        }
        _ => None,
    });
    Ok(texts.collect())
}
