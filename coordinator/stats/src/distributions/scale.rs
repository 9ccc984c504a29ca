//! The distribution of `S = sqrt(V / df)` with V chi-squared: of a sample standard deviation over the true one.

use std::f64::consts::PI;

use super::gamma::stirling_remainder;
use super::quadrature::integrate;

/// Logarithm below the peak where the density is cut off.
const CUT: f64 = 45.0;

/// `E[f(S); S < limit]` for a smooth `f` with values in 0 to 1. In `y = ln S` the density is
/// `2 a^a e^-a / gamma(a) * exp(-a (e^(2y) - 1 - 2y))` with `a = df / 2`, as in [`super::noncentral`].
pub(crate) fn expected_below(df: f64, limit: f64, f: impl Fn(f64) -> f64) -> f64 {
    let a = 0.5 * df;
    let ln_shape = |y: f64| -a * ((2.0 * y).exp_m1() - 2.0 * y);
    let end = limit.ln();
    let width = 1.0 / (4.0 * a).sqrt();
    let mut breaks = vec![0.0];
    for sign in [-1.0, 1.0] {
        let mut y = sign * width;
        loop {
            breaks.push(y);
            if ln_shape(y) < -CUT {
                break;
            }
            // Even steps where the mass is; farther out, where a small df has its long tail, they grow.
            y += sign * width.max(0.25 * y.abs());
        }
    }
    let highest = breaks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = breaks.iter().copied().fold(f64::INFINITY, f64::min);
    if end <= lowest {
        return 0.0;
    }
    breaks.retain(|y| *y < end);
    breaks.push(end.min(highest));
    breaks.sort_by(f64::total_cmp);
    let constant = (2.0 * a / PI).sqrt() * (-stirling_remainder(a)).exp();
    constant * integrate(|y| ln_shape(y).exp() * f(y.exp()), &breaks, 1e-11)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::distributions::chi_squared_quantile;

    #[test]
    fn whole_mass_mean_and_median() {
        for df in [1.0, 2.0, 4.5, 29.0, 1e4] {
            assert!((expected_below(df, 1e9, |_| 1.0) - 1.0).abs() < 1e-12, "{df}");
            let median = (chi_squared_quantile(0.5, df).unwrap() / df).sqrt();
            assert!((expected_below(df, median, |_| 1.0) - 0.5).abs() < 1e-11, "{df}");
        }
        assert!(expected_below(9.0, 1e-8, |_| 1.0) < 1e-60);
    }
}
