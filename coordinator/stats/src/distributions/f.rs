//! The F distribution, accurate into both tails.
//!
//! With `a = df1 / 2`, `b = df2 / 2` and `x / y = df1 f / df2` the lower tail is `I_x(a, b)` (NIST Digital Library of
//! Mathematical Functions, 8.17). How far x is from its mean follows from `f - 1`, so a df of 1e6 costs no digits.

use super::halves::{Halves, Side, positive_quantile};
use super::incomplete_beta::{Point, beta_halves};
use super::student::{Tail, check_df};
use crate::degenerate::Degenerate;

/// The point of the beta distribution for a positive `f`.
pub(crate) fn point(f: f64, df1: f64, df2: f64) -> Result<Point, Degenerate> {
    let odds = df1 / df2 * f;
    if !(odds.is_normal() && f.is_normal()) {
        return Err(Degenerate::domain(format!("f is {f}, that is too extreme for its degrees of freedom")));
    }
    let (x, y) = (1.0 / (1.0 + 1.0 / odds), 1.0 / (1.0 + odds));
    Ok(Point {
        x,
        y,
        x_excess: y * (f - 1.0),
        y_excess: df1 / df2 * (y * (1.0 - f)),
        x_ratio: x * (1.0 + df2 / df1),
        y_ratio: y * (1.0 + df1 / df2),
    })
}

/// Both halves at a positive `f`, and the logarithm of the density of ln F.
fn halves(f: f64, df1: f64, df2: f64) -> Result<(Halves, f64), Degenerate> {
    beta_halves(&point(f, df1, df2)?, 0.5 * df1, 0.5 * df2)
}

pub(crate) fn check(f: f64, df1: f64, df2: f64) -> Result<(), Degenerate> {
    check_df(df1)?;
    check_df(df2)?;
    if f >= 0.0 && f.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("f is {f}, it must be finite and not negative")))
    }
}

/// Upper tail `P(F >= f)` of the F distribution with `df1` and `df2` degrees of freedom, `f >= 0`.
///
/// # Errors
/// [`Degenerate::Domain`] for an `f` that is negative, not finite or within rounding of the limits of a double, or
/// degrees of freedom outside of (0, [`MAX_DF`](super::MAX_DF)].
pub fn f_upper_tail(f: f64, df1: f64, df2: f64) -> Result<Tail, Degenerate> {
    check(f, df1, df2)?;
    if f == 0.0 {
        return Ok(Tail { p: 1.0, log10_p: 0.0 });
    }
    Ok(halves(f, df1, df2)?.0.upper())
}

/// Lower tail `P(F <= f)`, `f > 0`.
///
/// # Errors
/// As [`f_upper_tail`], and for `f = 0`, whose probability 0 has no logarithm.
pub fn f_lower_tail(f: f64, df1: f64, df2: f64) -> Result<Tail, Degenerate> {
    check(f, df1, df2)?;
    Ok(halves(f, df1, df2)?.0.lower())
}

/// The f with `P(F <= f) = p`.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` outside of (0, 1), degrees of freedom out of range or a quantile beyond `f64`.
pub fn f_quantile(p: f64, df1: f64, df2: f64) -> Result<f64, Degenerate> {
    check(1.0, df1, df2)?;
    positive_quantile(p, Side::Lower, 1.0, |f| halves(f, df1, df2))
}

/// The f with `P(F >= f) = p`.
///
/// # Errors
/// As [`f_quantile`].
pub fn f_upper_quantile(p: f64, df1: f64, df2: f64) -> Result<f64, Degenerate> {
    check(1.0, df1, df2)?;
    positive_quantile(p, Side::Upper, 1.0, |f| halves(f, df1, df2))
}
