//! Scores over several tasks: interquartile mean, probability of improvement, performance profiles.
//!
//! Scores are `scores[task][run]`, and must be comparable over tasks (normalised by the caller). Where seeds are shared,
//! by configurations or by tasks too, runs of one seed are drawn together ([`Seeds`]).
//!
//! Source of all three: Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep reinforcement learning at the edge
//! of the statistical precipice", NeurIPS 34 (2021).

mod profile;

pub use profile::{Profile, ProfilePoint, performance_profile, profile_shares};

use crate::bootstrap::strata::{Design, Statistic};
use crate::bootstrap::{BootstrapInterval, BootstrapKind, Levels, Resampling, Seeds};
use crate::degenerate::{Degenerate, finite};
use crate::moments::Moments;
use crate::robust::iqm;
use crate::summary::summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A task's runs, configuration after configuration.
fn by_task<'a>(configs: &[&'a [Vec<f64>]]) -> Result<Vec<Vec<&'a [f64]>>, Degenerate> {
    let tasks = configs.first().map_or(0, |scores| scores.len());
    if let Some(other) = configs.iter().find(|scores| scores.len() != tasks) {
        return Err(Degenerate::LengthMismatch { a: tasks, b: other.len() });
    }
    Ok((0..tasks).map(|task| configs.iter().map(|scores| scores[task].as_slice()).collect()).collect())
}

/// Interquartile means over all runs of all tasks, one for each configuration.
struct Quartiles {
    /// Scores in ascending order, as deviations from their common mean, for each configuration.
    sorted: Vec<Vec<f64>>,
    /// For each task and each of its weights: configuration, and place among the sorted scores.
    places: Vec<Vec<(usize, usize)>>,
}

impl Quartiles {
    /// `deviations` are those of all scores, task after task and configuration after configuration.
    fn of(tasks: &[Vec<&[f64]>], deviations: &[f64]) -> Self {
        let configs = tasks[0].len();
        let mut all: Vec<Vec<(f64, usize, usize)>> = vec![Vec::new(); configs];
        let mut places: Vec<Vec<(usize, usize)>> = Vec::with_capacity(tasks.len());
        let mut next = deviations.iter();
        for (task, runs) in tasks.iter().enumerate() {
            let mut slot = 0;
            for (config, runs) in runs.iter().enumerate() {
                for deviation in next.by_ref().take(runs.len()) {
                    all[config].push((*deviation, task, slot));
                    slot += 1;
                }
            }
            places.push(vec![(0, 0); slot]);
        }
        for (config, scores) in all.iter_mut().enumerate() {
            scores.sort_by(|x, y| x.0.total_cmp(&y.0));
            for (place, &(_, task, slot)) in scores.iter().enumerate() {
                places[task][slot] = (config, place);
            }
        }
        let sorted = all.into_iter().map(|scores| scores.into_iter().map(|(score, _, _)| score).collect()).collect();
        Self { sorted, places }
    }

    /// Interquartile mean of a configuration; empties its weights.
    fn mean(&self, config: usize, weights: &mut [u32]) -> f64 {
        let total: u32 = weights.iter().sum();
        let cut = total / 4;
        // What is still to be skipped at the lower end, and to be taken after that.
        let (mut skip, mut take) = (cut, total - 2 * cut);
        let mut sum = 0.0;
        for (score, weight) in self.sorted[config].iter().zip(weights) {
            let skipped = skip.min(*weight);
            let taken = (*weight - skipped).min(take);
            skip -= skipped;
            take -= taken;
            sum += f64::from(taken) * score;
            *weight = 0;
        }
        sum / f64::from(total - 2 * cut)
    }
}

impl Statistic for Quartiles {
    type State = Vec<Vec<u32>>;

    fn start(&self) -> Self::State {
        self.sorted.iter().map(|scores| vec![0; scores.len()]).collect()
    }

    fn add(&self, task: usize, weights: &[u32], state: &mut Self::State) {
        for (&(config, place), weight) in self.places[task].iter().zip(weights) {
            state[config][place] += weight;
        }
    }
}

/// Design, statistic and moments of all scores. Deviations are taken from the common mean.
fn quartiles(
    tasks: &[Vec<&[f64]>],
    seeds: Seeds<'_>,
    levels: Levels,
) -> Result<(Design, Quartiles, Moments), Degenerate> {
    let design = Design::of(tasks, seeds, levels)?;
    let all: Vec<f64> = tasks.iter().flatten().flat_map(|runs| runs.iter().copied()).collect();
    let moments = Moments::of(&all);
    finite("the mean", moments.mean())?;
    let quartiles = Quartiles::of(tasks, moments.deviations());
    Ok((design, quartiles, moments))
}

/// Interquartile mean of all runs of all tasks, with a bootstrap interval stratified by task.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task or run, below 100 resamples, and for BCa of fewer than two resampled tasks;
/// [`Degenerate::ZeroVariance`] when every resample gives the same; [`Degenerate::NotFinite`];
/// [`Degenerate::Domain`] for a confidence outside of (0, 1), a studentized interval or a limit that has no value.
pub fn aggregate_iqm(
    scores: &[Vec<f64>],
    seeds: Seeds<'_>,
    levels: Levels,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let tasks = by_task(&[scores])?;
    let (design, quartiles, moments) = quartiles(&tasks, seeds, levels)?;
    let finish = |state: &mut Vec<Vec<u32>>| quartiles.mean(0, &mut state[0]);
    let (mean, unit) = (moments.mean(), moments.in_units(1.0));
    design.interval(&quartiles, finish, (|v| mean + v * unit, unit), kind, confidence, resampling)
}

/// Difference of the interquartile means of two configurations, `a` less `b`, with a bootstrap interval stratified by
/// task. Runs with one seed are drawn together.
///
/// # Errors
/// As [`aggregate_iqm`], and [`Degenerate::LengthMismatch`] for different numbers of tasks, or of runs with one seed.
pub fn aggregate_iqm_difference(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    seeds: Seeds<'_>,
    levels: Levels,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let tasks = by_task(&[a, b])?;
    let (design, quartiles, moments) = quartiles(&tasks, seeds, levels)?;
    let finish = |state: &mut Vec<Vec<u32>>| {
        let first = quartiles.mean(0, &mut state[0]);
        first - quartiles.mean(1, &mut state[1])
    };
    let unit = moments.in_units(1.0);
    design.interval(&quartiles, finish, (|v| v * unit, unit), kind, confidence, resampling)
}

/// All runs of all tasks as one sample: its mean, median, and mean shortfall from `target`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    /// Number of runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub median: f64,
    /// Interquartile mean: of the middle half of the runs.
    pub iqm: f64,
    /// Optimality gap: the mean of `max(target - score, 0)`.
    pub optimality_gap: f64,
}

/// Statistics of all runs of all tasks together. A task counts by the number of its runs.
///
/// # Errors
/// [`Degenerate::TooFew`] without a run; [`Degenerate::NotFinite`].
pub fn pooled(scores: &[Vec<f64>], target: f64) -> Result<Pooled, Degenerate> {
    let all: Vec<f64> = scores.iter().flatten().copied().collect();
    let shortfall: Vec<f64> = all.iter().map(|score| (target - score).max(0.0)).collect();
    Ok(Pooled {
        n: all.len(),
        mean: summary(&all)?.mean,
        median: summary(&all)?.median,
        iqm: iqm(&all)?,
        optimality_gap: summary(&shortfall)?.mean,
    })
}

/// Probability that a run of the first configuration beats one of the second on a task, ties counted half; summed over
/// the drawn tasks.
struct Wins {
    /// For each task its weights in ascending order of their scores, in groups of equal scores.
    order: Vec<Vec<Vec<usize>>>,
    /// Runs of the first configuration, for each task.
    first: Vec<usize>,
}

impl Wins {
    fn of(tasks: &[Vec<&[f64]>]) -> Self {
        let order = |runs: &Vec<&[f64]>| {
            let mut scores: Vec<(f64, usize)> =
                runs.iter().flat_map(|runs| runs.iter().copied()).enumerate().map(|(i, score)| (score, i)).collect();
            scores.sort_by(|x, y| x.0.total_cmp(&y.0));
            scores.chunk_by(|x, y| x.0 == y.0).map(|group| group.iter().map(|(_, i)| *i).collect()).collect()
        };
        Self { order: tasks.iter().map(order).collect(), first: tasks.iter().map(|runs| runs[0].len()).collect() }
    }
}

/// Sum of the probabilities of the tasks gathered, and their number.
type WinState = (f64, u32);

impl Statistic for Wins {
    type State = WinState;

    fn start(&self) -> WinState {
        (0.0, 0)
    }

    fn add(&self, task: usize, weights: &[u32], state: &mut WinState) {
        let first = self.first[task];
        // Twice the pairs won, and the runs of both configurations up to here.
        let (mut wins, mut below, mut beaten) = (0_u64, 0_u64, 0_u64);
        for group in &self.order[task] {
            let (mut a, mut b) = (0, 0);
            for &i in group {
                let weight = u64::from(weights[i]);
                if i < first {
                    a += weight;
                } else {
                    b += weight;
                }
            }
            wins += a * (2 * below + b);
            below += b;
            beaten += a;
        }
        state.0 += wins as f64 / (2.0 * beaten as f64 * below as f64);
        state.1 += 1;
    }
}

/// What [`probability_of_improvement`] estimates, without an interval.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task or run; [`Degenerate::LengthMismatch`] for different numbers of tasks;
/// [`Degenerate::NotFinite`].
pub fn improvement(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<f64, Degenerate> {
    let tasks = by_task(&[a, b])?;
    let design = Design::of(&tasks, Seeds::Own, Levels::Runs)?;
    let (sum, count) = design.without(&Wins::of(&tasks), std::mem::take, |_, _| ());
    Ok(sum / f64::from(count))
}

/// Probability of improvement: the mean over tasks of the probability that a run of `a` has a higher score than a run
/// of `b`, ties counted half; with a bootstrap interval stratified by task. Runs with one seed are drawn together.
///
/// # Errors
/// As [`aggregate_iqm_difference`]; [`Degenerate::ZeroVariance`] too when one configuration wins every pair, since a
/// bootstrap knows no more then ([`crate::superiority()`] answers a bound, task by task).
pub fn probability_of_improvement(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    seeds: Seeds<'_>,
    levels: Levels,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let tasks = by_task(&[a, b])?;
    let design = Design::of(&tasks, seeds, levels)?;
    let finish = |state: &mut WinState| {
        let (sum, tasks) = std::mem::take(state);
        sum / f64::from(tasks)
    };
    design.interval(&Wins::of(&tasks), finish, (|v| v, 1.0), kind, confidence, resampling)
}
