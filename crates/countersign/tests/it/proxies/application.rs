//! An application that says what it was asked, and a client that asks through a proxy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

const WAIT: Duration = Duration::from_secs(20);

/// Answers each request with what it was.
pub struct Application {
    pub at: String,
    count: Arc<AtomicUsize>,
}

impl Application {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || answer(stream, &counted));
            }
        });
        Self { at, count }
    }

    /// Requests that reached it.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn answer(stream: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Map::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let name = name.to_ascii_lowercase();
        let value = value.trim();
        let before = headers.get(&name).and_then(Value::as_str).map(|before| format!("{before}, "));
        headers.insert(name, format!("{}{value}", before.unwrap_or_default()).into());
    }
    let length = headers.get("content-length").and_then(|length| length.as_str()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    count.fetch_add(1, Ordering::SeqCst);
    let body = String::from_utf8_lossy(&body).into_owned();
    let text =
        json!({"method": method, "target": target, "headers": headers, "body": body}).to_string();
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{text}"
    )
    .ok()
}

pub struct Reply {
    pub status: u16,
    /// All of it.
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        let body = self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split_once("\r\n\r\n").map_or("", |(head, _)| head);
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// One request by somebody whose password is their name.
pub fn ask(
    at: &str,
    (method, target): (&str, &str),
    user: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(WAIT))?;
    let basic = BASE64_STANDARD.encode(format!("{user}:{user}"));
    let mut more = String::new();
    for (name, value) in headers {
        more.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nhost: shop.example\r\nauthorization: Basic {basic}\r\n\
         connection: close\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("the answer is cut"))?;
    Ok(Reply { status, text })
}
