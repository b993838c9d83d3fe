//! Sockets: listening, serving until told, and ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use countersign_http::Server;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::metrics;
use super::tls::{Door, Stream};
use super::witnesses::Witnesses;

pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| super::taken(address))
}

/// The head of a request comes within this from its first byte, or from the answer before it.
const HEAD: Duration = Duration::from_secs(15);
/// All lines of a head together, and how many.
const HEAD_BYTES: usize = 64 * 1024;
const HEAD_LINES: usize = 100;
/// Of HTTP/2, where a client that is still there says so.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
const STREAMS: u32 = 100;
/// How long those that are being answered are waited for at the end.
const END: Duration = Duration::from_secs(30);

/// Serves until a signal or a failure; then takes no more requests and answers those it has.
pub async fn serve(
    door: Door,
    router: Router,
    signals: Signals,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    serve_until(door, router, told(signals, stopped)).await;
    Ok(())
}

/// Serves Envoy's checks beside the API, until the node ends.
pub async fn serve_ext_authz(door: Door, router: Router) {
    serve_until(door, router, std::future::pending()).await;
}

async fn serve_until(mut door: Door, router: Router, told: impl Future<Output = ()>) {
    let speaks = Arc::new(Speaks::new());
    let (end, ending) = watch::channel(());
    let mut told = std::pin::pin!(told);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut told => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => (),
            (stream, peer) = door.accept() => {
                let (speaks, router) = (Arc::clone(&speaks), router.clone());
                connections.spawn(speaks.with(stream, peer, (router, ending.clone())));
            }
        }
    }
    drop((door, ending));
    end.send_replace(());
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(END, ended).await.is_err() {
        tracing::warn!("somebody who was being answered was not waited for");
    }
}

/// HTTP/1.1 and HTTP/2, each with its limits.
struct Speaks {
    one: auto::Builder<TokioExecutor>,
    two: auto::Builder<TokioExecutor>,
}

impl Speaks {
    fn new() -> Self {
        let mut one = auto::Builder::new(TokioExecutor::new()).http1_only();
        let mut http = one.http1();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        http.max_buf_size(HEAD_BYTES).max_headers(HEAD_LINES);
        let mut two = auto::Builder::new(TokioExecutor::new()).http2_only();
        let mut http = two.http2();
        http.timer(TokioTimer::new()).keep_alive_interval(ALIVE_EVERY);
        http.keep_alive_timeout(HEAD).max_concurrent_streams(STREAMS);
        http.max_header_list_size(HEAD_BYTES as u32);
        Self { one, two }
    }

    /// One connection, until it ends or the node does.
    async fn with(
        self: Arc<Self>,
        mut stream: Stream,
        peer: SocketAddr,
        (router, mut ending): (Router, watch::Receiver<()>),
    ) {
        // Which of the two it is, the first bytes say, which somebody may never send.
        let first = tokio::select! {
            first = tokio::time::timeout(HEAD, stream.begins_with(TWO)) => first,
            // Whoever has asked for nothing yet waits for nothing.
            _ = ending.changed() => return,
        };
        let Ok(Ok(is_two)) = first else { return };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        let speaks = if is_two { &self.two } else { &self.one };
        let mut connection = std::pin::pin!(speaks.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // That the sender is gone is the end as well.
            _ = ending.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// What HTTP/2 begins with (RFC 9113 §3.4).
const TWO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub async fn serve_metrics(listener: TcpListener, server: Arc<Server>, witnesses: Arc<Witnesses>) {
    let text = move || {
        let (server, witnesses) = (Arc::clone(&server), Arc::clone(&witnesses));
        async move {
            let text = move || format!("{}{}", metrics::text(&server), witnesses.text());
            tokio::task::spawn_blocking(text).await.unwrap_or_default()
        }
    };
    let router = Router::new().route("/metrics", get(text));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "metrics are served no more");
    }
}

async fn told(signals: Signals, mut stopped: watch::Receiver<bool>) {
    let failed = async {
        // A sender that went away has stopped as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::select! {
        () = signals.wait() => tracing::info!("told to stop"),
        () = failed => (),
    }
}

/// What an operator tells a process. From when it is made on, a signal ends the node cleanly.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub fn take() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let taken = || -> std::io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        taken().context("could not listen for signals")
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }

    #[cfg(not(unix))]
    pub fn take() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
