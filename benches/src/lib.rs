//! What the benchmark programs share. Nothing here is part of the product.

pub mod company;
pub mod item;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

#[derive(Debug)]
pub struct Args {
    pub logs: PathBuf,
    pub definition: Option<PathBuf>,
    pub out: Option<PathBuf>,
    pub threads: usize,
    /// What a program with several ways is to do.
    pub how: String,
}

/// `LOGS [--source FILE] [--out FILE] [--threads N] [--how WAY]`
pub fn args() -> Result<Args> {
    let mut given = std::env::args_os().skip(1);
    let logs = given.next().context("which NDJSON file?")?.into();
    let mut args = Args { logs, definition: None, out: None, threads: 2, how: String::new() };
    while let Some(name) = given.next() {
        let value = given.next().context("a value is missing")?;
        match name.to_str() {
            Some("--source") => args.definition = Some(value.into()),
            Some("--out") => args.out = Some(value.into()),
            Some("--how") => args.how = value.to_string_lossy().into_owned(),
            Some("--threads") => args.threads = value.to_string_lossy().parse()?,
            _ => bail!("`{}` is no option", name.display()),
        }
    }
    Ok(args)
}

/// Peak memory of this process in kibibytes.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_ascii_whitespace().next())
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// CPU seconds of this process so far, user and system.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or("").split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
