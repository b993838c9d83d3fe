//! The command line.

mod decisions;
mod evidence;
mod policy;
mod serve;
mod sponsors;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use decisions::{DecideArgs, DecisionsArgs, ExplainArgs};
pub use serve::{
    ActArgs, AdminCommand, ApplyArgs, BackupArgs, ExportArgs, InviteArgs, ItemArgs, KeyArgs,
    ListArgs, Log, OnboardArgs, PlaceArgs, PutArgs, ServeArgs, ServerArgs, SignInArgs,
    TemplatesArgs,
};

pub use policy::{PolicyCommand, PolicyTestArgs};

pub use sponsors::{ImportArgs, SponsorsCommand};

pub use evidence::{
    BundleArgs, ProofArgs, ProveArgs, RotateArgs, TrustArgs, VerifyArgs, WitnessCommand,
};

const EXAMPLES: &str = "\
Examples:
  countersign trace examples/invictus/logs --register examples/invictus/register.yaml
  countersign trace show <EVENT>
  countersign register init --from logs/ > register.yaml
  countersign check register/
  countersign verify countersign-run/ledger
  countersign simulate world/ --actions 10000 --seed 7
  countersign serve
  countersign apply register/ --dry-run
  countersign act grants g-17 approve --why 'quarter-end work'

Exit codes: 0 done; 1 done, and what was looked for was found (findings at or above --fail-on,
mistakes, tampering, a score below 1); 2 the command line or its input cannot be used; 3 the machine
failed.";

/// Traces logs back to the outsiders behind them, and judges whether each use was justified.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    /// How to write what goes to standard output.
    #[arg(long, value_enum, global = true, default_value_t = Format::Text)]
    pub format: Format,
    /// Use colour: auto, always or never. NO_COLOR is honoured.
    #[arg(long, value_enum, global = true, default_value_t = Colour::Auto)]
    pub colour: Colour,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trace logs to who stood behind each action, and judge each use as of then.
    Trace(Box<TraceCommand>),
    /// Look for mistakes and gaps in a register.
    Check(CheckArgs),
    /// The company's own policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Begin a register.
    #[command(subcommand)]
    Register(RegisterCommand),
    /// Check a ledger, or a bundle made of one, with the public key alone.
    Verify(VerifyArgs),
    /// Prove that an entry or a row is in a ledger (C2SP tlog-proof).
    Prove(ProveArgs),
    /// Put entries, their proofs and the cosigned checkpoint into one file that verifies offline.
    Bundle(BundleArgs),
    /// Be a witness: cosign the checkpoints of logs, so that none can show two histories.
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Let a new key sign a ledger; the first public key still verifies it.
    RotateKey(RotateArgs),
    /// Make a company whose logs have a known truth.
    Simulate(SimulateArgs),
    /// Run the control plane: the register as a living system, with an API.
    Serve(Box<ServeArgs>),
    /// Sign in to a server with a code; the session is kept for the commands below.
    SignIn(SignInArgs),
    /// End the session.
    SignOut(ServerArgs),
    /// Say who you are to the server.
    Whoami(ServerArgs),
    /// Bring a server to what a register says, after showing the plan.
    Apply(ApplyArgs),
    /// The company's employees, as far as they sponsor outsiders.
    #[command(subcommand)]
    Sponsors(SponsorsCommand),
    /// Write the server's register as files that `apply` would find nothing to do about.
    Export(ExportArgs),
    /// List the items of a noun.
    List(ListArgs),
    /// Show one item.
    Get(ItemArgs),
    /// Make an item from its JSON document, or correct one.
    Put(PutArgs),
    /// Do something to an item: approve, suspend, end, …
    Act(ActArgs),
    /// Show what was done to an item.
    History(ItemArgs),
    /// Show a decision as it was recorded, and make it again.
    Explain(ExplainArgs),
    /// Say what is decided of a question at a moment of the past.
    Decide(DecideArgs),
    /// Say what was decided for a tenant of late, and what would be refused of what it observes.
    Decisions(DecisionsArgs),
    /// Fetch the proof that an act is in the server's ledger, for `verify`.
    Proof(ProofArgs),
    /// Make a key for a machine or an application; it is shown once.
    Key(KeyArgs),
    /// List the onboarding templates, or the questions of one.
    Templates(TemplatesArgs),
    /// Onboard a partner from a template's answers.
    Onboard(OnboardArgs),
    /// Give a partner's administrator a link by which they complete their side.
    Invite(InviteArgs),
    /// Copy state, keys and ledger of an instance while it runs. The copy holds its secrets.
    Backup(BackupArgs),
    /// Bring a backup to a place where nothing is, and begin a new epoch there.
    Restore(BackupArgs),
    /// What an operator does at the machine.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// List the log formats that can be read, and how each is proven.
    Sources {
        /// More definitions of your own.
        #[arg(long, value_name = "FILE")]
        source: Vec<PathBuf>,
    },
    /// Print a published schema: row, register, template, definition, truth.
    Schema {
        /// Which schema.
        name: String,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A folder of YAML files, or one file.
    pub register: PathBuf,
    /// A source definition of your own, which the register may name.
    #[arg(long, value_name = "FILE")]
    pub source: Vec<PathBuf>,
    /// Customer guardrails, whose codes the register may name.
    #[arg(long, value_name = "FILE.cedar")]
    pub policy: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TraceCommand {
    #[command(subcommand)]
    pub show: Option<TraceSubcommand>,
    #[command(flatten)]
    pub args: TraceArgs,
}

#[derive(Debug, Subcommand)]
pub enum TraceSubcommand {
    /// Draw the strip of one event of the last run.
    Show {
        /// The event's id, as the rows give it; the beginning is enough if only one fits.
        event: String,
        /// The folder of the run.
        #[arg(long, value_name = "DIR", default_value = "countersign-run")]
        run: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Log files, folders of them, or `-` for standard input.
    #[arg(required = true, value_name = "LOGS")]
    pub logs: Vec<PathBuf>,
    /// What you know about your outsiders: a folder of YAML files, or one file.
    #[arg(long, value_name = "DIR")]
    pub register: Option<PathBuf>,
    /// Where the run keeps its state, rows, findings and ledger.
    #[arg(long, value_name = "DIR", default_value = "countersign-run")]
    pub run: PathBuf,
    /// Go on with a run that was stopped.
    #[arg(long, conflicts_with = "restart")]
    pub resume: bool,
    /// Throw away an unfinished run and start over.
    #[arg(long)]
    pub restart: bool,
    /// A source definition of your own.
    #[arg(long, value_name = "FILE")]
    pub source: Vec<PathBuf>,
    /// Also write one line an action to this file.
    #[arg(long, value_name = "FILE.ndjson")]
    pub out: Option<PathBuf>,
    /// Also write the screen and the strips of the worst findings as one HTML page.
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// The ledger's folder; by default `ledger` in the run's.
    #[arg(long, value_name = "DIR")]
    pub ledger: Option<PathBuf>,
    /// Do not write evidence. For trying things out; the run then proves nothing.
    #[arg(long, conflicts_with = "ledger")]
    pub no_ledger: bool,
    /// Compare the findings with those of an earlier run's folder.
    #[arg(long, value_name = "RUN")]
    pub since: Option<PathBuf>,
    /// Exit with 1 if a finding that no exception accepts is at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = ["low", "medium", "high", "critical"])]
    pub fail_on: Option<String>,
    /// Score the run against a simulated world's truth.ndjson.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Answer as if there were no linking rule of this name, to see what it is worth.
    #[arg(long, value_name = "RULE")]
    pub without: Vec<String>,
    /// Customer guardrails: more Cedar policies, each with its annotations.
    #[arg(long, value_name = "FILE.cedar")]
    pub policy: Vec<PathBuf>,
    /// How many threads read and answer.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// How much memory, in MiB, what is known about keys may take before it goes to disk.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub memory: usize,
    /// The same for one thread, in bytes. For tests of what goes to disk.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub claims_bytes: Option<usize>,
    /// Commit what was read whenever a thread holds this many bytes of it. For tests of resuming.
    #[arg(long, value_name = "BYTES", hide = true, default_value_t = crate::pipeline::read::SEGMENT_BYTES)]
    pub commit_bytes: usize,
}

#[derive(Debug, Subcommand)]
pub enum RegisterCommand {
    /// Draft a register from logs alone, with sponsor and owner left as gaps.
    Init {
        /// Log files or folders.
        #[arg(long, required = true, value_name = "LOGS")]
        from: Vec<PathBuf>,
        /// A source definition of your own.
        #[arg(long, value_name = "FILE")]
        source: Vec<PathBuf>,
    },
    /// Write a register in its canonical form.
    Format {
        /// A folder of YAML files, or one file.
        register: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The folder to write: register, logs, truth.ndjson. Must be new or empty.
    pub folder: PathBuf,
    /// How many actions.
    #[arg(long, default_value_t = 10_000)]
    pub actions: u64,
    /// The same seed gives the same world.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Without lateness, duplicates, missing feeds, stolen tokens and the other faults.
    #[arg(long)]
    pub no_faults: bool,
}

/// The arguments as the parser takes them: what is global may stand before `show`, too.
pub fn arranged(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let Some(trace) = arguments.iter().position(|argument| argument == "trace") else {
        return arguments;
    };
    let mut at = trace + 1;
    while let Some(argument) = arguments.get(at).and_then(|argument| argument.to_str()) {
        match argument {
            "show" => {
                let before: Vec<OsString> = arguments.drain(trace + 1..at).collect();
                arguments.splice(trace..trace, before);
                break;
            }
            "--format" | "--colour" => at += 2,
            _ if argument.starts_with("--format=") || argument.starts_with("--colour=") => at += 1,
            _ => break,
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::arranged;

    #[test]
    fn what_is_global_may_stand_before_show() {
        for (given, expected) in [
            ("c trace --format json show x", "c --format json trace show x"),
            (
                "c trace --colour=never --format json show x",
                "c --colour=never --format json trace show x",
            ),
            ("c trace show x --format json", "c trace show x --format json"),
            ("c trace --run r show", "c trace --run r show"),
            ("c trace --format json logs", "c trace --format json logs"),
            ("c trace --format", "c trace --format"),
        ] {
            let arranged = arranged(given.split(' ').map(Into::into));
            assert_eq!(arranged.join(" ".as_ref()), expected);
        }
    }
}
