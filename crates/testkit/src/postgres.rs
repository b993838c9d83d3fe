//! A PostgreSQL server of the test's own, from the programs that are installed, without a network.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Folder, say};

/// A server that ends with the last test that uses it.
#[derive(Debug)]
pub struct Postgres {
    folder: Folder,
    programs: PathBuf,
    /// Whom the server runs as, if that is not us: it refuses to be root.
    user: Option<String>,
    server: Mutex<Option<Child>>,
    /// On the loopback interface, with TLS.
    port: Option<u16>,
}

impl Postgres {
    /// The server that all tests of this process share; `None`, with a line that says so, if
    /// PostgreSQL is not installed.
    pub fn shared(suite: &str) -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(suite)?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// A server of its own, that may be killed.
    ///
    /// # Panics
    /// If it is installed and does not start, or if `COUNTERSIGN_SKIP_NOTHING` is set and it is not
    /// installed.
    pub fn start(suite: &str) -> Option<Self> {
        let server = Self::made(suite)?;
        server.begin();
        Some(server)
    }

    /// One that answers on the loopback interface, with a certificate of its own, whose file is given
    /// with it; `None` if `openssl` is not installed either.
    pub fn start_with_tls(suite: &str) -> Option<(Self, PathBuf, u16)> {
        if !is_installed("openssl") {
            say(&format!("skipped: {suite}. To run it: apt-get install openssl"));
            return None;
        }
        let mut server = Self::made(suite)?;
        let certificate = server.folder.at("data/server.crt");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "2", "-subj", "/CN=test", "-addext"]);
        openssl.args([
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
        openssl.arg("-keyout").arg(server.folder.at("data/server.key"));
        run(openssl.arg("-out").arg(&certificate));
        if let Some(user) = &server.user {
            let files = [certificate.clone(), server.folder.at("data/server.key")];
            run(Command::new("chown").arg(user).args(files));
        }
        let public = server.folder.at("public.crt");
        fs::copy(&certificate, &public).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        server.port = Some(port);
        server.begin();
        Some((server, public, port))
    }

    fn made(suite: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            let strict = std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some();
            assert!(!strict, "PostgreSQL is not installed: apt-get install postgresql");
            say(&format!("skipped on PostgreSQL: {suite}. To run it: apt-get install postgresql"));
            return None;
        };
        let folder = Folder::new("pg");
        let (user, none) = (other_user(), Mutex::new(None));
        let server = Self { folder, programs, user, server: none, port: None };
        server.init();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.at("data")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        match &self.user {
            None => Command::new(path),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", &group_of(user), "--clear-groups"]);
                command.arg("--").arg(path);
                command
            }
        }
    }

    fn init(&self) {
        if let Some(user) = &self.user {
            let whole = self.folder.path();
            let owner = format!("{user}:{}", group_of(user));
            run(Command::new("chown").arg(owner).arg(whole));
        }
        let mut command = self.command("initdb");
        command.args(["--username=countersign", "--auth=trust", "--encoding=UTF8"]);
        command.args(["--no-locale", "--no-instructions", "--no-sync", "--pgdata"]);
        run(command.arg(self.data()).current_dir("/"));
    }

    /// Starts the server that is there, after a crash as well.
    pub fn begin(&self) {
        let log = File::options().create(true).append(true).open(self.folder.at("log")).unwrap();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        match self.port {
            None => command.args(["-c", "listen_addresses="]),
            Some(port) => {
                command.args(["-c", "listen_addresses=127.0.0.1", "-c", "ssl=on", "-c"]);
                command.arg(format!("port={port}"))
            }
        };
        command.args(["-c", "max_connections=100"]);
        command.args(["-c", "shared_buffers=32MB", "-c", "logging_collector=off"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        *self.server() = Some(command.spawn().unwrap());
        self.wait();
    }

    fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(120);
        while !self.sql("postgres", "select 1").status().unwrap().success() {
            if Instant::now() > until {
                let log = fs::read_to_string(self.folder.at("log")).unwrap_or_default();
                panic!("PostgreSQL does not start:\n{log}");
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn sql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(self.folder.path());
        command.args([
            "-p",
            &self.port.unwrap_or(5432).to_string(),
            "-U",
            "countersign",
            "-X",
            "-q",
        ]);
        command.args(["-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The connection string of a new database.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("d{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let plain = format!("create database {name}");
        // A language whose order is not that of bytes, as servers have it in the field.
        let with = "template template0 locale_provider icu icu_locale 'en'";
        let made = [format!("{plain} {with}"), plain]
            .iter()
            .any(|sql| self.sql("postgres", sql).status().unwrap().success());
        assert!(made, "could not make a database");
        self.same_database(&name)
    }

    /// A copy of the whole server while it runs, as its operator makes one; [`Postgres::begin`] starts
    /// it.
    pub fn base_backup(&self) -> Self {
        let folder = Folder::new("pg-copy");
        let copy = Self {
            folder,
            programs: self.programs.clone(),
            user: self.user.clone(),
            server: Mutex::new(None),
            port: self.port,
        };
        if let Some(user) = &copy.user {
            let owner = format!("{user}:{}", group_of(user));
            run(Command::new("chown").arg(owner).arg(copy.folder.path()));
        }
        let mut command = self.command("pg_basebackup");
        command.arg("-h").arg(self.folder.path());
        command.args(["-p", &self.port.unwrap_or(5432).to_string(), "-U", "countersign"]);
        command.args(["--wal-method=stream", "--checkpoint=fast", "--no-sync", "--pgdata"]);
        run(command.arg(copy.data()).current_dir("/"));
        copy
    }

    /// The connection string of a database here that has the name of one elsewhere.
    pub fn same_database(&self, url: &str) -> String {
        let name = url.rsplit('/').next().unwrap();
        let host = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://countersign@{host}:{}/{name}", self.port.unwrap_or(5432))
    }

    /// Runs SQL as somebody beside the product would.
    pub fn run(&self, url: &str, sql: &str) {
        let database = url.rsplit('/').next().unwrap();
        assert!(self.sql(database, sql).status().unwrap().success(), "{sql}");
    }

    /// As if the machine had lost its power, but for what the disk had taken.
    pub fn crash(&self) {
        self.signal("-QUIT");
    }

    fn signal(&self, signal: &str) {
        if let Some(mut server) = self.server().take() {
            let pid = server.id().to_string();
            let told = Command::new("kill").args([signal, &pid]).status();
            if !told.is_ok_and(|status| status.success()) {
                let _ = server.kill();
            }
            let _ = server.wait();
        }
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.signal("-QUIT");
    }
}

/// Where `initdb` is: on the path, or where Debian puts it.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    debian.sort();
    debian.into_iter().rev().chain(on_path).find(|folder| {
        ["initdb", "postgres", "psql", "pg_basebackup"]
            .iter()
            .all(|program| folder.join(program).is_file())
    })
}

fn other_user() -> Option<String> {
    if !is_root() {
        return None;
    }
    let known = ["postgres", "nobody"].into_iter().find(|user| {
        Command::new("id").arg(user).output().is_ok_and(|output| output.status.success())
    });
    Some(known.expect("PostgreSQL refuses to be root, and there is no other user").to_owned())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn group_of(user: &str) -> String {
    let output = Command::new("id").args(["-g", user]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Whether a program is on the path.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
