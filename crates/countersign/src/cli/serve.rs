//! How `serve` and what talks to it are called.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_app::{Class, SHORTEST};
use countersign_model::time::Duration;

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
    /// A file with the master key: keys in --data are then wrapped under it, from this start on. 32
    /// bytes in base64 or hexadecimal, as `openssl rand -base64 32` makes them; keep a copy elsewhere,
    /// without it the instance is lost. In place of the file, the variable COUNTERSIGN_MASTER_KEY.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_MASTER_KEY_FILE")]
    pub master_key_file: Option<PathBuf>,
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
    /// Where Envoy asks over gRPC (ext_authz), such as `127.0.0.1:9191`; nowhere if not given.
    #[arg(long, value_name = "ADDRESS")]
    pub ext_authz: Option<std::net::SocketAddr>,
    /// Where people reach this server, such as `https://access.example.com`.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// The issuer of the company's directory, by which members sign in.
    #[arg(long, value_name = "URL", requires_all = ["oidc_client_id", "oidc_client_secret_file"])]
    pub oidc_issuer: Option<String>,
    /// What this server is called there.
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// A file with the secret that the directory gave for it.
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// Who cosigns the ledger's checkpoints (C2SP tlog-witness): where, and by which public key; may be
    /// given several times. Nothing is signed after a start before each has said what it saw last.
    #[arg(long, value_name = "URL=VKEY")]
    pub witness: Vec<String>,
    /// Certificate chain for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A network of proxies whose `X-Forwarded-For` is believed; may be repeated.
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Decisions a second that one application's key may ask for; 0: any number.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub key_decisions: u32,
    /// Days for which the record of a decision is kept to be explained; its row in the ledger stays.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..))]
    pub keep_decisions: i64,
    /// Requests a second from one client, with five seconds' worth at once; 0: any number.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub client_requests: u32,
    /// Connections at a time; who comes then waits for one to end. One whose request does not come
    /// within 15 seconds is ended.
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub connections: usize,
    /// The mail server, such as `smtps://user:password@mail.example.com`; without one, mail waits.
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_SMTP_URL",
        hide_env_values = true,
        requires = "mail_from"
    )]
    pub smtp_url: Option<String>,
    /// The sender of mail, such as `Countersign <access@example.com>`.
    #[arg(long, value_name = "ADDRESS", env = "COUNTERSIGN_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// How long superseded versions, and what is personal of what is over, are kept, in days, by class:
    /// people, access, register, readings; may be repeated, such as `--keep access=2557d`. What is not
    /// named is kept for ever, and so is what a legal hold covers.
    #[arg(long, value_name = "CLASS=DAYSd", value_parser = keep)]
    pub keep: Vec<(Class, Duration)>,
    /// Webhooks may go to private addresses and to this machine.
    #[arg(long)]
    pub allow_private_webhooks: bool,
    /// How the operator's log is written.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    pub log: Log,
}

fn keep(text: &str) -> Result<(Class, Duration), String> {
    let fix = "write a class and days, such as `people=730d`";
    let (class, period) = text.split_once('=').ok_or(fix)?;
    let class = Class::parse(class).ok_or_else(|| {
        let all = Class::ALL.map(Class::as_str).join(", ");
        format!("there is no class `{class}`: there are {all}")
    })?;
    let days: Option<i64> = period.strip_suffix('d').and_then(|days| days.parse().ok());
    let days = days.filter(|days| (1..=36_525).contains(days)).ok_or(fix)?;
    let period = Duration(days * 86_400 * 1_000_000_000);
    if period < SHORTEST {
        return Err("what is kept is kept for 30 days at least".to_owned());
    }
    Ok((class, period))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Log {
    Text,
    Json,
}

const SIGN_IN_EXAMPLES: &str = "\
Examples:
  countersign sign-in                      asks for the code
  countersign sign-in --server https://access.example.com";

/// Which server, and who asks.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The server; by default the one signed in to, else this machine's.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_SERVER")]
    pub server: Option<String>,
    /// A file that holds a key or session token, instead of the session kept by `sign-in`.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = SIGN_IN_EXAMPLES)]
pub struct SignInArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// The code that the server or an owner gave; asked for if it is not given.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
}

const APPLY_EXAMPLES: &str = "\
Examples:
  countersign apply register/ --dry-run    shows how the server differs; exit code 1 if it does
  countersign apply register/ --why 'Q4 review'";

#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
pub struct ApplyArgs {
    /// A folder of YAML files, or one file.
    pub register: PathBuf,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the evidence.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Do not ask whether the plan is right.
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder to write; must be new or empty.
    pub folder: PathBuf,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Such as `grants`, `identities`, `organizations`.
    pub noun: String,
    /// The state as of now, such as `active`, `expired`, `due`.
    #[arg(long)]
    pub state: Option<String>,
    #[arg(long, value_name = "ID")]
    pub organization: Option<String>,
    #[arg(long, value_name = "ID")]
    pub sponsor: Option<String>,
    /// Of grants and credentials: the identity; of entitlements: the tenant.
    #[arg(long, value_name = "ID")]
    pub about: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct ItemArgs {
    /// Such as `grants`.
    pub noun: String,
    pub id: String,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct PutArgs {
    /// Such as `identities`.
    pub noun: String,
    /// A file with the JSON document, or `-` for standard input.
    pub document: PathBuf,
    /// The revision you read, to correct an item that is there.
    #[arg(long, value_name = "N")]
    pub revision: Option<i64>,
    /// The verb by which a new item begins, if its noun has several.
    #[arg(long = "as", value_name = "VERB")]
    pub begins: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

const ACT_EXAMPLES: &str = "\
Examples:
  countersign act grants g-17 approve --why 'quarter-end work'
  countersign act credentials k-3 rotate --set until=2026-12-24
  countersign act trust_paths hexley-oidc accept --set revalidate_by=2027-06-01";

#[derive(Debug, Args)]
#[command(after_help = ACT_EXAMPLES)]
pub struct ActArgs {
    /// Such as `grants`.
    pub noun: String,
    pub id: String,
    /// What to do. If it does not work from the item's state, the answer says what would.
    pub verb: String,
    /// Why, for the evidence.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// What the verb needs beside, such as `until=2026-12-24`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Only if the item is still at this revision.
    #[arg(long, value_name = "N")]
    pub revision: Option<i64>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct KeyArgs {
    /// A service or agent of the register.
    #[arg(required_unless_present = "member", conflicts_with = "member")]
    pub identity: Option<String>,
    /// A member of role application, instead of an identity of a partner.
    #[arg(long, value_name = "ID")]
    pub member: Option<String>,
    /// List the member's keys.
    #[arg(long, requires = "member", conflicts_with_all = ["revoke", "until"])]
    pub list: bool,
    /// Revoke this key of the member.
    #[arg(long, value_name = "KEY", requires = "member", conflicts_with = "until")]
    pub revoke: Option<String>,
    /// What it may do: owner, security, auditor, sponsor, application, partner_admin, directory.
    #[arg(
        long,
        value_name = "ROLE",
        required_unless_present = "member",
        conflicts_with = "member"
    )]
    pub role: Option<String>,
    /// Until when; within 90 days.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    #[arg(long, value_name = "ID")]
    pub organization: Option<String>,
    #[arg(long, value_name = "ID")]
    pub sponsor: Option<String>,
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// The template whose questions to show.
    pub template: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

const ONBOARD_EXAMPLES: &str = "\
Examples:
  countersign templates oidc-partner       shows what is asked
  countersign onboard oidc-partner --answer id=north --answer name=North --answer sponsor=ann …
  countersign onboard reseller --answers answers.json";

#[derive(Debug, Args)]
#[command(after_help = ONBOARD_EXAMPLES)]
pub struct OnboardArgs {
    pub template: String,
    /// One answer; a list is written `a,b`.
    #[arg(long = "answer", value_name = "KEY=VALUE")]
    pub answer: Vec<String>,
    /// A JSON file with `answers` and `departures`.
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Why, for the evidence.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Debug, Args)]
pub struct InviteArgs {
    /// The organization.
    pub organization: String,
    /// Mail address of its administrator.
    #[arg(long, value_name = "MAIL")]
    pub contact: String,
    /// When the link ends; after 14 days if not said.
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub server: ServerArgs,
}
