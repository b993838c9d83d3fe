//! What only one engine would take is refused by both, and a store that fails says so.

use countersign_store::batch::Batch;
use countersign_store::{Outcome, StoreError};

use crate::place::{both, change, done, one, put};

#[test]
fn a_text_that_one_engine_cannot_hold_is_refused_by_both_and_nothing_stops() {
    both("texts with a NUL", |place| {
        let store = place.open();
        let mut bad = change(1, put("grant", "g", None, "active"));
        bad.why = Some("a\0b".to_owned());
        assert!(matches!(store.commit(one(bad)), Err(StoreError::Text)));
        let bad = change(1, put("grant", "g\0", None, "active"));
        assert!(matches!(store.commit(one(bad)), Err(StoreError::Text)));
        assert!(!store.has_stopped());
        assert_eq!(store.item("grant", "g\0").unwrap(), None, "there cannot be one");
        done(store.commit(one(change(1, put("grant", "g", None, "active")))).unwrap());
    });
}

#[test]
fn an_empty_batch_is_nothing() {
    both("empty batches", |place| {
        let store = place.open();
        assert_eq!(store.commit(Batch::default()).unwrap(), Outcome::Done(Vec::new()));
    });
}

#[test]
fn sessions_that_the_server_ended_are_opened_again() {
    both("ended sessions", |place| {
        let store = place.open();
        done(store.commit(one(change(1, put("grant", "g", None, "active")))).unwrap());
        let Some(server) = &place.server else { return };
        let countersign_store::Address::Postgres(countersign_store::Secret(url)) = &place.address
        else {
            return;
        };
        server.run(
            url,
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name = 'countersign' and datname = current_database()",
        );
        assert!(store.item("grant", "g").unwrap().is_some(), "a read is asked again");
        server.run(
            url,
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name = 'countersign' and datname = current_database()",
        );
        let again = store.commit(one(change(2, put("grant", "h", None, "active")))).unwrap();
        done(again);
    });
}
