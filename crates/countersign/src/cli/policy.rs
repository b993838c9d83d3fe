//! How `policy` is called.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Look for mistakes in the policies of a register, with line and column.
    Check(PolicyCheckArgs),
}

#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// Folders of YAML files, or files: each a register whose `policies` are checked.
    #[arg(required = true, value_name = "REGISTER")]
    pub registers: Vec<PathBuf>,
}
