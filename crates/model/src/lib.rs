//! The nouns of Countersign and what must hold between them.
//!
//! Nothing here does I/O, reads a clock, draws a random number or can be serialised: the edges
//! convert. Start with [`event::Event`] (what a log line becomes), [`register::Register`] (what the
//! company knows), [`attribution::Attribution`] (who stood behind an event) and
//! [`judgement::Judgement`] (whether it was justified then).

pub mod assurance;
pub mod attribution;
pub mod event;
pub mod finding;
pub mod grade;
pub mod id;
pub mod judgement;
pub mod key;
pub mod lifecycle;
pub mod limits;
pub mod register;
pub mod time;
pub mod value;
