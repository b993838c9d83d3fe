//! The commands about decisions.

use std::path::PathBuf;

use clap::Args;

use super::ServerArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign explain dec_01a2129ed0eb7190942aaa03fd6c0e6f\n")]
pub struct ExplainArgs {
    /// The decision, by the `evidence_id` that its answer gave.
    pub decision: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign decide --tenant erp --at 2026-11-17T09:30:00Z question.json\n"
)]
pub struct DecideArgs {
    /// A file with the question as AuthZEN writes it, or `-` for standard input.
    pub question: PathBuf,
    /// The tenant whose application would ask.
    #[arg(long)]
    pub tenant: String,
    /// The moment.
    #[arg(long, value_name = "TIME")]
    pub at: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign decisions --tenant erp\n  countersign decisions --tenant erp --since 2026-11-01\n"
)]
pub struct DecisionsArgs {
    /// The tenant.
    #[arg(long)]
    pub tenant: String,
    /// Since when; a day ago, if it is not said.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}
