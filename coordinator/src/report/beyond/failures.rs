//! Lost trainings as an outcome of their own.

use crate::report::analysis::{ConfigResult, Counts, Stratum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_stats::{
    Interval,
    counts::{boschloo, wilson},
};

/// How often trainings of one config were lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureRate {
    /// Name of the config.
    pub config: String,
    /// Trials that ended by themselves: completed, diverged or abandoned.
    pub ended: usize,
    /// Of these, diverged.
    pub diverged: usize,
    /// Of these, abandoned.
    pub abandoned: usize,
    /// Share of trials lost with Wilson's interval; none where no trial has ended.
    pub rate: Option<(f64, Interval)>,
    /// p-value of Boschloo's test against the baseline, uncorrected; none for the baseline itself, and where nothing was
    /// lost in either.
    pub p_value: Option<f64>,
}

/// One entry per config; empty where nothing was lost in the whole stratum.
pub(in crate::report) fn failure_rates(stratum: &Stratum, confidence: f64) -> Vec<FailureRate> {
    if stratum.configs.iter().all(|config| config.lost.is_empty()) {
        return Vec::new();
    }
    let table = |config: &ConfigResult| {
        let Counts { completed, diverged, abandoned, .. } = config.counts;
        [(diverged + abandoned) as u64, completed as u64]
    };
    let baseline = stratum.configs.iter().find(|config| config.baseline);
    let rate = |config: &ConfigResult| {
        let [lost, completed] = table(config);
        let against = baseline.filter(|baseline| baseline.index != config.index);
        FailureRate {
            config: config.name.clone(),
            ended: (lost + completed) as usize,
            diverged: config.counts.diverged,
            abandoned: config.counts.abandoned,
            rate: wilson(lost, lost + completed, confidence)
                .ok()
                .map(|interval| (lost as f64 / (lost + completed) as f64, interval)),
            p_value: against.and_then(|baseline| boschloo([table(config), table(baseline)]).ok()).map(|t| t.p_value),
        }
    };
    stratum.configs.iter().map(rate).collect()
}
