//! Probability of superiority: how often a run of one configuration beats a run of another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{TTest, paired_t, welch_t};
use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample};
use crate::distributions::{student_t_critical, student_t_two_sided};
use crate::summary::Interval;

/// Probability of superiority `A12 = P(A > B) + P(A = B) / 2`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Superiority {
    /// Share of pairs of one value of each sample in which the first is larger, ties counted half.
    pub a12: f64,
    /// Confidence interval of the probability, within 0 to 1.
    pub interval: Interval,
    /// Standard error of `a12`; 0 at complete separation.
    pub standard_error: f64,
    /// Test of `A12 = 1/2`; `None` at complete separation, where it has no standard error.
    pub test: Option<SuperiorityTest>,
}

/// Test of equal chances; two-sided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuperiorityTest {
    /// `(a12 - 1/2) / standard_error`.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Two-sided p-value; 0 only when it is below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

/// [`Superiority`] of `a` over `b`, independent samples, with Brunner and Munzel's test. It is Welch's t of the
/// placements: each value's share of the other sample below it, ties counted half.
///
/// The interval is `logit(A12) +/- t se / (A12 (1 - A12))`, transformed back, which never leaves 0 to 1. At complete
/// separation no standard error exists, and the interval is a bound: were the probability p, the m = min(na, nb)
/// pairs of values with the same index would all be won with probability p^m at most, so the lower limit is
/// `((1 - confidence) / 2)^(1/m)`. Some pairs of distributions reach p^m: no bound that holds for all is tighter.
///
/// Source: Brunner and Munzel, "The nonparametric Behrens-Fisher problem", Biometrical Journal 42 (2000); Brunner,
/// Bathke and Konietschke, "Rank and pseudo-rank procedures for independent observations in factorial designs"
/// (Springer, 2018), section 3.7.
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when all values are equal,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1).
pub fn superiority(a: &[f64], b: &[f64], confidence: f64) -> Result<Superiority, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    check_fraction("confidence", confidence)?;
    check_varies(a, b)?;
    let a12 = share_won(a, b);
    if a12 == 0.0 || a12 == 1.0 {
        return Ok(separated(a12, a.len().min(b.len()), confidence));
    }
    logit(a12, &welch_t(&placements(a, b), &placements(b, a), confidence)?, confidence)
}

/// [`Superiority`] of `a` over `b` when values come in pairs: over all pairs of a value of each, as [`superiority`],
/// but with the standard error of the differences of paired placements, on n - 1 degrees of freedom. At complete separation
/// the bound is that of n / 2 pairs, rounded down: a value of one pair and the other value of the next are independent,
/// and those of one pair need not be.
///
/// Sources: Munzel, "Nonparametric methods for paired samples", Statistica Neerlandica 53 (1999); Konietschke and
/// Pauly, "A studentized permutation test for the nonparametric Behrens-Fisher problem in paired data", Electronic
/// Journal of Statistics 6 (2012).
///
/// # Errors
/// As [`superiority`], and [`Degenerate::LengthMismatch`]; [`Degenerate::ZeroVariance`] also when every pair's
/// placements differ by the same.
pub fn superiority_paired(a: &[f64], b: &[f64], confidence: f64) -> Result<Superiority, Degenerate> {
    check_pairs(a, b, 2)?;
    check_fraction("confidence", confidence)?;
    check_varies(a, b)?;
    let a12 = share_won(a, b);
    if a12 == 0.0 || a12 == 1.0 {
        // Values of one pair may depend on each other: the first of one and the second of the next do not.
        return Ok(separated(a12, a.len() / 2, confidence));
    }
    logit(a12, &paired_t(&placements(a, b), &placements(b, a), confidence)?, confidence)
}

fn check_varies(a: &[f64], b: &[f64]) -> Result<(), Degenerate> {
    if a.iter().chain(b).all(|v| *v == a[0]) {
        return Err(Degenerate::ZeroVariance { value: 0.0 });
    }
    Ok(())
}

/// Twice the number of `others` below each of `x`, ties counted half.
fn doubled_wins<'a>(x: &'a [f64], others: &[f64]) -> impl Iterator<Item = usize> + use<'a> {
    let mut others = others.to_vec();
    others.sort_by(f64::total_cmp);
    x.iter().map(move |v| others.partition_point(|o| o < v) + others.partition_point(|o| o <= v))
}

/// For each of `x` the share of `others` below it, ties counted half.
fn placements(x: &[f64], others: &[f64]) -> Vec<f64> {
    doubled_wins(x, others).map(|wins| wins as f64 / (2 * others.len()) as f64).collect()
}

/// Share of pairs that `a` wins, ties counted half; from whole numbers, so that 0 and 1 are exact.
fn share_won(a: &[f64], b: &[f64]) -> f64 {
    doubled_wins(a, b).sum::<usize>() as f64 / (2.0 * a.len() as f64 * b.len() as f64)
}

/// The result at complete separation of `pairs` independent pairs.
fn separated(a12: f64, pairs: usize, confidence: f64) -> Superiority {
    let bound = (0.5 * (1.0 - confidence)).powf(1.0 / pairs as f64);
    let interval = if a12 == 1.0 {
        Interval { low: bound, high: 1.0, confidence }
    } else {
        Interval { low: 0.0, high: 1.0 - bound, confidence }
    };
    Superiority { a12, interval, standard_error: 0.0, test: None }
}

/// The result from a t test of the placements of both samples, whose difference is `A12 - (1 - A12)`: twice what is
/// asked, with the standard error of `A12`.
fn logit(a12: f64, placements: &TTest, confidence: f64) -> Result<Superiority, Degenerate> {
    let (error, df) = (placements.standard_error, placements.df);
    let statistic = 0.5 * placements.statistic;
    let tail = student_t_two_sided(statistic, df)?;
    let half = student_t_critical(confidence, df)? * error / (a12 * (1.0 - a12));
    let odds = a12 / (1.0 - a12);
    // exp(-half) is at most 1; a half-width beyond f64 makes the limits 0 and 1, as it should.
    let shrink = (-half).exp();
    let interval = Interval { low: odds * shrink / (1.0 + odds * shrink), high: odds / (odds + shrink), confidence };
    let test = Some(SuperiorityTest { statistic, df, p_value: tail.p, log10_p: tail.log10_p });
    Ok(Superiority { a12, interval, standard_error: error, test })
}
