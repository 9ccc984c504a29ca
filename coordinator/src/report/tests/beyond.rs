//! The design's audit, the best set, factors, lost trainings, learning curves, families, corrections and equivalence, on
//! data in which the truth was planted.

use super::{analysis_of, example, example::Builder};
use crate::{
    report::{Analysis, Comparison, Factors, Tested, Verdict, document::Document},
    results::{Origin, SweepResults, TrialResult},
};
use sweeper_core::{
    record::Metric,
    spec::{Correction, FamilyKind, Missing, Pairing},
};

const METRIC: &str = "accuracy/balanced";

/// Configs `c0`, `c1`, … with these means and noise of size 1, half of which a seed shares.
pub(super) fn sweep(means: &[f64], replicates: u32) -> Builder {
    let mut b = Builder::new("planted", METRIC, "c0");
    for (c, mean) in (0u32..).zip(means) {
        let config = b.config("", &format!("c{c}"), replicates, "{}");
        for r in 0..replicates {
            let (shared, own) = (example::noise(u64::from(r)), example::noise(u64::from(1000 * (c + 1) + r)));
            b.completed(config, r, &[(METRIC, mean + (shared + own) / 2f64.sqrt()), ("loss/balanced", own)]);
        }
    }
    b
}

pub(super) fn primary(analysis: &Analysis) -> &[Comparison] {
    &analysis.strata[0].families[0].comparisons
}

pub(super) fn tested(comparison: &Comparison) -> &Tested {
    comparison.result.tested().unwrap()
}

pub(super) fn planned(means: &[f64], replicates: u32, change: impl FnOnce(&mut SweepResults)) -> Analysis {
    let mut results = sweep(means, replicates).build();
    change(&mut results);
    analysis_of(&results)
}

#[test]
fn a_margin_tells_equivalent_from_undecided_and_negligible_from_better() {
    let with = |delta: f64, means: &[f64]| {
        let analysis = planned(means, 40, |r| r.spec.analysis.delta = Some(delta));
        primary(&analysis).iter().map(|c| tested(c).verdict).collect::<Vec<_>>()
    };
    assert_eq!(with(2.0, &[50.0, 50.0, 51.0, 54.0]), [Verdict::Equivalent, Verdict::NegligiblyBetter, Verdict::Better]);
    assert_eq!(with(0.05, &[50.0, 50.0]), [Verdict::Undecided]);
    assert_eq!(with(2.0, &[50.0, 49.0]), [Verdict::NegligiblyWorse]);
    let analysis = planned(&[50.0, 50.0], 5, |r| r.spec.analysis.delta = Some(0.3));
    let comparison = &primary(&analysis)[0];
    let needed = tested(comparison).needed.unwrap();
    assert!(needed.settle > 20 && comparison.sentence.contains("replicates each would settle it"), "{needed:?}");
}

#[test]
fn without_a_margin_nothing_is_called_equivalent() {
    let analysis = planned(&[50.0, 50.0, 53.0], 12, |_| ());
    let told = format!("{:?}", Document::of(&analysis));
    assert!(told.contains("equivalence would hold for any margin above"));
    assert!(!told.contains("is equivalent") && !told.contains("Look::Equivalent"));
    assert!(primary(&analysis).iter().all(|c| tested(c).equivalence.tost.is_none()));
}

#[test]
fn every_correction_keeps_the_order_and_widens_the_intervals() {
    let means = [50.0, 50.3, 51.5, 52.5];
    for (correction, family, pairing) in [
        (Correction::Holm, FamilyKind::Baseline, Pairing::Common),
        (Correction::Bonferroni, FamilyKind::Baseline, Pairing::Common),
        (Correction::MaxT, FamilyKind::Baseline, Pairing::Common),
        (Correction::MaxTSingleStep, FamilyKind::Baseline, Pairing::Common),
        (Correction::MaxT, FamilyKind::Baseline, Pairing::Independent),
        (Correction::Dunnett, FamilyKind::Baseline, Pairing::Independent),
        (Correction::TukeyKramer, FamilyKind::AllPairs, Pairing::Independent),
        (Correction::GamesHowell, FamilyKind::AllPairs, Pairing::Independent),
        (Correction::Holm, FamilyKind::AllPairs, Pairing::Common),
    ] {
        let analysis = planned(&means, 10, |r| {
            (r.spec.analysis.correction, r.spec.analysis.family, r.spec.pairing) = (correction, family, pairing);
        });
        let comparisons = primary(&analysis);
        assert_eq!(comparisons.len(), if family == FamilyKind::AllPairs { 6 } else { 3 });
        for comparison in comparisons {
            let t = tested(comparison);
            let (alone, all) = (t.primary.interval, t.simultaneous.unwrap());
            assert!(all.low <= t.primary.difference && t.primary.difference <= all.high);
            // Tests of equal variances have another error than Welch's, and need not be wider.
            let equal_variances = matches!(correction, Correction::Dunnett | Correction::TukeyKramer);
            assert!(
                equal_variances || (all.low < alone.low && all.high > alone.high),
                "{correction:?} {all:?} {alone:?}"
            );
            assert!(equal_variances || t.p_adjusted >= t.p_value * 0.9, "{correction:?}");
        }
        let first = comparisons.iter().map(|c| tested(c).p_adjusted).fold(f64::INFINITY, f64::min);
        assert!(first < 0.01, "{correction:?}: the largest effect is found, {first}");
    }
}

#[test]
fn declared_secondary_metrics_share_one_correction() {
    let analysis = planned(&[50.0, 51.0, 52.0], 8, |r| r.spec.analysis.secondary = vec!["loss/balanced".to_owned()]);
    let family = analysis.strata[0].families.iter().find(|f| f.metric == "loss/balanced").unwrap();
    assert_eq!((family.role, family.corrected_over), (crate::report::Role::Secondary, 2));
    assert!(tested(&family.comparisons[0]).robustness.is_some());
    let alone = planned(&[50.0, 51.0, 52.0], 8, |_| ());
    let family = alone.strata[0].families.iter().find(|f| f.metric == "loss/balanced").unwrap();
    assert_eq!(family.role, crate::report::Role::Other);
    assert!(tested(&family.comparisons[0]).robustness.is_none());
}

#[test]
fn a_verdict_that_hangs_on_one_training_is_told() {
    let mut b = Builder::new("one", METRIC, "a");
    let (a, c) = (b.config("", "a", 6, "{}"), b.config("", "b", 6, "{}"));
    for (r, d) in (0u32..).zip([1.0, 1.1, 0.9, 1.05, 0.95, -0.45]) {
        b.completed(a, r, &[(METRIC, 50.0)]);
        b.completed(c, r, &[(METRIC, 50.0 + d)]);
    }
    let mut results = b.build();
    results.spec.analysis.alpha = 0.02;
    let analysis = analysis_of(&results);
    let robust = tested(&primary(&analysis)[0]).robustness.clone().unwrap();
    assert!(robust.disagree && robust.flips.iter().any(|f| f.replicate == 5), "{robust:?}");
}

#[test]
fn lost_trainings_count_against_a_config() {
    let build = |missing: Missing| {
        let mut b = Builder::new("lost", METRIC, "a");
        let (a, c) = (b.config("", "a", 12, "{}"), b.config("", "b", 12, "{}"));
        for r in 0..12u32 {
            let noise = example::noise(u64::from(r));
            b.completed(a, r, &[(METRIC, 50.0 + noise)]);
            if r < 7 {
                b.diverged(c, r, "loss");
            } else {
                b.completed(c, r, &[(METRIC, 50.5 + noise + 0.1 * example::noise(u64::from(r + 50)))]);
            }
        }
        let mut results = b.build();
        results.spec.analysis.missing = missing;
        analysis_of(&results)
    };
    let analysis = build(Missing::CompletedPairs);
    let comparison = tested(&primary(&analysis)[0]);
    assert_eq!(comparison.verdict, Verdict::Better);
    assert!(comparison.worst_rank.as_ref().unwrap().test.p_value > 0.05);
    let failures = &analysis.strata[0].failures;
    assert_eq!((failures[1].diverged, failures[1].ended), (7, 12));
    let (rate, interval) = failures[1].rate.unwrap();
    assert!((rate - 7.0 / 12.0).abs() < 1e-12 && interval.low > 0.3 && interval.high < 0.85);
    assert!(failures[1].p_value.unwrap() < 0.01 && failures[0].p_value.is_none());
    let ranked = build(Missing::WorstRank);
    assert_eq!(tested(&primary(&ranked)[0]).verdict, Verdict::Undecided);
    let told = format!("{:?}", Document::of(&analysis));
    assert!(told.contains("DISAGREE") && told.contains("Lost trainings"));
}

#[test]
fn the_best_set_holds_the_best() {
    let analysis = planned(&[50.0, 55.0, 55.1, 52.0], 12, |_| ());
    let best = analysis.strata[0].best.as_ref().unwrap();
    let among: Vec<&str> = best.contenders.iter().filter(|c| c.among_best).map(|c| c.config.as_str()).collect();
    assert!(among.len() == 2 && among.contains(&"c1") && among.contains(&"c2"), "{among:?}");
    let ranks: Vec<usize> = best.contenders.iter().map(|c| c.rank.unwrap().0).collect();
    assert!(ranks.is_sorted() && best.contenders[3].config == "c0", "{ranks:?}");
    let top = &best.contenders[0];
    assert!(top.shrunken.unwrap() < top.mean, "the winner's curse is taken off");
}

/// Four configs of a 2 × 2 grid and a fifth one apart: the epochs' effect is 1, that of the rate 0, together 2 more.
fn grid() -> Factors {
    let recipe = |epochs: u32, rate: &str| format!(r#"{{"epochs":{epochs},"optimizer":{{"lr":{rate}}}}}"#);
    let mut b = Builder::new("grid", METRIC, "plain");
    let configs =
        [("plain", 1, "0.001", 0.0), ("long", 2, "0.001", 1.0), ("fast", 1, "0.01", 0.0), ("both", 2, "0.01", 3.0)];
    for (c, (name, epochs, rate, effect)) in (0u64..).zip(configs.into_iter().chain([("apart", 3, "0.1", 9.0)])) {
        let config = b.config("", name, 10, &recipe(epochs, rate));
        for r in 0..10u32 {
            let noise = example::noise(u64::from(r)) + 0.2 * example::noise(1000 * (c + 1) + u64::from(r));
            b.completed(config, r, &[(METRIC, 50.0 + effect + noise)]);
        }
    }
    analysis_of(&b.build()).strata[0].factors.clone().unwrap()
}

#[test]
fn factors_of_a_grid_that_is_not_complete() {
    let factors = grid();
    assert_eq!(factors.factors, ["epochs", "optimizer.lr"]);
    assert_eq!(factors.grid, ["plain", "long", "fast", "both"]);
    assert_eq!((factors.one_apart, factors.empty_cells), (4, 4.0));
    let names: Vec<&str> = factors.terms.iter().map(|t| t.term.as_str()).collect();
    assert_eq!(names, ["replicate", "epochs", "optimizer.lr", "epochs × optimizer.lr"]);
    assert!(factors.terms.iter().all(|t| t.p_value < 1e-6), "with the seed as a block all is found: {factors:?}");
    let interaction = &factors.interactions[0];
    assert_eq!(interaction.configs[0], "plain");
    assert!((interaction.test.difference - 2.0).abs() < 0.4 && interaction.test.p_value < 1e-6);
}

#[test]
fn one_factor_families_name_the_setting() {
    let mut b = Builder::new("edges", METRIC, "");
    for (name, recipe) in [("a", r#"{"epochs":1}"#), ("b", r#"{"epochs":2}"#), ("c", r#"{"epochs":2,"batch_size":64}"#)]
    {
        let config = b.config("", name, 4, recipe);
        (0..4u32).for_each(|r| b.completed(config, r, &[(METRIC, 50.0 + example::noise(u64::from(config * 10 + r)))]));
    }
    let mut results = b.build();
    results.spec.analysis.family = FamilyKind::OneFactor;
    let analysis = analysis_of(&results);
    let found: Vec<_> = primary(&analysis)
        .iter()
        .map(|c| (c.config.as_str(), c.baseline.as_str(), c.factor.as_deref().unwrap()))
        .collect();
    assert_eq!(found, [("b", "a", "epochs: 1 → 2"), ("c", "b", "batch_size: 128 → 64")]);
}

#[test]
fn the_audit_sees_confounding_drift_and_copies() {
    // The example's workers each train configs of their own.
    let analysis = planned(&[50.0, 53.0], 10, |_| ());
    let worker = &analysis.audit.associations[0];
    assert!(worker.what == "worker" && worker.v > 0.9, "{worker:?}");
    let told = format!("{:?}", Document::of(&analysis));
    assert!(told.contains("CONFOUNDED: configs go with the worker") && told.contains("not separable from the worker"));
    let shuffled = planned(&[50.0, 53.0], 10, |r| {
        r.attempts.iter_mut().for_each(|a| a.worker = format!("w{}", (a.replicate + a.config) % 2));
    });
    assert!(shuffled.audit.associations[0].v < 0.3 && shuffled.audit.copies.is_empty());
    let told = format!("{:?}", Document::of(&shuffled));
    assert!(told.contains("Configs are spread over 2 workers (Cramér's V"), "{told}");
    assert!(told.contains("beside the configs no effect of the worker itself was shown"), "{told}");
    let slow = planned(&[50.0, 53.0], 10, |r| {
        r.attempts.iter_mut().for_each(|a| a.worker = format!("w{}", (a.replicate + a.config) % 2));
        let other = |t: &&mut TrialResult| (t.replicate + t.config) % 2 == 1;
        r.trials.iter_mut().filter(other).for_each(|t| t.metrics[0].value += 5.0);
    });
    assert!(format!("{:?}", Document::of(&slow)).contains("beside the configs the worker has an effect of its own (p"));
    let drifting = |pairing: Pairing| {
        planned(&[50.0, 53.0], 20, move |r| {
            r.spec.pairing = pairing;
            r.trials.iter_mut().for_each(|t| t.metrics[0].value += f64::from(t.replicate));
        })
    };
    assert!(drifting(Pairing::Independent).audit.drift.unwrap().p_value < 1e-6);
    // What a whole replicate has in common may be its seed, and falls out of every paired difference.
    assert!(drifting(Pairing::Common).audit.drift.is_none_or(|drift| drift.p_value > 1e-3));
    let copied = planned(&[50.0, 53.0], 6, |r| {
        let first = r.trials[0].provenance.as_ref().unwrap().parameter_digest.clone();
        r.trials[3].provenance.as_mut().unwrap().parameter_digest = first;
    });
    assert_eq!((copied.audit.copies.len(), copied.audit.copies[0].count), (1, 2));
    let equal = planned(&[50.0, 53.0], 6, |r| r.trials[4].metrics = r.trials[1].metrics.clone());
    assert_eq!(equal.audit.copies[0].trials, ["c0 replicate 1", "c0 replicate 4"]);
}

/// Where every training was to have a seed of its own, two of one seed are not independent, and may be one.
#[test]
fn the_audit_sees_seeds_that_configs_share_against_the_plan() {
    // The example has one seed per replicate, in all configs.
    let independent = |change: &dyn Fn(&mut SweepResults)| {
        planned(&[50.0, 50.0, 53.0], 6, |r| {
            r.spec.pairing = Pairing::Independent;
            // A/A: config 1 is config 0 again.
            r.spec.configs[1].recipe_digest = r.spec.configs[0].recipe_digest.clone();
            for replicate in 0..6 {
                r.trials[6 + replicate].metrics = r.trials[replicate].metrics.clone();
                r.trials[6 + replicate].provenance = r.trials[replicate].provenance.clone();
            }
            change(r);
        })
    };
    let audit = |change: &dyn Fn(&mut SweepResults)| {
        let audit = independent(change).audit;
        let copies = |equal: &str| audit.copies.iter().filter(|c| c.one_seed && c.equal == equal).count();
        (copies("trained parameters"), copies("every number"), audit.copies.len(), audit.shared_seeds)
    };
    assert_eq!(audit(&|_| ()), (6, 0, 6, 6), "config 2 shares seeds and nothing more");
    let told = format!("{:?}", Document::of(&independent(&|_| ())));
    assert!(told.contains("COPIES: 12 trainings that count as independent have their seeds in common"), "{told}");
    assert!(told.contains("COPIES: c0 replicate 0, c1 replicate 0 have one seed and equal parameters"), "{told}");
    assert!(told.contains("6 trainings have the seed of one that they are compared with as independent"), "{told}");
    // Without digests one equal number tells it only of one recipe.
    let bare = |r: &mut SweepResults| {
        for trial in &mut r.trials {
            trial.provenance = None;
            trial.metrics.retain(|m| m.name == METRIC);
        }
    };
    assert_eq!(audit(&bare), (0, 6, 6, 6));
    let other_recipe = |r: &mut SweepResults| {
        bare(r);
        r.spec.configs[1].recipe_digest.push('x');
    };
    assert_eq!(audit(&other_recipe), (0, 0, 0, 18));
    let own = |r: &mut SweepResults| {
        bare(r);
        r.trials.iter_mut().for_each(|t| t.seed += u64::from(t.config));
    };
    assert_eq!(audit(&own), (0, 0, 0, 0));
    let apart = |r: &mut SweepResults| {
        r.spec.configs[1..].iter_mut().for_each(|c| c.stratum = "another".to_owned());
        r.spec.configs[1].name = "c0".to_owned();
    };
    assert_eq!(audit(&apart).2, 0, "strata are not compared with each other");
    assert_eq!(audit(&|r| r.spec.pairing = Pairing::Common), (0, 0, 0, 0), "by design");
    assert_eq!(audit(&|r| r.origin = Origin::File), (0, 0, 0, 0), "a file names no seeds");
}

#[test]
fn curves_are_of_epochs_that_all_trainings_have() {
    let analysis = planned(&[50.0, 53.0], 6, |r| {
        for trial in &mut r.trials {
            let last = trial.metrics[0].value;
            trial.metrics[0].epoch = 4;
            for epoch in 1..=3u32 {
                let value = last - f64::from(4 - epoch);
                trial.metrics.push(Metric { name: METRIC.to_owned(), epoch, value, is_final: false });
            }
            // Study A's last epoch, evaluated otherwise than at the end.
            trial.metrics.push(Metric { name: METRIC.to_owned(), epoch: 4, value: 0.0, is_final: false });
        }
        r.trials[0].metrics.retain(|m| m.epoch != 2);
    });
    let curves = &analysis.curves[0];
    assert_eq!(
        (curves.configs[0].epochs.as_slice(), curves.configs[1].epochs.as_slice()),
        (&[1, 3, 4][..], &[1, 2, 3, 4][..])
    );
    assert!(curves.configs[1].mean.mean[3] > 40.0, "the final value counts");
    assert!(curves.configs[1].difference.is_none(), "of other epochs than the baseline's");
    let figures = format!("{:?}", Document::of(&analysis)).matches("curves-s0").count();
    assert!(figures > 0);
}

#[test]
fn the_best_set_names_the_command_that_trains_it_again() {
    let shown = super::markdown;
    let own = planned(&[50.0, 51.0, 53.0], 6, |_| ());
    let text = shown(&own);
    assert!(text.contains("sweeper confirm planted"), "{text}");
    let read = planned(&[50.0, 51.0, 53.0], 6, |r| r.origin = crate::results::Origin::File);
    let text = shown(&read);
    assert!(text.contains("train it again on fresh seeds.") && !text.contains("sweeper confirm"), "{text}");
}
