//! The fuzz targets of `fuzz/` for some seconds, on samples that are damaged in ways a seed decides.
//! `cargo +nightly fuzz run records crates/sources/samples` in `fuzz/` goes on for as long as you like.

use std::fs;
use std::path::Path;

use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::note::SigningKey;

use crate::program::repository;

#[path = "../../../../fuzz/src/lib.rs"]
mod targets;

/// What a seed decides, the same on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

/// One to eight wounds: bytes exchanged, put in, taken out, doubled, cut off, or from another seed.
fn damaged(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    const LETTERS: &[u8] = b"{}[]\",:\\|=\n\r\t 0\xff\xef\x1f&*-<";
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(7) {
        let at = chance.below(bytes.len());
        let to = (at + chance.below(64)).min(bytes.len());
        match chance.below(7) {
            0 if !bytes.is_empty() => bytes[at] = LETTERS[chance.below(LETTERS.len())],
            1 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            2 => bytes.insert(at, LETTERS[chance.below(LETTERS.len())]),
            3 => drop(bytes.drain(at..to)),
            4 => bytes.extend_from_within(at..to),
            5 => bytes.truncate(at),
            _ => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len());
                let piece = &other[from..(from + chance.below(256)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

fn fuzz(target: fn(&[u8]), seeds: &[Vec<u8>], rounds: usize) {
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| target(seed));
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    for _ in 0..rounds {
        target(&damaged(seeds, &mut chance));
    }
}

/// The beginnings of the files of a folder of the repository.
fn seeds(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    const MOST: usize = 6000;
    let mut paths: Vec<_> = fs::read_dir(repository().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    let beginning = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes[..bytes.len().min(MOST)].to_vec()
    };
    paths.iter().map(|path| beginning(path)).collect()
}

#[test]
fn damaged_logs_are_read_or_set_aside() {
    let mut logs = seeds("crates/sources/samples", "ndjson");
    let lines = seeds("crates/sources/samples", "log");
    let table = |record: &[u8]| {
        let record = String::from_utf8_lossy(record.split(|byte| *byte == b'\n').next().unwrap());
        format!("2026,x,\"{}\",u\r\n", record.replace('"', "\"\"")).into_bytes()
    };
    let tables: Vec<Vec<u8>> = logs.iter().map(|log| table(log)).collect();
    for at in 0..3 {
        logs.push(zstd::encode_all(&logs[at][..], 1).unwrap());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &logs[at]).unwrap();
        logs.push(gzip.finish().unwrap());
    }
    fuzz(targets::records, &logs, 1500);
    fuzz(targets::lines, &lines, 600);
    fuzz(targets::csv, &tables, 1500);
    let times = [
        "2026-01-05T10:00:00.123456789Z",
        "Jul 10, 2023, 12:09:47 PM",
        "1767607200123",
        "2026-02-30 25:61:61 +9999",
    ];
    let times: Vec<Vec<u8>> = times.iter().map(|time| time.as_bytes().to_vec()).collect();
    fuzz(targets::time, &times, 4000);
}

#[test]
fn damaged_registers_and_definitions_are_taken_or_refused() {
    let mut registers = seeds("examples/aldgate/register", "yaml");
    registers.extend(seeds("examples/invictus", "yaml"));
    fuzz(targets::register, &registers, 2000);
    fuzz(targets::definition, &seeds("crates/sources/definitions", "yaml"), 600);
}

#[test]
fn damaged_evidence_is_refused() {
    let key = SigningKey::from_seed("fuzz.example/log", [7; 32]).unwrap();
    let checkpoint = Checkpoint { origin: key.public().name().into(), size: 3, root: [9; 32] };
    let note = checkpoint.sign(&key);
    let proof =
        format!("c2sp.org/tlog-proof@v1\nindex 1\n{}\n\n{note}", note.lines().nth(2).unwrap());
    let folder = crate::program::Folder::new("fuzz");
    fs::write(folder.at("log.ndjson"), &seeds("crates/sources/samples", "ndjson")[0]).unwrap();
    assert_eq!(folder.run(&["trace", "log.ndjson", "--format", "json"]).code, Some(0));
    let mut entries = Vec::new();
    let mut tiles = vec![vec![1; 64], vec![2; 32 * 256]];
    for file in walk(&folder.at("countersign-run/ledger/tile")) {
        let bytes = fs::read(file).unwrap();
        entries.extend(countersign_ledger::bundle::entries(&bytes).flatten().map(<[u8]>::to_vec));
        tiles.push(bytes.clone());
        entries.push(bytes);
    }
    assert!(entries.len() > 2, "a run leaves entries");
    // One of each kind.
    let vectors = include_str!("../../../../docs/ledger-format.md").lines();
    let vectors = vectors.filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    let of_entries: Vec<Vec<u8>> =
        vectors.filter(|hex| hex.starts_with("637301")).map(bytes_of).collect();
    assert!(of_entries.len() >= 12);
    entries.extend(of_entries);
    fuzz(targets::note, &[note.into_bytes(), key.public().to_string().into_bytes()], 2000);
    fuzz(targets::proof, &[proof.into_bytes()], 2000);
    fuzz(targets::entry, &entries, 4000);
    fuzz(targets::tile, &tiles, 2000);
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn damaged_requests_are_refused_and_told_why() {
    let own =
        |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let requests = own(&[
        "GET /v1/grants?state=active&cursor=MWctMQ&limit=20 HTTP\nauthorization: Bearer cs_abc\n\n",
        "GET /v1/grants?state=active&organization=%C3%BC+b&limit=20\nauthorization: Bearer cs_abc\n\n",
        "PUT /v1/grants/g-17?as=request\nif-match: \"17\"\nidempotency-key: a-key\ncookie: a=b; \
         session=c\n\n{\"id\": \"g-17\", \"why\": \"x\", \"list\": [[1, {\"a\": null}], \"\\u00e9\"]}",
        "POST /v1/grants/g-17/approve\ncontent-type: application/json\n\n{\"why\": \"quarter-end\"}",
    ]);
    fuzz(targets::request, &requests, 4000);
    let filters = own(&[
        "userName eq \"ann@example.com\"",
        "(active eq true and not (emails[type eq \"work\" and value co \"@\"])) or name.familyName pr",
        "urn:ietf:params:scim:schemas:core:2.0:User:displayName sw \"A\\u00e9\" and meta.created gt \
         \"2026-01-01T00:00:00Z\"",
    ]);
    fuzz(targets::scim_filter, &filters, 4000);
    let patches = own(&[
        r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "bob@example.com"},
            {"op": "Add", "value": {"active": "False", "name.givenName": "Bob"}},
            {"op": "remove", "path": "displayName"}]}"#,
        r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": false}]}"#,
        r#"{"userName": "bob", "active": "true", "emails": [{"value": "b@x.example", "primary": true}]}"#,
    ]);
    fuzz(targets::scim_patch, &patches, 4000);
    fuzz(targets::page, &own(&["MWctMQ", "Mi03LjkyMjMzNzIwMzY4NTQ3NzU4MDc", "MzE"]), 4000);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
