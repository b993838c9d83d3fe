//! A node that runs, and somebody who asks it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long something may take on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Node {
    process: Child,
    pub api: String,
    pub metrics: String,
    /// Where Envoy asks, if that was wanted.
    pub checks: Option<String>,
    /// The code that is given until the owner has signed in.
    pub code: Option<String>,
    _rest: Receiver<String>,
}

impl Node {
    pub fn start(data: &Path, store: Option<&str>) -> Self {
        Self::start_with(data, store, &[])
    }

    /// With more of the command line.
    pub fn start_with(data: &Path, store: Option<&str>, more: &[&str]) -> Self {
        Self::start_in(data, (store, more), &[])
    }

    /// With variables of the environment, which has no others.
    #[expect(clippy::zombie_processes, reason = "a node is waited for when it is dropped")]
    pub fn start_in(
        data: &Path,
        (store, more): (Option<&str>, &[&str]),
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--data"]);
        command.arg(data).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(store) = store {
            command.args(["--store", store]);
        }
        command.args(more).envs(variables.iter().copied());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (tell, rest) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Whoever listened may have gone; the pipe is still emptied.
                let _ = tell.send(line);
            }
        });
        let (mut code, mut checks) = (None, None);
        let mut said = String::new();
        loop {
            let line = rest
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("the node did not begin to serve:\n{said}"));
            if let Some((_, given)) = line.split_once("sign-in --code ") {
                code = Some(given.trim().to_owned());
            }
            if let Some(at) = line.strip_prefix("Checks of Envoy on grpc://") {
                checks = Some(at.to_owned());
            }
            if let Some(at) = line.strip_prefix("Serving http://") {
                let (api, metrics) = at.split_once("; metrics on http://").unwrap();
                let (api, metrics) = (api.to_owned(), metrics.to_owned());
                return Self { process, api, metrics, checks, code, _rest: rest };
            }
            said.push_str(&line);
            said.push('\n');
        }
    }

    pub fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        request(&self.api, method, path, token, body).unwrap()
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.ask("GET", path, token, &Value::Null)
    }

    pub fn sign_in(&self, code: &str) -> String {
        let (status, made) =
            self.ask("POST", "/v1/sign-in", "", &serde_json::json!({ "code": code }));
        assert_eq!(status, 201, "{made}");
        made["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Waits until the ledger has at least so many leaves.
    pub fn wait_for_leaves(&self, least: usize) {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = plain(&self.metrics, "GET", "/metrics", "", "").unwrap().1;
            let line = text.lines().find(|line| line.starts_with("countersign_ledger_leaves "));
            let leaves = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
            if leaves >= least {
                return;
            }
            assert!(Instant::now() < until, "{leaves} leaves, not {least}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The memory it has now.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// As a loss of power would end it.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As an operator ends it.
    pub fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One request over a connection of its own; an error if nobody answers.
pub fn request(
    at: &str,
    method: &str,
    path: &str,
    token: &str,
    body: &Value,
) -> std::io::Result<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, text) = plain(at, method, path, token, &body)?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

fn plain(
    at: &str,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let authorization =
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n{authorization}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let cut = || std::io::Error::other("the answer is cut");
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    Ok((status, text.to_owned()))
}
