//! Each sample becomes the events that a person has read and agreed with.

use std::path::{Path, PathBuf};

use countersign_sources::Definitions;

use crate::render::read_file;

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<PathBuf> = entries.filter(|path| path.extension().is_some()).collect();
    samples.sort();
    samples
}

#[test]
fn samples_become_the_events_that_were_agreed() {
    let definitions = Definitions::shipped().unwrap();
    let mut different = Vec::new();
    for sample in samples() {
        let name = sample.file_name().unwrap().to_string_lossy().into_owned();
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.txt"));
        let found = read_file(&sample, &definitions).text;
        if std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if let Some(line) =
            (1..).zip(found.lines()).find(|(at, line)| expected.lines().nth(at - 1) != Some(line))
        {
            different.push(format!("{name}: {line:?}"));
        } else if found != expected {
            different.push(format!("{name}: the end is missing"));
        }
    }
    assert!(
        different.is_empty(),
        "UPDATE_CASES=1 rewrites, then read the difference: {different:#?}"
    );
}

#[test]
fn every_definition_reads_a_sample_whole() {
    let samples = samples();
    for source in &Definitions::shipped().unwrap().all {
        let own = samples.iter().filter(|path| {
            path.file_name().is_some_and(|name| {
                name.to_string_lossy().starts_with(&format!("{}.", source.name))
            })
        });
        let mut count = 0;
        for path in own {
            let read = read_file(path, &Definitions::shipped().unwrap());
            assert!(read.events > 0 && read.bad.is_empty(), "{}: {:?}", path.display(), read.bad);
            let lines = read.text.lines().filter(|line| line.starts_with("line "));
            for line in lines {
                assert!(line.contains(source.name), "{}: {line}", path.display());
            }
            count += 1;
        }
        assert!(count > 0, "`{}` has no sample in samples/", source.name);
    }
}

/// Else what a record is would depend on the record before it, which is tried first.
#[test]
fn no_record_is_known_to_two_definitions() {
    let mut both = Vec::new();
    for source in Definitions::shipped().unwrap().all {
        let name = source.name;
        let alone = Definitions { all: vec![source] };
        for sample in samples() {
            let file = sample.file_name().unwrap().to_string_lossy().into_owned();
            if !file.starts_with(&format!("{name}.")) && read_file(&sample, &alone).events > 0 {
                both.push(format!("{name} knows records of {file}"));
            }
        }
    }
    assert!(both.is_empty(), "{both:#?}");
}

#[test]
fn no_secret_of_a_sample_reaches_an_event() {
    let definitions = Definitions::shipped().unwrap();
    for sample in samples() {
        let text = read_file(&sample, &definitions).text;
        for secret in ["must-not-pass", "sessionToken", "secretAccessKey", "HIDDEN_DUE_TO"] {
            assert!(!text.contains(secret), "{}: {secret}", sample.display());
        }
    }
}
