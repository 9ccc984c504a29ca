//! The numbers themselves.

use super::{
    analysis_of,
    example::{self, Builder},
};
use crate::{
    report::{
        AnalyzeError, Cell, Comparison, ComparisonResult, ExceptionKind, Family, Role, Test, Tested, Untested, Verdict,
        analyze,
    },
    results::SweepResults,
};
use sweeper_core::spec::{Correction, Pairing};
use sweeper_stats::EffectKind;

fn family<'a>(analysis: &'a crate::report::Analysis, stratum: usize, metric: &str) -> &'a Family {
    analysis.strata[stratum].families.iter().find(|f| f.metric == metric).unwrap()
}

fn of<'a>(family: &'a Family, config: &str) -> &'a Comparison {
    family.comparisons.iter().find(|c| c.config == config).unwrap()
}

fn tested<'a>(family: &'a Family, config: &str) -> &'a Tested {
    of(family, config).result.tested().unwrap()
}

fn two(values: &[(f64, f64)]) -> SweepResults {
    let mut b = Builder::new("two", "accuracy/balanced", "a");
    let n = values.len() as u32;
    let (a, c) = (b.config("", "a", n, "{}"), b.config("", "b", n, "{}"));
    for (r, &(x, y)) in (0..).zip(values) {
        b.completed(a, r, &[("accuracy/balanced", x)]);
        b.completed(c, r, &[("accuracy/balanced", y)]);
    }
    b.build()
}

#[test]
fn paired_by_design_uses_the_replicates_that_both_completed() {
    let analysis = analysis_of(&example::small());
    let t = tested(family(&analysis, 0, "accuracy/perverse"), "with prior");
    assert_eq!((t.test, t.n_config, t.n_baseline, t.few), (Test::PairedT, 3, 3, true));
    // 43.2 - 24.1, 42.75 - 25.3, 44.0 - 23.2: mean 19.11667, SD 1.675062, t = mean / (SD / sqrt 3).
    assert!((t.primary.difference - 19.116_666_666_666_667).abs() < 1e-12);
    assert!((t.primary.statistic - 19.767_048).abs() < 1e-5, "{}", t.primary.statistic);
    assert_eq!(t.primary.df, 2.0);
    assert_eq!(t.pairs.iter().map(|p| p.replicate).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(t.verdict, Verdict::Better);
    assert_eq!(t.effect.unwrap().kind, EffectKind::Dz);
    // The unpaired form has all five replicates of the baseline, so its difference is another one.
    let welch = t.welch.unwrap();
    assert!((welch.difference - (43.316_666_666_666_67 - 24.38)).abs() < 1e-10);
}

#[test]
fn independent_seeds_are_tested_by_welch() {
    let analysis = analysis_of(&example::strata());
    let f = family(&analysis, 1, "loss/balanced");
    let t = tested(f, "smooth");
    assert_eq!((t.test, t.effect.unwrap().kind, t.seed_correlation), (Test::WelchT, EffectKind::HedgesG, None));
    assert_eq!(t.welch.as_ref(), Some(&t.primary));
    // Less loss is better, more accuracy is better; here both improve.
    assert!(t.primary.difference < 0.0);
    assert_eq!(t.verdict, Verdict::Better);
    assert_eq!(tested(family(&analysis, 1, "accuracy/balanced"), "smooth").verdict, Verdict::Better);
    assert!(matches!(of(f, "abandoned").result, ComparisonResult::NotTested(Untested::TooFew { n: 0, needed: 2 })));
}

#[test]
fn not_measured_is_not_missing() {
    let analysis = analysis_of(&example::small());
    let cells = |name: &str| &analysis.strata[0].configs.iter().find(|c| c.name == name).unwrap().cells;
    assert_eq!(cells("balanced")[0], Cell::NotMeasured);
    let why = &of(family(&analysis, 0, "accuracy/perverse"), "balanced").result;
    assert_eq!(*why, ComparisonResult::NotTested(Untested::NotMeasured { config: false, baseline: true }));
    let strata = analysis_of(&example::strata());
    // Its recipe says that it measures the metric, so nothing was seen rather than nothing intended.
    assert_eq!(strata.strata[0].configs[2].cells[0], Cell::NoData);
}

#[test]
fn a_config_without_a_finished_trial_is_judged_by_its_recipe() {
    let mut b = Builder::new("x", "accuracy/perverse", "plain");
    let plain = b.config("", "plain", 2, r#"{"data":{"unbalance":{"enabled":true}}}"#);
    let balanced = b.config("", "balanced", 2, "{}");
    for r in 0..2 {
        b.completed(plain, r, &[("accuracy/perverse", 20.0 + f64::from(r)), ("accuracy/balanced", 70.0)]);
        b.diverged(balanced, r, "loss");
    }
    let analysis = analysis_of(&b.build());
    assert_eq!(analysis.strata[0].configs[1].cells, [Cell::NotMeasured, Cell::NoData]);
}

#[test]
fn every_metric_of_every_stratum_is_a_holm_family_of_its_own() {
    let analysis = analysis_of(&example::ten_configs());
    for family in analysis.strata.iter().flat_map(|s| &s.families) {
        let tests: Vec<&Tested> = family.comparisons.iter().filter_map(|c| c.result.tested()).collect();
        assert_eq!(family.size, tests.len());
        assert_eq!(family.role == Role::Primary, family.metric == "accuracy/perverse");
        let mut sorted: Vec<f64> = tests.iter().map(|t| t.primary.p_value).collect();
        sorted.sort_by(f64::total_cmp);
        for t in &tests {
            let rank = sorted.iter().position(|&p| p == t.primary.p_value).unwrap();
            assert!(t.p_adjusted >= (t.primary.p_value * (family.size - rank) as f64).min(1.0));
            assert!(t.p_adjusted <= 1.0);
        }
        let smallest = tests.iter().map(|t| t.p_adjusted).fold(f64::INFINITY, f64::min);
        assert_eq!(smallest, (sorted[0] * family.size as f64).min(1.0));
    }
    assert_eq!(family(&analysis, 0, "accuracy/perverse").size, 6);
    assert_eq!(family(&analysis, 0, "accuracy/balanced").size, 8);
}

#[test]
fn without_correction_p_adjusted_is_p_value() {
    let mut results = example::ten_configs();
    results.spec.analysis.correction = Correction::None;
    let analysis = analysis_of(&results);
    let all = analysis.strata[0].families.iter().flat_map(|f| &f.comparisons).filter_map(|c| c.result.tested());
    assert!(all.clone().count() > 50);
    assert!(all.clone().all(|t| t.p_adjusted == t.primary.p_value));
}

#[test]
fn equal_to_the_bit_is_said_as_such() {
    let analysis = analysis_of(&example::ten_configs());
    let layer = of(family(&analysis, 0, "accuracy/perverse"), "layer");
    assert_eq!(layer.result, ComparisonResult::NotTested(Untested::EqualInAll { n: 5 }));
    assert!(layer.sentence.contains("equal in all 5 replicates"), "{}", layer.sentence);
}

#[test]
fn one_differing_bit_is_not_equal() {
    let next = f64::from_bits(1.0f64.to_bits() + 1);
    let analysis = analysis_of(&two(&[(1.0, next), (2.0, 2.0), (3.0, 3.0)]));
    let result = &analysis.strata[0].families[0].comparisons[0].result;
    assert!(!matches!(result, ComparisonResult::NotTested(Untested::EqualInAll { .. })), "{result:?}");
}

#[test]
fn a_constant_difference_has_no_p_value() {
    let analysis = analysis_of(&two(&[(1.0, 3.0), (2.0, 4.0), (7.0, 9.0)]));
    let comparison = &analysis.strata[0].families[0].comparisons[0];
    let expected = Untested::ConstantDifference { n: 3, difference: 2.0 };
    assert_eq!(comparison.result, ComparisonResult::NotTested(expected));
    assert!(comparison.sentence.contains("2.0 pp apart in each of 3 replicates"), "{}", comparison.sentence);
}

#[test]
fn two_decides_nothing_but_is_tested_and_one_is_not() {
    let analysis = analysis_of(&two(&[(1.0, 1.5), (2.0, 4.0)]));
    let t = analysis.strata[0].families[0].comparisons[0].result.tested().unwrap();
    assert_eq!((t.n_config, t.few, t.verdict), (2, true, Verdict::Undecided));
    let analysis = analysis_of(&two(&[(1.0, 1.5)]));
    let result = &analysis.strata[0].families[0].comparisons[0].result;
    assert_eq!(*result, ComparisonResult::NotTested(Untested::TooFew { n: 1, needed: 2 }));
    let measured = analysis.strata[0].configs[0].cells[0].measured().unwrap();
    assert_eq!((measured.n, measured.sd, measured.interval.is_none()), (1, None, true));
}

#[test]
fn metrics_stand_in_a_fixed_order() {
    let analysis = analysis_of(&example::ten_configs());
    let names: Vec<&str> = analysis.metrics.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        names[..5],
        [
            "accuracy/perverse",
            "accuracy/balanced",
            "accuracy/unbalanced",
            "accuracy/train",
            "smoothed_accuracy/balanced"
        ]
    );
    assert_eq!(names[11], "loss/train");
}

#[test]
fn an_unknown_metric_is_never_better_or_worse() {
    let mut b = Builder::new("x", "accuracy/balanced", "a");
    for (c, name) in ["a", "b"].into_iter().enumerate() {
        let config = b.config("", name, 4, "{}");
        for r in 0..4 {
            let far = 100.0 * c as f64 + example::noise(u64::from(r));
            b.completed(
                config,
                r,
                &[("accuracy/balanced", far), ("steps/second", far + 0.1 * example::noise(far.to_bits()))],
            );
        }
    }
    let analysis = analysis_of(&b.build());
    let t = tested(family(&analysis, 0, "steps/second"), "b");
    assert!(t.p_adjusted < 0.01);
    assert_eq!(t.verdict, Verdict::Undecided);
}

#[test]
fn trials_without_observations_are_listed_with_reasons() {
    let analysis = analysis_of(&example::small());
    assert!(analysis.partial);
    let listed: Vec<_> = analysis.exceptions.iter().map(|e| (e.replicate, e.kind, e.reason.as_str())).collect();
    assert_eq!(
        listed,
        [
            (3, ExceptionKind::Diverged, "loss at epoch 0, step 17"),
            (4, ExceptionKind::Cancelled, "the sweep was cancelled")
        ]
    );
    assert_eq!(analysis.deviations, ["with prior: 3 of 5 planned replicates completed (1 diverged, 1 cancelled)."]);
    let strata = analysis_of(&example::strata());
    assert!(!strata.partial);
    assert_eq!(strata.exceptions.len(), 8);
    assert_eq!(strata.exceptions[0].config, "1 epoch/abandoned");
}

#[test]
fn a_training_whose_final_value_is_not_finite_has_failed() {
    for value in [f64::NAN, f64::INFINITY] {
        let analysis = analysis_of(&two(&[(1.0, 2.0), (value, 2.5), (1.5, 2.25)]));
        let config = &analysis.strata[0].configs[0];
        assert_eq!((config.counts.completed, config.counts.diverged, config.lost.as_slice()), (2, 1, [1].as_slice()));
        assert_eq!(config.cells[0].measured().unwrap().n, 2);
        let exception = &analysis.exceptions[0];
        assert_eq!((exception.kind, exception.replicate), (ExceptionKind::Diverged, 1));
        assert_eq!(exception.reason, format!("accuracy/balanced is {value}"));
        let comparison = &analysis.strata[0].families[0].comparisons[0];
        assert_eq!(comparison.result.tested().unwrap().n_config, 2);
        assert!(comparison.evidence.contains("1 of 3 trainings of “a” diverged"), "{}", comparison.evidence);
    }
}

/// The others go on: only the metric that is not finite has lost a value, and its ranks know it.
#[test]
fn another_metric_that_is_not_finite_is_lost_there_alone() {
    let mut results = two(&[(1.0, 2.0), (1.25, 2.5), (1.5, 2.25), (1.75, 2.5)]);
    for (at, trial) in (0..).zip(&mut results.trials) {
        let loss = if at == 5 { f64::INFINITY } else { f64::from(at * at) };
        let metric =
            sweeper_core::record::Metric { name: "loss/test".to_owned(), value: loss, ..trial.metrics[0].clone() };
        trial.metrics.push(metric);
    }
    let analysis = analysis_of(&results);
    let (trial, stratum) = (&results.trials[5], &analysis.strata[0]);
    assert_eq!((analysis.counts.completed, analysis.exceptions[0].kind), (8, ExceptionKind::NotFinite));
    let not_finite = &stratum.configs[trial.config as usize].not_finite;
    assert_eq!(not_finite.get("loss/test"), Some(&vec![trial.replicate]));
    let [accuracy, loss] = [0, 1].map(|m| &stratum.families[m].comparisons[0]);
    assert!(accuracy.losses.is_empty() && accuracy.result.tested().unwrap().worst_rank.is_none());
    assert_eq!(loss.losses.iter().map(|l| l.not_finite).collect::<Vec<_>>(), [1]);
    let rank = loss.result.tested().unwrap().worst_rank.unwrap();
    assert_eq!((loss.result.tested().unwrap().n_config, rank.n_config), (3, 4));
    assert!(loss.evidence.contains("1 value of “"), "{}", loss.evidence);
}

#[test]
fn a_trial_that_the_results_lack_is_listed() {
    let mut results = example::ten_configs();
    results.trials.retain(|t| (t.config, t.replicate) != (4, 2));
    let analysis = analysis_of(&results);
    assert!(analysis.partial);
    assert!(analysis.exceptions.iter().any(|e| (e.index, e.replicate, e.kind) == (4, 2, ExceptionKind::Absent)));
}

#[test]
fn the_scope_follows_the_recipes() {
    let scope = analysis_of(&example::ten_configs()).scope;
    assert!(scope.fixed.contains(&"the draw of the unbalanced split".to_owned()));
    let mut results = example::ten_configs();
    for config in &mut results.spec.configs {
        config.recipe = br#"{"data":{"unbalance":{"enabled":true,"per_replicate":true}}}"#.to_vec();
    }
    let scope = analysis_of(&results).scope;
    assert!(scope.varies.contains(&"the draw of the unbalanced split".to_owned()));
    assert!(!scope.fixed.contains(&"the draw of the unbalanced split".to_owned()));
}

#[test]
fn contradicting_results_are_refused() {
    let with = |change: fn(&mut SweepResults)| {
        let mut results = example::small();
        change(&mut results);
        analyze(&results).unwrap_err()
    };
    assert_eq!(with(|r| r.schema = 9), AnalyzeError::Schema { found: 9 });
    assert_eq!(with(|r| r.trials[0].config = 7), AnalyzeError::UnknownTrial { config: 7, replicate: 0 });
    assert_eq!(with(|r| r.trials[1].replicate = 0), AnalyzeError::DuplicateTrial { config: 0, replicate: 0 });
    assert!(matches!(with(|r| r.spec.analysis.baseline = "x".into()), AnalyzeError::NoBaseline { .. }));
    assert!(matches!(with(|r| r.spec.analysis.alpha = f64::NAN), AnalyzeError::Range { what: "alpha", .. }));
    assert!(matches!(with(|r| r.spec.analysis.confidence = 1.0), AnalyzeError::Range { what: "confidence", .. }));
}

#[test]
fn seeds_are_told_once_when_shared() {
    let mut results = example::ten_configs();
    assert_eq!(analysis_of(&results).provenance.seeds.len(), 5);
    results.spec.pairing = Pairing::Independent;
    assert_eq!(analysis_of(&results).provenance.seeds.len(), 50);
}
