//! The program as somebody at a terminal, or a pipeline, meets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its ground is missing")]

mod authzen;
mod codes;
mod evidence;
mod exposed;
mod formats;
mod fuzz;
mod grades;
mod hostile;
mod node;
mod program;
mod proxies;
mod raw_cases;
mod resume;
mod scripts;
mod serve;
mod serving;
mod slow;
mod soak;
mod traced;
mod worlds;
