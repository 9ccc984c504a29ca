//! The facts on disk: SQLite in a state directory, in relational tables that any tool may query (see
//! `migrations/0001.sql`).
//!
//! Map: `schema` versions and migrations · `write` facts to rows · `load` rows to facts · `outcomes` accepted outcomes
//! with their numbers · `looks` looks of stopping rules · `predictions` which images were right · `results` all that is known of a sweep · `reuse` outcomes
//! of equal trials · `error`.
//!
//! Write-ahead log, `synchronous = FULL`: what [`Store::commit`] answered `Ok` survives `kill -9` and power loss.

mod error;
mod load;
mod looks;
mod outcomes;
mod predictions;
mod results;
mod reuse;
mod schema;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub use error::StoreError;
pub use predictions::{PredictionsPage, TrialPredictions};
pub use results::StoredAttempt;
pub use reuse::Reusable;

use crate::results::SweepResults;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::{
    fs::{DirBuilder, File, TryLockError},
    io::{self, Write as _},
    ops::Range,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use sweeper_core::{
    ids::{SweepId, TrialId},
    record::Record,
    scheduler::ReusedOutcome,
    spec::SweepSpec,
};

/// Name of the database in the state directory.
const DATABASE: &str = "sweeper.sqlite";
/// Name of the file whose lock keeps a second coordinator out.
const LOCK: &str = "lock";
/// What the lock file holds once the database beside it was made.
const IN_USE: &[u8] = b"Whoever holds the lock of this file runs the coordinator on this folder.\n";
/// How often, and with what pauses, the lock is tried.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(30);
/// How long a statement waits for another process that reads or checks the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open state directory.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    dir: PathBuf,
    path: PathBuf,
    /// Random, made with the database.
    name: String,
    /// Facts stored so far; the next fact gets this number plus one.
    facts: i64,
    /// Held as long as the store is open for writing.
    _lock: Option<File>,
}

impl Store {
    /// Opens a state directory for a coordinator, and makes it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another coordinator has it, [`StoreError::NotWritable`], [`StoreError::NewerVersion`],
    /// [`StoreError::Corrupt`], [`StoreError::Full`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| not_writable(dir, e))?;
        let mut lock = lock(dir)?;
        let path = dir.join(DATABASE);
        let of = |e| StoreError::of(&path, e);
        // A database that was there and is empty now was emptied; SQLite would take it for a new one.
        let known = lock.metadata().is_ok_and(|m| m.len() > 0);
        let empty = |path: &Path| path.metadata().map_or(0, |m| m.len()) == 0;
        if known && empty(&path) && empty(&dir.join(format!("{DATABASE}-wal"))) {
            let reason = "it is missing or empty, and was not so before".to_owned();
            return Err(StoreError::Corrupt { path, reason });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(&path, flags).map_err(of)?;
        conn.busy_timeout(BUSY_TIMEOUT).map_err(of)?;
        let found = schema::check(&conn, dir, &path)?;
        set_up(&conn).map_err(of)?;
        schema::migrate(&mut conn, found).map_err(of)?;
        let (name, facts) = identity(&conn).map_err(of)?;
        if !known {
            lock.write_all(IN_USE).and_then(|()| lock.sync_all()).map_err(|e| not_writable(dir, e))?;
        }
        Ok(Self { conn, dir: dir.to_owned(), path, name, facts, _lock: Some(lock) })
    }

    /// Opens a state directory for reading only, whether a coordinator runs on it or not. Takes no lock.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is none, [`StoreError::NewerVersion`], [`StoreError::Corrupt`].
    pub fn open_read_only(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        let of = |e| StoreError::of(&path, e);
        if !path.is_file() {
            return Err(StoreError::Missing { path: dir.to_owned() });
        }
        let conn = match read_only(&path, "") {
            // A folder that we must not write to has no room for the shared index of a write-ahead log. Without a
            // log nobody is writing, so the file may be read as it is.
            Err(_) if !dir.join(format!("{DATABASE}-wal")).exists() => read_only(&path, "&immutable=1"),
            opened => opened,
        }
        .map_err(of)?;
        let conn = match schema::check(&conn, dir, &path)? {
            0 => return Err(StoreError::Missing { path: dir.to_owned() }),
            schema::SUPPORTED => conn,
            earlier => schema::migrated_copy(&conn, earlier).map_err(of)?,
        };
        let (name, facts) = identity(&conn).map_err(of)?;
        Ok(Self { conn, dir: dir.to_owned(), path, name, facts, _lock: None })
    }

    /// Whether a coordinator runs on a state directory now.
    #[must_use]
    pub fn is_served(dir: &Path) -> bool {
        let lock = File::open(dir.join(LOCK));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A random name that the database got when it was made. Ids of two stores look alike; with it they do not.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stores facts, all or none, in one transaction. When this returns `Ok` they are durable.
    ///
    /// # Errors
    /// [`StoreError::Full`] and others; then nothing of `records` is stored, and everything before still is.
    pub fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        self.try_commit(records).map_err(|e| StoreError::of(&self.path, e))
    }

    fn try_commit(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut fact = self.facts;
        for record in records {
            fact += 1;
            write::record(&tx, fact, record)?;
        }
        tx.prepare_cached("UPDATE store SET facts = ?1 WHERE id = 1")?.execute([fact])?;
        tx.commit()?;
        self.facts = fact;
        Ok(())
    }

    /// All facts in the order in which they were decided, rebuilt from the tables.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a table holds what no fact can have written, and errors of reading.
    pub fn load_records(&self) -> Result<Vec<Record>, StoreError> {
        self.read(load::records)
    }

    /// Everything known of a sweep.
    ///
    /// # Errors
    /// [`StoreError::UnknownSweep`], and errors of reading.
    pub fn results(&self, sweep: SweepId) -> Result<SweepResults, StoreError> {
        self.read(|conn| results::results(conn, sweep))?.ok_or(StoreError::UnknownSweep(sweep))
    }

    /// Predictions of a sweep's trials in the order of (config, replicate), from the first trial at or after `from`, up to
    /// about `bytes` of them; those of a trial whose outcome was taken over are those of the trial that ran.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn predictions(&self, sweep: SweepId, from: (u32, u32), bytes: usize) -> Result<PredictionsPage, StoreError> {
        self.read(|conn| predictions::page(conn, sweep, from, bytes))
    }

    /// The attempts of one trial, oldest first; empty if there is no such trial.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn attempts(&self, trial: TrialId) -> Result<Vec<StoredAttempt>, StoreError> {
        self.read(|conn| results::attempts(conn, trial))
    }

    /// Trials of `spec` for which an outcome of an equal trial is there: equal recipe digest, seed and trainer
    /// version, observed in any sweep. Where the data behind one data key changed over time, only outcomes on the
    /// data seen last count. Ordered by (config, replicate).
    ///
    /// # Errors
    /// Errors of reading.
    pub fn reusable_trials(&self, spec: &SweepSpec, trainer_version: &str) -> Result<Vec<Reusable>, StoreError> {
        self.read(|conn| reuse::trials(conn, spec, trainer_version))
    }

    /// [`Store::reusable_trials`] with their outcomes. Diverged outcomes are outcomes like others; `from` is always
    /// the trial that really ran.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn reusable(&self, spec: &SweepSpec, trainer_version: &str) -> Result<Vec<ReusedOutcome>, StoreError> {
        self.read(|conn| reuse::outcomes(conn, spec, trainer_version))
    }

    /// The sweeps that were taken by a coordinator of another trainer version, oldest first.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn sweeps_of_other_trainers(&self, trainer_version: &str) -> Result<Vec<SweepId>, StoreError> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT sweep FROM sweeps WHERE trainer_version <> ?1 ORDER BY sweep")?;
            statement.query_map([trainer_version], |row| row.get(0).map(SweepId))?.collect()
        })
    }

    /// Mean seconds of training and evaluation over all outcomes of a recipe; none if there are none.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn trial_seconds(&self, recipe_digest: &str) -> Result<Option<f64>, StoreError> {
        self.read(|conn| reuse::trial_seconds(conn, recipe_digest))
    }

    /// Final values of a metric of a config's completed trials within `replicates`: (replicate, value), ascending; a
    /// value that is no number is NaN.
    ///
    /// # Errors
    /// Errors of reading.
    pub fn final_values(
        &self,
        sweep: SweepId,
        config: u32,
        replicates: Range<u32>,
        metric: &str,
    ) -> Result<Vec<(u32, f64)>, StoreError> {
        self.read(|conn| looks::final_values(conn, (sweep, config), replicates, metric))
    }

    /// Reads a consistent view: other processes may write meanwhile.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let read = || {
            let tx = self.conn.unchecked_transaction()?;
            query(&tx)
        };
        read().map_err(|e| StoreError::of(&self.path, e))
    }
}

fn not_writable(path: &Path, source: io::Error) -> StoreError {
    StoreError::NotWritable { path: path.to_owned(), source }
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| not_writable(&path, e))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A process that its owner was just starting can hold it for a moment after the owner is gone.
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(e)) => return Err(not_writable(&path, e)),
        }
    }
    Err(StoreError::InUse { path: dir.to_owned() })
}

fn set_up(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn read_only(path: &Path, parameters: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(format!("file:{}?mode=ro{parameters}", percent_encoded(path)), flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    // The file is only touched by the first statement.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(conn)
}

/// A path as part of a URI: everything but letters, digits and `/._-` escaped.
fn percent_encoded(path: &Path) -> String {
    use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _};
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// Name of the store, and how many facts it holds.
fn identity(conn: &Connection) -> rusqlite::Result<(String, i64)> {
    conn.query_row("SELECT name, facts FROM store", [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// A 64-bit count as SQLite keeps it. The wire refuses numbers beyond 2^53, so nothing is cut here.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
