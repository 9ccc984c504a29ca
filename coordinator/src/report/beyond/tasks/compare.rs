//! Two configs over all tasks.

use super::{ByTask, Ground, MOST_DRAWN, RESAMPLES, SharedSeeds, Told, smallest};
use crate::report::analysis::{Observation, Stratum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    BootstrapKind, Degenerate, Levels, Seeds, TTest,
    aggregates::{aggregate_iqm_difference, improvement, pooled, probability_of_improvement},
    contrast::{CellError, cell_contrast, paired_cell_contrast},
    mean_interval,
};

/// Comparisons that are told.
const MOST: usize = 1_000;
/// Intervals of a comparison that are resampled.
const INTERVALS: u64 = 4;

/// A planned comparison over all tasks. Differences are config minus baseline. Where seeds are shared, everything rests on
/// the replicates that both configs completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskComparison {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Runs of the task with the fewest.
    pub n: usize,
    /// Difference of the means of each task, in the order of the tasks.
    pub differences: Vec<f64>,
    /// Mean of these differences with t intervals; none without one scale.
    pub mean_difference: Option<MeanDifference>,
    /// Difference of the interquartile means; none without one scale.
    pub iqm: Option<TaskDifference>,
    /// Probability that a training of the config is better than one of the baseline on the same task, ties counted half,
    /// the mean over tasks.
    pub improvement: Option<TaskDifference>,
}

/// A statistic of two configs with its resampled intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDifference {
    /// Of the data.
    pub estimate: f64,
    /// For these tasks and new seeds.
    pub these_tasks: Told,
    /// For new tasks like these.
    pub new_tasks: Told,
}

/// A mean over tasks with t intervals, which need no large number of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeanDifference {
    /// Mean over the tasks.
    pub estimate: f64,
    /// For these tasks and new seeds: Satterthwaite's degrees of freedom, or, where tasks share seeds, Student's t of the
    /// means over tasks of the seeds that all tasks have.
    pub these_tasks: Told,
    /// For new tasks like these: Student's t, each task one observation.
    pub new_tasks: Told,
}

/// Values of both configs in every task.
struct Sides {
    a: Vec<Vec<f64>>,
    b: Vec<Vec<f64>>,
    /// Replicates of both, where they are pairs.
    numbers: Vec<Vec<u32>>,
}

impl Sides {
    fn of(a: &ByTask<'_>, b: &ByTask<'_>, seeds: SharedSeeds) -> Self {
        let mut sides = Self { a: Vec::new(), b: Vec::new(), numbers: Vec::new() };
        for (a, b) in a.iter().zip(b) {
            if seeds == SharedSeeds::Own {
                sides.a.push(a.plain());
                sides.b.push(b.plain());
                continue;
            }
            let other: BTreeMap<u32, f64> = b.values.iter().map(|o| (o.replicate, o.value)).collect();
            let both = |o: &Observation| Some((o.replicate, o.value, *other.get(&o.replicate)?));
            let pairs: Vec<(u32, f64, f64)> = a.values.iter().filter_map(both).collect();
            sides.numbers.push(pairs.iter().map(|p| p.0).collect());
            sides.a.push(pairs.iter().map(|p| p.1).collect());
            sides.b.push(pairs.iter().map(|p| p.2).collect());
        }
        sides
    }

    fn least(&self) -> usize {
        smallest(&self.a).min(smallest(&self.b))
    }

    fn seeds(&self, shared: SharedSeeds) -> Seeds<'_> {
        match shared {
            SharedSeeds::Own => Seeds::Own,
            SharedSeeds::WithinTasks => Seeds::WithinTasks,
            SharedSeeds::AcrossTasks => Seeds::AcrossTasks(&self.numbers),
        }
    }

    /// Differences of pairs, task by task.
    fn pairs(&self) -> Vec<Vec<f64>> {
        let of = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
        self.a.iter().zip(&self.b).map(of).collect()
    }

    /// Mean difference over these tasks.
    fn contrast(&self, shared: SharedSeeds, confidence: f64) -> Result<TTest, Degenerate> {
        let tasks = self.a.len();
        let weight = 1.0 / tasks as f64;
        if shared == SharedSeeds::Own {
            let cells: Vec<&[f64]> = self.a.iter().chain(&self.b).map(Vec::as_slice).collect();
            let weights: Vec<f64> = (0..2 * tasks).map(|at| if at < tasks { weight } else { -weight }).collect();
            return cell_contrast(&cells, &weights, CellError::Welch, confidence);
        }
        let (pairs, weights) = (self.pairs(), vec![weight; tasks]);
        if shared == SharedSeeds::WithinTasks {
            let cells: Vec<&[f64]> = pairs.iter().map(Vec::as_slice).collect();
            return cell_contrast(&cells, &weights, CellError::Welch, confidence);
        }
        let sets = self.numbers.iter().map(|own| own.iter().copied().collect::<BTreeSet<u32>>());
        let common = sets.reduce(|all, own| all.intersection(&own).copied().collect()).unwrap_or_default();
        let kept: Vec<Vec<f64>> = pairs
            .iter()
            .zip(&self.numbers)
            .map(|(values, own)| values.iter().zip(own).filter(|(_, r)| common.contains(r)).map(|(v, _)| *v).collect())
            .collect();
        let cells: Vec<&[f64]> = kept.iter().map(Vec::as_slice).collect();
        paired_cell_contrast(&cells, &weights, confidence)
    }
}

/// Planned comparisons, how many are left out, and how many runs the resamples drew.
pub(super) type Compared = (Vec<TaskComparison>, usize, u64);

/// Planned comparisons of the configs that every task has.
pub(super) fn comparisons(
    strata: &[Stratum],
    configs: &[(&str, ByTask<'_>)],
    m: usize,
    ground: &Ground,
    one_scale: bool,
) -> Compared {
    let places: BTreeMap<&str, usize> = configs.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    let planned = strata.first().and_then(|s| s.families.get(m)).map_or(&[][..], |family| &family.comparisons);
    let found = planned.iter().filter_map(|c| {
        let (a, b) = (places.get(c.config.as_str())?, places.get(c.baseline.as_str())?);
        Some(((c.config.as_str(), &configs[*a].1), (c.baseline.as_str(), &configs[*b].1)))
    });
    let found: Vec<_> = found.collect();
    let left_out = found.len().saturating_sub(MOST);
    let (mut all, mut before) = (Vec::new(), 0);
    for (at, ((config, a), (baseline, b))) in found.into_iter().take(MOST).enumerate() {
        let sides = Sides::of(a, b, ground.seeds);
        let Some((told, drawn)) = comparison((config, baseline), &sides, (ground, one_scale), (at, before)) else {
            continue;
        };
        before += drawn;
        all.push(told);
    }
    (all, left_out, before)
}

/// The comparison, and how many runs its resamples drew; none where a task has no pair.
fn comparison(
    (config, baseline): (&str, &str),
    sides: &Sides,
    (ground, one_scale): (&Ground, bool),
    (at, before): (usize, u64),
) -> Option<(TaskComparison, u64)> {
    let least = sides.least();
    if least == 0 {
        return None;
    }
    let runs: usize = sides.a.iter().chain(&sides.b).map(Vec::len).sum();
    let cost = INTERVALS * u64::from(RESAMPLES) * runs as u64;
    let barred = |levels: Levels| {
        let few = ground.too_few(least, sides.a.len(), levels);
        few.or_else(|| (before + cost > MOST_DRAWN).then(|| "too many comparisons to resample".to_owned()))
    };
    let told = |levels: Levels, found: &dyn Fn() -> Told| barred(levels).map_or_else(found, Told::hidden);
    let both = |estimate: f64, found: &dyn Fn(Levels) -> Told| TaskDifference {
        estimate,
        these_tasks: told(Levels::Runs, &|| found(Levels::Runs)),
        new_tasks: told(Levels::RunsThenTasks, &|| found(Levels::RunsThenTasks)),
    };
    let part = |levels: Levels, which: usize| {
        ground.resampling(8 * at + 2 + 2 * which + usize::from(levels == Levels::RunsThenTasks))
    };
    let (seeds, confidence, kind) = (sides.seeds(ground.seeds), ground.confidence, BootstrapKind::Bca);
    let iqm = |levels: Levels| {
        Told::of(aggregate_iqm_difference(&sides.a, &sides.b, seeds, levels, kind, confidence, &part(levels, 0)))
    };
    let iqm_of = |side: &[Vec<f64>]| pooled(side, 0.0).ok().map(|p| p.iqm);
    // Where lower is better, the baseline's values are those to beat from below.
    let (x, y) = match ground.direction {
        Some(Direction::Minimize) => (&sides.b, &sides.a),
        Some(Direction::Maximize) | None => (&sides.a, &sides.b),
    };
    let wins =
        |levels: Levels| Told::of(probability_of_improvement(x, y, seeds, levels, kind, confidence, &part(levels, 1)));
    let difference = one_scale.then(|| Some(both(iqm_of(&sides.a)? - iqm_of(&sides.b)?, &iqm))).flatten();
    let improvement = improvement(x, y).ok().map(|estimate| both(estimate, &wins));
    let resampled = [&difference, &improvement].into_iter().flatten();
    let shown = resampled.flat_map(|d| [&d.these_tasks, &d.new_tasks]).filter(|t| t.interval().is_some()).count();
    let mean = |values: &Vec<f64>| sweeper_stats::summary(values).ok().map(|s| s.mean);
    let differences: Option<Vec<f64>> = sides.a.iter().zip(&sides.b).map(|(a, b)| Some(mean(a)? - mean(b)?)).collect();
    let differences = differences?;
    let drawn = shown as u64 * u64::from(RESAMPLES) * runs as u64;
    let told = TaskComparison {
        config: config.to_owned(),
        baseline: baseline.to_owned(),
        n: least,
        mean_difference: if one_scale { mean_difference(sides, &differences, ground) } else { None },
        differences,
        iqm: difference,
        improvement,
    };
    Some((told, drawn))
}

fn mean_difference(sides: &Sides, differences: &[f64], ground: &Ground) -> Option<MeanDifference> {
    let barred = |found: &dyn Fn() -> Told| ground.barred.map_or_else(found, Told::hidden);
    let these = || match sides.contrast(ground.seeds, ground.confidence) {
        Ok(test) => Told::Interval {
            interval: test.interval,
            standard_error: Some(test.standard_error),
            monte_carlo_error: None,
        },
        Err(why) => Told::hidden(why.to_string()),
    };
    let new = || match mean_interval(differences, ground.confidence) {
        Ok(interval) => Told::Interval { interval, standard_error: None, monte_carlo_error: None },
        Err(why) => Told::hidden(why.to_string()),
    };
    let estimate = sweeper_stats::summary(differences).ok()?.mean;
    Some(MeanDifference { estimate, these_tasks: barred(&these), new_tasks: barred(&new) })
}
