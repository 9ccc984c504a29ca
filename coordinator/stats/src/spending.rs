//! Group-sequential tests: several planned looks at growing data under one error budget.
//!
//! A spending function says how much of alpha may be used up until an information fraction t (here: replicates so
//! far over replicates planned). The boundary of each look follows from it by numerical integration, so neither the
//! number of looks nor their times need be equal or fixed in advance; they must not be chosen by the results.
//! Source: Lan and DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983).
//!
//! Boundaries hold for normal statistics of known variance. A t statistic is compared through its p-value: it
//! crosses when the t test's own p, on its own degrees of freedom, is at most the nominal p of the boundary. Source
//! of that rule: Pocock, "Group sequential methods in the design and analysis of clinical trials", Biometrika 64
//! (1977); Jennison and Turnbull (2000), section 3.8. The error it leaves is measured in `tests/sequential.rs`.

use std::f64::consts::{E, LN_10};

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction};
use crate::distributions::{increasing_root, normal_sf, normal_upper_quantile_of_ln, student_t_quantile};
use crate::recursion::{Density, bounds};
use crate::summary::Interval;

/// How alpha is spent over the information fraction t; every function reaches alpha at t = 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Spending {
    /// `4 (1 - cdf(z(alpha/4) / sqrt(t)))`: hardly anything early. Lan and DeMets (1983), half of alpha on each side.
    OBrienFleming,
    /// `alpha ln(1 + (e - 1) t)`: bounds nearly equal at all looks. Lan and DeMets (1983).
    Pocock,
    /// `alpha t^rho`. Kim and DeMets, "Design and analysis of group sequential tests based on the type I error
    /// spending rate function", Biometrika 74 (1987).
    Power {
        /// Exponent, above 0: 1 is close to Pocock's, 3 to O'Brien and Fleming's.
        rho: f64,
    },
}

impl Spending {
    /// Two-sided alpha spent until information fraction `fraction`.
    ///
    /// # Errors
    /// [`Degenerate::Domain`] for a fraction outside of (0, 1], `alpha` outside of (0, 1), or a rho that is not
    /// positive and at most 20.
    pub fn spent(&self, fraction: f64, alpha: f64) -> Result<f64, Degenerate> {
        check_fraction("alpha", alpha)?;
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(Degenerate::domain(format!(
                "the information fraction is {fraction}, it must lie above 0 and at most at 1"
            )));
        }
        if fraction == 1.0 {
            return Ok(alpha);
        }
        match *self {
            Self::OBrienFleming => {
                let z = normal_upper_quantile_of_ln((0.25 * alpha).ln());
                Ok(4.0 * normal_sf(z / fraction.sqrt()))
            }
            Self::Pocock => Ok(alpha * ((E - 1.0) * fraction).ln_1p()),
            Self::Power { rho } if rho > 0.0 && rho <= 20.0 => Ok(alpha * fraction.powf(rho)),
            Self::Power { rho } => {
                Err(Degenerate::domain(format!("rho is {rho}, it must lie above 0 and at most at 20")))
            }
        }
    }
}

/// The bound of one look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LookBound {
    /// Information fraction of the look.
    pub fraction: f64,
    /// Two-sided alpha spent until and with this look.
    pub spent: f64,
    /// Bound of `|Z|`; 38 where there is practically nothing to spend.
    pub z: f64,
    /// Two-sided p-value of a single test at the bound: significance now.
    pub nominal_p: f64,
}

/// The two-sided symmetric boundary of a group-sequential test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// Two-sided level of the whole test.
    pub alpha: f64,
    /// How it is spent.
    pub spending: Spending,
    /// One bound per look.
    pub looks: Vec<LookBound>,
}

/// Smallest difference of two information fractions.
const SMALLEST_STEP: f64 = 1e-4;

/// `count` equal steps to 1.
#[must_use]
pub fn equal_fractions(count: usize) -> Vec<f64> {
    (1..=count).map(|look| look as f64 / count as f64).collect()
}

fn check_fractions(fractions: &[f64]) -> Result<(), Degenerate> {
    let mut before = 0.0;
    for &fraction in fractions {
        // The slack keeps steps that are one ten-thousandth but for rounding.
        if !(fraction - before >= SMALLEST_STEP * (1.0 - 1e-9) && fraction <= 1.0) {
            return Err(Degenerate::domain(format!(
                "information fraction {fraction} after {before}: they must rise by at least {SMALLEST_STEP:e} up to 1"
            )));
        }
        before = fraction;
    }
    if fractions.is_empty() { Err(Degenerate::TooFew { n: 0, needed: 1 }) } else { Ok(()) }
}

/// Alpha spent until each look, and by each look alone.
fn spent_at(fractions: &[f64], alpha: f64, spending: &Spending) -> Result<(Vec<f64>, Vec<f64>), Degenerate> {
    let spent = fractions.iter().map(|&t| spending.spent(t, alpha)).collect::<Result<Vec<f64>, _>>()?;
    let increments = (0..spent.len()).map(|k| if k == 0 { spent[0] } else { spent[k] - spent[k - 1] }).collect();
    Ok((spent, increments))
}

/// The boundary that spends two-sided `alpha` over looks at the ascending information `fractions`. The last may be
/// below 1: then part of alpha is left for later looks.
///
/// # Errors
/// [`Degenerate::TooFew`] without a look, [`Degenerate::Domain`] for `alpha` outside of (0, 1), fractions that do not
/// rise by 1e-4 or exceed 1, or a bad rho.
pub fn boundary(fractions: &[f64], alpha: f64, spending: &Spending) -> Result<Boundary, Degenerate> {
    check_fraction("alpha", alpha)?;
    check_fractions(fractions)?;
    let (spent, increments) = spent_at(fractions, alpha, spending)?;
    let z = bounds(fractions, &increments)?;
    let look =
        |((&fraction, spent), z): ((&f64, f64), f64)| LookBound { fraction, spent, z, nominal_p: 2.0 * normal_sf(z) };
    let looks = fractions.iter().zip(spent).zip(z).map(look).collect();
    Ok(Boundary { alpha, spending: *spending, looks })
}

/// Probability that the boundary is crossed for the first time at one look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// Below the lower bound.
    pub lower: f64,
    /// Above the upper bound.
    pub upper: f64,
}

/// A p-value with its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PValue {
    /// p; 0 only when below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of p.
    pub log10_p: f64,
}

impl PValue {
    fn new(p: f64) -> Self {
        let p_value = p.clamp(f64::MIN_POSITIVE, 1.0);
        Self { p_value, log10_p: p_value.log10() }
    }
}

/// Largest drift the integration takes.
const MAX_DRIFT: f64 = 30.0;

impl Boundary {
    fn look(&self, look: usize) -> Result<&LookBound, Degenerate> {
        self.looks
            .get(look)
            .ok_or_else(|| Degenerate::domain(format!("look {look} of a boundary with {} looks", self.looks.len())))
    }

    /// Densities before each look; mass beyond `reach` standard deviations is left out.
    fn densities(&self, reach: f64) -> Vec<Density> {
        let mut densities = vec![Density::start()];
        for (k, pair) in self.looks.windows(2).enumerate() {
            let next = densities[k].after(pair[0].fraction, pair[0].z, pair[1].fraction, reach);
            densities.push(next);
        }
        densities
    }

    /// Probabilities of a first crossing at each look when the expected Z at information fraction 1 is `drift`: of a
    /// true difference over the standard error that the full data would give.
    ///
    /// # Errors
    /// [`Degenerate::Domain`] for a drift that is not within -30 to 30.
    pub fn crossing(&self, drift: f64) -> Result<Vec<Crossing>, Degenerate> {
        if !(-MAX_DRIFT..=MAX_DRIFT).contains(&drift) {
            return Err(Degenerate::domain(format!("the drift is {drift}, it must lie in -30 to 30")));
        }
        let at = |(density, look): (Density, &LookBound)| Crossing {
            lower: density.upper_tail(look.fraction, look.z, -drift),
            upper: density.upper_tail(look.fraction, look.z, drift),
        };
        Ok(self.densities(9.0 + drift.abs()).into_iter().zip(&self.looks).map(at).collect())
    }

    /// Probability to cross on either side at any look, at a `drift` as in [`Boundary::crossing`].
    ///
    /// # Errors
    /// As [`Boundary::crossing`].
    pub fn power(&self, drift: f64) -> Result<f64, Degenerate> {
        Ok(self.crossing(drift)?.iter().map(|c| c.lower + c.upper).sum::<f64>().min(1.0))
    }

    /// Expected information fraction at which the test ends, at a `drift` as in [`Boundary::crossing`].
    ///
    /// # Errors
    /// As [`Boundary::crossing`].
    pub fn expected_fraction(&self, drift: f64) -> Result<f64, Degenerate> {
        let crossing = self.crossing(drift)?;
        let last = self.looks.last().map_or(1.0, |look| look.fraction);
        let early = crossing.iter().zip(&self.looks).map(|(c, look)| (c.lower + c.upper) * (last - look.fraction));
        Ok(last - early.sum::<f64>())
    }

    /// Two-sided p-value of a test that ended at `look` (from 0) with statistic `z`, by stagewise ordering: an earlier
    /// crossing is more extreme than a later one, and at the same look a larger `|z|`. It is the alpha spent before,
    /// plus the probability to continue until the look and then to exceed `|z|`.
    ///
    /// Source: Tsiatis, Rosner and Mehta, "Exact confidence intervals following a group sequential test", Biometrics 40
    /// (1984).
    ///
    /// # Errors
    /// [`Degenerate::Domain`] for a look there is not or a `z` that is not finite.
    pub fn stagewise_p(&self, look: usize, z: f64) -> Result<PValue, Degenerate> {
        let bound = self.look(look)?;
        if !z.is_finite() {
            return Err(Degenerate::domain(format!("z is {z}, it must be finite")));
        }
        let before = if look == 0 { 0.0 } else { self.looks[look - 1].spent };
        let mut density = Density::start();
        for pair in self.looks[..=look].windows(2) {
            density = density.after(pair[0].fraction, pair[0].z, pair[1].fraction, 12.0);
        }
        Ok(PValue::new(before + density.tail(bound.fraction, z.abs())))
    }

    /// Repeated confidence interval at `look` (from 0): `difference +- t(nominal p of the look; df) * se`. The
    /// intervals of all looks hold together with probability `1 - alpha`, whether or not the test stopped.
    ///
    /// Source: Jennison and Turnbull, "Interim analyses: the repeated confidence interval approach", Journal of the
    /// Royal Statistical Society B 51 (1989).
    ///
    /// # Errors
    /// [`Degenerate::Domain`] for a look there is not, or when the limits are beyond `f64`: an early look with
    /// practically nothing to spend has no interval.
    pub fn repeated_interval(&self, look: usize, test: &TTest) -> Result<Interval, Degenerate> {
        let half = critical_t(self.look(look)?.nominal_p, test.df)? * test.standard_error;
        Interval::around(test.difference, half, 1.0 - self.alpha)
    }
}

/// The t whose two-sided p-value on `df` degrees of freedom is `nominal_p`.
pub(crate) fn critical_t(nominal_p: f64, df: f64) -> Result<f64, Degenerate> {
    Ok(-student_t_quantile(0.5 * nominal_p, df)?)
}

/// How many times the replicates of a fixed design a design with this boundary must plan at most, for equal `power`.
///
/// # Errors
/// As [`boundary`]; [`Degenerate::Domain`] for fractions that do not end at 1 or a power that is not above `alpha`.
pub fn inflation(fractions: &[f64], alpha: f64, spending: &Spending, power: f64) -> Result<f64, Degenerate> {
    check_fraction("power", power)?;
    if power <= alpha || fractions.last() != Some(&1.0) {
        return Err(Degenerate::domain("power must be above alpha, and the last information fraction 1"));
    }
    let drift_of = |boundary: &Boundary| {
        let excess = |d: f64| boundary.power(d.clamp(0.0, MAX_DRIFT)).map_or(f64::NAN, |p| p - power);
        increasing_root(excess, 3.0, 0.5)
    };
    let fixed = drift_of(&boundary(&[1.0], alpha, spending)?)?;
    Ok((drift_of(&boundary(fractions, alpha, spending)?)? / fixed).powi(2))
}

/// The `|Z|` whose two-sided p-value has the base-10 logarithm `log10_p`, which is 0 or below.
///
/// # Errors
/// [`Degenerate::Domain`] for a logarithm that is not finite or above 0.
pub fn z_of_p(log10_p: f64) -> Result<f64, Degenerate> {
    if log10_p <= 0.0 && log10_p.is_finite() {
        Ok(normal_upper_quantile_of_ln((log10_p - std::f64::consts::LOG10_2) * LN_10))
    } else {
        Err(Degenerate::domain(format!("the logarithm of p is {log10_p}, it must be finite and at most 0")))
    }
}

/// Levels that [`sequential_p`] looks at. Below the upper one every spending function here spends more at each look
/// when alpha grows, so that boundaries are nested.
const LEVELS: (f64, f64) = (1e-60, 0.6);

/// No bound of the smallest level is below this: the two-sided normal quantile of that level is 16.4.
const SURELY: f64 = 16.0;

/// Sequential p-value after the looks so far: the smallest alpha whose boundary, by the same spending function, was
/// crossed at one of them. It is valid at every look, so adjustments such as Holm's may be applied to it, and it is
/// at most alpha exactly when the boundary of level alpha was crossed. Levels below 1e-60 are not told apart (p is then
/// 1e-60), nor are those above 0.6 (p is then 1).
///
/// Source: Liu and Anderson, "On adaptive extensions of group sequential trials for clinical investigations", Journal
/// of the American Statistical Association 103 (2008).
///
/// # Errors
/// As [`boundary`]; [`Degenerate::LengthMismatch`] unless there is one `z` per fraction, [`Degenerate::NotFinite`].
pub fn sequential_p(fractions: &[f64], z: &[f64], spending: &Spending) -> Result<PValue, Degenerate> {
    check_fractions(fractions)?;
    if fractions.len() != z.len() {
        return Err(Degenerate::LengthMismatch { a: fractions.len(), b: z.len() });
    }
    if let Some(index) = z.iter().position(|z| !z.is_finite()) {
        return Err(Degenerate::NotFinite { index });
    }
    let margins = |looks: usize, alpha: f64| -> Result<Vec<f64>, Degenerate> {
        let (_, increments) = spent_at(&fractions[..looks], alpha, spending)?;
        Ok(bounds(&fractions[..looks], &increments)?.iter().zip(z).map(|(bound, z)| z.abs() - bound).collect())
    };
    let mut smallest = 1.0;
    let mut level = LEVELS.1;
    let mut solved = vec![false; z.len()];
    loop {
        let here = margins(z.len(), level)?;
        let crossed = (0..z.len()).filter(|&look| !solved[look] && here[look] >= 0.0);
        // The clearest crossing first: seldom does another one have a smaller level.
        let Some(look) = crossed.max_by(|&i, &j| here[i].total_cmp(&here[j])) else { break };
        let excess = |ln_alpha: f64| {
            let alpha = ln_alpha.exp().clamp(LEVELS.0, LEVELS.1);
            margins(look + 1, alpha).map_or(f64::NAN, |margins| margins[look])
        };
        level = if z[look].abs() > SURELY && excess(LEVELS.0.ln()) >= 0.0 {
            LEVELS.0
        } else {
            let nominal = (2.0 * normal_sf(z[look].abs())).clamp(LEVELS.0, level);
            increasing_root(excess, nominal.ln(), 0.5)?.exp().clamp(LEVELS.0, level)
        };
        smallest = level;
        solved[look] = true;
    }
    Ok(PValue::new(smallest))
}
