//! The register: YAML text to [`countersign_model::register::Register`] and back.
//!
//! [`parse`] takes the text of all files and reports every mistake at once, each with its place,
//! what is wrong and what would work. [`load`] is the thin shell that reads a file or a folder.
//! [`gaps`] lists what the register does not say although a guardrail asks for it. [`write`] gives
//! the canonical text back, [`draft`] makes a first register from what logs showed, and a
//! [`Template`] makes the items of a new organization from a few answers.
//!
//! Where to start: `noun.rs` lists the nouns; each has one file under `noun/` with its shape (a
//! table of keys), its reading and its writing. `check.rs` holds a tree of YAML against the
//! shapes, `rules.rs` checks what must hold between items, and `schema.rs` renders the same shapes
//! as a JSON Schema.
//!
//! What this room forbids: YAML anchors, aliases, tags and merge keys (a register says what it
//! says where it says it), secrets (only public handles are kept, and a message never repeats what
//! looks like a secret), and guesses: what is not written is `None`, which means unknown.

mod cedar;
mod check;
mod document;
mod draft;
mod gaps;
mod item;
mod known;
mod load;
mod mistake;
mod noun;
mod parse;
mod properties;
mod rules;
mod scalar;
mod schema;
mod secret;
mod shape;
mod suggest;
mod template;
mod write;
mod yaml;

pub use crate::document::{
    Document, Fault, Reference, SETTINGS, SETTINGS_ID, documents, read_document, references,
    restore_document,
};
pub use crate::draft::{
    Seen, SeenApplication, SeenCredential, SeenIssuer, SeenPrincipal, SeenTenant, TO_BE_NAMED,
    draft,
};
pub use crate::gaps::{Gap, gaps};
pub use crate::known::Known;
pub use crate::load::{LoadError, load, load_with};
pub use crate::mistake::Mistake;
pub use crate::noun::Noun;
pub use crate::parse::{parse, parse_with};
pub use crate::scalar::{duration, time, time_text};
pub use crate::schema::{document_schemas, schema, template_schema};
pub use crate::template::{Answer, Answers, Departure, Question, Template};
pub use crate::write::{write, write_files};
