//! Every way in which a plan can ask, on data with gains, losses, nothing, and trainings that were lost: what a comparison
//! says must follow from its own numbers.

use super::{
    analysis_of,
    example::{self, Builder},
};
use crate::{
    report::{Analysis, ComparisonResult, Family, MetricInfo, Role, Tested, Verdict, render},
    results::SweepResults,
};
use sweeper_core::spec::{AnalysisPlan, Correction, Direction, FamilyKind, Missing, Pairing};

const RUNS: u32 = 8;
const METRIC: &str = "accuracy/test";

/// Five configs; the last one lost its first `lost` trainings.
fn results(lost: u32) -> SweepResults {
    let mut b = Builder::new("combinations", METRIC, "plain");
    let effects = [("plain", 0.0), ("up", 0.8), ("same", 0.01), ("down", -0.8), ("lossy", 0.5)];
    let configs = effects.map(|(name, _)| b.config("", name, RUNS, "{}"));
    for r in 0..RUNS {
        let shared = example::noise(u64::from(r));
        for (config, (name, effect)) in configs.into_iter().zip(effects) {
            let own = example::noise(1_000 + u64::from(100 * config + r));
            let accuracy = 80.0 + 0.3 * shared + effect + 0.2 * own;
            match name {
                "lossy" if r < lost => b.diverged(config, r, "loss"),
                _ => b.completed(config, r, &[(METRIC, accuracy), ("loss/test", 2.0 - 0.01 * accuracy)]),
            }
        }
    }
    b.build()
}

/// Every plan, and what to call it.
fn plans(base: &AnalysisPlan) -> Vec<AnalysisPlan> {
    use Correction::*;
    let mut all = Vec::new();
    for correction in [Holm, Bonferroni, MaxT, MaxTSingleStep, Dunnett, TukeyKramer, GamesHowell, None] {
        for family in [FamilyKind::Baseline, FamilyKind::AllPairs] {
            for missing in [Missing::CompletedPairs, Missing::WorstRank] {
                for direction in [Direction::Maximize, Direction::Minimize] {
                    for delta in [Option::None, Some(0.3), Some(2.0)] {
                        let secondary = vec!["loss/test".to_owned()];
                        all.push(AnalysisPlan {
                            correction,
                            family,
                            missing,
                            direction,
                            delta,
                            secondary,
                            ..base.clone()
                        });
                    }
                }
            }
        }
    }
    all
}

fn is_max_t(correction: Correction) -> bool {
    matches!(correction, Correction::MaxT | Correction::MaxTSingleStep)
}

fn is_shown(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Equivalent | Verdict::Undecided)
}

fn is_within(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Equivalent | Verdict::NegligiblyBetter | Verdict::NegligiblyWorse)
}

/// A difference is shown where the p-value says so, on the side that decides.
fn verdict_follows(verdict: Verdict, (p_adjusted, side): (f64, f64), metric: &MetricInfo, alpha: f64) -> bool {
    let Some(direction) = metric.direction else { return verdict == Verdict::Undecided };
    let better = (side > 0.0) == (direction == Direction::Maximize);
    let told = matches!(verdict, Verdict::Better | Verdict::NegligiblyBetter);
    is_shown(verdict) == (p_adjusted <= alpha && side != 0.0) && (!is_shown(verdict) || told == better)
}

fn numbers_follow(tested: &Tested, (family, metric): (&Family, &MetricInfo), analysis: &Analysis) -> bool {
    let plan = &analysis.plan;
    let ranks = tested.test.is_worst_rank();
    let rank = tested.worst_rank.filter(|_| ranks);
    let side = rank.map_or(tested.primary.difference, |rank| f64::from(rank.side));
    let p = rank.map_or(tested.primary.p_value, |rank| rank.test.p_value);
    let stepwise = family.instead.is_some() || matches!(plan.correction, Correction::Holm | Correction::Bonferroni);
    let alone = &tested.primary.interval;
    let excludes = |interval: &sweeper_stats::Interval| !interval.contains(0.0);
    let simultaneous = match (&tested.simultaneous, plan.correction) {
        (Some(wide), _) if stepwise => wide.low <= alone.low && alone.high <= wide.high,
        // An interval of its own that says what the p-value says.
        (Some(wide), Correction::Dunnett | Correction::TukeyKramer | Correction::GamesHowell)
            if family.role != Role::Secondary =>
        {
            excludes(wide) == (tested.p_adjusted <= 0.05)
        }
        (None, Correction::None) | (Some(_), _) => true,
        (None, _) => false,
    };
    let whole = rank.is_none_or(|rank| (rank.n_config, rank.n_baseline) == (tested.n_config, tested.n_baseline));
    let within = tested.equivalence.tost.as_ref().is_some_and(|tost| whole && tost.p_value <= plan.alpha);
    verdict_follows(tested.verdict, (tested.p_adjusted, side), metric, plan.alpha)
        && tested.p_value == p
        && (family.role == Role::Secondary || !stepwise || tested.p_adjusted >= tested.p_value)
        && (plan.correction != Correction::None || family.role == Role::Secondary || tested.p_adjusted == p)
        && (tested.primary.p_value <= 0.05) == excludes(alone)
        && is_within(tested.verdict) == within
        && tested.needed.as_ref().is_none_or(|needed| needed.settle > tested.n_config.min(tested.n_baseline) && !ranks)
        && tested.robustness.as_ref().is_none_or(|robust| !ranks || robust.flips.is_empty())
        && (stepwise
            || plan.pairing == Pairing::Common
            || !is_max_t(plan.correction)
            || tested.p_adjusted >= tested.p_value)
        && simultaneous
        && ranks == (plan.missing == Missing::WorstRank)
}

fn follows(analysis: &Analysis) -> usize {
    let mut count = 0;
    let stratum = &analysis.strata[0];
    for (family, metric) in stratum.families.iter().zip(&analysis.metrics) {
        for comparison in &family.comparisons {
            count += 1;
            let holds = match &comparison.result {
                ComparisonResult::Tested(tested) => numbers_follow(tested, (family, metric), analysis),
                ComparisonResult::Ranked(ranked) => {
                    let numbers = (ranked.p_adjusted, f64::from(ranked.rank.side));
                    verdict_follows(ranked.verdict, numbers, metric, analysis.plan.alpha)
                }
                ComparisonResult::NotTested(_) => comparison.config == "lossy" || comparison.baseline == "lossy",
            };
            assert!(holds, "{:?} of {:?}: {comparison:?}", metric.name, analysis.plan);
            let told = &comparison.sentence;
            let corrected = comparison.result.p_value().is_some()
                && family.corrected_over > 1
                && (family.role == Role::Secondary || analysis.plan.correction != Correction::None);
            assert_eq!(told.contains("adjusted p"), corrected, "{told}");
            assert!(!told.contains("NaN") && !told.contains("inf ") && told.ends_with('.'), "{told}");
        }
    }
    assert_eq!(
        analysis.metrics.iter().map(|m| (m.primary, m.secondary)).collect::<Vec<_>>(),
        [(true, false), (false, true)]
    );
    count
}

#[test]
fn verdicts_follow_from_their_numbers_whatever_the_plan() {
    let (mut count, mut verdicts) = (0, Vec::new());
    for lost in [0, 3, RUNS - 1, RUNS] {
        let mut results = results(lost);
        for pairing in [Pairing::Common, Pairing::Independent] {
            results.spec.pairing = pairing;
            for plan in plans(&results.spec.analysis.clone()) {
                results.spec.analysis = plan;
                let analysis = analysis_of(&results);
                count += follows(&analysis);
                let primary = analysis.strata[0].families[0].comparisons.iter();
                verdicts.extend(primary.filter_map(|c| c.result.tested()).map(|t| t.verdict));
                let shown = render::terminal(&analysis, false);
                assert!(!shown.contains("NaN"), "{shown}");
            }
        }
    }
    assert!(count > 5_000);
    for verdict in [
        Verdict::Better,
        Verdict::Worse,
        Verdict::NegligiblyBetter,
        Verdict::NegligiblyWorse,
        Verdict::Equivalent,
        Verdict::Undecided,
    ] {
        assert!(verdicts.contains(&verdict), "{verdict:?}");
    }
}
