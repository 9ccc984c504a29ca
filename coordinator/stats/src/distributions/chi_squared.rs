//! The chi-squared distribution, accurate into both tails.
//!
//! With `a = df / 2` and `u = x / 2` the lower tail is the regularized incomplete gamma function `P(a, u)`. Its prefix
//! `u^a e^-u / gamma(a)` is `sqrt(a / (2 pi)) exp(-d(a) - a D(u / a))` with d the remainder of Stirling's formula and
//! `D(r) = r - 1 - ln r`, as for the beta distribution.
//! Source: NIST Digital Library of Mathematical Functions, 8.11.4 (series) and 8.9.2 (continued fraction).

use std::f64::consts::PI;

use super::gamma::{deviance, stirling_remainder};
use super::halves::{Halves, Side, positive_quantile};
use super::student::{Tail, check_df};
use crate::degenerate::Degenerate;

/// More terms than any degrees of freedom in range need; they grow like their square root.
const MAX_TERMS: u32 = 400_000;

/// `gamma(a) P(a, u) / (u^a e^-u) * a`, for `u < a + 1`.
fn series(a: f64, u: f64) -> Option<f64> {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..MAX_TERMS {
        term *= u / (a + f64::from(n));
        sum += term;
        if term <= 0.1 * f64::EPSILON * sum {
            return Some(sum);
        }
    }
    None
}

/// `gamma(a) Q(a, u) / (u^a e^-u)`, for `u >= a + 1`, by the modified Lentz method.
fn continued_fraction(a: f64, u: f64) -> Option<f64> {
    let mut denominator = u - a + 1.0;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / denominator;
    let mut value = d;
    for n in 1..MAX_TERMS {
        let n = f64::from(n);
        let numerator = n * (a - n);
        denominator += 2.0;
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        let step = c * d;
        value *= step;
        if (step - 1.0).abs() <= f64::EPSILON {
            return Some(value);
        }
    }
    None
}

/// Both halves at `x > 0`, and the logarithm of the density of ln X.
fn halves(x: f64, df: f64) -> Result<(Halves, f64), Degenerate> {
    let unsettled = || Degenerate::domain("a series of the chi-squared distribution did not settle");
    let (a, u) = (0.5 * df, 0.5 * x);
    let ln_prefix = 0.5 * (a / (2.0 * PI)).ln() - stirling_remainder(a) - a * deviance((u - a) / a, u / a);
    let halves = if u < a + 1.0 {
        Halves::of_lower(ln_prefix - a.ln() + series(a, u).ok_or_else(unsettled)?.ln())
    } else {
        Halves::of_upper(ln_prefix + continued_fraction(a, u).ok_or_else(unsettled)?.ln())
    };
    Ok((halves, ln_prefix))
}

fn check(x: f64, df: f64) -> Result<(), Degenerate> {
    check_df(df)?;
    if x == 0.0 || (x > 0.0 && x.is_normal()) {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("chi-squared is {x}, it must be finite and not negative")))
    }
}

/// Upper tail `P(X >= x)` of the chi-squared distribution with `df` degrees of freedom, `x >= 0`.
///
/// # Errors
/// [`Degenerate::Domain`] for an `x` that is negative, not finite or subnormal, or a `df` outside of
/// (0, [`MAX_DF`](super::MAX_DF)].
pub fn chi_squared_upper_tail(x: f64, df: f64) -> Result<Tail, Degenerate> {
    check(x, df)?;
    if x == 0.0 {
        return Ok(Tail { p: 1.0, log10_p: 0.0 });
    }
    Ok(halves(x, df)?.0.upper())
}

/// Lower tail `P(X <= x)`, `x > 0`.
///
/// # Errors
/// As [`chi_squared_upper_tail`], and for `x = 0`, whose probability 0 has no logarithm.
pub fn chi_squared_lower_tail(x: f64, df: f64) -> Result<Tail, Degenerate> {
    check(x, df)?;
    if x == 0.0 {
        return Err(Degenerate::domain("chi-squared is 0, its lower tail needs a positive value"));
    }
    Ok(halves(x, df)?.0.lower())
}

/// The x with `P(X <= x) = p`.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` outside of (0, 1), a `df` out of range or a quantile beyond `f64`.
pub fn chi_squared_quantile(p: f64, df: f64) -> Result<f64, Degenerate> {
    check_df(df)?;
    positive_quantile(p, Side::Lower, df, |x| halves(x, df))
}

/// The x with `P(X >= x) = p`.
///
/// # Errors
/// As [`chi_squared_quantile`].
pub fn chi_squared_upper_quantile(p: f64, df: f64) -> Result<f64, Degenerate> {
    check_df(df)?;
    positive_quantile(p, Side::Upper, df, |x| halves(x, df))
}
