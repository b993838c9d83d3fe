//! Input made to break the program: it ends in an orderly way, and says what would work.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::program::{Folder, path_text, rows};

fn record(id: &str, name: &str, agent: &str) -> Value {
    json!({
        "eventVersion": "1.08", "eventID": id, "eventTime": "2026-03-02T09:00:00Z",
        "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "awsRegion": "us-east-1",
        "readOnly": false, "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.1",
        "userAgent": agent,
        "userIdentity": {
            "type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{name}"),
            "principalId": "AIDA1", "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE000000001",
            "userName": name,
        },
    })
}

const NAMES: [&str; 5] = [
    "\u{1b}[31mred\u{1b}[0m\u{7}",
    "a\u{202e}txt.exe",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "line\nbreak\r\u{0}end",
];

#[test]
fn what_a_name_says_is_shown_and_never_done() {
    let folder = Folder::new("names");
    let lines: String = NAMES
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{}\n", record(&format!("e{at}\n{name}"), name, name)))
        .collect();
    folder.write("logs/a.json", lines);
    let ran = folder
        .run(&["trace", "logs", "--run", "run", "--html", "p.html", "--colour", "never"])
        .expect(0);
    let page = folder.read("p.html");
    let mut shown = vec![ran.out.clone(), ran.err.clone()];
    for row in rows(&folder.at("run")) {
        let event = row["event"].as_str().unwrap();
        // A NUL cannot be given on a command line; the beginning is enough.
        let event = event.split('\0').next().unwrap();
        let strip = folder.run(&["trace", "show", event, "--run", "run"]).expect(0);
        shown.push(strip.out);
        shown.push(strip.err);
    }
    shown.push(folder.run(&["register", "init", "--from", "logs"]).expect(0).out);
    for text in &shown {
        for bad in ['\u{1b}', '\u{7}', '\u{202e}', '\r', '\u{0}'] {
            assert!(!text.contains(bad), "{bad:?} in {text}");
        }
    }
    for bad in ["<script>alert", "<img", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(bad), "{bad:?} in the page");
    }
    // Nothing was lost: one row each, and each row one line.
    assert_eq!(folder.read("run/rows.ndjson").lines().count(), NAMES.len());
}

#[test]
fn a_drafted_register_of_hostile_names_has_no_mistakes() {
    let folder = Folder::new("hostile-draft");
    let all = NAMES.iter().chain(&["- {}", "': x", "#", "&a *a", "!!int 3", "null", "~", "yes"]);
    let lines: String = all.map(|name| format!("{}\n", record(name, name, name))).collect();
    folder.write("a.json", lines);
    folder.write("draft.yaml", folder.run(&["register", "init", "--from", "a.json"]).expect(0).out);
    let checked = folder.run(&["check", "draft.yaml"]);
    assert!(checked.code == Some(0), "{}", checked.out);
}

#[test]
fn what_cannot_be_read_is_set_aside_and_the_rest_goes_on() {
    let folder = Folder::new("rest");
    let good = format!("{}\n", record("good", "dora", "x"));
    folder.write("logs/good.json", &good);
    folder.write("logs/deep.json", format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    folder.write(
        "logs/deep-objects.json",
        format!("{}1{}\n", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
    );
    folder.write("logs/binary.json", (0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    folder.write("logs/empty.json", "");
    folder.write("logs/half.json", &good[..good.len() / 2]);
    folder.write("logs/not-gzip.json.gz", "this is no gzip");
    folder.write("logs/mixed.json", format!("not json\n{good}{{\"a\":\n[]\n3\nnull\n\"x\"\n"));
    folder.write("logs/bad-csv.csv", "a,b\n\"unclosed,1\n2,3,4,5\n");
    folder.write("logs/utf8.json", [b"\xff\xfe{\"a\": 1}\n".as_slice(), good.as_bytes()].concat());
    let ran = folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(0);
    assert!(ran.out.contains("could not be read"), "{}", ran.out);
    let ids: Vec<Value> = rows(&folder.at("run")).iter().map(|row| row["event"].clone()).collect();
    assert_eq!(ids, ["good"], "delivered in three files, counted once");
}

#[test]
fn a_bomb_is_given_up_and_the_rest_goes_on() {
    let folder = Folder::new("bomb");
    folder.write("logs/good.json", format!("{}\n", record("good", "dora", "x")));
    let bomb = |name: &str, piece: &[u8]| {
        let file = fs::File::create(folder.at(name)).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        for _ in 0..256 {
            packed.write_all(piece).unwrap();
        }
        packed.finish().unwrap();
    };
    bomb("logs/spaces.json.gz", &vec![b' '; 1 << 20]);
    bomb("logs/lines.json.gz", &vec![b'\n'; 1 << 20]);
    bomb("logs/zeros.json.gz", &vec![b'0'; 1 << 20]);
    let ran = folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(0);
    assert!(ran.out.contains("could not be read"), "{}", ran.out);
    assert_eq!(rows(&folder.at("run")).len(), 1);
}

#[test]
fn links_are_not_followed_and_folders_end() {
    let folder = Folder::new("links");
    folder.write("logs/good.json", format!("{}\n", record("good", "dora", "x")));
    symlink(folder.path(), folder.at("logs/loop")).unwrap();
    symlink("/etc/passwd", folder.at("logs/outside.json")).unwrap();
    let deep = "d/".repeat(60);
    folder.write(&format!("logs/{deep}deep.json"), format!("{}\n", record("deep", "dora", "x")));
    let ran = folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(0);
    assert!(
        ran.err.contains("symbolic link is not followed") && ran.err.contains("too deep"),
        "{}",
        ran.err
    );
    assert_eq!(rows(&folder.at("run")).len(), 1);
}

#[test]
fn nothing_to_read_is_said() {
    let folder = Folder::new("nothing");
    fs::create_dir(folder.at("logs")).unwrap();
    let empty = folder.run(&["trace", "logs", "--run", "run"]).expect(2);
    assert!(empty.err.contains("nothing to read"), "{}", empty.err);
    assert!(!folder.at("run").exists(), "nothing is left behind");
    folder.write("logs/a.json", "{\"hello\": \"world\"}\n");
    let unknown = folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(2);
    assert!(unknown.err.contains("countersign sources"), "{}", unknown.err);
}

#[test]
fn a_file_that_may_not_be_read_is_said() {
    let folder = Folder::new("forbidden");
    folder.write("logs/good.json", format!("{}\n", record("good", "dora", "x")));
    let path = folder.write("logs/secret.json", "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("skipped: root may read every file");
        return;
    }
    let ran = folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(0);
    assert!(
        ran.out.contains("secret.json") || ran.err.contains("secret.json"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn a_register_with_two_hundred_mistakes_has_them_all_said() {
    let folder = Folder::new("mistakes");
    let wrong: String = (0..200).map(|at| format!("  - {{id: o{at}, kind: pirate}}\n")).collect();
    folder.write("register/a.yaml", format!("organizations:\n{wrong}"));
    let checked = folder.run(&["check", "register"]).expect(1);
    assert!(
        checked.out.lines().filter(|line| line.contains("a.yaml:")).count() >= 200,
        "{}",
        checked.out
    );
    folder.write("logs/good.json", format!("{}\n", record("good", "dora", "x")));
    let traced = folder.run(&["trace", "logs", "--register", "register", "--run", "run"]).expect(2);
    assert!(traced.out.is_empty() && !folder.at("run").exists());
}

#[test]
fn hostile_registers_end_in_mistakes() {
    let folder = Folder::new("yaml");
    let bomb =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\n";
    for text in
        [bomb, &"[".repeat(50_000), "\u{0}", "tenants: {{", "- x\n- y", "company: !!binary x", ""]
    {
        let path = folder.write("register.yaml", text);
        let ran = folder.run(&["check", &path_text(&path)]);
        assert!(matches!(ran.code, Some(0..=2)), "{text:.40} {:?} {}", ran.code, ran.err);
    }
}

#[test]
fn many_thousand_files_are_read() {
    let folder = Folder::new("files");
    for at in 0..3_000 {
        folder.write(
            &format!("logs/{}/{at}.json", at % 7),
            record(&format!("e{at}"), "dora", "x").to_string(),
        );
    }
    folder.run(&["trace", "logs", "--run", "run", "--no-ledger"]).expect(0);
    assert_eq!(rows(&folder.at("run")).len(), 3_000);
}
