//! Summaries of one sample.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::distributions::student_t_critical;
use crate::moments::Moments;

/// Count, centre and spread of one sample, in the units of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, divisor n - 1. `None` for one value.
    pub sd: Option<f64>,
    /// Standard error of the mean, `sd / sqrt(n)`. `None` for one value.
    pub se: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Median; the midpoint of the two middle values when n is even.
    pub median: f64,
}

/// A confidence interval, in the units of what it speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
    /// Nominal coverage, between 0 and 1.
    pub confidence: f64,
}

impl Interval {
    /// Whether `value` lies inside, limits included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Summary of a sample of one or more values.
///
/// # Errors
/// [`Degenerate::TooFew`] for an empty sample, [`Degenerate::NotFinite`], [`Degenerate::Domain`] when a figure
/// leaves the range of `f64`.
pub fn summary(x: &[f64]) -> Result<Summary, Degenerate> {
    check_sample(x, 1)?;
    let moments = Moments::of(x);
    let sorted = sorted(x);
    let n = x.len();
    let (sd, se) = if n == 1 {
        (None, None)
    } else {
        (Some(finite("the standard deviation", moments.sd())?), Some(finite("the standard error", moments.se())?))
    };
    Ok(Summary {
        n,
        mean: moments.mean(),
        sd,
        se,
        min: sorted[0],
        max: sorted[n - 1],
        median: quantile_sorted(&sorted, 0.5),
    })
}

/// Student's t interval of the mean: `mean +/- t(1 - (1 - confidence)/2; n - 1) * sd / sqrt(n)`.
///
/// Source: Student, "The probable error of a mean", Biometrika 6 (1908).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values, [`Degenerate::ZeroVariance`] when all values are equal,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1).
pub fn mean_interval(x: &[f64], confidence: f64) -> Result<Interval, Degenerate> {
    check_sample(x, 2)?;
    check_fraction("confidence", confidence)?;
    let moments = Moments::of(x);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: x[0] });
    }
    let half = student_t_critical(confidence, (x.len() - 1) as f64)? * moments.se();
    Interval::around(moments.mean(), half, confidence)
}

impl Interval {
    /// `centre - half` to `centre + half`.
    pub(crate) fn around(centre: f64, half: f64, confidence: f64) -> Result<Self, Degenerate> {
        let low = finite("the lower limit", centre - half)?;
        let high = finite("the upper limit", centre + half)?;
        Ok(Self { low, high, confidence })
    }
}

/// The `q` quantile, `0 <= q <= 1`, by linear interpolation between order statistics at `1 + (n - 1) q`.
///
/// Source: definition 7 of Hyndman and Fan, "Sample quantiles in statistical packages", The American
/// Statistician 50 (1996); the default of R and NumPy.
///
/// # Errors
/// [`Degenerate::TooFew`] for an empty sample, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for `q` outside
/// of [0, 1].
pub fn quantile(x: &[f64], q: f64) -> Result<f64, Degenerate> {
    check_sample(x, 1)?;
    if !(0.0..=1.0).contains(&q) {
        return Err(Degenerate::domain(format!("quantile is {q}, it must lie in 0 to 1")));
    }
    Ok(quantile_sorted(&sorted(x), q))
}

/// Interquartile range: the 0.75 [`quantile`] less the 0.25 quantile.
///
/// # Errors
/// As [`quantile`], and [`Degenerate::Domain`] when the range is beyond `f64`.
pub fn iqr(x: &[f64]) -> Result<f64, Degenerate> {
    check_sample(x, 1)?;
    let sorted = sorted(x);
    // Order statistics less the smallest: an offset must not cost digits in the interpolation.
    let shifted: Vec<f64> = sorted.iter().map(|v| v - sorted[0]).collect();
    finite("the interquartile range", quantile_sorted(&shifted, 0.75) - quantile_sorted(&shifted, 0.25))
}

fn sorted(x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// `sorted` is not empty and ascending, `q` lies in [0, 1].
pub(crate) fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * q;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let weight = position - position.floor();
    if weight == 0.0 || sorted[below] == sorted[above] {
        return sorted[below];
    }
    if weight == 0.5 {
        return f64::midpoint(sorted[below], sorted[above]);
    }
    let step = sorted[above] - sorted[below];
    if step.is_finite() {
        sorted[below] + weight * step
    } else {
        (1.0 - weight) * sorted[below] + weight * sorted[above]
    }
}
