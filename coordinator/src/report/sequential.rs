//! Sequential designs: what the looks decided, and the p-values and intervals that hold in spite of them.

use super::{
    time,
    trials::{ConfigTrials, Slot, Standing, finals},
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
    /// Interval that holds at every look, for this comparison alone.
    pub interval: Option<Interval>,
    /// Interval that holds at every look and for all comparisons at once.
    #[serde(default)]
    pub simultaneous: Option<Interval>,
    /// t at its last look; none before, and where the data have none.
    #[serde(default)]
    pub statistic: Option<f64>,
    /// Smallest |t| that would have decided at that look, at the level in force; none where no t would.
    #[serde(default)]
    pub boundary: Option<f64>,
    /// Base-10 logarithm of the e-value at that look; none for planned looks.
    #[serde(default)]
    pub log10_e: Option<f64>,
    /// How near it came to its boundary, from look to look.
    #[serde(default)]
    pub path: Vec<Step>,
}

/// A comparison at one look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Replicates that entered.
    pub replicates: usize,
    /// t over the boundary in force; beyond ±1 it was decided, and 0 where nothing could be.
    pub share: f64,
}

/// Looks of a path; with e-values there is one after every replicate.
const MOST_STEPS: usize = 40;
/// Steps of all paths of a stratum: of more comparisons nobody could tell the paths apart.
const MOST_PATHS: usize = 4_000;

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
        let outcome = |slot: &Slot<'_>| match slot.standing {
            Standing::Completed => match slot.trial.and_then(|t| finals(t).get(metric.as_str()).copied()) {
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
        let Ok(monitor) = Monitor::new(design) else { continue };
        let baseline = outcomes(baseline);
        let Ok(progress) = monitor.decide(&baseline, &others) else { continue };
        let paths = paths(&monitor, &baseline, &others);
        let found = progress.comparisons.iter().zip(paths).map(|(comparison, path)| state(comparison, path));
        states.extend(configs.into_iter().zip(found));
    }
    states
}

/// Of every comparison how near it came to its boundary: the design replayed on what each look had.
fn paths(monitor: &Monitor, baseline: &[Outcome], others: &[Vec<Outcome>]) -> Vec<Vec<Step>> {
    let mut paths = vec![Vec::new(); others.len()];
    let looks = monitor.looks();
    let every = looks.len().div_ceil(MOST_STEPS).max(1);
    if others.len() * looks.len().div_ceil(every) > MOST_PATHS {
        return paths;
    }
    // Counted from the last one, so that the path ends where the comparison does.
    for (_, replicates) in looks.iter().enumerate().filter(|(at, _)| (looks.len() - 1 - at).is_multiple_of(every)) {
        let seen = |all: &[Outcome]| all.iter().take(*replicates).copied().collect::<Vec<Outcome>>();
        let others: Vec<Vec<Outcome>> = others.iter().map(|all| seen(all)).collect();
        let Ok(progress) = monitor.decide(&seen(baseline), &others) else { continue };
        for (path, comparison) in paths.iter_mut().zip(&progress.comparisons) {
            let before = path.last().map_or(0, |step: &Step| step.replicates);
            let Some(test) = comparison.test.filter(|_| comparison.replicates > before) else { continue };
            let share = comparison.bound_statistic.map_or(0.0, |bound| test.statistic / bound);
            if share.is_finite() {
                path.push(Step { replicates: comparison.replicates, share });
            }
        }
    }
    paths
}

fn state(comparison: &Comparison, path: Vec<Step>) -> Sequential {
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
        simultaneous: comparison.simultaneous,
        statistic: comparison.test.map(|test| test.statistic),
        boundary: comparison.bound_statistic,
        log10_e: comparison.log10_e,
        path,
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
