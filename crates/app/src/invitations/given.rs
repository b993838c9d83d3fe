//! What a partner's administrator gives, read and bounded. It comes from outside, with a link that
//! anybody may have got hold of.

use countersign_model::register::Register;
use countersign_register::{Fault, read_document};
use serde_json::{Value as Json, json};

use crate::AppError;

const CONTACTS_MAX: usize = 10;
const DOMAINS_MAX: usize = 10;
const KEYS_MAX: usize = 20;
const TEXT_BYTES_MAX: usize = 200;
/// RFC 5321, 4.5.3.1.3, without the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 1035, 2.3.4, with room for the label that is put before.
const DOMAIN_BYTES_MAX: usize = 240;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    contacts: Vec<Json>,
    /// A trust path's document.
    pub trust_path: Option<Json>,
    pub domains: Vec<Domain>,
    /// Credentials' documents without ids.
    pub keys: Vec<Json>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Domain {
    pub name: String,
    /// What the record is to say.
    pub token: String,
}

impl Given {
    pub fn to_json(&self) -> Json {
        let domains: Vec<Json> = self.domains.iter().map(Domain::to_json).collect();
        let path = self.trust_path.as_ref().map(|path| path["id"].clone());
        json!({"contacts": self.contacts, "trust_path": path, "domains": domains, "keys": self.keys})
    }
}

impl Domain {
    fn to_json(&self) -> Json {
        let record = format!("_countersign.{}", self.name);
        json!({"domain": self.name, "record": record, "value": self.token, "proven": null})
    }
}

/// # Errors
/// `Invalid` with every fault.
pub(super) fn read(given: &Json, organization: &str) -> Result<Given, AppError> {
    let mut faults = Faults(Vec::new());
    faults.known(given, "", &["contacts", "trust_path", "domains", "keys"]);
    let contacts = faults.list(given, "contacts", CONTACTS_MAX);
    if contacts.is_empty() {
        faults.say("/contacts", "names nobody", "name at least one person who is reached by mail");
    }
    let contacts = contacts.iter().enumerate().map(|(nth, one)| faults.contact(nth, one)).collect();
    let domains = faults.list(given, "domains", DOMAINS_MAX);
    let mut names: Vec<String> =
        domains.iter().enumerate().filter_map(|(nth, one)| faults.domain(nth, one)).collect();
    names.sort();
    names.dedup();
    let domains = names.into_iter().map(|name| Domain { name, token: String::new() }).collect();
    let trust_path = faults.trust_path(&given["trust_path"], organization);
    let keys = faults.list(given, "keys", KEYS_MAX);
    let keys = keys.iter().enumerate().filter_map(|(nth, one)| faults.key(nth, one)).collect();
    match faults.0.is_empty() {
        true => Ok(Given { contacts, trust_path, domains, keys }),
        false => Err(AppError::Invalid(faults.0)),
    }
}

/// Something that mail may reach: one `@`, a domain with a dot, nothing that ends a header.
pub(crate) fn is_address(text: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
    };
    text.len() <= ADDRESS_BYTES_MAX
        && text.split_once('@').is_some_and(|(local, domain)| {
            plain(local) && !local.contains(['<', '>', ',', ';', '"']) && is_domain(domain)
        })
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= DOMAIN_BYTES_MAX && text.contains('.') && text.split('.').all(label)
}

struct Faults(Vec<Fault>);

impl Faults {
    fn say(&mut self, pointer: &str, message: &str, fix: &str) {
        let (pointer, message, fix) = (pointer.to_owned(), message.to_owned(), fix.to_owned());
        self.0.push(Fault { pointer, message, fix: Some(fix) });
    }

    fn known(&mut self, value: &Json, pointer: &str, keys: &[&str]) {
        let Some(map) = value.as_object() else {
            return self.say(pointer, "is no object", "give its keys and values");
        };
        if map.keys().any(|key| !keys.contains(&key.as_str())) {
            self.say(
                pointer,
                "has a key that is not known",
                &format!("there are {}", keys.join(", ")),
            );
        }
    }

    fn list<'a>(&mut self, given: &'a Json, key: &str, most: usize) -> &'a [Json] {
        match &given[key] {
            Json::Null => &[],
            Json::Array(all) if all.len() <= most => all,
            _ => {
                let fix = format!("give a list of up to {most}");
                self.say(&format!("/{key}"), "is of another form", &fix);
                &[]
            }
        }
    }

    fn contact(&mut self, nth: usize, one: &Json) -> Json {
        let at = format!("/contacts/{nth}");
        self.known(one, &at, &["name", "email", "for"]);
        for (key, needed) in [("name", true), ("for", false)] {
            let fits = match &one[key] {
                Json::Null => !needed,
                text => text.as_str().is_some_and(is_short),
            };
            if !fits {
                let fix = format!("give a text of up to {TEXT_BYTES_MAX} bytes");
                self.say(&format!("{at}/{key}"), "is no such text", &fix);
            }
        }
        if !one["email"].as_str().is_some_and(is_address) {
            self.say(&format!("{at}/email"), "is no address", "write name@partner.example");
        }
        one.clone()
    }

    fn domain(&mut self, nth: usize, one: &Json) -> Option<String> {
        let name = one.as_str().map(str::to_ascii_lowercase).filter(|name| is_domain(name));
        if name.is_none() {
            let pointer = format!("/domains/{nth}");
            self.say(&pointer, "is no domain", "write it as in DNS: partner.example");
        }
        name
    }

    fn trust_path(&mut self, path: &Json, organization: &str) -> Option<Json> {
        if path.is_null() {
            return None;
        }
        self.known(path, "/trust_path", &["kind", "issuer"]);
        let kind = path["kind"].as_str().filter(|kind| matches!(*kind, "oidc" | "saml"));
        let Some(kind) = kind else {
            let fix = "say `oidc` or `saml`; other ways in are arranged with whoever invited you";
            self.say("/trust_path/kind", "is neither", fix);
            return None;
        };
        let Some(issuer) = path["issuer"].as_str() else {
            let fix = "give the issuer (OIDC) or the entity id (SAML)";
            self.say("/trust_path/issuer", "is not there", fix);
            return None;
        };
        let is_web = issuer.starts_with("https://") && !issuer.contains(['?', '#']);
        if kind == "oidc" && !is_web {
            // OpenID Connect Discovery 1.0, section 3.
            let fix = "an issuer is an `https` URL without query or fragment";
            self.say("/trust_path/issuer", "is no issuer", fix);
        }
        let id = format!("{organization}-{kind}");
        let body = json!({"id": id, "organization": organization, "kind": kind, "issuer": issuer});
        self.document("trust_path", &body, "/trust_path").then_some(body)
    }

    fn key(&mut self, nth: usize, one: &Json) -> Option<Json> {
        let at = format!("/keys/{nth}");
        self.known(one, &at, &["identity", "kind", "handle", "until"]);
        if !one["kind"].as_str().is_some_and(|kind| matches!(kind, "client_key" | "certificate")) {
            let fix = "say `client_key` or `certificate`: what is public of it is given here";
            self.say(&format!("{at}/kind"), "is neither", fix);
            return None;
        }
        let mut body = one.clone();
        if let Some(map) = body.as_object_mut() {
            map.insert("id".to_owned(), "key".into());
        }
        self.document("credential", &body, &at).then(|| one.clone())
    }

    /// Whether it is a document of the register.
    fn document(&mut self, noun: &str, body: &Json, at: &str) -> bool {
        match read_document(&mut Register::default(), noun, body) {
            Ok(()) => true,
            Err(faults) => {
                let placed =
                    |fault: Fault| Fault { pointer: format!("{at}{}", fault.pointer), ..fault };
                self.0.extend(faults.into_iter().map(placed));
                false
            }
        }
    }
}

fn is_short(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}
