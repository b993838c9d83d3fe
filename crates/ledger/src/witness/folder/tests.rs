use super::*;
use crate::checkpoint::Checkpoint;
use crate::folder::tests::Temporary;
use crate::note::SigningKey;
use crate::witness::request_body;

fn note(key: &SigningKey, size: u64, root: u8) -> String {
    let origin = key.public().name().to_owned();
    Checkpoint { origin, size, root: [root; 32] }.sign(key)
}

#[test]
fn a_witness_that_is_opened_again_knows_what_it_cosigned() {
    let folder = Temporary::new();
    let key = init(folder.path(), "witness.example", [1; 32]).unwrap();
    let log = SigningKey::from_seed("example.com/log", [2; 32]).unwrap();
    watch(folder.path(), "example.com/log", log.public()).unwrap();

    let mut witness = WitnessFolder::open(folder.path()).unwrap();
    assert_eq!(witness.witness().key(), &key);
    let body = request_body(0, &[], &note(&log, 3, 3));
    let lines = witness.add_checkpoint(body.as_bytes(), 10).unwrap();
    assert!(matches!(WitnessFolder::open(folder.path()), Err(WitnessError::Locked(_))));
    drop(witness);

    let mut witness = WitnessFolder::open(folder.path()).unwrap();
    assert_eq!(witness.witness().logs().collect::<Vec<_>>(), [("example.com/log", Some(3))]);
    let refused = witness.add_checkpoint(request_body(0, &[], &note(&log, 3, 4)).as_bytes(), 11);
    assert!(matches!(refused, Err(Refusal::Conflict(3))));
    let same = witness.add_checkpoint(request_body(3, &[], &note(&log, 3, 3)).as_bytes(), 10);
    assert_eq!(same.unwrap(), lines);
}

#[test]
fn a_log_added_while_it_serves_is_taken_up() {
    let folder = Temporary::new();
    init(folder.path(), "witness.example", [1; 32]).unwrap();
    let mut witness = WitnessFolder::open(folder.path()).unwrap();
    let log = SigningKey::from_seed("sum.example", [2; 32]).unwrap();
    let signed = Checkpoint { origin: "sum of all".into(), size: 1, root: [1; 32] }.sign(&log);
    let body = request_body(0, &[], &signed);
    let unknown = witness.add_checkpoint(body.as_bytes(), 10);
    assert!(matches!(unknown, Err(Refusal::UnknownLog(_))));
    watch(folder.path(), "sum of all", log.public()).unwrap();
    watch(folder.path(), "sum of all", log.public()).unwrap();
    witness.add_checkpoint(body.as_bytes(), 10).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join(LOGS)).unwrap().matches("vkey").count(), 1);
}

#[test]
fn a_key_is_never_replaced_and_a_damaged_state_is_refused() {
    let folder = Temporary::new();
    assert!(WitnessFolder::open(folder.path()).is_err(), "no witness yet");
    init(folder.path(), "witness.example", [1; 32]).unwrap();
    let again = init(folder.path(), "witness.example", [2; 32]);
    assert!(matches!(again, Err(WitnessError::Exists(_))));

    let log = SigningKey::from_seed("example.com/log", [2; 32]).unwrap();
    watch(folder.path(), "example.com/log", log.public()).unwrap();
    let mut witness = WitnessFolder::open(folder.path()).unwrap();
    witness.add_checkpoint(request_body(0, &[], &note(&log, 3, 3)).as_bytes(), 10).unwrap();
    drop(witness);
    let state = fs::read_dir(folder.path().join(STATE)).unwrap().next().unwrap().unwrap().path();
    fs::write(state.with_extension("new"), "cut off").unwrap();
    WitnessFolder::open(folder.path()).unwrap();
    fs::write(&state, note(&log, 3, 3)).unwrap();
    assert!(matches!(WitnessFolder::open(folder.path()), Err(WitnessError::State { .. })));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Temporary::new();
    init(folder.path(), "witness.example", [1; 32]).unwrap();
    let key = folder.path().join(KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(WitnessFolder::open(folder.path()), Err(WitnessError::Key(_))));
}
