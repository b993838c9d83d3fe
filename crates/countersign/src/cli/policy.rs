//! How `policy` is called.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Look for mistakes in the policies of a register, with line and column.
    Check(PolicyCheckArgs),
    /// Say what the policies of a register would have changed of what a server was asked of late.
    Test(PolicyTestArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign policy test register/ --replay 7d\n")]
pub struct PolicyTestArgs {
    /// A folder of YAML files, or one file: a register whose `policies` are tried. Nothing comes into
    /// force.
    pub register: PathBuf,
    /// How far back, such as `7d`, `12h` or `30m`.
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub replay: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// Folders of YAML files, or files: each a register whose `policies` are checked.
    #[arg(required = true, value_name = "REGISTER")]
    pub registers: Vec<PathBuf>,
}
