//! What a corrected comparison says.

use crate::report::analysis::{MetricInfo, Plan, Ranked, Test, Tested, Verdict};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    equivalence::smallest_margin,
    power::{
        Arm, PILOT_CONFIDENCE, RunsNeeded, detectable_difference, detectable_difference_welch, runs_needed_paired,
        runs_needed_welch, upper_sd,
    },
};

/// Power that a design is asked for.
const POWER: f64 = 0.8;
/// Fills in the verdict, and what this design could have found among `family` comparisons.
pub(super) fn judge(tested: &mut Tested, metric: &MetricInfo, plan: &Plan, family: usize) {
    let within = is_within(tested, metric, plan);
    tested.verdict = verdict((tested.p_adjusted, side(tested)), within, metric, plan);
    // What follows is told of a fixed number of replicates; a simulation tells it of other designs.
    if !tested.is_fixed() || !(metric.primary || metric.secondary) {
        return;
    }
    // The first step of Holm's procedure, which is Bonferroni's level.
    let level = plan.alpha / family.max(1) as f64;
    let by_t = !tested.test.is_worst_rank();
    let margin = plan.delta.filter(|_| metric.primary && by_t && tested.verdict == Verdict::Undecided);
    let (n, se) = (tested.n_config, tested.primary.standard_error);
    if tested.test.is_paired() {
        let sd = se * (n as f64).sqrt();
        let upper = upper_sd(sd, tested.primary.df, PILOT_CONFIDENCE).ok();
        tested.detectable = upper.and_then(|sd| detectable_difference(n, sd, level, POWER).ok());
        let needed = margin.and_then(|margin| runs_needed_paired(n, sd, margin, level, plan.alpha, POWER).ok());
        tested.needed = needed.and_then(|needed| more_than(n, needed));
    } else if let Some([a, b]) = tested.arms {
        let upper = |arm: Arm| upper_sd(arm.sd, arm.n as f64 - 1.0, PILOT_CONFIDENCE).ok().map(|sd| Arm { sd, ..arm });
        let uppers = upper(a).zip(upper(b));
        tested.detectable = uppers.and_then(|(a, b)| detectable_difference_welch(a, b, level, POWER).ok());
        let needed = margin.and_then(|margin| runs_needed_welch(a, b, margin, level, plan.alpha, POWER).ok());
        tested.needed = needed.and_then(|needed| more_than(a.n.min(b.n), needed));
    }
}

/// Fills in the verdict of ranks alone, which know no margin.
pub(super) fn judge_ranks(ranked: &mut Ranked, metric: &MetricInfo, plan: &Plan) {
    let side = f64::from(ranked.rank.side);
    ranked.verdict = verdict((ranked.p_adjusted, side), false, metric, plan);
}

/// More than there are: what is there did not settle it, though so many do more often than not.
fn more_than(n: usize, needed: RunsNeeded) -> Option<RunsNeeded> {
    (needed.settle > n).then_some(needed)
}

/// Which way the test that decides says the config differs: the sign of the difference, or of the ranks, which count the
/// lost trainings where the difference is that of the survivors.
fn side(tested: &Tested) -> f64 {
    match (&tested.worst_rank, tested.test) {
        (Some(rank), Test::WorstRankPaired | Test::WorstRankUnpaired) => f64::from(rank.side),
        _ => tested.primary.difference,
    }
}

/// Whether the difference is shown to lie inside the plan's margin.
fn is_within(tested: &Tested, metric: &MetricInfo, plan: &Plan) -> bool {
    if let Some(sequential) = &tested.sequential {
        // The design decides: an interval that holds once must not.
        return sequential.decision == "equivalent";
    }
    // The interval of the survivors says nothing of the lost.
    let whole = tested.worst_rank.as_ref().is_none_or(|rank| {
        !tested.test.is_worst_rank() || (rank.n_config, rank.n_baseline) == (tested.n_config, tested.n_baseline)
    });
    // It holds once, and a comparison that grew was looked at before.
    let margin = plan.delta.filter(|_| metric.primary && whole && tested.extended.is_none());
    margin.is_some_and(|margin| smallest_margin(&tested.equivalence.interval) <= margin)
}

/// A difference is shown when the adjusted p-value is at most alpha; on no side, neither could be better.
///
/// Source of the states: Lakens, "Equivalence tests: a practical primer for t tests, correlations, and meta-analyses", Social
/// Psychological and Personality Science 8 (2017).
fn verdict((p_adjusted, side): (f64, f64), within: bool, metric: &MetricInfo, plan: &Plan) -> Verdict {
    let Some(direction) = metric.direction else { return Verdict::Undecided };
    let better = (side > 0.0) == (direction == Direction::Maximize);
    match (p_adjusted <= plan.alpha && side != 0.0, within) {
        (true, true) if better => Verdict::NegligiblyBetter,
        (true, true) => Verdict::NegligiblyWorse,
        (true, false) if better => Verdict::Better,
        (true, false) => Verdict::Worse,
        (false, true) => Verdict::Equivalent,
        (false, false) => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::{analyze, tests::example};

    #[test]
    fn states_from_p_side_and_margin() {
        let analysis = analyze(&example::small()).unwrap();
        let (metric, plan) = (&analysis.metrics[0], &analysis.plan);
        assert_eq!((metric.direction, plan.alpha), (Some(Direction::Maximize), 0.05));
        let says = |p, side, within| verdict((p, side), within, metric, plan);
        assert_eq!(says(0.05, 0.2, false), Verdict::Better);
        assert_eq!(says(0.01, -80.0, false), Verdict::Worse);
        assert_eq!(says(0.01, 0.2, true), Verdict::NegligiblyBetter);
        assert_eq!(says(0.01, -0.2, true), Verdict::NegligiblyWorse);
        assert_eq!(says(0.051, 0.2, true), Verdict::Equivalent);
        assert_eq!(says(0.051, 0.2, false), Verdict::Undecided);
        assert_eq!(says(0.01, 0.0, false), Verdict::Undecided);
        let loss = MetricInfo { direction: Some(Direction::Minimize), ..metric.clone() };
        assert_eq!(verdict((0.01, -0.2), false, &loss, plan), Verdict::Better);
        let unknown = MetricInfo { direction: None, ..loss };
        assert_eq!(verdict((0.01, -0.2), true, &unknown, plan), Verdict::Undecided);
    }
}
