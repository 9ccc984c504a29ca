//! Comparisons that a few odd runs do not decide.

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::moments::Moments;

/// The usual share trimmed at each end by [`yuen`] and [`yuen_paired`].
pub const TRIM: f64 = 0.2;

fn check_trim(trim: f64) -> Result<(), Degenerate> {
    if (0.0..0.5).contains(&trim) {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the trimmed share is {trim}, it must be at least 0 and below 0.5")))
    }
}

fn ascending(x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    x.sort_by(f64::total_cmp);
    x
}

/// Values trimmed at each end of `n >= 1`: `floor(trim n)`, with a share such as 0.29 of 100 not lost to rounding. One
/// is left at least.
fn trimmed_off(n: usize, trim: f64) -> usize {
    ((trim * n as f64 * (1.0 + 2.0 * f64::EPSILON)).floor() as usize).min((n - 1) / 2)
}

/// Moments of what is left after trimming: at least one value, since `trim` is below 1/2.
fn trimmed(x: &[f64], trim: f64) -> Moments {
    let cut = trimmed_off(x.len(), trim);
    Moments::of(&ascending(x)[cut..x.len() - cut])
}

/// `x` with the trimmed values replaced by the nearest that is left, in the order given.
fn winsorized(x: &[f64], trim: f64) -> Vec<f64> {
    let cut = trimmed_off(x.len(), trim);
    let sorted = ascending(x);
    x.iter().map(|v| v.clamp(sorted[cut], sorted[x.len() - 1 - cut])).collect()
}

/// Mean of a sample of one or more values without the `floor(trim n)` smallest and largest.
///
/// # Errors
/// [`Degenerate::TooFew`] for an empty sample, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a `trim` outside
/// of [0, 0.5).
pub fn trimmed_mean(x: &[f64], trim: f64) -> Result<f64, Degenerate> {
    check_sample(x, 1)?;
    check_trim(trim)?;
    Ok(trimmed(x, trim).mean())
}

/// Interquartile mean: the mean without the `floor(n / 4)` smallest and largest values, as in Agarwal et al., "Deep
/// reinforcement learning at the edge of the statistical precipice", NeurIPS 34 (2021).
///
/// # Errors
/// [`Degenerate::TooFew`] for an empty sample, [`Degenerate::NotFinite`].
pub fn iqm(x: &[f64]) -> Result<f64, Degenerate> {
    trimmed_mean(x, 0.25)
}

/// Yuen's t test of the difference of two trimmed means of independent samples: Welch's t with h = n - 2 floor(trim n)
/// values left, squared errors `(n - 1) s^2 / (h (h - 1))` of the winsorized variances, and h - 1 for n - 1 in the
/// degrees of freedom. `difference` of the result is that of the trimmed means.
///
/// Source: Yuen, "The two-sample trimmed t for unequal population variances", Biometrika 61 (1974).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when what is left of both is
/// constant, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a `trim` outside of [0, 0.5), a confidence outside
/// of (0, 1) or a result beyond `f64`.
pub fn yuen(a: &[f64], b: &[f64], trim: f64, confidence: f64) -> Result<TTest, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    check_trim(trim)?;
    check_fraction("confidence", confidence)?;
    let difference = trimmed(a, trim).mean_less(&trimmed(b, trim));
    let (error_a, left_a) = trimmed_error(a, trim)?;
    let (error_b, left_b) = trimmed_error(b, trim)?;
    let larger = error_a.max(error_b);
    if larger == 0.0 {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", difference)? });
    }
    let (u, v) = ((error_a / larger).powi(2), (error_b / larger).powi(2));
    let df = (u + v).powi(2) / (u * u / (left_a - 1.0) + v * v / (left_b - 1.0));
    let error = larger * (u + v).sqrt();
    TTest::new(difference, error, difference / error, df, confidence)
}

/// Standard error of a trimmed mean, and how many values are left. `n >= 2` leaves two at least.
fn trimmed_error(x: &[f64], trim: f64) -> Result<(f64, f64), Degenerate> {
    let left = left_over(x.len(), trim)?;
    let winsorized = Moments::of(&winsorized(x, trim));
    let factor = ((x.len() - 1) as f64 / (left * (left - 1.0))).sqrt();
    Ok((finite("the standard error", winsorized.sd() * factor)?, left))
}

fn left_over(n: usize, trim: f64) -> Result<f64, Degenerate> {
    let left = n - 2 * trimmed_off(n, trim);
    if left < 2 {
        return Err(Degenerate::domain(format!("of {n} values {left} is left after trimming, 2 are needed")));
    }
    Ok(left as f64)
}

/// Yuen's t test of the difference of two trimmed means of paired samples, on h - 1 degrees of freedom: the squared
/// error is `(n - 1) s^2 / (h (h - 1))` with the variance s^2 of the differences of the winsorized samples, which is
/// the sum of their variances less twice their covariance. `difference` of the result is that of the trimmed means,
/// not the trimmed mean of the differences.
///
/// Source: Wilcox, "Introduction to robust estimation and hypothesis testing", 3rd edition (Academic Press, 2012),
/// section 5.9.5, after Yuen (1974).
///
/// # Errors
/// As [`yuen`], and [`Degenerate::LengthMismatch`].
pub fn yuen_paired(a: &[f64], b: &[f64], trim: f64, confidence: f64) -> Result<TTest, Degenerate> {
    check_pairs(a, b, 2)?;
    check_trim(trim)?;
    check_fraction("confidence", confidence)?;
    let difference = trimmed(a, trim).mean_less(&trimmed(b, trim));
    let left = left_over(a.len(), trim)?;
    let winsorized = Moments::of_differences(&winsorized(a, trim), &winsorized(b, trim));
    if winsorized.is_constant() {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", difference)? });
    }
    let error = winsorized.sd() * ((a.len() - 1) as f64 / (left * (left - 1.0))).sqrt();
    TTest::new(difference, error, difference / error, left - 1.0, confidence)
}

/// A run that [`leave_one_out`] or [`leave_one_pair_out`] left out, by its index in the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "sample", content = "index")]
pub enum Omitted {
    /// A pair.
    Pair(usize),
    /// A value of the first sample.
    First(usize),
    /// A value of the second sample.
    Second(usize),
}

/// What a test says without one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Omission {
    /// The run.
    pub omitted: Omitted,
    /// p-value of the others, or why they have none.
    pub p_value: Result<f64, Degenerate>,
    /// Whether that p-value is on the other side of alpha.
    pub flips: bool,
}

/// A test's p-value, and what becomes of it without each run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaveOneOut {
    /// p-value of all runs.
    pub p_value: f64,
    /// Level at which the verdict is taken: significant at `p <= alpha`.
    pub alpha: f64,
    /// One for each run: those of the first sample before those of the second.
    pub omissions: Vec<Omission>,
}

impl LeaveOneOut {
    fn new(p_value: f64, alpha: f64) -> Self {
        Self { p_value, alpha, omissions: Vec::new() }
    }

    fn add(&mut self, omitted: Omitted, p_value: Result<f64, Degenerate>) {
        let flips = p_value.as_ref().is_ok_and(|&p| (p <= self.alpha) != (self.p_value <= self.alpha));
        self.omissions.push(Omission { omitted, p_value, flips });
    }

    /// The runs without any one of which the verdict is the other one.
    pub fn flips(&self) -> impl Iterator<Item = Omitted> + '_ {
        self.omissions.iter().filter(|omission| omission.flips).map(|omission| omission.omitted)
    }
}

pub(crate) fn without(x: &[f64], index: usize) -> Vec<f64> {
    x.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, v)| *v).collect()
}

/// p-values of a test of independent samples with each run of either left out. `test` answers a p-value.
///
/// # Errors
/// [`Degenerate::Domain`] for an `alpha` outside of (0, 1); what `test` says of all runs. A refusal without one run is
/// kept in its [`Omission`].
pub fn leave_one_out(
    a: &[f64],
    b: &[f64],
    alpha: f64,
    test: impl Fn(&[f64], &[f64]) -> Result<f64, Degenerate>,
) -> Result<LeaveOneOut, Degenerate> {
    check_fraction("alpha", alpha)?;
    let mut outcome = LeaveOneOut::new(test(a, b)?, alpha);
    for i in 0..a.len() {
        outcome.add(Omitted::First(i), test(&without(a, i), b));
    }
    for i in 0..b.len() {
        outcome.add(Omitted::Second(i), test(a, &without(b, i)));
    }
    Ok(outcome)
}

/// [`leave_one_out`] of a paired test: each pair is left out of both samples.
///
/// # Errors
/// As [`leave_one_out`], and [`Degenerate::LengthMismatch`].
pub fn leave_one_pair_out(
    a: &[f64],
    b: &[f64],
    alpha: f64,
    test: impl Fn(&[f64], &[f64]) -> Result<f64, Degenerate>,
) -> Result<LeaveOneOut, Degenerate> {
    check_fraction("alpha", alpha)?;
    check_pairs(a, b, 0)?;
    let mut outcome = LeaveOneOut::new(test(a, b)?, alpha);
    for i in 0..a.len() {
        outcome.add(Omitted::Pair(i), test(&without(a, i), &without(b, i)));
    }
    Ok(outcome)
}
