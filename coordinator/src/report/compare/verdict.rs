//! What a corrected comparison says.

use crate::report::analysis::{MetricInfo, Plan, Ranked, Test, Tested, Verdict};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    equivalence::{Claim, State, state},
    power::{
        Arm, PILOT_CONFIDENCE, detectable_difference, detectable_difference_welch, runs_needed_paired,
        runs_needed_welch, upper_sd,
    },
};

/// Power that a design is asked for.
const POWER: f64 = 0.8;
/// Fills in the verdict, and what this design could have found among `family` comparisons.
pub(super) fn judge(tested: &mut Tested, metric: &MetricInfo, plan: &Plan, family: usize) {
    tested.verdict = verdict(tested, metric, plan);
    // What follows is told of a fixed number of replicates; a simulation tells it of other designs.
    if !tested.is_fixed() || !(metric.primary || metric.secondary) {
        return;
    }
    // The first step of Holm's procedure, which is Bonferroni's level.
    let level = plan.alpha / family.max(1) as f64;
    let margin = plan.delta.filter(|_| metric.primary && tested.verdict == Verdict::Undecided);
    let (n, se) = (tested.n_config, tested.primary.standard_error);
    if tested.test.is_paired() {
        let sd = se * (n as f64).sqrt();
        let upper = upper_sd(sd, tested.primary.df, PILOT_CONFIDENCE).ok();
        tested.detectable = upper.and_then(|sd| detectable_difference(n, sd, level, POWER).ok());
        tested.needed = margin.and_then(|margin| runs_needed_paired(n, sd, margin, level, plan.alpha, POWER).ok());
    } else if let Some([a, b]) = tested.arms {
        let upper = |arm: Arm| upper_sd(arm.sd, arm.n as f64 - 1.0, PILOT_CONFIDENCE).ok().map(|sd| Arm { sd, ..arm });
        let uppers = upper(a).zip(upper(b));
        tested.detectable = uppers.and_then(|(a, b)| detectable_difference_welch(a, b, level, POWER).ok());
        tested.needed = margin.and_then(|margin| runs_needed_welch(a, b, margin, level, plan.alpha, POWER).ok());
    }
}

/// Fills in the verdict of ranks alone, which know no margin.
pub(super) fn judge_ranks(ranked: &mut Ranked, metric: &MetricInfo, plan: &Plan) {
    let shown = ranked.p_adjusted <= plan.alpha;
    ranked.verdict = match (ranked.rank.side, metric.direction) {
        (1, Some(Direction::Maximize)) | (-1, Some(Direction::Minimize)) if shown => Verdict::Better,
        (-1, Some(Direction::Maximize)) | (1, Some(Direction::Minimize)) if shown => Verdict::Worse,
        _ => Verdict::Undecided,
    };
}

/// Which way the test that decides says the config differs: the sign of the difference, or of the ranks, which count the
/// lost trainings where the difference is that of the survivors.
fn side(tested: &Tested) -> f64 {
    match (&tested.worst_rank, tested.test) {
        (Some(rank), Test::WorstRankPaired | Test::WorstRankUnpaired) => f64::from(rank.side),
        _ => tested.primary.difference,
    }
}

fn verdict(tested: &Tested, metric: &MetricInfo, plan: &Plan) -> Verdict {
    let difference = side(tested);
    // The interval of the survivors says nothing of the lost.
    let whole = tested.worst_rank.as_ref().is_none_or(|rank| {
        !tested.test.is_worst_rank() || (rank.n_config, rank.n_baseline) == (tested.n_config, tested.n_baseline)
    });
    let higher_is_better = match metric.direction {
        Some(Direction::Maximize) => true,
        Some(Direction::Minimize) => false,
        None => return Verdict::Undecided,
    };
    let claim = Claim {
        difference,
        higher_is_better,
        // A mean difference of exactly 0 has no side that could be better.
        adjusted_p: Some(tested.p_adjusted).filter(|_| difference != 0.0),
        alpha: plan.alpha,
        interval: tested.equivalence.interval,
        // The interval holds once, and a comparison that grew was looked at before.
        margin: plan.delta.filter(|_| metric.primary && tested.extended.is_none()),
    };
    let shown = claim.adjusted_p.is_some_and(|p| p <= plan.alpha);
    let better = (difference > 0.0) == higher_is_better;
    if !whole {
        return match (shown, better) {
            (true, true) => Verdict::Better,
            (true, false) => Verdict::Worse,
            (false, _) => Verdict::Undecided,
        };
    }
    if let Some(sequential) = &tested.sequential {
        // The design decides: an interval that holds once must not.
        return match (sequential.decision.as_str(), shown, better) {
            ("equivalent", true, true) => Verdict::NegligiblyBetter,
            ("equivalent", true, false) => Verdict::NegligiblyWorse,
            ("equivalent", false, _) => Verdict::Equivalent,
            (_, true, true) => Verdict::Better,
            (_, true, false) => Verdict::Worse,
            (_, false, _) => Verdict::Undecided,
        };
    }
    match state(&claim) {
        Ok(State::Better) => Verdict::Better,
        Ok(State::Worse) => Verdict::Worse,
        Ok(State::Equivalent) => Verdict::Equivalent,
        Ok(State::Negligible) if (difference > 0.0) == higher_is_better => Verdict::NegligiblyBetter,
        Ok(State::Negligible) => Verdict::NegligiblyWorse,
        Ok(State::Undecided) | Err(_) => Verdict::Undecided,
    }
}
