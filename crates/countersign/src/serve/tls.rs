//! The door: plain connections or TLS, so many at a time, and nobody who stands in it for long.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cli::ServeArgs;

const HANDSHAKE: Duration = Duration::from_secs(10);

/// What ends TLS here, if it ends here: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub fn acceptor(args: &ServeArgs) -> Result<Option<TlsAcceptor>> {
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else { return Ok(None) };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| unread(cert))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| unread(key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("--tls-cert and --tls-key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn unread(path: &Path) -> String {
    format!("could not read `{}` as PEM", path.display())
}

/// Takes connections.
pub struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    room: Arc<Semaphore>,
    /// Handshakes go on beside each other: a slow one stands in nobody's way.
    shaking: JoinSet<Option<(Stream, SocketAddr)>>,
}

impl Door {
    /// For so many connections at a time; who comes then waits at the door.
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>, connections: usize) -> Self {
        let room = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, tls, room, shaking: JoinSet::new() }
    }

    /// A connection, once there is room for one.
    async fn take(
        listener: &TcpListener,
        room: &Arc<Semaphore>,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        loop {
            let Ok(place) = Arc::clone(room).acquire_owned().await else {
                // Nobody closes it.
                return std::future::pending().await;
            };
            match listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, place),
                Err(error) => {
                    tracing::debug!(%error, "a connection was not taken");
                    // Out of file descriptors perhaps: others end meanwhile.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// The next one who speaks TLS, if that is spoken here.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                Some(done) = self.shaking.join_next(), if !self.shaking.is_empty() => {
                    if let Ok(Some(ready)) = done {
                        return ready;
                    }
                }
                (stream, peer, place) = Self::take(&self.listener, &self.room) => {
                    let Some(tls) = self.tls.clone() else {
                        return (Stream::new(Io::Plain(stream), place), peer);
                    };
                    self.shaking.spawn(async move {
                        let shaken = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await;
                        let io = Io::Tls(Box::new(shaken.ok()?.ok()?));
                        Some((Stream::new(io, place), peer))
                    });
                }
            }
        }
    }
}

/// A connection, with the place it holds.
pub struct Stream {
    io: Io,
    /// Read already, to be given first.
    first: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    fn new(io: Io, place: OwnedSemaphorePermit) -> Self {
        Self { io, first: Vec::new(), _place: place }
    }

    /// Whether the other side begins with these bytes, which are read again afterwards. Waits until that
    /// is known; who leaves before has not begun so.
    pub async fn begins_with(&mut self, wanted: &[u8]) -> io::Result<bool> {
        let mut first = std::mem::take(&mut self.first);
        while first.len() < wanted.len() && wanted.starts_with(&first) {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            std::future::poll_fn(|task| Pin::new(&mut *self).poll_read(task, &mut buffer)).await?;
            if buffer.filled().is_empty() {
                break;
            }
            first.extend_from_slice(buffer.filled());
        }
        let begins = first.starts_with(wanted);
        self.first = first;
        Ok(begins)
    }
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..count]);
            self.first.drain(..count);
            return Poll::Ready(Ok(()));
        }
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_read(task, buffer),
            Io::Tls(io) => Pin::new(io).poll_read(task, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(task, bytes),
            Io::Tls(io) => Pin::new(io).poll_write(task, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(task),
            Io::Tls(io) => Pin::new(io).poll_flush(task),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(task),
            Io::Tls(io) => Pin::new(io).poll_shutdown(task),
        }
    }
}
