//! The rank test in which every lost training is worse than every observed one; where both configs lost a replicate, their
//! pair is a tie.

use super::{pair::common_replicates, robust::Budget};
use crate::report::analysis::{Cell, ConfigResult, MetricInfo, Observation, Plan, WorstRank};
use sweeper_core::spec::{Direction, Missing, Pairing};
use sweeper_stats::{
    power::{smallest_p_rank_sum, smallest_p_sign_flip},
    ranks::{Alternative, RankTest, mann_whitney_within, wilcoxon},
};

/// One config on one metric.
pub(super) struct Side<'a> {
    values: &'a [Observation],
    /// Replicates that gave none: the training was lost, or its value is not finite.
    lost: Vec<u32>,
}

impl<'a> Side<'a> {
    pub(super) fn of(config: &ConfigResult, cell: &'a Cell, metric: &str) -> Self {
        let not_finite = config.not_finite.get(metric).map(Vec::as_slice).unwrap_or_default();
        let lost = config.lost.iter().chain(not_finite).copied().collect();
        Self { values: cell.measured().map(|measured| measured.values.as_slice()).unwrap_or_default(), lost }
    }

    /// All replicates, with `worst` for those that were lost.
    fn with(&self, worst: f64) -> Vec<Observation> {
        let lost = self.lost.iter().map(|&replicate| Observation { replicate, value: worst });
        let mut all: Vec<Observation> = self.values.iter().copied().chain(lost).collect();
        all.sort_by_key(|o| o.replicate);
        all
    }
}

/// The test of a config and its baseline. None where the metric has no known better side, where nothing was observed, and
/// where nothing was lost and the plan does not ask for it.
pub(super) fn of(sides: [Side<'_>; 2], metric: &MetricInfo, plan: &Plan, budget: Budget) -> Option<WorstRank> {
    let lost = sides.iter().any(|side| !side.lost.is_empty());
    if !lost && plan.missing != Missing::WorstRank {
        return None;
    }
    let worst = worst(metric.direction?, sides.iter().flat_map(|side| side.values).map(|o| o.value))?;
    let [a, b] = sides.map(|side| side.with(worst));
    match plan.pairing {
        Pairing::Common => {
            let (_, a, b) = common_replicates(&a, &b);
            let test = wilcoxon(&a, &b, Alternative::TwoSided).ok()?;
            // Half of all the ranks that entered.
            let centre = 0.25 * test.used as f64 * (test.used as f64 + 1.0);
            Some(WorstRank::of(test, (centre, smallest_p_sign_flip(a.len())), (a.len(), b.len())))
        }
        Pairing::Independent => {
            let plain = |all: &[Observation]| all.iter().map(|o| o.value).collect::<Vec<f64>>();
            let additions = budget.additions();
            let test = mann_whitney_within(&plain(&a), &plain(&b), Alternative::TwoSided, additions).ok()?;
            // Half of all the pairs.
            let centre = 0.5 * a.len() as f64 * b.len() as f64;
            let floor = smallest_p_rank_sum(a.len().min(b.len()));
            Some(WorstRank::of(test, (centre, floor), (a.len(), b.len())))
        }
    }
}

impl WorstRank {
    fn of(test: RankTest, (centre, floor): (f64, f64), (n_config, n_baseline): (usize, usize)) -> Self {
        let side = test.statistic.partial_cmp(&centre).map_or(0, |side| side as i8);
        Self { test, side, n_config, n_baseline, floor }
    }
}

/// A value beyond all of them, farther than they are apart, so that its differences have the largest ranks.
fn worst(direction: Direction, values: impl Iterator<Item = f64>) -> Option<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let step = 2.0 * (high - low).max(low.abs().max(high.abs()) * 1e-6).max(f64::MIN_POSITIVE);
    let worst = match direction {
        Direction::Maximize => low - step,
        Direction::Minimize => high + step,
    };
    (low <= high).then_some(worst)
}
