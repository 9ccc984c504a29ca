//! `SweepResults`: everything that a report or an export is computed from, one value, read from the store and sent to
//! clients as JSON. Order is stable: configs in sweep order, trials by (config, replicate), metrics by (name, epoch, final or not).

use serde::{Deserialize, Serialize};
use sweeper_core::{
    record::{Metric, Provenance, Stopped},
    spec::SweepSpec,
};

/// Version of the JSON form of [`SweepResults`].
pub const RESULTS_SCHEMA: u32 = 1;

/// A sweep with all its trials as they are now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepResults {
    /// [`RESULTS_SCHEMA`].
    pub schema: u32,
    /// `s7`.
    pub sweep: String,
    /// What was asked.
    pub spec: SweepSpec,
    /// `running`, `finished` or `cancelled`.
    pub state: String,
    /// When it was submitted, milliseconds since the Unix epoch.
    pub submitted_ms: u64,
    /// When the last trial closed; none while open.
    pub closed_ms: Option<u64>,
    /// Why it was cancelled; none unless it was, or when an older version wrote this.
    #[serde(default)]
    pub cancel_reason: Option<String>,
    /// Version of the coordinator that wrote this.
    pub software_version: String,
    /// Digests of the data that outcomes were observed on, by data key.
    pub data_digests: Vec<(String, String)>,
    /// One per planned trial, ordered by (config, replicate).
    pub trials: Vec<TrialResult>,
    /// One per attempt, ordered by (config, replicate, attempt).
    pub attempts: Vec<AttemptResult>,
    /// Repeated outcomes that did not equal the accepted one: determinism failures.
    pub unequal_repeats: u32,
    /// Repeated outcomes in all.
    pub repeats: u32,
    /// Looks taken by the stopping rule, in their order; none for a fixed design. The end of the plan is one of them. What
    /// they decided does not depend on the order in which trials ended.
    #[serde(default)]
    pub looks: Vec<LookResult>,
    /// Whether a sweep made them.
    #[serde(default)]
    pub origin: Origin,
    /// How a file was read where that is not plain, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether results were made by the plan that they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// By a sweep, whose plan was stored before its first trial ran.
    #[default]
    Sweep,
    /// No: they were read from a file.
    File,
    /// No: they are those of two sweeps, each with a plan of its own.
    Comparison,
}

/// One look at the results so far of a stratum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookResult {
    /// Name of the stratum; empty when the sweep has none.
    pub stratum: String,
    /// Replicates 0 to this less 1 entered, of all configs that were not decided before.
    pub replicates: u32,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Open trials that it made superfluous.
    pub cancelled: u32,
    /// Configs that it decided, ascending.
    pub stopped: Vec<Stopped>,
}

/// One planned trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Index into `spec.configs`.
    pub config: u32,
    /// Index of the replicate.
    pub replicate: u32,
    /// Its seed.
    pub seed: u64,
    /// `Pending`, `Leased`, `Finished`, `Abandoned` or `Cancelled`.
    pub state: String,
    /// For a finished trial: `completed`, or `diverged: WHAT` with the reason.
    pub ending: Option<String>,
    /// Every number observed, ordered by (name, epoch, `is_final`); empty unless finished.
    pub metrics: Vec<Metric>,
    /// How the accepted outcome was made. In a box, for files of a million rows know nothing of it.
    pub provenance: Option<Box<Provenance>>,
    /// `s3/c1/r0` when the outcome was taken from an earlier sweep.
    pub reused_from: Option<String>,
    /// The last error of an abandoned trial.
    pub last_error: Option<String>,
    /// A look decided its config at fewer replicates, so it belongs to no planned analysis. If it had not run by then it
    /// is `Cancelled`, and not missing; if it had, its outcome is there and must be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

/// One attempt; everything that depends on the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptResult {
    /// Index into `spec.configs`.
    pub config: u32,
    /// Index of the replicate.
    pub replicate: u32,
    /// From 1.
    pub attempt: u32,
    /// `w3`.
    pub worker: String,
    /// Machine.
    pub node: String,
    /// `cpu:0`.
    pub device: String,
    /// Milliseconds since the Unix epoch.
    pub granted_ms: u64,
    /// None while open.
    pub ended_ms: Option<u64>,
    /// `open`, `completed`, `diverged`, `expired`, `worker_left`, `failed`, `released`, `superseded` or `cancelled`.
    pub end: String,
    /// For `failed`: the error.
    pub error: Option<String>,
}
