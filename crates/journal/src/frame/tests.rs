use super::*;

fn record(number: u8) -> Record {
    let body = vec![number; usize::from(number)];
    Record { row: vec![number; 3], salt: [number; 32], body, count: 1 }
}

#[test]
fn a_frame_is_read_as_it_was_written_and_no_changed_bit_passes() {
    let mut frame = Gathering::default();
    for number in 0..5 {
        let record = record(number);
        frame.push(&record, body_crc(&record.salt, &record.body));
    }
    assert!(frame.count_again(2, 6));
    let hash = frame.finish([7; 16], 3, 100, [9; 32]);
    let bytes = frame.bytes().to_vec();
    let read = Frame::read(&bytes).unwrap();
    assert_eq!((read.hash, read.head.base, read.head.end()), (hash, 100, Some(105)));
    assert_eq!(read.records[2].count, 7);
    for (number, read) in (0..).zip(&read.records) {
        let record = record(number);
        assert_eq!(read.row, record.row);
        assert_eq!(read.opening, Some((&record.salt, record.body.as_slice())));
    }
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Frame::read(&bytes).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Frame::read(&bytes[..length]).is_err());
    }
}

#[test]
fn an_erased_record_keeps_its_frame_whole_and_its_hash() {
    let mut frame = Gathering::default();
    let record = record(9);
    frame.push(&record, body_crc(&record.salt, &record.body));
    let hash = frame.finish([7; 16], 3, 0, [0; 32]);
    let mut bytes = frame.bytes().to_vec();
    let read = Frame::read(&bytes).unwrap();
    let (state, length) = (read.records[0].state_at, read.records[0].opening_bytes);
    bytes[state..state + 4].copy_from_slice(&GONE);
    assert!(Frame::read(&bytes).unwrap().records[0].is_half_erased);
    bytes[state + 4..state + 4 + length].fill(0);
    let read = Frame::read(&bytes).unwrap();
    assert_eq!(
        (read.hash, read.records[0].opening, read.records[0].row),
        (hash, None, &[9; 3][..])
    );
    assert!(!read.records[0].is_half_erased);
    bytes[state..state + 4].fill(0);
    assert!(Frame::read(&bytes).is_err(), "zeros where nothing was written are no erasure");
}
