//! Mail, to a server that speaks just enough SMTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use countersign_connect::{MAIL, Mailer, PrivateAddresses, mail_body};
use countersign_store::batch::{Also, Batch, Message};

use crate::house::{House, drain};

/// Takes mail, or answers every `RCPT` with `refuses`; gives the lines it was sent.
fn smtp(refuses: Option<&'static str>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut is_data = false;
            let _ = stream.write_all(b"220 test\r\n");
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap_or(0) > 0 {
                let answer = match (is_data, line.trim_end()) {
                    (true, ".") => "250 taken",
                    (true, _) => "",
                    (false, "DATA") => "354 go on",
                    (false, text) if text.starts_with("RCPT") => refuses.unwrap_or("250 yes"),
                    (false, "QUIT") => "221 bye",
                    (false, _) => "250 yes",
                };
                is_data = answer.starts_with("354") || (is_data && answer.is_empty());
                let _ = send.send(line.trim_end().to_owned());
                if !answer.is_empty() {
                    let _ = stream.write_all(format!("{answer}\r\n").as_bytes());
                }
                line.clear();
            }
        }
    });
    (url, lines)
}

fn queue(house: &House, to: &str) {
    let message = Message {
        id: "warning-1".to_owned(),
        kind: MAIL.to_owned(),
        target: to.to_owned(),
        body: mail_body("Access of Paul ends soon", "It ends on 2026-11-30."),
        at: house.seconds() * 1_000_000,
    };
    let also = vec![Also::Outbox(message)];
    house.app.store().commit(Batch { also, ..Batch::default() }).unwrap();
}

fn counts(house: &House) -> (i64, i64) {
    let counts = house.app.store().outbox_counts().unwrap();
    counts.first().map_or((0, 0), |count| (count.waiting, count.given_up))
}

#[test]
fn mail_is_sent_with_an_id_that_tells_repeats() {
    let (house, (url, lines)) = (House::new(), smtp(None));
    queue(&house, "ann@example.com");
    let mailer = Mailer::new(&url, "Countersign <access@example.net>").unwrap();
    let drained = house.step(&mut drain(PrivateAddresses::Refused, Some(mailer)));
    assert_eq!(drained.sent, 1);
    let text: Vec<String> = lines.try_iter().collect();
    for line in [
        "MAIL FROM:<access@example.net>",
        "RCPT TO:<ann@example.com>",
        "Subject: Access of Paul ends soon",
        "Message-ID: <warning-1@example.net>",
        "It ends on 2026-11-30.",
    ] {
        assert!(text.iter().any(|sent| sent.starts_with(line)), "{line} in {text:?}");
    }
    assert_eq!(counts(&house), (0, 0));
}

#[test]
fn without_a_server_mail_waits_and_is_counted() {
    let house = House::new();
    queue(&house, "ann@example.com");
    house.step(&mut drain(PrivateAddresses::Refused, None));
    assert_eq!(counts(&house), (1, 0));
}

#[test]
fn what_a_server_refuses_for_good_is_given_up_and_the_rest_waits() {
    for (answer, expected) in [("550 no such person", (0, 1)), ("450 later", (1, 0))] {
        let (house, (url, _lines)) = (House::new(), smtp(Some(answer)));
        queue(&house, "nobody@example.com");
        let mailer = Mailer::new(&url, "access@example.net").unwrap();
        house.step(&mut drain(PrivateAddresses::Refused, Some(mailer)));
        assert_eq!(counts(&house), expected, "{answer}");
    }
}

#[test]
fn a_header_cannot_be_smuggled_into_a_mail() {
    let (house, (url, lines)) = (House::new(), smtp(None));
    queue(&house, "ann@example.com\r\nBcc: eve@example.com");
    let mailer = Mailer::new(&url, "access@example.net").unwrap();
    let drained = house.step(&mut drain(PrivateAddresses::Refused, Some(mailer)));
    assert_eq!((drained.sent, drained.given_up), (0, 1));
    assert!(lines.try_iter().all(|line| !line.contains("eve")));
}

#[test]
fn a_password_does_not_travel_in_the_open() {
    let refused = |url: &str| Mailer::new(url, "access@example.net").is_err();
    assert!(refused("smtp://user:secret@mail.example.com"));
    assert!(refused("smtp://user:secret@mail.example.com?tls=opportunistic"));
    assert!(refused("nonsense"));
    assert!(!refused("smtps://user:secret@mail.example.com"));
    assert!(!refused("smtp://user:secret@mail.example.com:587?tls=required"));
    let error = Mailer::new("smtp://user:secret@mail.example.com", "a@b.c").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}
