//! Folders as they are found.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_register::{LoadError, load};

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(path.join("b/c")).expect("a folder can be made");
    path
}

#[test]
fn a_folder_is_read_whole_in_the_order_of_its_paths() {
    let path = folder("whole");
    fs::write(path.join("a.yml"), "organizations: [{id: o, kind: partner, sponsor: s}]").unwrap();
    fs::write(path.join("b/c/d.yaml"), "sponsors: [{id: s}, {id: s}]").unwrap();
    fs::write(path.join("notes.txt"), "not: a register").unwrap();
    let (register, mistakes) = load(&path).unwrap();
    assert_eq!(register.organizations.len(), 1);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].file.ends_with("b/c/d.yaml"));
    let (register, mistakes) = load(&path.join("a.yml")).unwrap();
    assert_eq!((register.organizations.len(), mistakes.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn symbolic_links_in_a_folder_are_not_followed() {
    let path = folder("links");
    fs::write(path.join("a.yaml"), "company: A").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.join("b.yaml")).unwrap();
    std::os::unix::fs::symlink(&path, path.join("b/again")).unwrap();
    let (register, mistakes) = load(&path).unwrap();
    assert_eq!((register.company.as_deref(), mistakes.len()), (Some("A"), 0));
}

#[test]
fn what_cannot_be_read_is_said() {
    let path = folder("bad");
    assert!(matches!(load(&path), Err(LoadError::Empty(_))));
    assert!(matches!(load(&path.join("none")), Err(LoadError::Read { .. })));
    fs::write(path.join("a.yaml"), b"company: \xff").unwrap();
    assert!(matches!(load(&path), Err(LoadError::NotUtf8(_))));
}
