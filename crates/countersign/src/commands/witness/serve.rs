//! The witness over HTTP: `POST /add-checkpoint`, `GET /<SHA-256 of an origin>/checkpoint`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign_ledger::witness::folder::WitnessFolder;
use countersign_ledger::witness::{REQUEST_BYTES_MAX, Refusal, SIZE_CONTENT_TYPE};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::now;
use crate::out;

/// A log that sends its request more slowly than this is not waited for.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";

type Shared = Arc<Mutex<WitnessFolder>>;

pub fn run(witness: WitnessFolder, listen: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the machine gave no sockets and timers")?.block_on(serve(witness, listen))
}

async fn serve(witness: WitnessFolder, listen: SocketAddr) -> Result<()> {
    let key = witness.witness().key().to_string();
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin}/checkpoint", get(checkpoint))
        .with_state(Arc::new(Mutex::new(witness)));
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("could not listen on {listen}"))?;
    let address = listener.local_addr().context("the socket has no address")?;
    out::say(&format!("Witness {key}"));
    out::say(&format!("listens on http://{address}/add-checkpoint"));
    axum::serve(listener, routes).with_graceful_shutdown(stopped()).await?;
    Ok(())
}

async fn add_checkpoint(State(witness): State<Shared>, body: Body) -> Response {
    let body = match timeout(REQUEST_TIME_MAX, to_bytes(body, REQUEST_BYTES_MAX)).await {
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Ok(Ok(body)) => body,
    };
    // Keeping a checkpoint waits for the disk.
    let answer = tokio::task::spawn_blocking(move || {
        // A request that failed half-way has changed nothing that is not on disk.
        let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
        witness.add_checkpoint(&body, now())
    });
    match answer.await {
        Ok(Ok(lines)) => answer_with(StatusCode::OK, TEXT, lines),
        Ok(Err(refusal)) => refuse(&refusal),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match refusal {
        Refusal::Conflict(size) => answer_with(status, SIZE_CONTENT_TYPE, format!("{size}\n")),
        Refusal::NotKept(error) => {
            out::say(&format!("a checkpoint could not be kept, and was not cosigned: {error}"));
            answer_with(status, TEXT, format!("{refusal}\n"))
        }
        other => answer_with(status, TEXT, format!("{other}\n")),
    }
}

async fn checkpoint(State(witness): State<Shared>, Path(origin): Path<String>) -> Response {
    let witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
    match witness.witness().checkpoint(&origin) {
        Some(note) => answer_with(StatusCode::OK, TEXT, note.to_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer_with(status: StatusCode, kind: &'static str, body: String) -> Response {
    (status, [(CONTENT_TYPE, kind)], body).into_response()
}

/// Until somebody stops the program.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        let mut interrupt = std::pin::pin!(interrupt);
        std::future::poll_fn(|context| {
            let stopped = terminate.poll_recv(context).is_ready()
                || interrupt.as_mut().poll(context).is_ready();
            if stopped { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}
