//! Clients who take their time, and too many of them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign_testkit::Folder;

use crate::node::Node;

/// What a connection answers until it is closed; `None` if it is still open then.
fn answer(stream: &mut TcpStream, patience: Duration) -> Option<String> {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        _ => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Sends a byte a second until the connection is closed; how long that took.
fn drip(api: &str, text: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(api).unwrap();
    for byte in text.bytes() {
        if stream.write_all(&[byte]).is_err()
            || answer(&mut stream, Duration::from_secs(1)).is_some()
        {
            return began.elapsed();
        }
    }
    panic!("it is still listened to after {:?}", began.elapsed());
}

#[test]
fn whoever_sends_a_byte_a_second_is_not_waited_for() {
    let folder = Folder::new("slow");
    let node = Node::start(folder.path(), None);
    let long = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(60));
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    std::thread::scope(|scope| {
        let api = node.api.as_str();
        let slow = scope.spawn(|| drip(api, &long));
        let two = scope.spawn(|| drip(api, preface));
        let silent = scope.spawn(move || {
            let began = Instant::now();
            let mut stream = TcpStream::connect(api).unwrap();
            assert_eq!(answer(&mut stream, Duration::from_secs(40)), Some(String::new()));
            began.elapsed()
        });
        // Others are answered meanwhile.
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(node.get("/healthz", "").0, 200);
        for waited in [slow, two, silent].map(|thread| thread.join().unwrap()) {
            let waited = waited.as_secs();
            assert!((14..35).contains(&waited), "{waited} seconds");
        }
    });
    assert_eq!(node.get("/healthz", "").0, 200);
    node.stop();
}

#[test]
fn a_head_that_is_too_long_or_has_too_many_lines_is_refused() {
    let folder = Folder::new("heads");
    let node = Node::start(folder.path(), None);
    let ask = |lines: String| {
        let mut stream = TcpStream::connect(&node.api).unwrap();
        // It may be closed while we still send.
        let _ =
            write!(stream, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n");
        answer(&mut stream, Duration::from_secs(10)).expect("it answers and closes")
    };
    assert!(ask(String::new()).starts_with("HTTP/1.1 200"));
    assert!(ask(format!("x: {}\r\n", "a".repeat(16_000))).starts_with("HTTP/1.1 200"));
    let many: String = (0..200).map(|line| format!("x-{line}: a\r\n")).collect();
    assert!(ask(many).starts_with("HTTP/1.1 431"));
    let answer = ask(format!("x: {}\r\n", "a".repeat(200_000)));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    node.stop();
}

#[test]
fn one_more_than_there_is_room_for_waits_until_another_goes() {
    let folder = Folder::new("room");
    let node = Node::start_with(folder.path(), None, &["--connections", "3"]);
    let ask = || {
        let mut stream = TcpStream::connect(&node.api).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream
    };
    let is_answered = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let mut bytes = [0; 12];
        stream.read_exact(&mut bytes).is_ok() && &bytes == b"HTTP/1.1 200"
    };
    let mut held: Vec<TcpStream> = (0..3).map(|_| ask()).collect();
    assert!(held.iter_mut().all(is_answered));
    let mut fourth = ask();
    assert!(!is_answered(&mut fourth), "there is no room for it");
    drop(held.pop());
    assert!(is_answered(&mut fourth));
    drop(held);
    node.stop();
}
