//! Configs over several tasks: statistics of all runs together, and planned comparisons with intervals from resampled
//! seeds.
//!
//! Map: this page the configs · `compare` pairs of them · `profile` performance profiles.

mod compare;
mod profile;

pub use compare::{MeanDifference, TaskComparison, TaskDifference};
pub use profile::{ConfigProfile, TaskProfiles};

use crate::{
    report::analysis::{ConfigResult, Measured, MetricInfo, Observation, Stratum},
    results::SweepResults,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Direction, Pairing, Stopping, Tasks};
use sweeper_stats::{
    BootstrapInterval, BootstrapKind, Degenerate, Interval, Levels, Resampling, Seeds,
    aggregates::{Pooled, aggregate_iqm, pooled},
    bootstrap::MIN_N,
};

/// Resamples of an interval.
const RESAMPLES: u32 = 10_000;
/// Runs that all resamples of a report may draw together: 4 ns each, so what a second or two can do.
const MOST_DRAWN: u64 = 400_000_000;

/// Configs over all tasks of a sweep, on the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcrossTasks {
    /// Names of the tasks, which are strata.
    pub tasks: Vec<String>,
    /// Which runs have one seed; they are drawn together.
    pub seeds: SharedSeeds,
    /// Whether values of different tasks are put together as they are. Only percent and fractions have one scale in all tasks; of
    /// other metrics the probability of improvement is told, which needs none.
    pub one_scale: bool,
    /// Configs with values in every task, in sweep order.
    pub configs: Vec<TaskConfig>,
    /// Configs without a value in at least one task.
    pub left_out: Vec<String>,
    /// Planned comparisons of these configs.
    pub comparisons: Vec<TaskComparison>,
    /// Planned comparisons beyond those that are told.
    pub comparisons_left_out: usize,
    /// Share of runs above each score; none where values have no scale in common.
    pub profiles: Option<TaskProfiles>,
}

/// Which runs have one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SharedSeeds {
    /// None.
    Own,
    /// Replicate r of all configs of a task.
    WithinTasks,
    /// Replicate r of all configs and tasks.
    AcrossTasks,
}

/// One config over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskConfig {
    /// Its name.
    pub config: String,
    /// Whether the others are compared with it.
    pub baseline: bool,
    /// Values in all tasks together, and in the task with the fewest.
    pub n: (usize, usize),
    /// Mean of each task, in the order of [`AcrossTasks::tasks`].
    pub means: Vec<f64>,
    /// Mean, median, interquartile mean and optimality gap over runs and tasks; none without one scale.
    pub pooled: Option<Pooled>,
    /// Interval of the interquartile mean, for these tasks; none without one scale.
    pub iqm_interval: Option<Told>,
}

/// An interval, or why it is not shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Told {
    /// It is shown.
    Interval {
        /// Its ends.
        interval: Interval,
        /// Standard deviation of the resampled statistic; none for an interval that needs no resamples.
        standard_error: Option<f64>,
        /// Monte-Carlo standard error of the less certain end: what another seed of the report would change.
        monte_carlo_error: Option<f64>,
    },
    /// It would not hold what it promises.
    Hidden {
        /// Why, in a few words.
        why: String,
    },
}

impl Told {
    pub(super) fn hidden(why: impl Into<String>) -> Self {
        Self::Hidden { why: why.into() }
    }

    pub(super) fn of(found: Result<BootstrapInterval, Degenerate>) -> Self {
        match found {
            Ok(found) => Self::Interval {
                interval: found.interval,
                standard_error: Some(found.standard_error),
                monte_carlo_error: Some(found.low_error.max(found.high_error)),
            },
            Err(why) => Self::hidden(why.to_string()),
        }
    }

    /// The interval, when it is shown.
    #[must_use]
    pub fn interval(&self) -> Option<&Interval> {
        match self {
            Self::Interval { interval, .. } => Some(interval),
            Self::Hidden { .. } => None,
        }
    }
}

/// What all intervals of a section have in common.
struct Ground {
    seeds: SharedSeeds,
    direction: Option<Direction>,
    confidence: f64,
    seed: u64,
    /// Why no interval holds; none if some may.
    barred: Option<&'static str>,
}

impl Ground {
    fn resampling(&self, part: usize) -> Resampling {
        Resampling { resamples: RESAMPLES, seed: self.seed, part: part as u32 }
    }

    /// Why no bootstrap interval is shown of tasks with `least` runs or more, speaking of these or of new tasks.
    fn too_few(&self, least: usize, tasks: usize, levels: Levels) -> Option<String> {
        match levels {
            _ if self.barred.is_some() => self.barred.map(str::to_owned),
            _ if least < MIN_N => Some(format!("n = {least}, below {MIN_N}")),
            Levels::RunsThenTasks if tasks < MIN_N => Some(format!("{tasks} tasks, below {MIN_N}")),
            Levels::Runs | Levels::RunsThenTasks => None,
        }
    }
}

/// Observations of one config, task by task.
type ByTask<'a> = Vec<&'a Measured>;

fn plain(tasks: &ByTask<'_>) -> Vec<Vec<f64>> {
    tasks.iter().map(|measured| measured.plain()).collect()
}

/// Numbers of the replicates, task by task.
fn numbers(tasks: &[&[Observation]]) -> Vec<Vec<u32>> {
    tasks.iter().map(|values| values.iter().map(|o| o.replicate).collect()).collect()
}

fn smallest(tasks: &[Vec<f64>]) -> usize {
    tasks.iter().map(Vec::len).min().unwrap_or(0)
}

/// Configs over all tasks; none unless the plan says that strata are tasks and there are two.
pub(in crate::report) fn across_tasks(
    results: &SweepResults,
    strata: &[Stratum],
    metrics: &[MetricInfo],
) -> Option<AcrossTasks> {
    let (spec, plan) = (&results.spec, &results.spec.analysis);
    let (m, metric) = metrics.iter().enumerate().find(|(_, metric)| metric.primary)?;
    if plan.tasks != Tasks::Strata || strata.len() < 2 {
        return None;
    }
    let barred = (plan.stopping != Stopping::Fixed).then_some("looks decided how many trainings there are");
    let seeds = shared_seeds(results);
    let ground = Ground { seeds, direction: metric.direction, confidence: plan.confidence, seed: spec.seed, barred };
    let perfect = metric.unit.perfect();
    let one_scale = perfect.is_some();
    let names = names(strata);
    let of = |name: &str| by_task(strata, name, m);
    let left_out = names.iter().filter(|name| of(name).is_none()).map(|name| (*name).to_owned()).collect();
    let everywhere: Vec<(&str, ByTask<'_>)> = names.iter().filter_map(|name| Some((*name, of(name)?))).collect();
    let (comparisons, comparisons_left_out, drawn) = compare::comparisons(strata, &everywhere, m, &ground, one_scale);
    let configs = everywhere.iter().enumerate().map(|(at, (name, values))| {
        let baseline = *name == plan.baseline;
        config((name, baseline), values, (perfect, &ground), (at, drawn))
    });
    Some(AcrossTasks {
        tasks: strata.iter().map(|s| s.name.clone()).collect(),
        seeds,
        one_scale,
        configs: configs.collect(),
        left_out,
        comparisons,
        comparisons_left_out,
        profiles: if one_scale { profile::profiles(&everywhere, &plan.baseline, &ground) } else { None },
    })
}

/// Names of all configs, in the order in which they come first.
fn names(strata: &[Stratum]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let all = strata.iter().flat_map(|s| &s.configs).map(|c: &ConfigResult| c.name.as_str());
    all.filter(|name| seen.insert(*name)).collect()
}

/// What a config observed in every task; none where it lacks values in one.
fn by_task<'a>(strata: &'a [Stratum], name: &str, m: usize) -> Option<ByTask<'a>> {
    let of = |stratum: &'a Stratum| {
        let config = stratum.configs.iter().find(|config| config.name == name)?;
        config.cells.get(m)?.measured().filter(|measured| !measured.values.is_empty())
    };
    strata.iter().map(of).collect()
}

/// What the seeds of the trials say. With common pairing a seed belongs to a replicate, whatever its config and stratum.
fn shared_seeds(results: &SweepResults) -> SharedSeeds {
    if results.spec.pairing == Pairing::Independent {
        return SharedSeeds::Own;
    }
    let mut of_replicate: BTreeMap<u32, u64> = BTreeMap::new();
    let same = results.trials.iter().all(|t| *of_replicate.entry(t.replicate).or_insert(t.seed) == t.seed);
    if same { SharedSeeds::AcrossTasks } else { SharedSeeds::WithinTasks }
}

fn config(
    (name, baseline): (&str, bool),
    values: &ByTask<'_>,
    (perfect, ground): (Option<f64>, &Ground),
    (at, drawn): (usize, u64),
) -> TaskConfig {
    let scores = plain(values);
    let (n, least) = (scores.iter().map(Vec::len).sum(), smallest(&scores));
    let interval = || {
        if let Some(why) = ground.too_few(least, scores.len(), Levels::Runs) {
            return Told::hidden(why);
        }
        if drawn + (at as u64 + 1) * u64::from(RESAMPLES) * n as u64 > MOST_DRAWN {
            return Told::hidden("too many configs to resample");
        }
        let tasks: Vec<&[Observation]> = values.iter().map(|m| m.values.as_slice()).collect();
        let numbers = numbers(&tasks);
        let seeds = match ground.seeds {
            SharedSeeds::AcrossTasks => Seeds::AcrossTasks(&numbers),
            SharedSeeds::Own | SharedSeeds::WithinTasks => Seeds::Own,
        };
        let (confidence, resampling) = (ground.confidence, ground.resampling(8 * at));
        Told::of(aggregate_iqm(&scores, seeds, Levels::Runs, BootstrapKind::Bca, confidence, &resampling))
    };
    TaskConfig {
        config: name.to_owned(),
        baseline,
        n: (n, least),
        means: values.iter().map(|measured| measured.mean).collect(),
        pooled: perfect.and_then(|perfect| pooled(&scores, perfect).ok()),
        iqm_interval: perfect.map(|_| interval()),
    }
}
