//! How `serve` and what talks to it are called.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where state, keys and ledger are kept.
    #[arg(long, value_name = "DIR", default_value = "countersign-data", env = "COUNTERSIGN_DATA")]
    pub data: PathBuf,
    /// Where the state of record is: a path, or `postgres://user@host/database`; by default a file
    /// in --data.
    #[arg(long, value_name = "ADDRESS", env = "COUNTERSIGN_STORE", hide_env_values = true)]
    pub store: Option<String>,
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
