//! Where the numbers come from, and what they speak of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Determinism checks: a repeated outcome of a finished trial must equal the accepted one to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Determinism {
    /// Repeated outcomes.
    pub repeats: u32,
    /// Those that were not equal.
    pub unequal: u32,
}

/// Who made the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A sweep: its seeds and workers are known.
    #[default]
    Sweep,
    /// A file of single trainings: nothing is known but their values.
    File,
    /// A published table: nothing is known but means and standard deviations.
    Table,
    /// Two sweeps.
    Comparison,
}

/// Which population the intervals speak of, derived from the recipes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// What differs between replicates.
    pub varies: Vec<String>,
    /// What is the same in all replicates.
    pub fixed: Vec<String>,
}

/// Where the numbers come from. Times are UTC in ISO 8601; seeds are decimal text, for they exceed what JSON readers
/// keep exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Id of the sweep.
    pub sweep: String,
    /// When it was submitted.
    pub submitted: String,
    /// When the last trial closed.
    pub closed: Option<String>,
    /// Seconds between the two.
    pub wall_seconds: Option<f64>,
    /// Seconds of training, summed over the accepted outcomes.
    pub train_seconds: f64,
    /// Seconds of evaluation, summed over the accepted outcomes.
    pub evaluate_seconds: f64,
    /// Version of the coordinator.
    pub software_version: String,
    /// Version that made the report.
    #[serde(default)]
    pub report_version: String,
    /// SHA-256, hex, of `input.json`, which holds all that the report was computed from.
    #[serde(default)]
    pub input_digest: String,
    /// What the recipes ask of repeated trainings: `repro`, equal bits, or `fast`; by config.
    #[serde(default)]
    pub modes: Vec<Tally>,
    /// Versions of the numerics.
    pub trainer_versions: Vec<Tally>,
    /// Numerical libraries.
    pub libraries: Vec<Tally>,
    /// Kinds of device.
    pub devices: Vec<Tally>,
    /// Machines that took attempts.
    pub nodes: Vec<Tally>,
    /// Ends of attempts.
    pub attempt_ends: Vec<Tally>,
    /// Digests of the data, by data key.
    pub data_digests: Vec<(String, String)>,
    /// SHA-256 of the sweep, hex.
    pub spec_digest: String,
    /// Recipes by config.
    pub recipes: Vec<RecipeRecord>,
    /// The sweep's seed.
    pub seed: String,
    /// Seeds of the trials.
    pub seeds: Vec<SeedRecord>,
    /// `key=value` overrides from the command line.
    pub overrides: Vec<String>,
    /// The sweep file as written.
    pub toml: String,
}

/// A text and how many outcomes or attempts carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// The text.
    pub value: String,
    /// How many.
    pub count: usize,
}

/// What one config trains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecipeRecord {
    /// `config`, or `stratum/config`.
    pub config: String,
    /// Digest of what decides its results, hex.
    pub digest: String,
    /// The canonical recipe: what differs from the defaults.
    pub recipe: String,
}

/// Seed of one trial, or of one replicate in all configs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRecord {
    /// `config` or `stratum/config`; none when all configs share it.
    pub config: Option<String>,
    /// Index of the replicate.
    pub replicate: u32,
    /// The seed, decimal.
    pub seed: String,
}
