//! The images: read once per process, checked, kept as bytes.
//!
//! Map: `idx` the file format · `dataset` a whole data set, its digest and the library of a process · `unbalance` the
//! unbalanced column and the splits it makes.

mod dataset;
mod idx;
mod unbalance;

use std::path::PathBuf;

pub(crate) use dataset::hex;
pub use dataset::{DataSet, Images, Library};
pub use idx::{IdxImages, read_images, read_labels};
pub use unbalance::{Column, Split, Splits, log_proportions, proportions};

/// Why data cannot be used. The texts name file, expectation, finding and remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A file is not there.
    #[error("data file missing: expected {path} (or the same name without .gz); hint: {HINT_MISSING}")]
    Missing {
        /// The compressed name.
        path: PathBuf,
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
    #[error("data file {path} is truncated or corrupt: expected {expected}, found {found}; hint: {HINT_CORRUPT}")]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What its format or its partner demands.
        expected: String,
        /// What it holds.
        found: String,
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
}

const HINT_MISSING: &str = "`deploy/setup.sh --data-only` (or `make setup`) fetches Fashion-MNIST; --data-dir or \
                            SWEEPER_DATA_DIR names another folder";
// A new sweep reuses earlier outcomes, and with the first of them their digest: another name alone changes nothing.
const HINT_OTHER: &str = "give every worker the files that the sweep began with, or begin anew: another --out for \
                          `sweeper run`, or `--no-reuse` and another name";
const HINT_CORRUPT: &str = "delete the file and fetch it again";

impl DataError {
    /// The worker's documented exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } => 20,
            Self::Unreadable { .. } | Self::Corrupt { .. } => 21,
            Self::OtherDigest { .. } => 22,
        }
    }
}
