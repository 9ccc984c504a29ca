//! Ranks with confidence, and means without the winner's curse.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::audit::within;
use crate::compare::{TTest, paired_t, welch_t};
use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::distributions::increasing_root;
use crate::moments::{Moments, compensated_sum, largest};
use crate::summary::summary;

/// The rank of one configuration; 1 is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankInterval {
    /// Rank of its mean: one more than the number of better means.
    pub rank: usize,
    /// One more than the number of configurations shown to be better. At 1 it may be the best.
    pub low: usize,
    /// Number of configurations less those shown to be worse.
    pub high: usize,
}

/// Ranks of all configurations; all intervals hold at once with the given confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankIntervals {
    /// In the order of the configurations.
    pub ranks: Vec<RankInterval>,
    /// Pairs that could not be tested because neither varies; they count as not told apart.
    pub untested: Vec<(usize, usize)>,
    /// Pairs that were tested.
    pub comparisons: usize,
    /// Simultaneous coverage, between 0 and 1.
    pub confidence: f64,
}

/// Simultaneous confidence intervals of the ranks of all configurations from pairwise t tests (paired by seed, or
/// Welch's): the one-sided hypotheses "i is no better than j" of all ordered pairs are tested with Holm's step-down
/// method, which holds the family-wise error under any dependence, directions included; ranks count the rejections.
///
/// Source: Mogstad, Romano, Shaikh and Wilhelm, "Inference for ranks with applications to mobility across
/// neighbourhoods and academic achievement across countries", Review of Economic Studies 91 (2024).
///
/// # Errors
/// [`Degenerate::TooFew`] below two configurations or two values in one, [`Degenerate::NotFinite`],
/// [`Degenerate::LengthMismatch`] for paired samples of different length, [`Degenerate::Domain`] for a confidence outside
/// of (0, 1) or differences beyond `f64`.
pub fn rank_intervals(
    samples: &[&[f64]],
    paired: bool,
    higher_is_better: bool,
    confidence: f64,
) -> Result<RankIntervals, Degenerate> {
    check_fraction("confidence", confidence)?;
    let k = samples.len();
    if k < 2 {
        return Err(Degenerate::TooFew { n: k, needed: 2 });
    }
    for sample in samples {
        if paired { check_pairs(samples[0], sample, 2)? } else { check_sample(sample, 2)? }
    }
    let pairs: Vec<(usize, usize)> = (0..k).flat_map(|a| (a + 1..k).map(move |b| (a, b))).collect();
    let test = |&(a, b): &(usize, usize)| {
        let result = if paired { paired_t } else { welch_t }(samples[a], samples[b], confidence);
        match result {
            Ok(test) => Ok(Some(test)),
            Err(Degenerate::ZeroVariance { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    };
    let tests: Vec<Option<TTest>> = pairs.par_iter().map(test).collect::<Result<_, _>>()?;
    let sign = if higher_is_better { 1.0 } else { -1.0 };
    let mut tested: Vec<(usize, usize, f64)> = Vec::new();
    let mut untested = Vec::new();
    for (&(a, b), test) in pairs.iter().zip(&tests) {
        match test {
            Some(test) if sign * test.difference >= 0.0 => tested.push((a, b, test.log10_p)),
            Some(test) => tested.push((b, a, test.log10_p)),
            None => untested.push((a, b)),
        }
    }
    let mut shown = vec![(0, 0); k];
    for (better, worse) in shown_better(&mut tested, 1.0 - confidence) {
        shown[better].0 += 1;
        shown[worse].1 += 1;
    }
    let means: Vec<f64> = samples.iter().map(|s| summary(s).map(|s| sign * s.mean)).collect::<Result<_, _>>()?;
    let rank = |own: usize| 1 + means.iter().filter(|m| **m > means[own]).count();
    let ranks = shown
        .iter()
        .enumerate()
        .map(|(own, &(over, under))| RankInterval { rank: rank(own), low: 1 + under, high: k - over })
        .collect();
    Ok(RankIntervals { ranks, untested, comparisons: tested.len(), confidence })
}

/// Pairs (better, worse) that Holm's method tells apart, from (seemingly better, worse, log10 of the two-sided p). The
/// family has both directions of every pair; those against the data have p above 1/2 and are never rejected.
fn shown_better(tested: &mut [(usize, usize, f64)], alpha: f64) -> Vec<(usize, usize)> {
    tested.sort_by(|x, y| x.2.total_cmp(&y.2).then(x.0.cmp(&y.0)).then(x.1.cmp(&y.1)));
    let family = 2 * tested.len();
    tested
        .iter()
        .enumerate()
        .take_while(|(i, (_, _, log10_p))| log10_p - 2.0_f64.log10() + ((family - i) as f64).log10() <= alpha.log10())
        .map(|(_, &(better, worse, _))| (better, worse))
        .collect()
}

/// Means of groups that share their replicates, with the errors that matter among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResidualErrors {
    /// Mean of every group.
    pub means: Vec<f64>,
    /// Standard error of every mean relative to the others.
    pub standard_errors: Vec<f64>,
    /// Whether all groups have one residual variance; else each has its own.
    pub pooled: bool,
}

/// Own residual variances are used where they differ by more than this factor, 2 in standard deviations.
const UNEQUAL_VARIANCES: f64 = 4.0;

/// Standard errors of the means of k groups with respect to each other, where the values at one position share a seed.
/// What a seed does to all groups falls out of every difference, so it is no part of the error: with
/// `e_ib = y_ib - mean_i - mean_b + mean` over n seeds b, the residuals of the two-way additive model group + seed, the
/// residual mean square is `MS = sum e_ib^2 / ((k - 1)(n - 1))`, and every mean has the error `sqrt(MS / n)`.
///
/// Where the groups' own mean squares `k/(k - 1) * sum_b e_ib^2 / (n - 1)`, whose average MS is, differ by more than a
/// factor of 4, each group has its own: `(k - 2)/(k - 1)` of its expectation is the group's variance, the rest the average one.
///
/// # Errors
/// [`Degenerate::TooFew`] below two groups or two seeds, [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`],
/// [`Degenerate::ZeroVariance`] when the groups differ by constants, [`Degenerate::Domain`] beyond `f64`.
pub fn residual_errors(samples: &[&[f64]]) -> Result<ResidualErrors, Degenerate> {
    let k = samples.len();
    if k < 2 {
        return Err(Degenerate::TooFew { n: k, needed: 2 });
    }
    samples.iter().try_for_each(|sample| check_pairs(samples[0], sample, 2))?;
    let n = samples[0].len();
    let all = Moments::of(&samples.concat());
    let groups: Vec<usize> = (0..k * n).map(|at| at / n).collect();
    let seeds: Vec<usize> = (0..k * n).map(|at| at % n).collect();
    let rest = within(&within(all.deviations(), &groups, k), &seeds, n);
    let squares = |x: &[f64]| compensated_sum(x.iter().map(|v| v * v));
    let residual = squares(&rest);
    if residual <= 1e-26 * squares(all.deviations()) {
        return Err(Degenerate::ZeroVariance { value: all.mean() });
    }
    let pooled = residual / ((k - 1) * (n - 1)) as f64;
    let factor = k as f64 / ((k - 1) * (n - 1)) as f64;
    let own: Vec<f64> = rest.chunks(n).map(|rest| factor * squares(rest)).collect();
    let (least, most) = own.iter().fold((f64::MAX, 0.0_f64), |(least, most), v| (least.min(*v), most.max(*v)));
    // A group without any residual, by chance, has no error of its own either.
    let unequal = least > 1e-26 * most && most > UNEQUAL_VARIANCES * least;
    let error = |variance: f64| finite("a standard error", all.in_units((variance / n as f64).sqrt()));
    let variances = if unequal { own } else { vec![pooled; k] };
    Ok(ResidualErrors {
        means: samples.iter().map(|s| summary(s).map(|s| s.mean)).collect::<Result<_, _>>()?,
        standard_errors: variances.into_iter().map(error).collect::<Result<_, _>>()?,
        pooled: !unequal,
    })
}

/// Means drawn towards their centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shrunken {
    /// Shrunken means, in the units and order of the input.
    pub means: Vec<f64>,
    /// For each mean the share of its distance from the centre that was taken away, from 0 to below 1.
    pub shrinkage: Vec<f64>,
    /// What the means are drawn to: their average, weighted by precision.
    pub centre: f64,
    /// Estimated standard deviation of the true means; 0 when the means differ no more than their errors do.
    pub between_sd: f64,
}

/// Empirical-Bayes estimates of several true means from their sample means and standard errors, against the winner's
/// curse: the best of k observed means is too good on average, the largest shrunken one much less so. The errors are those
/// of the means relative to each other: where groups share their seeds, see [`residual_errors`].
///
/// `mean - B (mean - centre)` with `B = (k - 3)/(k - 1) * se^2 / (se^2 + tau^2)`; tau^2 makes
/// `sum (mean - centre)^2 / (se^2 + tau^2)` equal to k - 1 (0 when it cannot). With equal standard errors it is the
/// positive-part estimator of James and Stein about the mean.
///
/// Source: Morris, "Parametric empirical Bayes inference", JASA 78 (1983); Efron and Morris, JASA 68 (1973); tau: Paule
/// and Mandel, Journal of Research of the National Bureau of Standards 87 (1982).
///
/// # Errors
/// [`Degenerate::TooFew`] below four means (three cannot be shrunk), [`Degenerate::LengthMismatch`],
/// [`Degenerate::NotFinite`], [`Degenerate::ZeroVariance`] when all means are equal, [`Degenerate::Domain`] for a standard error that
/// is not positive, or means beyond 1e150 standard errors of each other.
pub fn shrink_means(means: &[f64], standard_errors: &[f64]) -> Result<Shrunken, Degenerate> {
    check_pairs(means, standard_errors, 4)?;
    if let Some(index) = standard_errors.iter().position(|se| *se <= 0.0) {
        return Err(Degenerate::domain(format!("standard error {index} is not positive")));
    }
    let moments = Moments::of(means);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: means[0] });
    }
    // In units of the largest standard error.
    let unit = largest(standard_errors);
    let x: Vec<f64> = moments.deviations().iter().map(|d| moments.in_units(*d) / unit).collect();
    let errors: Vec<f64> = standard_errors.iter().map(|se| (se / unit).powi(2)).collect();
    if largest(&x) > 1e150 || errors.contains(&0.0) {
        return Err(Degenerate::domain("the means or their errors differ beyond the range of a double"));
    }
    let df = (means.len() - 1) as f64;
    let fit = |tau2: f64| {
        let weights = || errors.iter().map(move |e| 1.0 / (e + tau2));
        let centre = compensated_sum(weights().zip(&x).map(|(w, x)| w * x)) / compensated_sum(weights());
        (centre, compensated_sum(weights().zip(&x).map(|(w, x)| w * (x - centre).powi(2))))
    };
    let tau2 = if fit(0.0).1 <= df {
        0.0
    } else {
        // On logarithms: tau may be anything from far below to far above the errors.
        increasing_root(|ln_tau2| df.ln() - fit(ln_tau2.exp()).1.max(f64::MIN_POSITIVE).ln(), 0.0, 1.0)?.exp()
    };
    let centre = fit(tau2).0;
    let shrinkage: Vec<f64> = errors.iter().map(|e| (df - 2.0) / df * e / (e + tau2)).collect();
    let shrunken = means.iter().zip(&x).zip(&shrinkage).map(|((mean, x), b)| mean - b * (x - centre) * unit);
    Ok(Shrunken {
        means: shrunken.map(|m| finite("a shrunken mean", m)).collect::<Result<_, _>>()?,
        shrinkage,
        centre: finite("the centre", moments.mean() + centre * unit)?,
        between_sd: finite("the standard deviation", tau2.sqrt() * unit)?,
    })
}
