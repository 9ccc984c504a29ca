//! Performance profiles: the share of runs above each threshold.

use serde::{Deserialize, Serialize};

use super::by_task;
use crate::bootstrap::strata::{Design, Statistic};
use crate::bootstrap::{Levels, Resampling, Seeds};
use crate::degenerate::{Degenerate, check_sample};
use crate::summary::quantile_sorted;

/// A point of a performance profile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Score.
    pub threshold: f64,
    /// Share of runs with a higher score, the mean over tasks.
    pub share: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// A performance profile with its band. Where no run, or every run, is above the threshold in all resamples the band
/// has no width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Points in ascending order of the threshold.
    pub points: Vec<ProfilePoint>,
    /// Nominal coverage of the band: of the whole profile when `simultaneous`, else of each point.
    pub confidence: f64,
    /// Whether the band is to hold everywhere at once.
    pub simultaneous: bool,
    /// Resamples drawn.
    pub resamples: u32,
}

/// Shares of runs above each threshold, summed over the drawn tasks.
struct Shares {
    /// For each task and run how many of the thresholds lie below its score.
    below: Vec<Vec<usize>>,
    thresholds: usize,
}

impl Shares {
    /// `thresholds` ascend.
    fn of(scores: &[Vec<f64>], thresholds: &[f64]) -> Self {
        let below = |runs: &Vec<f64>| runs.iter().map(|run| thresholds.partition_point(|t| t < run)).collect();
        Self { below: scores.iter().map(below).collect(), thresholds: thresholds.len() }
    }
}

struct Gathered {
    /// Share of runs above just so many thresholds, summed over tasks.
    just: Vec<f64>,
    tasks: u32,
}

impl Gathered {
    /// Mean share of runs above each threshold; empties itself.
    fn shares(&mut self) -> Vec<f64> {
        let tasks = f64::from(std::mem::take(&mut self.tasks));
        let mut above = 0.0;
        let mut shares = vec![0.0; self.just.len() - 1];
        for (k, just) in self.just.iter_mut().enumerate().rev() {
            above += std::mem::take(just);
            if k > 0 {
                // Thirtieths may add up to a little more than 1.
                shares[k - 1] = (above / tasks).min(1.0);
            }
        }
        shares
    }
}

impl Statistic for Shares {
    type State = Gathered;

    fn start(&self) -> Gathered {
        Gathered { just: vec![0.0; self.thresholds + 1], tasks: 0 }
    }

    fn add(&self, task: usize, weights: &[u32], state: &mut Gathered) {
        // As many as there are runs, but where tasks lack some of the seeds they share.
        let one = 1.0 / f64::from(weights.iter().sum::<u32>());
        for (&below, &weight) in self.below[task].iter().zip(weights) {
            state.just[below] += f64::from(weight) * one;
        }
        state.tasks += 1;
    }
}

/// The shares of [`performance_profile`] alone, for each of the ascending `thresholds`.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task, run or threshold; [`Degenerate::NotFinite`]; [`Degenerate::Domain`] for
/// thresholds that do not ascend.
pub fn profile_shares(scores: &[Vec<f64>], thresholds: &[f64]) -> Result<Vec<f64>, Degenerate> {
    check_sample(thresholds, 1)?;
    if !thresholds.is_sorted() {
        return Err(Degenerate::domain("thresholds must ascend"));
    }
    let design = Design::of(&by_task(&[scores])?, Seeds::Own, Levels::Runs)?;
    Ok(design.without(&Shares::of(scores, thresholds), Gathered::shares, |_, _| ()))
}

/// Performance profile (run-score distribution): for each threshold the share of runs with a higher score, the mean
/// over tasks, with a band by the bootstrap stratified by task. The band of a point is that of percentiles; the
/// simultaneous one is the share and as many of its standard errors everywhere as hold for `confidence` of the
/// resampled profiles (Montiel Olea and Plagborg-Møller, "Simultaneous confidence bands", Journal of Applied
/// Econometrics 34, 2019), within 0 to 1.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task, run or threshold or below 100 resamples; [`Degenerate::NotFinite`];
/// [`Degenerate::Domain`] for a confidence outside of (0, 1).
pub fn performance_profile(
    scores: &[Vec<f64>],
    thresholds: &[f64],
    seeds: Seeds<'_>,
    levels: Levels,
    simultaneous: bool,
    confidence: f64,
    resampling: &Resampling,
) -> Result<Profile, Degenerate> {
    crate::bootstrap::check(confidence, resampling)?;
    check_sample(thresholds, 1)?;
    let mut thresholds = thresholds.to_vec();
    thresholds.sort_by(f64::total_cmp);
    let design = Design::of(&by_task(&[scores])?, seeds, levels)?;
    let statistic = Shares::of(scores, &thresholds);
    let shares = design.without(&statistic, Gathered::shares, |_, _| ());
    let replicates = design.resample(&statistic, resampling.draws(), resampling.resamples, Gathered::shares);
    let bands = if simultaneous {
        simultaneous_band(&shares, &replicates, confidence)
    } else {
        pointwise_band(&replicates, shares.len(), confidence)
    };
    let points = thresholds.iter().zip(&shares).zip(bands);
    Ok(Profile {
        points: points
            .map(|((&threshold, &share), (low, high))| ProfilePoint { threshold, share, low, high })
            .collect(),
        confidence,
        simultaneous,
        resamples: resampling.resamples,
    })
}

fn pointwise_band(replicates: &[Vec<f64>], points: usize, confidence: f64) -> Vec<(f64, f64)> {
    let tail = 0.5 * (1.0 - confidence);
    let band = |k: usize| {
        let mut column: Vec<f64> = replicates.iter().map(|shares| shares[k]).collect();
        column.sort_unstable_by(f64::total_cmp);
        (quantile_sorted(&column, tail), quantile_sorted(&column, 1.0 - tail))
    };
    (0..points).map(band).collect()
}

fn simultaneous_band(shares: &[f64], replicates: &[Vec<f64>], confidence: f64) -> Vec<(f64, f64)> {
    let count = (replicates.len() - 1) as f64;
    let spread = |(k, share): (usize, &f64)| {
        (replicates.iter().map(|shares| (shares[k] - share).powi(2)).sum::<f64>() / count).sqrt()
    };
    let spreads: Vec<f64> = shares.iter().enumerate().map(spread).collect();
    let farthest = |replicate: &Vec<f64>| {
        let distances = replicate.iter().zip(shares).zip(&spreads);
        // A spread at the size of rounding is that of a share that never changes.
        distances.filter(|(_, s)| **s > 1e-12).map(|((r, share), s)| (r - share).abs() / s).fold(0.0, f64::max)
    };
    let mut farthest: Vec<f64> = replicates.iter().map(farthest).collect();
    farthest.sort_unstable_by(f64::total_cmp);
    let critical = quantile_sorted(&farthest, confidence);
    shares.iter().zip(&spreads).map(|(p, s)| ((p - critical * s).max(0.0), (p + critical * s).min(1.0))).collect()
}
