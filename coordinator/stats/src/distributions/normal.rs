//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_is_continuous_where_its_form_changes() {
        let (near, far) = (ln_normal_cdf(-30.0 + 1e-9), ln_normal_cdf(-30.0 - 1e-9));
        assert!((near - far).abs() < 1e-5, "{near} {far}");
        assert!((normal_sf(1.0) - 0.158_655_253_931_457_05).abs() < 1e-16);
    }
}
