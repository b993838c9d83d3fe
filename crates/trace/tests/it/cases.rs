//! Runs every file of `cases/` in many arrival orders.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_model::event::Event;
use countersign_model::register::Register;
use countersign_trace::attribute::Attributor;
use countersign_trace::codec::{self, Place};
use countersign_trace::collect::{Rows, is_answered};
use countersign_trace::directory::Directory;
use countersign_trace::group::group;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;
use countersign_trace::pile::Pile;
use countersign_trace::shelf::InMemory;

use crate::case::{self, Case};
use crate::render::render;

/// Cases about what a raw record says, which only the whole product can run.
const FROM_RAW_RECORDS: [u32; 7] = [20, 21, 22, 24, 37, 38, 42];

const ORDERS: u64 = 20;

#[test]
fn every_case_answers_the_same_in_every_arrival_order() {
    let mut wrong = String::new();
    for (path, case) in cases() {
        if !case.raw.is_empty() {
            continue;
        }
        let answer = answer(&case.register, &[&case.events]);
        for (order, readers) in orders(&case.events) {
            let readers: Vec<&[Event<'static>]> = readers.iter().map(Vec::as_slice).collect();
            let other = self::answer(&case.register, &readers);
            assert_eq!(answer, other, "{}: arrival order {order} answers differently", case.title);
            for events_held in [1, 3] {
                let other = answer_putting_away(&case.register, &readers, events_held);
                assert_eq!(answer, other, "{}: {events_held} held, {order}", case.title);
            }
        }
        if answer.trim_end() != case.expect {
            if std::env::var_os("UPDATE_CASES").is_some() {
                fs::write(&path, format!("{}\n\nexpect\n{answer}", case.head))
                    .expect("cases can be written");
                continue;
            }
            let title = &case.title;
            write!(wrong, "\n# {title}\nexpected\n{}\ngot\n{answer}", case.expect)
                .expect("a string takes everything");
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE_CASES=1 rewrites what is expected");
}

#[test]
fn every_edge_case_has_a_file_and_raw_ones_are_the_seven_known() {
    let number = |title: &str| title.split(' ').next().and_then(|first| first.parse::<u32>().ok());
    let mut numbers = BTreeSet::new();
    let mut raw = BTreeSet::new();
    for (path, case) in cases() {
        let number =
            number(&case.title).unwrap_or_else(|| panic!("{} has no number", path.display()));
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(file.starts_with(&format!("{number:02}-")), "{file} is titled {number}");
        numbers.insert(number);
        if !case.raw.is_empty() {
            raw.insert(number);
        }
    }
    assert_eq!(numbers, (1..=44).collect());
    assert_eq!(raw, FROM_RAW_RECORDS.into_iter().collect());
}

fn cases() -> Vec<(PathBuf, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of cases can be read")
        .map(|entry| entry.expect("an entry of the folder can be read").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a case can be read");
            (path, case::parse(text.leak()))
        })
        .collect()
}

/// Every order tried, as the events of each reader.
fn orders(events: &[Event<'static>]) -> Vec<(String, Vec<Vec<Event<'static>>>)> {
    let mut reversed = events.to_vec();
    reversed.reverse();
    let mut orders = vec![("reversed".to_owned(), vec![reversed])];
    for seed in 1..=ORDERS {
        let mut shuffled = events.to_vec();
        shuffle(&mut shuffled, seed);
        let (left, right) = shuffled.split_at(shuffled.len() / 2);
        orders.push((
            format!("shuffle {seed} over two readers"),
            vec![left.to_vec(), right.to_vec()],
        ));
        orders.push((format!("shuffle {seed}"), vec![shuffled]));
    }
    orders
}

/// Fisher and Yates, with the generator of Marsaglia.
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for last in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(last, (state % (last as u64 + 1)) as usize);
    }
}

/// Reads, freezes and answers, as a run does.
pub fn answer(register: &Register, readers: &[&[Event<'static>]]) -> String {
    answer_putting_away(register, readers, usize::MAX)
}

/// As [`answer`], where a reader puts away what it holds whenever it has read so many events more.
pub fn answer_putting_away(
    register: &Register,
    readers: &[&[Event<'static>]],
    events_held: usize,
) -> String {
    let directory = Directory::new(register);
    let secret = Secret::new(b"0123456789abcdef");
    let mut piles = Vec::new();
    let mut rows = Vec::new();
    for events in readers {
        let (mut pile, mut own) = (Pile::new(secret), Rows::default());
        for (line, event) in (1..).zip(*events) {
            pile.observe(event, &directory);
            if is_answered(event) {
                own.push(event, Place { input: 0, line: line as u64 }, &directory);
            }
            if line % events_held == 0 {
                pile.put_away(&InMemory).expect("memory takes everything");
            }
        }
        own.sort();
        for (key, bytes) in own.iter() {
            rows.push((key, bytes.to_vec(), own.dictionary.encode()));
        }
        piles.push(pile);
    }
    rows.sort();
    let index = Index::of_piles(secret, piles, &[], &InMemory, 0).expect("memory can be read");
    let attributor = Attributor::new(&index, &directory);
    let dictionaries: Vec<codec::Dictionary> = rows
        .iter()
        .map(|(_, _, bytes)| {
            codec::Dictionary::decode(bytes, |text| text.to_owned().leak()).expect("just encoded")
        })
        .collect();
    let mut out = String::new();
    let same = |(a, _): &(&Row, &codec::Dictionary), (b, _): &(&Row, &codec::Dictionary)| {
        (a.0.time, a.0.event) == (b.0.time, b.0.event)
    };
    let pairs: Vec<(&Row, &codec::Dictionary)> = rows.iter().zip(&dictionaries).collect();
    for deliveries in pairs.chunk_by(same) {
        let decoded = deliveries.iter().map(|((_, bytes, _), dictionary)| {
            codec::decode(bytes, dictionary).expect("just encoded")
        });
        for grouped in group(decoded.collect()) {
            let mut traced = attributor.attribute(&grouped.event);
            traced.delivered(grouped.deliveries, &grouped.notes);
            out.push_str(&render(&traced.view(&traced.chain())));
        }
    }
    index.check().expect("memory can be read");
    out
}

type Row = (countersign_trace::collect::RowKey, Vec<u8>, Vec<u8>);
