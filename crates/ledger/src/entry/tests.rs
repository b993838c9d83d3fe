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
    prop_oneof![row().prop_map(Entry::Row), batch, finding, run]
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
        let _ = Entry::decode(&[&[b'c', b's', 1, 1 + bytes.len() as u8 % 4], &bytes[..]].concat());
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
    let entries =
        [Entry::Row(sample()), Entry::Batch(batch), Entry::Finding(finding), Entry::Run(run)];
    for entry in entries {
        let bytes = entry.encode().unwrap();
        for hex in [crate::note::hex(&bytes), crate::note::hex(&crate::merkle::leaf_hash(&bytes))] {
            assert!(document.contains(&format!("`{hex}`")), "no `{hex}` for {entry:?}");
        }
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
