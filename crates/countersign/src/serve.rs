//! A node: the store, the API, and what goes on behind it. Starts on nothing but an empty folder.

mod background;
mod deliver;
mod domains;
mod exposure;
mod follow;
mod journal;
mod key_file;
mod keys;
mod listen;
mod metrics;
mod oidc;
mod signer;
mod tls;
mod traces;
mod witnesses;

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_app::{App, Sequencer};
use countersign_http::{Bounds, Server};
use countersign_ledger::wrapped::KeyError;
use countersign_ledger::{Handles, KeyFiles, Ledger, LedgerError, OpenOptions};
use countersign_model::time::Timestamp;
use countersign_store::lead::Lead;
use countersign_store::{Address, Store};

use crate::chance;
use crate::cli::{Log, PlaceArgs, ServeArgs};
use crate::out::{self, Exit};
use background::{Background, Running};
/// Keys in the data folder beside those of the ledger.
pub const KEYS: [&str; 2] = [deliver::KEY, signer::KEY];
pub use keys::of as key_files;
use tokio_rustls::TlsAcceptor;
pub use traces::Traces;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use witnesses::Witnesses;

/// The operator's log goes to standard error, and spans of requests to a collector, if one is named in
/// the environment. What is given back is kept until the end.
pub fn log(form: Log) -> Result<Option<Traces>> {
    let traces = Traces::of_environment()?;
    let spans = traces.as_ref().map(Traces::layer);
    let to_error = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(spans);
    // A second initialisation, as in a test, leaves the first.
    let _ = match form {
        Log::Json => registry.with(to_error.json().with_filter(LevelFilter::INFO)).try_init(),
        Log::Text => registry.with(to_error.with_filter(LevelFilter::INFO)).try_init(),
    };
    Ok(traces)
}

pub fn run(args: &ServeArgs) -> Result<Exit> {
    let address = address(&args.place)?;
    exposure::check(args)?;
    let tls = tls::acceptor(args)?;
    let drain = deliver::drain(args)?;
    let keys = keys::of(&args.place)?;
    private_folder(&args.place.data)?;
    let lead = Lead::take(&address).context("could not ask which node leads")?;
    if lead.is_none() && matches!(address, Address::Sqlite(_)) {
        bail!(
            "another process serves `{}`; stop it, or give this one another --data",
            args.place.data.display()
        );
    }
    let store = Store::open(&address).context("could not open the store")?;
    let folder = args.place.data.join("ledger");
    let (sequencer, handles) = match lead.map(|lead| leading(lead, (&folder, &keys), &store)) {
        Some(Ok((leads, handles))) => (Some(leads), handles),
        // A node that ended a moment ago still holds the ledger: this one leads a little later.
        Some(Err(error)) if background::is_passing(&error) => (None, handles(&folder, &keys)?),
        Some(Err(error)) => return Err(error),
        None => (None, handles(&folder, &keys)?),
    };
    let key = deliver::key(&args.place.data, &keys)?;
    let app = App::new(store, handles, Box::new(now), Box::new(fill))
        .with_ledger(&folder)
        .with_webhooks(key);
    if sequencer.is_some() {
        tell_first_code(&app)?;
    }
    let server = Arc::new(
        Server::new(app, oidc::of(args)?)
            .with_public_url(args.public_url.clone())
            .with_decisions(NonZeroU32::new(args.key_decisions))
            .with_signer(signer::signer(&args.place.data, &keys)?),
    );
    let witnesses = Arc::new(Witnesses::new(&args.witness, &folder)?);
    let watched = Arc::clone(&witnesses);
    let (server_of, keep) = (Arc::clone(&server), args.keep.clone());
    let keep_decisions = countersign_model::time::Duration::from_days(args.keep_decisions);
    let background =
        Background { server: server_of, address, folder, keys, keep, witnesses, keep_decisions };
    follow::start(&server, journal::open(&args.place.data)?)?;
    let running = background.start(sequencer)?;
    deliver::start(&server, drain, running.leads())?;
    serve_until_told(args, &server, Doors { tls, witnesses: watched }, running)
}

fn leading(
    lead: Lead,
    (folder, keys): (&Path, &KeyFiles),
    store: &Store,
) -> Result<((Lead, Sequencer), Handles)> {
    let mut ledger = open_ledger(folder, keys)?;
    let handles = ledger.handles().clone();
    Ok(((lead, Sequencer::new(ledger, store)?), handles))
}

/// What the sockets are served with.
struct Doors {
    tls: Option<TlsAcceptor>,
    witnesses: Arc<Witnesses>,
}

fn serve_until_told(
    args: &ServeArgs,
    server: &Arc<Server>,
    doors: Doors,
    running: Running,
) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the threads that serve")?;
    let Doors { tls, witnesses } = doors;
    let stopped = running.stopped();
    let served = runtime.block_on(async {
        let signals = listen::Signals::take()?;
        let listen = listen::bind(args.listen).await?;
        let metrics = listen::bind(args.metrics).await?;
        if let Some(address) = args.ext_authz {
            let listener = listen::bind(address).await?;
            out::say(&format!("Checks of Envoy on grpc://{}", listener.local_addr()?));
            let router = countersign_http::ext_authz(server).await;
            let door = tls::Door::new(listener, tls.clone(), args.connections);
            tokio::spawn(listen::serve_ext_authz(door, router));
        }
        let at = listen.local_addr().context("the listener has no address")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        out::say(&format!("Serving {scheme}://{at}; metrics on http://{}", metrics.local_addr()?));
        if let Some(url) = &args.public_url {
            out::say(&format!("Reached by {url}"));
        }
        tokio::spawn(listen::serve_metrics(metrics, Arc::clone(server), witnesses));
        let bounds = Bounds {
            requests_a_second: NonZeroU32::new(args.client_requests),
            trusted_proxies: args.trusted_proxies.clone(),
        };
        let router = countersign_http::limited(countersign_http::router(server), bounds);
        let door = tls::Door::new(listen, tls, args.connections);
        listen::serve(door, router, signals, stopped).await
    });
    // Whoever still waits for an answer has had it; what waits for its place in the ledger goes in.
    runtime.shutdown_timeout(Duration::from_secs(10));
    let failed = running.end();
    served?;
    match failed {
        None => Ok(Exit::Ok),
        Some(why) => {
            tracing::error!(why, "stopped");
            Ok(Exit::Failed)
        }
    }
}

pub fn address(place: &PlaceArgs) -> Result<Address> {
    match &place.store {
        Some(text) => Ok(text.parse()?),
        None => Ok(Address::Sqlite(place.data.join("state.sqlite"))),
    }
}

/// A folder that only its owner can look into.
pub fn private_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .with_context(|| format!("could not close the folder `{}`", folder.display()))?;
    }
    Ok(())
}

/// How long a node waits for the keys of one that began at the same time.
const LEADER_MAKES_KEYS: Duration = Duration::from_secs(5);

/// The name of the instance's log. Whoever keeps a checkpoint keeps it with it.
const ORIGIN: &str = "countersign.local/register";

pub fn open_ledger(folder: &Path, keys: &KeyFiles) -> Result<Ledger> {
    let options = OpenOptions {
        origin: ORIGIN,
        private_key: None,
        signing_seed: chance::bytes()?,
        handle_seed: chance::bytes()?,
    };
    Ledger::open_in_order_with(folder, &options, keys.clone()).context("could not open the ledger")
}

/// Of a node that does not lead: the folder is shared, and the leader made the keys.
pub fn handles(folder: &Path, keys: &KeyFiles) -> Result<Handles> {
    let mut read = Ledger::read_handles_with(folder, keys);
    // It may be making them.
    for _ in 0..LEADER_MAKES_KEYS.as_millis() / 50 {
        match &read {
            Err(LedgerError::Key(KeyError::Missing { .. })) => (),
            Ok(_) => break,
            // Another key, or none: waiting brings no other.
            Err(LedgerError::Key(_)) => {
                return read.context("could not read the keys");
            }
            Err(_) => (),
        }
        std::thread::sleep(Duration::from_millis(50));
        read = Ledger::read_handles_with(folder, keys);
    }
    read.with_context(|| {
        format!(
            "another node leads, and its keys are not in `{}`; give --data the folder that all nodes share",
            folder.display()
        )
    })
}

fn tell_first_code(app: &App) -> Result<()> {
    if let Some(made) = app.first_code()? {
        out::say(&format!(
            "Nobody has signed in yet. Within an hour, once:\n\n  countersign sign-in --code {}\n",
            made.secret
        ));
    }
    Ok(())
}

/// Nanoseconds since 1970, by the machine's clock.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
}

pub fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("a system without randomness cannot serve");
}

/// What is written for operators when an address cannot be had.
pub(crate) fn taken(address: SocketAddr) -> String {
    format!("could not listen on {address}; give another by --listen, --metrics or --ext-authz")
}
