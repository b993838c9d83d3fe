//! A server that other machines can reach: over TLS, or not at all.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::program::{Folder, path_text};

struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves with TLS, by a certificate for `localhost` that is given back.
fn serve(folder: &Folder) -> (Serving, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.at("cert.pem"), folder.at("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (cert, key) = (path_text(&cert), path_text(&key));
    let arguments = [
        "serve",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let mut command = folder.command(&arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| {
        let line = line.unwrap();
        let (_, rest) = line.split_once("Serving ")?;
        rest.split(';').next().map(str::to_owned)
    });
    std::thread::spawn(move || lines.count());
    (Serving { child, address: address.unwrap() }, made.cert.pem())
}

fn client(trusts: Option<&str>) -> ureq::Agent {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut tls = ureq::tls::TlsConfig::builder();
    if let Some(pem) = trusts {
        let certificate = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap();
        tls = tls.root_certs(ureq::tls::RootCerts::new_with_certs(&[certificate]));
    }
    ureq::Agent::config_builder().tls_config(tls.build()).build().into()
}

#[test]
fn tls_is_spoken_with_who_trusts_the_certificate() {
    let folder = Folder::new("exposed-tls");
    let (serving, pem) = serve(&folder);
    let port = serving.address.strip_prefix("https://127.0.0.1:").unwrap();
    let url = format!("https://localhost:{port}/readyz");
    let mut answer = client(Some(&pem)).get(&url).call().unwrap();
    assert!(answer.body_mut().read_to_string().unwrap().contains("ready"));
    assert!(client(None).get(&url).call().is_err(), "nobody vouches for it");
    let plain = client(None).get(format!("http://127.0.0.1:{port}/readyz")).call();
    assert!(plain.is_err(), "nothing is said in the open");
    // Who opens a connection and says nothing stands in nobody's way.
    let _silent: Vec<_> =
        (0..50).map(|_| std::net::TcpStream::connect(format!("127.0.0.1:{port}"))).collect();
    assert!(client(Some(&pem)).get(&url).call().is_ok());
}

#[test]
fn beyond_this_machine_nothing_is_served_in_the_open() {
    let folder = Folder::new("exposed-open");
    let serve = |more: &[&str]| {
        let any = ["serve", "--data", "data", "--listen", "0.0.0.0:0", "--metrics", "127.0.0.1:0"];
        folder.run(&[&any[..], more].concat()).expect(2).err
    };
    let refused = serve(&[]);
    assert!(refused.contains("--tls-cert") && refused.contains("--trusted-proxy"), "{refused}");
    for more in [
        &["--public-url", "https://access.example.com"][..],
        &["--trusted-proxy", "10.0.0.0/8"],
        &["--public-url", "http://access.example.com", "--trusted-proxy", "10.0.0.0/8"],
        &["--tls-cert", "none.pem", "--tls-key", "none.pem"],
    ] {
        serve(more);
    }
    assert!(!folder.at("data").exists(), "nothing was made");
}

#[test]
fn a_period_is_of_a_class_that_is_known_and_long_enough() {
    let folder = Folder::new("exposed-keep");
    for (keep, says) in [
        ("logs=365d", "there are people, access, register, readings"),
        ("people=29d", "30 days at least"),
        ("people=1y", "such as `people=730d`"),
        ("people", "such as `people=730d`"),
    ] {
        let ran = folder.run(&["serve", "--keep", keep]).expect(2);
        assert!(ran.err.contains(says), "{keep}: {}", ran.err);
    }
}
