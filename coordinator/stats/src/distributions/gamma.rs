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

/// 1/3, 1/5, 1/7 and so on: as many as the series of [`deviance`] needs, in which `r^2` is at most 1/16.
const ODD_INVERSES: [f64; 13] = [
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
    1.0 / 21.0,
    1.0 / 23.0,
    1.0 / 25.0,
    1.0 / 27.0,
];

/// `excess - ln(ratio)` for `ratio = 1 + excess > 0`, which is never negative; both are given, because each tells what
/// the other has lost near 0.
///
/// Near 0 with `r = excess / (2 + excess)` it is `r (excess - 2 r^2 (1/3 + r^2/5 + r^4/7 + ...))`, from the series of
/// the inverse hyperbolic tangent (NIST Digital Library of Mathematical Functions, 4.38.5).
pub(crate) fn deviance(excess: f64, ratio: f64) -> f64 {
    if excess.abs() > 0.4 {
        return excess - ratio.ln();
    }
    let r = excess / (2.0 + excess);
    let square = r * r;
    let series = ODD_INVERSES.iter().rev().fold(0.0, |sum, inverse| sum * square + inverse);
    r * (excess - 2.0 * square * series)
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
    fn deviance_keeps_its_digits() {
        for (excess, expected) in [
            (1e-10_f64, 4.999_999_999_666_667e-21),
            (-0.3, 0.056_674_943_938_732_37),
            (0.4, 0.063_527_763_378_787_07),
            (2.0, 0.901_387_711_331_890_3),
        ] {
            assert!((deviance(excess, 1.0 + excess) / expected - 1.0).abs() < 1e-15, "{excess}");
        }
        assert!((deviance(0.4, 1.4) - deviance(0.400_000_000_001, 1.400_000_000_001)).abs() < 1e-12);
        assert!((deviance(1e-300 - 1.0, 1e-300) - 689.775_527_898_213_7).abs() < 1e-12);
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
