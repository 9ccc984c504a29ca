//! The trapezoidal rule for functions that fall to nothing on both sides.
//!
//! For an analytic function that decays on the whole line its error falls exponentially with the number of points.
//! Source: Trefethen and Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56 (2014).

use super::gamma::{deviance, stirling_remainder};
use super::student::ln_one_plus_square;

/// Difference of two successive rules at which the last one is taken: halving the step squares the error, so what is
/// left is far below 1e-12.
const AGREEMENT: f64 = 1e-7;

/// More halvings than any integrand here needs.
const MAX_HALVINGS: usize = 14;

/// Values below this share of the sum end a walk.
const NEGLIGIBLE: f64 = 1e-16;

/// Halves `step` until the sum over all `(i + offset) * step` of `sum(offset, step)` agrees for the offsets 0 and 1/2;
/// gives the integral.
pub(crate) fn refined(mut step: f64, sum: impl Fn(f64, f64) -> f64) -> f64 {
    let mut rough = step * sum(0.0, step);
    for _ in 0..MAX_HALVINGS {
        let between = step * sum(0.5, step);
        let fine = 0.5 * (rough + between);
        if (rough - between).abs() <= AGREEMENT * fine {
            return fine;
        }
        rough = fine;
        step *= 0.5;
    }
    rough
}

/// Integral over the line of an `f >= 0` with a single hill; `start` lies on it.
pub(crate) fn hill_integral(f: impl Fn(f64) -> f64, start: f64, step: f64) -> f64 {
    refined(step, |offset, step| {
        let mut sum = 0.0;
        for direction in [1.0, -1.0] {
            // Each point once: the walk to the right takes the start.
            let first = if direction > 0.0 { offset } else { offset - 1.0 };
            let mut position = first;
            let mut previous = 0.0;
            loop {
                let value = f(start + position * step);
                sum += value;
                let goes_on = value > NEGLIGIBLE * sum || value > previous;
                if !goes_on {
                    break;
                }
                previous = value;
                position += direction;
            }
        }
        sum
    })
}

/// Natural logarithm of `E[exp(ln_tail(q S))]` for `S = sqrt(V / df)` with V chi-squared on `df` degrees of freedom:
/// the tail of a studentized statistic from that of the statistic itself. `ln_tail` falls about like
/// `-(w / curvature)^2 / 2`; `df` may be infinite.
///
/// In `y = ln S` the density is `sqrt(2 a / pi) exp(-d(a) - a (e^2y - 1 - 2 y))` with `a = df / 2` and d the
/// remainder of Stirling's formula. With a tail like that the integrand is largest near `y = -ln(1 + q^2 / (2 a
/// curvature^2)) / 2`, and has the width `1 / sqrt(2 df)` there.
pub(crate) fn ln_studentized(q: f64, df: f64, curvature: f64, ln_tail: impl Fn(f64) -> f64) -> f64 {
    if df == f64::INFINITY {
        return ln_tail(q);
    }
    let a = 0.5 * df;
    let ln_value = |y: f64| -a * deviance((2.0 * y).exp_m1(), (2.0 * y).exp()) + ln_tail(q * y.exp());
    let start = -0.5 * ln_one_plus_square(q.max(0.0) / curvature / (2.0 * a).sqrt());
    let scale = ln_value(start);
    let step = (1.0 / (2.0 * df).sqrt()).min(0.4);
    let integral = hill_integral(|y| (ln_value(y) - scale).exp(), start, step);
    0.5 * (2.0 * a / std::f64::consts::PI).ln() - stirling_remainder(a) + scale + integral.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_of_known_hills() {
        let root_pi = std::f64::consts::PI.sqrt();
        for (start, step) in [(0.0, 1.0), (4.0, 0.3), (-20.0, 2.0)] {
            let gauss = hill_integral(|x| (-x * x).exp(), start, step);
            // From -20 the first value is 1e-174, on the slope all the same.
            assert!((gauss / root_pi - 1.0).abs() < 1e-14, "{start} {step}: {gauss}");
        }
        // One slow and one quick side: the integral of exp(y - e^y) is 1.
        let gumbel = hill_integral(|y| (y - y.exp()).exp(), 0.0, 1.0);
        assert!((gumbel - 1.0).abs() < 1e-14, "{gumbel}");
    }

    #[test]
    fn studentizing_nothing_leaves_it() {
        for df in [1.0, 2.5, 30.0, 1e4, 1e8] {
            let one = ln_studentized(3.0, df, 1.0, |_| 0.0).exp();
            assert!((one - 1.0).abs() < 1e-13, "{df}: {one}");
            // E[exp(-(qS)^2 / 2)] = (1 + q^2 / df)^(-df/2), by the moment generating function of chi-squared.
            for q in [0.1, 3.0, 50.0, 1e6] {
                let got = ln_studentized(q, df, 1.0, |w| -0.5 * w * w);
                let want = -0.5 * df * ln_one_plus_square(q / df.sqrt());
                assert!((got - want).abs() < 1e-12 * (1.0 + want.abs()), "{df} {q}: {got} {want}");
            }
        }
    }
}
