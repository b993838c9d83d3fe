//! One call after the Standard Webhooks specification 1.0.

use std::io;
use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::address;

/// The specification has 15 to 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Whether receivers may be in the operator's own networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateAddresses {
    Refused,
    Allowed,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Called {
    Taken,
    /// 410: never again.
    Gone,
    /// Why not, and in how many seconds the receiver wants to be asked again.
    Failed(String, Option<i64>),
}

/// Calls receivers of webhooks.
#[derive(Debug)]
pub struct Webhooks {
    agent: ureq::Agent,
}

impl Webhooks {
    /// Follows no redirect, uses no proxy, and connects to no address that is refused.
    pub fn new(private: PrivateAddresses) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // It fails only if one is there already, which is as well.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        });
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(0)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Guarded { inner: DefaultResolver::default(), private };
        Self { agent: ureq::Agent::with_parts(config, DefaultConnector::new(), resolver) }
    }

    /// Posts `body`, signed by each of `secrets`. `at`: seconds since 1970.
    pub(crate) fn call(
        &self,
        url: &str,
        id: &str,
        at: i64,
        secrets: &[[u8; 32]],
        body: &str,
    ) -> Called {
        let signatures: Vec<String> =
            secrets.iter().map(|secret| signature(secret, id, at, body)).collect();
        let request = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signatures.join(" "));
        let response = match request.send(body) {
            Ok(response) => response,
            Err(error) => return Called::Failed(said(&error), None),
        };
        // What else it says is not read: it could be anything, and of any length.
        let status = response.status().as_u16();
        let asked = response.headers().get("retry-after");
        let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        match status {
            200..300 => Called::Taken,
            410 => Called::Gone,
            300..400 => {
                Called::Failed(format!("it answered {status}; redirects are not followed"), None)
            }
            _ => Called::Failed(format!("it answered {status}"), asked),
        }
    }
}

/// `v1,` and the HMAC-SHA256 of id, timestamp and body with dots between, in base64.
pub fn signature(secret: &[u8; 32], id: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    for part in [id, ".", &at.to_string(), ".", body] {
        context.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(context.sign()))
}

/// What went wrong, without the URL: its path may be a secret of the receiver's.
fn said(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Other(error) if error.is::<RefusedAddress>() => error.to_string(),
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its name is not known".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "it refused the connection".to_owned()
        }
        ureq::Error::Io(error) => format!("the connection failed: {}", error.kind()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "its certificate is not valid".to_owned(),
        ureq::Error::ConnectionFailed => "it could not be connected to".to_owned(),
        _ => "it is no HTTP server".to_owned(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("its address {address} is not called: it is {is}; --allow-private-webhooks would")]
struct RefusedAddress {
    address: IpAddr,
    is: &'static str,
}

/// Resolves names, and refuses them if any address of theirs is refused: what is checked here is
/// what is connected to.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    private: PrivateAddresses,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if self.private == PrivateAddresses::Refused {
            for address in found.iter().map(std::net::SocketAddr::ip) {
                if let Some(is) = address::refused(address) {
                    return Err(ureq::Error::Other(Box::new(RefusedAddress { address, is })));
                }
            }
        }
        Ok(found)
    }
}
