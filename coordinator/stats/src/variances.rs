//! Comparison of standard deviations: which of two configurations, or of two metrics, is noisier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, check_pairs, check_sample, finite};
use crate::distributions::{Tail, f_lower_tail, f_quantile, f_upper_quantile, f_upper_tail};
use crate::distributions::{student_t_critical, student_t_two_sided};
use crate::moments::{Moments, compensated_sum, largest};
use crate::summary::{Interval, quantile};
use crate::tails::FTest;

/// A test that two standard deviations are equal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VarianceTest {
    /// Standard deviation of the first sample over that of the second.
    pub ratio: f64,
    /// Confidence interval of the ratio.
    pub interval: Interval,
    /// t of the Pitman-Morgan test, F of the F test.
    pub statistic: f64,
    /// Degrees of freedom of t, or of the numerator of F.
    pub df: f64,
    /// Degrees of freedom of the denominator of F; `None` for t.
    pub df_denominator: Option<f64>,
    /// Two-sided p-value; 0 only when below the smallest double.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

fn check_sd(name: &str, sd: f64) -> Result<(), Degenerate> {
    if sd > 0.0 && sd.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("{name} is {sd}, it must be positive and finite")))
    }
}

fn check_varies(x: &[f64], moments: &Moments) -> Result<(), Degenerate> {
    if moments.is_constant() { Err(Degenerate::ZeroVariance { value: x[0] }) } else { Ok(()) }
}

/// Pitman-Morgan test of two standard deviations measured on the same runs: with `w = var(a) / var(b)` and the
/// correlation r, `t = (w - 1) sqrt(n - 2) / (2 sqrt(w (1 - r^2)))` on n - 2 degrees of freedom, which is the test of the
/// correlation of sum and difference.
///
/// Source: Pitman, "A note on normal correlation", Biometrika 31 (1939); Morgan, ibid.; the interval inverts the test.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below three pairs, [`Degenerate::ZeroVariance`] when a sample
/// is constant, [`Degenerate::NotFinite`], [`Degenerate::Domain`] when one sample is a linear function of the other, for a
/// confidence outside of (0, 1) or a result beyond `f64`.
pub fn pitman_morgan(a: &[f64], b: &[f64], confidence: f64) -> Result<VarianceTest, Degenerate> {
    check_pairs(a, b, 3)?;
    let (first, second) = (Moments::of(a), Moments::of(b));
    check_varies(a, &first)?;
    check_varies(b, &second)?;
    let squares = |x: &[f64]| compensated_sum(x.iter().map(|d| d * d));
    let (x, y) = (first.deviations(), second.deviations());
    let (sx, sy) = (squares(x).sqrt(), squares(y).sqrt());
    // (1 - r)(1 + r) from standardised sums and differences, which keep digits where r is next to 1.
    let half = |sign: f64| {
        let part: Vec<f64> = x.iter().zip(y).map(|(x, y)| x / sx + sign * (y / sy)).collect();
        0.5 * squares(&part)
    };
    let rest = half(1.0) * half(-1.0);
    // What the rounding of the values leaves of a line.
    let rounding = |x: &[f64], moments: &Moments| f64::EPSILON * largest(x) / moments.sd();
    let least = 16.0 * rounding(a, &first).max(rounding(b, &second)).powi(2);
    from_ratio(first.sd() / second.sd(), a.len(), if rest <= least { 0.0 } else { rest }, confidence)
}

/// [`pitman_morgan`] from published figures: two standard deviations over the same `n` runs and their correlation
/// `r`. When r is not known, show the p-values of several.
///
/// # Errors
/// [`Degenerate::TooFew`] below three pairs, [`Degenerate::Domain`] for standard deviations that are not positive, an `r`
/// not strictly between -1 and 1, a confidence outside of (0, 1).
pub fn pitman_morgan_summary(
    sd_a: f64,
    sd_b: f64,
    n: usize,
    r: f64,
    confidence: f64,
) -> Result<VarianceTest, Degenerate> {
    check_sd("the first standard deviation", sd_a)?;
    check_sd("the second standard deviation", sd_b)?;
    if !(-1.0 < r && r < 1.0) {
        return Err(Degenerate::domain(format!("the correlation is {r}, it must lie strictly between -1 and 1")));
    }
    if n < 3 {
        return Err(Degenerate::TooFew { n, needed: 3 });
    }
    from_ratio(sd_a / sd_b, n, (1.0 - r) * (1.0 + r), confidence)
}

/// `rest` is `1 - r^2`.
fn from_ratio(ratio: f64, n: usize, rest: f64, confidence: f64) -> Result<VarianceTest, Degenerate> {
    check_fraction("confidence", confidence)?;
    let ratio = finite("the ratio", ratio)?;
    let df = (n - 2) as f64;
    if rest <= 0.0 || ratio == 0.0 {
        return Err(Degenerate::domain("one sample is a linear function of the other: the test has no error"));
    }
    let statistic = finite("the t statistic", (ratio - 1.0 / ratio) * (0.25 * df / rest).sqrt())?;
    let tail = student_t_two_sided(statistic, df)?;
    // Limits of the variance ratio are w (K +- sqrt(K^2 - 1)); both factors are formed without cancellation.
    let excess = 2.0 * rest * student_t_critical(confidence, df)?.powi(2) / df;
    let factor = (1.0 + excess + (excess * (2.0 + excess)).sqrt()).sqrt();
    let interval = Interval { low: ratio / factor, high: finite("the upper limit", ratio * factor)?, confidence };
    Ok(VarianceTest { ratio, interval, statistic, df, df_denominator: None, p_value: tail.p, log10_p: tail.log10_p })
}

/// F test of two standard deviations of independent samples: `F = var(a) / var(b)`, two-sided as twice the smaller
/// tail. It trusts normality; [`brown_forsythe`] does not.
///
/// Source: Snedecor, "Calculation and interpretation of analysis of variance and covariance" (Collegiate, 1934).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when one is constant,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn variance_f(a: &[f64], b: &[f64], confidence: f64) -> Result<VarianceTest, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    let (first, second) = (Moments::of(a), Moments::of(b));
    check_varies(a, &first)?;
    check_varies(b, &second)?;
    f_from_ratio(first.sd() / second.sd(), (a.len(), b.len()), confidence)
}

/// [`variance_f`] from published figures.
///
/// # Errors
/// [`Degenerate::TooFew`] below two runs, [`Degenerate::Domain`] for standard deviations that are not positive, a
/// confidence outside of (0, 1) or a result beyond `f64`.
pub fn variance_f_summary(
    sd_a: f64,
    n_a: usize,
    sd_b: f64,
    n_b: usize,
    confidence: f64,
) -> Result<VarianceTest, Degenerate> {
    check_sd("the first standard deviation", sd_a)?;
    check_sd("the second standard deviation", sd_b)?;
    let n = n_a.min(n_b);
    if n < 2 {
        return Err(Degenerate::TooFew { n, needed: 2 });
    }
    f_from_ratio(sd_a / sd_b, (n_a, n_b), confidence)
}

fn f_from_ratio(ratio: f64, (n_a, n_b): (usize, usize), confidence: f64) -> Result<VarianceTest, Degenerate> {
    check_fraction("confidence", confidence)?;
    let (d1, d2) = ((n_a - 1) as f64, (n_b - 1) as f64);
    let statistic = finite("the F statistic", ratio * ratio)?;
    let (below, above) = (f_lower_tail(statistic, d1, d2)?, f_upper_tail(statistic, d1, d2)?);
    let smaller = if below.log10_p < above.log10_p { below } else { above };
    let tail = Tail { p: (2.0 * smaller.p).min(1.0), log10_p: (smaller.log10_p + 2.0_f64.log10()).min(0.0) };
    let outside = 0.5 * (1.0 - confidence);
    let (upper, lower) = (f_upper_quantile(outside, d1, d2)?, f_quantile(outside, d1, d2)?);
    let interval =
        Interval { low: ratio / upper.sqrt(), high: finite("the upper limit", ratio / lower.sqrt())?, confidence };
    Ok(VarianceTest {
        ratio: finite("the ratio", ratio)?,
        interval,
        statistic,
        df: d1,
        df_denominator: Some(d2),
        p_value: tail.p,
        log10_p: tail.log10_p,
    })
}

/// Brown-Forsythe test that several groups have one spread: analysis of variance of the absolute deviations from the
/// group medians.
///
/// Source: Brown and Forsythe, "Robust tests for the equality of variances", JASA 69 (1974).
///
/// # Errors
/// [`Degenerate::TooFew`] below two groups or two values in a group, [`Degenerate::ZeroVariance`] when the deviations
/// do not vary within groups (as with two values in each), [`Degenerate::NotFinite`].
pub fn brown_forsythe(groups: &[&[f64]]) -> Result<FTest, Degenerate> {
    if groups.len() < 2 {
        return Err(Degenerate::TooFew { n: groups.len(), needed: 2 });
    }
    let mut deviations = Vec::new();
    for group in groups {
        check_sample(group, 2)?;
        // Relative to the first value: the midpoint of two values at a large offset would round.
        let shifted: Vec<f64> = group.iter().map(|v| v - group[0]).collect();
        check_sample(&shifted, 2).map_err(|_| Degenerate::domain("the spread is beyond the range of a double"))?;
        let median = quantile(&shifted, 0.5)?;
        deviations.push(shifted.iter().map(|v| (v - median).abs()).collect::<Vec<f64>>());
    }
    let all = deviations.concat();
    let total = Moments::of(&all);
    let (mut between, mut inside) = (Vec::new(), Vec::new());
    let mut rest = total.deviations();
    for group in &deviations {
        let (own, others) = rest.split_at(group.len());
        rest = others;
        let mean = compensated_sum(own.iter().copied()) / own.len() as f64;
        between.push(own.len() as f64 * mean * mean);
        inside.extend(own.iter().map(|d| (d - mean).powi(2)));
    }
    let (between, inside) = (compensated_sum(between), compensated_sum(inside));
    if inside <= 1e-26 * (between + inside) || total.is_constant() {
        return Err(Degenerate::ZeroVariance { value: all[0] });
    }
    let (d1, d2) = ((groups.len() - 1) as f64, (all.len() - groups.len()) as f64);
    FTest::new(between / d1 / (inside / d2), d1, d2)
}
