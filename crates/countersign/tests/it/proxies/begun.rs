//! Proxies that run, each with its configuration of `interop/proxies`.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::application::{Reply, ask};
use super::wheels::Proxies;
use crate::node::PATIENCE;

/// What is put into a configuration.
pub struct Places {
    pub application: String,
    pub countersign: String,
    /// Where Envoy asks.
    pub checks: String,
    /// The application's.
    pub key: String,
}

pub struct Begun {
    process: Child,
    pub at: String,
    log: PathBuf,
}

impl Begun {
    fn new(mut command: Command, folder: &Path, at: String) -> Self {
        let log = folder.join("said.log");
        let file = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { process: command.spawn().unwrap(), at, log }
    }

    /// Until it answers, whatever it answers.
    pub fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while ask(&self.at, ("GET", "/orders/7"), "nobody", &[], "").is_err() {
            assert!(Instant::now() < until, "it does not begin: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn ask(
        &self,
        method: &str,
        target: &str,
        user: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        ask(&self.at, (method, target), user, headers, body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.said()))
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free a moment ago: none of them can choose one itself and say which.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Writes a configuration of `interop/proxies` with its words put in, the longest word first.
fn configure(name: &str, folder: &Path, words: &[(&str, &str)]) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/proxies").join(name);
    let text = std::fs::read_to_string(from).unwrap();
    // What stands in comments is for readers.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut text = lines.collect::<Vec<_>>().join("\n") + "\n";
    for (word, value) in words {
        text = text.replace(word, value);
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// As `htpasswd -s` writes it; whoever it is, their password is their name.
fn sha(name: &str) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    format!("{{SHA}}{}", BASE64_STANDARD.encode(hash.as_ref()))
}

pub fn nginx(proxies: &Proxies, folder: &Path, places: &Places) -> Begun {
    let at = format!("127.0.0.1:{}", port());
    let users = folder.join("users");
    std::fs::write(&users, format!("pia:{}\ndesk:{}\n", sha("pia"), sha("desk"))).unwrap();
    let words = [
        ("X-Countersign-Key KEY", format!("X-Countersign-Key {}", places.key)),
        ("LISTEN", at.clone()),
        ("APPLICATION", places.application.clone()),
        ("COUNTERSIGN", places.countersign.clone()),
        ("USERS", users.to_string_lossy().into_owned()),
        ("FOLDER", folder.to_string_lossy().into_owned()),
    ];
    let words = words.each_ref().map(|(word, value)| (*word, value.as_str()));
    let config = configure("nginx.conf", folder, &words);
    let mut command = Command::new(&proxies.nginx);
    command.arg("-p").arg(folder).arg("-c").arg(config).args(["-e", "stderr"]);
    // So that one process is all there is to end.
    command.args(["-g", "master_process off;"]);
    Begun::new(command, folder, at)
}

pub fn caddy(proxies: &Proxies, folder: &Path, places: &Places) -> Begun {
    let at = format!("127.0.0.1:{}", port());
    let hash = |name: &str| {
        let hashed =
            Command::new(&proxies.caddy).args(["hash-password", "--plaintext", name]).output();
        String::from_utf8(hashed.unwrap().stdout).unwrap().trim().to_owned()
    };
    let words = [
        ("pia PIA", format!("pia {}", hash("pia"))),
        ("desk DESK", format!("desk {}", hash("desk"))),
        ("http://LISTEN {", format!("http://:{} {{\n\tbind 127.0.0.1", port_of(&at))),
        ("reverse_proxy APPLICATION", format!("reverse_proxy {}", places.application)),
        ("forward_auth COUNTERSIGN", format!("forward_auth {}", places.countersign)),
        ("FOLDER", folder.to_string_lossy().into_owned()),
    ];
    let words = words.each_ref().map(|(word, value)| (*word, value.as_str()));
    let config = configure("Caddyfile", folder, &words);
    let mut command = Command::new(&proxies.caddy);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
    command.env("COUNTERSIGN_KEY", &places.key).env("HOME", folder);
    Begun::new(command, folder, at)
}

pub fn traefik(proxies: &Proxies, folder: &Path, places: &Places) -> Begun {
    let at = format!("127.0.0.1:{}", port());
    let words = [
        ("pia:PIA", format!("pia:{}", sha("pia"))),
        ("desk:DESK", format!("desk:{}", sha("desk"))),
        ("\"KEY\"", format!("\"{}\"", places.key)),
        ("APPLICATION", places.application.clone()),
        ("COUNTERSIGN", places.countersign.clone()),
    ];
    let words = words.each_ref().map(|(word, value)| (*word, value.as_str()));
    configure("traefik-routes.yaml", folder, &words);
    let folder_text = folder.to_string_lossy();
    let config = configure("traefik.yaml", folder, &[("LISTEN", &at), ("FOLDER", &folder_text)]);
    let mut command = Command::new(&proxies.traefik);
    command.arg(format!("--configFile={}", config.display())).current_dir(folder);
    Begun::new(command, folder, at)
}

pub fn envoy_http(proxies: &Proxies, folder: &Path, places: &Places) -> Begun {
    envoy(proxies, folder, places, ("envoy-http.yaml", "COUNTERSIGN", &places.countersign))
}

pub fn envoy_grpc(proxies: &Proxies, folder: &Path, places: &Places) -> Begun {
    envoy(proxies, folder, places, ("envoy-grpc.yaml", "CHECKS", &places.checks))
}

fn envoy(
    proxies: &Proxies,
    folder: &Path,
    places: &Places,
    (name, word, asked): (&str, &str, &str),
) -> Begun {
    let at = format!("127.0.0.1:{}", port());
    let words = [
        ("pia:PIA".to_owned(), format!("pia:{}", sha("pia"))),
        ("desk:DESK".to_owned(), format!("desk:{}", sha("desk"))),
        ("\"KEY\"".to_owned(), format!("\"{}\"", places.key)),
        ("LISTEN_HOST".to_owned(), "127.0.0.1".to_owned()),
        ("LISTEN_PORT".to_owned(), port_of(&at).to_owned()),
        ("APPLICATION_HOST".to_owned(), "127.0.0.1".to_owned()),
        ("APPLICATION_PORT".to_owned(), port_of(&places.application).to_owned()),
        (format!("{word}_HOST"), "127.0.0.1".to_owned()),
        (format!("{word}_PORT"), port_of(asked).to_owned()),
    ];
    let words = words.each_ref().map(|(word, value)| (word.as_str(), value.as_str()));
    let config = configure(name, folder, &words);
    let mut command = Command::new(&proxies.envoy);
    command.arg("-c").arg(config).args([
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "warn",
    ]);
    Begun::new(command, folder, at)
}

fn port_of(at: &str) -> &str {
    at.rsplit(':').next().unwrap()
}
