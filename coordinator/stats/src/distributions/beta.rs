//! The two expansions of the incomplete beta function, without their common prefix.
//!
//! `I_x(a, b) = x^a y^b / (a B(a, b)) * E(a, b)` with `y = 1 - x`, where E is either expansion below. The caller
//! supplies the prefix, because it can form it (and its logarithm) from quantities that have not been rounded to
//! an x next to 1.

/// More terms than any parameters the callers admit need.
const MAX_TERMS: u32 = 200_000;

/// E as a continued fraction, by the modified Lentz method; quick for `x < (a + 1) / (a + b + 2)`. Takes `y = 1 - x`
/// too, which tells more than x when x is next to 1. `None` when it does not settle.
///
/// It is the even part of NIST Digital Library of Mathematical Functions, 8.17.22, with its denominators arranged as
/// in Didonato and Morris, "Algorithm 708", ACM Transactions on Mathematical Software 18 (1992), so that
/// `a - (a + b) x` is formed as `(a + b) y - b`. Lentz, Applied Optics 15 (1976).
pub(crate) fn continued_fraction(x: f64, y: f64, a: f64, b: f64) -> Option<f64> {
    continued_fraction_from(x, y, a, b, (a + b) * y - b)
}

/// [`continued_fraction`] for a caller that knows `excess = (a + b) y - b` better than it can be computed here.
pub(crate) fn continued_fraction_from(x: f64, y: f64, a: f64, b: f64, excess: f64) -> Option<f64> {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let denominator = |m: f64| {
        let head = if m == 0.0 { 0.0 } else { m + m * (b - m) * x / (a + 2.0 * m - 1.0) };
        head + (a + m) / (a + 2.0 * m + 1.0) * (1.0 + excess + m * (1.0 + y))
    };
    let mut value = guard(denominator(0.0));
    let mut c = value;
    let mut d = 0.0;
    for m in 1..MAX_TERMS {
        let m = f64::from(m);
        let odd = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) / odd * ((a + b + m - 1.0) / odd) * m * (b - m) * x * x;
        let denominator = denominator(m);
        d = 1.0 / guard(denominator + numerator * d);
        c = guard(denominator + numerator / c);
        let step = c * d;
        value *= step;
        if (step - 1.0).abs() <= f64::EPSILON {
            return Some(a / value);
        }
    }
    None
}

/// E as a power series in x with positive terms; quick for `x < (a + 1) / (a + b + 2)`. `None` when it does not
/// settle.
///
/// Source: NIST Digital Library of Mathematical Functions, 8.17.8.
pub(crate) fn power_series(x: f64, a: f64, b: f64) -> Option<f64> {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 0..MAX_TERMS {
        let n = f64::from(n);
        term *= (a + b + n) / (a + 1.0 + n) * x;
        sum += term;
        if term <= 0.1 * f64::EPSILON * sum {
            return Some(sum);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn expansions_meet_closed_forms() {
        // I_x(1, b) = 1 - (1 - x)^b, with prefix x (1 - x)^b * b.
        for (x, b) in [(0.1, 3.0), (0.3, 2.5), (1e-9, 40.0), (0.2, 0.5)] {
            let y: f64 = 1.0 - x;
            let expected = -(b * (-x).ln_1p()).exp_m1();
            let prefix = x * y.powf(b) * b;
            for value in [continued_fraction(x, y, 1.0, b).unwrap(), power_series(x, 1.0, b).unwrap()] {
                assert!((prefix * value / expected - 1.0).abs() < 1e-13, "{x} {b}");
            }
        }
    }
}
