//! Why data cannot be used.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

/// Why data cannot be used. The texts name file, row or line, expectation, finding and remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A file or folder is not there.
    #[error("data file missing: expected {path}{note}; hint: {hint}")]
    Missing {
        /// Which.
        path: PathBuf,
        /// Where it is asked for, or what would do as well; begins with a blank, or is empty.
        note: String,
        /// The remedy.
        hint: &'static str,
    },
    /// A file is there and cannot be read.
    #[error("data file {path} cannot be read: {reason}; hint: check its permissions and the disk")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file does not hold what its format demands.
    #[error("data file {path} is truncated or corrupt: expected {expected}, found {found}; hint: {hint}")]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What its format or its partner demands.
        expected: String,
        /// What it holds, with its line or row where it has one.
        found: String,
        /// The remedy.
        hint: &'static str,
    },
    /// Decoded images cannot be kept.
    #[error("decoded images cannot be written to {path}: {reason}; hint: {HINT_UNWRITABLE}")]
    Unwritable {
        /// The cache file or its folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The data are not those of the sweep's other outcomes.
    #[error(
        "data set {source_name} in {path} differs from the one this sweep was begun with: expected digest {expected}, \
         found {found}; hint: {HINT_OTHER}"
    )]
    OtherDigest {
        /// The data set.
        source_name: String,
        /// Its folder.
        path: PathBuf,
        /// Digest of the first outcome.
        expected: String,
        /// Digest of these files.
        found: String,
    },
    /// The recipe asks for what this data set does not have.
    #[error("{0}")]
    Setting(String),
    /// The watcher said so.
    #[error("stopped")]
    Stopped,
}

/// Remedy for the four IDX files.
pub(crate) const HINT_IDX: &str = "`deploy/setup.sh --data-only` (or `make setup`) fetches Fashion-MNIST; --data-dir \
                                   or SWEEPER_DATA_DIR names another folder";
/// Remedy for every other data set.
pub(crate) const HINT_OWN: &str = "unpack the data set there; --data-dir or SWEEPER_DATA_DIR names another data \
                                   directory, `data.path` another folder in it";
/// Remedy for a damaged file.
pub(crate) const HINT_CORRUPT: &str = "delete the file and fetch it again";
/// Remedy for what a person wrote or arranged.
pub(crate) const HINT_MEND: &str = "correct it, or fetch the data set again";
const HINT_UNWRITABLE: &str = "free space there, or make `.cache` in the data directory writable";
// A new sweep reuses earlier outcomes, and with the first of them their digest: another name alone changes nothing.
const HINT_OTHER: &str = "give every worker the files that the sweep began with, or begin anew: another --out for \
                          `sweeper run`, or `--no-reuse` and another name";

impl DataError {
    /// The worker's documented exit code. `None` where no other process would fare better or worse: a setting that
    /// does not fit the data, and a stop.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        match self {
            Self::Missing { .. } => Some(20),
            Self::Unreadable { .. } | Self::Corrupt { .. } => Some(21),
            Self::OtherDigest { .. } => Some(22),
            Self::Unwritable { .. } => Some(31),
            Self::Setting(_) | Self::Stopped => None,
        }
    }

    /// A file that its writer damaged.
    pub(crate) fn corrupt(path: impl Into<PathBuf>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), expected: expected.into(), found: found.into(), hint: HINT_CORRUPT }
    }

    /// A table or folder that a person can correct.
    pub(crate) fn malformed(path: impl Into<PathBuf>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), expected: expected.into(), found: found.into(), hint: HINT_MEND }
    }

    /// What the system said when a file or folder was opened or read. `note` says where it is asked for.
    pub(crate) fn reading(path: impl Into<PathBuf>, note: &str, error: &io::Error) -> Self {
        let path = path.into();
        match error.kind() {
            ErrorKind::NotFound => Self::Missing { path, note: note.to_owned(), hint: HINT_OWN },
            _ => Self::Unreadable { path, reason: error.to_string() },
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
