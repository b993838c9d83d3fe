//! The feed: nobody who follows it misses a change.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign_store::batch::{Also, Batch, Change};
use countersign_store::feed::{Changed, Cursor, Sequenced};
use countersign_store::{Outcome, Store};
use countersign_testkit::Chance;

use crate::place::{both, change, done, feed, one, put};

const WRITERS: u64 = 24;
const EACH: u64 = 25;

fn numbered(number: u64) -> Change {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let put = put("grant", &format!("g{number}"), None, "active");
    Change { id, leaf: number.to_be_bytes().to_vec(), ..change(0, put) }
}

/// Steps take long and differently so: whoever takes a number first does not commit first.
fn slow() -> countersign_store::Failpoint {
    let chance = AtomicU64::new(7);
    Arc::new(move |_| {
        let mut chance = Chance::new(chance.fetch_add(1, Ordering::Relaxed));
        if chance.below(10) == 0 {
            std::thread::sleep(Duration::from_micros(chance.below(4_000)));
        }
    })
}

fn follow(store: &Store, seen: &mut Vec<Changed>, at_once: usize) {
    let after = seen.last().map(|change: &Changed| change.cursor).unwrap_or_default();
    seen.extend(store.changes(after, at_once).unwrap());
}

#[test]
fn with_24_writers_a_reader_misses_nothing_and_sees_one_order() {
    both("the feed under 24 writers", |place| {
        let store = Store::open_with(&place.address, slow()).unwrap();
        let store = &store;
        let readers: Vec<Vec<Changed>> = std::thread::scope(|scope| {
            let readers: Vec<_> = [1, 7, 500]
                .into_iter()
                .map(|at_once| {
                    scope.spawn(move || {
                        let mut seen = Vec::new();
                        let until = Instant::now() + Duration::from_secs(60);
                        // On PostgreSQL a change may be held back by whoever writes on the server,
                        // never left out.
                        while (seen.len() as u64) < WRITERS * EACH * 2 && Instant::now() < until {
                            follow(store, &mut seen, at_once);
                        }
                        seen
                    })
                })
                .collect();
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    scope.spawn(move || {
                        for number in 0..EACH {
                            let number = writer * 1_000 + number * 2;
                            let changes = vec![numbered(number), numbered(number + 1)];
                            let batch = Batch { changes, ..Batch::default() };
                            assert!(matches!(store.commit(batch), Ok(Outcome::Done(_))));
                        }
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        let all = feed(store, usize::try_from(WRITERS * EACH * 2).unwrap());
        let ids: BTreeSet<[u8; 16]> = all.iter().map(|change| change.id).collect();
        assert_eq!(ids.len() as u64, WRITERS * EACH * 2);
        for seen in readers {
            assert!(seen == all, "{} of {} seen, or in another order", seen.len(), all.len());
        }
        // What one batch made stands together.
        for pair in all.chunks(2) {
            assert_eq!(pair[0].leaf[7] + 1, pair[1].leaf[7]);
        }
    });
}

#[test]
fn a_change_knows_its_leaf_once_it_is_sequenced() {
    both("leaf indices", |place| {
        let store = place.open();
        for number in 0..10 {
            done(store.commit(one(numbered(number))).unwrap());
        }
        assert_eq!(store.sequenced().unwrap(), Sequenced::default());
        let all = feed(&store, 10);
        // The ledger has 5 entries of its own first, and 2 between.
        let mut from = Sequenced { leaves: 5, cursor: Cursor::default() };
        for (range, more) in [(0..3, 2), (3..4, 0), (4..9, 0)] {
            let count = range.len() as u64;
            let to = Sequenced { leaves: from.leaves + count, cursor: all[range.end - 1].cursor };
            let also = vec![Also::Sequenced { from, to }];
            store.commit(Batch { also, ..Batch::default() }).unwrap();
            assert_eq!(store.sequenced().unwrap(), to);
            from = Sequenced { leaves: to.leaves + more, ..to };
        }
        let indices: Vec<Option<u64>> =
            all.iter().map(|change| index_of(&store, change.cursor)).collect();
        let expected = [5, 6, 7, 10, 11, 12, 13, 14, 15].map(Some);
        assert_eq!(indices[..9], expected);
        assert_eq!(indices[9], None, "it waits");
        let rest = store.changes(store.sequenced().unwrap().cursor, 100).unwrap();
        assert_eq!(rest, all[9..]);
    });
}

/// The index of a change's leaf, if no entry of the ledger's own stands between.
fn index_of(store: &Store, cursor: Cursor) -> Option<u64> {
    store.leaf_place(cursor).unwrap().map(|place| place.first + place.nth)
}
