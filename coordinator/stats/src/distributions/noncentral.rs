//! The noncentral t distribution: of `(Z + ncp) / sqrt(V / df)` with Z standard normal and V chi-squared.
//!
//! With `S = sqrt(V / df)` and `y = ln S`, `P(T <= t) = E[cdf_normal(t S - ncp)]` is the integral over y of
//! `2 a^a e^-a / gamma(a) * exp(-a (e^(2y) - 1 - 2y)) * cdf_normal(t e^y - ncp)` with `a = df / 2`. Every factor is
//! positive, so nothing cancels and both tails keep their relative accuracy; the usual series do not.
//! Source of the integral: Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" 2, chapter 31
//! (Wiley, 1995).

use std::f64::consts::PI;

use super::gamma::stirling_remainder;
use super::normal::{ln_normal_cdf, normal_cdf, normal_quantile};
use super::quadrature::integrate;
use super::root::increasing_root;
use super::student::check_df;
use crate::degenerate::{Degenerate, check_fraction};

/// Logarithm below the peak where the integrand is cut off.
const CUT: f64 = 45.0;

/// Error asked of the quadrature's cautious estimate. What comes out is better than 1e-13; the fixtures hold it.
const QUADRATURE: f64 = 1e-10;

struct Integrand {
    a: f64,
    t: f64,
    ncp: f64,
}

impl Integrand {
    /// Logarithm of the density of y, without its constant; 0 at its mode, y = 0.
    fn ln_shape(&self, y: f64) -> f64 {
        -self.a * ((2.0 * y).exp_m1() - 2.0 * y)
    }

    fn ln_value(&self, y: f64) -> f64 {
        self.ln_shape(y) + ln_normal_cdf(self.t * y.exp() - self.ncp)
    }

    fn value(&self, y: f64) -> f64 {
        self.ln_shape(y).exp() * normal_cdf(self.t * y.exp() - self.ncp)
    }

    /// y of the largest value: golden-section search of the logarithm, which has one peak.
    fn peak(&self) -> f64 {
        let (mut low, mut high) = (-1.0, 1.0);
        while self.ln_value(low) > self.ln_value(low + 0.5) && low > -700.0 {
            low *= 2.0;
        }
        while self.ln_value(high) > self.ln_value(high - 0.5) && high < 350.0 {
            high *= 2.0;
        }
        let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
        let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
        let (mut at_left, mut at_right) = (self.ln_value(left), self.ln_value(right));
        for _ in 0..30 {
            if at_left < at_right {
                (low, left, at_left) = (left, right, at_right);
                right = low + ratio * (high - low);
                at_right = self.ln_value(right);
            } else {
                (high, right, at_right) = (right, left, at_left);
                left = high - ratio * (high - low);
                at_left = self.ln_value(left);
            }
        }
        f64::midpoint(low, high)
    }

    /// Where the logarithm has fallen by `CUT`, going from `peak` in steps that start at `step` and double, and
    /// every point stepped on. `step` carries the direction.
    fn points_until_cut(&self, peak: f64, step: f64) -> Vec<f64> {
        let floor = self.ln_value(peak) - CUT;
        let mut points = Vec::new();
        let mut reach = step;
        while points.len() < 60 {
            let y = peak + reach;
            points.push(y);
            if self.ln_value(y) < floor {
                break;
            }
            reach *= 2.0;
        }
        points
    }

    fn integral(&self) -> f64 {
        let peak = self.peak();
        // The narrower of the widths of the two factors, near the peak.
        let width = 1.0 / (4.0 * self.a + (self.t * peak.exp()).powi(2)).sqrt();
        let mut breaks = self.points_until_cut(peak, -width);
        breaks.push(peak);
        breaks.extend(self.points_until_cut(peak, width));
        breaks.sort_by(f64::total_cmp);
        let (low, high) = (breaks[0], breaks[breaks.len() - 1]);
        // The normal factor turns where t S = ncp; without a break there a sharp turn may fall between nodes.
        let turn = (self.ncp / self.t).ln();
        if turn.is_finite() {
            let sharp = 1.0 / self.ncp.abs().max(1.0);
            breaks.extend([-8.0, -2.0, 0.0, 2.0, 8.0].map(|k| turn + k * sharp));
            breaks.retain(|y| (low..=high).contains(y));
            breaks.sort_by(f64::total_cmp);
        }
        let constant = (2.0 * self.a / PI).sqrt() * (-stirling_remainder(self.a)).exp();
        constant * integrate(|y| self.value(y), &breaks, QUADRATURE)
    }
}

/// `P(T <= t)`; the upper tail is `lower_tail(-t, df, -ncp)`. Arguments are finite, `df` is in range.
pub(crate) fn lower_tail(t: f64, df: f64, ncp: f64) -> f64 {
    if t == 0.0 {
        return normal_cdf(-ncp);
    }
    Integrand { a: 0.5 * df, t, ncp }.integral().clamp(0.0, 1.0)
}

fn check(t: f64, df: f64, ncp: f64) -> Result<(), Degenerate> {
    check_df(df)?;
    for (name, value) in [("t", t), ("the noncentrality", ncp)] {
        if !value.is_finite() {
            return Err(Degenerate::domain(format!("{name} is {value}, it must be finite")));
        }
    }
    Ok(())
}

/// Lower tail `P(T <= t)` of the noncentral t distribution.
///
/// # Errors
/// [`Degenerate::Domain`] for a `t` or `ncp` that is not finite, or `df` out of range.
pub fn noncentral_t_cdf(t: f64, df: f64, ncp: f64) -> Result<f64, Degenerate> {
    check(t, df, ncp)?;
    Ok(lower_tail(t, df, ncp))
}

/// Upper tail `P(T >= t)` of the noncentral t distribution.
///
/// # Errors
/// As [`noncentral_t_cdf`].
pub fn noncentral_t_sf(t: f64, df: f64, ncp: f64) -> Result<f64, Degenerate> {
    check(t, df, ncp)?;
    Ok(lower_tail(-t, df, -ncp))
}

/// Confidence limits of the noncentrality for an observed `t`: the lower makes `P(T >= t)`, the upper `P(T <= t)`
/// equal to `(1 - confidence) / 2`.
///
/// Source: Steiger and Fouladi, "Noncentrality interval estimation", in "What if there were no significance
/// tests?" (Erlbaum, 1997).
///
/// # Errors
/// [`Degenerate::Domain`] for a `t` that is not finite, `df` out of range or `confidence` outside of (0, 1).
pub fn noncentrality_interval(t: f64, df: f64, confidence: f64) -> Result<(f64, f64), Degenerate> {
    check(t, df, 0.0)?;
    check_fraction("confidence", confidence)?;
    let tail = probit(0.5 * (1.0 - confidence));
    let spread = (1.0 + t * t / (2.0 * df)).sqrt();
    // As normal quantiles both are nearly straight lines, which false position follows in a few steps.
    let low = increasing_root(|ncp| probit(lower_tail(-t, df, -ncp)) - tail, t + tail * spread, 0.25 * spread)?;
    let high = increasing_root(|ncp| tail - probit(lower_tail(t, df, ncp)), t - tail * spread, 0.25 * spread)?;
    // At a confidence near 0 the two meet, and rounding may cross them.
    Ok((low.min(high), low.max(high)))
}

/// Normal quantile that stays finite at 0 and 1.
pub(crate) fn probit(p: f64) -> f64 {
    // Inside of (0, 1) there is no error.
    normal_quantile(p.clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)).unwrap_or(f64::NAN)
}
