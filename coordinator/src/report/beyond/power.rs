//! Power against the true difference, for the replicates that there are.

use crate::report::analysis::{Family, Plan, Tested};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::Correction;
use sweeper_stats::power::{Arm, PILOT_CONFIDENCE, power, power_welch, upper_sd};

/// Points of a curve.
const POINTS: u32 = 97;
/// More comparisons than this are told by three of them.
const ALL: usize = 3;

/// Power of a stratum's comparisons on the primary metric, each at the strictest level of its family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PowerCurves {
    /// True differences from 0 on, in the metric's unit.
    pub differences: Vec<f64>,
    /// Level of one comparison: alpha over the number of comparisons.
    pub level: f64,
    /// Curves: of all comparisons while they are at most three, else of the one that finds the smallest differences, of
    /// the middle one, and of the one that finds only the largest.
    pub curves: Vec<PowerOfComparison>,
    /// Number of comparisons that have a curve, shown or not.
    pub comparisons: usize,
}

/// Power of one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PowerOfComparison {
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Replicates of each.
    pub n: (usize, usize),
    /// True difference found with probability 0.8.
    pub detectable: f64,
    /// Probability to find each of the differences, with the standard deviation at its upper 80 % confidence limit.
    pub power: Vec<f64>,
}

/// Power curves of a family; none where no comparison has a detectable difference.
pub(in crate::report) fn power_curves(family: &Family, plan: &Plan) -> Option<PowerCurves> {
    let corrected = if plan.correction == Correction::None { 1 } else { family.corrected_over };
    let level = plan.alpha / corrected.max(1) as f64;
    let mut known: Vec<_> = family
        .comparisons
        .iter()
        .filter_map(|c| {
            let tested = c.result.tested()?;
            Some((c, tested, tested.detectable?))
        })
        .collect();
    known.sort_by(|x, y| x.2.total_cmp(&y.2));
    let comparisons = known.len();
    let last = known.last()?.2;
    if comparisons > ALL {
        known = vec![known[0], known[comparisons / 2], known[comparisons - 1]];
    }
    // Room for the margin, unless it would press all curves to the left.
    let end = (1.5 * last).max(1.1 * plan.delta.unwrap_or(0.0)).min(3.0 * last);
    let differences: Vec<f64> = (0..POINTS).map(|i| end * f64::from(i) / f64::from(POINTS - 1)).collect();
    let curve = |(comparison, tested, detectable): &(&crate::report::Comparison, &Tested, f64)| {
        Some(PowerOfComparison {
            config: comparison.config.clone(),
            baseline: comparison.baseline.clone(),
            n: (tested.n_config, tested.n_baseline),
            detectable: *detectable,
            power: powers(tested, &differences, level)?,
        })
    };
    let curves: Vec<PowerOfComparison> = known.iter().filter_map(curve).collect();
    (!curves.is_empty()).then_some(PowerCurves { differences, level, curves, comparisons })
}

fn powers(tested: &Tested, differences: &[f64], level: f64) -> Option<Vec<f64>> {
    let n = tested.n_config;
    if tested.test.is_paired() {
        let sd = tested.primary.standard_error * (n as f64).sqrt();
        let sd = upper_sd(sd, tested.primary.df, PILOT_CONFIDENCE).ok()?;
        return differences.iter().map(|d| power(n, true, d / sd, level).ok()).collect();
    }
    let upper = |arm: Arm| Some(Arm { sd: upper_sd(arm.sd, arm.n as f64 - 1.0, PILOT_CONFIDENCE).ok()?, ..arm });
    let [a, b] = tested.arms?;
    let (a, b) = (upper(a)?, upper(b)?);
    differences.iter().map(|d| power_welch(*d, a, b, level).ok()).collect()
}
