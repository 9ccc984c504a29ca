//! Student's t distribution, accurate into both tails and at the centre.
//!
//! With `r = t / sqrt(df)`, `x = 1 / (1 + r^2)` and `y = r^2 / (1 + r^2)` the two-sided tail is
//! `I_x(df/2, 1/2)` and what it leaves over is `I_y(1/2, df/2)` (NIST Digital Library of Mathematical Functions,
//! 8.17). The power `x^(df/2)` is formed from `ln(1 + r^2)`, so neither a t near 0 nor a df of 1e6 loses digits.

use std::f64::consts::{LN_2, LN_10, PI};

use super::beta::{continued_fraction, power_series};
use super::gamma::half_step_ratio;
use super::normal::normal_upper_quantile;
use crate::degenerate::{Degenerate, check_fraction};

/// Largest degrees of freedom these functions take; the continued fraction needs terms like their square root.
pub const MAX_DF: f64 = 1e8;

/// A tail probability with its logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Probability; 0 when below the smallest double.
    pub p: f64,
    /// Base-10 logarithm of the probability, right where `p` is 0 too.
    pub log10_p: f64,
}

/// `P(|T| >= |t|)` and its complement, both without cancellation, with natural logarithms.
struct Split {
    outside: f64,
    ln_outside: f64,
    inside: f64,
    ln_inside: f64,
}

pub(crate) fn check_df(df: f64) -> Result<(), Degenerate> {
    if df > 0.0 && df <= MAX_DF {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("degrees of freedom are {df}, they must lie above 0 and at most {MAX_DF:e}")))
    }
}

fn check_t(t: f64) -> Result<(), Degenerate> {
    if t.is_nan() { Err(Degenerate::domain("t is not a number")) } else { Ok(()) }
}

fn unsettled() -> Degenerate {
    Degenerate::domain("a series of the t distribution did not settle")
}

/// `ln(1 + r^2)`, also where the square overflows.
pub(crate) fn ln_one_plus_square(r: f64) -> f64 {
    if r > 1e150 { 2.0 * r.ln() } else { (r * r).ln_1p() }
}

/// `t` is not negative and not NaN, `df` is in range.
fn split(t: f64, df: f64) -> Result<Split, Degenerate> {
    if t == 0.0 {
        return Ok(Split { outside: 1.0, ln_outside: 0.0, inside: 0.0, ln_inside: f64::NEG_INFINITY });
    }
    if t == f64::INFINITY {
        return Ok(Split { outside: 0.0, ln_outside: f64::NEG_INFINITY, inside: 1.0, ln_inside: 0.0 });
    }
    let a = 0.5 * df;
    let r = t / df.sqrt();
    let ln_power = -a * ln_one_plus_square(r);
    let root_y = r / r.hypot(1.0);
    let y = root_y * root_y;
    // 1 / B(a, 1/2) * sqrt(y)
    let front = half_step_ratio(a) / PI.sqrt() * root_y;
    if y < 1.5 / (a + 2.5) {
        let rest = front * 2.0 * power_series(y, 0.5, a).ok_or_else(unsettled)?;
        let inside = ln_power.exp() * rest;
        Ok(Split { outside: 1.0 - inside, ln_outside: (-inside).ln_1p(), inside, ln_inside: ln_power + rest.ln() })
    } else {
        let x = 1.0 / (1.0 + r * r);
        let rest = front / a * continued_fraction(x, y, a, 0.5).ok_or_else(unsettled)?;
        let outside = ln_power.exp() * rest;
        Ok(Split { outside, ln_outside: ln_power + rest.ln(), inside: 1.0 - outside, ln_inside: (-outside).ln_1p() })
    }
}

/// Natural logarithm of the density at `t >= 0`.
fn ln_density(t: f64, df: f64) -> f64 {
    let a = 0.5 * df;
    (half_step_ratio(a) / (PI * df).sqrt()).ln() - (a + 0.5) * ln_one_plus_square(t / df.sqrt())
}

/// `P(|T| >= |t|)` with its logarithm, for `df` in (0, [`MAX_DF`]].
///
/// # Errors
/// [`Degenerate::Domain`] for a `t` that is NaN or a `df` out of range.
pub fn student_t_two_sided(t: f64, df: f64) -> Result<Tail, Degenerate> {
    check_t(t)?;
    check_df(df)?;
    let split = split(t.abs(), df)?;
    Ok(Tail { p: split.outside, log10_p: split.ln_outside / LN_10 })
}

/// Upper tail `P(T >= t)` with its logarithm.
///
/// # Errors
/// As [`student_t_two_sided`].
pub fn student_t_upper_tail(t: f64, df: f64) -> Result<Tail, Degenerate> {
    check_t(t)?;
    check_df(df)?;
    let split = split(t.abs(), df)?;
    Ok(if t >= 0.0 {
        Tail { p: 0.5 * split.outside, log10_p: (split.ln_outside - LN_2) / LN_10 }
    } else {
        let below = 0.5 * split.outside;
        Tail { p: 1.0 - below, log10_p: (-below).ln_1p() / LN_10 }
    })
}

/// Upper tail `P(T >= t)`.
///
/// # Errors
/// As [`student_t_two_sided`].
pub fn student_t_sf(t: f64, df: f64) -> Result<f64, Degenerate> {
    check_t(t)?;
    check_df(df)?;
    let split = split(t.abs(), df)?;
    Ok(if t >= 0.0 { 0.5 * split.outside } else { 0.5 + 0.5 * split.inside })
}

/// Lower tail `P(T <= t)`, by symmetry.
///
/// # Errors
/// As [`student_t_two_sided`].
pub fn student_t_cdf(t: f64, df: f64) -> Result<f64, Degenerate> {
    student_t_sf(-t, df)
}

/// The t with `P(T <= t) = p`, for `p` strictly between 0 and 1.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` or `df` out of range, or a quantile beyond `f64`.
pub fn student_t_quantile(p: f64, df: f64) -> Result<f64, Degenerate> {
    check_fraction("probability", p)?;
    check_df(df)?;
    // Either complement is exact where it is used: 1 - p for p >= 1/2, 1 - 2p for p >= 1/4.
    let tail = p.min(1.0 - p);
    let size = if tail == 0.5 { 0.0 } else { two_sided_inverse(1.0 - 2.0 * tail, 2.0 * tail, df)? };
    Ok(if p < 0.5 { -size } else { size })
}

/// The t with `P(|T| <= t) = confidence`: half-width of a `confidence` interval in standard errors.
///
/// # Errors
/// [`Degenerate::Domain`] for a `confidence` outside of (0, 1) or a `df` out of range.
pub fn student_t_critical(confidence: f64, df: f64) -> Result<f64, Degenerate> {
    check_fraction("confidence", confidence)?;
    check_df(df)?;
    two_sided_inverse(confidence, 1.0 - confidence, df)
}

/// Roughly the `t > 0` with `outside` of the probability beyond +-t, where three terms of its expansion in 1 / df tell.
/// Source: Fisher and Cornish, "The percentile points of distributions having known cumulants", Technometrics 2 (1960).
fn near_quantile(outside: f64, df: f64) -> Option<f64> {
    let z = normal_upper_quantile(0.5 * outside).ok().filter(|z| (0.0..6.0).contains(z) && df >= 4.0)?;
    let square = z * z;
    let first = (square + 1.0) / 4.0;
    let second = ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    let t = z * (1.0 + (first + (second + third / df) / df) / df);
    (t > 0.0).then_some(t)
}

/// The `t > 0` with `inside` of the probability within +-t and `outside` without; the two add up to 1.
///
/// Newton's method in ln t on the logarithm of the smaller one. Both logarithms are concave in ln t, so the
/// iteration approaches from one side after its first step.
fn two_sided_inverse(inside: f64, outside: f64, df: f64) -> Result<f64, Degenerate> {
    let central = inside < outside;
    let target = if central { inside.ln() } else { outside.ln() };
    let mut t = near_quantile(outside, df).unwrap_or(1.0);
    for _ in 0..200 {
        let split = split(t, df)?;
        let (ln_value, sign) = if central { (split.ln_inside, 1.0) } else { (split.ln_outside, -1.0) };
        // d ln(value) / d ln(t); the density counts on both sides.
        let slope = sign * 2.0 * (ln_density(t, df) + t.ln() - ln_value).exp();
        let step = (target - ln_value) / slope;
        if !step.is_finite() {
            break;
        }
        t *= step.clamp(-300.0, 300.0).exp();
        // Convergence is quadratic: after this step the error is about its square, below the rounding.
        if step.abs() < 1e-9 {
            return if t.is_finite() { Ok(t) } else { Err(Degenerate::domain("the t quantile is beyond a double")) };
        }
    }
    Err(Degenerate::domain("the t quantile is beyond a double"))
}
