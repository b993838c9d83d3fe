//! From what happened to what is in the files: late, out of order, repeated.
//!
//! Memory holds what is under way, and no more than [`UNDER_WAY_MAX`] records of it: in a world
//! denser than that, delays get shorter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Write as _};
use std::rc::Rc;

use flate2::{Compression, GzBuilder};

use crate::feed::Feed;
use crate::plan::Faults;
use crate::rng::Rng;
use crate::sink::Sink;
use crate::time::{DAY, MINUTE, Millis, bucket, date, date_folders};

const UNDER_WAY_MAX: usize = 20_000;
const PIECE_BYTES: usize = 64 * 1024;
const CLOUDTRAIL_FILE_RECORDS: usize = 1_000;

/// One line or record on its way, ordered by when it arrives, then by when it was made.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parcel {
    arrives: Millis,
    number: u64,
    feed: Feed,
    body: Rc<str>,
}

/// The CloudTrail file that is being filled.
#[derive(Debug, Default)]
struct Trail {
    window: Millis,
    records: Vec<Rc<str>>,
}

pub(crate) struct Delivery<'a> {
    sink: &'a mut dyn Sink,
    faults: Faults,
    rng: Rng,
    accounts: [String; 3],
    under_way: BinaryHeap<Reverse<Parcel>>,
    number: u64,
    pieces: BTreeMap<String, Vec<u8>>,
    trails: BTreeMap<Feed, Trail>,
    pub(crate) records: u64,
    pub(crate) repeats: u64,
    pub(crate) bytes: u64,
    pub(crate) most_under_way: usize,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        sink: &'a mut dyn Sink,
        faults: Faults,
        rng: Rng,
        accounts: [String; 3],
    ) -> Self {
        Self {
            sink,
            faults,
            rng,
            accounts,
            under_way: BinaryHeap::new(),
            number: 0,
            pieces: BTreeMap::new(),
            trails: BTreeMap::new(),
            records: 0,
            repeats: 0,
            bytes: 0,
            most_under_way: 0,
        }
    }

    /// A record that was made at `at`.
    pub(crate) fn post(&mut self, feed: Feed, at: Millis, body: &str) -> io::Result<()> {
        self.records += 1;
        let body: Rc<str> = body.into();
        let copies = if self.rng.chance(self.faults.duplicates) {
            // Mostly twice, seldom often; the most seen in real logs is 118.
            if self.rng.chance(0.01) { self.rng.between(3, 118) } else { 2 }
        } else {
            1
        };
        for copy in 0..copies {
            self.repeats += u64::from(copy > 0);
            let (usual, most) = feed.lag();
            let late = copy > 0 || self.rng.chance(self.faults.late);
            let delay = if late { self.rng.between(0, most) } else { usual.min(MINUTE) };
            self.number += 1;
            let parcel =
                Parcel { arrives: at + delay, number: self.number, feed, body: Rc::clone(&body) };
            self.under_way.push(Reverse(parcel));
        }
        self.most_under_way = self.most_under_way.max(self.under_way.len());
        while self.under_way.len() > UNDER_WAY_MAX {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Writes all that has arrived by `now`.
    pub(crate) fn advance(&mut self, now: Millis) -> io::Result<()> {
        while self.under_way.peek().is_some_and(|Reverse(next)| next.arrives <= now) {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Writes everything that is left.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        while !self.under_way.is_empty() {
            self.hand_over()?;
        }
        for (feed, trail) in std::mem::take(&mut self.trails) {
            self.write_trail(feed, trail)?;
        }
        for (path, piece) in std::mem::take(&mut self.pieces) {
            self.write(&path, &piece)?;
        }
        Ok(())
    }

    /// Adds to a file that is not a log, such as the truth.
    pub(crate) fn note(&mut self, path: &str, text: &str) -> io::Result<()> {
        if !self.pieces.contains_key(path) {
            self.pieces.insert(path.to_owned(), Vec::new());
        }
        let full = self.pieces.get_mut(path).and_then(|piece| {
            piece.extend_from_slice(text.as_bytes());
            (piece.len() >= PIECE_BYTES).then(|| std::mem::take(piece))
        });
        match full {
            Some(piece) => self.write(path, &piece),
            None => Ok(()),
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let Some(Reverse(parcel)) = self.under_way.pop() else { return Ok(()) };
        if Feed::AWS.contains(&parcel.feed) {
            return self.add_to_trail(&parcel);
        }
        // One file a day; yesterday's is complete once today's has begun, give or take the lag.
        let extension = if parcel.feed == Feed::KcMachines { "log" } else { "ndjson" };
        let day = date(parcel.arrives);
        let path = format!("logs/{}/{day}.{extension}", parcel.feed.folder());
        if !self.pieces.contains_key(&path) {
            self.close_before(&format!("logs/{}/", parcel.feed.folder()), parcel.arrives - DAY)?;
        }
        self.note(&path, &parcel.body)?;
        self.note(&path, "\n")
    }

    /// Forgets the empty remainders of days long past, so that their number stays bounded.
    fn close_before(&mut self, folder: &str, at: Millis) -> io::Result<()> {
        let limit = format!("{folder}{}", date(at));
        let old: Vec<String> =
            self.pieces.range(folder.to_owned()..limit).map(|(path, _)| path.clone()).collect();
        for path in old {
            if let Some(piece) = self.pieces.remove(&path) {
                self.write(&path, &piece)?;
            }
        }
        Ok(())
    }

    fn add_to_trail(&mut self, parcel: &Parcel) -> io::Result<()> {
        let window = parcel.arrives - parcel.arrives.rem_euclid(5 * MINUTE);
        let trail = self.trails.entry(parcel.feed).or_default();
        let full = trail.window != window || trail.records.len() >= CLOUDTRAIL_FILE_RECORDS;
        let done = full.then(|| std::mem::take(trail));
        trail.window = window;
        trail.records.push(Rc::clone(&parcel.body));
        match done {
            Some(done) => self.write_trail(parcel.feed, done),
            None => Ok(()),
        }
    }

    fn write_trail(&mut self, feed: Feed, trail: Trail) -> io::Result<()> {
        if trail.records.is_empty() {
            return Ok(());
        }
        let account = &self.accounts[feed.index()];
        let path = format!(
            "logs/{}/{}/{account}_CloudTrail_eu-west-1_{}_{}.json.gz",
            feed.folder(),
            date_folders(trail.window),
            bucket(trail.window),
            self.rng.base62(16),
        );
        let text = format!("{{\"Records\":[{}]}}", trail.records.join(","));
        // No file name and no time in the header: the same world has the same bytes.
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes())?;
        let bytes = gzip.finish()?;
        self.write(&path, &bytes)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        self.sink.append(path, bytes)
    }
}
