use super::*;
use crate::log::tests::row;

#[test]
fn a_batch_is_kept_once_and_another_file_of_its_name_is_refused() {
    let folder = std::env::temp_dir().join(format!("countersign-rows-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(Rows::default().keep(&folder).unwrap(), None);
    let mut rows = Rows::default();
    (0..9).for_each(|number| rows.push(&row(number)).unwrap());
    let batch = rows.keep(&folder).unwrap().unwrap();
    assert_eq!((batch.count, batch.first, batch.last), (9, 0, 8));
    assert_eq!(rows.keep(&folder).unwrap(), Some(batch));
    let path = folder.join(batch_path(&batch.root));
    assert_eq!(crate::bundle::rows(&std::fs::read(&path).unwrap()).flatten().count(), 9);
    std::fs::write(&path, b"csb1").unwrap();
    assert!(matches!(rows.keep(&folder), Err(LogError::OtherBatch(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_full_batch_takes_no_more_and_what_is_no_row_is_refused() {
    let mut rows = Rows::default();
    assert!(matches!(rows.push(b"cs\x01\x01"), Err(LogError::NotARow)));
    assert!(matches!(rows.push(b"cs\x01\x05\0\0\0\0\0\0\0\0"), Err(LogError::NotARow)));
    (0..BATCH_ROWS_MAX as u32).for_each(|number| rows.push(&row(number)).unwrap());
    assert!(matches!(rows.push(&row(0)), Err(LogError::BatchFull)));
}
