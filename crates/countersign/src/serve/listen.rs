//! Sockets: listening, serving until told, and ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use countersign_http::Server;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::metrics;
use super::tls::Door;

pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| super::taken(address))
}

/// Serves until a signal or a failure; then takes no more requests and answers those it has.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    let door = Door::new(listener, tls).tap_io(|_| ());
    axum::serve(door, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(told(stopped))
        .await
        .context("the listener failed")
}

pub async fn serve_metrics(listener: TcpListener, server: Arc<Server>) {
    let text = move || {
        let server = Arc::clone(&server);
        async move {
            tokio::task::spawn_blocking(move || metrics::text(&server)).await.unwrap_or_default()
        }
    };
    let router = Router::new().route("/metrics", get(text));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "metrics are served no more");
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    let failed = async {
        // A sender that went away has stopped as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::select! {
        () = signal() => tracing::info!("told to stop"),
        () = failed => (),
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without signals, only ending the process ends it.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => (),
        _ = interrupt.recv() => (),
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
