//! `Analysis`: every number and every sentence of a report, computed once. All formats are renderings of this value,
//! and its JSON form is `report.json`.

use super::losses::Loss;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::{Correction, Direction, Pairing};
use sweeper_stats::{Degenerate, EffectSize, Interval, TTest};

/// Version of the JSON form of [`Analysis`]; raised when a field changes its meaning or goes away.
pub const ANALYSIS_SCHEMA: u32 = 1;

/// Up to this many replicates a result is marked as resting on few.
pub const FEW: usize = 3;

/// A sweep, analysed by the plan that was stored before its first trial ran. What was taken over from earlier sweeps
/// existed before the plan, and `deviations` says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`ANALYSIS_SCHEMA`].
    pub schema: u32,
    /// The sweep's name.
    pub name: String,
    /// `running`, `finished` or `cancelled`.
    pub state: String,
    /// Why it was cancelled; none unless it was and a reason is known.
    #[serde(default)]
    pub cancel_reason: Option<String>,
    /// Whether planned trials are still open or were cancelled: the numbers may change or never become complete.
    pub partial: bool,
    /// How the sweep was to be judged.
    pub plan: Plan,
    /// What became of the planned trials.
    pub counts: Counts,
    /// Every final metric of any config, the primary one first. Tables keep this order.
    pub metrics: Vec<MetricInfo>,
    /// Results, one entry per stratum in sweep order; one unnamed entry when the sweep has no strata.
    pub strata: Vec<Stratum>,
    /// Trials without a usable observation, ordered by (config, replicate).
    pub exceptions: Vec<Exception>,
    /// Where the data differ from the plan, one sentence each.
    pub deviations: Vec<String>,
    /// Repeated outcomes compared with the accepted ones.
    pub determinism: Determinism,
    /// What replicates vary and what they hold fixed.
    pub scope: Scope,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// The plan of analysis, as written in the sweep file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Primary metric.
    pub metric: String,
    /// Which way the primary metric improves.
    pub direction: Direction,
    /// Name of the config that the others of its stratum are compared with.
    pub baseline: String,
    /// Family-wise error rate.
    pub alpha: f64,
    /// Correction inside a family.
    pub correction: Correction,
    /// Coverage of every interval.
    pub confidence: f64,
    /// Whether replicate r has one seed for all configs; it decides the primary test.
    pub pairing: Pairing,
    /// SHA-256 of the plan, hex.
    pub digest: String,
}

/// Numbers of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// In all.
    pub planned: usize,
    /// Finished with finite numbers.
    pub completed: usize,
    /// Finished with NaN or infinity.
    pub diverged: usize,
    /// Given up after failing attempts.
    pub abandoned: usize,
    /// Cancelled before they finished.
    pub cancelled: usize,
    /// Pending or leased.
    pub open: usize,
    /// Completed or diverged in an earlier sweep and taken from there.
    pub reused: usize,
}

/// A final metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// `metric/split`.
    pub name: String,
    /// Whether it is the planned primary one.
    pub primary: bool,
    /// Which way it improves; none when that is not known, and then no verdict says better or worse.
    pub direction: Option<Direction>,
    /// Unit of its values.
    pub unit: Unit,
}

/// Unit of a metric's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// 0 to 100; differences are percentage points.
    Percent,
    /// Natural logarithm.
    Nats,
    /// Unknown.
    None,
}

impl Unit {
    /// Of a value.
    #[must_use]
    pub const fn of_value(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Nats => "nats",
            Self::None => "",
        }
    }

    /// Of a difference of two values.
    #[must_use]
    pub const fn of_difference(self) -> &'static str {
        match self {
            Self::Percent => "pp",
            Self::Nats => "nats",
            Self::None => "",
        }
    }
}

/// Configs that are compared with each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    /// Its name; empty when the sweep has none.
    pub name: String,
    /// Its configs in sweep order.
    pub configs: Vec<ConfigResult>,
    /// Comparisons, one family per metric, in the order of [`Analysis::metrics`].
    pub families: Vec<Family>,
}

/// All observations of one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigResult {
    /// Index in the sweep.
    pub index: u32,
    /// Its name, unique in its stratum.
    pub name: String,
    /// Whether the others are compared with it.
    pub baseline: bool,
    /// The recipe's `meta`; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What became of its trials.
    pub counts: Counts,
    /// One per entry of [`Analysis::metrics`].
    pub cells: Vec<Cell>,
}

/// One config on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cell {
    /// Numbers.
    Measured(Box<Measured>),
    /// This config does not produce the metric, by design.
    NotMeasured,
    /// It should, but no trial gave a finite value.
    NoData,
}

impl Cell {
    /// The numbers, when there are any.
    #[must_use]
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::NotMeasured | Self::NoData => None,
        }
    }
}

/// Summary of one config on one metric, in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Replicates with a value.
    pub n: usize,
    /// Whether n is at most [`FEW`].
    pub few: bool,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; none for n = 1.
    pub sd: Option<f64>,
    /// Standard error of the mean; none for n = 1.
    pub se: Option<f64>,
    /// t-interval of the mean; none for n = 1.
    pub interval: Option<Interval>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Median.
    pub median: f64,
    /// Every value, by replicate.
    pub values: Vec<Observation>,
}

/// The final value of one trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Index of the replicate.
    pub replicate: u32,
    /// Final value.
    pub value: f64,
}

/// Comparisons that are corrected together: one stratum, one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// The metric.
    pub metric: String,
    /// Primary: the planned question. Secondary: exploratory, corrected as a family of its own.
    pub role: Role,
    /// Number of comparisons that have a p-value, which is what the correction counts.
    pub size: usize,
    /// Every config but the baseline, in sweep order.
    pub comparisons: Vec<Comparison>,
}

/// What a family is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// On the primary metric.
    Primary,
    /// On another metric.
    Secondary,
}

/// One config against the baseline of its stratum on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Index of the config in the sweep.
    pub index: u32,
    /// Name of the config.
    pub config: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Diverged and abandoned trials of the config, then of the baseline; empty when there are none.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// Numbers, or why there are none.
    pub result: ComparisonResult,
    /// The whole verdict as one sentence.
    pub sentence: String,
    /// The sentence without its subject and verdict, for places that show these apart.
    pub evidence: String,
}

/// Outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ComparisonResult {
    /// Numbers.
    Tested(Box<Tested>),
    /// No test is possible.
    NotTested(Untested),
}

impl ComparisonResult {
    /// The numbers, when there are any.
    #[must_use]
    pub fn tested(&self) -> Option<&Tested> {
        match self {
            Self::Tested(tested) => Some(tested),
            Self::NotTested(_) => None,
        }
    }
}

/// Numbers of a comparison. Differences are config minus baseline, in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// What the verdict rests on.
    pub test: Test,
    /// Replicates of the config used by the primary test.
    pub n_config: usize,
    /// Replicates of the baseline used by the primary test; equal to `n_config` when paired.
    pub n_baseline: usize,
    /// Whether either n is at most [`FEW`].
    pub few: bool,
    /// The primary test; its `p_value` is the raw one.
    pub primary: TTest,
    /// p of the primary test, corrected inside the family.
    pub p_adjusted: f64,
    /// Welch's test on all completed replicates of both configs: the unpaired form. None when it is degenerate.
    pub welch: Option<TTest>,
    /// Standardised difference; its kind says by which standard deviation. None when it is degenerate.
    pub effect: Option<EffectSize>,
    /// Why there is no `effect`; none when there is one.
    #[serde(default)]
    pub effect_missing: Option<Degenerate>,
    /// Pearson's correlation of the two configs across replicates; none when unpaired or degenerate.
    pub seed_correlation: Option<f64>,
    /// Difference of every pair, by replicate; empty when unpaired.
    pub pairs: Vec<Observation>,
    /// What the numbers say.
    pub verdict: Verdict,
}

/// The primary test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Paired t-test over the replicates completed in both configs.
    PairedT,
    /// Welch's unequal-variances t-test.
    WelchT,
}

/// What a comparison says, from `p_adjusted`, alpha and the sign of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// `p_adjusted` is at most alpha and the difference is an improvement.
    Better,
    /// `p_adjusted` is at most alpha and the difference is a deterioration.
    Worse,
    /// `p_adjusted` is above alpha, or the metric has no known direction.
    Undecided,
}

/// Why a comparison has no numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Untested {
    /// The config, the baseline or both do not produce the metric.
    NotMeasured {
        /// Whether the config produces it.
        config: bool,
        /// Whether the baseline produces it.
        baseline: bool,
    },
    /// Bit-identical values in every replicate that both completed.
    EqualInAll {
        /// How many replicates.
        n: usize,
    },
    /// Too few replicates.
    TooFew {
        /// Pairs, or the smaller of the two numbers of replicates.
        n: usize,
        /// How many the test needs.
        needed: usize,
    },
    /// The difference is the same in every replicate, so nothing tells its error.
    ConstantDifference {
        /// Pairs, or the smaller of the two numbers of replicates.
        n: usize,
        /// The difference.
        difference: f64,
    },
    /// Another reason of the statistics library.
    Degenerate(Degenerate),
}

/// A planned trial without a usable observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// Index of the config.
    pub index: u32,
    /// `config`, or `stratum/config`.
    pub config: String,
    /// Index of the replicate.
    pub replicate: u32,
    /// What happened.
    pub kind: ExceptionKind,
    /// Details, as reported.
    pub reason: String,
}

/// What happened to a trial without a usable observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// Training went to NaN or infinity.
    Diverged,
    /// Failing attempts used up the limit.
    Abandoned,
    /// The sweep was cancelled.
    Cancelled,
    /// Waiting for a worker.
    Pending,
    /// Being trained.
    Leased,
    /// The trial completed, but a final metric is not a finite number.
    NotFinite,
    /// The trial is in the plan and not in the results.
    Absent,
}

/// Determinism checks: a repeated outcome of a finished trial must equal the accepted one to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determinism {
    /// Repeated outcomes.
    pub repeats: u32,
    /// Those that were not equal.
    pub unequal: u32,
}

/// Which population the intervals speak of, derived from the recipes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// What differs between replicates.
    pub varies: Vec<String>,
    /// What is the same in all replicates.
    pub fixed: Vec<String>,
}

/// Where the numbers come from. Times are UTC in ISO 8601; seeds are decimal text, for they exceed what JSON readers
/// keep exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The text.
    pub value: String,
    /// How many.
    pub count: usize,
}

/// What one config trains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeRecord {
    /// `config`, or `stratum/config`.
    pub config: String,
    /// Digest of what decides its results, hex.
    pub digest: String,
    /// The canonical recipe: what differs from the defaults.
    pub recipe: String,
}

/// Seed of one trial, or of one replicate in all configs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedRecord {
    /// `config` or `stratum/config`; none when all configs share it.
    pub config: Option<String>,
    /// Index of the replicate.
    pub replicate: u32,
    /// The seed, decimal.
    pub seed: String,
}
