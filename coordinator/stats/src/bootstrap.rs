//! Bootstrap intervals, with the Monte-Carlo error of their limits.
//!
//! | Module | Holds |
//! |---|---|
//! | `limits` | percentile, BCa and studentized limits of given replicates |
//! | `mean` | means and differences of means, by sums |
//! | `general` | any statistic of one or two samples |
//! | `strata` | runs resampled within tasks, and tasks |

mod general;
pub(crate) mod limits;
mod mean;
pub(crate) mod strata;

pub use general::{bootstrap_one, bootstrap_studentized, bootstrap_two};
pub use mean::{bootstrap_mean, bootstrap_mean_difference, bootstrap_paired_difference};
pub use strata::{Levels, Seeds, bootstrap_strata};

use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction};
use crate::random::Draws;
use crate::summary::Interval;

/// Runs per sample below which bootstrap intervals cover too seldom to be shown: at 10 runs a nominal 95 % is about
/// 91 %, at 5 runs 88 %. The functions here do not enforce it.
pub const MIN_N: usize = 15;

/// Smallest number of resamples that gives a limit any meaning.
const MIN_RESAMPLES: u32 = 100;

/// How the limits follow from the replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapKind {
    /// Quantiles of the replicates.
    Percentile,
    /// Quantiles corrected for bias and acceleration: Efron, "Better bootstrap confidence intervals", Journal of the
    /// American Statistical Association 82 (1987).
    Bca,
    /// Quantiles of the replicates' t statistics: Hall, "Theoretical comparison of bootstrap confidence intervals",
    /// Annals of Statistics 16 (1988).
    Studentized,
}

/// How many resamples, and which random numbers.
///
/// Samples of equal shape and intervals with equal `seed` and `part` see the same resamples of their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resampling {
    /// Number of resamples, 100 at least.
    pub resamples: u32,
    /// Seed of the whole analysis.
    pub seed: u64,
    /// Number of the interval within it.
    pub part: u32,
}

impl Default for Resampling {
    fn default() -> Self {
        Self { resamples: 10_000, seed: 0, part: 0 }
    }
}

impl Resampling {
    pub(crate) fn draws(&self) -> Draws {
        Draws { seed: self.seed, part: self.part }
    }
}

/// A bootstrap interval, in the units of the statistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootstrapInterval {
    /// The statistic of the data.
    pub estimate: f64,
    /// Its interval.
    pub interval: Interval,
    /// Monte-Carlo standard error of the lower limit: what another seed would change.
    pub low_error: f64,
    /// Monte-Carlo standard error of the upper limit.
    pub high_error: f64,
    /// Standard deviation of the replicates of the statistic.
    pub standard_error: f64,
    /// Resamples drawn.
    pub resamples: u32,
    /// How the limits were found.
    pub kind: BootstrapKind,
}

pub(crate) fn check(confidence: f64, resampling: &Resampling) -> Result<(), Degenerate> {
    check_fraction("confidence", confidence)?;
    if resampling.resamples < MIN_RESAMPLES {
        return Err(Degenerate::TooFew { n: resampling.resamples as usize, needed: MIN_RESAMPLES as usize });
    }
    Ok(())
}

fn no_studentized() -> Degenerate {
    Degenerate::domain("a studentized interval needs a standard error of the statistic in every resample")
}
