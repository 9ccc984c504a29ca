//! The studentized range, by deterministic quadrature that keeps its relative accuracy in the upper tail.
//!
//! With z the smallest of k standard normals and Q the normal upper tail, the range W exceeds w with probability
//! `k int phi(z) (Q(z)^(k-1) - (Q(z) - Q(z+w))^(k-1)) dz`. Written with `r = Q(z+w) / Q(z)` as
//! `phi(z) Q(z)^(k-2) Q(z+w) * (1 - (1-r)^(k-1)) / r` nothing cancels, and with the factor `exp(-w^2/4)` taken out
//! nothing underflows. The integrand is log-concave in z, being a marginal of the joint density of minimum and maximum.
//! Source of the distribution: Pearson and Hartley, "Biometrika Tables for Statisticians" 1 (Cambridge, 1954),
//! section 14.

use std::f64::consts::{PI, SQRT_2};

use super::chebyshev::Tabulated;
use super::halves::tail_of_ln;
use super::normal::{normal_sf, normal_upper_quantile, scaled_sf};
use super::root::increasing_root;
use super::student::{MAX_DF, Tail, student_t_quantile, student_t_two_sided};
use super::trapezoid::{hill_integral, ln_studentized};
use crate::degenerate::{Degenerate, check_fraction, finite};

/// Largest number of groups.
const MAX_GROUPS: usize = 10_000;

/// `1 - (1 - r)^n` over r, for n >= 1 and r in [0, 1].
pub(crate) fn union_factor(r: f64, n: f64) -> f64 {
    if n == 1.0 {
        1.0
    } else if n * r < 1e-8 {
        n * (1.0 - 0.5 * (n - 1.0) * r)
    } else {
        -(n * (-r.min(1.0)).ln_1p()).exp_m1() / r
    }
}

/// Natural logarithm of `P(W >= w)` for the range W of `groups` standard normals, `w >= 0`.
fn ln_range_tail(w: f64, groups: usize) -> f64 {
    let k = groups as f64;
    // Deviations from -w/2, around which the minimum lies when w is large.
    let scaled = |deviation: f64| {
        let q = normal_sf(deviation - 0.5 * w);
        let (upper, upper_scaled) = scaled_sf(deviation + 0.5 * w);
        if q == 0.0 {
            return 0.0;
        }
        let others = if groups == 2 { 1.0 } else { q.powf(k - 2.0) };
        (-deviation * deviation).exp() * upper_scaled * others * union_factor(upper / q, k - 1.0)
    };
    // Where it lies when w is small.
    let start = (0.5 * w - (2.0 * k.ln()).sqrt() + 1.0).min(0.0);
    let integral = hill_integral(scaled, start, 0.7);
    (k / (2.0 * PI).sqrt()).ln() + integral.ln() - 0.25 * w * w
}

/// `Ok` for degrees of freedom in (0, [`MAX_DF`]] or infinite.
pub(crate) fn check_df_or_infinite(df: f64) -> Result<(), Degenerate> {
    if (df > 0.0 && df <= MAX_DF) || df == f64::INFINITY {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("degrees of freedom are {df}, they must lie in 0 to {MAX_DF:e} or be infinite")))
    }
}

/// `Ok` for a statistic in range: with infinite degrees of freedom its tail is `exp(-q^2 / 4)` or less, and next to a
/// larger one the width of the integrand would be rounded off.
pub(crate) fn check_statistic(q: f64, df: f64) -> Result<(), Degenerate> {
    let limit = if df == f64::INFINITY { 1e6 } else { 1e300 };
    if q.abs() <= limit {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the statistic is {q}, its size must be at most {limit:e} with {df} df")))
    }
}

/// Studentized ranges of one number of groups, which share the range itself.
pub(crate) struct StudentizedRange {
    groups: usize,
    /// Logarithm of the tail of the range, and `w^2 / 4`.
    ln_tail: Tabulated<Box<dyn Fn(f64) -> f64 + Send + Sync>>,
}

impl StudentizedRange {
    pub(crate) fn new(groups: usize) -> Result<Self, Degenerate> {
        if !(2..=MAX_GROUPS).contains(&groups) {
            return Err(Degenerate::domain(format!("groups are {groups}, they must be 2 to {MAX_GROUPS}")));
        }
        let ln_tail = Tabulated::new(Box::new(move |w: f64| ln_range_tail(w, groups) + 0.25 * w * w) as Box<_>);
        Ok(Self { groups, ln_tail })
    }

    fn ln_upper_tail(&self, q: f64, df: f64) -> f64 {
        if q == 0.0 {
            return 0.0;
        }
        ln_studentized(q, df, SQRT_2, |w| self.ln_tail.at(w) - 0.25 * w * w)
    }

    pub(crate) fn upper_tail(&self, q: f64, df: f64) -> Result<Tail, Degenerate> {
        check_df_or_infinite(df)?;
        if !(q >= 0.0 && (df < f64::INFINITY && q < 1e300 || q < 1e150)) {
            return Err(Degenerate::domain(format!(
                "the studentized range is {q}, it must be finite and not negative"
            )));
        }
        if self.groups == 2 && df < f64::INFINITY {
            // The range of two is sqrt(2) |T|.
            return student_t_two_sided(q / SQRT_2, df);
        }
        Ok(tail_of_ln(finite("the tail of the studentized range", self.ln_upper_tail(q, df))?))
    }

    pub(crate) fn upper_quantile(&self, p: f64, df: f64) -> Result<f64, Degenerate> {
        check_df_or_infinite(df)?;
        check_fraction("probability", p)?;
        // The bound by Bonferroni's inequality; no pair of means may differ by more.
        let pairs = 0.5 * self.groups as f64 * (self.groups - 1) as f64;
        let bound = SQRT_2 * bonferroni_bound(p / pairs, df)?;
        upper_quantile(p, bound, |q| self.ln_upper_tail(q, df))
    }
}

/// Upper tail `P(Q >= q)` of the studentized range of `groups` means with `df` degrees of freedom (or infinity).
///
/// # Errors
/// [`Degenerate::Domain`] for a `q` that is negative or above 1e300 (1e6 with infinite `df`), fewer than 2 or more
/// than 10,000 groups, or `df` neither in (0, [`MAX_DF`]] nor infinite.
pub fn studentized_range_upper_tail(q: f64, groups: usize, df: f64) -> Result<Tail, Degenerate> {
    StudentizedRange::new(groups)?.upper_tail(q, df)
}

/// The t with `P(|T| >= t) = p`, or 1 for a `p` so near 1 that it tells nothing.
pub(crate) fn bonferroni_bound(p: f64, df: f64) -> Result<f64, Degenerate> {
    let tail = 0.5 * p;
    let bound = if df == f64::INFINITY { normal_upper_quantile(tail)? } else { -student_t_quantile(tail, df)? };
    Ok(bound.max(1e-3))
}

/// The x with `ln_tail(x) = ln p`, near the bound above it.
pub(crate) fn upper_quantile(p: f64, bound: f64, ln_tail: impl Fn(f64) -> f64) -> Result<f64, Degenerate> {
    let target = p.ln();
    increasing_root(|ln_x| target - ln_tail(ln_x.exp()), bound.ln() - 0.02, 0.02)
        .map(f64::exp)
        .map_err(|_| Degenerate::domain("the quantile is beyond the range of a double"))
}

/// The q with `P(Q >= q) = p`.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` outside of (0, 1), groups or `df` out of range or a quantile beyond `f64`.
pub fn studentized_range_upper_quantile(p: f64, groups: usize, df: f64) -> Result<f64, Degenerate> {
    StudentizedRange::new(groups)?.upper_quantile(p, df)
}
