//! A node: the store, the API, and what goes on behind it. Starts on nothing but an empty folder.

mod background;
mod deliver;
mod domains;
mod exposure;
mod follow;
mod key_file;
mod listen;
mod metrics;
mod oidc;
mod signer;
mod tls;
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
use countersign_ledger::{Handles, Ledger, OpenOptions};
use countersign_model::time::Timestamp;
use countersign_store::lead::Lead;
use countersign_store::{Address, Store};

use crate::chance;
use crate::cli::{Log, PlaceArgs, ServeArgs};
use crate::out::{self, Exit};
use background::{Background, Running};
use tokio_rustls::TlsAcceptor;
use witnesses::Witnesses;

/// The operator's log goes to standard error.
pub fn log(form: Log) {
    let to_error = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    // A second initialisation, as in a test, leaves the first.
    let _ = match form {
        Log::Json => to_error.json().try_init(),
        Log::Text => to_error.try_init(),
    };
}

pub fn run(args: &ServeArgs) -> Result<Exit> {
    let address = address(&args.place)?;
    exposure::check(args)?;
    let tls = tls::acceptor(args)?;
    let drain = deliver::drain(args)?;
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
    let (sequencer, handles) = match lead.map(|lead| leading(lead, &folder, &store)) {
        Some(Ok((leads, handles))) => (Some(leads), handles),
        // A node that ended a moment ago still holds the ledger: this one leads a little later.
        Some(Err(error)) if background::is_passing(&error) => (None, handles(&folder)?),
        Some(Err(error)) => return Err(error),
        None => (None, handles(&folder)?),
    };
    let key = deliver::key(&args.place.data)?;
    let app = App::new(store, handles, Box::new(now), Box::new(fill))
        .with_ledger(&folder)
        .with_webhooks(key);
    if sequencer.is_some() {
        tell_first_code(&app)?;
    }
    let server = Arc::new(
        Server::new(app, oidc::of(args)?)
            .with_public_url(args.public_url.clone())
            .with_signer(signer::signer(&args.place.data)?),
    );
    let witnesses = Arc::new(Witnesses::new(&args.witness, &folder)?);
    let watched = Arc::clone(&witnesses);
    let background = Background { server: Arc::clone(&server), address, folder, witnesses };
    let running = background.start(sequencer)?;
    deliver::start(&server, drain, running.leads())?;
    serve_until_told(args, &server, Doors { tls, witnesses: watched }, running)
}

fn leading(lead: Lead, folder: &Path, store: &Store) -> Result<((Lead, Sequencer), Handles)> {
    let mut ledger = open_ledger(folder)?;
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
            tokio::spawn(listen::serve_ext_authz(listener, tls.clone(), router));
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
        listen::serve(listen, tls, router, signals, stopped).await
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

pub fn open_ledger(folder: &Path) -> Result<Ledger> {
    let options = OpenOptions {
        origin: ORIGIN,
        private_key: None,
        signing_seed: chance::bytes()?,
        handle_seed: chance::bytes()?,
    };
    Ledger::open_in_order(folder, &options).context("could not open the ledger")
}

/// Of a node that does not lead: the folder is shared, and the leader made the keys.
pub fn handles(folder: &Path) -> Result<Handles> {
    let mut read = Ledger::read_handles(folder);
    // It may be making them.
    for _ in 0..LEADER_MAKES_KEYS.as_millis() / 50 {
        if read.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        read = Ledger::read_handles(folder);
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
