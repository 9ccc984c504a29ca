//! Corrections that need more than p-values, and what is said where they cannot be had.

use super::{
    analysis_of,
    beyond::{primary, sweep, tested},
    markdown,
};
use crate::report::{Analysis, Instead};
use sweeper_core::spec::{Correction, FamilyKind, Pairing};
use sweeper_stats::multiplicity::holm;

fn is_holm(analysis: &Analysis) {
    let raw: Vec<Option<f64>> = primary(analysis).iter().map(|c| Some(tested(c).p_value)).collect();
    let adjusted: Vec<Option<f64>> = primary(analysis).iter().map(|c| Some(tested(c).p_adjusted)).collect();
    assert_eq!(adjusted, holm(&raw));
}

/// Three configs, of which the last lost all but `left` of 9 trainings.
fn lossy(left: u32, correction: Correction) -> Analysis {
    let mut results = sweep(&[50.0, 51.0, 52.0], 9).build();
    let lost = results.trials.iter_mut().filter(|t| t.config == 2 && t.replicate >= left);
    lost.for_each(|t| {
        t.ending = Some("diverged: loss".to_owned());
        t.metrics.clear();
    });
    results.spec.analysis.correction = correction;
    analysis_of(&results)
}

/// A config with few replicates must not take those of all others away: that left two signs to change.
#[test]
fn max_t_without_common_replicates_is_holm_and_says_so() {
    for correction in [Correction::MaxT, Correction::MaxTSingleStep] {
        let analysis = lossy(3, correction);
        assert_eq!(analysis.strata[0].families[0].instead, Some(Instead::Incomplete { common: 3, most: 9 }));
        is_holm(&analysis);
        let text = markdown(&analysis);
        assert!(text.contains("adjusted by Holm over 2 comparisons, not by"), "{text}");
        assert!(text.contains("which have up to 9 and 3 in common"));
        assert!(text.contains("Holm's correction took the place of the planned one"));
        let whole = lossy(9, correction);
        assert_eq!(whole.strata[0].families[0].instead, None);
        assert!(!markdown(&whole).contains(", not by Westfall"));
    }
}

#[test]
fn drawn_arrangements_are_told_with_their_error() {
    let with = |replicates: u32| {
        let mut results = sweep(&[50.0, 51.0, 52.0], replicates).build();
        results.spec.analysis.correction = Correction::MaxT;
        let analysis = analysis_of(&results);
        (analysis.strata[0].families[0].drawn, markdown(&analysis).contains("random arrangements (an adjusted p near"))
    };
    assert_eq!(with(9), (None, false), "512 are counted");
    let (drawn, told) = with(40);
    assert!(drawn.is_some_and(|n| n >= 9_999) && told, "{drawn:?}");
}

#[test]
fn pooled_variances_that_differ_are_told() {
    let with = |correction: Correction, factor: f64| {
        let mut results = sweep(&[50.0, 51.0, 52.0], 12).build();
        results.spec.pairing = Pairing::Independent;
        results.spec.analysis.correction = correction;
        if correction != Correction::Dunnett {
            results.spec.analysis.family = FamilyKind::AllPairs;
        }
        let last = results.trials.iter_mut().filter(|t| t.config == 2).flat_map(|t| &mut t.metrics);
        last.filter(|m| m.name.starts_with("accuracy")).for_each(|m| m.value = 52.0 + factor * (m.value - 52.0));
        markdown(&analysis_of(&results))
    };
    let caution = "CAUTION: this correction takes the standard deviations of all configs for equal";
    assert!(with(Correction::Dunnett, 7.0).contains(caution));
    assert!(with(Correction::TukeyKramer, 7.0).contains(caution));
    assert!(!with(Correction::GamesHowell, 7.0).contains(caution) && !with(Correction::Dunnett, 1.0).contains(caution));
}

/// A correction for one baseline takes the first one for that of all, and one for independent trainings knows no pairs.
#[test]
fn corrections_of_other_families_are_holm_and_say_so() {
    use Correction::{Dunnett, GamesHowell, MaxT, TukeyKramer};
    for (correction, family, pairing, why) in [
        (MaxT, FamilyKind::AllPairs, Pairing::Common, Instead::Family),
        (MaxT, FamilyKind::AllPairs, Pairing::Independent, Instead::Family),
        (Dunnett, FamilyKind::AllPairs, Pairing::Independent, Instead::Family),
        (TukeyKramer, FamilyKind::Baseline, Pairing::Independent, Instead::Family),
        (Dunnett, FamilyKind::Baseline, Pairing::Common, Instead::Paired),
        (GamesHowell, FamilyKind::AllPairs, Pairing::Common, Instead::Paired),
    ] {
        let mut results = sweep(&[50.0, 51.0, 52.0], 9).build();
        (results.spec.pairing, results.spec.analysis.family) = (pairing, family);
        results.spec.analysis.correction = correction;
        let analysis = analysis_of(&results);
        assert_eq!(analysis.strata[0].families[0].instead, Some(why));
        is_holm(&analysis);
        assert!(markdown(&analysis).contains(" as planned: that one is for "));
    }
}

/// What a stopping rule decided on one metric biases the others.
#[test]
fn other_metrics_of_a_sequential_design_are_told_apart() {
    let mut results = sweep(&[50.0, 54.0], 10).build();
    let told = "The sweep was stopped by the primary metric's data";
    assert!(!markdown(&analysis_of(&results)).contains(told));
    results.spec.analysis.stopping = sweeper_core::spec::Stopping::EValue;
    let analysis = analysis_of(&results);
    assert!(markdown(&analysis).contains(told));
    let strong = tested(&primary(&analysis)[0]);
    assert!(strong.detectable.is_none() && strong.needed.is_none(), "those are of a fixed number of replicates");
    let evidence = &primary(&analysis)[0].evidence;
    assert!(evidence.contains(", decided after ") && !evidence.contains("equivalence would hold"), "{evidence}");
}
