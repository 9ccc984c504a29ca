//! Tails of F, chi-squared and noncentral F, with logarithms, and the test built on the first.

use std::f64::consts::{LN_10, PI};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, finite};
use crate::distributions::gamma::stirling_remainder;
use crate::distributions::{Tail, increasing_root, normal_sf};
use crate::summary::Interval;

use crate::distributions::beta::{continued_fraction, power_series};

/// Above this `df * F` the limits of the noncentrality are taken from their limiting form.
const LARGE_NONCENTRALITY: f64 = 1e6;

/// An F test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FTest {
    /// F, the ratio of two mean squares.
    pub statistic: f64,
    /// Degrees of freedom of the numerator.
    pub df_numerator: f64,
    /// Degrees of freedom of the denominator.
    pub df_denominator: f64,
    /// Upper tail of F; 0 only when it is below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

impl FTest {
    /// The test of an observed F.
    pub(crate) fn new(statistic: f64, df_numerator: f64, df_denominator: f64) -> Result<Self, Degenerate> {
        let statistic = finite("the F statistic", statistic)?;
        let upper = f_sides(statistic, df_numerator, df_denominator)?.upper();
        Ok(Self { statistic, df_numerator, df_denominator, p_value: upper.p, log10_p: upper.log10_p })
    }
}

/// Natural logarithms of a lower and an upper tail; at least one of them was computed as a tail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides {
    pub(crate) ln_lower: f64,
    pub(crate) ln_upper: f64,
}

impl Sides {
    fn from_lower(ln_lower: f64) -> Self {
        let ln_lower = ln_lower.min(0.0);
        Self { ln_lower, ln_upper: ln_rest(ln_lower) }
    }

    fn from_upper(ln_upper: f64) -> Self {
        let ln_upper = ln_upper.min(0.0);
        Self { ln_lower: ln_rest(ln_upper), ln_upper }
    }

    pub(crate) fn upper(self) -> Tail {
        Tail { p: self.ln_upper.exp(), log10_p: self.ln_upper / LN_10 }
    }

    /// Twice the smaller tail, at most 1.
    pub(crate) fn two_sided(self) -> Tail {
        let ln = (self.ln_lower.min(self.ln_upper) + 2.0_f64.ln()).min(0.0);
        Tail { p: ln.exp(), log10_p: ln / LN_10 }
    }
}

/// `ln(1 - e^ln_p)`.
fn ln_rest(ln_p: f64) -> f64 {
    if ln_p > -0.5 { (-ln_p.exp_m1()).ln() } else { (-ln_p.exp()).ln_1p() }
}

/// `ln(1 + u)` of a ratio that is known as such and, next to 1, by its excess `u`.
fn ln_ratio(ratio: f64, u: f64) -> f64 {
    if u.abs() < 0.5 { u.ln_1p() } else { ratio.ln() }
}

/// `ln(x^a y^b / B(a, b))` at `x = d1 f / (d1 f + d2)`, `a = d1 / 2`, `b = d2 / 2`.
///
/// Powers are taken of `x (a + b) / a` and `y (a + b) / b`, and the rest of the beta function is Stirling's
/// remainders, so large degrees of freedom cost few digits. Source of the form: Didonato and Morris, "Algorithm
/// 708", ACM Transactions on Mathematical Software 18 (1992).
pub(crate) fn ln_beta_prefix(f: f64, d1: f64, d2: f64) -> f64 {
    let (a, b) = (0.5 * d1, 0.5 * d2);
    let denominator = d1 * f + d2;
    let x_power = a * ln_ratio(f * ((d1 + d2) / denominator), d2 * ((f - 1.0) / denominator));
    let y_power = b * ln_ratio((d1 + d2) / denominator, d1 * ((1.0 - f) / denominator));
    let remainders = stirling_remainder(a + b) - stirling_remainder(a) - stirling_remainder(b);
    x_power + y_power + 0.5 * (a / (2.0 * PI) * (b / (a + b))).ln() + remainders
}

/// Both tails of F on `d1` and `d2` degrees of freedom, all positive, at a finite `f`.
pub(crate) fn f_sides(f: f64, d1: f64, d2: f64) -> Result<Sides, Degenerate> {
    if f <= 0.0 {
        return Ok(Sides { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 });
    }
    let (a, b) = (0.5 * d1, 0.5 * d2);
    let w = d1 / d2 * f;
    let (x, y) = (w / (1.0 + w), 1.0 / (1.0 + w));
    if !(d1 * f).is_finite() {
        return Err(Degenerate::domain("the F statistic is beyond the range of a double"));
    }
    let prefix = ln_beta_prefix(f, d1, d2);
    let unsettled = || Degenerate::domain("a series of the F distribution did not settle");
    let expansion = |x: f64, y: f64, a: f64, b: f64| {
        if x < 0.05 {
            power_series(x, a, b).or_else(|| continued_fraction(x, y, a, b))
        } else {
            continued_fraction(x, y, a, b)
        }
    };
    if x < (a + 1.0) / (a + b + 2.0) {
        let rest = expansion(x, y, a, b).ok_or_else(unsettled)?;
        Ok(Sides::from_lower(prefix + (rest / a).ln()))
    } else {
        let rest = expansion(y, x, b, a).ok_or_else(unsettled)?;
        Ok(Sides::from_upper(prefix + (rest / b).ln()))
    }
}

/// The f whose upper tail is `e^ln_upper`; both logarithms must be those of one split.
pub(crate) fn f_quantile(sides: Sides, d1: f64, d2: f64) -> Result<f64, Degenerate> {
    let by_lower = sides.ln_lower < sides.ln_upper;
    let rise = |ln_f: f64| {
        // Beyond the range of a double the tails are flat; the slope that is added only guides the bracket.
        let bounded = ln_f.clamp(-600.0, 600.0);
        let outside = ln_f - bounded;
        f_sides(bounded.exp(), d1, d2).map_or(outside, |at| {
            let rise = if by_lower { at.ln_lower - sides.ln_lower } else { sides.ln_upper - at.ln_upper };
            rise.clamp(-1e6, 1e6) + outside
        })
    };
    finite("the F quantile", increasing_root(rise, 0.0, 1.0)?.exp())
}

/// Both tails of chi-squared on `df` degrees of freedom, by the series or the continued fraction of the incomplete
/// gamma function (NIST Digital Library of Mathematical Functions, 8.11.4 and 8.9.2).
pub(crate) fn chi_squared_sides(value: f64, df: f64) -> Result<Sides, Degenerate> {
    if value <= 0.0 {
        return Ok(Sides { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 });
    }
    let (x, a) = (0.5 * value, 0.5 * df);
    let u = (x - a) / a;
    let prefix = -a * (u - ln_ratio(x / a, u)) + 0.5 * (a / (2.0 * PI)).ln() - stirling_remainder(a);
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / a, 1.0 / a, a);
        while term > 0.1 * f64::EPSILON * sum {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        return Ok(Sides::from_lower(prefix + sum.ln()));
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut value = d;
    for i in 1..1_000_000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            return Ok(Sides::from_upper(prefix + value.ln()));
        }
    }
    Err(Degenerate::domain("a series of the chi-squared distribution did not settle"))
}

/// `P(F <= f)` of the noncentral F distribution: a Poisson mixture, with mean `ncp / 2`, of incomplete beta functions
/// that a recurrence of positive terms adds from the last to the first. Good to about 1e-13, absolute.
///
/// Source: Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" 2, chapter 30 (Wiley, 1995).
pub(crate) fn noncentral_f_cdf(f: f64, d1: f64, d2: f64, ncp: f64) -> Result<f64, Degenerate> {
    let half = 0.5 * ncp;
    if half == 0.0 {
        return Ok(f_sides(f, d1, d2)?.ln_lower.exp());
    }
    let reach = 9.0 * half.sqrt() + 45.0;
    let (first, last) = ((half - reach).max(0.0).floor(), (half + reach).ceil());
    let (a, b) = (0.5 * d1, 0.5 * d2);
    let w = d1 / d2 * f;
    let ln_x = -(1.0 / w).ln_1p();
    let d1_last = d1 + 2.0 * last;
    let at_last = f * (d1 / d1_last);
    let mut ln_term = ln_beta_prefix(at_last, d1_last, d2) - (a + last).ln();
    let mut beta = f_sides(at_last, d1_last, d2)?.ln_lower.exp();
    // Weights relative to that of the mode; their sum takes the place of the constant.
    let mode = half.floor();
    let mut ln_weight = (mode as u64..last as u64).map(|j| (half / (j as f64 + 1.0)).ln()).sum::<f64>();
    let (mut total, mut value) = (0.0, 0.0);
    let mut j = last;
    loop {
        let weight = ln_weight.exp();
        total += weight;
        value += weight * beta;
        if j <= first {
            break;
        }
        ln_term += ((a + j) / (a + j + b - 1.0)).ln() - ln_x;
        beta += ln_term.exp();
        ln_weight += (j / half).ln();
        j -= 1.0;
    }
    Ok((value / total).clamp(0.0, 1.0))
}

/// Confidence interval of the population share of variance `ncp / (ncp + n)` behind an observed F, from the
/// noncentrality limits. Where `d1 * f` exceeds 1e6, the limits are those of a fixed numerator over a chi-squared
/// denominator, which is right to about 1e-5 of the share.
///
/// Source: Steiger, "Beyond the F test", Psychological Methods 9 (2004).
pub(crate) fn share_interval(f: f64, d1: f64, d2: f64, n: f64, confidence: f64) -> Result<Interval, Degenerate> {
    check_fraction("confidence", confidence)?;
    let tail = 0.5 * (1.0 - confidence);
    let scale = d1 * f;
    let limit = |cdf: f64| -> Result<f64, Degenerate> {
        if scale > LARGE_NONCENTRALITY {
            // P(F' <= f) tends to P(ncp <= d1 f chi2 / d2).
            let rise = |ln_value: f64| {
                let upper = chi_squared_sides(ln_value.exp(), d2).map_or(f64::NEG_INFINITY, |s| s.ln_upper);
                (cdf.ln() - upper).clamp(-1e6, 1e6)
            };
            return Ok(scale * (increasing_root(rise, d2.ln(), 0.5)?.exp() / d2));
        }
        let at_zero = cdf - f_sides(f, d1, d2)?.ln_lower.exp();
        if at_zero >= 0.0 {
            return Ok(0.0);
        }
        // Continued below 0, so that the bracket always closes.
        let rise = |ncp: f64| {
            if ncp <= 0.0 { at_zero + ncp } else { cdf - noncentral_f_cdf(f, d1, d2, ncp).unwrap_or(0.0) }
        };
        Ok(increasing_root(rise, scale, 1.0 + 2.0 * scale.sqrt() + scale * (2.0 / d2).sqrt())?.max(0.0))
    };
    let share = |ncp: f64| ncp / (ncp + n);
    let (low, high) = (share(limit(1.0 - tail)?), share(limit(tail)?));
    Ok(Interval { low: low.min(high), high, confidence })
}

/// The z with `P(|Z| <= z) = confidence`.
pub(crate) fn normal_critical(confidence: f64) -> Result<f64, Degenerate> {
    check_fraction("confidence", confidence)?;
    let ln_tail = (0.5 * (1.0 - confidence)).ln();
    Ok(increasing_root(|z| ln_tail - normal_sf(z).max(f64::MIN_POSITIVE).ln(), 1.0, 1.0)?.max(0.0))
}
