//! The noncentral F distribution, a Poisson mixture of beta distributions.
//!
//! With `m = ncp / 2` and x as for the central F, `P(F <= f)` is the sum over j of `e^-m m^j / j! * I_x(a + j, b)`
//! (Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" 2, chapter 30, Wiley 1995). The lower tail is
//! summed downward in j and the upper one upward, the directions in which the recurrence of I adds and never subtracts,
//! so that both tails keep their relative accuracy.

use super::f::{check, point};
use super::gamma::{deviance, stirling_remainder};
use super::halves::tail_of_ln;
use super::incomplete_beta::{Point, beta_halves, ln_prefix};
use super::root::increasing_root;
use crate::degenerate::{Degenerate, check_fraction, finite};

/// Largest noncentrality; the sums have terms like its square root.
const MAX_NONCENTRALITY: f64 = 1e9;

/// Logarithm below the largest term where a sum is cut off.
const CUT: f64 = 42.0;

struct Mixture {
    x: f64,
    y: f64,
    a: f64,
    b: f64,
    /// Mean of the Poisson weights, above 0.
    mean: f64,
    upper: bool,
}

impl Mixture {
    /// Logarithm of the j-th Poisson weight, in Loader's form.
    fn ln_weight(&self, j: f64) -> f64 {
        if j == 0.0 {
            return -self.mean;
        }
        let excess = (self.mean - j) / j;
        -0.5 * (2.0 * std::f64::consts::PI * j).ln() - stirling_remainder(j) - j * deviance(excess, self.mean / j)
    }

    fn point(&self, j: f64) -> Point {
        Point::new(self.x, self.y, self.a + j, self.b)
    }

    /// Logarithm of the tail of the j-th beta distribution.
    fn ln_tail(&self, j: f64) -> Result<f64, Degenerate> {
        let (halves, _) = beta_halves(&self.point(j), self.a + j, self.b)?;
        Ok(if self.upper { halves.ln_upper } else { halves.ln_lower })
    }

    fn ln_term(&self, j: f64) -> Result<f64, Degenerate> {
        Ok(self.ln_weight(j) + self.ln_tail(j)?)
    }

    /// j of the largest term: the terms are log-concave in j, so the sign of their slope is bisected.
    fn peak(&self) -> Result<f64, Degenerate> {
        let rises = |j: f64| Ok::<bool, Degenerate>(self.ln_term(j + 1.0)? > self.ln_term(j)?);
        let mut low = if self.upper { self.mean.floor() } else { 0.0 };
        let mut high = if self.upper { low + 1.0 } else { self.mean.ceil() };
        // The upper tail of the j-th beta distribution rises with j, so the peak may lie far above the mean.
        while self.upper && high < 1e15 && rises(high)? {
            low = high;
            high *= 2.0;
        }
        while high - low > 1.0 {
            let middle = (0.5 * (low + high)).floor();
            if rises(middle)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(if rises(low)? { high } else { low })
    }

    /// First j beyond the peak, away from the direction of the sum, where the terms are below the cut.
    fn first(&self, peak: f64) -> Result<f64, Degenerate> {
        let floor = self.ln_term(peak)? - CUT;
        let mut reach = 8.0;
        loop {
            let j = if self.upper { (peak - reach).max(0.0) } else { peak + reach };
            if j == 0.0 || self.ln_term(j)? < floor {
                return Ok(j);
            }
            reach *= 1.5;
        }
    }

    /// Logarithm of the tail. Weight, tail of the beta distribution and its step `T(j) = x^(a+j) y^b / ((a+j) B(a+j,
    /// b))`, which is `I(a+j) - I(a+j+1)`, are carried as logarithms: in far tails each leaves the range of a double.
    fn ln_sum(&self) -> Result<f64, Degenerate> {
        let peak = self.peak()?;
        let largest = self.ln_term(peak)?;
        let mut j = self.first(peak)?.floor();
        let mut ln_weight = self.ln_weight(j);
        let mut ln_tail = self.ln_tail(j)?;
        let mut ln_step = ln_prefix(&self.point(j), self.a + j, self.b) - (self.a + j).ln();
        let mut sum = 0.0;
        loop {
            let ln_term = ln_weight + ln_tail - largest;
            sum += ln_term.exp();
            let past_peak = if self.upper { j > peak } else { j < peak };
            if (past_peak && ln_term < -CUT) || (!self.upper && j == 0.0) {
                return finite("the tail of the noncentral F distribution", largest + sum.ln());
            }
            if self.upper {
                ln_tail += (ln_step - ln_tail).exp().ln_1p();
                ln_step += (self.x * (self.a + self.b + j) / (self.a + j + 1.0)).ln();
                ln_weight += (self.mean / (j + 1.0)).ln();
                j += 1.0;
            } else {
                ln_step += ((self.a + j) / (self.x * (self.a + self.b + j - 1.0))).ln();
                ln_tail += (ln_step - ln_tail).exp().ln_1p();
                ln_weight += (j / self.mean).ln();
                j -= 1.0;
            }
        }
    }
}

fn check_noncentrality(ncp: f64) -> Result<(), Degenerate> {
    if (0.0..=MAX_NONCENTRALITY).contains(&ncp) {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("the noncentrality is {ncp}, it must lie in 0 to {MAX_NONCENTRALITY:e}")))
    }
}

/// Logarithm of a tail at `f > 0`.
fn ln_tail(f: f64, df1: f64, df2: f64, ncp: f64, upper: bool) -> Result<f64, Degenerate> {
    check_noncentrality(ncp)?;
    let (a, b) = (0.5 * df1, 0.5 * df2);
    let point = point(f, df1, df2)?;
    if ncp == 0.0 {
        let halves = beta_halves(&point, a, b)?.0;
        return Ok(if upper { halves.ln_upper } else { halves.ln_lower });
    }
    Mixture { x: point.x, y: point.y, a, b, mean: 0.5 * ncp, upper }.ln_sum()
}

/// Lower tail `P(F <= f)` of the noncentral F distribution, `f >= 0`.
///
/// # Errors
/// [`Degenerate::Domain`] for an `f` that is negative or not finite, degrees of freedom outside of
/// (0, [`MAX_DF`](super::MAX_DF)] or a noncentrality outside of 0 to 1e9.
pub fn noncentral_f_cdf(f: f64, df1: f64, df2: f64, ncp: f64) -> Result<f64, Degenerate> {
    check(f, df1, df2)?;
    check_noncentrality(ncp)?;
    if f == 0.0 { Ok(0.0) } else { Ok(tail_of_ln(ln_tail(f, df1, df2, ncp, false)?).p) }
}

/// Upper tail `P(F >= f)` of the noncentral F distribution, `f >= 0`.
///
/// # Errors
/// As [`noncentral_f_cdf`].
pub fn noncentral_f_sf(f: f64, df1: f64, df2: f64, ncp: f64) -> Result<f64, Degenerate> {
    check(f, df1, df2)?;
    check_noncentrality(ncp)?;
    if f == 0.0 { Ok(1.0) } else { Ok(tail_of_ln(ln_tail(f, df1, df2, ncp, true)?).p) }
}

/// Confidence limits of the noncentrality for an observed `f`: the lower makes `P(F >= f)`, the upper `P(F <= f)` equal
/// to `(1 - confidence) / 2`; a limit is 0 where no noncentrality does.
///
/// Source: Steiger, "Beyond the F test", Psychological Methods 9 (2004).
///
/// # Errors
/// [`Degenerate::Domain`] for an `f` that is negative or not finite, degrees of freedom out of range, a `confidence`
/// outside of (0, 1), or a limit above 1e9.
pub fn noncentral_f_interval(f: f64, df1: f64, df2: f64, confidence: f64) -> Result<(f64, f64), Degenerate> {
    check(f, df1, df2)?;
    check_fraction("confidence", confidence)?;
    if f == 0.0 {
        return Ok((0.0, 0.0));
    }
    let target = (0.5 * (1.0 - confidence)).ln();
    let beyond = || Degenerate::domain("a limit of the noncentrality is above 1e9");
    let limit = |upper: bool, start: f64, step: f64| -> Result<f64, Degenerate> {
        // The limits are sought in sqrt(ncp), in which the tails change evenly. The sign makes the function rise.
        let sign = if upper { 1.0 } else { -1.0 };
        if sign * (ln_tail(f, df1, df2, 0.0, upper)? - target) >= 0.0 {
            return Ok(0.0);
        }
        // Beyond the largest noncentrality the function counts as infinite: the root is then found at that edge.
        let largest = MAX_NONCENTRALITY.sqrt();
        let rising = |root: f64| {
            if root > largest {
                return f64::INFINITY;
            }
            ln_tail(f, df1, df2, root.max(0.0).powi(2), upper).map_or(f64::NAN, |ln_p| sign * (ln_p - target))
        };
        let root = increasing_root(rising, start, step).map_err(|_| beyond())?;
        if root >= largest * (1.0 - 1e-9) {
            return Err(beyond());
        }
        Ok(root.powi(2))
    };
    let centre = (df1 * f).sqrt();
    let spread = (1.0 + df1 * f / (2.0 * df2)).sqrt();
    let low = limit(true, (centre - spread).max(0.0), spread)?;
    Ok((low, limit(false, centre + spread, spread)?.max(low)))
}
