//! Versions of the database and the way from each to the next.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior, backup::Backup};
use std::{path::Path, time::Duration};

/// `PRAGMA application_id` of our databases: the bytes `swpr`.
const APPLICATION_ID: i32 = 0x7377_7072;

/// Step n turns a database of schema n into one of schema n + 1. Only ever append.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
];

/// Pages of a copy between two looks at whether the original changed.
const COPIED_PAGES: i32 = 1_000;

/// The schema number that this version writes, `PRAGMA user_version`.
pub(super) const SUPPORTED: u32 = MIGRATIONS.len() as u32;

/// The schema number of a database, 0 for an empty one.
///
/// # Errors
/// [`StoreError::NewerVersion`], [`StoreError::Corrupt`] for another program's database, and errors of reading it.
pub(super) fn check(conn: &Connection, dir: &Path, path: &Path) -> Result<u32, StoreError> {
    let of = |e| StoreError::of(path, e);
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(of)?;
    let tables: u32 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(of)?;
    if application != APPLICATION_ID && !(application == 0 && tables == 0) {
        return Err(StoreError::Corrupt { path: path.to_owned(), reason: "it belongs to another program".to_owned() });
    }
    if found > SUPPORTED {
        return Err(StoreError::NewerVersion { path: dir.to_owned(), found, supported: SUPPORTED });
    }
    Ok(found)
}

/// A copy in memory of a database of an earlier schema, brought to [`SUPPORTED`]: for reading what must not be changed.
pub(super) fn migrated_copy(conn: &Connection, from: u32) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open_in_memory()?;
    Backup::new(conn, &mut copy)?.run_to_completion(COPIED_PAGES, Duration::ZERO, None)?;
    migrate(&mut copy, from)?;
    Ok(copy)
}

/// Brings the database to [`SUPPORTED`], all steps in one transaction.
pub(super) fn migrate(conn: &mut Connection, from: u32) -> rusqlite::Result<()> {
    if from == SUPPORTED {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(from as usize) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SUPPORTED)?;
    tx.commit()
}
