#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Design, Feasibility, FloorTest, Pilot, Spread, feasibility, floor, needs, strictness};
use crate::{
    report::{analyze, example},
    results::SweepResults,
    sweep_file,
};
use sweeper_core::spec::{Correction, FamilyKind, Pairing};
use sweeper_stats::{Draws, max_t::max_t_unpaired};

fn design(paired: bool, groups: usize, comparisons: usize, correction: Correction) -> Design {
    Design { paired, groups, comparisons, alpha: 0.05, correction, ranks: false }
}

fn spec(configs: &str, more: &str) -> sweeper_core::spec::SweepSpec {
    let text = format!(
        "name = 'p'\nseed = 1\nreplicates = 5\n[recipe]\ntrainer = 'synthetic'\n{configs}[analysis]\n\
         metric = 'accuracy/balanced'\nbaseline = 'a'\n{more}"
    );
    sweep_file::parse(&text, "p.toml", &[]).unwrap()
}

const FOUR: &str = "[[config]]\nname = 'a'\n[[config]]\nname = 'b'\nset = { 'synthetic.effect' = 1.0 }\n\
    [[config]]\nname = 'c'\nset = { 'synthetic.effect' = 2.0 }\n\
    [[config]]\nname = 'd'\nset = { 'synthetic.effect' = 2.0, 'synthetic.trial_noise' = 2.0 }\n";

fn one(spec: &sweeper_core::spec::SweepSpec, sd: Option<f64>) -> Feasibility {
    let pilot = |sd| Spread::given(Pilot { sd, n: None, correlation: 0.0 }, spec.pairing);
    feasibility(spec, |_| sd.and_then(pilot)).remove(0)
}

#[test]
fn limits_are_those_of_printed_tables() {
    let critical = |paired, groups, comparisons, correction, n| {
        strictness::of(&design(paired, groups, comparisons, correction), n).unwrap().critical
    };
    // Student's t, 8 and 4 degrees of freedom, two-sided 0.05, 0.025.
    assert!((critical(false, 2, 1, Correction::Holm, 5) - 2.306).abs() < 5e-4);
    assert!((critical(true, 3, 2, Correction::Holm, 5) - 3.495).abs() < 5e-4);
    assert!((critical(true, 3, 2, Correction::None, 5) - 2.776).abs() < 5e-4);
    // Dunnett's table, two comparisons, 12 degrees of freedom; studentized range of three means, 12 and 8.
    assert!((critical(false, 3, 2, Correction::Dunnett, 5) - 2.50).abs() < 5e-3);
    assert!((critical(false, 3, 3, Correction::TukeyKramer, 5) - 3.77 / 2.0_f64.sqrt()).abs() < 5e-3);
    assert!((critical(false, 3, 3, Correction::GamesHowell, 5) - 4.04 / 2.0_f64.sqrt()).abs() < 5e-3);
    // Max-T is told by its bound.
    let bound = strictness::of(&design(true, 3, 2, Correction::MaxT), 5).unwrap();
    assert!(bound.bound && (bound.level - 0.025).abs() < 1e-12, "{bound:?}");
    assert!(strictness::of(&design(true, 3, 2, Correction::Holm), 1).is_none());
}

#[test]
fn floors_and_the_replicates_that_pass_them() {
    let needed = |paired, comparisons| {
        let found = floor::of(&design(paired, comparisons + 1, comparisons, Correction::Holm), 3).unwrap();
        assert!(!found.decides && !found.reachable, "{found:?}");
        found.replicates_needed.unwrap()
    };
    // The table of the smallest n able to pass 0.05 under Holm, rank-sum and signed-rank.
    for (m, rank_sum, sign) in [(1, 4, 6), (9, 6, 9), (11, 6, 9), (45, 7, 11)] {
        assert_eq!((needed(false, m), needed(true, m)), (rank_sum, sign), "{m}");
    }
    let max_t = |n| floor::of(&design(true, 10, 9, Correction::MaxT), n).unwrap();
    assert_eq!((max_t(5).smallest_p, max_t(5).reachable, max_t(5).decides), (2.0 / 32.0, false, true));
    assert_eq!((max_t(6).reachable, max_t(6).few_for_max_t, max_t(8).few_for_max_t), (true, true, false));
    assert_eq!((max_t(5).replicates_needed, max_t(5).test), (Some(6), FloorTest::MaxTSignFlip));
    assert!((max_t(25).smallest_p - 1.0 / 100_001.0).abs() < 1e-15);
    let alone = floor::of(&design(false, 2, 1, Correction::MaxT), 4).unwrap();
    assert!((alone.smallest_p - 2.0 / 70.0).abs() < 1e-12, "{alone:?}");
}

/// All 90 arrangements of three groups of two, one far away: the least p over many draws is what the formula says.
#[test]
fn the_floor_of_exchanged_labels_is_reached_and_not_passed() {
    let found = floor::of(&design(false, 3, 2, Correction::MaxT), 2).unwrap();
    let least = (0..400_u64).map(|key| {
        let noise = |i: u64| example::noise(key * 10 + i);
        let (far, near, control) = ([1e6 + noise(0), 1e6 + noise(1)], [noise(2), noise(3)], [noise(4), noise(5)]);
        let max_t = max_t_unpaired(&[&far, &near], &control, Draws { seed: 1, part: 0 }).unwrap();
        max_t.comparisons.into_iter().map(|c| c.unwrap().p_step_down).fold(1.0, f64::min)
    });
    let least = least.fold(1.0, f64::min);
    assert!((least - found.smallest_p).abs() < 1e-12, "{least} {found:?}");
}

#[test]
fn replicates_for_a_difference_are_those_of_the_textbooks() {
    // Cohen's tables: 17 and 23 of each for d = 1; 34 and 44 pairs for half a standard deviation.
    let unpaired = needs::of(&design(false, 2, 1, Correction::Holm), 5, 1.0, 1.0);
    assert_eq!((unpaired.detect.power_80, unpaired.detect.power_90), (Some(17), Some(23)));
    let paired = needs::of(&design(true, 2, 1, Correction::Holm), 34, 0.5, 1.0);
    assert_eq!((paired.detect.power_80, paired.detect.power_90), (Some(34), Some(44)));
    assert!((0.80..0.82).contains(&paired.detect_power), "{paired:?}");
    // The normal approximation (1.645 + 1.282)² / 0.25 = 34.3 pairs, and a little for the t distribution.
    assert!((35..=37).contains(&paired.equivalence.power_80.unwrap()), "{paired:?}");
    assert!(paired.equivalence.power_90 > paired.equivalence.power_80 && paired.equivalence_possible);
    // t(0.95, 2) / √3 = 1.69: an interval of that half-width never lies inside ±0.5.
    let hopeless = needs::of(&design(true, 2, 1, Correction::Holm), 3, 0.5, 1.0);
    assert!(!hopeless.equivalence_possible && hopeless.equivalence_power < 0.2, "{hopeless:?}");
    // More comparisons need more; nothing is needed twice.
    let many = needs::of(&design(true, 10, 9, Correction::Holm), 34, 0.5, 1.0);
    assert!(many.detect.power_80 > paired.detect.power_80 && many.equivalence == paired.equivalence);
}

#[test]
fn a_detectable_difference_is_detected_with_that_power() {
    for correction in [Correction::Dunnett, Correction::TukeyKramer, Correction::GamesHowell, Correction::Holm] {
        let family = match correction {
            Correction::Dunnett | Correction::Holm => "",
            _ => "family = 'all-pairs'\n",
        };
        let name = serde_json::to_value(correction).unwrap();
        let more = format!("correction = '{}'\n{family}", name.as_str().unwrap());
        let text = format!(
            "name = 'p'\nseed = 1\nreplicates = 5\npairing = 'independent'\n[recipe]\ntrainer = 'synthetic'\n{FOUR}\
             [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n{more}"
        );
        let spec = sweep_file::parse(&text, "p.toml", &[]).unwrap();
        let found = one(&spec, Some(2.0));
        let design = design(false, found.groups, found.comparisons, correction);
        let power = design.power(5, found.detectable_sd.unwrap());
        assert!((power - 0.8).abs() < 1e-9, "{correction:?}: {power}");
        assert!((found.detectable.unwrap() / found.detectable_sd.unwrap() - 2.0).abs() < 1e-12);
    }
}

/// The sweep with an outcome for every trial.
fn finished(spec: &sweeper_core::spec::SweepSpec) -> SweepResults {
    let mut b = example::Builder::new("p", "accuracy/balanced", "a");
    for (c, config) in (0u32..).zip(&spec.configs) {
        b.config(&config.stratum, &config.name, config.replicates, "{}");
        let measured = super::is_compared(spec, config);
        for r in 0..config.replicates {
            let value = example::noise(u64::from(c * 100 + r));
            let metric = if measured { spec.analysis.metric.as_str() } else { "accuracy/balanced" };
            b.completed(c, r, &[(metric, value)]);
        }
    }
    let mut results = b.build();
    results.spec.configs.clone_from(&spec.configs);
    results.spec.analysis = spec.analysis.clone();
    results.spec.pairing = spec.pairing;
    results
}

#[test]
fn a_plan_counts_the_comparisons_that_its_report_makes() {
    let unbalanced = "[[config]]\nname = 'a'\nset = { data.unbalance.enabled = true }\n[[config]]\nname = 'b'\n\
        set = { data.unbalance.enabled = true, epochs = 2 }\n[[config]]\nname = 'c'\nset = { epochs = 2 }\n\
        [[config]]\nname = 'd'\nset = { data.unbalance.enabled = true, epochs = 3, 'model.arch' = 'plain-cnn' }\n";
    for (family, expected) in [("baseline", 2), ("one-factor", 1), ("all-pairs", 3)] {
        let text = format!(
            "name = 'p'\nseed = 1\nreplicates = 4\n[recipe]\n{unbalanced}[analysis]\nmetric = 'accuracy/perverse'\n\
             baseline = 'a'\nfamily = '{family}'\n"
        );
        let spec = sweep_file::parse(&text, "p.toml", &[]).unwrap_or_else(|e| panic!("{e}"));
        let planned = one(&spec, None);
        let analysis = analyze(&finished(&spec)).unwrap();
        assert_eq!(planned.comparisons, expected, "{family}");
        assert_eq!(planned.comparisons, analysis.strata[0].families[0].corrected_over, "{family}");
        assert_eq!(planned.groups, 3, "config c does not yield the metric");
    }
}

#[test]
fn what_no_effect_could_show_is_called_hopeless() {
    let few = one(&spec(FOUR, "correction = 'max-t'\n"), None);
    assert_eq!(few.family, FamilyKind::Baseline);
    let why = few.hopeless.unwrap();
    assert!(why.contains("cannot reach significance at any effect with 5 replicates; 6 replicates could"), "{why}");
    let ranked = one(&spec(FOUR, "missing = 'worst-rank'\n"), None);
    assert!(ranked.floor.as_ref().unwrap().decides && ranked.hopeless.unwrap().contains("7 replicates could"));
    // A t-test has no floor.
    assert_eq!(one(&spec(FOUR, ""), None).hopeless, None);
}

#[test]
fn a_given_deviation_is_taken_at_its_upper_limit_where_its_pilot_is_known() {
    let given = |n, correlation, pairing| Spread::given(Pilot { sd: 1.0, n, correlation }, pairing).unwrap();
    let plain = given(None, 0.5, Pairing::Common);
    assert!((plain.sd - 1.0).abs() < 1e-12 && !plain.upper_limit, "2 (1 - 0.5) = 1");
    assert!((given(None, 0.0, Pairing::Common).sd - 2.0_f64.sqrt()).abs() < 1e-12);
    // χ²(0.2; 4) = 1.6488 of a printed table.
    let upper = given(Some(5), 0.0, Pairing::Independent);
    assert!((upper.sd - (4.0_f64 / 1.6488).sqrt()).abs() < 1e-4 && upper.pilot_n == Some(5), "{upper:?}");
}

#[test]
fn earlier_results_give_the_deviation_that_the_test_divides_by() {
    let spec = spec(&FOUR[..FOUR.find("[[config]]\nname = 'c'").unwrap()], "");
    let results = finished(&spec);
    let found = Spread::observed(&spec, "", &results).unwrap();
    let analysis = analyze(&results).unwrap();
    let tested = analysis.strata[0].families[0].comparisons[0].result.tested().unwrap();
    // With two configs it is the standard deviation of the differences.
    let sd = tested.primary.standard_error * 5.0_f64.sqrt();
    assert!((found.estimate - sd).abs() < 1e-12 * sd, "{} {sd}", found.estimate);
    assert_eq!(found.pilot_n, Some(5));
    // Then the plan and the report tell the same detectable difference.
    let planned = feasibility(&spec, |_| Some(found.clone())).remove(0);
    assert!((planned.detectable.unwrap() - tested.detectable.unwrap()).abs() < 1e-9);
    let mut independent = spec.clone();
    independent.pairing = Pairing::Independent;
    let pooled = Spread::observed(&independent, "", &results).unwrap();
    let variances = analysis.strata[0].configs.iter().map(|c| c.cells[0].measured().unwrap().sd.unwrap().powi(2));
    assert!((pooled.estimate - (variances.sum::<f64>() / 2.0).sqrt()).abs() < 1e-12);
    // Other recipes tell nothing.
    let mut other = results;
    other.spec.configs.iter_mut().for_each(|c| c.recipe_digest.push('x'));
    assert_eq!(Spread::observed(&spec, "", &other), None);
}
