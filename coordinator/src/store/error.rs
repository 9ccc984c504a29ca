//! Why the store cannot do what it was asked.

use rusqlite::{ErrorCode, ffi};
use std::{io, path::PathBuf};
use sweeper_core::ids::SweepId;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another coordinator holds the state directory.
    #[error("state directory {} is in use by another coordinator", path.display())]
    InUse {
        /// The state directory.
        path: PathBuf,
    },
    /// The state directory was written by a newer version.
    #[error(
        "state directory {} was written by a newer version of sweeper (schema {found}, this version knows up to {supported})",
        path.display()
    )]
    NewerVersion {
        /// The state directory.
        path: PathBuf,
        /// Its schema number.
        found: u32,
        /// The largest number that this version understands.
        supported: u32,
    },
    /// The state directory or a file in it cannot be written (or made).
    #[error("cannot write to {}: {source}", path.display())]
    NotWritable {
        /// What cannot be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to read.
    #[error("there is no sweeper state in {}", path.display())]
    Missing {
        /// The state directory.
        path: PathBuf,
    },
    /// A file that is not our database, or a damaged one.
    #[error("{} is damaged, or not a database of sweeper: {reason}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk, or its quota, is used up. Nothing of the last transaction was stored, everything before it is.
    #[error("no space left for {}", path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Anything else that SQLite complains of.
    #[error("the database {} failed: {source}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// The sweep is not there.
    #[error("there is no sweep {0}")]
    UnknownSweep(SweepId),
}

impl StoreError {
    /// Sorts an error of SQLite into ours. `path` is the database.
    pub(super) fn of(path: &std::path::Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let corrupt = |error: &rusqlite::Error| Self::Corrupt { path: path.clone(), reason: error.to_string() };
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::Full { path },
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => corrupt(&error),
                // The constraint that failed is one between facts, which the core keeps: the tables were changed.
                ErrorCode::ConstraintViolation => corrupt(&error),
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    Self::NotWritable { path, source: io::Error::other(error.to_string()) }
                }
                ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_CORRUPTFS => corrupt(&error),
                _ => Self::Failed { path, source: error },
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::StatementChangedRows(_)
            | rusqlite::Error::QueryReturnedNoRows => corrupt(&error),
            _ => Self::Failed { path, source: error },
        }
    }
}
