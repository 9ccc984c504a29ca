//! Single configs, and trials without an observation.

use super::Counts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sweeper_stats::Interval;

/// All observations of one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Replicates that diverged or were abandoned, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<u32>,
    /// Of the others, those whose final value of a metric is not a finite number, by metric: never of the primary one,
    /// for without that a training has failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_finite: BTreeMap<String, Vec<u32>>,
    /// One per entry of [`super::Analysis::metrics`].
    pub cells: Vec<Cell>,
}

/// One config on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Replicates with a value.
    pub n: usize,
    /// Whether n is at most [`super::FEW`].
    pub few: bool,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; none for n = 1.
    pub sd: Option<f64>,
    /// Standard error of the mean; none for n = 1.
    pub se: Option<f64>,
    /// t-interval of the mean; none for n = 1.
    pub interval: Option<Interval>,
    /// Smallest value; none, like all that follows, where only mean and standard deviation are known.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Interquartile mean: of the middle half of the values.
    pub iqm: Option<f64>,
    /// Every value, by replicate.
    pub values: Vec<Observation>,
}

/// The final value of one trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Index of the replicate.
    pub replicate: u32,
    /// Final value.
    pub value: f64,
}

/// A planned trial without a usable observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// Training went to NaN or infinity, or its final value of the primary metric did.
    Diverged,
    /// Failing attempts used up the limit.
    Abandoned,
    /// The sweep was cancelled.
    Cancelled,
    /// Waiting for a worker.
    Pending,
    /// Being trained.
    Leased,
    /// The trial completed, but a final metric other than the primary one is not a finite number.
    NotFinite,
    /// The trial is in the plan and not in the results.
    Absent,
}
