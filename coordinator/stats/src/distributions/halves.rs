//! Both sides of a distribution, and the inversion of either of them.

use std::f64::consts::{LN_2, LN_10};

use super::student::Tail;
use crate::degenerate::{Degenerate, check_fraction};

/// `P(X <= x)` and `P(X >= x)` of a continuous X by their natural logarithms; the smaller one is the one computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Halves {
    pub(crate) ln_lower: f64,
    pub(crate) ln_upper: f64,
}

/// `ln(1 - e^x)` for `x < 0`.
///
/// Source of the threshold: Maechler, "Accurately computing log(1 - exp(-|a|))" (R package Rmpfr, 2012).
fn ln_complement(x: f64) -> f64 {
    if x > -LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// A tail by its natural logarithm; rounding above 0 is cut.
pub(crate) fn tail_of_ln(ln_p: f64) -> Tail {
    let ln_p = if ln_p > 0.0 { 0.0 } else { ln_p };
    Tail { p: ln_p.exp(), log10_p: ln_p / LN_10 }
}

impl Halves {
    pub(crate) fn of_lower(ln_lower: f64) -> Self {
        let ln_lower = ln_lower.min(0.0);
        Self { ln_lower, ln_upper: ln_complement(ln_lower) }
    }

    pub(crate) fn of_upper(ln_upper: f64) -> Self {
        Self::of_lower(ln_upper).flipped()
    }

    pub(crate) fn flipped(self) -> Self {
        Self { ln_lower: self.ln_upper, ln_upper: self.ln_lower }
    }

    pub(crate) fn lower(&self) -> Tail {
        tail_of_ln(self.ln_lower)
    }

    pub(crate) fn upper(&self) -> Tail {
        tail_of_ln(self.ln_upper)
    }
}

/// Which tail a quantile is given by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
}

/// The x > 0 whose tail on `side` is `p`, for a distribution of positive numbers. `at(x)` gives both halves and the
/// natural logarithm of the density of ln X.
///
/// Newton's method in ln x on the logarithm of the smaller tail. For the distributions here that logarithm is
/// concave in ln x, so the iteration comes from one side after its first step.
///
/// # Errors
/// [`Degenerate::Domain`] for a `p` outside of (0, 1) or a quantile beyond `f64`.
pub(crate) fn positive_quantile(
    p: f64,
    side: Side,
    start: f64,
    at: impl Fn(f64) -> Result<(Halves, f64), Degenerate>,
) -> Result<f64, Degenerate> {
    check_fraction("probability", p)?;
    let beyond = || Degenerate::domain("the quantile is beyond the range of a double");
    // 1 - p is exact for p >= 1/2.
    let (tail, from_below) = if p <= 0.5 { (p, side == Side::Lower) } else { (1.0 - p, side == Side::Upper) };
    let target = tail.ln();
    let mut ln_x = start.ln();
    // A step out of a flat region can be far too long, and the way back from beyond an exponential tail is slow.
    let mut longest = 4.0;
    for _ in 0..300 {
        let (halves, ln_density) = at(ln_x.exp())?;
        let (ln_value, sign) = if from_below { (halves.ln_lower, 1.0) } else { (halves.ln_upper, -1.0) };
        let step = (target - ln_value) / (sign * (ln_density - ln_value).exp());
        if !step.is_finite() {
            return Err(beyond());
        }
        ln_x += step.clamp(-longest, longest);
        longest *= 2.0;
        // Convergence is quadratic: after this step the error is about its square, below the rounding.
        if step.abs() < 1e-9 {
            let x = ln_x.exp();
            return if x.is_normal() { Ok(x) } else { Err(beyond()) };
        }
    }
    Err(beyond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complements_keep_their_digits() {
        for ln_p in [-1e-300_f64, -1e-9, -0.3, -0.7, -5.0, -700.0] {
            let halves = Halves::of_lower(ln_p);
            assert!((halves.lower().p + halves.upper().p - 1.0).abs() < 1e-15, "{ln_p}");
            assert!((halves.flipped().ln_lower - halves.ln_upper).abs() == 0.0);
        }
        assert!((Halves::of_lower(-1e-20).ln_upper - 1e-20_f64.ln()).abs() < 1e-14);
        assert!((Halves::of_upper(-50.0).ln_lower / -(-50.0_f64).exp() - 1.0).abs() < 1e-14);
    }
}
