//! Contenders for the best: what their numbers rest on, who is left out, and what is said where procedures disagree.

use super::{
    analysis_of, beyond::planned, beyond::primary as comparisons, beyond::sweep, example, example::Builder, markdown,
};
use crate::report::{Analysis, BestSet, Contender};
use sweeper_core::spec::{FamilyKind, Pairing};

const METRIC: &str = "accuracy/balanced";

fn best(analysis: &Analysis) -> &BestSet {
    analysis.strata[0].best.as_ref().unwrap()
}

fn of<'a>(best: &'a BestSet, config: &str) -> &'a Contender {
    best.contenders.iter().find(|c| c.config == config).unwrap()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Five configs of the same seeds, which weigh eight times as much as what is each config's own.
fn shared_seeds(pairing: Pairing) -> (Vec<Vec<f64>>, Analysis) {
    let mut b = Builder::new("seeds", METRIC, "c0");
    let mut values = Vec::new();
    for c in 0..5u32 {
        let config = b.config("", &format!("c{c}"), 12, "{}");
        let value = |r: u32| {
            let (seed, own) = (example::noise(u64::from(r)), example::noise(u64::from(1000 * (c + 1) + r)));
            50.0 + 0.3 * f64::from(c) + 4.0 * seed + 0.5 * own
        };
        values.push((0..12).map(value).collect::<Vec<f64>>());
        (0..12).for_each(|r| b.completed(config, r, &[(METRIC, value(r))]));
    }
    let mut results = b.build();
    results.spec.pairing = pairing;
    (values, analysis_of(&results))
}

#[test]
fn shrunken_means_of_shared_seeds_rest_on_the_residuals() {
    let (values, analysis) = shared_seeds(Pairing::Common);
    let (k, n) = (5.0, 12.0);
    let means: Vec<f64> = values.iter().map(|v| mean(v)).collect();
    let seeds: Vec<f64> = (0..12).map(|r| mean(&values.iter().map(|v| v[r]).collect::<Vec<f64>>())).collect();
    let centre = mean(&means);
    let residual = |c: usize, r: usize| values[c][r] - means[c] - seeds[r] + centre;
    let squares: f64 = (0..5).flat_map(|c| (0..12).map(move |r| (c, r))).map(|(c, r)| residual(c, r).powi(2)).sum();
    let error = squares / ((k - 1.0) * (n - 1.0) * n);
    let between = means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / (k - 1.0);
    assert!(between > error, "the planted differences are larger than their errors");
    // With equal errors the estimate of between-variance plus error is the variance of the means.
    let share = (k - 3.0) / (k - 1.0) * error / between;
    for (c, own) in means.iter().enumerate() {
        let found = of(best(&analysis), &format!("c{c}")).shrunken.unwrap();
        assert!((found - (own - share * (own - centre))).abs() < 1e-7, "c{c}: {found}");
    }
    // The errors of single means, which the seeds make up, would shrink the same means all together.
    let (_, unpaired) = shared_seeds(Pairing::Independent);
    let lost = |analysis: &Analysis| {
        let top = &best(analysis).contenders[0];
        (top.mean - top.shrunken.unwrap()) / (top.mean - centre)
    };
    assert!(lost(&analysis) < 0.1 && lost(&unpaired) > 0.4, "{} {}", lost(&analysis), lost(&unpaired));
    assert_eq!((best(&analysis).shared, best(&unpaired).shared), (Some(12), None));
}

/// Four configs of which `c3` looks best and lost its replicates from the third on, and `c4` all of them.
pub(super) fn lossy(lost_by_c3: u32, pairing: Pairing) -> Analysis {
    let mut results = sweep(&[50.0, 51.0, 52.0], 10);
    for (name, mean, kept) in [("c3", 55.0, 10 - lost_by_c3), ("c4", 0.0, 0)] {
        let config = results.config("", name, 10, "{}");
        for r in 0..10 {
            if r < kept {
                let noise = example::noise(u64::from(r)) + example::noise(u64::from(9000 + r));
                results.completed(config, r, &[(METRIC, mean + noise), ("loss/balanced", noise)]);
            } else {
                results.diverged(config, r, "loss");
            }
        }
    }
    let mut results = results.build();
    results.spec.pairing = pairing;
    analysis_of(&results)
}

#[test]
fn a_config_that_lost_most_trainings_does_not_decide_what_others_are_compared_on() {
    let analysis = lossy(7, Pairing::Common);
    let found = best(&analysis);
    assert_eq!((found.shared, found.ranked_on, found.contenders.len()), (Some(10), Some(10), 3));
    let out: Vec<_> = found.not_ranked.iter().map(|c| (c.config.as_str(), c.values, c.lost, c.planned)).collect();
    assert_eq!(out, [("c3", 3, 7, 10), ("c4", 0, 10, 10)]);
    let told = markdown(&analysis);
    assert!(told.contains("rest on the 10 replicates that all of these configs completed"), "{told}");
    assert!(
        told.contains("Not ranked: c3 (3 of 10 with a value, 7 lost); c4 (0 of 10 with a value, 10 lost). A config")
    );
    assert!(!told.contains("may be the best (survivors)"));
}

#[test]
fn survivors_are_marked_and_say_how_many_replicates_are_left() {
    let analysis = lossy(4, Pairing::Common);
    let found = best(&analysis);
    assert_eq!((found.shared, found.contenders.len()), (Some(6), 4));
    assert_eq!((of(found, "c3").lost, of(found, "c0").lost), (4, 0));
    // All six replicates of c3 are shared; the others have four more, which neither ranks nor shrunken means see.
    assert!(of(found, "c3").shared_mean.is_none());
    let config = analysis.strata[0].configs.iter().find(|c| c.name == "c0").unwrap();
    let first: Vec<f64> = config.cells[0].measured().unwrap().plain().into_iter().take(6).collect();
    assert!((of(found, "c0").shared_mean.unwrap() - mean(&first)).abs() < 1e-9);
    let ranks: Vec<usize> = found.contenders.iter().map(|c| c.rank.unwrap().0).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    let told = markdown(&analysis);
    assert!(
        told.contains("may be the best (survivors)") && told.contains("the 6 replicates that all of these"),
        "{told}"
    );
    assert!(told.contains("mean of shared") && told.contains("Survivors: some trainings"));
    // Seeds of their own: nothing is shared, so nobody is left out, and the mark is all that can be said.
    let unpaired = lossy(7, Pairing::Independent);
    assert_eq!((best(&unpaired).contenders.len(), best(&unpaired).not_ranked.len()), (4, 1));
    let told = markdown(&unpaired);
    assert!(told.contains("may be the best (survivors)") && told.contains("Ranks rest on at least 3 replicates"));
}

#[test]
fn configs_are_left_out_one_by_one_until_half_of_the_replicates_are_shared() {
    // Losses of 4, 5, 6 of 12 replicates, none of them the same: without the worst the others share 12 - 9 = 3, without two 8.
    let mut b = Builder::new("many", METRIC, "c0");
    for (c, lost) in (0u32..).zip([0..0, 0..0, 0..4, 4..9, 6..12]) {
        let config = b.config("", &format!("c{c}"), 12, "{}");
        for r in 0..12u32 {
            if lost.contains(&r) {
                b.diverged(config, r, "loss");
            } else {
                b.completed(config, r, &[(METRIC, 50.0 + example::noise(u64::from(100 * c + r)))]);
            }
        }
    }
    let analysis = analysis_of(&b.build());
    let out: Vec<&str> = best(&analysis).not_ranked.iter().map(|c| c.config.as_str()).collect();
    assert_eq!((out, best(&analysis).shared), (vec!["c3", "c4"], Some(8)));
}

#[test]
fn losses_are_only_blamed_where_they_cost_replicates() {
    // A baseline with more replicates than the others is a plan, and no loss.
    let mut b = Builder::new("plan", METRIC, "c0");
    for c in 0..4u32 {
        let planned = if c == 0 { 30 } else { 10 };
        let config = b.config("", &format!("c{c}"), planned, "{}");
        for r in 0..planned {
            if c == 3 && r == 9 {
                b.diverged(config, r, "loss");
            } else {
                b.completed(config, r, &[(METRIC, 50.0 + example::noise(u64::from(100 * c + r)))]);
            }
        }
    }
    let analysis = analysis_of(&b.build());
    assert_eq!((best(&analysis).contenders.len(), best(&analysis).shared), (4, Some(9)));
    assert!(best(&analysis).not_ranked.is_empty());
}

#[test]
fn two_procedures_that_disagree_say_so() {
    let mut analysis = planned(&[50.0, 55.0, 55.1, 52.0], 12, |_| ());
    assert!(!markdown(&analysis).contains("two procedures"));
    let contender = analysis.strata[0].best.as_mut().unwrap().contenders.last_mut().unwrap();
    assert!(!contender.among_best);
    contender.rank = Some((4, 1, 4));
    assert!(
        markdown(&analysis).contains("two procedures, each valid by itself, that need not agree, and do not on c0.")
    );
    contender_of(&mut analysis, 0).rank = Some((1, 2, 2));
    assert!(markdown(&analysis).contains("do not on c"));
}

fn contender_of(analysis: &mut Analysis, at: usize) -> &mut Contender {
    &mut analysis.strata[0].best.as_mut().unwrap().contenders[at]
}

#[test]
fn unequal_scatter_is_told_where_variances_are_pooled() {
    let with = |pairing: Pairing, scale: f64| {
        planned(&[50.0, 55.0, 55.1, 52.0], 12, |r| {
            r.spec.pairing = pairing;
            for trial in r.trials.iter_mut().filter(|t| t.config == 3) {
                trial.metrics[0].value = 52.0 + scale * (trial.metrics[0].value - 52.0);
            }
        })
    };
    let told = "Hsu's comparisons with the best pool them, the ranks rest on Welch's tests and do not";
    let unequal = with(Pairing::Independent, 6.0);
    assert!(best(&unequal).sd_ratio.unwrap() > 4.0 && markdown(&unequal).contains(told));
    assert!(!markdown(&with(Pairing::Independent, 1.0)).contains(told));
    assert!(!markdown(&with(Pairing::Common, 6.0)).contains(told), "paired differences pool nothing");
}

#[test]
fn several_strata_are_told_to_share_no_error() {
    let note =
        "Each stratum is a family of its own: over all 2 strata together the chance of any false finding is higher.";
    assert!(markdown(&analysis_of(&example::strata())).contains(note));
    let one = analysis_of(&example::small());
    assert!(!comparisons(&one).is_empty() && !markdown(&one).contains("Each stratum is a family of its own: over"));
}

#[test]
fn a_terminal_names_a_baseline_only_where_there_is_one() {
    let with = |family: FamilyKind| {
        let analysis = planned(&[50.0, 51.0, 52.0], 6, |r| {
            r.spec.analysis.family = family;
            if family != FamilyKind::Baseline {
                r.spec.analysis.baseline = String::new();
            }
        });
        crate::report::render::terminal(&analysis, false)
    };
    assert!(with(FamilyKind::Baseline).contains("config (* baseline)"));
    assert!(!with(FamilyKind::AllPairs).contains("baseline)"));
}
