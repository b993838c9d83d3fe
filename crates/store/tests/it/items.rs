//! Versions of items, and when a batch is not written.

use countersign_store::batch::{Also, Batch, Precondition, Token};
use countersign_store::items::{Among, Filter};
use countersign_store::{Outcome, Store};

use crate::place::{both, change, done, feed, one, put};

fn conflict(noun: &str, id: &str) -> Outcome {
    Outcome::Conflict { noun: noun.to_owned(), id: id.to_owned() }
}

#[test]
fn a_version_succeeds_the_newest_and_nothing_is_overwritten() {
    both("versions of items", |place| {
        let store = place.open();
        let first = done(store.commit(one(change(1, put("grant", "g", None, "asked")))).unwrap());
        let second =
            done(store.commit(one(change(2, put("grant", "g", Some(first), "active")))).unwrap());
        assert!(second > first);
        let stale = store.commit(one(change(3, put("grant", "g", Some(first), "ended")))).unwrap();
        assert_eq!(stale, conflict("grant", "g"));
        let again = store.commit(one(change(4, put("grant", "g", None, "asked")))).unwrap();
        assert_eq!(again, conflict("grant", "g"), "it exists already");
        let none = store.commit(one(change(5, put("grant", "h", Some(first), "ended")))).unwrap();
        assert_eq!(none, conflict("grant", "h"), "there is none to succeed");

        let versions = store.versions("grant", "g").unwrap();
        let seen: Vec<_> =
            versions.iter().map(|item| (item.rev, item.until_rev, item.state.as_str())).collect();
        assert_eq!(seen, [(first, Some(second), "asked"), (second, None, "active")]);
        assert_eq!(store.item("grant", "g").unwrap().as_ref(), versions.last());
        assert_eq!(store.item("grant", "h").unwrap(), None);
        assert_eq!(store.made_by(second).unwrap(), versions[1..]);
        let acts = store.changes_of("grant", "g", None, 10).unwrap();
        let ids: Vec<[u8; 16]> = acts.iter().map(|change| change.id).collect();
        assert_eq!(ids, [[2; 16], [1; 16]], "the newest first, and only what was written");
        let before = store.changes_of("grant", "g", Some(second), 10).unwrap();
        assert_eq!(before.len(), 1);
    });
}

#[test]
fn what_a_version_says_is_read_back_byte_by_byte() {
    both("columns of items", |place| {
        let store = place.open();
        let full = countersign_store::batch::Put {
            organization: Some("ö".to_owned()),
            sponsor: Some("'; drop table item; --".to_owned()),
            about: Some(String::new()),
            parent: Some("p".to_owned()),
            ends: Some(-1),
            body: "{\"é\":\"\\u0000 \u{10ffff}\"}".to_owned(),
            process: "[]".to_owned(),
            digest: [255; 32],
            salt: None,
            ..put("identity", "x", None, "active")
        };
        let rev = done(store.commit(one(change(1, full.clone()))).unwrap());
        let item = store.item("identity", "x").unwrap().unwrap();
        assert_eq!(item.rev, rev);
        assert_eq!(item.organization, full.organization);
        assert_eq!(item.sponsor, full.sponsor);
        assert_eq!(item.about, full.about);
        assert_eq!(item.parent, full.parent);
        assert_eq!(item.ends, full.ends);
        assert_eq!(item.body, full.body);
        assert_eq!(item.process, full.process);
        assert_eq!((item.digest, item.salt), (full.digest.to_vec(), None));
    });
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    both("whole batches", |place| {
        let store = place.open();
        let also = vec![Also::Meta { name: "seen".to_owned(), value: "1".to_owned() }];
        let changes =
            vec![change(1, put("a", "x", None, "s")), change(2, put("a", "y", Some(99), "s"))];
        let outcome = store.commit(Batch { changes, also, ..Batch::default() }).unwrap();
        assert_eq!(outcome, conflict("a", "y"));
        assert_eq!(store.item("a", "x").unwrap(), None);
        assert_eq!(store.meta("seen").unwrap(), None);
        assert!(store.changes(<_>::default(), 10).unwrap().is_empty());
        done(store.commit(one(change(1, put("a", "x", None, "s")))).unwrap());
    });
}

#[test]
fn a_decision_holds_only_for_what_it_was_made_on() {
    both("preconditions", |place| {
        let store = place.open();
        let rev = done(store.commit(one(change(1, put("sponsor", "ann", None, "s")))).unwrap());
        let read = |id: &str, rev| Precondition { noun: "sponsor".into(), id: id.into(), rev };
        let based_on = |reads: Vec<Precondition>, id: u8, name: &str| Batch {
            reads,
            ..one(change(id, put("grant", name, None, "s")))
        };
        for (at, (reads, fits)) in [
            (vec![read("ann", Some(rev))], true),
            (vec![read("bob", None)], true),
            (vec![read("ann", None)], false),
            (vec![read("ann", Some(rev + 1))], false),
            (vec![read("bob", Some(rev))], false),
            (vec![read("ann", Some(rev)), read("bob", Some(rev))], false),
        ]
        .into_iter()
        .enumerate()
        {
            let number = u8::try_from(at).unwrap() + 10;
            let outcome =
                store.commit(based_on(reads.clone(), number, &number.to_string())).unwrap();
            assert_eq!(matches!(outcome, Outcome::Done(_)), fits, "{reads:?}: {outcome:?}");
        }
    });
}

/// Two that each see that the other's item is not there must not both go through.
#[test]
fn what_was_not_there_is_not_there_when_it_is_decided_on() {
    both("absence as a precondition", |place| {
        let store = place.open();
        for round in 0..20_u8 {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            let batch = |id: u8, mine: &str, other: &str| Batch {
                reads: vec![Precondition { noun: "k".into(), id: other.into(), rev: None }],
                ..one(change(id, put("k", mine, None, "s")))
            };
            let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
                let (store, a, b, batch) = (&store, &a, &b, &batch);
                let threads = [
                    scope.spawn(move || store.commit(batch(2 * round + 1, a, b)).unwrap()),
                    scope.spawn(move || store.commit(batch(2 * round + 2, b, a)).unwrap()),
                ];
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let done = outcomes.iter().filter(|one| matches!(one, Outcome::Done(_))).count();
            assert!(done <= 1, "round {round}: {outcomes:?}");
        }
    });
}

#[test]
fn the_same_act_given_twice_is_written_once_with_all_that_goes_with_it() {
    both("acts given twice", |place| {
        let store = place.open();
        let token = |hash: u8| Token {
            hash: vec![hash],
            kind: "code".to_owned(),
            principal: "member:ann".to_owned(),
            scope: "{}".to_owned(),
            made: 0,
            ends: 100,
            tries_left: Some(1),
            revoked: None,
        };
        let made = vec![Also::Token(token(1))];
        let first = Batch { also: made, ..one(change(1, put("m", "ann", None, "s"))) };
        let rev = done(store.commit(first.clone()).unwrap());
        assert_eq!(done(store.commit(first).unwrap()), rev);
        let used = vec![Also::UseToken { hash: vec![1], at: 5 }];
        let second = Batch { also: used, ..one(change(2, put("m", "ann", Some(rev), "t"))) };
        let rev = done(store.commit(second.clone()).unwrap());
        assert_eq!(done(store.commit(second).unwrap()), rev, "used once, and answered twice");
        assert_eq!(store.token(&[1]).unwrap().unwrap().tries_left, Some(0));
        assert_eq!(store.versions("m", "ann").unwrap().len(), 2);
        assert_eq!(feed(&store, 2).len(), 2);
    });
}

fn ids(store: &Store, filter: &Filter) -> Vec<String> {
    store.page("grant", filter).unwrap().into_iter().map(|item| item.id).collect()
}

#[test]
fn pages_follow_each_other_in_the_order_of_bytes_and_are_filtered() {
    both("pages", |place| {
        let store = place.open();
        // A server's language may sort these in another way.
        let names = ["B", "Z-1", "_x", "a", "a b", "ab", "b", "é", "ﬀ"];
        for (at, name) in names.iter().rev().enumerate() {
            let number = u8::try_from(at).unwrap();
            let organization = Some(if number.is_multiple_of(2) { "even" } else { "odd" }.into());
            let put = countersign_store::batch::Put {
                organization,
                ..put("grant", name, None, "active")
            };
            done(store.commit(one(change(number, put))).unwrap());
        }
        let all = Filter { limit: 500, ..Filter::default() };
        assert_eq!(ids(&store, &all), names);
        let mut paged = Vec::new();
        loop {
            let after = paged.last().cloned().unwrap_or_default();
            let page = ids(&store, &Filter { after, limit: 2, ..Filter::default() });
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, names);
        let even = Filter { organization: Some("even".to_owned()), ..all.clone() };
        assert_eq!(ids(&store, &even), ["B", "_x", "a b", "b", "ﬀ"]);
        let both = Filter { state: Some("ended".to_owned()), ..even };
        assert!(ids(&store, &both).is_empty());
        let mut seen = Vec::new();
        store
            .each_item(|_, id, _, _, _| {
                seen.push(id.to_owned());
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, names);
        let many = countersign_store::batch::Change {
            puts: names.iter().rev().map(|name| put("path", name, None, "s")).collect(),
            ..change(99, put("path", "", None, "s"))
        };
        let rev = done(store.commit(one(many)).unwrap());
        let made: Vec<String> = store.made_by(rev).unwrap().into_iter().map(|i| i.id).collect();
        assert_eq!(made, names, "the leaf of many is made again in this order");
        let counts = store.counts().unwrap();
        assert_eq!(counts[0], ("grant".to_owned(), "active".to_owned(), 9));
    });
}

#[test]
fn what_ends_is_found_by_its_end() {
    both("ends", |place| {
        let store = place.open();
        for (at, (name, ends, state)) in [
            ("late", Some(300), "active"),
            ("early", Some(100), "active"),
            ("never", None, "active"),
            ("over", Some(150), "expired"),
        ]
        .into_iter()
        .enumerate()
        {
            let put = countersign_store::batch::Put { ends, ..put("grant", name, None, state) };
            done(store.commit(one(change(u8::try_from(at).unwrap(), put))).unwrap());
        }
        let found = |after, until| -> Vec<String> {
            store.ending(after, until, 10).unwrap().into_iter().map(|item| item.id).collect()
        };
        assert_eq!(found(0, 1000), ["early", "late"]);
        assert_eq!(found(100, 300), ["late"], "after one instant, up to and with the other");
        assert!(found(300, 1000).is_empty());
        let page = |filter: &Filter, now| -> Vec<String> {
            let page = store.page_run_out("grant", filter, now).unwrap();
            page.into_iter().map(|item| item.id).collect()
        };
        let all = Filter { limit: 9, ..Filter::default() };
        assert_eq!(page(&all, 300), ["early", "late"]);
        assert_eq!(page(&all, 299), ["early"]);
        assert_eq!(page(&Filter { after: "early".to_owned(), ..all.clone() }, 300), ["late"]);
        assert!(store.page_run_out("identity", &all, 300).unwrap().is_empty());
        let among = |states: &[&str], until_end: &[&str], now| {
            let owned = |states: &[&str]| states.iter().map(|state| (*state).to_owned()).collect();
            let among = Among { states: owned(states), until_end: owned(until_end), now };
            ids(&store, &Filter { among: Some(among), ..all.clone() })
        };
        assert_eq!(
            among(&["active", "suspended"], &["expired"], 149),
            ["early", "late", "never", "over"]
        );
        assert_eq!(among(&["active"], &["expired"], 150), ["early", "late", "never"]);
        assert!(among(&[], &[], 0).is_empty());
        let state = Some("expired".to_owned());
        assert_eq!(ids(&store, &Filter { state, ..all.clone() }), ["over"]);
    });
}
