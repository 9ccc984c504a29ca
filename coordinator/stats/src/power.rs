//! What a design can show, before it is run.
//!
//! Nothing here takes an observed difference: the power of the test just made, at the difference just seen, is a
//! function of its p-value and says nothing new. Source: Hoenig and Heisey, "The abuse of power", The American
//! Statistician 55 (2001).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::satterthwaite;
use crate::degenerate::{Degenerate, check_fraction, finite};
use crate::distributions::{
    chi_squared_quantile, expected_below, increasing_root, lower_tail, normal_cdf, probit, student_t_quantile,
};
use crate::equivalence::check_margin;
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

fn check_levels(alpha: f64, power: f64) -> Result<(), Degenerate> {
    check_fraction("alpha", alpha)?;
    check_fraction("power", power)?;
    if power > alpha {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("power is {power}, it must be above alpha ({alpha})")))
    }
}

fn check_sd(sd: f64) -> Result<(), Degenerate> {
    if sd > 0.0 && sd.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the standard deviation is {sd}, it must be positive and finite")))
    }
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
    check_levels(alpha, power)?;
    Ok(detectable_noncentrality(df, alpha, power)? / unit)
}

/// The noncentrality at which the two-sided t test on `df` degrees of freedom has `power`, above `alpha`.
fn detectable_noncentrality(df: f64, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    noncentrality_at(-student_t_quantile(0.5 * alpha, df)?, df, power)
}

/// Probability that |t| on `df` degrees of freedom exceeds `critical` when its noncentrality is `noncentrality`: the power
/// of one comparison whose limit comes from another distribution than Student's, such as Dunnett's or the studentized
/// range.
///
/// # Errors
/// [`Degenerate::Domain`] for a `critical` or `df` that is not positive and finite, or a noncentrality that is not finite.
pub fn power_at(critical: f64, df: f64, noncentrality: f64) -> Result<f64, Degenerate> {
    check_limit(critical, df)?;
    let noncentrality = finite("the noncentrality", noncentrality)?;
    Ok(two_sided_power(critical, df, noncentrality).min(1.0))
}

/// The noncentrality above 0 at which [`power_at`] is `power`.
///
/// # Errors
/// As [`power_at`]; [`Degenerate::Domain`] for a `power` outside of (0, 1) or not above that at 0.
pub fn noncentrality_for(critical: f64, df: f64, power: f64) -> Result<f64, Degenerate> {
    check_levels(power_at(critical, df, 0.0)?.clamp(f64::MIN_POSITIVE, 1.0), power)?;
    noncentrality_at(critical, df, power)
}

fn check_limit(critical: f64, df: f64) -> Result<(), Degenerate> {
    if critical > 0.0 && critical.is_finite() && df > 0.0 && df.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the limit is {critical} on {df} degrees of freedom, both must be positive")))
    }
}

/// The noncentrality at which |t| exceeds `critical` with probability `power`.
fn noncentrality_at(critical: f64, df: f64, power: f64) -> Result<f64, Degenerate> {
    // As a normal quantile, which is nearly a straight line, of the smaller side: a power near 1 keeps its digits too.
    let miss = |d: f64| lower_tail(critical, df, d) - lower_tail(-critical, df, d);
    let rise = |d: f64| {
        if power <= 0.5 {
            probit(two_sided_power(critical, df, d)) - probit(power)
        } else {
            probit(1.0 - power) - probit(miss(d))
        }
    };
    // Power is even in the noncentrality; continuing it oddly below 0 keeps the function increasing.
    let at_zero = rise(0.0);
    let odd = |d: f64| if d >= 0.0 { rise(d) } else { 2.0 * at_zero - rise(-d) };
    increasing_root(odd, (critical + probit(power)).max(0.0), 0.25)
}

/// [`detectable_effect`] of `n` pairs in units of the data, given the standard deviation of the differences.
///
/// # Errors
/// As [`detectable_effect`]; [`Degenerate::Domain`] for a standard deviation that is not positive and finite.
pub fn detectable_difference(n: usize, sd_of_difference: f64, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    check_sd(sd_of_difference)?;
    Ok(sd_of_difference * detectable_effect(n, true, alpha, power)?)
}

/// One arm of an unpaired design: its size and the true standard deviation of single values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Replicates.
    pub n: usize,
    /// Standard deviation, in the units of the data.
    pub sd: f64,
}

/// Degrees of freedom and standard error of the difference of two arms, by Satterthwaite.
fn arms(a: Arm, b: Arm) -> Result<(f64, f64), Degenerate> {
    for arm in [a, b] {
        if arm.n < 2 {
            return Err(Degenerate::TooFew { n: arm.n, needed: 2 });
        }
        if !(arm.sd >= 0.0 && arm.sd.is_finite()) {
            return Err(Degenerate::domain(format!("the standard deviation is {}, it must not be negative", arm.sd)));
        }
    }
    if a.sd == 0.0 && b.sd == 0.0 {
        return Err(Degenerate::domain("both standard deviations are 0, one must be positive"));
    }
    let se = |arm: Arm| (arm.sd / (arm.n as f64).sqrt(), arm.n);
    let (df, standard_error) = satterthwaite(se(a), se(b));
    Ok((df, finite("the standard error", standard_error)?))
}

/// Power of Welch's two-sided test at level `alpha` for a true `difference` in the units of the data: noncentral t
/// with the degrees of freedom that Welch's formula gives at the true deviations.
///
/// Source: as [`power()`]; Welch, Biometrika 34 (1947), for the degrees of freedom.
///
/// # Errors
/// [`Degenerate::TooFew`] below two replicates, [`Degenerate::Domain`] for `alpha` outside of (0, 1), deviations that
/// are negative or both 0, or a difference that is not finite.
pub fn power_welch(difference: f64, a: Arm, b: Arm, alpha: f64) -> Result<f64, Degenerate> {
    let (df, se) = arms(a, b)?;
    check_fraction("alpha", alpha)?;
    let noncentrality = finite("the difference", difference / se)?;
    let critical = -student_t_quantile(0.5 * alpha, df)?;
    Ok(two_sided_power(critical, df, noncentrality).min(1.0))
}

/// Smallest true difference that Welch's two-sided test at level `alpha` detects with probability `power`; in the
/// units of the data.
///
/// # Errors
/// As [`power_welch`]; [`Degenerate::Domain`] for a `power` outside of (0, 1) or not above `alpha`.
pub fn detectable_difference_welch(a: Arm, b: Arm, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    let (df, se) = arms(a, b)?;
    check_levels(alpha, power)?;
    Ok(se * detectable_noncentrality(df, alpha, power)?)
}

/// More replicates than any sweep has.
const MAX_N: usize = 1_000_000;

/// Smallest `n` from 2 to [`MAX_N`] for which `reached`, which holds for all larger `n` once it holds.
fn smallest_size(reached: impl Fn(usize) -> Result<bool, Degenerate>) -> Result<usize, Degenerate> {
    let (mut fails, mut holds) = (1, 2);
    while !reached(holds)? {
        if holds >= MAX_N {
            return Err(Degenerate::domain("no design of up to 1,000,000 replicates reaches this power"));
        }
        fails = holds;
        holds = (2 * holds).min(MAX_N);
    }
    while holds - fails > 1 {
        let middle = usize::midpoint(fails, holds);
        if reached(middle)? { holds = middle } else { fails = middle }
    }
    Ok(holds)
}

fn check_difference(difference: f64) -> Result<(), Degenerate> {
    if difference != 0.0 && difference.is_finite() {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the difference is {difference}, it must be finite and not 0")))
    }
}

/// Pairs with which the two-sided paired t test at level `alpha` detects a true `difference` with probability `power`.
///
/// # Errors
/// [`Degenerate::Domain`] for a difference of 0, a deviation that is not positive, `alpha` or `power` outside of
/// (0, 1), `power` not above `alpha`, or when a million pairs are not enough.
pub fn required_n_paired(
    difference: f64,
    sd_of_difference: f64,
    alpha: f64,
    power_wanted: f64,
) -> Result<usize, Degenerate> {
    check_difference(difference)?;
    check_sd(sd_of_difference)?;
    check_levels(alpha, power_wanted)?;
    smallest_size(|n| Ok(power(n, true, difference / sd_of_difference, alpha)? >= power_wanted))
}

/// Replicates per arm, equal in both, with which Welch's two-sided test at level `alpha` detects a true `difference`
/// with probability `power`.
///
/// # Errors
/// As [`required_n_paired`].
pub fn required_n_welch(
    difference: f64,
    sd_a: f64,
    sd_b: f64,
    alpha: f64,
    power_wanted: f64,
) -> Result<usize, Degenerate> {
    check_difference(difference)?;
    check_levels(alpha, power_wanted)?;
    let reached = |n| Ok(power_welch(difference, Arm { n, sd: sd_a }, Arm { n, sd: sd_b }, alpha)? >= power_wanted);
    smallest_size(reached)
}

/// Upper confidence limit of a standard deviation estimated on `df` degrees of freedom:
/// `sd * sqrt(df / chi2(1 - confidence; df))`. Planning with the estimate itself misses its power in more than half of
/// all cases when the pilot is small.
///
/// Source: Browne, "On the use of a pilot sample for sample size determination", Statistics in Medicine 14 (1995).
///
/// # Errors
/// [`Degenerate::Domain`] for a deviation that is not positive, `df` out of range or `confidence` outside of (0, 1).
pub fn upper_sd(sd: f64, df: f64, confidence: f64) -> Result<f64, Degenerate> {
    check_sd(sd)?;
    check_fraction("confidence", confidence)?;
    finite("the upper limit", sd * (df / chi_squared_quantile(1.0 - confidence, df)?).sqrt())
}

/// Probability that TOST at level `alpha` shows equivalence within `margin` at a true `difference`, exact for a
/// difference estimate with true standard error `se` and an estimate of it on `df` degrees of freedom.
///
/// Source: Phillips, "Power of the two one-sided tests procedure in bioequivalence", Journal of Pharmacokinetics and
/// Biopharmaceutics 18 (1990), as the mean over the estimated error.
fn tost_power(df: f64, se: f64, difference: f64, margin: f64, alpha: f64) -> Result<f64, Degenerate> {
    check_margin(margin)?;
    check_fraction("2 alpha", 2.0 * alpha)?;
    let (margin, difference) = (finite("the margin", margin / se)?, finite("the difference", difference / se)?);
    let critical = -student_t_quantile(alpha, df)?;
    let inside = |scale: f64| {
        let reach = margin - critical * scale;
        normal_cdf(reach - difference) - normal_cdf(-reach - difference)
    };
    Ok(expected_below(df, margin / critical, inside).clamp(0.0, 1.0))
}

/// Probability that the paired TOST at level `alpha` shows equivalence within `margin` at a true `difference`, with
/// `n` pairs whose differences have the standard deviation `sd`.
///
/// # Errors
/// [`Degenerate::TooFew`] below two pairs, [`Degenerate::Domain`] for a deviation or margin that is not positive,
/// `alpha` outside of (0, 1/2), or a difference that is not finite.
pub fn tost_power_paired(n: usize, sd: f64, difference: f64, margin: f64, alpha: f64) -> Result<f64, Degenerate> {
    let (df, unit) = design(n, true)?;
    check_sd(sd)?;
    tost_power(df, sd / unit, difference, margin, alpha)
}

/// [`tost_power_paired`] of Welch's TOST for two independent arms; degrees of freedom as in [`power_welch`].
///
/// # Errors
/// As [`power_welch`] and [`tost_power_paired`].
pub fn tost_power_welch(a: Arm, b: Arm, difference: f64, margin: f64, alpha: f64) -> Result<f64, Degenerate> {
    let (df, se) = arms(a, b)?;
    tost_power(df, se, difference, margin, alpha)
}

/// Pairs with which the paired TOST at level `alpha` shows equivalence within `margin` with probability `power` when
/// there is no difference.
///
/// # Errors
/// As [`tost_power_paired`]; [`Degenerate::Domain`] for a `power` outside of (0, 1) or when a million pairs are not
/// enough.
pub fn required_n_equivalence_paired(margin: f64, sd: f64, alpha: f64, power_wanted: f64) -> Result<usize, Degenerate> {
    check_fraction("power", power_wanted)?;
    smallest_size(|n| Ok(tost_power_paired(n, sd, 0.0, margin, alpha)? >= power_wanted))
}

/// [`required_n_equivalence_paired`] of Welch's TOST, per arm, equal in both.
///
/// # Errors
/// As [`required_n_equivalence_paired`].
pub fn required_n_equivalence_welch(
    margin: f64,
    sd_a: f64,
    sd_b: f64,
    alpha: f64,
    power_wanted: f64,
) -> Result<usize, Degenerate> {
    check_fraction("power", power_wanted)?;
    let arm = |n, sd| Arm { n, sd };
    smallest_size(|n| Ok(tost_power_welch(arm(n, sd_a), arm(n, sd_b), 0.0, margin, alpha)? >= power_wanted))
}

/// Confidence of the upper limit at which a pilot's standard deviation is planned with.
pub const PILOT_CONFIDENCE: f64 = 0.8;

/// Replicates that an undecided comparison needs, per configuration and in all (those there are already count).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunsNeeded {
    /// Standard deviation planned with, an upper limit by [`upper_sd`] at [`PILOT_CONFIDENCE`]: of the differences of
    /// pairs, or the root mean square of the two arms' limits.
    pub sd: f64,
    /// Replicates that detect a difference of the margin.
    pub detect: usize,
    /// Replicates that show equivalence within the margin when there is no difference.
    pub equivalence: usize,
    /// The larger of the two: then a true difference of 0 and one of the margin are each settled with the power asked.
    pub settle: usize,
}

/// Runs that would settle a paired comparison, from the standard deviation of the `n` differences seen and the
/// declared margin, but never from the difference seen. `alpha` is the level of the two-sided test, after the
/// adjustment for multiplicity that it will meet; `alpha_equivalence` that of each one-sided test of equivalence.
///
/// # Errors
/// As [`upper_sd`], [`required_n_paired`] and [`required_n_equivalence_paired`].
pub fn runs_needed_paired(
    n: usize,
    sd_of_difference: f64,
    margin: f64,
    alpha: f64,
    alpha_equivalence: f64,
    power: f64,
) -> Result<RunsNeeded, Degenerate> {
    let (df, _) = design(n, true)?;
    let sd = upper_sd(sd_of_difference, df, PILOT_CONFIDENCE)?;
    let detect = required_n_paired(margin, sd, alpha, power)?;
    let equivalence = required_n_equivalence_paired(margin, sd, alpha_equivalence, power)?;
    Ok(RunsNeeded { sd, detect, equivalence, settle: detect.max(equivalence) })
}

/// [`runs_needed_paired`] of an unpaired comparison, from the sizes and standard deviations of its two arms so far.
///
/// # Errors
/// As [`upper_sd`], [`required_n_welch`] and [`required_n_equivalence_welch`].
pub fn runs_needed_welch(
    a: Arm,
    b: Arm,
    margin: f64,
    alpha: f64,
    alpha_equivalence: f64,
    power: f64,
) -> Result<RunsNeeded, Degenerate> {
    arms(a, b)?;
    let upper = |arm: Arm| upper_sd(arm.sd, (arm.n - 1) as f64, PILOT_CONFIDENCE);
    let (sd_a, sd_b) = (upper(a)?, upper(b)?);
    let detect = required_n_welch(margin, sd_a, sd_b, alpha, power)?;
    let equivalence = required_n_equivalence_welch(margin, sd_a, sd_b, alpha_equivalence, power)?;
    let sd = finite("the standard deviation", sd_a.hypot(sd_b) / 2.0_f64.sqrt())?;
    Ok(RunsNeeded { sd, detect, equivalence, settle: detect.max(equivalence) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_limit_of_ones_own_is_that_of_the_t_test_where_it_is_its_limit() {
        let (alpha, n) = (0.05, 12);
        for paired in [true, false] {
            let (df, unit) = design(n, paired).unwrap();
            let critical = -student_t_quantile(0.5 * alpha, df).unwrap();
            let effect = noncentrality_for(critical, df, 0.8).unwrap() / unit;
            assert!((effect - detectable_effect(n, paired, alpha, 0.8).unwrap()).abs() < 1e-12);
            assert!((power_at(critical, df, effect * unit).unwrap() - 0.8).abs() < 1e-9);
            // A stricter limit finds less.
            assert!(noncentrality_for(critical + 0.5, df, 0.8).unwrap() > effect * unit);
        }
        assert!(power_at(0.0, 5.0, 1.0).is_err() && power_at(2.0, -1.0, 1.0).is_err());
        assert!(noncentrality_for(2.0, 5.0, 0.01).is_err(), "below the level of the limit itself");
    }
}
