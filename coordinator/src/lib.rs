//! The coordinator and every user command.
//!
//! Map, in the direction a sweep takes: `cli` one file per command · `sweep_file` TOML text to a checked sweep ·
//! `rpc` tonic services, wire to core and back · `driver` the one thread that owns the scheduler · `query` answers to
//! users, online and offline · `store` SQLite ·
//! `results` all that is known of a sweep, as one value · `predictions` which images its trainings had right, as one
//! value · `feasibility` what a design can show, before it runs · `report` analysis and rendering · `apriori` results as
//! rows of study A's layout, and back · `imports` results from files · `matched` two sweeps as one · `confirm` the
//! best configs again, on fresh seeds · `error` the last layer: exit codes and hints · `telemetry` logs.

pub mod apriori;
pub mod cli;
pub mod confirm;
pub mod driver;
pub mod error;
pub mod feasibility;
pub mod imports;
pub mod matched;
pub mod predictions;
pub mod query;
pub mod report;
pub mod results;
pub mod rpc;
pub mod stopping;
pub mod store;
pub mod sweep_file;
pub mod telemetry;
