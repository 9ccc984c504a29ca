//! How trainings went: the primary metric after every epoch, with bands that hold for a whole curve.

use crate::{
    report::trials::ConfigTrials,
    results::{SweepResults, TrialResult},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sweeper_core::spec::{ConfigSpec, Pairing};
use sweeper_stats::curves::{CurveBand, difference_band, mean_band, paired_band};

/// Fewer epochs are no curve.
const FEWEST_EPOCHS: usize = 3;
/// Configs of a stratum that get curves.
const MOST_CONFIGS: usize = 200;

/// Learning curves of a stratum on the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningCurves {
    /// Name of the stratum.
    pub stratum: String,
    /// One per config that has a curve.
    pub configs: Vec<ConfigCurve>,
}

/// The curve of one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigCurve {
    /// Name of the config.
    pub config: String,
    /// Whether it is the baseline.
    pub baseline: bool,
    /// Trainings.
    pub n: usize,
    /// Epochs that all of them have a value of.
    pub epochs: Vec<u32>,
    /// Mean over the trainings and its simultaneous band.
    pub mean: CurveBand,
    /// Difference from the baseline's mean and its band; none for the baseline.
    pub difference: Option<CurveBand>,
}

/// Curves of one config: by replicate, values by epoch.
type Runs = BTreeMap<u32, BTreeMap<u32, f64>>;

/// Learning curves of every stratum whose trainings were measured after several epochs.
pub(in crate::report) fn learning_curves(results: &SweepResults, configs: &[ConfigTrials<'_>]) -> Vec<LearningCurves> {
    let (plan, spec) = (&results.spec.analysis, &results.spec);
    let mut runs: BTreeMap<u32, Runs> = BTreeMap::new();
    for trial in configs.iter().flat_map(ConfigTrials::completed) {
        let curve = curve(trial, &plan.metric);
        if curve.len() >= FEWEST_EPOCHS {
            runs.entry(trial.config).or_default().insert(trial.replicate, curve);
        }
    }
    // In the order in which they come first: those of a file need not stand together.
    let mut strata: Vec<Vec<(u32, &ConfigSpec)>> = Vec::new();
    for config in (0u32..).zip(&spec.configs) {
        match strata.iter_mut().find(|of| of.first().is_some_and(|(_, first)| first.stratum == config.1.stratum)) {
            Some(stratum) => stratum.push(config),
            None => strata.push(vec![config]),
        }
    }
    let of_stratum = |stratum: &Vec<(u32, &ConfigSpec)>| {
        let baseline = stratum.iter().find(|(_, c)| c.name == plan.baseline).and_then(|(i, _)| runs.get(i));
        let configs = stratum.iter().take(MOST_CONFIGS).filter_map(|(index, config)| {
            let own = runs.get(index)?;
            let is_baseline = config.name == plan.baseline;
            let other = baseline.filter(|_| !is_baseline);
            let paired = spec.pairing == Pairing::Common;
            config_curve(&config.name, own, other, (paired, plan.confidence, spec.seed ^ u64::from(*index)))
                .map(|curve| ConfigCurve { baseline: is_baseline, ..curve })
        });
        LearningCurves { stratum: stratum[0].1.stratum.clone(), configs: configs.collect() }
    };
    strata.iter().map(of_stratum).filter(|curves| !curves.configs.is_empty()).collect()
}

/// Finite values by epoch; where the last epoch has two, the final one.
fn curve(trial: &TrialResult, metric: &str) -> BTreeMap<u32, f64> {
    let own = trial.metrics.iter().filter(|m| m.name == metric && m.value.is_finite());
    let mut values = BTreeMap::new();
    for m in own {
        // Final values come after others of their epoch, and count as what a reader compares.
        if m.is_final || !values.contains_key(&m.epoch) {
            values.insert(m.epoch, m.value);
        }
    }
    values
}

fn config_curve(
    name: &str,
    own: &Runs,
    baseline: Option<&Runs>,
    (paired, confidence, seed): (bool, f64, u64),
) -> Option<ConfigCurve> {
    let epochs = common_epochs(own.values());
    if epochs.len() < FEWEST_EPOCHS {
        return None;
    }
    let rows = |runs: &Runs, keep: &dyn Fn(u32) -> bool, epochs: &[u32]| -> Vec<Vec<f64>> {
        let kept = runs.iter().filter(|(replicate, _)| keep(**replicate));
        kept.map(|(_, run)| epochs.iter().filter_map(|epoch| run.get(epoch).copied()).collect()).collect()
    };
    let all = rows(own, &|_| true, &epochs);
    let difference = baseline.and_then(|baseline| {
        // Both bands are drawn over the same epochs.
        if common_epochs(own.values().chain(baseline.values())) != epochs {
            return None;
        }
        let both = |replicate: u32| own.contains_key(&replicate) && baseline.contains_key(&replicate);
        let any = |_: u32| true;
        let keep: &dyn Fn(u32) -> bool = if paired { &both } else { &any };
        let (a, b) = (rows(own, keep, &epochs), rows(baseline, keep, &epochs));
        let band = if paired { paired_band } else { difference_band };
        band(&a, &b, confidence, seed).ok()
    });
    let mean = mean_band(&all, confidence, seed).ok()?;
    Some(ConfigCurve { config: name.to_owned(), baseline: false, n: own.len(), epochs, mean, difference })
}

/// Epochs that every run has a value of, ascending.
fn common_epochs<'a>(mut runs: impl Iterator<Item = &'a BTreeMap<u32, f64>>) -> Vec<u32> {
    let Some(first) = runs.next() else { return Vec::new() };
    let mut epochs: Vec<u32> = first.keys().copied().collect();
    runs.for_each(|run| epochs.retain(|epoch| run.contains_key(epoch)));
    epochs
}
