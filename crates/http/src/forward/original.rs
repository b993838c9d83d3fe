//! What the client asked for, as its proxy tells it, and the one way to read its path.
//!
//! nginx says `X-Original-URL` and `X-Original-Method`; Caddy and Traefik say `X-Forwarded-Uri` and
//! `X-Forwarded-Method`; Envoy sends the request line itself, below a prefix. A client could send the
//! headers of another proxy than the one before it, so a request that says both is refused.

use axum::http::HeaderMap;

use super::Refused;
use super::headers::one;

const PATH_BYTES_MAX: usize = 4_096;
const METHOD_BYTES_MAX: usize = 32;

/// A request, without what may hold secrets: neither query nor body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub method: String,
    /// Decoded once, absolute, and with one meaning only.
    pub path: String,
    pub host: Option<String>,
}

impl Original {
    /// # Errors
    /// If no request is named, or two are, or its path has more than one reading.
    pub fn of_headers(headers: &HeaderMap) -> Result<Self, Refused> {
        let (url, uri) = (one(headers, "x-original-url")?, one(headers, "x-forwarded-uri")?);
        match (url, uri) {
            (Some(_), Some(_)) => Err(Refused::forged("request.twice")),
            (None, None) => Err(Refused::misconfigured("request.missing")),
            (Some(url), None) => {
                let (host, path) = split(url).ok_or(Refused::forged("path.ambiguous"))?;
                Self::new(one(headers, "x-original-method")?, path, host)
            }
            (None, Some(uri)) => {
                let host = one(headers, "x-forwarded-host")?;
                Self::new(one(headers, "x-forwarded-method")?, uri, host)
            }
        }
    }

    /// # Errors
    /// If the method is none, or the path has more than one reading.
    pub fn new(method: Option<&str>, path: &str, host: Option<&str>) -> Result<Self, Refused> {
        let method = method.ok_or(Refused::misconfigured("request.missing"))?;
        let is_method = method.len() <= METHOD_BYTES_MAX
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if !is_method {
            return Err(Refused::forged("request.method"));
        }
        let path = normal(path).ok_or(Refused::forged("path.ambiguous"))?;
        Ok(Self { method: method.to_owned(), path, host: host.map(str::to_owned) })
    }
}

/// Host and path of an absolute address; a bare path has no host.
fn split(url: &str) -> Option<(Option<&str>, &str)> {
    if url.starts_with('/') {
        return Some((None, url));
    }
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let slash = rest.find('/')?;
    Some((Some(&rest[..slash]), &rest[slash..]))
}

/// The path of a request target, if every server reads the same out of it.
///
/// Decoded once. What one server takes for another path than the next is refused: dot segments, empty
/// segments, an encoded slash or percent sign, backslashes, path parameters, control characters, bytes
/// that are no UTF-8.
fn normal(target: &str) -> Option<String> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if path.len() > PATH_BYTES_MAX || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let rest = path.strip_prefix('/')?;
    let mut whole = String::with_capacity(path.len());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let decoded = decoded(segment)?;
        let is_ambiguous = matches!(decoded.as_str(), "." | "..")
            || (decoded.is_empty() && !is_last)
            || decoded.chars().any(|letter| {
                matches!(letter, '/' | '\\' | ';' | '%' | '#') || letter.is_control()
            });
        if is_ambiguous {
            return None;
        }
        whole.push('/');
        whole.push_str(&decoded);
    }
    Some(whole)
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading_or_none() {
        for (target, path) in [
            ("/", "/"),
            ("/a/b?x=../secret", "/a/b"),
            ("/a/", "/a/"),
            ("/a%20b/%C3%BC", "/a b/ü"),
            ("/%61dmin", "/admin"),
            ("/a..b/...", "/a..b/..."),
        ] {
            assert_eq!(normal(target).as_deref(), Some(path), "{target}");
        }
        for target in [
            "",
            "a",
            "*",
            "http://h/a",
            "//a",
            "/a//b",
            "/./a",
            "/a/..",
            "/a/%2e%2E/b",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a/..;/b",
            "/a;x=1",
            "/%252e%252e/a",
            "/a%00",
            "/a%0ab",
            "/%ff",
            "/%",
            "/%4",
            "/%zz",
            "/a#b",
            "/a b",
            "/ü",
            "/a%23b",
        ] {
            assert_eq!(normal(target), None, "{target}");
        }
        assert_eq!(normal(&format!("/{}", "a".repeat(PATH_BYTES_MAX))), None);
    }

    #[test]
    fn each_proxy_is_understood_and_two_at_once_are_not() {
        let read = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            let read = Original::of_headers(&map);
            read.map(|it| (it.method, it.path, it.host.unwrap_or_default())).map_err(|it| it.code)
        };
        let is = |method: &str, path: &str, host: &str| {
            Ok((method.to_owned(), path.to_owned(), host.to_owned()))
        };
        let url = ("x-original-url", "http://shop.example:8080/a?x=1");
        assert_eq!(
            read(&[url, ("x-original-method", "POST")]),
            is("POST", "/a", "shop.example:8080")
        );
        let forwarded = [
            ("x-forwarded-uri", "/a?x=1"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-host", "shop.example"),
        ];
        assert_eq!(read(&forwarded), is("GET", "/a", "shop.example"));
        let both = [forwarded[0], forwarded[1], ("x-original-url", "/public")];
        assert_eq!(read(&both), Err("request.twice"));
        assert_eq!(read(&[url, url]), Err("header.twice"));
        assert_eq!(read(&[]), Err("request.missing"));
        assert_eq!(read(&[url]), Err("request.missing"));
        assert_eq!(read(&[url, ("x-original-method", "get")]), Err("request.method"));
        assert_eq!(
            read(&[("x-original-url", "http://h"), ("x-original-method", "GET")]),
            Err("path.ambiguous")
        );
    }
}
