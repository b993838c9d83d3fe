//! Headers that are read, and headers that are written. No other header of a request is looked at.

use axum::http::HeaderMap;
use serde_json::{Map, Value as Json, json};

use super::Refused;

const VALUE_BYTES_MAX: usize = 8 << 10;
const NAME_BYTES_MAX: usize = 1_024;
const AMR_MAX: usize = 16;
const REQUEST_ID_BYTES_MAX: usize = 128;

/// What the proxy presents to be known here. It never goes to the application or to the client.
pub(crate) const KEY: &str = "x-countersign-key";
/// What a portal presents to be known here.
const PORTAL_KEY: &str = "x-countersign-portal-key";
const PERSON: &str = "x-countersign-person";
const SUBJECT: &str = "x-countersign-subject";

/// What is read, and must not reach the application as if it were an answer.
pub(crate) const READ: [&str; 9] = [
    KEY,
    SUBJECT,
    "x-countersign-issuer",
    "x-countersign-acr",
    "x-countersign-amr",
    "x-countersign-auth-time",
    "x-countersign-credential",
    PERSON,
    PORTAL_KEY,
];

/// What is answered, each of them always, so that nothing a client sent under the name is left.
pub(crate) const ANSWERED: [&str; 7] = [
    "x-countersign-identity",
    "x-countersign-actor",
    "x-countersign-organization",
    "x-countersign-sponsor",
    "x-countersign-grant",
    "x-countersign-decision",
    "x-countersign-assertion",
];

/// The value of a header that may be there once. An empty one is not there.
///
/// # Errors
/// If it is there twice, is too long, or is no text.
pub(crate) fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::forged("header.twice"));
    }
    let text = std::str::from_utf8(value.as_bytes()).ok();
    let text =
        text.filter(|text| text.len() <= VALUE_BYTES_MAX && !text.chars().any(char::is_control));
    let text = text.ok_or(Refused::forged("header.form"))?.trim();
    Ok((!text.is_empty()).then_some(text))
}

/// Who the proxy says it is, and who is behind them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vouched {
    pub name: String,
    /// As the subject's properties of a question.
    pub properties: Map<String, Json>,
    pub portal: Option<Behind>,
}

/// The person behind a portal, by its word.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Behind {
    pub person: String,
    /// Never logged.
    pub key: String,
}

impl std::fmt::Debug for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Behind").field("person", &self.person).finish_non_exhaustive()
    }
}

impl Vouched {
    /// # Errors
    /// If nobody is vouched for, or what is said of them cannot be read.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let name = short(one(headers, SUBJECT)?)?.ok_or(Refused::anonymous())?.to_owned();
        let mut properties = Map::new();
        for property in ["acr", "credential"] {
            let header = format!("x-countersign-{property}");
            if let Some(value) = short(one(headers, &header)?)? {
                properties.insert(property.to_owned(), value.into());
            }
        }
        if let Some(issuer) = short(one(headers, "x-countersign-issuer")?)? {
            properties.insert("iss".to_owned(), issuer.into());
        }
        if let Some(methods) = short(one(headers, "x-countersign-amr")?)? {
            let methods = methods.split([' ', ',']).filter(|method| !method.is_empty());
            let methods: Vec<&str> = methods.take(AMR_MAX + 1).collect();
            if methods.len() > AMR_MAX {
                return Err(Refused::forged("header.form"));
            }
            properties.insert("amr".to_owned(), json!(methods));
        }
        if let Some(time) = one(headers, "x-countersign-auth-time")? {
            // Seconds since 1970; more digits would be a time nobody signs in at.
            let time: Option<u32> = time.parse().ok();
            let time = time.ok_or(Refused::forged("header.form"))?;
            properties.insert("auth_time".to_owned(), time.into());
        }
        let portal = match (short(one(headers, PERSON)?)?, one(headers, PORTAL_KEY)?) {
            (None, _) => None,
            (Some(_), None) => return Err(Refused::forged("portal.key_missing")),
            (Some(person), Some(key)) => {
                Some(Behind { person: person.to_owned(), key: key.to_owned() })
            }
        };
        Ok(Self { name, properties, portal })
    }
}

fn short(value: Option<&str>) -> Result<Option<&str>, Refused> {
    match value {
        Some(text) if text.len() > NAME_BYTES_MAX => Err(Refused::forged("header.form")),
        value => Ok(value),
    }
}

/// What else is known of a request: `host`, `ip`, `request_id`, `traceparent`. What is no such thing
/// is left out.
pub(crate) fn context(
    headers: &HeaderMap,
    host: Option<&str>,
    peer: Option<&str>,
) -> Map<String, Json> {
    let mut context = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            context.insert(name.to_owned(), value.into());
        }
    };
    let said = |name: &str| one(headers, name).ok().flatten();
    put("host", host.filter(|host| host.len() <= 255));
    put(
        "ip",
        peer.or_else(|| last_hop(headers)).filter(|ip| ip.parse::<std::net::IpAddr>().is_ok()),
    );
    let request_id = said("x-request-id").filter(|id| {
        id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    put("request_id", request_id);
    put("traceparent", said("traceparent").filter(|text| is_traceparent(text)));
    context
}

/// The client, as the proxy that presented its key saw it: it wrote the last entry.
fn last_hop(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    Some(value.rsplit(',').next()?.trim())
}

/// W3C Trace Context, section 3.2.2: version, trace, parent and flags, in lower-case hexadecimal.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |part: &&str| {
        part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    lengths == [2, 32, 16, 2]
        && parts.iter().all(is_hex)
        && parts[0] != "ff"
        && !is_zero(parts[1])
        && !is_zero(parts[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn only_what_is_vouched_for_once_is_read() {
        let subject = ("x-countersign-subject", "pia");
        let read = |more: &[(&'static str, &str)]| {
            Vouched::of(&map(&[&[subject], more].concat())).map_err(|refused| refused.code)
        };
        let all = read(&[
            ("x-countersign-acr", "urn:mfa"),
            ("x-countersign-amr", "pwd, otp"),
            ("x-countersign-auth-time", "1764000000"),
            ("x-countersign-identity", "root"),
        ]);
        assert_eq!(
            Json::from(all.unwrap().properties),
            json!({"acr": "urn:mfa", "amr": ["pwd", "otp"], "auth_time": 1_764_000_000})
        );
        assert_eq!(read(&[subject]), Err("header.twice"));
        assert_eq!(read(&[("x-countersign-auth-time", "-1")]), Err("header.form"));
        assert_eq!(read(&[("x-countersign-acr", &"a".repeat(2_000))]), Err("header.form"));
        assert_eq!(read(&[("x-countersign-person", "max")]), Err("portal.key_missing"));
        let none = Vouched::of(&map(&[("x-countersign-subject", "")]));
        assert_eq!(none.map_err(|refused| refused.code), Err("subject.missing"));
    }

    #[test]
    fn what_is_no_such_thing_is_left_out_of_the_context() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let found = context(
            &map(&[
                ("x-request-id", "r-1"),
                ("traceparent", trace),
                ("x-forwarded-for", "1.1.1.1, 192.0.2.7"),
            ]),
            Some("shop.example"),
            None,
        );
        assert_eq!(
            Json::from(found),
            json!({
                "host": "shop.example", "ip": "192.0.2.7", "request_id": "r-1",
                "traceparent": trace,
            })
        );
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let odd = [("x-request-id", "a b"), ("traceparent", zero), ("x-forwarded-for", "unknown")];
        assert_eq!(context(&map(&odd), None, None), Map::new());
    }
}
