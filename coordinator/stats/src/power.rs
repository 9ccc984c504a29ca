//! What a design can show, before it is run.

use crate::degenerate::{Degenerate, check_fraction};
use crate::distributions::{increasing_root, lower_tail, student_t_quantile};
use statrs::function::factorial::binomial;

/// Smallest two-sided p-value of a sign-flip (or signed-rank) test of `n` pairs: `2 / 2^n`, at most 1. Never 0.
#[must_use]
pub fn smallest_p_sign_flip(n: usize) -> f64 {
    let halvings = i32::try_from(n).unwrap_or(i32::MAX);
    (2.0 * 0.5_f64.powi(halvings)).clamp(f64::MIN_POSITIVE, 1.0)
}

/// Smallest two-sided p-value of a rank-sum (or label permutation) test of two groups of `n` values each:
/// `2 / C(2n, n)`, at most 1. Never 0.
#[must_use]
pub fn smallest_p_rank_sum(n: usize) -> f64 {
    let n = u64::try_from(n).unwrap_or(u64::MAX / 2);
    // Above the range of a double the number of arrangements is infinite, and p the smallest that can be shown.
    (2.0 / binomial(n.saturating_mul(2), n)).clamp(f64::MIN_POSITIVE, 1.0)
}

/// Smallest Holm-adjusted p-value that a rank or permutation test of `n` replicates per configuration can reach
/// among `family` comparisons: the smallest p of the design times `family`, at most 1.
#[must_use]
pub fn smallest_p(n: usize, paired: bool, family: usize) -> f64 {
    let p = if paired { smallest_p_sign_flip(n) } else { smallest_p_rank_sum(n) };
    (p * family as f64).min(1.0)
}

/// Smallest number of replicates per configuration at which [`smallest_p`] is at most `alpha`.
///
/// # Errors
/// [`Degenerate::Domain`] for an `alpha` outside of (0, 1) or so small for the family that no design of 1,000
/// replicates reaches it.
pub fn smallest_n(paired: bool, family: usize, alpha: f64) -> Result<usize, Degenerate> {
    check_fraction("alpha", alpha)?;
    (1..=1000)
        .find(|&n| smallest_p(n, paired, family) <= alpha)
        .ok_or_else(|| Degenerate::domain("no design of up to 1,000 replicates can reach this alpha"))
}

/// Degrees of freedom, and the noncentrality of one unit of effect, of a t test with `n` replicates per
/// configuration.
fn design(n: usize, paired: bool) -> Result<(f64, f64), Degenerate> {
    if n < 2 {
        return Err(Degenerate::TooFew { n, needed: 2 });
    }
    let n = n as f64;
    Ok(if paired { (n - 1.0, n.sqrt()) } else { (2.0 * n - 2.0, (0.5 * n).sqrt()) })
}

/// Probability that a two-sided t statistic exceeds `critical` in size.
fn two_sided_power(critical: f64, df: f64, noncentrality: f64) -> f64 {
    lower_tail(-critical, df, -noncentrality) + lower_tail(-critical, df, noncentrality)
}

/// Power of the two-sided t test at level `alpha` with `n` replicates per configuration, when the true difference is
/// `effect` standard deviations: of the differences when `paired`, else of single values, equal in both groups.
///
/// With the noncentrality `effect * sqrt(n)` or `effect * sqrt(n/2)` and n - 1 or 2n - 2 degrees of freedom it is
/// the probability of both rejection regions under the noncentral t. Source: Cohen, "Statistical power analysis for
/// the behavioral sciences", 2nd edition (Erlbaum, 1988), chapter 2.
///
/// # Errors
/// [`Degenerate::TooFew`] for `n` below 2, [`Degenerate::Domain`] for `alpha` outside of (0, 1) or an effect that is
/// not finite.
pub fn power(n: usize, paired: bool, effect: f64, alpha: f64) -> Result<f64, Degenerate> {
    let (df, unit) = design(n, paired)?;
    check_fraction("alpha", alpha)?;
    if !(effect * unit).is_finite() {
        return Err(Degenerate::domain(format!("the effect is {effect}, it must be finite")));
    }
    let critical = -student_t_quantile(0.5 * alpha, df)?;
    Ok(two_sided_power(critical, df, effect * unit).min(1.0))
}

/// Smallest true difference, in standard deviations as in [`power()`], that the two-sided t test at level `alpha` with
/// `n` replicates per configuration detects with probability `power`.
///
/// # Errors
/// [`Degenerate::TooFew`] for `n` below 2, [`Degenerate::Domain`] for `alpha` or `power` outside of (0, 1), or
/// `power` not above `alpha`.
pub fn detectable_effect(n: usize, paired: bool, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    let (df, unit) = design(n, paired)?;
    check_fraction("alpha", alpha)?;
    check_fraction("power", power)?;
    if power <= alpha {
        return Err(Degenerate::domain(format!("power is {power}, it must be above alpha ({alpha})")));
    }
    let critical = -student_t_quantile(0.5 * alpha, df)?;
    // On the logarithm of the smaller side: a power near 1 keeps its digits too.
    let miss = |d: f64| lower_tail(critical, df, d) - lower_tail(-critical, df, d);
    let rise = |d: f64| {
        if power <= 0.5 {
            two_sided_power(critical, df, d).ln() - power.ln()
        } else {
            (1.0 - power).ln() - miss(d).max(f64::MIN_POSITIVE).ln()
        }
    };
    // Power is even in the noncentrality; continuing it oddly below 0 keeps the function increasing.
    let at_zero = rise(0.0);
    let odd = |d: f64| if d >= 0.0 { rise(d) } else { 2.0 * at_zero - rise(-d) };
    Ok(increasing_root(odd, critical, 1.0)? / unit)
}

/// [`detectable_effect`] of `n` pairs in units of the data, given the standard deviation of the differences.
///
/// # Errors
/// As [`detectable_effect`]; [`Degenerate::Domain`] for a standard deviation that is not positive and finite.
pub fn detectable_difference(n: usize, sd_of_difference: f64, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    if !(sd_of_difference > 0.0 && sd_of_difference.is_finite()) {
        return Err(Degenerate::domain(format!("the standard deviation is {sd_of_difference}, it must be positive")));
    }
    Ok(sd_of_difference * detectable_effect(n, true, alpha, power)?)
}
