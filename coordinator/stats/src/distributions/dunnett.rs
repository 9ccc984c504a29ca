//! The largest of several correlated t statistics (Dunnett's distribution), by deterministic quadrature that keeps its
//! relative accuracy in the upper tail.
//!
//! The statistics are `T_i = (lambda_i Z + tau_i Z_i) / S` with `tau_i^2 = 1 - lambda_i^2`, a common normal Z and a
//! common chi S, so that `T_i` and `T_j` have correlation `lambda_i lambda_j`. Given Z = z and S = s the i-th exceeds
//! c with probability `q_i = Q((c s - lambda_i z) / tau_i)`, plus the same with `-lambda_i` when two-sided, and one
//! of them does with `sum_i q_i prod_(j<i) (1 - q_j)`, in which nothing cancels. With `w = c s` the identity
//! `z^2 + ((w - lambda z) / tau)^2 = w^2 + ((z - lambda w) / tau)^2` lets the factor `exp(-w^2/2)` be taken out, so
//! that nothing underflows. Source of the distribution: Dunnett, "A multiple comparison procedure for comparing several
//! treatments with a control", Journal of the American Statistical Association 50 (1955).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::chebyshev::Tabulated;
use super::halves::tail_of_ln;
use super::normal::{normal_sf, scaled_sf};
use super::student::Tail;
use super::studentized_range::{bonferroni_bound, check_df_or_infinite, check_statistic, union_factor, upper_quantile};
use super::trapezoid::{ln_studentized, refined};
use crate::degenerate::{Degenerate, check_fraction, finite};

/// Standard deviations on either side of a hill of the integrand that are summed over.
const REACH: f64 = 8.7;

/// From this argument on the normal tail is used in its scaled form.
const SCALED_FROM: f64 = 10.0;

/// Whether the largest statistic or the largest absolute value is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sides {
    /// `max T_i`.
    One,
    /// `max |T_i|`.
    Two,
}

/// Statistics that share one lambda.
#[derive(Debug, Clone, Copy)]
struct Group {
    lambda: f64,
    tau: f64,
    count: i32,
}

/// The largest of several statistics before studentizing.
#[derive(Debug, Clone)]
struct Largest {
    /// By ascending lambda; not negative when two-sided, where signs do not matter.
    groups: Vec<Group>,
    sides: Sides,
    /// Smallest tau, which sets the step.
    finest: f64,
}

/// Ranges of z around the hills, ascending and apart.
fn merged(hills: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    let mut ranges: Vec<(f64, f64)> = Vec::new();
    for centre in hills {
        match ranges.last_mut() {
            Some(last) if last.1 >= centre - REACH => last.1 = centre + REACH,
            _ => ranges.push((centre - REACH, centre + REACH)),
        }
    }
    ranges
}

/// `Q(x)` for `x = (w - lambda z) / tau`, and the same times `exp((w+^2 - z^2) / 2)` with `w+ = max(w, 0)`.
fn exceedance(w: f64, z: f64, lambda: f64, tau: f64) -> (f64, f64) {
    let x = (w - lambda * z) / tau;
    let base = w.max(0.0);
    if x < SCALED_FROM || base == 0.0 {
        let q = normal_sf(x);
        return (q, q * (0.5 * (base - z) * (base + z)).exp());
    }
    let deviation = (z - lambda * w) / tau;
    if deviation.abs() > REACH + 1.0 {
        return (0.0, 0.0);
    }
    let (q, scaled) = scaled_sf(x);
    (q, scaled * (-0.5 * deviation * deviation).exp())
}

impl Largest {
    fn new(lambdas: &[f64], sides: Sides) -> Result<Self, Degenerate> {
        if lambdas.is_empty() || lambdas.len() > 10_000 {
            return Err(Degenerate::domain(format!("statistics are {}, they must be 1 to 10,000", lambdas.len())));
        }
        let mut sorted = Vec::with_capacity(lambdas.len());
        for &lambda in lambdas {
            if lambda.is_nan() || lambda.abs() >= 1.0 {
                return Err(Degenerate::domain(format!("lambda is {lambda}, it must lie strictly between -1 and 1")));
            }
            sorted.push(if sides == Sides::Two { lambda.abs() } else { lambda });
        }
        sorted.sort_by(f64::total_cmp);
        let mut groups: Vec<Group> = Vec::new();
        for lambda in sorted {
            match groups.last_mut() {
                Some(last) if last.lambda == lambda => last.count += 1,
                _ => groups.push(Group { lambda, tau: ((1.0 - lambda) * (1.0 + lambda)).sqrt(), count: 1 }),
            }
        }
        let finest = groups.iter().fold(1.0, |finest: f64, group| finest.min(group.tau));
        Ok(Self { groups, sides, finest })
    }

    /// The integrand over z, without `phi(0)` and times `exp(w+^2 / 2)`.
    fn scaled_at(&self, w: f64, z: f64) -> f64 {
        let mut sum = 0.0;
        let mut none_before = 1.0;
        for &Group { lambda, tau, count } in &self.groups {
            let (mut q, mut scaled) = exceedance(w, z, lambda, tau);
            if self.sides == Sides::Two {
                let other = exceedance(w, z, -lambda, tau);
                q += other.0;
                scaled += other.1;
            }
            sum += none_before * scaled * union_factor(q, f64::from(count));
            none_before *= (1.0 - q).max(0.0).powi(count);
        }
        sum
    }

    /// Natural logarithm of `P(max >= w)` for infinite degrees of freedom, and `w+^2 / 2`; `w >= 0` when two-sided.
    fn ln_scaled_tail(&self, w: f64) -> f64 {
        let base = w.max(0.0);
        let hills = || self.groups.iter().map(|group| group.lambda * base);
        let symmetric = self.sides == Sides::Two;
        let ranges = merged(hills());
        let integral = refined(self.finest.min(0.7), |offset, step| {
            let mut sum = 0.0;
            for &(low, high) in &ranges {
                let first = if symmetric { low.max(0.0) } else { low };
                let mut position = (first / step - offset).ceil();
                loop {
                    let z = (position + offset) * step;
                    if z > high {
                        break;
                    }
                    // The two halves of a symmetric integrand share the point 0.
                    let weight = if !symmetric {
                        1.0
                    } else if z == 0.0 {
                        0.5
                    } else {
                        1.0
                    };
                    sum += weight * self.scaled_at(w, z);
                    position += 1.0;
                }
            }
            if symmetric { 2.0 * sum } else { sum }
        });
        integral.ln() - 0.5 * (2.0 * PI).ln()
    }
}

/// Dunnett's distribution of one set of correlations.
pub(crate) struct Dunnett {
    sides: Sides,
    count: usize,
    /// Logarithm of the tail with infinite degrees of freedom, and `w^2 / 2` for `w >= 0`.
    ln_tail: Tabulated<Box<dyn Fn(f64) -> f64 + Send + Sync>>,
}

impl Dunnett {
    pub(crate) fn new(lambdas: &[f64], sides: Sides) -> Result<Self, Degenerate> {
        let largest = Largest::new(lambdas, sides)?;
        let ln_tail = Tabulated::new(Box::new(move |w: f64| largest.ln_scaled_tail(w)) as Box<_>);
        Ok(Self { sides, count: lambdas.len(), ln_tail })
    }

    fn ln_upper_tail(&self, c: f64, df: f64) -> f64 {
        if c == 0.0 && self.sides == Sides::Two {
            return 0.0;
        }
        ln_studentized(c, df, 1.0, |w| self.ln_tail.at(w) - 0.5 * w.max(0.0).powi(2))
    }

    pub(crate) fn upper_tail(&self, c: f64, df: f64) -> Result<Tail, Degenerate> {
        check_df_or_infinite(df)?;
        check_statistic(c, df)?;
        if self.sides == Sides::Two && c < 0.0 {
            return Err(Degenerate::domain(format!("the two-sided statistic is {c}, it must not be negative")));
        }
        Ok(tail_of_ln(finite("the tail of Dunnett's distribution", self.ln_upper_tail(c, df))?))
    }

    pub(crate) fn upper_quantile(&self, p: f64, df: f64) -> Result<f64, Degenerate> {
        check_df_or_infinite(df)?;
        check_fraction("probability", p)?;
        if self.sides == Sides::One && p.ln() >= self.ln_upper_tail(0.0, df) {
            return Err(Degenerate::domain(format!(
                "the probability is {p}, it must be below the one-sided tail at 0"
            )));
        }
        let both = if self.sides == Sides::One { 2.0 } else { 1.0 };
        let bound = bonferroni_bound((both * p / self.count as f64).min(0.99), df)?;
        upper_quantile(p, bound, |c| self.ln_upper_tail(c, df))
    }
}

/// Upper tail of the largest of several t statistics with common denominator and `df` degrees of freedom (or infinity):
/// `P(max T_i >= c)`, or `P(max |T_i| >= c)`, when `T_i` and `T_j` have correlation `lambdas[i] * lambdas[j]`.
///
/// For comparisons of groups of `n_i` runs with a control of `n_0` runs, `lambda_i = sqrt(n_i / (n_i + n_0))`.
///
/// # Errors
/// [`Degenerate::Domain`] without a lambda, or with one not strictly between -1 and 1, a `df` neither in
/// (0, [`MAX_DF`](super::MAX_DF)] nor infinite, or a `c` that is negative when two-sided, or
/// larger in size than 1e300, or 1e6 with infinite `df`.
pub fn dunnett_upper_tail(c: f64, lambdas: &[f64], df: f64, sides: Sides) -> Result<Tail, Degenerate> {
    Dunnett::new(lambdas, sides)?.upper_tail(c, df)
}

/// The c that [`dunnett_upper_tail`] gives the probability `p`: positive, so one-sided `p` must be below the tail at 0.
///
/// # Errors
/// As [`dunnett_upper_tail`]; [`Degenerate::Domain`] for a `p` outside of (0, 1), or one-sided at or above the tail
/// at 0.
pub fn dunnett_upper_quantile(p: f64, lambdas: &[f64], df: f64, sides: Sides) -> Result<f64, Degenerate> {
    Dunnett::new(lambdas, sides)?.upper_quantile(p, df)
}
