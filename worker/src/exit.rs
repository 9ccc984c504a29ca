//! Exit codes of `sweeper-worker`. Both executables use the same numbers; `docs/exit-codes.md` documents them all.

/// Everything was done, or the worker was asked to leave and left.
pub const OK: u8 = 0;
/// An error that nobody foresaw.
pub const INTERNAL: u8 = 1;
/// The command line is wrong, or names a device that does not exist.
pub const USAGE: u8 = 2;
/// A data set is missing.
pub const DATA_MISSING: u8 = 20;
/// A data file is truncated or corrupt.
pub const DATA_CORRUPT: u8 = 21;
/// The data are not those that the sweep began with.
pub const DATA_DIFFERS: u8 = 22;
/// The state folder cannot be written.
pub const NOT_WRITABLE: u8 = 31;
/// Coordinator and worker are of different versions.
pub const VERSION_MISMATCH: u8 = 32;
/// Another live worker fills the same slot.
pub const STATE_IN_USE: u8 = 34;
/// The worker executable cannot be started.
pub const CANNOT_START: u8 = 43;

/// Whether a child that ended with this code must not be started again: it would end the same way.
#[must_use]
pub fn is_fatal(code: u8) -> bool {
    matches!(code, USAGE | DATA_MISSING..=DATA_DIFFERS | VERSION_MISMATCH)
}

/// Whether a child can only end with this code at its start, over something that mends itself at times: an old process
/// that still dies, a disk that is full. It is tried again, but not for ever.
#[must_use]
pub fn is_about_start(code: u8) -> bool {
    matches!(code, NOT_WRITABLE | STATE_IN_USE)
}

/// The end of `sweeper-worker --help`.
pub const HELP: &str = "\
Exit codes:
   0  done, or left when asked to
   1  internal error
   2  wrong command line, or no such device
  20  data missing
  21  data truncated or corrupt
  22  data differ from those the sweep began with
  31  state folder not writable
  32  coordinator of another version
  34  another worker fills this slot
  43  worker process cannot be started

Examples:
  sweeper-worker --coordinator http://10.0.0.5:7733
  sweeper-worker --coordinator http://127.0.0.1:7733 --devices cpu:2 --idle-exit 60
  sweeper-worker --coordinator http://10.0.0.5:7733 --devices 0,1 --data-dir /data/sweeper
  sweeper-worker model xse-resnext18
";
