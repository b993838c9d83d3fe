//! The evidence ledger: an append-only, tamper-evident folder that anybody can check with a public
//! key, on another machine, years later.
//!
//! The format is that of C2SP [tlog-tiles](https://c2sp.org/tlog-tiles),
//! [tlog-checkpoint](https://c2sp.org/tlog-checkpoint),
//! [signed-note](https://c2sp.org/signed-note) and [tlog-proof](https://c2sp.org/tlog-proof), so
//! that tools that are not ours can read and witness it; `docs/ledger-format.md` has the whole of
//! it, with test vectors. Leaves hold handles and commitments, never personal data.
//!
//! The core ([`merkle`], [`change_proof`], [`tile`], [`note`], [`checkpoint`], [`entry`], [`handles`], [`bundle`],
//! [`proof`]) does no I/O. Only [`folder`], [`mod@copy`], [`mod@verify`], [`mod@prove`], [`mod@publish`], [`rows`], `log`, `keys`, [`wrapped`] and `disk` touch files. No clock is
//! read and no randomness drawn: whoever opens a new ledger brings the seeds of its keys.
//!
//! Start with [`folder::Ledger`], then [`verify::verify`].
//!
//! Forbidden here: other rooms, databases, HTTP, clocks, randomness.

pub mod bundle;
pub mod change_proof;
pub mod checkpoint;
pub mod copy;
pub mod cosign;
mod disk;
pub mod entry;
pub mod folder;
pub mod handles;
mod keys;
mod log;
pub mod merkle;
pub mod note;
pub mod offline;
pub mod policy;
pub mod proof;
pub mod prove;
pub mod publish;
pub mod rotation;
pub mod rows;
pub mod seal;
pub mod tile;
pub mod verify;
pub mod witness;
pub mod wrapped;

pub use folder::{Append, Appended, Ledger, LedgerError, OpenOptions};
pub use handles::Handles;
pub use log::LogError;
pub use merkle::Hash;
pub use prove::{prove, prove_decision, prove_row};
pub use rows::Rows;
pub use verify::{Against, SplitView, Tampered, Verified, VerifyError, verify, verify_against};
pub use wrapped::KeyFiles;
