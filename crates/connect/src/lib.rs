//! Calls to others: what the outbox holds is sent, tried again, or given up.
//!
//! [`fan_out`] makes one message of each change for each subscription that wants it; [`Drain`] sends
//! what is due: webhooks after the Standard Webhooks specification 1.0, and mail. A message is sent
//! at least once and has the same id each time.
//!
//! Start with `drain.rs`; `schedule.rs` says when something is tried again, `address.rs` where a
//! webhook may go.
//!
//! Forbidden here: being called inside a request or a transaction; the clock, chance.

mod address;
mod drain;
mod fan_out;
mod mail;
mod schedule;
mod webhook;

use countersign_app::AppError;
use countersign_store::StoreError;

pub use address::refused;
pub use drain::{Drain, Drained};
pub use fan_out::fan_out;
pub use mail::{MAIL, Mailer, mail_body};
pub use schedule::{GIVE_UP_AFTER, next_try};
pub use webhook::{PrivateAddresses, Webhooks, signature};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the place in the feed that is kept for webhooks is none")]
    Cursor,
    #[error(
        "`{0}` is no address of a mail server; write `smtps://user:password@host`, or \
         `smtp://host:587?tls=required`"
    )]
    SmtpUrl(&'static str),
    #[error("`{0}` is no address of a sender; write `Countersign <access@example.com>`")]
    MailFrom(String),
}
