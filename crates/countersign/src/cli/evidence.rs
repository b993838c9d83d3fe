//! The commands about ledgers and their witnesses.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The ledger's folder, a bundle that `countersign bundle` made, a proof of an act that
    /// `countersign proof` fetched, or a tlog-proof.
    pub ledger: PathBuf,
    /// What a tlog-proof proves: the bytes that `countersign prove --leaf` wrote.
    #[arg(long, value_name = "FILE")]
    pub leaf: Option<PathBuf>,
    /// The first public key, as printed by the first run; by default the one in the folder, which
    /// proves only that the folder agrees with itself.
    #[arg(long, value_name = "VKEY")]
    pub key: Option<String>,
    /// A checkpoint of the same ledger that you kept elsewhere: the ledger must extend it.
    #[arg(long, value_name = "FILE", alias = "checkpoint")]
    pub since: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArgs,
}

#[derive(Debug, Args)]
pub struct ProofArgs {
    /// The act, by its id as `countersign history` shows it.
    pub change: String,
    /// Of an act on many items, the one to prove, such as `grant:g-17`.
    #[arg(long, value_name = "NOUN:ID")]
    pub item: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Who must have cosigned.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The public key of a witness whose cosignature counts; may be given several times.
    #[arg(long, value_name = "VKEY")]
    pub witness: Vec<String>,
    /// How many of the witnesses must have cosigned; all of them by default.
    #[arg(long, value_name = "N", requires = "witness")]
    pub quorum: Option<usize>,
    /// A trust policy (C2SP tlog-policy): logs, witnesses, groups and a quorum.
    #[arg(long, value_name = "FILE", conflicts_with = "witness")]
    pub policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The ledger's folder.
    pub ledger: PathBuf,
    #[command(flatten)]
    pub which: OneLeaf,
    /// Where to write the bytes that are proven.
    #[arg(long, value_name = "FILE")]
    pub leaf: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct OneLeaf {
    /// The index of an entry.
    #[arg(long, value_name = "N")]
    pub entry: Option<u64>,
    /// The row of an event, by its source and id, as in `aws.cloudtrail:4119…`. Reads `handle.key`.
    #[arg(long, value_name = "SOURCE:ID")]
    pub event: Option<String>,
    /// The row of an event, by the event's handle in hexadecimal.
    #[arg(long, value_name = "HANDLE")]
    pub row: Option<String>,
}

#[derive(Debug, Args)]
pub struct BundleArgs {
    /// The ledger's folder.
    pub ledger: PathBuf,
    /// The index of an entry, or the first and the last of several: `5` or `5-9`.
    #[arg(long, value_name = "N")]
    pub entry: Vec<String>,
    /// The row of an event, by its source and id, as in `aws.cloudtrail:4119…`. Reads `handle.key`.
    #[arg(long, value_name = "SOURCE:ID")]
    pub event: Vec<String>,
    /// The row of an event, by the event's handle in hexadecimal.
    #[arg(long, value_name = "HANDLE")]
    pub row: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    /// The ledger's folder. No run may be writing to it.
    pub ledger: PathBuf,
    /// Why, as a code: planned, leaked.
    #[arg(long, value_name = "CODE", default_value = "planned")]
    pub why: String,
}

#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Make a witness: a folder with a key of its own.
    Init {
        /// The folder to make.
        folder: PathBuf,
        /// The witness's name, such as `witness.example.com`.
        #[arg(long)]
        name: String,
    },
    /// Watch a log: its checkpoints are cosigned if each extends the last.
    Watch {
        /// The witness's folder.
        folder: PathBuf,
        /// The log's public key.
        key: String,
        /// The log's origin, if it is not the name of its key.
        #[arg(long, value_name = "TEXT")]
        origin: Option<String>,
    },
    /// Say which logs are watched, and what was last cosigned of each.
    Show {
        /// The witness's folder.
        folder: PathBuf,
    },
    /// Answer logs over HTTP (C2SP tlog-witness).
    Serve {
        /// The witness's folder.
        folder: PathBuf,
        /// Where to listen. Put a proxy with TLS before it to be reached from elsewhere.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7380")]
        listen: SocketAddr,
    },
    /// Answer one request from a file, without HTTP.
    Cosign {
        /// The witness's folder.
        folder: PathBuf,
        /// The request, or `-` for standard input.
        request: PathBuf,
    },
    /// For the log's side: write a request for a cosignature of a ledger's checkpoint.
    Request {
        /// The ledger's folder.
        ledger: PathBuf,
        /// The size that the witness cosigned last.
        #[arg(long, value_name = "N", default_value_t = 0)]
        old: u64,
    },
    /// For the log's side: keep with a ledger what a witness answered.
    Keep {
        /// The ledger's folder.
        ledger: PathBuf,
        /// The request that was sent.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// What the witness answered.
        #[arg(long, value_name = "FILE")]
        answer: PathBuf,
        /// The public key of the witness; may be given several times.
        #[arg(long, value_name = "VKEY", required = true)]
        witness: Vec<String>,
    },
}
