//! State directories that cannot be used: every one gets its own error.

use super::{SETTINGS, spec};
use crate::store::{DATABASE, Store, StoreError};
use std::{fs, os::unix::fs::PermissionsExt as _};
use sweeper_core::{ids::Millis, scheduler::Scheduler, spec::Pairing};

fn error(result: Result<Store, StoreError>) -> StoreError {
    result.map(|store| store.path).unwrap_err()
}

#[test]
fn a_new_state_directory_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("some/where");
    drop(Store::open(&state).unwrap());
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(Store::open(&state).unwrap().load_records().unwrap().is_empty());
}

#[test]
fn a_store_keeps_its_name_and_no_other_has_it() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = Store::open(one.path()).unwrap().name().to_owned();
    assert_eq!(name.len(), 32);
    assert_eq!(Store::open(one.path()).unwrap().name(), name);
    assert_ne!(Store::open(two.path()).unwrap().name(), name);
}

#[test]
fn two_coordinators_cannot_share_a_directory_but_readers_may_look() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Store::open(dir.path()).unwrap();
    assert!(matches!(error(Store::open(dir.path())), StoreError::InUse { .. }));
    let mut scheduler = Scheduler::new(SETTINGS);
    scheduler.submit(Millis(1), spec("a", 1, Pairing::Common, &[("a", 3)]), false, Vec::new()).unwrap();
    first.commit(&scheduler.take_records()).unwrap();
    let reader = Store::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.load_records().unwrap().len(), 1);
    let refused = Store::open_read_only(dir.path()).unwrap().commit(&reader.load_records().unwrap());
    assert!(matches!(refused, Err(StoreError::NotWritable { .. })));
    drop(first);
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path()).unwrap().conn.pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(dir.path().join(DATABASE)).unwrap();
    let supported = super::super::schema::SUPPORTED;
    for opened in [Store::open(dir.path()), Store::open_read_only(dir.path())] {
        match error(opened) {
            StoreError::NewerVersion { found: 99, supported: s, .. } => assert_eq!(s, supported),
            other => panic!("{other}"),
        }
    }
    assert_eq!(fs::read(dir.path().join(DATABASE)).unwrap(), before);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    assert!(matches!(error(Store::open(&file)), StoreError::NotWritable { path, .. } if path == file));
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // Whoever may do everything (root) can write there all the same.
    if fs::write(closed.join("probe"), "").is_err() {
        assert!(matches!(error(Store::open(&closed)), StoreError::NotWritable { .. }));
    }
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE);
    fs::write(&path, "anything but a database ".repeat(500)).unwrap();
    assert!(matches!(error(Store::open(dir.path())), StoreError::Corrupt { .. }));
    assert!(matches!(error(Store::open_read_only(dir.path())), StoreError::Corrupt { .. }));
    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert!(matches!(error(Store::open(dir.path())), StoreError::Corrupt { .. }));
    let theirs = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(theirs.query_row("SELECT count(*) FROM theirs", [], |row| row.get(0)), Ok(0));
}

#[test]
fn reading_where_there_is_nothing_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(error(Store::open_read_only(dir.path())), StoreError::Missing { .. }));
    assert!(matches!(error(Store::open_read_only(&dir.path().join("nowhere"))), StoreError::Missing { .. }));
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn damaged_rows_are_corruption_not_a_crash() {
    let changes = [
        "UPDATE sweeps SET pairing = 'odd'",
        "UPDATE sweeps SET seed = 'many'",
        "UPDATE sweeps SET analysis = '{'",
        "UPDATE sweeps SET submitted_ms = -1",
    ];
    for change in changes {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let mut scheduler = Scheduler::new(SETTINGS);
        scheduler.submit(Millis(1), spec("a", 1, Pairing::Common, &[("a", 3)]), false, Vec::new()).unwrap();
        store.commit(&scheduler.take_records()).unwrap();
        store.conn.execute_batch(change).unwrap();
        assert!(matches!(store.load_records(), Err(StoreError::Corrupt { .. })), "{change}");
    }
}
