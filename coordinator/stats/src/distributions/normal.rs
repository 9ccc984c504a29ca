//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, LN_10, PI};

use super::halves::tail_of_ln;
use super::student::Tail;
use crate::degenerate::{Degenerate, check_fraction};

/// From here on [`mills_far`] holds to the last digit.
const FAR: f64 = 10.0;

/// Upper tail `P(Z >= z)` of the standard normal: `erfc(z / sqrt 2) / 2`. NaN for NaN.
#[must_use]
pub fn normal_sf(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// Lower tail `P(Z <= z)` of the standard normal. NaN for NaN.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    normal_sf(-z)
}

/// Natural logarithm of [`normal_cdf`], to a relative 1e-6 or better below -30; used to find where an integrand is
/// large, not for its value.
pub(crate) fn ln_normal_cdf(z: f64) -> f64 {
    if z > -30.0 {
        normal_cdf(z).ln()
    } else {
        // First terms of the asymptotic expansion, NIST Digital Library of Mathematical Functions, 7.12.1.
        -0.5 * z * z - (-z).ln() - 0.5 * (2.0 * PI).ln() - 1.0 / (z * z)
    }
}

/// Mills' ratio, upper tail over density, for `z >= 10`.
///
/// Source: Laplace's continued fraction, NIST Digital Library of Mathematical Functions, 7.9.3.
fn mills_far(z: f64) -> f64 {
    1.0 / (1..=24).rev().fold(z, |tail, n| z + f64::from(n) / tail)
}

/// `P(Z >= z)` and the same times `exp(z^2 / 2)`, which does not underflow for large z (and overflows below -38).
pub(crate) fn scaled_sf(z: f64) -> (f64, f64) {
    let shape = (0.5 * z * z).exp();
    if z < FAR {
        let p = normal_sf(z);
        (p, p * shape)
    } else {
        let scaled = mills_far(z) / (2.0 * PI).sqrt();
        (scaled / shape, scaled)
    }
}

/// Natural logarithm of `P(Z >= z)`, to the last digits.
pub(crate) fn ln_normal_sf(z: f64) -> f64 {
    if z < -1.0 {
        (-normal_sf(-z)).ln_1p()
    } else if z < FAR {
        normal_sf(z).ln()
    } else {
        mills_far(z).ln() - 0.5 * z * z - 0.5 * (2.0 * PI).ln()
    }
}

fn check(z: f64) -> Result<(), Degenerate> {
    if (z * z).is_finite() { Ok(()) } else { Err(Degenerate::domain(format!("z is {z}, its square must be finite"))) }
}

/// Upper tail `P(Z >= z)` with its logarithm.
///
/// # Errors
/// [`Degenerate::Domain`] for a `z` whose square is not finite.
pub fn normal_upper_tail(z: f64) -> Result<Tail, Degenerate> {
    check(z)?;
    Ok(Tail { p: normal_sf(z), log10_p: ln_normal_sf(z) / LN_10 })
}

/// `P(|Z| >= |z|)` with its logarithm.
///
/// # Errors
/// As [`normal_upper_tail`].
pub fn normal_two_sided(z: f64) -> Result<Tail, Degenerate> {
    check(z)?;
    let log10_p = if z.abs() < 1.0 {
        (-libm::erf(z.abs() * FRAC_1_SQRT_2)).ln_1p() / LN_10
    } else {
        tail_of_ln(ln_normal_sf(z.abs()) + LN_2).log10_p
    };
    Ok(Tail { p: libm::erfc(z.abs() * FRAC_1_SQRT_2), log10_p })
}

/// The z with `P(Z <= z) = p`.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` outside of (0, 1).
pub fn normal_quantile(p: f64) -> Result<f64, Degenerate> {
    Ok(-normal_upper_quantile(p)?)
}

/// The z with `P(Z >= z) = p`.
///
/// # Errors
/// As [`normal_quantile`].
pub fn normal_upper_quantile(p: f64) -> Result<f64, Degenerate> {
    check_fraction("probability", p)?;
    // Either complement is exact where it is used: 1 - p for p >= 1/2, 1 - 2p for p >= 1/4.
    let tail = p.min(1.0 - p);
    let size = if tail >= 0.25 { central_inverse(1.0 - 2.0 * tail) } else { normal_upper_quantile_of_ln(tail.ln()) };
    Ok(if p <= 0.5 { size } else { -size })
}

/// The `z >= 0` with `P(|Z| <= z) = inside`, for `inside <= 1/2`: Newton's method from 0, where the probability is
/// concave, so that it comes from below.
fn central_inverse(inside: f64) -> f64 {
    let mut z: f64 = 0.0;
    for _ in 0..50 {
        let density = (2.0 / PI).sqrt() * (-0.5 * z * z).exp();
        let step = (inside - libm::erf(z * FRAC_1_SQRT_2)) / density;
        z += step;
        if step.abs() <= 1e-9 * z {
            break;
        }
    }
    z
}

/// The `z >= 0` whose upper tail has the natural logarithm `target`, at most `ln(1/2)`: Newton's method on the
/// logarithm, which is concave, from a bound above.
pub(crate) fn normal_upper_quantile_of_ln(target: f64) -> f64 {
    let mut z = (-2.0 * (target + LN_2)).max(0.0).sqrt();
    for _ in 0..100 {
        let ln_value = ln_normal_sf(z);
        let slope = (-0.5 * z * z - 0.5 * (2.0 * PI).ln() - ln_value).exp();
        let step = (ln_value - target) / slope;
        z += step;
        if step.abs() <= 1e-9 * z {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mills_ratio_meets_the_error_function_and_its_bounds() {
        for z in [10.0, 12.0, 20.0] {
            let near = normal_sf(z) * (0.5 * z * z).exp() * (2.0 * PI).sqrt();
            assert!((mills_far(z) / near - 1.0).abs() < 2e-13, "{z}: {} {near}", mills_far(z));
        }
        // Sampford's and Birnbaum's bounds.
        for z in [10.0_f64, 50.0, 1e5] {
            let high = 4.0 / (3.0 * z + (z * z + 8.0).sqrt());
            let low = 2.0 / (z + (z * z + 4.0).sqrt());
            assert!(low <= mills_far(z) && mills_far(z) <= high * (1.0 + 1e-15), "{z}");
        }
    }

    #[test]
    fn logarithm_is_continuous_where_its_form_changes() {
        let (near, far) = (ln_normal_cdf(-30.0 + 1e-9), ln_normal_cdf(-30.0 - 1e-9));
        assert!((near - far).abs() < 1e-5, "{near} {far}");
        assert!((normal_sf(1.0) - 0.158_655_253_931_457_05).abs() < 1e-16);
    }
}
