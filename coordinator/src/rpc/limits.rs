//! Bounds on what the wire may bring. Whoever passes one is told its name and value. The bound on trials of a sweep is
//! one of the sweep file, so that it also holds for `sweeper plan` without a coordinator.

/// Identifiers: process ids, slots, nodes, devices, versions, digests; bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// Name of a metric; bytes.
pub const MAX_METRIC_NAME_BYTES: usize = 128;
/// Error of a failed attempt, reasons; bytes. What is longer loses its end.
pub const MAX_TEXT_BYTES: usize = 4 << 10;
/// Log lines of a failed attempt; bytes. What is longer loses its beginning.
pub const MAX_LOG_TAIL_BYTES: usize = 16 << 10;
/// Leases that one worker may hold.
pub const MAX_CAPACITY: u32 = 1_024;
/// Attempts in one heartbeat.
pub const MAX_PROGRESS: usize = 2 * MAX_CAPACITY as usize;
/// Reports in one call.
pub const MAX_REPORTS: usize = 4_096;
/// Numbers in one outcome: what the recipe's own check allows. With names as long as the trainer's, so many also fit into
/// one message of [`sweeper_proto::MAX_MESSAGE_BYTES`].
pub const MAX_METRICS: usize = sweeper_recipe::MOST_NUMBERS;
/// Splits of which an outcome tells the images that were right.
pub const MAX_PREDICTIONS: usize = 8;
/// Images in all of them together: 1.25 MB of bits.
pub const MAX_PREDICTION_ROWS: u64 = 10_000_000;
/// Counts of steps: what a double can hold exactly.
pub const MAX_STEPS: u64 = 1 << 53;
/// A sweep file; bytes.
pub const MAX_SWEEP_FILE_BYTES: usize = 1 << 20;
/// Overrides of a sweep file.
pub const MAX_OVERRIDES: usize = 1_000;
/// Message of a refused call: it travels in a header; bytes.
pub const MAX_MESSAGE_HEADER_BYTES: usize = 3 << 10;
/// A piece of results; bytes.
pub const RESULTS_CHUNK_BYTES: usize = 1 << 20;
