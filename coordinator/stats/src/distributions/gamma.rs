//! Gamma function, as the two combinations that the t distributions need, without forming large logarithms.

/// From here on the asymptotic series below hold to the last digit.
const ASYMPTOTIC_FROM: f64 = 20.0;

/// `gamma(a + 1/2) / gamma(a)` for `a > 0`.
///
/// For large `a` the series `sqrt(a) exp(-1/(8a) + 1/(192a^3) - ...)`, which follows from Stirling's series (NIST
/// Digital Library of Mathematical Functions, 5.11.1) and the duplication formula (5.5.5); smaller arguments are
/// raised by the recurrence. A difference of two log-gammas would lose six digits at `a = 1e6`.
pub(crate) fn half_step_ratio(a: f64) -> f64 {
    let mut factor = 1.0;
    let mut a = a;
    while a < ASYMPTOTIC_FROM {
        factor *= a / (a + 0.5);
        a += 1.0;
    }
    let q = 1.0 / (a * a);
    let series = -1.0 / 8.0
        + q * (1.0 / 192.0
            + q * (-1.0 / 640.0 + q * (17.0 / 14336.0 + q * (-31.0 / 18432.0 + q * (691.0 / 180_224.0)))));
    factor * a.sqrt() * (series / a).exp()
}

/// Logarithm of `gamma(a)` less Stirling's `(a - 1/2) ln a - a + ln(2 pi) / 2`, for `a > 0`.
///
/// Source: NIST Digital Library of Mathematical Functions, 5.11.1.
pub(crate) fn stirling_remainder(a: f64) -> f64 {
    let mut lowered = 0.0;
    let mut a = a;
    while a < ASYMPTOTIC_FROM {
        lowered += (a + 0.5) * (1.0 / a).ln_1p() - 1.0;
        a += 1.0;
    }
    let q = 1.0 / (a * a);
    let series = 1.0 / 12.0
        + q * (-1.0 / 360.0 + q * (1.0 / 1260.0 + q * (-1.0 / 1680.0 + q * (1.0 / 1188.0 + q * (-691.0 / 360_360.0)))));
    lowered + series / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_steps_are_ratios_of_known_gammas() {
        let root_pi = std::f64::consts::PI.sqrt();
        // gamma(1) / gamma(1/2), gamma(3/2) / gamma(1), gamma(2) / gamma(3/2), gamma(5.5) / gamma(5)
        for (a, expected) in
            [(0.5, 1.0 / root_pi), (1.0, root_pi / 2.0), (1.5, 2.0 / root_pi), (5.0, 945.0 / 32.0 * root_pi / 24.0)]
        {
            assert!((half_step_ratio(a) / expected - 1.0).abs() < 1e-14, "{a}");
        }
        // Two half steps are one whole step.
        for a in [0.01, 0.7, 3.3, 19.8, 250.0, 5e5, 1e12] {
            let whole = half_step_ratio(a) * half_step_ratio(a + 0.5);
            assert!((whole / a - 1.0).abs() < 2e-14, "{a}: {whole}");
        }
    }

    #[test]
    fn stirling_remainder_completes_factorials() {
        let mut factorial = 1.0_f64;
        for k in 1..=30_u32 {
            let a = f64::from(k);
            let ln_gamma = (a - 0.5) * a.ln() - a + 0.5 * (2.0 * std::f64::consts::PI).ln() + stirling_remainder(a);
            assert!((ln_gamma - factorial.ln()).abs() < 1e-13 * (1.0 + ln_gamma.abs()), "{k}");
            factorial *= a;
        }
    }
}
