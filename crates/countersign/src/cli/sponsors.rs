//! How `sponsors` is called.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Subcommand)]
pub enum SponsorsCommand {
    /// Bring a server's sponsors to what a list of employees says; who has left starts succession.
    Import(ImportArgs),
}

const IMPORT_EXAMPLES: &str = "\
The first line names the columns: id, name, email, employed_from, employed_until. Only id is needed.
An empty name or email stays as it is; an empty employed_until means they are with us.

Examples:
  countersign sponsors import employees.csv --dry-run    exit code 1 if anything would be done
  countersign sponsors import employees.csv --complete --why 'monthly list'";

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// A CSV file with a header.
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// The list is complete: sponsors who are not in it have left.
    #[arg(long)]
    pub complete: bool,
    /// Why, for the evidence.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}
