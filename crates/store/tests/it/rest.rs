//! Tokens, messages, answers.

use countersign_store::batch::{Also, Batch, Message, Token};
use countersign_store::{Outcome, Store};

use crate::place::both;

fn token(hash: u8, ends: i64, tries_left: Option<i64>) -> Token {
    Token {
        hash: vec![hash, 0, 255],
        kind: "code".to_owned(),
        principal: "member:ann".to_owned(),
        scope: "{\"role\":\"owner\"}".to_owned(),
        made: i64::from(hash),
        ends,
        tries_left,
        revoked: None,
    }
}

fn also(store: &Store, also: Also) -> Outcome {
    store.commit(Batch { also: vec![also], ..Batch::default() }).unwrap()
}

#[test]
fn a_token_works_until_its_end_its_tries_or_its_revocation() {
    both("tokens", |place| {
        let store = place.open();
        for token in [token(1, 100, Some(2)), token(2, 100, None), token(3, 100, None)] {
            assert_eq!(also(&store, Also::Token(token)), Outcome::Done(Vec::new()));
        }
        let try_at = |hash: u8, at: i64| {
            let outcome = also(&store, Also::UseToken { hash: vec![hash, 0, 255], at });
            matches!(outcome, Outcome::Done(_))
        };
        assert!(try_at(1, 99));
        assert!(!try_at(1, 100), "at its end it has ended");
        assert!(try_at(1, 0));
        assert!(!try_at(1, 0), "it had two tries");
        assert!((0..9).all(|at| try_at(2, at)));
        assert!(!try_at(9, 0), "there is none");
        also(&store, Also::RevokeToken { hash: vec![3, 0, 255], at: 7 });
        also(&store, Also::RevokeToken { hash: vec![3, 0, 255], at: 8 });
        assert!(!try_at(3, 0));
        let kept = store.token(&[3, 0, 255]).unwrap().unwrap();
        assert_eq!(kept, Token { revoked: Some(7), ..token(3, 100, None) }, "the first time stays");
        let hashes: Vec<u8> =
            store.tokens("member:ann", "code").unwrap().iter().map(|token| token.hash[0]).collect();
        assert_eq!(hashes, [3, 2, 1], "the newest first");
        assert!(store.tokens("member:bob", "code").unwrap().is_empty());
        also(&store, Also::Prune { before: 101 });
        assert_eq!(store.token(&[3, 0, 255]).unwrap(), None);
    });
}

#[test]
fn many_at_once_use_a_token_no_more_often_than_it_allows() {
    both("one token used by many", |place| {
        let store = place.open();
        also(&store, Also::Token(token(1, 100, Some(3))));
        let used: usize = std::thread::scope(|scope| {
            let one = || {
                let outcome = also(&store, Also::UseToken { hash: vec![1, 0, 255], at: 0 });
                usize::from(matches!(outcome, Outcome::Done(_)))
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(used, 3);
        assert_eq!(store.token(&[1, 0, 255]).unwrap().unwrap().tries_left, Some(0));
    });
}

#[test]
fn a_message_is_sent_once_or_tried_again_or_given_up() {
    both("outbox", |place| {
        let store = place.open();
        let message = |id: &str, at| Message {
            id: id.to_owned(),
            kind: "mail".to_owned(),
            target: "ann".to_owned(),
            body: "{}".to_owned(),
            at,
        };
        for one in [message("b", 10), message("a", 10), message("c", 30), message("a", 99)] {
            also(&store, Also::Outbox(one));
        }
        let due = |at| -> Vec<(String, i64)> {
            let waiting = store.messages_due(at, 10).unwrap();
            waiting.into_iter().map(|one| (one.message.id, one.tries)).collect()
        };
        let known = |list: &[(&str, i64)]| -> Vec<(String, i64)> {
            list.iter().map(|(id, tries)| ((*id).to_owned(), *tries)).collect()
        };
        assert!(due(9).is_empty());
        assert_eq!(due(10), known(&[("a", 0), ("b", 0)]));
        let tried = |id: &str, next_at, error: Option<&str>| {
            let error = error.map(str::to_owned);
            also(&store, Also::Tried { id: id.to_owned(), at: 11, next_at, error });
        };
        tried("a", None, None);
        tried("b", Some(40), Some("no answer"));
        assert_eq!(due(40), known(&[("c", 0), ("b", 1)]));
        tried("b", None, Some("given up"));
        assert_eq!(due(i64::MAX), known(&[("c", 0)]));
    });
}

#[test]
fn what_is_remembered_is_remembered_once() {
    both("answers and what was told", |place| {
        let store = place.open();
        assert!(!store.was_told("k").unwrap());
        also(&store, Also::Told { key: "k".to_owned(), at: 1 });
        also(&store, Also::Told { key: "k".to_owned(), at: 2 });
        assert!(store.was_told("k").unwrap());
        for (digest, answer) in [(1, "one"), (2, "two")] {
            let (key, answer) = ("r".to_owned(), answer.to_owned());
            also(&store, Also::Answer { key, digest: vec![digest], at: 5, answer });
        }
        let answered = store.answered("r").unwrap().unwrap();
        assert_eq!((answered.digest, answered.answer.as_str()), (vec![1], "one"));
        for value in ["1", "2"] {
            also(&store, Also::Meta { name: "n".to_owned(), value: value.to_owned() });
        }
        assert_eq!(store.meta("n").unwrap().as_deref(), Some("2"));
        also(&store, Also::Prune { before: 6 });
        assert_eq!(store.answered("r").unwrap(), None);
    });
}
