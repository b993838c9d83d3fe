//! Requests to a server, and the session that `sign-in` keeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use countersign_console::plain;
use serde_json::{Value as Json, json};

use crate::cli::ServerArgs;
use crate::out;

const HERE: &str = "http://127.0.0.1:8380";
/// An apply of a large register takes a while; nothing takes longer.
const TIMEOUT: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A server, and who asks.
pub struct Client {
    server: String,
    token: Option<String>,
    agent: ureq::Agent,
}

/// What sends requests out, all of it: every status is an answer, and no redirect is followed, so that
/// no token travels where nobody sent it.
pub fn agent(within: Duration) -> ureq::Agent {
    // It fails only if one is there already, which is as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(within))
        .max_redirects(0)
        .build()
        .into()
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Json,
}

impl Client {
    /// With the session kept, or the token of a file.
    pub fn of(args: &ServerArgs) -> Result<Self> {
        let kept = kept_session()?;
        let server = args.server.clone();
        let server = server.or_else(|| kept.as_ref().map(|kept| kept.server.clone()));
        let server = server.unwrap_or_else(|| HERE.to_owned());
        let token = match &args.token_file {
            Some(path) => Some(
                fs::read_to_string(path)
                    .with_context(|| format!("could not read `{}`", path.display()))?
                    .trim()
                    .to_owned(),
            ),
            // A session is shown only to the server it is of.
            None => kept.filter(|kept| kept.server == server).map(|kept| kept.token),
        };
        Self::new(server, token)
    }

    pub fn new(server: String, token: Option<String>) -> Result<Self> {
        let server = server.trim_end_matches('/').to_owned();
        let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|here| server.starts_with(here));
        if !is_local && !server.starts_with("https://") {
            bail!("`{}` is not https: a token would travel in the open", plain(&server));
        }
        Ok(Self { server, token, agent: agent(TIMEOUT) })
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.server));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.answer(request.call())
    }

    pub fn post(&self, path: &str, body: &Json, revision: Option<i64>) -> Result<Answer> {
        self.send(self.agent.post(format!("{}{path}", self.server)), body, revision)
    }

    pub fn put(&self, path: &str, body: &Json, revision: Option<i64>) -> Result<Answer> {
        self.send(self.agent.put(format!("{}{path}", self.server)), body, revision)
    }

    /// Under a key of its own, so that a repeat by a proxy has its effect once.
    fn send(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &Json,
        revision: Option<i64>,
    ) -> Result<Answer> {
        let key: [u8; 16] = crate::chance::bytes()?;
        request = request
            .header("content-type", "application/json")
            .header("idempotency-key", countersign_ledger::note::hex(&key));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(revision) = revision {
            request = request.header("if-match", format!("\"{revision}\""));
        }
        self.answer(request.send(body.to_string()))
    }

    fn answer(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer> {
        let unreached = || {
            format!(
                "could not reach `{}`; is it running (`countersign serve`), and is it this one (--server)?",
                plain(&self.server)
            )
        };
        let mut response = result.with_context(unreached)?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string()
            .with_context(unreached)?;
        let body = if text.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(&text)
                .with_context(|| format!("`{}` is no server of Countersign", plain(&self.server)))?
        };
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The body, or what is wrong and what would work, in the server's words.
    pub fn good(self) -> Result<Json> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let list = |key: &str| self.body[key].as_array().cloned().unwrap_or_default();
        let faults = list("faults").iter().map(fault_line).collect::<Vec<_>>();
        let mistakes = list("mistakes").iter().map(mistake_line).collect::<Vec<_>>();
        let violations = list("violations").iter().map(violation_line).collect::<Vec<_>>();
        // As with mistakes in files: each on its line, then what became of it.
        for line in faults.iter().chain(&mistakes).chain(&violations) {
            out::say(&plain(line));
        }
        let detail = self.body["detail"].as_str().unwrap_or("the server gave no reason");
        let text = plain(detail).into_owned();
        let text = match self.status {
            401 => format!("{text}; `countersign sign-in`"),
            _ => text,
        };
        Err(anyhow!(text))
    }
}

fn fault_line(fault: &Json) -> String {
    let text = |key: &str| fault[key].as_str().unwrap_or_default();
    match fault["fix"].as_str() {
        Some(fix) => format!("{}: {}; {fix}", text("pointer"), text("message")),
        None => format!("{}: {}", text("pointer"), text("message")),
    }
}

fn violation_line(violation: &Json) -> String {
    let text = |key: &str| violation[key].as_str().unwrap_or_default();
    format!("{}; {}", text("says"), text("remedy"))
}

fn mistake_line(mistake: &Json) -> String {
    let text = |key: &str| mistake[key].as_str().unwrap_or_default();
    let place = format!("{}:{}:{}", text("file"), mistake["line"], mistake["column"]);
    match mistake["fix"].as_str() {
        Some(fix) => format!("{place}: {}; {fix}", text("message")),
        None => format!("{place}: {}", text("message")),
    }
}

struct Session {
    server: String,
    token: String,
}

/// Where the session is kept: `$XDG_CONFIG_HOME/countersign/session.json`.
fn session_file() -> Result<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    let folder = folder.context("neither XDG_CONFIG_HOME nor HOME says where to keep a session")?;
    Ok(folder.join("countersign").join("session.json"))
}

fn kept_session() -> Result<Option<Session>> {
    let Ok(path) = session_file() else { return Ok(None) };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("could not read `{}`", path.display()));
        }
    };
    let kept: Json = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is broken; delete it and sign in", path.display()))?;
    let text = |key: &str| kept[key].as_str().map(str::to_owned);
    Ok(text("server").zip(text("token")).map(|(server, token)| Session { server, token }))
}

/// Keeps a session where only its owner can read it.
pub fn keep_session(server: &str, token: &str) -> Result<PathBuf> {
    let path = session_file()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
    let text = json!({"server": server, "token": token}).to_string();
    write_private(&path, &text).with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(path)
}

/// A new file of mode 0600, put in the place of the old one.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(&beside)?.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

/// Forgets the session kept.
pub fn forget_session() -> Result<()> {
    let path = session_file()?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not delete `{}`", path.display()))
        }
        _ => Ok(()),
    }
}
