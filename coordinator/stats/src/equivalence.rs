//! Equivalence: is a difference small enough not to matter?
//!
//! Not finding a difference is no evidence that there is none. Equivalence at a margin is shown by two one-sided
//! tests (TOST): against "the difference is -margin or below" and against "it is +margin or above". Both reject at
//! level alpha exactly when the `1 - 2 alpha` interval lies inside of the margin.

use std::f64::consts::LOG10_2;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{TTest, paired_t, welch_t};
use crate::degenerate::{Degenerate, check_fraction, finite};
use crate::distributions::{student_t_critical, student_t_sf, student_t_two_sided};
use crate::summary::Interval;

/// One of the two one-sided t tests of an equivalence test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneSided {
    /// t; large values speak for equivalence.
    pub statistic: f64,
    /// Upper tail of the statistic; 0 only when below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

impl OneSided {
    fn new(statistic: f64, df: f64) -> Result<Self, Degenerate> {
        let statistic = finite("the t statistic", statistic)?;
        let p_value = student_t_sf(statistic, df)?;
        let log10_p =
            if statistic > 0.0 { student_t_two_sided(statistic, df)?.log10_p - LOG10_2 } else { p_value.log10() };
        Ok(Self { statistic, p_value, log10_p })
    }
}

/// Two one-sided t tests of equivalence within `-margin..margin`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tost {
    /// Largest difference that does not matter, in the units of the data.
    pub margin: f64,
    /// Level of each of the two tests.
    pub alpha: f64,
    /// Test against a difference of `-margin` or below.
    pub lower: OneSided,
    /// Test against a difference of `margin` or above.
    pub upper: OneSided,
    /// Degrees of freedom of both.
    pub df: f64,
    /// The larger of the two p-values.
    pub p_value: f64,
    /// Base-10 logarithm of `p_value`.
    pub log10_p: f64,
    /// The `1 - 2 alpha` interval of the difference.
    pub interval: Interval,
    /// Equivalence would hold at this margin or any larger one, see [`smallest_margin`].
    pub smallest_margin: f64,
    /// Whether equivalence is shown: both tests reject at `alpha`.
    pub equivalent: bool,
}

/// The `1 - 2 alpha` interval of the difference that `test` estimates: the one that equivalence at level `alpha` is
/// read from.
///
/// # Errors
/// [`Degenerate::Domain`] for `alpha` outside of (0, 1/2).
pub fn equivalence_interval(test: &TTest, alpha: f64) -> Result<Interval, Degenerate> {
    check_fraction("2 alpha", 2.0 * alpha)?;
    let confidence = 1.0 - 2.0 * alpha;
    Interval::around(test.difference, student_t_critical(confidence, test.df)? * test.standard_error, confidence)
}

/// Smallest margin at which equivalence would hold, by the `1 - 2 alpha` interval: the larger of its limits in size.
#[must_use]
pub fn smallest_margin(interval: &Interval) -> f64 {
    interval.low.abs().max(interval.high.abs())
}

/// TOST of the difference that `test` estimates: `(difference + margin) / se` and `(margin - difference) / se`, each
/// on the degrees of freedom of `test`.
///
/// Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
/// equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
///
/// # Errors
/// [`Degenerate::Domain`] for a margin that is not positive and finite, `alpha` outside of (0, 1/2), or a result
/// beyond `f64`.
pub fn tost_of(test: &TTest, margin: f64, alpha: f64) -> Result<Tost, Degenerate> {
    check_margin(margin)?;
    let interval = equivalence_interval(test, alpha)?;
    let lower = OneSided::new((test.difference + margin) / test.standard_error, test.df)?;
    let upper = OneSided::new((margin - test.difference) / test.standard_error, test.df)?;
    let weaker = if lower.statistic < upper.statistic { lower } else { upper };
    Ok(Tost {
        margin,
        alpha,
        lower,
        upper,
        df: test.df,
        p_value: weaker.p_value,
        log10_p: weaker.log10_p,
        interval,
        smallest_margin: smallest_margin(&interval),
        equivalent: weaker.p_value <= alpha,
    })
}

/// TOST of pairs, [`tost_of`] the [`paired_t`] test.
///
/// # Errors
/// As [`paired_t`] and [`tost_of`].
pub fn tost_paired(a: &[f64], b: &[f64], margin: f64, alpha: f64) -> Result<Tost, Degenerate> {
    check_margin(margin)?;
    tost_of(&paired_t(a, b, 0.95)?, margin, alpha)
}

/// TOST of independent samples, [`tost_of`] the [`welch_t`] test.
///
/// # Errors
/// As [`welch_t`] and [`tost_of`].
pub fn tost_welch(a: &[f64], b: &[f64], margin: f64, alpha: f64) -> Result<Tost, Degenerate> {
    check_margin(margin)?;
    tost_of(&welch_t(a, b, 0.95)?, margin, alpha)
}

pub(crate) fn check_margin(margin: f64) -> Result<(), Degenerate> {
    if margin > 0.0 && margin.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the margin is {margin}, it must be positive and finite")))
    }
}
