//! Whether what is said of the server's surroundings is safe to serve in.

use anyhow::{Result, bail};

use crate::cli::ServeArgs;

/// # Errors
/// If tokens would travel in the open, or an address is none.
pub fn check(args: &ServeArgs) -> Result<()> {
    if let Some(url) = &args.public_url
        && !is_address(url)
    {
        bail!(
            "--public-url is `https://` and a host, without a path: where a browser finds this server"
        );
    }
    if let Some(address) = args.ext_authz
        && !address.ip().is_loopback()
        && args.tls_cert.is_none()
    {
        bail!(
            "{address} can be reached from other machines, and Envoy's key would travel in the open; \
             give --tls-cert and --tls-key, or an address of this machine only"
        );
    }
    let is_https = args.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let is_behind_proxy = is_https && !args.trusted_proxies.is_empty();
    if args.listen.ip().is_loopback() || args.tls_cert.is_some() || is_behind_proxy {
        return Ok(());
    }
    bail!(
        "{} can be reached from other machines, and tokens would travel in the open; give \
         --tls-cert and --tls-key, or, behind a proxy that ends TLS, --public-url https://… and \
         --trusted-proxy with the proxy's address",
        args.listen
    )
}

fn is_address(url: &str) -> bool {
    let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_closed = url.starts_with("https://") || here.iter().any(|here| url.starts_with(here));
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    is_closed && !host.is_empty() && host.bytes().all(is_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_closed_origin() {
        for good in ["https://access.example.com", "https://a.example:8443/", "http://127.0.0.1:80"]
        {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "access.example.com",
            "http://access.example.com",
            "https://",
            "https://a/b",
            "https://u@a",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
