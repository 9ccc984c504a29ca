//! Performance profiles: for each score the share of runs above it, the mean over tasks.

use super::{ByTask, Ground, RESAMPLES, SharedSeeds, numbers, plain, smallest};
use crate::report::analysis::Observation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    Levels, Resampling, Seeds,
    aggregates::{performance_profile, pooled, profile_shares},
};

/// Configs that get a profile: the baseline and the best.
const MOST: usize = 12;
/// Scores at which shares are told.
const POINTS: u32 = 81;

/// Performance profiles of some configs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskProfiles {
    /// Scores, ascending, in the metric's unit.
    pub scores: Vec<f64>,
    /// The baseline, and the others from the best interquartile mean on.
    pub configs: Vec<ConfigProfile>,
    /// Configs that have none, because they are too many.
    pub left_out: usize,
}

/// The profile of one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigProfile {
    /// Its name.
    pub config: String,
    /// Whether it is the baseline.
    pub baseline: bool,
    /// Share of runs above each score.
    pub shares: Vec<f64>,
    /// Ends of a band for the whole profile, for these tasks; none where there are too few runs for one.
    pub band: Option<(Vec<f64>, Vec<f64>)>,
}

/// None where all values are one.
pub(super) fn profiles(configs: &[(&str, ByTask<'_>)], baseline: &str, ground: &Ground) -> Option<TaskProfiles> {
    let mut ordered: Vec<(&str, &ByTask<'_>, f64)> = configs
        .iter()
        .filter_map(|(name, values)| Some((*name, values, pooled(&plain(values), 0.0).ok()?.iqm)))
        .collect();
    let sign = if ground.direction == Some(Direction::Minimize) { 1.0 } else { -1.0 };
    ordered.sort_by(|x, y| (y.0 == baseline).cmp(&(x.0 == baseline)).then((sign * x.2).total_cmp(&(sign * y.2))));
    let left_out = ordered.len().saturating_sub(MOST);
    ordered.truncate(MOST);
    let scores = scores(&ordered)?;
    let profile = |(at, (name, values, _)): (usize, &(&str, &ByTask<'_>, f64))| {
        let runs = plain(values);
        Some(ConfigProfile {
            config: (*name).to_owned(),
            baseline: *name == baseline,
            shares: profile_shares(&runs, &scores).ok()?,
            band: band((values, &runs), &scores, at, ground),
        })
    };
    let configs = ordered.iter().enumerate().filter_map(profile).collect();
    Some(TaskProfiles { scores, configs, left_out })
}

/// Scores from just below all values to the largest.
fn scores(configs: &[(&str, &ByTask<'_>, f64)]) -> Option<Vec<f64>> {
    let all = || configs.iter().flat_map(|c| c.1.iter()).flat_map(|m| m.values.iter().map(|o| o.value));
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let step = (high - low) / f64::from(POINTS - 2);
    let usable = low < high && step.is_finite() && step > 0.0;
    // The last one is the largest value to the bit, so that no run is above it.
    let at = |i: u32| if i + 1 == POINTS { high } else { low + (f64::from(i) - 1.0) * step };
    usable.then(|| (0..POINTS).map(at).collect())
}

fn band(
    (values, runs): (&ByTask<'_>, &[Vec<f64>]),
    scores: &[f64],
    at: usize,
    ground: &Ground,
) -> Option<(Vec<f64>, Vec<f64>)> {
    if ground.too_few(smallest(runs), runs.len(), Levels::Runs).is_some() {
        return None;
    }
    let tasks: Vec<&[Observation]> = values.iter().map(|m| m.values.as_slice()).collect();
    let numbers = numbers(&tasks);
    let seeds = match ground.seeds {
        SharedSeeds::AcrossTasks => Seeds::AcrossTasks(&numbers),
        SharedSeeds::Own | SharedSeeds::WithinTasks => Seeds::Own,
    };
    let resampling = Resampling { resamples: RESAMPLES, seed: ground.seed, part: 8 * at as u32 + 1 };
    let found = performance_profile(runs, scores, seeds, Levels::Runs, true, ground.confidence, &resampling).ok()?;
    Some(found.points.iter().map(|p| (p.low, p.high)).unzip())
}
