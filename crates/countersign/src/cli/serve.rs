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
    /// Where people and programs reach this server, such as `https://access.example.com`.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Certificate chain for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A network of proxies whose `X-Forwarded-For` is believed; may be repeated.
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Requests a second from one client, with five seconds' worth at once; 0: any number.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub client_requests: u32,
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
    /// Webhooks may go to private addresses and to this machine.
    #[arg(long)]
    pub allow_private_webhooks: bool,
    /// How the operator's log is written.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    pub log: Log,
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
  countersign act trust_paths hexley-oidc accept --set by=ann";

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
    pub identity: String,
    /// What it may do: owner, security, auditor, sponsor, application, partner_admin.
    #[arg(long, value_name = "ROLE")]
    pub role: String,
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
