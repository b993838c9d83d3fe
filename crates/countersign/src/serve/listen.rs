//! Sockets: listening, serving until told, and ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use countersign_http::Server;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::metrics;
use super::witnesses::Witnesses;

pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| super::taken(address))
}

/// Serves until a signal or a failure; then takes no more requests and answers those it has.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    signalled: impl Future<Output = ()> + Send + 'static,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(told(signalled, stopped))
        .await
        .context("the listener failed")
}

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

async fn told(signalled: impl Future<Output = ()>, mut stopped: watch::Receiver<bool>) {
    let failed = async {
        // A sender that went away has stopped as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::select! {
        () = signalled => tracing::info!("told to stop"),
        () = failed => (),
    }
}

/// The signal that ends the node. From the call on none is missed, so it is called before anybody is
/// told that the node serves.
#[cfg(unix)]
pub fn signal() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            // Without signals, only ending the process ends it.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    }
}

#[cfg(not(unix))]
pub async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
