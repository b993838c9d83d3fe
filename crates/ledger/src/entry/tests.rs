use proptest::prelude::*;

use super::*;

fn handle() -> impl Strategy<Value = Handle> {
    any::<[u8; 16]>().prop_map(Handle)
}

fn code() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["exact", "grant.expired", "a-b_c", "use.without_grant", "unknown"])
}

fn row() -> impl Strategy<Value = Row<'static>> {
    let handles = (handle(), handle(), prop::array::uniform4(prop::option::of(handle())));
    let codes = (code(), code(), prop::option::of(code()), prop::option::of(code()));
    let reasons = prop::collection::btree_set(code(), 0..5);
    (any::<i64>(), handles, codes, reasons, any::<Hash>()).prop_map(
        |(time, (event, tenant, [actor, holder, grant, sponsor]), codes, reasons, body)| {
            let (actor_grade, holder_grade, gap, outcome) = codes;
            Row {
                time,
                event,
                tenant,
                actor,
                holder,
                grant,
                sponsor,
                actor_grade,
                holder_grade,
                gap,
                outcome,
                reasons: reasons.into_iter().collect(),
                body: Commitment(body),
            }
        },
    )
}

fn entry() -> impl Strategy<Value = Entry<'static>> {
    let batch = (any::<Hash>(), 1..=u16::MAX, any::<i64>(), any::<i64>())
        .prop_map(|(root, count, first, last)| Entry::Batch(Batch { root, count, first, last }));
    let times = (prop::option::of(any::<i64>()), prop::option::of(any::<i64>()));
    let handles = (handle(), handle(), prop::option::of(handle()));
    let finding = (handles, code(), code(), any::<u64>(), times, any::<Hash>()).prop_map(
        |((finding, subject, exception), code, severity, events, (first, last), body)| {
            let body = Commitment(body);
            Entry::Finding(Finding {
                finding,
                code,
                severity,
                subject,
                events,
                first,
                last,
                exception,
                body,
            })
        },
    );
    let digests = prop::array::uniform4(any::<Hash>());
    let run = (code(), digests, any::<u64>(), any::<u64>()).prop_map(
        |(version, [input, register, policies, output], rows, findings)| {
            Entry::Run(Run { version, input, register, policies, output, rows, findings })
        },
    );
    prop_oneof![row().prop_map(Entry::Row), batch, finding, run, governed(), custody(), decision()]
}

fn decision() -> impl Strategy<Value = Entry<'static>> {
    let ids = (any::<i64>(), any::<[u8; 16]>(), any::<i64>(), any::<i64>());
    let handles = (handle(), handle(), prop::array::uniform4(prop::option::of(handle())));
    let codes = (code(), code(), code(), code());
    let reasons = prop::collection::btree_set(code(), 0..5);
    let rest = (any::<Hash>(), 1..=u32::MAX, any::<Hash>());
    (ids, handles, codes, reasons, rest).prop_map(|(ids, handles, codes, reasons, rest)| {
        let (time, id, transaction, seq) = ids;
        let (tenant, application, [subject, grant, sponsor, credential]) = handles;
        let (kind, outcome, answered, mode) = codes;
        let (policies, count, body) = rest;
        Entry::Decision(Decision {
            time,
            id,
            kind,
            tenant,
            application,
            subject,
            grant,
            sponsor,
            credential,
            outcome,
            answered,
            mode,
            reasons: reasons.into_iter().collect(),
            facts: FactsAt { transaction, seq },
            policies,
            count,
            body: Commitment(body),
        })
    })
}

fn governed() -> impl Strategy<Value = Entry<'static>> {
    let handles = (handle(), handle());
    let hashes = (prop::option::of(any::<Hash>()), any::<Hash>());
    let ids = (any::<i64>(), any::<[u8; 16]>());
    (ids, code(), code(), handles, hashes, prop::option::of(1..=u32::MAX)).prop_map(
        |((time, id), verb, noun, (item, by), (before, after), count)| match count {
            Some(count) => {
                Entry::ChangeBatch(ChangeBatch { time, id, by, verb, count, root: after })
            }
            None => {
                let after = Commitment(after);
                Entry::Change(Change { time, id, verb, noun, item, by, before, after })
            }
        },
    )
}

fn custody() -> impl Strategy<Value = Entry<'static>> {
    let ids = (any::<i64>(), any::<[u8; 16]>());
    let handles = (handle(), handle(), prop::option::of(handle()));
    let hashes = (any::<Hash>(), any::<Hash>());
    let numbers = (any::<u64>(), any::<u64>());
    (0..5_u8, ids, (code(), code(), code()), handles, hashes, numbers).prop_map(
        |(kind, (time, id), (verb, noun, why), (what, by, second), (key, root), (number, size))| {
            let signature = [key, root].concat().try_into().unwrap();
            let step = if number % 2 == 0 { HoldStep::Place } else { HoldStep::Release };
            let (subject, keys, bodies) = (what, number, size);
            match kind {
                0 => Entry::KeyRotation(KeyRotation {
                    time,
                    key,
                    why,
                    by: second,
                    second: None,
                    size,
                    root,
                    signature,
                }),
                1 => Entry::Epoch(Epoch { time, number, why, size, root }),
                2 => {
                    Entry::Read(Read { time, id, by, verb, noun, what, count: size, purpose: why })
                }
                3 => {
                    let (order, ground) = (id, why);
                    Entry::Erasure(Erasure { time, order, ground, subject, by, keys, bodies })
                }
                _ => Entry::Hold(Hold { time, id, step, noun, subject, why, by, second }),
            }
        },
    )
}

proptest! {
    #[test]
    fn an_entry_round_trips(entry in entry()) {
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn bytes_that_decode_are_the_encoding_of_what_they_decode_to(
        entry in entry(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = entry.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::decode(&bytes);
        let _ = Entry::decode(&[&[b'c', b's', 1, 1 + bytes.len() as u8 % 13], &bytes[..]].concat());
    }

    #[test]
    fn no_shorter_or_longer_entry_is_accepted(entry in entry()) {
        let bytes = entry.encode().unwrap();
        for length in 0..bytes.len() {
            prop_assert!(Entry::decode(&bytes[..length]).is_err());
        }
        prop_assert!(Entry::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn reasons_are_written_sorted_and_once() {
    let mut row = sample();
    let sorted = Entry::Row(row.clone()).encode();
    row.reasons = vec!["grant.expired", "assurance.low", "grant.expired"];
    assert_eq!(Entry::Row(row).encode(), sorted);
}

#[test]
fn a_code_that_could_hide_text_is_refused() {
    for code in ["", "with space", "ann@example.com", &"a".repeat(65)] {
        let row = Row { actor_grade: code, ..sample() };
        assert_eq!(
            Entry::Row(row).encode(),
            Err(EntryError::Code(code.chars().take(64).collect()))
        );
    }
}

/// The vectors of `docs/ledger-format.md`.
#[test]
fn the_documented_vectors_hold() {
    let document = include_str!("../../../../docs/ledger-format.md");
    for entry in documented() {
        let bytes = entry.encode().unwrap();
        for hex in [crate::note::hex(&bytes), crate::note::hex(&crate::merkle::leaf_hash(&bytes))] {
            assert!(document.contains(&format!("`{hex}`")), "no `{hex}` for {entry:?}");
        }
    }
}

#[test]
fn a_batch_of_no_changes_is_refused() {
    let empty = ChangeBatch {
        time: 0,
        id: [0; 16],
        by: Handle([0; 16]),
        verb: "a",
        count: 0,
        root: [0; 32],
    };
    assert_eq!(Entry::ChangeBatch(empty).encode(), Err(EntryError::Empty));
}

fn documented() -> Vec<Entry<'static>> {
    let [finding, run, batch] = documented_of_a_run();
    let time = 1_767_225_600_000_000_000;
    let (item, by, second) = (Handle([2; 16]), Handle([3; 16]), Some(Handle([4; 16])));
    let (verb, noun) = ("grant.approve", "grant");
    let (before, after) = (Some([5; 32]), Commitment([6; 32]));
    let change = Change { time, id: [1; 16], verb, noun, item, by, before, after };
    let verb = "register.apply";
    let changes = ChangeBatch { time, id: [1; 16], by, verb, count: 3, root: [6; 32] };
    let (why, size, root) = ("planned", 7, [8; 32]);
    let signature = [9; 64];
    let rotation =
        KeyRotation { time, key: [1; 32], why, by: Some(by), second, size, root, signature };
    let epoch = Epoch { time, number: 2, why: "restore", size, root };
    let (verb, noun, purpose) = ("export", "identity", "access.review");
    let read = Read { time, id: [1; 16], by, verb, noun, what: item, count: 7, purpose };
    let ground = "gdpr.17.1.b";
    let erasure = Erasure { time, order: [1; 16], ground, subject: item, by, keys: 1, bodies: 9 };
    let (step, why) = (HoldStep::Release, "litigation");
    let hold = Hold { time, id: [1; 16], step, noun, subject: item, why, by, second };
    vec![
        Entry::Row(sample()),
        batch,
        finding,
        run,
        Entry::Change(change),
        Entry::ChangeBatch(changes),
        Entry::KeyRotation(rotation),
        Entry::Epoch(epoch),
        Entry::Read(read),
        Entry::Erasure(erasure),
        Entry::Hold(hold),
        Entry::Decision(sample_decision()),
    ]
}

fn documented_of_a_run() -> [Entry<'static>; 3] {
    let finding = Finding {
        finding: Handle([6; 16]),
        code: "use.without_grant",
        severity: "high",
        subject: Handle([7; 16]),
        events: 3,
        first: Some(0),
        last: None,
        exception: None,
        body: Commitment([8; 32]),
    };
    let run = Run {
        version: "0.1.0",
        input: [1; 32],
        register: [2; 32],
        policies: [3; 32],
        output: [4; 32],
        rows: 5,
        findings: 6,
    };
    let batch = Batch { root: [9; 32], count: 2, first: 0, last: 1 };
    [Entry::Finding(finding), Entry::Run(run), Entry::Batch(batch)]
}

#[test]
fn a_decision_that_stands_for_none_is_refused() {
    let none = Decision { count: 0, ..sample_decision() };
    assert_eq!(Entry::Decision(none).encode(), Err(EntryError::Empty));
    let mut unsorted = sample_decision();
    unsorted.reasons.reverse();
    assert_eq!(Entry::Decision(unsorted).encode(), Entry::Decision(sample_decision()).encode());
}

fn sample_decision() -> Decision<'static> {
    Decision {
        time: 1_767_225_600_000_000_000,
        id: [1; 16],
        kind: "evaluation",
        tenant: Handle([2; 16]),
        application: Handle([3; 16]),
        subject: Some(Handle([4; 16])),
        grant: None,
        sponsor: None,
        credential: Some(Handle([5; 16])),
        outcome: "step_up",
        answered: "deny",
        mode: "enforce",
        reasons: vec!["assurance.low", "grant.expired"],
        facts: FactsAt { transaction: 0, seq: 42 },
        policies: [6; 32],
        count: 3,
        body: Commitment([7; 32]),
    }
}

fn sample() -> Row<'static> {
    Row {
        time: 1_767_225_600_000_000_000,
        event: Handle([1; 16]),
        tenant: Handle([2; 16]),
        actor: None,
        holder: Some(Handle([3; 16])),
        grant: Some(Handle([4; 16])),
        sponsor: None,
        actor_grade: "unattributed",
        holder_grade: "declared",
        gap: Some("shared_credential"),
        outcome: Some("deny"),
        reasons: vec!["assurance.low", "grant.expired"],
        body: Commitment([5; 32]),
    }
}
