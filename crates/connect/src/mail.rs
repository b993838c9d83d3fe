//! Mail over SMTP.

use std::time::{Duration, UNIX_EPOCH};

use countersign_store::batch::Message as Waiting;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Message, SmtpTransport, Transport as _};
use serde_json::{Value as Json, json};

use crate::ConnectError;

/// The kind of its messages; their target is an address, their body is of [`mail_body`].
pub const MAIL: &str = "mail";
const TIMEOUT: Duration = Duration::from_secs(20);

/// The body of a message of the outbox that is mail.
pub fn mail_body(subject: &str, text: &str) -> String {
    json!({"subject": subject, "text": text}).to_string()
}

pub(crate) enum Mailed {
    Taken,
    Failed(String),
    /// No later try would do better.
    Refused(String),
}

/// Sends mail by one server, as one sender.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mailer({})", self.from)
    }
}

impl Mailer {
    /// # Errors
    /// If it is no address of a server, or one to which a password and people's mail would travel in
    /// the open.
    pub fn new(url: &str, from: &str) -> Result<Self, ConnectError> {
        let is_closed = url.starts_with("smtps://") || url.contains("tls=required");
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.rsplit('@').next().unwrap_or_default();
        let is_here = ["127.", "localhost", "[::1]"].iter().any(|here| host.starts_with(here));
        if !is_closed && !is_here {
            return Err(ConnectError::SmtpUrl("--smtp-url without TLS"));
        }
        let builder =
            SmtpTransport::from_url(url).map_err(|_| ConnectError::SmtpUrl("--smtp-url"))?;
        let from = from.parse().map_err(|_| ConnectError::MailFrom(from.to_owned()))?;
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build(), from })
    }

    pub(crate) fn send(&self, message: &Waiting) -> Mailed {
        let Some(message) = self.written(message) else {
            return Mailed::Refused("it is no mail, or its address is none".to_owned());
        };
        match self.transport.send(&message) {
            Ok(_) => Mailed::Taken,
            Err(error) => {
                let status = error.status().map(|code| format!(" with {code}"));
                let text = format!("the mail server refused it{}", status.unwrap_or_default());
                match (error.is_permanent(), error.is_transient()) {
                    (true, _) => Mailed::Refused(text),
                    (_, true) => Mailed::Failed(text),
                    _ => Mailed::Failed("the mail server could not be reached".to_owned()),
                }
            }
        }
    }

    /// With the id of the message, so that a repeat can be told.
    fn written(&self, message: &Waiting) -> Option<Message> {
        let body: Json = serde_json::from_str(&message.body).ok()?;
        let micros = u64::try_from(message.at).ok()?;
        let id = format!("<{}@{}>", message.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(message.target.parse().ok()?)
            .subject(body["subject"].as_str()?)
            .date(UNIX_EPOCH.checked_add(Duration::from_micros(micros))?)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(body["text"].as_str()?.to_owned())
            .ok()
    }
}
