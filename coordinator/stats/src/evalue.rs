//! t tests by e-values: valid however often one looks and for whatever reason one stops.
//!
//! An e-process has an expectation of at most 1 under the null hypothesis at every stopping time, so by Ville's
//! inequality it exceeds `1 / alpha` at any time with probability at most alpha. The ones here are Bayes factors of a
//! normal effect size against 0 with the right Haar prior on what both hypotheses share (scale; location and scale).
//! They depend on the data through the t statistic alone, and the group invariance of that statistic makes them valid
//! for every value of the shared parameters, not only on average over the prior.
//!
//! Sources: Wang and Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
//! variance", Sequential Analysis 44 (2025); Pérez-Ortiz, Lardy, de Heide and Grünwald, "E-statistics, group
//! invariance and anytime-valid testing", Annals of Statistics 52 (2024).

use std::f64::consts::LN_10;

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample};
use crate::moments::Moments;
use crate::summary::Interval;

/// Prior observations at which the e-values are taken unless told otherwise: the prior of the effect size is normal
/// with variance `1 / c`.
pub const DEFAULT_C: f64 = 1.0;

/// An e-process after n observations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EValue {
    /// Observations: pairs, or values per arm.
    pub n: usize,
    /// Base-10 logarithm of the e-value now.
    pub log10_e: f64,
    /// Base-10 logarithm of the largest e-value until now, at least 0: before the first observation it is 1.
    pub log10_max: f64,
    /// Observations at which the largest was reached; 0 when it never exceeded 1.
    pub max_at: usize,
    /// Always-valid p-value `min(1, 1 / largest)`; 0 only when below the smallest double.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

/// Natural logarithm of the e-value of a t statistic.
///
/// With `q = t^2 / df`, `df` degrees of freedom and information `m` (n for one sample, `1 / (1/na + 1/nb)` for two):
/// `((1 + q) / (1 + q c/(m + c)))^((df + 1)/2) / sqrt(1 + m/c)`. For one sample and the sums S and V of the values and
/// their squares that is `sqrt(c/(n + c)) (V / (V - S^2/(n + c)))^(n/2)`.
pub(crate) fn ln_e(t: f64, df: f64, information: f64, c: f64) -> f64 {
    let q = t / df.sqrt() * (t / df.sqrt());
    let shrink = c / (information + c);
    let ratio = if q.is_finite() {
        // ln((1 + q) / (1 + q shrink)), as 1 + a small number where q is small.
        (q * (1.0 - shrink) / (1.0 + q * shrink)).ln_1p()
    } else {
        -shrink.ln()
    };
    0.5 * (df + 1.0) * ratio - 0.5 * (information / c).ln_1p()
}

pub(crate) fn check_c(c: f64) -> Result<(), Degenerate> {
    if (1e-6..=1e6).contains(&c) {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("c is {c}, it must lie in 1e-6 to 1e6")))
    }
}

/// Collects the e-values of growing data.
struct Process {
    log10_max: f64,
    max_at: usize,
}

impl Process {
    fn run(n: usize, log10_at: impl Fn(usize) -> Option<f64>) -> Result<EValue, Degenerate> {
        let mut process = Self { log10_max: 0.0, max_at: 0 };
        let mut log10_e = 0.0;
        for k in 2..=n {
            // Without variance there is no t; the process then stands at 1, as before any data.
            log10_e = log10_at(k).unwrap_or(0.0);
            if log10_e > process.log10_max {
                (process.log10_max, process.max_at) = (log10_e, k);
            }
        }
        let log10_p = 0.0 - process.log10_max;
        let p_value = 10_f64.powf(log10_p);
        Ok(EValue { n, log10_e, log10_max: process.log10_max, max_at: process.max_at, p_value, log10_p })
    }
}

/// e-value of "the mean is 0" after each value of `x` in turn, in time quadratic in their number.
///
/// # Errors
/// [`Degenerate::TooFew`] below two values, [`Degenerate::ZeroVariance`] when all are equal, [`Degenerate::NotFinite`],
/// [`Degenerate::Domain`] for `c` out of range.
pub fn e_value(x: &[f64], c: f64) -> Result<EValue, Degenerate> {
    paired_e_value(x, &vec![0.0; x.len()], c)
}

/// e-value of "the pairs `a[i] - b[i]` have mean 0", taken after each pair in turn: order is that of the slices.
/// Valid for normal differences.
///
/// # Errors
/// As [`e_value`]; [`Degenerate::LengthMismatch`].
pub fn paired_e_value(a: &[f64], b: &[f64], c: f64) -> Result<EValue, Degenerate> {
    check_pairs(a, b, 2)?;
    check_c(c)?;
    let all = Moments::of_differences(a, b);
    if all.is_constant() {
        return Err(Degenerate::ZeroVariance { value: all.mean() });
    }
    Process::run(a.len(), |n| {
        let moments = Moments::of_differences(&a[..n], &b[..n]);
        (!moments.is_constant()).then(|| ln_e(moments.mean_over_se(), (n - 1) as f64, n as f64, c) / LN_10)
    })
}

/// e-value of "both samples have the same mean" after each step that adds one value to either arm. Valid for normal
/// values of *equal* variance in both arms; [`paired_e_value`] of values matched by index needs no such assumption.
///
/// Source of the Bayes factor: Gönen, Johnson, Lu and Westfall, "The Bayesian two-sample t test", The American
/// Statistician 59 (2005).
///
/// # Errors
/// As [`paired_e_value`].
pub fn two_sample_e_value(a: &[f64], b: &[f64], c: f64) -> Result<EValue, Degenerate> {
    check_pairs(a, b, 2)?;
    check_c(c)?;
    let at = |n: usize| -> Option<f64> {
        let (x, y) = (Moments::of(&a[..n]), Moments::of(&b[..n]));
        // At equal sizes the pooled t is Welch's.
        let se = x.se().hypot(y.se());
        (se > 0.0 && se.is_finite()).then(|| ln_e(x.mean_less(&y) / se, (2 * n - 2) as f64, 0.5 * n as f64, c) / LN_10)
    };
    if at(a.len()).is_none() {
        return Err(Degenerate::ZeroVariance { value: Moments::of(a).mean_less(&Moments::of(b)) });
    }
    Process::run(a.len(), at)
}

/// Half-width, in standard errors, of the set of means whose e-value is below `1 / alpha`. `None` when the set is
/// unbounded: too few values for this `alpha`.
pub(crate) fn e_critical(df: f64, information: f64, c: f64, alpha: f64) -> Option<f64> {
    let shrink = c / (information + c);
    let ln_a = 2.0 / (df + 1.0) * (0.5 * (information / c).ln_1p() - alpha.ln());
    // (1 + q) / (1 + q shrink) = A has a solution while A shrink < 1.
    let room = -(ln_a + shrink.ln()).exp_m1();
    (room > 0.0).then(|| (ln_a.exp_m1() / room * df).sqrt())
}

/// Confidence sequence of the mean of `x`: the means whose e-value is below `1 / alpha` with `alpha = 1 - confidence`.
/// The intervals after all n hold together with probability `confidence`.
///
/// # Errors
/// As [`e_value`]; [`Degenerate::Domain`] for a confidence outside of (0, 1), or while the interval is unbounded.
pub fn e_interval(x: &[f64], c: f64, confidence: f64) -> Result<Interval, Degenerate> {
    check_sample(x, 2)?;
    paired_e_interval(x, &vec![0.0; x.len()], c, confidence)
}

/// [`e_interval`] of the mean of `a[i] - b[i]`.
///
/// # Errors
/// As [`e_interval`]; [`Degenerate::LengthMismatch`].
pub fn paired_e_interval(a: &[f64], b: &[f64], c: f64, confidence: f64) -> Result<Interval, Degenerate> {
    let test = crate::compare::paired_t(a, b, confidence)?;
    check_c(c)?;
    e_interval_of(&test, a.len(), c, confidence)
}

/// [`e_interval`] from a one-sample or paired t test of `n` values.
pub(crate) fn e_interval_of(test: &TTest, n: usize, c: f64, confidence: f64) -> Result<Interval, Degenerate> {
    check_fraction("confidence", confidence)?;
    let critical = e_critical(test.df, n as f64, c, 1.0 - confidence)
        .ok_or_else(|| Degenerate::domain(format!("the confidence sequence is still unbounded at {n} values")))?;
    Interval::around(test.difference, critical * test.standard_error, confidence)
}

/// e-BH: with the m e-values in descending order, reject the first k for the largest k whose k-th is at least
/// `m / (k alpha)`. Bounds the false discovery rate under any dependence of e-values taken at a fixed number of
/// replicates, or at a stopping time that depends on nothing but t statistics; not of their maxima so far.
///
/// `None` or NaN leaves the family: it stays `None` and m does not count it. `None` too for all when `alpha` is
/// outside of (0, 1).
///
/// Source: Wang and Ramdas, "False discovery rate control with e-values", Journal of the Royal Statistical Society B
/// 84 (2022).
#[must_use]
pub fn e_bh(log10_e: &[Option<f64>], alpha: f64) -> Vec<Option<bool>> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return vec![None; log10_e.len()];
    }
    let mut order: Vec<(usize, f64)> =
        log10_e.iter().enumerate().filter_map(|(i, e)| e.filter(|e| !e.is_nan()).map(|e| (i, e))).collect();
    order.sort_by(|x, y| y.1.total_cmp(&x.1));
    let m = order.len() as f64;
    let enough = |rank: usize, log10_e: f64| log10_e >= (m / ((rank + 1) as f64 * alpha)).log10();
    let rejected = order.iter().enumerate().rposition(|(rank, &(_, e))| enough(rank, e)).map_or(0, |rank| rank + 1);
    let mut decisions = vec![None; log10_e.len()];
    for (rank, &(index, _)) in order.iter().enumerate() {
        decisions[index] = Some(rank < rejected);
    }
    decisions
}
