//! Holds any decision point against the checks of `interop/authzen`:
//! `AUTHZEN_TOKEN=… authzen_checks http://127.0.0.1:8080 interop/authzen/certification/checks.json`.
//!
//! The server has the fixture of the scenario already. `AUTHZEN_BASE` is what it calls itself, if that is
//! not where it listens.

#![expect(clippy::unwrap_used, reason = "a check ends where its ground is missing")]

use std::io::Write as _;
use std::process::ExitCode;

use countersign_testkit::authzen::{Server, checks, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else {
        countersign_testkit::say("usage: authzen_checks URL FILE...");
        return ExitCode::from(2);
    };
    let url = url.trim_end_matches('/').to_owned();
    let base = std::env::var("AUTHZEN_BASE").unwrap_or_else(|_| url.clone());
    let token = std::env::var("AUTHZEN_TOKEN").unwrap_or_default();
    let server = Server { url, base, token };
    let all: Vec<_> =
        arguments.flat_map(|file| checks(&std::fs::read_to_string(file).unwrap())).collect();
    let report = run(&server, &all);
    let mut out = std::io::stdout().lock();
    for line in report.lines() {
        writeln!(out, "{line}").unwrap();
    }
    ExitCode::from(u8::from(!report.failures.is_empty()))
}
