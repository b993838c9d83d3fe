//! Grants as they are asked for, approved, and looked at afterwards. The rules are those of `govern`
//! (`bounds`, `approval`); here are the facts they read and what becomes of the item.

mod case;
mod decide;
mod record;
mod request;

pub(crate) use case::Case;
pub(crate) use decide::DECIDES;
pub(crate) use record::{Record, needed};
pub(crate) use request::unable;
