//! Who is told of changes, where, and by which secret they know that it is us.
//!
//! A secret is derived from the instance's key and a random name, so the store holds nothing that
//! can be used: whoever reads it learns the name only.

use aws_lc_rs::hmac;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::Batch;
use countersign_store::items::{Filter, Item};
use countersign_store::outbox::Delivery;
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::{Act, App, AppError, Caller, View, effect};

pub const SUBSCRIPTION: &str = "subscription";
/// The kind of their messages.
pub const WEBHOOK: &str = "webhook";

/// Subscriptions in force at a time: each is looked at for each change.
const SUBSCRIPTIONS_MAX: usize = 100;
const EVENTS_MAX: usize = 50;
const EVENT_BYTES_MAX: usize = 100;
const URL_BYTES_MAX: usize = 2_048;
/// How long the secret before still signs, so that its receiver can change over.
const SECRET_OVERLAP: Duration = Duration(24 * 3_600 * 1_000_000_000);
const DELIVERIES_MAX: usize = 100;

/// From which the secrets of all subscriptions are derived.
#[derive(Clone)]
pub struct WebhookKey(hmac::Key);

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey")
    }
}

impl WebhookKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The 32 bytes with which messages are signed.
    fn derive(&self, subscription: &str, name: &str) -> [u8; 32] {
        let text = format!("cs/webhook/v1\0{subscription}\0{name}");
        let tag = hmac::sign(&self.0, text.as_bytes());
        tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }
}

/// What a message to a subscription is made with.
pub struct Signing {
    pub view: View,
    /// The newest first.
    pub secrets: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signing({}, {} secrets)", self.view.id, self.secrets.len())
    }
}

/// The names of the secrets that sign at an instant, the newest first.
pub fn webhook_keys(process: &Json, at: Timestamp) -> Vec<String> {
    let keys = process["keys"].as_array().into_iter().flatten();
    let is_current = |key: &&Json| match key["until"].as_str() {
        None => true,
        Some(until) => countersign_register::time(until).is_some_and(|until| at < until),
    };
    keys.filter(is_current).filter_map(|key| key["name"].as_str().map(str::to_owned)).collect()
}

impl App {
    /// Makes a subscription, or changes where and of what it tells. One that ended is in force
    /// again. Returns its secret if it is new: it is shown this once.
    ///
    /// # Errors
    /// `Invalid` if the document is not `{"id", "url", "events"}` of their forms; `Refused` if there
    /// are too many.
    pub fn put_subscription(
        &self,
        by: &Caller,
        document: &Json,
        act: &Act,
    ) -> Result<(View, Option<String>), AppError> {
        check(document)?;
        self.demand(by, "change", SUBSCRIPTION)?;
        let id = document["id"].as_str().unwrap_or_default();
        if let Some(view) = self.answered(by, act, SUBSCRIPTION, id)? {
            return Ok((view, None));
        }
        let now = self.store.item(SUBSCRIPTION, id)?;
        let (process, secret) = match (&now, act.rev) {
            (None, Some(_)) => return Err(AppError::not_found(SUBSCRIPTION, id)),
            (Some(item), None) => {
                return Err(AppError::Exists { noun: item.noun.clone(), id: item.id.clone() });
            }
            (Some(item), Some(rev)) if rev != item.rev => {
                return Err(AppError::Stale { noun: item.noun.clone(), id: item.id.clone() });
            }
            (Some(item), Some(_)) => (parse(&item.process)?, None),
            (None, None) => {
                self.demand_room()?;
                let (name, secret) = self.new_secret(id)?;
                (json!({"by": by.principal, "keys": [{"name": name}]}), Some(secret))
            }
        };
        let body = json!({"id": id, "url": document["url"], "events": document["events"]});
        let verb = if now.is_some() { "subscription.change" } else { "subscription.create" };
        let version = Version {
            noun: SUBSCRIPTION,
            id,
            after: now.as_ref(),
            state: effect::CURRENT.to_owned(),
            body,
            process,
        };
        self.subscribe(by, verb, version, act)?;
        Ok((self.view(&self.stored(SUBSCRIPTION, id)?)?, secret))
    }

    /// A new secret. The one before signs beside it for a day.
    pub fn rotate_secret(&self, by: &Caller, id: &str, act: &Act) -> Result<String, AppError> {
        let item = self.stored(SUBSCRIPTION, id)?;
        self.demand_on(by, "change", &item)?;
        if act.rev.is_some_and(|rev| rev != item.rev) {
            return Err(AppError::Stale { noun: item.noun.clone(), id: item.id.clone() });
        }
        let mut process = parse(&item.process)?;
        let until = countersign_register::time_text(self.now().plus_nanos(SECRET_OVERLAP.0));
        let (name, secret) = self.new_secret(id)?;
        let before = process["keys"].as_array().and_then(|keys| keys.first());
        let mut keys = vec![json!({"name": name})];
        keys.extend(before.map(|key| json!({"name": key["name"], "until": until})));
        process["keys"] = keys.into();
        let (state, body) = (item.state.clone(), parse(&item.body)?);
        let version = Version { noun: SUBSCRIPTION, id, after: Some(&item), state, body, process };
        self.subscribe(by, "subscription.rotate", version, act)?;
        Ok(secret)
    }

    /// What became of the newest messages to a subscription.
    pub fn subscription_deliveries(
        &self,
        by: &Caller,
        id: &str,
    ) -> Result<Vec<Delivery>, AppError> {
        let item = self.stored(SUBSCRIPTION, id)?;
        self.demand_on(by, "read", &item)?;
        Ok(self.store.deliveries(WEBHOOK, id, DELIVERIES_MAX)?)
    }

    /// Those in force.
    pub fn subscriptions(&self) -> Result<Vec<Item>, AppError> {
        let state = Some(effect::CURRENT.to_owned());
        self.every(SUBSCRIPTION, &Filter { state, ..Filter::default() })
    }

    /// The subscription that a message is to, if it is in force, and the secrets that sign it.
    pub fn signing(&self, id: &str) -> Result<Option<Signing>, AppError> {
        let Some(item) = self.store.item(SUBSCRIPTION, id)? else { return Ok(None) };
        if item.state != effect::CURRENT {
            return Ok(None);
        }
        let key = self.webhook_key()?;
        let view = self.view(&item)?;
        let names = webhook_keys(&view.process, self.now());
        let secrets = names.iter().map(|name| key.derive(id, name)).collect();
        Ok(Some(Signing { view, secrets }))
    }

    /// A receiver said that it is there no more (410): nothing is sent to it until somebody changes
    /// the subscription.
    pub fn end_subscription(&self, id: &str, rev: i64) -> Result<(), AppError> {
        let why = Some("its receiver answered 410".to_owned());
        let act = Act { why, rev: Some(rev), ..Act::default() };
        match self.act(&Caller::system(), SUBSCRIPTION, id, "end", &act) {
            // It ended meanwhile, or somebody just changed it.
            Ok(_) | Err(AppError::Refused { .. } | AppError::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn subscribe(
        &self,
        by: &Caller,
        verb: &str,
        version: Version<'_>,
        act: &Act,
    ) -> Result<(), AppError> {
        let also = self.remembered(by, act, SUBSCRIPTION, version.id);
        let deed = Deed { by, verb, why: act.why.as_deref(), id: self.act_id(by, act) };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        self.commit(Batch { changes: vec![change], also, ..Batch::default() }).map(|_| ())
    }

    fn demand_room(&self) -> Result<(), AppError> {
        if self.subscriptions()?.len() < SUBSCRIPTIONS_MAX {
            return Ok(());
        }
        let text = format!("there are {SUBSCRIPTIONS_MAX} subscriptions; end one first");
        Err(AppError::refused("subscription.too_many", text))
    }

    fn webhook_key(&self) -> Result<&WebhookKey, AppError> {
        let text = "this node has no key for webhooks; start it by `countersign serve`";
        self.webhooks.as_ref().ok_or_else(|| AppError::refused("subscription.no_key", text))
    }

    /// A fresh name, and its secret as its receiver is told it.
    fn new_secret(&self, id: &str) -> Result<(String, String), AppError> {
        let random: [u8; 16] = self.random();
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = self.webhook_key()?.derive(id, &name);
        Ok((name, format!("whsec_{}", base64(&secret))))
    }
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn check(document: &Json) -> Result<(), AppError> {
    let keys = document.as_object().into_iter().flat_map(serde_json::Map::keys);
    if let Some(other) =
        keys.into_iter().find(|key| !["id", "url", "events", "why"].contains(&key.as_str()))
    {
        let fix = "it has `id`, `url` and `events`";
        return Err(AppError::invalid(&pointer(other), "is no key of a subscription", fix));
    }
    let id = document["id"].as_str().unwrap_or_default();
    let is_slug = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_slug {
        let fix = "an id has letters, digits, `.`, `_` and `-`";
        return Err(AppError::invalid("/id", "is no id", fix));
    }
    let url = document["url"].as_str().unwrap_or_default();
    if let Some(wrong) = wrong_url(url) {
        return Err(AppError::invalid("/url", wrong, "such as `https://example.com/hooks`"));
    }
    let events = document["events"].as_array().filter(|events| !events.is_empty());
    let is_good = |event: &Json| event.as_str().is_some_and(is_event);
    match events {
        Some(events) if events.len() <= EVENTS_MAX && events.iter().all(is_good) => Ok(()),
        _ => {
            let fix = "a list of up to 50 such as `grant.approve`, `grant.*` or `*`";
            Err(AppError::invalid("/events", "is no list of events", fix))
        }
    }
}

/// RFC 6901, 3.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn is_event(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let of_noun = |text: &str| {
        text.split_once('.')
            .is_some_and(|(noun, verb)| is_word(noun) && (verb == "*" || is_word(verb)))
    };
    text.len() <= EVENT_BYTES_MAX && (text == "*" || of_noun(text))
}

/// What is wrong with a URL to which changes are told; whether its address may be called is asked
/// when it is.
fn wrong_url(url: &str) -> Option<&'static str> {
    if url.len() > URL_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("is no URL of at most 2048 visible ASCII characters");
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || url.contains(['#', '\\']) {
        return Some("has a name, a password, a fragment or a backslash in it");
    }
    let (host, port) = host_and_port(authority);
    if host.is_empty() || !port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Some("names no host");
    }
    let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    match scheme {
        "https" => None,
        "http" if is_here => None,
        _ => Some("is neither https nor on this machine"),
    }
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let is_host = |host: &str| {
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'))
    {
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        let host = authority.get(..address.len() + 2).filter(|_| is_address);
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => (host.unwrap_or_default(), None),
            (_, Some(port)) => (host.unwrap_or_default(), Some(port)),
            _ => ("", None),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) if is_host(host) => (host, Some(port)),
        None if is_host(authority) => (authority, None),
        _ => ("", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_https_or_here() {
        for good in [
            "https://example.com",
            "https://example.com:8443/a?b=c",
            "http://127.0.0.1:9/x",
            "http://[::1]:80/",
            "http://localhost",
            "https://[2001:db8::1]/",
        ] {
            assert_eq!(wrong_url(good), None, "{good}");
        }
        for bad in [
            "",
            "example.com",
            "http://example.com",
            "ftp://example.com",
            "https://",
            "https://a b",
            "https://u:p@example.com",
            "https://example.com#x",
            "https://example.com:0",
            "https://example.com:99999",
            "http://127.0.0.1@example.com/",
            "https://[::1",
            "https://[x]/",
            "http://127.0.0.1\\@example.com/",
            "file:///etc/passwd",
            "https://exa\u{e4}mple.com/",
        ] {
            assert!(wrong_url(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_event_is_a_verb_of_a_noun_or_many() {
        for good in ["*", "grant.*", "grant.approve", "trust_path.propose"] {
            assert!(is_event(good), "{good}");
        }
        for bad in ["", ".", "grant", "*.approve", "grant.", "grant.a*", "Grant.approve", "a.b.c"] {
            assert!(!is_event(bad), "{bad}");
        }
    }
}
