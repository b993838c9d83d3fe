//! Nodes that share a store, one that is restored, and a way back in.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use countersign_testkit::{Folder, Postgres};
use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, request};
use crate::program;

fn tenant(id: &str) -> Value {
    json!({"id": id, "name": id})
}

fn put(node: &Node, token: &str, id: &str) {
    let (status, answer) = node.ask("PUT", &format!("/v1/tenants/{id}"), token, &tenant(id));
    assert!(status == 200 || status == 201, "{status} {answer}");
}

fn verifies(data: &Path) -> Value {
    let folder = program::Folder::new("verify");
    let ledger = data.join("ledger");
    let ran = folder.run(&["--format", "json", "verify", ledger.to_str().unwrap()]);
    ran.expect(0).json()
}

fn changes(node: &Node, token: &str) -> usize {
    let (mut count, mut path) = (0, "/v1/changes".to_owned());
    loop {
        let (status, page) = node.get(&path, token);
        assert_eq!(status, 200, "{page}");
        let found = page["changes"].as_array().unwrap().len();
        count += found;
        match page["next"].as_str() {
            Some(next) if found > 0 => path = format!("/v1/changes?cursor={next}"),
            _ => return count,
        }
    }
}

#[test]
fn two_nodes_on_one_store_answer_alike_and_one_takes_over_from_the_other() {
    let Some(server) = Postgres::shared("two nodes") else { return };
    let (folder, url) = (Folder::new("nodes"), server.database());
    let first = Node::start(folder.path(), Some(&url));
    let second = Node::start(folder.path(), Some(&url));
    assert!(second.code.is_none(), "the one that leads gives the code");
    let token = first.sign_in(first.code.as_deref().unwrap());
    put(&first, &token, "ann");
    assert_eq!(second.get("/v1/tenants/ann", &token).0, 200, "signed in on one, known to both");
    put(&second, &token, "bob");
    assert_eq!(first.get("/v1/tenants/bob", &token).0, 200);
    let before = changes(&first, &token);
    first.wait_for_leaves(before);
    first.kill();
    for number in 0..20 {
        put(&second, &token, &format!("s{number}"));
    }
    second.wait_for_leaves(before + 20);
    let third = Node::start(folder.path(), Some(&url));
    assert_eq!(third.get("/v1/tenants/s19", &token).0, 200);
    assert_eq!(changes(&third, &token), before + 20, "nothing twice, nothing left out");
    second.stop();
    put(&third, &token, "carol");
    third.wait_for_leaves(before + 21);
    third.stop();
    assert_eq!(verifies(folder.path())["size"], before + 21);
}

#[test]
fn a_node_outlives_a_crash_of_the_server_of_its_store() {
    let Some(server) = Postgres::start("a server that crashes") else { return };
    let (folder, url) = (Folder::new("outlives"), server.database());
    let node = Node::start(folder.path(), Some(&url));
    let token = node.sign_in(node.code.as_deref().unwrap());
    put(&node, &token, "ann");
    server.crash();
    let (status, answer) = node.get("/v1/tenants/ann", &token);
    assert_eq!(status, 503, "{answer}");
    assert_eq!(node.get("/readyz", "").0, 503);
    assert_eq!(node.get("/healthz", "").0, 200);
    server.begin();
    let until = Instant::now() + PATIENCE;
    while node.get("/readyz", "").0 != 200 {
        assert!(Instant::now() < until, "it does not get ready again");
    }
    put(&node, &token, "bob");
    let count = changes(&node, &token);
    node.wait_for_leaves(count);
    node.stop();
    assert_eq!(verifies(folder.path())["size"], count);
}

/// Changes tenants until told to stop; how many were answered.
fn load(at: &str, token: &str, answered: &AtomicUsize, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Acquire) {
        let id = format!("s{}", answered.load(Ordering::Acquire));
        let path = format!("/v1/tenants/{id}");
        let Ok((status, answer)) = request(at, "PUT", &path, token, &tenant(&id)) else { return };
        assert!(status < 300, "{status} {answer}");
        answered.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn what_is_backed_up_under_load_is_restored_elsewhere_and_goes_on() {
    let folder = Folder::new("backup");
    let at = |name: &str| folder.at(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    let node = Node::start(&at("data"), None);
    let token = node.sign_in(node.code.as_deref().unwrap());
    let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let before = std::thread::scope(|scope| {
        scope.spawn(|| load(&node.api, &token, &answered, &is_over));
        while answered.load(Ordering::Acquire) < 20 {
            std::thread::yield_now();
        }
        let before = answered.load(Ordering::Acquire);
        run(&["backup", &text("copy"), "--data", &text("data")]).expect(0);
        let after = answered.load(Ordering::Acquire);
        while answered.load(Ordering::Acquire) < after + 20 {
            std::thread::yield_now();
        }
        is_over.store(true, Ordering::Release);
        before
    });
    let all = changes(&node, &token);
    node.wait_for_leaves(all);
    node.kill();
    run(&["backup", &text("copy"), "--data", &text("data")]).expect(2);

    // The ledger is lost as well, or it is not.
    for (name, keeps_ledger) in [("alone", false), ("with-ledger", true)] {
        if keeps_ledger {
            std::fs::create_dir_all(at(name)).unwrap();
            std::fs::rename(at("data").join("ledger"), at(name).join("ledger")).unwrap();
        }
        let ran =
            run(&["--format", "json", "restore", &text("copy"), "--data", &text(name)]).expect(0);
        let told = ran.json();
        assert_eq!(told["epoch"], 2, "{told}");
        let lost = usize::try_from(told["lost"].as_u64().unwrap()).unwrap();
        if keeps_ledger {
            assert!(lost >= 20, "{told}");
            assert!(told["acts"][0].as_str().unwrap().contains("tenant."), "{told}");
            assert_eq!(told["leaves"], all + 1, "{told}");
        }
        let node = Node::start(&at(name), None);
        assert_eq!(node.get("/v1/self", &token).0, 401, "sessions of before have ended");
        let code = run(&["admin", "recover", "--data", &text(name)]).expect(0).out;
        let token = node.sign_in(code.trim());
        assert_eq!(node.get(&format!("/v1/tenants/s{}", before - 1), &token).0, 200);
        let (_, item) = node.get("/v1/tenants/s0", &token);
        put(&node, &token, "since");
        let (_, since) = node.get("/v1/tenants/since", &token);
        let least = 1_u64 << 41;
        assert!(item["revision"].as_u64().unwrap() < least, "{item}");
        assert!(since["revision"].as_u64().unwrap() > least, "no revision is given twice: {since}");
        let leaves = changes(&node, &token) + lost + 1;
        node.wait_for_leaves(leaves);
        node.stop();
        assert_eq!(verifies(&at(name))["size"], leaves);
    }
    let again = run(&["restore", &text("copy"), "--data", &text("alone")]).expect(2);
    assert!(again.err.contains("move it away first"), "{}", again.err);
}

#[test]
fn what_is_in_postgresql_is_backed_up_with_its_server_and_restored_on_another() {
    let Some(server) = Postgres::start("restore on PostgreSQL") else { return };
    let folder = Folder::new("pg-backup");
    let text = |name: &str| folder.at(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    let url = server.database();
    let node = Node::start(&folder.at("data"), Some(&url));
    let token = node.sign_in(node.code.as_deref().unwrap());
    let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (copy, before) = std::thread::scope(|scope| {
        scope.spawn(|| load(&node.api, &token, &answered, &is_over));
        let more = |than: usize| {
            while answered.load(Ordering::Acquire) < than {
                std::thread::yield_now();
            }
            answered.load(Ordering::Acquire)
        };
        let before = more(20);
        // The state first and then the ledger, while both are written.
        let copy = server.base_backup();
        let since = more(answered.load(Ordering::Acquire) + 40);
        node.wait_for_leaves(since);
        run(&["backup", &text("copy"), "--data", &text("data"), "--store", &url]).expect(0);
        is_over.store(true, Ordering::Release);
        (copy, before)
    });
    let all = changes(&node, &token);
    node.wait_for_leaves(all);
    node.kill();
    server.crash();

    let to_sqlite = run(&["restore", &text("copy"), "--data", &text("sqlite")]).expect(2);
    assert!(to_sqlite.err.contains("was in PostgreSQL"), "{}", to_sqlite.err);
    copy.begin();
    let empty = copy.database();
    let onto = |name: &str, store: &str| {
        run(&[
            "--format",
            "json",
            "restore",
            &text("copy"),
            "--data",
            &text(name),
            "--store",
            store,
        ])
    };
    let none = onto("empty", &empty).expect(2);
    assert!(none.err.contains("bring back the state first"), "{}", none.err);
    let url = copy.same_database(&url);
    let told = onto("new", &url).expect(0).json();
    assert_eq!(told["epoch"], 2, "{told}");
    let lost = usize::try_from(told["lost"].as_u64().unwrap()).unwrap();
    assert!(lost >= 20, "evidenced, and done after the copy of the state: {told}");
    let node = Node::start(&folder.at("new"), Some(&url));
    assert_eq!(node.get("/v1/self", &token).0, 401, "sessions of before have ended");
    let code = run(&["admin", "recover", "--data", &text("new"), "--store", &url]).expect(0).out;
    let token = node.sign_in(code.trim());
    assert_eq!(node.get(&format!("/v1/tenants/s{}", before - 1), &token).0, 200);
    put(&node, &token, "since");
    let leaves = changes(&node, &token) + lost + 1;
    node.wait_for_leaves(leaves);
    node.stop();
    assert_eq!(verifies(&folder.at("new"))["size"], leaves);
}

fn with_mode(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).unwrap();
}

#[test]
fn under_a_master_key_no_file_of_the_folder_or_of_a_backup_has_a_key() {
    let folder = Folder::new("master");
    let text = |name: &str| folder.at(name).to_str().unwrap().to_owned();
    let keys = ["ledger/private.key", "ledger/handle.key", "webhooks.key"];
    let write = |name: &str, key: &str| with_mode(&folder.at(name), key, 0o600);
    let hex = "0123456789abcdef".repeat(4);
    write("master", &hex);
    write("other", &"f".repeat(64));
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    let master = ["--master-key-file", &text("master")];

    // A folder with plain keys is wrapped by the next start, and nothing else is new.
    let node = Node::start(&folder.at("data"), None);
    let token = node.sign_in(node.code.as_deref().unwrap());
    put(&node, &token, "ann");
    node.stop();
    let plain = keys.map(|key| std::fs::read(folder.at("data").join(key)).unwrap());
    let node = Node::start_with(&folder.at("data"), None, &master);
    put(&node, &token, "bob");
    node.stop();
    for (key, plain) in keys.iter().zip(&plain) {
        let wrapped = std::fs::read_to_string(folder.at("data").join(key)).unwrap();
        assert!(wrapped.starts_with("COUNTERSIGN+WRAPPED+KEY+1+"), "{key}");
        assert!(!wrapped.as_bytes().windows(plain.len()).any(|part| part == plain), "{key}");
    }

    let refused = |more: &[&str]| {
        let data = text("data");
        let serve =
            ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
        let ran = run(&[&serve[..], more].concat()).expect(2);
        assert!(!ran.err.contains(&hex), "no key is said: {}", ran.err);
        ran.err
    };
    assert!(refused(&[]).contains("is wrapped under a master key"));
    let other = refused(&["--master-key-file", &text("other")]);
    assert!(other.contains("give the one it was wrapped with"), "{other}");
    let absent = refused(&["--master-key-file", &text("absent")]);
    assert!(absent.contains("absent"), "{absent}");
    write("short", "0123");
    assert!(refused(&["--master-key-file", &text("short")]).contains("openssl rand -base64 32"));
    with_mode(&folder.at("short"), &hex, 0o644);
    assert!(refused(&["--master-key-file", &text("short")]).contains("chmod 600"));

    // A backup needs no master key and has no plain key; a restore needs the one of then.
    run(&["backup", &text("copy"), "--data", &text("data")]).expect(0);
    for key in keys {
        let copied = std::fs::read_to_string(folder.at("copy").join(key)).unwrap();
        assert!(copied.starts_with("COUNTERSIGN+WRAPPED+KEY+1+"), "{key}");
    }
    let without = run(&["restore", &text("copy"), "--data", &text("new")]).expect(2);
    assert!(without.err.contains("is wrapped under a master key"), "{}", without.err);
    assert!(!folder.at("new").exists(), "nothing was brought back");
    // By the environment as well, and one place only.
    let environment = |arguments: &[&str]| {
        let elsewhere = program::Folder::new("run");
        let mut command = elsewhere.command(arguments);
        command.env("COUNTERSIGN_MASTER_KEY", &hex).output().unwrap()
    };
    let restored = environment(&["restore", &text("copy"), "--data", &text("new")]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let both = environment(
        &[&["restore", &text("copy"), "--data", &text("newer")][..], &master[..]].concat(),
    );
    assert!(String::from_utf8_lossy(&both.stderr).contains("give one"));
    let node = Node::start_with(&folder.at("new"), None, &master);
    let code = run(&[&["admin", "recover", "--data", &text("new")][..], &master].concat());
    let token = node.sign_in(code.expect(0).out.trim());
    assert_eq!(node.get("/v1/tenants/bob", &token).0, 200);
    node.stop();
    verifies(&folder.at("new"));
}

#[test]
fn the_keys_of_a_backup_can_be_read_by_their_owner_only_and_half_a_backup_is_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("modes");
    let text = |name: &str| folder.at(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    Node::start(&folder.at("data"), None).stop();
    run(&["backup", &text("copy"), "--data", &text("data")]).expect(0);
    let mode = |file: &str| {
        let metadata = std::fs::metadata(folder.at("copy").join(file)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for file in ["state.sqlite", "ledger/private.key", "ledger/handle.key"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    std::fs::remove_file(folder.at("copy").join("backup")).unwrap();
    let refused = run(&["restore", &text("copy"), "--data", &text("new")]).expect(2);
    assert!(refused.err.contains("cut short"), "{}", refused.err);
}

#[test]
fn who_reads_the_folder_gets_back_in_and_it_is_evidence() {
    let folder = Folder::new("recover");
    let data = folder.path().to_str().unwrap();
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    let node = Node::start(folder.path(), None);
    let first = node.code.clone().unwrap();
    node.sign_in(&first);
    // While it runs, and while it does not.
    let code = run(&["admin", "recover", "--data", data]).expect(0).out;
    let token = node.sign_in(code.trim());
    let (status, _) = node.ask("POST", "/v1/sign-in", "", &json!({"code": code.trim()}));
    assert_eq!(status, 401, "once");
    let leaves = changes(&node, &token);
    node.wait_for_leaves(leaves);
    node.stop();
    let code = run(&["admin", "recover", "--data", data]).expect(0).out;
    let node = Node::start(folder.path(), None);
    let token = node.sign_in(code.trim());
    let (_, page) = node.get("/v1/changes", &token);
    let verbs: Vec<&str> = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs.iter().filter(|verb| **verb == "member.invite").count(), 3, "{verbs:?}");
    node.stop();
    let none = run(&["admin", "recover", "--data", &format!("{data}/none")]).expect(2);
    assert!(none.err.contains("no instance"), "{}", none.err);
}

#[test]
fn a_key_that_was_changed_while_the_server_was_down_does_not_stop_it() {
    let folder = Folder::new("rotate");
    let ledger = folder.at("ledger");
    let run = |arguments: &[&str]| program::Folder::new("run").run(arguments);
    let node = Node::start(folder.path(), None);
    let token = node.sign_in(node.code.as_deref().unwrap());
    node.kill();
    run(&["rotate-key", ledger.to_str().unwrap()]).expect(0);
    let node = Node::start(folder.path(), None);
    put(&node, &token, "ann");
    let leaves = changes(&node, &token) + 1;
    node.wait_for_leaves(leaves);
    node.stop();
    assert_eq!(verifies(folder.path())["size"], leaves);
}
