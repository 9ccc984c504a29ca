//! Variance reduction by the control run of the same seed.
//!
//! The covariate must not be touched by the treatment: the control run of the same seed qualifies, another metric of the
//! treated run does not.

use serde::{Deserialize, Serialize};

use crate::audit::within;
use crate::compare::TTest;
use crate::correlation::correlation;
use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::distributions::student_t_critical;
use crate::moments::{Moments, compensated_sum};

/// A difference adjusted for a covariate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ancova {
    /// Adjusted difference with its interval and test.
    pub test: TTest,
    /// Slope of the values on the covariate.
    pub slope: f64,
    /// Correlation of values and covariate, within groups.
    pub correlation: f64,
    /// Effective-sample gain: how many times as many runs the plain, unpaired comparison would need.
    pub gain: f64,
}

/// Sums of squares and products of two samples of deviations that add up to 0.
struct Products {
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Products {
    fn of(x: &[f64], y: &[f64]) -> Self {
        let sum = |a: &[f64], b: &[f64]| compensated_sum(a.iter().zip(b).map(|(a, b)| a * b));
        Self { xx: sum(x, x), xy: sum(x, y), yy: sum(y, y) }
    }

    fn slope(&self) -> f64 {
        self.xy / self.xx
    }

    fn correlation(&self) -> f64 {
        (self.xy / (self.xx * self.yy).sqrt()).clamp(-1.0, 1.0)
    }

    /// Residual sum of squares of the line, from its residuals.
    fn residual(&self, x: &[f64], y: &[f64]) -> f64 {
        let slope = self.slope();
        compensated_sum(x.iter().zip(y).map(|(x, y)| (y - slope * x).powi(2)))
    }
}

fn exact_line() -> Degenerate {
    Degenerate::domain("the covariate explains every value: no error is left")
}

/// Analysis of covariance of two configurations: the difference `mean(a) - mean(b)` at equal covariates, with one slope
/// for both: `difference - slope * (mean(covariate_a) - mean(covariate_b))` with variance
/// `s^2 (1/na + 1/nb + (difference of covariate means)^2 / Sxx)` on `na + nb - 3` degrees of freedom. The covariate of a run is the
/// control's value under the same seed; the gain is `1 / (1 - correlation^2)`.
///
/// With the same seeds in both groups the adjustment is 0, and pairing ([`paired_t`](crate::paired_t)) uses more.
///
/// Source: Fisher, "Statistical methods for research workers", 4th edition (Oliver and Boyd, 1932), section 49.1.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::TooFew`] below two values in a group,
/// [`Degenerate::ZeroVariance`] when values or covariates are constant within groups, [`Degenerate::Domain`] when the covariate explains
/// every value, for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn ancova(
    a: &[f64],
    covariate_a: &[f64],
    b: &[f64],
    covariate_b: &[f64],
    confidence: f64,
) -> Result<Ancova, Degenerate> {
    check_pairs(a, covariate_a, 2)?;
    check_pairs(b, covariate_b, 2)?;
    check_fraction("confidence", confidence)?;
    let group: Vec<usize> = (0..a.len() + b.len()).map(|i| usize::from(i >= a.len())).collect();
    let (values, covariates) = (Moments::of(&[a, b].concat()), Moments::of(&[covariate_a, covariate_b].concat()));
    let (y, x) = (within(values.deviations(), &group, 2), within(covariates.deviations(), &group, 2));
    let products = Products::of(&x, &y);
    for (squares, value) in [(products.yy, a[0]), (products.xx, covariate_a[0])] {
        if squares <= 1e-28 {
            return Err(Degenerate::ZeroVariance { value });
        }
    }
    let residual = products.residual(&x, &y);
    if residual <= 1e-26 * products.yy {
        return Err(exact_line());
    }
    let apart = |d: &[f64]| {
        let mean = |part: &[f64]| compensated_sum(part.iter().copied()) / part.len() as f64;
        mean(&d[..a.len()]) - mean(&d[a.len()..])
    };
    let shift = apart(covariates.deviations());
    let difference = apart(values.deviations()) - products.slope() * shift;
    let df = (group.len() - 3) as f64;
    let design = 1.0 / a.len() as f64 + 1.0 / b.len() as f64 + shift * shift / products.xx;
    let standard_error = (residual / df * design).sqrt();
    let correlation = products.correlation();
    Ok(Ancova {
        test: TTest::new(
            values.in_units(difference),
            values.in_units(standard_error),
            difference / standard_error,
            df,
            confidence,
        )?,
        slope: finite("the slope", values.in_units(products.slope()) / covariates.in_units(1.0))?,
        correlation,
        gain: finite("the gain", products.yy / residual)?,
    })
}

/// Difference of a configuration and its control where the control was run on more seeds: `a` and `control_same_seed` share
/// their seeds, `control_other` holds the control's further runs (it may be empty).
///
/// With the slope of a on the control, the mean of `a` is corrected for the luck of its seeds:
/// `mean(a) - slope (mean(same) - mean(all)) - mean(all)`, "all" being every control run. Its variance is
/// `s^2 (1/n + (mean(same) - mean(all))^2 / Sxx) + (1 - slope)^2 var(all) / N`, its degrees of freedom Satterthwaite's of n - 2
/// and N - 1. Without further runs the difference is the paired one. The gain is the variance of Welch's test over this.
///
/// Source: the regression estimator of double sampling, Cochran, "Sampling techniques" (Wiley, 1977), chapter 12;
/// as variance reduction: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by
/// utilizing pre-experiment data", WSDM 2013.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::TooFew`] below three shared seeds,
/// [`Degenerate::ZeroVariance`], [`Degenerate::Domain`] when the control explains every value, for a confidence outside
/// of (0, 1) or a result beyond `f64`.
pub fn control_adjusted(
    a: &[f64],
    control_same_seed: &[f64],
    control_other: &[f64],
    confidence: f64,
) -> Result<Ancova, Degenerate> {
    check_pairs(a, control_same_seed, 3)?;
    check_sample(control_other, 0)?;
    check_fraction("confidence", confidence)?;
    let n = a.len();
    // One scale for all: values and control are of one kind.
    let all = Moments::of(&[a, control_same_seed, control_other].concat());
    let d = all.deviations();
    let (y, control) = d.split_at(n);
    let total = control.len();
    let mean = |part: &[f64]| compensated_sum(part.iter().copied()) / part.len() as f64;
    let centred = |part: &[f64]| within(part, &vec![0; part.len()], 1);
    let (own, same) = (centred(y), centred(&control[..n]));
    let products = Products::of(&same, &own);
    for (squares, value) in [(products.yy, a[0]), (products.xx, control_same_seed[0])] {
        if squares <= 1e-28 {
            return Err(Degenerate::ZeroVariance { value });
        }
    }
    let residual = products.residual(&same, &own);
    if residual <= 1e-26 * products.yy {
        return Err(exact_line());
    }
    let slope = products.slope();
    let luck = mean(&control[..n]) - mean(control);
    let difference = mean(y) - slope * luck - mean(control);
    let spread = centred(control);
    let control_variance = compensated_sum(spread.iter().map(|v| v * v)) / (total - 1) as f64;
    let (nf, df) = (n as f64, (n - 2) as f64);
    let line = residual / df * (1.0 / nf + luck * luck / products.xx);
    let level = (1.0 - slope).powi(2) * control_variance / total as f64;
    let variance = line + level;
    let satterthwaite = variance * variance / (line * line / df + level * level / (total - 1) as f64);
    let unadjusted = products.yy / (nf - 1.0) / nf + control_variance / total as f64;
    let standard_error = variance.sqrt();
    Ok(Ancova {
        test: TTest::new(
            all.in_units(difference),
            all.in_units(standard_error),
            difference / standard_error,
            satterthwaite,
            confidence,
        )?,
        slope,
        correlation: products.correlation(),
        gain: finite("the gain", unadjusted / variance)?,
    })
}

/// What pairing on the seed gains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairingGain {
    /// Correlation of the two configurations over shared seeds.
    pub correlation: f64,
    /// `(var(a) + var(b)) / var(a - b)`, which is `1 / (1 - correlation)` for equal variances: how many times as many runs
    /// the unpaired comparison would need. Below 1 pairing costs.
    pub gain: f64,
    /// Correlation above which pairing narrows the interval although it halves the degrees of freedom.
    pub break_even: f64,
}

/// Correlation over shared seeds and the effective-sample gain of pairing. For display: whether to pair is decided by the
/// design, never by this.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two pairs, [`Degenerate::ZeroVariance`] when a sample, or
/// the difference, is constant, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a gain beyond `f64`.
pub fn pairing_gain(a: &[f64], b: &[f64]) -> Result<PairingGain, Degenerate> {
    let correlation = correlation(a, b)?;
    let difference = Moments::of_differences(a, b);
    if difference.is_constant() {
        return Err(Degenerate::ZeroVariance { value: finite("the difference", difference.mean())? });
    }
    let (u, v) = (Moments::of(a).sd() / difference.sd(), Moments::of(b).sd() / difference.sd());
    Ok(PairingGain {
        correlation,
        gain: finite("the gain", u * u + v * v)?,
        break_even: break_even_correlation(a.len(), 0.95)?,
    })
}

/// Correlation of pairs at which the paired and the unpaired t interval of `n` runs per configuration are equally wide:
/// `1 - (t(2n - 2) / t(n - 1))^2`, with the critical values of the confidence.
///
/// # Errors
/// [`Degenerate::TooFew`] below two runs, [`Degenerate::Domain`] for a confidence outside of (0, 1).
pub fn break_even_correlation(n: usize, confidence: f64) -> Result<f64, Degenerate> {
    if n < 2 {
        return Err(Degenerate::TooFew { n, needed: 2 });
    }
    let df = (n - 1) as f64;
    let ratio = student_t_critical(confidence, 2.0 * df)? / student_t_critical(confidence, df)?;
    Ok(1.0 - ratio * ratio)
}
