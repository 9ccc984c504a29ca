//! Stores of earlier versions.

use super::{SETTINGS, bits, info, outcome, spec, work};
use crate::store::{DATABASE, Store, schema};
use rusqlite::Connection;
use std::{fs, path::Path};
use sweeper_core::{
    ids::{Millis, SweepId},
    scheduler::Scheduler,
    spec::Pairing,
};

/// A store with a finished sweep, and what a restart reads from it; then the same as the first version had it.
fn first_version(dir: &Path) -> String {
    let mut store = Store::open(dir).unwrap();
    let mut scheduler = Scheduler::new(SETTINGS);
    // Twins with one seed, as it was then.
    let mut old = spec("old", 1, Pairing::Independent, &[("a", 2), ("a", 2)]);
    old.configs.iter_mut().for_each(|c| (c.training_digest, c.twins_before) = (String::new(), 0));
    scheduler.submit(Millis(1), old, false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(1), info("process", "slot"));
    let without = |value| sweeper_core::record::Outcome { predictions: Vec::new(), ..outcome(value, "data") };
    work(&mut scheduler, 2, worker, 3, |grant| without(f64::from(grant.id.trial.replicate)));
    store.commit(&scheduler.take_records()).unwrap();
    let facts = serde_json::to_string(&store.load_records().unwrap()).unwrap();
    store
        .conn
        .execute_batch(
            "DROP TABLE stops; DROP TABLE looks; DROP TABLE predictions; ALTER TABLE configs DROP COLUMN variant;
             ALTER TABLE configs DROP COLUMN twins_before; ALTER TABLE configs DROP COLUMN training_digest; PRAGMA user_version = 1;",
        )
        .unwrap();
    facts
}

fn version(dir: &Path) -> u32 {
    let conn = Connection::open(dir.join(DATABASE)).unwrap();
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date_and_works_on() {
    let dir = tempfile::tempdir().unwrap();
    let facts = first_version(dir.path());
    assert_eq!(version(dir.path()), 1);
    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!(serde_json::to_string(&store.load_records().unwrap()).unwrap(), facts);
    let mut scheduler = Scheduler::restore(SETTINGS, store.load_records().unwrap(), Millis(5)).unwrap();
    scheduler.submit(Millis(5), spec("new", 2, Pairing::Common, &[("b", 1)]), false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(5), info("another", "slot"));
    // The trial that was left is run with the seed that its row has.
    let grants = scheduler.acquire(Millis(5), worker, 2).unwrap();
    let left = grants.iter().find(|grant| grant.id.trial.sweep == SweepId(1)).unwrap();
    let id = left.id.trial;
    let results = store.results(SweepId(1)).unwrap();
    let row = results.trials.iter().find(|t| (t.config, t.replicate) == (id.config, id.replicate)).unwrap();
    assert_eq!(left.seed, row.seed);
    assert_eq!(results.trials[0].seed, results.trials[2].seed, "twins");
    work(&mut scheduler, 6, worker, 9, |_| outcome(7.0, "data"));
    store.commit(&scheduler.take_records()).unwrap();
    assert_eq!(store.predictions(SweepId(2), (0, 0), 1).unwrap().trials[0].predictions[1], bits("balanced", 7.0));
    drop(store);
    assert_eq!(version(dir.path()), schema::SUPPORTED);
}

#[test]
fn a_store_of_the_first_version_is_read_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let facts = first_version(dir.path());
    // Leave no log behind: everything is in the file.
    Connection::open(dir.path().join(DATABASE)).unwrap().pragma_update(None, "journal_mode", "delete").unwrap();
    let before = fs::read(dir.path().join(DATABASE)).unwrap();
    let store = Store::open_read_only(dir.path()).unwrap();
    assert_eq!(serde_json::to_string(&store.load_records().unwrap()).unwrap(), facts);
    assert_eq!(store.results(SweepId(1)).unwrap().trials.len(), 4);
    assert!(store.predictions(SweepId(1), (0, 0), 1).unwrap().trials.is_empty());
    assert_eq!(fs::read(dir.path().join(DATABASE)).unwrap(), before);
    assert_eq!(version(dir.path()), 1);
}
