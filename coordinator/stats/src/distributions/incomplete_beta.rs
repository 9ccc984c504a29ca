//! The incomplete beta function with its prefix: both tails of the beta distribution and their logarithms.
//!
//! With `x0 = a / (a + b)` and `y0 = b / (a + b)` the prefix `x^a y^b / B(a, b)` is
//! `sqrt(a b / (2 pi (a + b))) * exp(d(a + b) - d(a) - d(b))` times `exp(-a D(x / x0) - b D(y / y0))`, where d is the
//! remainder of Stirling's formula and `D(r) = r - 1 - ln r`. Both D are positive, so that nothing cancels.
//! Source: Didonato and Morris, "Algorithm 708", ACM Transactions on Mathematical Software 18 (1992); Loader, "Fast and
//! accurate computation of binomial probabilities" (2000).

use std::f64::consts::PI;

use super::beta::continued_fraction_from;
use super::gamma::{deviance, stirling_remainder};
use super::halves::Halves;
use super::student::{MAX_DF, Tail};
use crate::degenerate::Degenerate;

/// An argument x with `y = 1 - x`, and how far both are from the mean of a beta distribution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// `x / x0 - 1`.
    pub(crate) x_excess: f64,
    /// `y / y0 - 1`.
    pub(crate) y_excess: f64,
    /// `x / x0`, which tells more than `x_excess` when it is near 0.
    pub(crate) x_ratio: f64,
    /// `y / y0`.
    pub(crate) y_ratio: f64,
}

impl Point {
    /// Of `x` and `y`, which add up to 1.
    pub(crate) fn new(x: f64, y: f64, a: f64, b: f64) -> Self {
        // x b - a y with the rounding error of its second product.
        let product = a * y;
        let difference = x.mul_add(b, -product) - a.mul_add(y, -product);
        Self {
            x,
            y,
            x_excess: difference / a,
            y_excess: -difference / b,
            x_ratio: x * (1.0 + b / a),
            y_ratio: y * (1.0 + a / b),
        }
    }

    fn flipped(self) -> Self {
        Self {
            x: self.y,
            y: self.x,
            x_excess: self.y_excess,
            y_excess: self.x_excess,
            x_ratio: self.y_ratio,
            y_ratio: self.x_ratio,
        }
    }
}

/// Natural logarithm of `x^a y^b / B(a, b)`.
pub(crate) fn ln_prefix(point: &Point, a: f64, b: f64) -> f64 {
    let remainders = stirling_remainder(a + b) - stirling_remainder(a) - stirling_remainder(b);
    let front = 0.5 * (a / (a + b) * b / (2.0 * PI)).ln() + remainders;
    front - a * deviance(point.x_excess, point.x_ratio) - b * deviance(point.y_excess, point.y_ratio)
}

/// Both halves of the beta distribution with parameters `a`, `b` > 0 at a point strictly between 0 and 1, and the
/// logarithm of the prefix, which is the density of `ln(x / y)`.
pub(crate) fn beta_halves(point: &Point, a: f64, b: f64) -> Result<(Halves, f64), Degenerate> {
    let ln_prefix = ln_prefix(point, a, b);
    let ln_tail = |p: &Point, a: f64, b: f64| {
        continued_fraction_from(p.x, p.y, a, b, b * p.y_excess)
            .map(|expansion| ln_prefix - a.ln() + expansion.ln())
            .ok_or_else(|| Degenerate::domain("a continued fraction of the beta distribution did not settle"))
    };
    let halves = if point.x < (a + 1.0) / (a + b + 2.0) {
        Halves::of_lower(ln_tail(point, a, b)?)
    } else {
        Halves::of_upper(ln_tail(&point.flipped(), b, a)?)
    };
    Ok((halves, ln_prefix))
}

fn checked(x: f64, a: f64, b: f64) -> Result<Halves, Degenerate> {
    if !(x > 0.0 && x < 1.0) {
        return Err(Degenerate::domain(format!("x is {x}, it must lie strictly between 0 and 1")));
    }
    for value in [a, b] {
        if !(value > 0.0 && value <= MAX_DF) {
            return Err(Degenerate::domain(format!(
                "a parameter of the beta distribution is {value}, it must lie above 0 and at most {MAX_DF:e}"
            )));
        }
    }
    Ok(beta_halves(&Point::new(x, 1.0 - x, a, b), a, b)?.0)
}

/// Lower tail `I_x(a, b)` of the beta distribution, for x strictly between 0 and 1.
///
/// # Errors
/// [`Degenerate::Domain`] for an `x` outside of (0, 1), or `a` or `b` outside of (0, [`MAX_DF`]].
pub fn beta_lower_tail(x: f64, a: f64, b: f64) -> Result<Tail, Degenerate> {
    Ok(checked(x, a, b)?.lower())
}

/// Upper tail `1 - I_x(a, b)` of the beta distribution.
///
/// # Errors
/// As [`beta_lower_tail`].
pub fn beta_upper_tail(x: f64, a: f64, b: f64) -> Result<Tail, Degenerate> {
    Ok(checked(x, a, b)?.upper())
}
