//! A standard deviation to plan with: given, or from earlier results of the same recipes.

use crate::results::{SweepResults, TrialResult};
use serde::Serialize;
use std::collections::BTreeMap;
use sweeper_core::spec::{ConfigSpec, Pairing, SweepSpec};
use sweeper_stats::{
    from_summary::sd_of_differences,
    power::{PILOT_CONFIDENCE, upper_sd},
    summary,
};

/// What is planned with in one stratum. The same quantity as the test divides by: the standard deviation of the per-seed
/// differences when trials are paired, of a config's replicates when not; in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The standard deviation planned with.
    pub sd: f64,
    /// The estimate that it was made from.
    pub estimate: f64,
    /// Trainings of each config, or pairs, behind the estimate; none where somebody gave it without saying.
    pub pilot_n: Option<usize>,
    /// Whether `sd` is the upper 80 % confidence limit of the estimate; else it is the estimate.
    pub upper_limit: bool,
}

/// A standard deviation that somebody gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pilot {
    /// Of single trainings of one config, in the metric's unit.
    pub sd: f64,
    /// Trainings that it was estimated from.
    pub n: Option<usize>,
    /// Correlation of two configs across shared seeds.
    pub correlation: f64,
}

impl Spread {
    /// Estimated on `df` degrees of freedom from `n` trainings or pairs.
    fn estimated(estimate: f64, df: f64, n: usize) -> Option<Self> {
        let sd = upper_sd(estimate, df, PILOT_CONFIDENCE).ok()?;
        Some(Self { sd, estimate, pilot_n: Some(n), upper_limit: true })
    }

    /// Of what somebody gives. None where it is not positive, or so small a pilot tells nothing.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn given(pilot: Pilot, pairing: Pairing) -> Option<Self> {
        let estimate = match pairing {
            Pairing::Common => sd_of_differences(pilot.sd, pilot.sd, pilot.correlation).ok()?,
            Pairing::Independent => pilot.sd,
        };
        match pilot.n {
            Some(n) => Self::estimated(estimate, n as f64 - 1.0, n),
            None => (estimate > 0.0 && estimate.is_finite()).then_some(Self {
                sd: estimate,
                estimate,
                pilot_n: None,
                upper_limit: false,
            }),
        }
    }

    /// From earlier results of the recipes of one stratum of `spec`: pooled over its configs when trials are not paired; from
    /// what a replicate's common part and a config's mean leave unexplained when they are, which is the variance of a
    /// difference, halved, if all pairs of configs correlate alike. None where there are too few values.
    #[must_use]
    pub fn observed(spec: &SweepSpec, stratum: &str, earlier: &SweepResults) -> Option<Self> {
        let digests: Vec<&str> = spec
            .configs
            .iter()
            .filter(|c| c.stratum == stratum && super::is_compared(spec, c))
            .map(|c| c.recipe_digest.as_str())
            .collect();
        let known = |c: &ConfigSpec| digests.contains(&c.recipe_digest.as_str());
        let mut samples: BTreeMap<u32, BTreeMap<u32, f64>> = BTreeMap::new();
        for trial in &earlier.trials {
            let config = earlier.spec.configs.get(trial.config as usize).filter(|c| known(c));
            if let (Some(_), Some(value)) = (config, value(trial, &spec.analysis.metric)) {
                samples.entry(trial.config).or_default().insert(trial.replicate, value);
            }
        }
        let samples: Vec<BTreeMap<u32, f64>> = samples.into_values().filter(|s| s.len() >= 2).collect();
        match (spec.pairing, earlier.spec.pairing) {
            (Pairing::Independent, _) => pooled(&samples),
            (Pairing::Common, Pairing::Common) => blocks(&samples),
            (Pairing::Common, Pairing::Independent) => None,
        }
    }
}

/// The final value of a completed trial; of several final epochs the last.
fn value(trial: &TrialResult, metric: &str) -> Option<f64> {
    if trial.ending.as_deref() != Some("completed") {
        return None;
    }
    let finals = trial.metrics.iter().filter(|m| m.is_final && m.name == metric);
    finals.max_by_key(|m| m.epoch).map(|m| m.value).filter(|value| value.is_finite())
}

/// One variance for all configs.
#[allow(clippy::cast_precision_loss)]
fn pooled(samples: &[BTreeMap<u32, f64>]) -> Option<Spread> {
    let (mut squares, mut df) = (0.0, 0.0);
    for sample in samples {
        let values: Vec<f64> = sample.values().copied().collect();
        let own = values.len() as f64 - 1.0;
        squares += own * summary(&values).ok()?.sd?.powi(2);
        df += own;
    }
    let n = samples.iter().map(BTreeMap::len).min()?;
    Spread::estimated((squares / df).sqrt(), df, n)
}

/// The residual variance of configs × replicates, doubled.
#[allow(clippy::cast_precision_loss)]
fn blocks(samples: &[BTreeMap<u32, f64>]) -> Option<Spread> {
    let first = samples.first()?;
    let replicates: Vec<u32> = first.keys().filter(|r| samples.iter().all(|s| s.contains_key(r))).copied().collect();
    let (k, n) = (samples.len(), replicates.len());
    if k < 2 || n < 2 {
        return None;
    }
    let origin = *first.values().next()?;
    let at = |sample: &BTreeMap<u32, f64>, r: &u32| sample.get(r).map_or(0.0, |value| value - origin);
    let of_config: Vec<f64> =
        samples.iter().map(|s| replicates.iter().map(|r| at(s, r)).sum::<f64>() / n as f64).collect();
    let of_replicate: Vec<f64> =
        replicates.iter().map(|r| samples.iter().map(|s| at(s, r)).sum::<f64>() / k as f64).collect();
    let mean = of_config.iter().sum::<f64>() / k as f64;
    let mut squares = 0.0;
    for (sample, config) in samples.iter().zip(&of_config) {
        for (r, replicate) in replicates.iter().zip(&of_replicate) {
            squares += (at(sample, r) - config - replicate + mean).powi(2);
        }
    }
    let df = ((k - 1) * (n - 1)) as f64;
    Spread::estimated((2.0 * squares / df).sqrt(), df, n)
}
