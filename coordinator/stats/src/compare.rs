//! Tests of a difference of two means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::distributions::{student_t_critical, student_t_two_sided};
use crate::moments::Moments;
use crate::summary::Interval;

/// A t test of a difference of means. `difference`, `interval` and `standard_error` are in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TTest {
    /// Mean of the first sample less the mean of the second.
    pub difference: f64,
    /// Confidence interval of the difference.
    pub interval: Interval,
    /// t, `difference / standard_error`.
    pub statistic: f64,
    /// Degrees of freedom; fractional for Welch's test.
    pub df: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// Two-sided p-value; 0 only when it is below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the two-sided p-value.
    pub log10_p: f64,
}

impl TTest {
    /// Welch's test of two samples given by the standard errors of their means and their sizes of at least 2; at
    /// least one of the errors is above 0.
    pub(crate) fn welch(
        difference: f64,
        a: (f64, usize),
        b: (f64, usize),
        confidence: f64,
    ) -> Result<Self, Degenerate> {
        let (df, standard_error) = satterthwaite(a, b);
        Self::new(difference, standard_error, difference / standard_error, df, confidence)
    }

    pub(crate) fn new(
        difference: f64,
        standard_error: f64,
        statistic: f64,
        df: f64,
        confidence: f64,
    ) -> Result<Self, Degenerate> {
        let difference = finite("the difference", difference)?;
        let standard_error = finite("the standard error", standard_error)?;
        let statistic = finite("the t statistic", statistic)?;
        let tail = student_t_two_sided(statistic, df)?;
        let half = student_t_critical(confidence, df)? * standard_error;
        let interval = Interval::around(difference, half, confidence)?;
        Ok(Self { difference, interval, statistic, df, standard_error, p_value: tail.p, log10_p: tail.log10_p })
    }
}

/// Paired t test of `a - b`: with `d = a[i] - b[i]`, `t = mean(d) / (sd(d) / sqrt(n))` on n - 1 degrees of freedom.
///
/// Source: Student, "The probable error of a mean", Biometrika 6 (1908).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two pairs, [`Degenerate::ZeroVariance`] when all
/// differences are equal to within the rounding of the values, [`Degenerate::NotFinite`], [`Degenerate::Domain`]
/// for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn paired_t(a: &[f64], b: &[f64], confidence: f64) -> Result<TTest, Degenerate> {
    check_pairs(a, b, 2)?;
    check_fraction("confidence", confidence)?;
    let differences = Moments::of_differences(a, b);
    if differences.is_constant() {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", differences.mean())? });
    }
    let df = (a.len() - 1) as f64;
    TTest::new(differences.mean(), differences.se(), differences.mean_over_se(), df, confidence)
}

/// Welch's t test of `mean(a) - mean(b)` for independent samples of any two variances: with `u = var(a) / na` and
/// `v = var(b) / nb`, `t = (mean(a) - mean(b)) / sqrt(u + v)` on
/// `(u + v)^2 / (u^2 / (na - 1) + v^2 / (nb - 1))` degrees of freedom (Satterthwaite), which does not depend on the
/// scale and is computed from the ratio of the two standard errors. One of the samples may be constant.
///
/// Source: Welch, "The generalization of Student's problem when several different population variances are
/// involved", Biometrika 34 (1947).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when both are constant,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn welch_t(a: &[f64], b: &[f64], confidence: f64) -> Result<TTest, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    check_fraction("confidence", confidence)?;
    let (a, b) = (Moments::of(a), Moments::of(b));
    let difference = a.mean_less(&b);
    if a.is_constant() && b.is_constant() {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", difference)? });
    }
    let (se_a, se_b) = (finite("the standard error", a.se())?, finite("the standard error", b.se())?);
    TTest::welch(difference, (se_a, a.n()), (se_b, b.n()), confidence)
}

/// Satterthwaite's degrees of freedom of `se_a^2 + se_b^2`, and the root of that sum, from the two standard errors
/// and sample sizes; at least one of the errors is above 0.
pub(crate) fn satterthwaite((se_a, n_a): (f64, usize), (se_b, n_b): (f64, usize)) -> (f64, f64) {
    let larger = se_a.max(se_b);
    let (u, v) = ((se_a / larger).powi(2), (se_b / larger).powi(2));
    let df = (u + v).powi(2) / (u * u / (n_a - 1) as f64 + v * v / (n_b - 1) as f64);
    (df, larger * (u + v).sqrt())
}
