//! Which logs a witness watches, in the form that operators of public witnesses exchange:
//!
//! ```text
//! logs/v0
//!
//! vkey example.com/access+4fdd9b69+AY/VmB6QwdB2hTMwXrbL5WBrtb4p8CxgIWFlSsbvWzPd
//!
//! vkey sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8
//! origin go.sum database tree
//! ```
//!
//! The origin is the key's name unless it is given. Lines with `qps`, `contact` and `#` are passed
//! over.

use crate::note::PublicKey;

const HEADER: &str = "logs/v0";
const LOGS_MAX: usize = 65_536;

/// What is wrong, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the list of logs, line {line}: {what}")]
pub struct LogListError {
    pub line: usize,
    pub what: String,
}

/// Origins and keys, in the list's order.
pub fn parse_log_list(text: &str) -> Result<Vec<(String, PublicKey)>, LogListError> {
    let mut logs: Vec<(String, PublicKey)> = Vec::new();
    let mut has_header = false;
    for (number, line) in (1..).zip(text.lines()) {
        let error = |what: &str| LogListError { line: number, what: what.to_owned() };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !std::mem::replace(&mut has_header, true) {
            if line != HEADER {
                return Err(error("a list of logs begins with `logs/v0`"));
            }
            continue;
        }
        match line.split_once(' ') {
            Some(("vkey", key)) => {
                let key = PublicKey::parse(key).map_err(|cause| error(&cause.to_string()))?;
                if logs.len() == LOGS_MAX {
                    return Err(error("more than 65536 logs"));
                }
                logs.push((key.name().to_owned(), key));
            }
            Some(("origin", origin)) => match logs.last_mut() {
                Some((of, _)) => origin.clone_into(of),
                None => return Err(error("`origin` follows the `vkey` it belongs to")),
            },
            Some(("qps" | "contact", _)) => (),
            _ => return Err(error("expected `vkey`, `origin`, `qps` or `contact`")),
        }
    }
    Ok(logs)
}

/// The lines that add a log to a list.
pub(super) fn entry(origin: &str, key: &PublicKey) -> String {
    let origin = if origin == key.name() { String::new() } else { format!("origin {origin}\n") };
    format!("\nvkey {key}\n{origin}")
}

/// What a list begins with.
pub(super) fn begin() -> String {
    format!("{HEADER}\n")
}
