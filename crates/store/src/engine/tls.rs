//! TLS to PostgreSQL. `sslmode=require` also asks who is there: the server's certificate must be one
//! that the machine trusts, or that `sslrootcert=FILE` does.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

const ROOTS: &str = "sslrootcert=";

/// The connection string without the file of roots, which the driver does not know, and that file.
pub(super) fn split(url: &str) -> (String, Option<String>) {
    let Some((before, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (roots, rest): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|part| part.starts_with(ROOTS));
    let roots = roots.first().and_then(|part| part.strip_prefix(ROOTS)).map(decoded);
    let sign = if rest.is_empty() { "" } else { "?" };
    (format!("{before}{sign}{}", rest.join("&")), roots)
}

/// `%2F` and the like; what is none of these stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%');
        let pair = pair.and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn connector(roots: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(file) => {
            let failed = |error: rustls::pki_types::pem::Error| {
                StoreError::Tls(format!("`{file}`: {error}"))
            };
            for certificate in CertificateDer::pem_file_iter(Path::new(file)).map_err(failed)? {
                let added = store.add(certificate.map_err(failed)?);
                added.map_err(|error| StoreError::Tls(format!("`{file}`: {error}")))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        let text = "no certificate is trusted; name a file by `sslrootcert=FILE`";
        return Err(StoreError::Tls(text.to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Tls(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
