//! Sequential designs: what the looks decided, and the p-values and intervals that hold in spite of them.

use super::{
    analyze::{ConfigTrials, Standing, finals},
    time,
};
use crate::{
    results::SweepResults,
    stopping::{self, StratumDesign},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sweeper_core::spec::Stopping;
use sweeper_stats::{
    Interval,
    design::{Comparison, Decision, Monitor, Outcome},
};

/// How a comparison of a sequential design stands, after the looks that the data so far allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sequential {
    /// `different`, `equivalent`, `futile`, `not decided at the end`, or `open`.
    pub decision: String,
    /// Replicates at which it was decided; none while open.
    pub decided_at: Option<usize>,
    /// Looks it took part in.
    pub looks: usize,
    /// Sequential or always-valid p-value of this comparison alone; none before its first look.
    pub p_value: Option<f64>,
    /// The same, corrected over the family by Holm's procedure.
    pub p_adjusted: Option<f64>,
    /// Interval that holds at every look.
    pub interval: Option<Interval>,
}

/// A look that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LookTaken {
    /// Name of the stratum; empty when the sweep has none.
    pub stratum: String,
    /// Replicates that entered.
    pub replicates: u32,
    /// When, UTC in ISO 8601.
    pub at: String,
    /// Open trials that it made superfluous.
    pub cancelled: u32,
    /// Names of the configs that it stopped, each with the reason.
    pub stopped: Vec<String>,
}

/// States of the comparisons of all strata, by index of the config; empty for a fixed design.
pub(super) fn states(results: &SweepResults, configs: &[ConfigTrials<'_>]) -> BTreeMap<u32, Sequential> {
    if results.spec.analysis.stopping == Stopping::Fixed {
        return BTreeMap::new();
    }
    let metric = &results.spec.analysis.metric;
    let outcomes = |index: u32| -> Vec<Outcome> {
        let trials = configs.get(index as usize).map(|c| c.trials.as_slice()).unwrap_or_default();
        let outcome = |trial: &Option<&crate::results::TrialResult>| match Standing::of(*trial) {
            Standing::Completed => match trial.and_then(|t| finals(t).get(metric.as_str()).copied()) {
                Some(value) if value.is_finite() => Outcome::Value(value),
                _ => Outcome::Failed,
            },
            Standing::Diverged | Standing::Abandoned => Outcome::Failed,
            _ => Outcome::Pending,
        };
        trials.iter().map(outcome).collect()
    };
    let mut states = BTreeMap::new();
    for StratumDesign { baseline, configs, design, .. } in stopping::designs(&results.spec, |_| true) {
        let others: Vec<Vec<Outcome>> = configs.iter().map(|index| outcomes(*index)).collect();
        let progress = Monitor::new(design).and_then(|monitor| monitor.decide(&outcomes(baseline), &others));
        if let Ok(progress) = progress {
            states.extend(configs.into_iter().zip(progress.comparisons.iter().map(state)));
        }
    }
    states
}

fn state(comparison: &Comparison) -> Sequential {
    let decision = match comparison.decision {
        Decision::Continue => "open",
        Decision::Rejected => "different",
        Decision::Equivalent => "equivalent",
        Decision::Futile => "futile",
        Decision::Exhausted => "not decided at the end",
    };
    Sequential {
        decision: decision.to_owned(),
        decided_at: comparison.decided_at,
        looks: comparison.looks,
        p_value: comparison.p_value,
        p_adjusted: comparison.adjusted_p,
        interval: comparison.interval,
    }
}

/// Looks taken, in their order.
pub(super) fn looks(results: &SweepResults) -> Vec<LookTaken> {
    let name = |index: u32| results.spec.configs.get(index as usize).map_or("", |c| c.name.as_str());
    let taken = results.looks.iter().map(|look| LookTaken {
        stratum: look.stratum.clone(),
        replicates: look.replicates,
        at: time::utc(look.at_ms, false),
        cancelled: look.cancelled,
        stopped: look.stopped.iter().map(|s| format!("{} ({})", name(s.config), s.why)).collect(),
    });
    taken.collect()
}
