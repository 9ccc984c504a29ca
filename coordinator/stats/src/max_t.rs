//! Max-T adjustment (Westfall and Young): the family-wise error of several comparisons with one control, by the
//! distribution of the largest statistic over rearranged data. It knows how much the comparisons depend on each
//! other, through the control and through shared seeds, and so rejects more than Holm's adjustment.
//!
//! | Module | Holds |
//! |---|---|
//! | `paired` | signs of whole replicates |
//! | `unpaired` | labels of control and configurations |

mod paired;
mod unpaired;

pub use paired::{ADVISED_N, max_t_paired};
pub use unpaired::max_t_unpaired;

use serde::{Deserialize, Serialize};

use crate::degenerate::Degenerate;
use crate::permutation::share;
use crate::summary::Interval;

/// A family of comparisons with one control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaxT {
    /// One for each configuration, in the order given. A comparison without a statistic leaves the family.
    pub comparisons: Vec<Result<MaxTComparison, Degenerate>>,
    /// Comparisons in the family.
    pub family: usize,
    /// Whether all arrangements were counted.
    pub exact: bool,
    /// Arrangements counted, or drawn.
    pub arrangements: u64,
    /// Half-width of the simultaneous intervals in standard errors; `None` when there are none.
    pub critical: Option<f64>,
}

/// One comparison of a family. Differences and standard errors are in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaxTComparison {
    /// Mean of the configuration less the mean of the control.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// t, `difference / standard_error`.
    pub statistic: f64,
    /// Two-sided p of this comparison alone, from the same arrangements.
    pub p_raw: f64,
    /// Share of arrangements in which the largest |t| of the whole family reaches this one.
    pub p_single_step: f64,
    /// Step-down: the largest |t| among the comparisons that are not more significant. Never above `p_single_step`.
    pub p_step_down: f64,
    /// Standard error of `p_step_down` from drawing; `None` when all arrangements were counted.
    pub monte_carlo_se: Option<f64>,
    /// Simultaneous interval of the difference; paired families only.
    pub interval: Option<Interval>,
}

/// Observed sizes of a family's statistics, and how arrangements compare with them.
///
/// Sources: Westfall and Young, "Resampling-based multiple testing" (Wiley, 1993), algorithms 2.5 and 2.8; Ge, Dudoit
/// and Speed, "Resampling-based multiple testing for microarray data analysis", Test 12 (2003).
struct Family {
    /// What |statistic| must reach to count as at least as extreme: the observed one less its rounding.
    thresholds: Vec<f64>,
    /// Members from the largest observed |statistic| to the smallest.
    order: Vec<usize>,
}

impl Family {
    fn new(observed: &[f64], tolerances: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..observed.len()).collect();
        order.sort_by(|&i, &j| observed[j].total_cmp(&observed[i]));
        Self { thresholds: observed.iter().zip(tolerances).map(|(size, tolerance)| size - tolerance).collect(), order }
    }

    fn size(&self) -> usize {
        self.order.len()
    }

    /// Three counts per member: raw, single step, step-down.
    fn width(&self) -> usize {
        3 * self.size()
    }

    /// Counts one arrangement with the sizes `sizes` of its statistics.
    fn count(&self, sizes: &[f64], counts: &mut [u64]) {
        let (raw, rest) = counts.split_at_mut(self.size());
        let (single, down) = rest.split_at_mut(self.size());
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        let mut running = 0.0_f64;
        for &member in self.order.iter().rev() {
            let threshold = self.thresholds[member];
            running = running.max(sizes[member]);
            raw[member] += u64::from(sizes[member] >= threshold);
            single[member] += u64::from(largest >= threshold);
            down[member] += u64::from(running >= threshold);
        }
    }

    /// Fills the p-values of `members`, which stand in the order of the counts.
    fn adjust(&self, counts: &[u64], arrangements: u64, exact: bool, members: &mut [MaxTComparison]) {
        let size = self.size();
        let mut running = 0.0_f64;
        for &member in &self.order {
            let p = |kind: usize| share(counts[kind * size + member], arrangements, exact).0;
            // The order of the observed statistics is that of the adjusted p-values.
            running = running.max(p(2));
            let comparison = &mut members[member];
            comparison.p_raw = p(0);
            comparison.p_single_step = p(1);
            comparison.p_step_down = running;
            let variance = running * (1.0 - running) / arrangements as f64;
            comparison.monte_carlo_se = (!exact).then(|| variance.sqrt());
        }
    }
}

/// Puts the members of the family back among the comparisons that left it.
fn restore(
    all: Vec<Result<(), Degenerate>>,
    members: impl IntoIterator<Item = MaxTComparison>,
) -> Vec<Result<MaxTComparison, Degenerate>> {
    let mut members = members.into_iter();
    // One member for each `Ok`, so that none is missing.
    all.into_iter()
        .map(|outcome| outcome.and_then(|()| members.next().ok_or(Degenerate::TooFew { n: 0, needed: 1 })))
        .collect()
}
