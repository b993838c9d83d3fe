//! Appending, reading, repeating, releasing, erasing, the reserve.

use std::time::Duration;

use countersign_journal::{Journal, JournalError, Options};
use countersign_testkit::Folder;

use crate::{all, number, open, options, record};

#[test]
fn records_have_their_seqs_and_are_there_after_opening_again() {
    let folder = Folder::new("life");
    let mut seqs = Vec::new();
    for round in 0..4 {
        let journal = open(folder.path());
        assert_eq!(journal.epoch(), round + 1);
        let tickets: Vec<_> =
            (0..100).map(|n| journal.append(&record(round * 100 + n), None)).collect();
        seqs.extend(tickets.into_iter().map(|ticket| ticket.wait().unwrap()));
    }
    assert_eq!(seqs, (0..400).collect::<Vec<u64>>());
    let journal = open(folder.path());
    let read = all(&journal);
    assert!(read.iter().all(|stored| number(stored) == stored.seq));
    assert_eq!(read.len(), 400);
    let from: Vec<u64> = journal.read_from(250).map(|stored| stored.unwrap().seq).collect();
    assert_eq!(from, (250..400).collect::<Vec<u64>>());
    let stored = &read[33];
    let opening = stored.opening.as_ref().unwrap();
    assert_eq!((opening.salt, &opening.body), (record(33).salt, &record(33).body));
}

#[test]
fn repeats_in_a_group_are_counted_exactly() {
    let folder = Folder::new("life");
    let journal = open(folder.path());
    let tickets: Vec<_> = (0..3_000_u64)
        .map(|n| (n % 3, journal.append(&record(n % 3), Some([(n % 3) as u8; 16]))))
        .collect();
    let seqs: Vec<_> = tickets.into_iter().map(|(n, ticket)| (n, ticket.wait().unwrap())).collect();
    let read = all(&journal);
    for wanted in 0..3 {
        let counted: u32 =
            read.iter().filter(|one| number(one) == wanted).map(|one| one.count).sum();
        assert_eq!(counted, 1_000);
    }
    assert!(read.len() < 3_000);
    for (wanted, seq) in seqs {
        assert_eq!(
            number(&read[usize::try_from(seq).unwrap()]),
            wanted,
            "its ticket is of another"
        );
    }
}

#[test]
fn the_second_writer_is_refused_and_so_are_too_many_and_too_long_records() {
    let folder = Folder::new("life");
    let few = Options { waiting_max: 10, ..options() };
    let (journal, _) = Journal::open(folder.path(), &few).unwrap();
    let second = Journal::open(folder.path(), &few).unwrap_err();
    assert!(matches!(second, JournalError::Locked(_)), "{second}");
    let tickets: Vec<_> = (0..5_000).map(|n| journal.append(&record(n), None)).collect();
    let (mut taken, mut busy) = (0, 0);
    for ticket in tickets {
        match ticket.wait() {
            Ok(_) => taken += 1,
            Err(JournalError::Busy(_)) => busy += 1,
            Err(other) => unreachable!("{other}"),
        }
    }
    assert!(taken >= 10 && busy > 0, "{taken} taken, {busy} refused");
    assert_eq!(all(&journal).len(), taken);
    let mut long = record(1);
    long.body = vec![b' '; 20 << 10];
    let error = journal.append(&long, None).wait().unwrap_err();
    assert!(matches!(error, JournalError::TooLong { .. }), "{error}");
}

#[test]
fn what_was_shipped_is_released_and_nothing_else() {
    let folder = Folder::new("life");
    let journal = open(folder.path());
    for n in 0..500 {
        let _ = journal.append(&record(n), None).wait().unwrap();
    }
    assert_eq!(journal.release(400).unwrap(), 0, "nothing was shipped");
    journal.shipped(300).unwrap();
    let first = journal.release(400).unwrap();
    assert!(first > 200 && first <= 300, "{first}");
    let error = journal.read_from(0).next().unwrap().unwrap_err();
    assert!(matches!(error, JournalError::Released { seq: 0, .. }), "{error}");
    assert!(matches!(journal.shipped(501), Err(JournalError::Lost { .. })));
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(journal.range(), (first, 500));
    assert_eq!(all(&journal).len() as u64, 500 - first);
}

#[test]
fn an_erased_record_keeps_its_place_and_its_row() {
    let folder = Folder::new("life");
    let journal = open(folder.path());
    for n in 0..200 {
        let _ = journal.append(&record(n), None).wait().unwrap();
    }
    journal.append_reserve(&record(3)).unwrap();
    let is_meant = |stored: &countersign_journal::Stored| {
        let body = &stored.opening.as_ref().unwrap().body;
        body.windows(10).any(|part| part == b"\"person-3\"")
    };
    assert_eq!(journal.blank(is_meant).unwrap(), 30, "29 of 200, and one of the reserve");
    assert_eq!(journal.blank(is_meant).unwrap(), 0);
    let check = |journal: &Journal| {
        let read = all(journal);
        assert_eq!(read.len(), 200);
        for (n, stored) in (0..).zip(&read) {
            assert_eq!((number(stored), stored.opening.is_none()), (n, n % 7 == 3));
        }
    };
    check(&journal);
    drop(journal);
    check(&open(folder.path()));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(10).any(|part| part == b"\"person-3\""));
    }
}

#[test]
fn the_reserve_is_read_apart_and_renewed_when_it_was_shipped() {
    let folder = Folder::new("life");
    let journal = open(folder.path());
    let mut written = 0;
    let full = loop {
        match journal.append_reserve(&record(written)) {
            Ok(seq) => assert_eq!(seq, written),
            Err(error) => break error,
        }
        written += 1;
    };
    assert!(matches!(full, JournalError::ReserveFull(_)), "{full}");
    assert!(written > 20);
    drop(journal);
    let journal = open(folder.path());
    let read: Vec<_> = journal.read_reserve(0).map(Result::unwrap).collect();
    assert_eq!(read.len() as u64, written);
    assert!(read.iter().all(|stored| stored.is_reserve && number(stored) == stored.seq));
    assert!(!journal.renew_reserve(written - 1).unwrap());
    assert!(journal.renew_reserve(written).unwrap());
    assert_eq!(journal.append_reserve(&record(written)).unwrap(), written);
    drop(journal);
    let journal = open(folder.path());
    let read: Vec<_> = journal.read_reserve(written).map(Result::unwrap).collect();
    assert_eq!(read.len(), 1);
    assert!(all(&journal).is_empty());
}

#[test]
fn a_ticket_is_awaited_without_a_runtime() {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let folder = Folder::new("life");
    let journal = open(folder.path());
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    for n in 0..50 {
        let mut ticket = std::pin::pin!(journal.append(&record(n), None));
        let seq = loop {
            match ticket.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => break result.unwrap(),
                Poll::Pending => std::thread::park_timeout(Duration::from_secs(20)),
            }
        };
        assert_eq!(seq, n);
    }
}
