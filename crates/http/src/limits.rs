//! How much one client may ask: so many requests a second, and few tries to sign in.
//!
//! A client is an IPv4 address or an IPv6 network of 64 bits: the peer, or what a trusted proxy says.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use axum::middleware::{self, Next};
use countersign_wire::problem::Problem;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::answer::response;
use crate::request::presents_something;

/// Tries to sign in, by code or invitation, from one client.
const SIGN_INS_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// Seconds of requests that may come at once.
const BURST_SECONDS: u32 = 5;
/// Clients remembered before those that asked nothing of late are forgotten.
const CLIENTS_MAX: usize = 100_000;
/// Requests between two looks at how many are remembered.
const LOOK_EVERY: u32 = 1_024;

/// How a server is met from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Requests a second from one client; `None`: as many as it likes.
    pub requests_a_second: Option<NonZeroU32>,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

struct Limits {
    all: Option<DefaultKeyedRateLimiter<IpAddr>>,
    sign_ins: DefaultKeyedRateLimiter<IpAddr>,
    trusted: Vec<IpNet>,
    asked: AtomicU32,
}

/// The router, answering 429 to who asks too much.
pub fn limited(router: Router, bounds: Bounds) -> Router {
    let all = bounds.requests_a_second.map(|number| {
        let burst = number.saturating_mul(NonZeroU32::new(BURST_SECONDS).unwrap_or(number));
        RateLimiter::keyed(Quota::per_second(number).allow_burst(burst))
    });
    let limits = Arc::new(Limits {
        all,
        sign_ins: RateLimiter::keyed(Quota::per_minute(SIGN_INS_A_MINUTE)),
        trusted: bounds.trusted_proxies,
        asked: AtomicU32::new(0),
    });
    router.layer(middleware::from_fn(move |request: Request<Body>, next: Next| {
        let limits = Arc::clone(&limits);
        async move {
            match limits.admit(&request) {
                Ok(()) => next.run(request).await,
                Err(wait) => too_many(wait),
            }
        }
    }))
}

impl Limits {
    /// # Errors
    /// How long the client has to wait.
    fn admit(&self, request: &Request<Body>) -> Result<(), Duration> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        // Every listener of ours says who is there; who is not known shares one allowance.
        let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.0.ip());
        let client = network(client(peer, request.headers(), &self.trusted));
        self.forget_some();
        let path = request.uri().path();
        let by_invitation = ["/v1/invitation", "/v1/invitation/complete"].contains(&path);
        // Whoever presents no invitation guesses none, and is told that one is needed.
        let tries_one = by_invitation && presents_something(request.headers());
        if path.starts_with("/v1/sign-in") || tries_one {
            check(&self.sign_ins, client)?;
        }
        if asks_for_many(path) {
            return Ok(());
        }
        self.all.as_ref().map_or(Ok(()), |all| check(all, client))
    }

    /// Whoever has a whole network of addresses must not fill the memory.
    fn forget_some(&self) {
        if !self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            return;
        }
        for limiter in self.all.iter().chain([&self.sign_ins]) {
            if limiter.len() > CLIENTS_MAX {
                limiter.retain_recent();
            }
        }
    }
}

/// Applications and proxies ask for all their users, and are held by their keys (`doorman.rs`), not by
/// their address.
fn asks_for_many(path: &str) -> bool {
    let below = ["/access/", "/ext-authz/"];
    path == "/forward-auth" || below.iter().any(|known| path.starts_with(known))
}

fn check(limiter: &DefaultKeyedRateLimiter<IpAddr>, client: IpAddr) -> Result<(), Duration> {
    limiter
        .check_key(&client)
        .map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
}

/// The address that the request is from: the last one in `X-Forwarded-For` that is no trusted
/// proxy's, if a trusted proxy brought it. What stands before it, anybody can have written.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let values: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        let Some(address) = forwarded(text.trim()) else { return client };
        client = address.to_canonical();
        if !is_trusted(client) {
            return client;
        }
    }
    client
}

/// An address, with a port perhaps.
fn forwarded(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn too_many(wait: Duration) -> Response<Body> {
    let seconds = wait.as_secs().saturating_add(1);
    let detail = format!("too many requests from this address; ask again in {seconds} s");
    later(Problem::new(429, "too_many", detail), seconds)
}

/// A problem that a later request may not have (RFC 9110, 10.2.3).
pub(crate) fn later(problem: Problem, seconds: u64) -> Response<Body> {
    let mut response = response(Err(problem));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_is_behind_it() {
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        // What the client wrote itself stands first, and does not count.
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("fd00::1", &["[2001:db8::9]:80"]), "2001:db8::9");
        assert_eq!(of("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
