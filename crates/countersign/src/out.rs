//! The one place that writes to the terminal: data to standard output, all else to standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// How the program ends. Documented in the README and in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing at or above `--fail-on` was found.
    Ok,
    /// Done, and what was looked for is there: a finding, a mistake, a tampered ledger, a score
    /// below what was asked.
    Found,
    /// Not done: the command line or its input cannot be used.
    Usage,
    /// Not done: the machine failed (disk, permissions).
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
        })
    }
}

/// Writes data. A reader that went away (`| head`) is not an error.
pub fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes one line for the person, not for a pipe.
pub fn say(text: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a line that the next one replaces, if somebody watches.
pub fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\u{1b}[K{text}");
    }
}

/// Ends a line of progress.
pub fn progress_done() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
    }
}

pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}
