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
use super::witnesses::Witnesses;

pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| super::taken(address))
}

/// Serves until a signal or a failure; then takes no more requests and answers those it has.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    signals: Signals,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    let door = Door::new(listener, tls).tap_io(|_| ());
    axum::serve(door, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(told(signals, stopped))
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

/// Serves Envoy's checks beside the API, until the node ends.
pub async fn serve_ext_authz(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    let door = Door::new(listener, tls).tap_io(|_| ());
    if let Err(error) = axum::serve(door, router).await {
        tracing::error!(%error, "Envoy's checks are answered no more");
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
