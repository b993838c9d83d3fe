//! How `serve` and what talks to it are called.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where an instance is.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Where state, keys and ledger are kept.
    #[arg(long, value_name = "DIR", default_value = "countersign-data", env = "COUNTERSIGN_DATA")]
    pub data: PathBuf,
    /// Where the state of record is: a path, or `postgres://user@host/database`; by default a file
    /// in --data.
    #[arg(long, value_name = "ADDRESS", env = "COUNTERSIGN_STORE", hide_env_values = true)]
    pub store: Option<String>,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The folder to write the backup to, new or empty; to restore: the one it was written to.
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,
    #[command(flatten)]
    pub place: PlaceArgs,
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make a new code for the owner, once, when nobody can sign in; whoever can read the data folder
    /// may.
    Recover {
        #[command(flatten)]
        place: PlaceArgs,
    },
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where the API listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8380")]
    pub listen: std::net::SocketAddr,
    /// Where metrics are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9380")]
    pub metrics: std::net::SocketAddr,
    /// How the operator's log is written.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    pub log: Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Log {
    Text,
    Json,
}
