//! The server of the comparison over HTTP: the product's router over facts of a large company.
//! `decide_server GRANTS JOURNAL_FOLDER`; says its port and its token on standard output, and ends when
//! standard input does.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use countersign_app::{Act, App};
use countersign_bench::company;
use countersign_http::{Bounds, Server};
use countersign_journal::{Journal, Options};
use countersign_ledger::{Ledger, OpenOptions};
use countersign_model::time::Timestamp;
use countersign_store::{Address, Store};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let grants: u64 = args.next().context("how many grants?")?.parse()?;
    let folder = PathBuf::from(args.next().context("a folder for the journal?")?);
    let state = countersign_testkit::Folder::new("decide");
    let store = Store::open(&Address::Sqlite(state.path().join("state.sqlite")))?;
    let options = OpenOptions {
        origin: "bench.example/log",
        private_key: None,
        signing_seed: [1; 32],
        handle_seed: [2; 32],
    };
    let mut ledger = Ledger::open_in_order(&state.path().join("ledger"), &options)?;
    let app = App::new(store, ledger.handles().clone(), Box::new(now), Box::new(chance));
    let token = token(&app)?;
    let (journal, _) = Journal::open(&folder, &Options::new([3; 16]))?;
    app.begin_to_judge_by(company::facts(grants), app.store().feed_end()?, journal)?;
    let server = Arc::new(Server::new(app, None));
    let following = Arc::downgrade(&server);
    std::thread::spawn(move || {
        while let Some(server) = following.upgrade() {
            // A failure shows as stale answers.
            let _ = server.app.follow();
            drop(server);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "{} {token}", listener.local_addr()?.port())?;
        out.flush()?;
        let router = countersign_http::router(&server);
        let router = countersign_http::limited(router, Bounds::default());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let ended = async {
            let read = || std::io::stdin().read_to_end(&mut Vec::new());
            // Whatever comes of it, it is over.
            let _ = tokio::task::spawn_blocking(read).await;
        };
        axum::serve(listener, service).with_graceful_shutdown(ended).await?;
        Ok(())
    })
}

/// Of an application of the tenant.
fn token(app: &App) -> Result<String> {
    let code = app.first_code()?.context("somebody has signed in")?;
    let session = app.sign_in(&code.secret)?;
    let owner = app.authenticate(&session.secret)?;
    let files = vec![("company.yaml".to_owned(), company::around_text())];
    let (register, mistakes) = countersign_app::parse_register(&files);
    anyhow::ensure!(mistakes.is_empty(), "{mistakes:?}");
    app.apply(&owner, &register, &Act::default())?;
    let document = json!({"id": "erp", "role": "application", "tenant": company::TENANT});
    app.put_member(&owner, &document, &Act::default())?;
    let code = app.code_for(&owner, "erp")?;
    Ok(app.sign_in(&code.secret)?.secret)
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
}

fn chance(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("a system without randomness cannot serve");
}
