//! Tests of a published table: all that needs no more than means, standard deviations and counts.
//!
//! The figures equal those of the functions on samples, up to the rounding of what was printed.

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::distributions::student_t_critical;
use crate::effect::{EffectKind, EffectSize};
use crate::equivalence::{Tost, tost_of};
use crate::moments::Moments;
use crate::power::{Arm, detectable_difference_welch};
use crate::summary::Interval;

/// A sample of which only these figures are known; mean and standard deviation in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampleStats {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation, divisor n - 1.
    pub sd: f64,
}

impl SampleStats {
    /// From printed figures; `ddof` says what the printed deviation was divided by: 1 for n - 1, 0 for n.
    ///
    /// # Errors
    /// [`Degenerate::TooFew`] below two values, [`Degenerate::Domain`] for a mean or deviation that is not finite, a
    /// negative deviation, or a `ddof` above 1.
    pub fn printed(mean: f64, sd: f64, n: usize, ddof: usize) -> Result<Self, Degenerate> {
        let sample = Self { n, mean, sd };
        sample.check()?;
        match ddof {
            0 => Ok(Self { sd: finite("the standard deviation", sd * (n as f64 / (n - 1) as f64).sqrt())?, ..sample }),
            1 => Ok(sample),
            _ => Err(Degenerate::domain(format!("ddof is {ddof}, it must be 0 or 1"))),
        }
    }

    /// Of values.
    ///
    /// # Errors
    /// [`Degenerate::TooFew`] below two values, [`Degenerate::NotFinite`], [`Degenerate::Domain`] when a figure is
    /// beyond `f64`.
    pub fn of(x: &[f64]) -> Result<Self, Degenerate> {
        check_sample(x, 2)?;
        let moments = Moments::of(x);
        Ok(Self { n: x.len(), mean: moments.mean(), sd: finite("the standard deviation", moments.sd())? })
    }

    /// The fields are public: every use checks them.
    fn check(&self) -> Result<(), Degenerate> {
        if self.n < 2 {
            return Err(Degenerate::TooFew { n: self.n, needed: 2 });
        }
        finite("the mean", self.mean)?;
        if self.sd >= 0.0 && self.sd.is_finite() {
            return Ok(());
        }
        Err(Degenerate::domain(format!("the standard deviation is {}, it must be 0 or above and finite", self.sd)))
    }

    fn check_varies(&self) -> Result<(), Degenerate> {
        self.check()?;
        if self.sd > 0.0 { Ok(()) } else { Err(Degenerate::ZeroVariance { value: self.mean }) }
    }

    fn se(&self) -> f64 {
        self.sd / (self.n as f64).sqrt()
    }
}

/// [`crate::mean_interval`] of a summarised sample.
///
/// # Errors
/// [`Degenerate::TooFew`], [`Degenerate::ZeroVariance`] at a deviation of 0, [`Degenerate::Domain`].
pub fn mean_interval_from(sample: &SampleStats, confidence: f64) -> Result<Interval, Degenerate> {
    sample.check_varies()?;
    let half = student_t_critical(confidence, (sample.n - 1) as f64)? * sample.se();
    Interval::around(sample.mean, half, confidence)
}

/// The two samples of an unpaired comparison, checked, with their difference of means.
fn unpaired(a: &SampleStats, b: &SampleStats, confidence: f64) -> Result<f64, Degenerate> {
    a.check()?;
    b.check()?;
    check_fraction("confidence", confidence)?;
    let difference = finite("the difference", a.mean - b.mean)?;
    if a.sd == 0.0 && b.sd == 0.0 {
        return Err(Degenerate::ZeroVariance { value: difference });
    }
    Ok(difference)
}

/// [`crate::welch_t`] of two summarised samples. One of them may have a deviation of 0.
///
/// # Errors
/// [`Degenerate::TooFew`], [`Degenerate::ZeroVariance`] when both deviations are 0, [`Degenerate::Domain`].
pub fn welch_t_from(a: &SampleStats, b: &SampleStats, confidence: f64) -> Result<TTest, Degenerate> {
    let difference = unpaired(a, b, confidence)?;
    TTest::welch(difference, (a.se(), a.n), (b.se(), b.n), confidence)
}

/// [`crate::paired_t`] of pairs whose differences are summarised: mean and deviation of `a - b`, number of pairs.
///
/// # Errors
/// [`Degenerate::TooFew`], [`Degenerate::ZeroVariance`] at a deviation of 0, [`Degenerate::Domain`].
pub fn paired_t_from(differences: &SampleStats, confidence: f64) -> Result<TTest, Degenerate> {
    differences.check_varies()?;
    check_fraction("confidence", confidence)?;
    let se = differences.se();
    TTest::new(differences.mean, se, differences.mean / se, (differences.n - 1) as f64, confidence)
}

/// [`crate::hedges_g`] of two summarised samples.
///
/// # Errors
/// As [`welch_t_from`].
pub fn hedges_g_from(a: &SampleStats, b: &SampleStats, confidence: f64) -> Result<EffectSize, Degenerate> {
    let difference = unpaired(a, b, confidence)?;
    EffectSize::pooled(difference, (a.sd, a.n), (b.sd, b.n), confidence)
}

/// [`crate::hedges_g_paired`] of pairs whose differences are summarised.
///
/// # Errors
/// As [`paired_t_from`]; [`Degenerate::TooFew`] below three pairs.
pub fn dz_from(differences: &SampleStats, confidence: f64) -> Result<EffectSize, Degenerate> {
    differences.check_varies()?;
    check_fraction("confidence", confidence)?;
    if differences.n < 3 {
        return Err(Degenerate::TooFew { n: differences.n, needed: 3 });
    }
    let unit = 1.0 / (differences.n as f64).sqrt();
    EffectSize::new(EffectKind::Dz, differences.mean / differences.se(), differences.n - 1, unit, confidence)
}

/// [`crate::tost_welch`] of two summarised samples.
///
/// # Errors
/// As [`welch_t_from`] and [`tost_of`].
pub fn tost_welch_from(a: &SampleStats, b: &SampleStats, margin: f64, alpha: f64) -> Result<Tost, Degenerate> {
    tost_of(&welch_t_from(a, b, 0.95)?, margin, alpha)
}

/// [`crate::tost_paired`] of pairs whose differences are summarised.
///
/// # Errors
/// As [`paired_t_from`] and [`tost_of`].
pub fn tost_paired_from(differences: &SampleStats, margin: f64, alpha: f64) -> Result<Tost, Degenerate> {
    tost_of(&paired_t_from(differences, 0.95)?, margin, alpha)
}

/// Standard deviation of `a - b` for pairs with the given deviations and correlation:
/// `sqrt(sd_a^2 + sd_b^2 - 2 r sd_a sd_b)`. A published table of a paired design lacks r; this shows what it decides.
///
/// # Errors
/// [`Degenerate::Domain`] for a negative deviation or one that is not finite, or a correlation outside of [-1, 1].
pub fn sd_of_differences(sd_a: f64, sd_b: f64, correlation: f64) -> Result<f64, Degenerate> {
    if !(sd_a >= 0.0 && sd_b >= 0.0 && (-1.0..=1.0).contains(&correlation)) {
        return Err(Degenerate::domain(format!(
            "standard deviations {sd_a} and {sd_b} must not be negative, correlation {correlation} must lie in -1 to 1"
        )));
    }
    // As (a - b)^2 + 2 (1 - r) a b, so that r near 1 does not cancel.
    finite(
        "the standard deviation",
        (sd_a - sd_b).hypot((2.0 * (1.0 - correlation)).sqrt() * sd_a.sqrt() * sd_b.sqrt()),
    )
}

/// Smallest true difference that Welch's test at level `alpha` would detect with probability `power` in samples of
/// these sizes and deviations; in the units of the data. It does not look at the means: it is no observed power.
///
/// # Errors
/// As [`detectable_difference_welch`].
pub fn detectable_difference_from(a: &SampleStats, b: &SampleStats, alpha: f64, power: f64) -> Result<f64, Degenerate> {
    a.check()?;
    b.check()?;
    detectable_difference_welch(Arm { n: a.n, sd: a.sd }, Arm { n: b.n, sd: b.sd }, alpha, power)
}
