//! Standardised differences of means.
//!
//! The estimate carries the exact small-sample correction J, so it is unbiased under normality. The interval is that
//! of the population value: the noncentrality limits of the t statistic, rescaled and not multiplied by J, because
//! then its coverage is exact under normality.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::distributions::gamma::half_step_ratio;
use crate::distributions::noncentrality_interval;
use crate::moments::Moments;
use crate::summary::Interval;

/// Which standard deviation a standardised difference is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// Independent samples, pooled standard deviation.
    HedgesG,
    /// Paired samples, root mean square of the two standard deviations.
    HedgesGav,
    /// Paired samples, standard deviation of the differences.
    Dz,
}

/// A standardised difference of means, in standard deviations of its [`EffectKind`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectSize {
    /// Estimate with the small-sample correction J.
    pub g: f64,
    /// Confidence interval of the population value, from the noncentral t distribution.
    pub interval: Interval,
    /// What it was divided by.
    pub kind: EffectKind,
}

impl EffectSize {
    /// [`hedges_g`] of a difference, given standard deviation and size of each sample; one deviation is above 0.
    pub(crate) fn pooled(
        difference: f64,
        (sd_a, n_a): (f64, usize),
        (sd_b, n_b): (f64, usize),
        confidence: f64,
    ) -> Result<Self, Degenerate> {
        let df = n_a + n_b - 2;
        let larger = finite("the standard deviation", sd_a.max(sd_b))?;
        let squares = (n_a - 1) as f64 * (sd_a / larger).powi(2) + (n_b - 1) as f64 * (sd_b / larger).powi(2);
        let pooled = larger * (squares / df as f64).sqrt();
        let unit = (1.0 / n_a as f64 + 1.0 / n_b as f64).sqrt();
        Self::new(EffectKind::HedgesG, difference / pooled / unit, df, unit, confidence)
    }

    /// `statistic` is a t on `df` degrees of freedom whose noncentrality is the effect divided by `unit`.
    pub(crate) fn new(
        kind: EffectKind,
        statistic: f64,
        df: usize,
        unit: f64,
        confidence: f64,
    ) -> Result<Self, Degenerate> {
        let statistic = finite("the t statistic", statistic)?;
        let df = df as f64;
        let (low, high) = noncentrality_interval(statistic, df, confidence)?;
        let interval = Interval {
            low: finite("the lower limit", low * unit)?,
            high: finite("the upper limit", high * unit)?,
            confidence,
        };
        Ok(Self { g: finite("the effect size", small_sample_correction(df) * statistic * unit)?, interval, kind })
    }
}

/// `J(m) = gamma(m/2) / (sqrt(m/2) gamma((m-1)/2))`, the factor that makes a standardised difference on m > 1
/// degrees of freedom unbiased.
///
/// Source: Hedges, "Distribution theory for Glass's estimator of effect size and related estimators", Journal of
/// Educational Statistics 6 (1981).
fn small_sample_correction(m: f64) -> f64 {
    half_step_ratio(0.5 * (m - 1.0)) / (0.5 * m).sqrt()
}

/// Hedges' g of two independent samples: `J(m) (mean(a) - mean(b)) / s` with the pooled standard deviation s and
/// `m = na + nb - 2`. Its interval is that of `noncentrality * sqrt(1/na + 1/nb)`.
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when both are constant,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn hedges_g(a: &[f64], b: &[f64], confidence: f64) -> Result<EffectSize, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    check_fraction("confidence", confidence)?;
    let (a, b) = (Moments::of(a), Moments::of(b));
    let difference = finite("the difference", a.mean_less(&b))?;
    if a.is_constant() && b.is_constant() {
        return Err(Degenerate::ZeroVariance { value: difference });
    }
    EffectSize::pooled(difference, (a.sd(), a.n()), (b.sd(), b.n()), confidence)
}

/// Standardised mean difference of pairs: `J(n - 1) mean(d) / sd(d)` with `d = a[i] - b[i]`. Its interval is that of
/// `noncentrality / sqrt(n)`.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below three pairs (with two no unbiased estimate exists),
/// [`Degenerate::ZeroVariance`] when all differences are equal to within the rounding of the values,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn hedges_g_paired(a: &[f64], b: &[f64], confidence: f64) -> Result<EffectSize, Degenerate> {
    let differences = paired_moments(a, b, confidence)?;
    let unit = 1.0 / (a.len() as f64).sqrt();
    EffectSize::new(EffectKind::Dz, differences.mean_over_se(), a.len() - 1, unit, confidence)
}

/// Standardised mean difference of pairs in units of single values: `J(n - 1) mean(d) / s` with
/// `s^2 = (var(a) + var(b)) / 2`. Unlike [`hedges_g_paired`] it does not grow with the correlation of the pairs.
///
/// The interval is the noncentrality interval of the paired t times `sd(d) / (s sqrt(n))`: approximate, since it
/// takes that ratio as known. Source: Algina and Keselman, "Approximate confidence intervals for effect sizes",
/// Educational and Psychological Measurement 63 (2003).
///
/// # Errors
/// As [`hedges_g_paired`].
pub fn hedges_g_av(a: &[f64], b: &[f64], confidence: f64) -> Result<EffectSize, Degenerate> {
    let differences = paired_moments(a, b, confidence)?;
    let (sd_a, sd_b) = (Moments::of(a).sd(), Moments::of(b).sd());
    let larger = finite("the standard deviation", sd_a.max(sd_b))?;
    let average = larger * (0.5 * ((sd_a / larger).powi(2) + (sd_b / larger).powi(2))).sqrt();
    let unit = differences.se() / average;
    EffectSize::new(EffectKind::HedgesGav, differences.mean_over_se(), a.len() - 1, unit, confidence)
}

fn paired_moments(a: &[f64], b: &[f64], confidence: f64) -> Result<Moments, Degenerate> {
    check_pairs(a, b, 3)?;
    check_fraction("confidence", confidence)?;
    let differences = Moments::of_differences(a, b);
    if differences.is_constant() {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", differences.mean())? });
    }
    Ok(differences)
}
