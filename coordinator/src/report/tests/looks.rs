//! What somebody looked at before the end: sequential designs, and sweeps that went on after their first outcomes were known.

use super::{
    analysis_of,
    beyond::{planned, primary, sweep, tested},
};
use crate::{
    report::{Analysis, Tested, Verdict, document::Document, render},
    results::SweepResults,
};
use sweeper_core::spec::{Correction, LookPlan, Pairing, Spending, Stopping};
use sweeper_stats::{
    evalue::{DEFAULT_C, e_interval, e_value},
    multiplicity::holm,
};

fn looks(count: u32) -> Stopping {
    Stopping::Looks { looks: LookPlan::Count(count), spending: Spending::Quadratic, futility: false }
}

/// A strong effect is told at the first look that allows it; what ran behind it is left out.
#[test]
fn a_sequential_design_is_judged_by_its_looks() {
    let sequential = |means: &[f64], stopped_from: u32| {
        planned(means, 20, |r| {
            r.spec.analysis.stopping = looks(4);
            r.trials.iter_mut().filter(|t| t.config == 1 && t.replicate >= stopped_from).for_each(|t| t.stopped = true);
        })
    };
    let analysis = sequential(&[50.0, 60.0, 50.0], 5);
    let strong = tested(&primary(&analysis)[0]);
    let state = strong.sequential.as_ref().unwrap();
    assert_eq!((state.decision.as_str(), state.decided_at, strong.n_config), ("different", Some(5), 5));
    assert_eq!((strong.verdict, analysis.counts.stopped, analysis.partial), (Verdict::Better, 15, false));
    assert!(strong.p_value > strong.primary.p_value, "the price of looking");
    let none = tested(&primary(&analysis)[1]);
    assert_eq!(none.verdict, Verdict::Undecided);
    let (all, alone) = (none.simultaneous.unwrap(), *none.interval().unwrap());
    assert!(all.low < alone.low && alone.low < none.primary.interval.low && none.robustness.is_none());
}

/// The boundary in force and the way to it: one step per look that a comparison took part in.
#[test]
fn a_comparison_is_followed_from_look_to_look() {
    for (stopping, steps) in [(looks(4), vec![5, 10, 15, 20]), (Stopping::EValue, (2..=20).collect())] {
        let analysis = planned(&[50.0, 60.0, 50.0], 20, |r| r.spec.analysis.stopping = stopping);
        let states: Vec<_> = primary(&analysis).iter().map(|c| tested(c).sequential.clone().unwrap()).collect();
        let replicates: Vec<usize> = states[1].path.iter().map(|step| step.replicates).collect();
        assert_eq!(replicates, steps, "undecided to the end");
        assert!(states[1].path.iter().all(|step| step.share.abs() < 1.0));
        let last = states[1].path.last().unwrap();
        assert!((last.share - states[1].statistic.unwrap() / states[1].boundary.unwrap()).abs() < 1e-12);
        let (end, before) = states[0].path.split_last().unwrap();
        assert!(end.share > 1.0 && before.iter().all(|step| step.share < 1.0), "{:?}", states[0].path);
        assert_eq!(Some(end.replicates), states[0].decided_at);
        let document = Document::of(&analysis);
        assert!(document.figures().iter().any(|figure| figure.id == "looks-s0"));
        assert!(render::markdown(&document).contains("How every comparison stands"));
    }
    let many = planned(&vec![50.0; 150], 60, |r| r.spec.analysis.stopping = Stopping::EValue);
    assert!(
        primary(&many).iter().all(|c| tested(c).sequential.as_ref().unwrap().path.is_empty()),
        "nobody could read it"
    );
}

/// The first `known` replicates of these configs were taken over from an earlier sweep.
fn known(results: &mut SweepResults, configs: &[u32], known: u32) {
    let before = results.trials.iter_mut().filter(|t| configs.contains(&t.config) && t.replicate < known);
    before.for_each(|t| t.reused_from = Some(format!("s1/c{}/r{}", t.config, t.replicate)));
}

fn extended(means: &[f64], configs: &[u32], change: impl FnOnce(&mut SweepResults)) -> Analysis {
    planned(means, 10, |results| {
        known(results, configs, 5);
        change(results);
    })
}

fn differences(tested: &Tested) -> Vec<f64> {
    tested.pairs.iter().map(|pair| pair.value).collect()
}

#[test]
fn a_comparison_that_grew_is_judged_by_its_e_value() {
    let means = [50.0, 52.5, 50.3];
    let fixed = planned(&means, 10, |_| ());
    let analysis = extended(&means, &[0, 1, 2], |_| ());
    let tests: Vec<&Tested> = primary(&analysis).iter().map(tested).collect();
    let valid: Vec<Option<f64>> =
        tests.iter().map(|t| Some(e_value(&differences(t), DEFAULT_C).unwrap().p_value)).collect();
    let adjusted = holm(&valid);
    for (at, (grown, once)) in tests.iter().zip(primary(&fixed).iter().map(tested)).enumerate() {
        let what = grown.extended.unwrap();
        assert_eq!((what.known, what.n, what.classical), (5, 10, once.p_value));
        assert_eq!((Some(grown.p_value), Some(grown.p_adjusted)), (valid[at], adjusted[at]));
        assert!(grown.robustness.is_none() && once.extended.is_none());
        assert_eq!(what.interval, e_interval(&differences(grown), DEFAULT_C, 0.95).ok());
        let (all, alone) = (grown.simultaneous.unwrap(), *grown.interval().unwrap());
        assert!(all.low < alone.low && alone.low < once.primary.interval.low);
    }
    assert!(tests[0].p_value > tests[0].extended.unwrap().classical, "the price of going on");
    assert_eq!((tests[0].verdict, tests[1].verdict), (Verdict::Better, Verdict::Undecided));
    assert!(analysis.planning.reasons.iter().any(|r| r.starts_with("2 of 2 comparisons got more replicates")));
    let document = Document::of(&analysis);
    let (page, markdown, latex) = (render::page(&document), render::markdown(&document), render::latex(&document));
    assert!(page.contains("<s>") && markdown.contains("~~") && latex.contains("\\struck{"));
    for text in [&page, &markdown, &latex, &render::terminal(&analysis, false)] {
        assert!(text.contains("of which 5 were known before this plan"), "{text}");
        assert!(text.contains("All other p-values do not account"));
    }
    assert!(!render::markdown(&Document::of(&fixed)).contains("~~"));
}

/// Only what could have been seen before and got more counts: not new configs, not what was taken over whole.
#[test]
fn what_was_not_extended_keeps_its_test() {
    let means = [50.0, 52.5, 50.3];
    let grown =
        |analysis: &Analysis| primary(analysis).iter().map(|c| tested(c).extended.is_some()).collect::<Vec<_>>();
    assert_eq!(grown(&extended(&means, &[0, 1], |_| ())), [true, false], "a new config");
    assert_eq!(grown(&extended(&means, &[0, 1, 2], |r| known(r, &[0, 1], 10))), [false, true], "all was there");
    let sequential = extended(&means, &[0, 1, 2], |r| r.spec.analysis.stopping = Stopping::EValue);
    assert_eq!(grown(&sequential), [false, false], "the design looks after every replicate");
    let mut unpaired = sweep(&means, 10).build();
    unpaired.spec.pairing = Pairing::Independent;
    known(&mut unpaired, &[0, 1, 2], 4);
    let unpaired = analysis_of(&unpaired);
    let what = tested(&primary(&unpaired)[0]).extended.unwrap();
    assert_eq!((what.known, what.n), (4, 10));
}

/// Corrections that take the whole family's data know nothing of e-values: Holm's takes their place.
#[test]
fn a_family_with_an_extended_comparison_is_adjusted_by_holm() {
    for correction in [Correction::MaxT, Correction::Dunnett, Correction::TukeyKramer, Correction::GamesHowell] {
        let analysis = extended(&[50.0, 52.5, 50.3], &[0, 1], |r| r.spec.analysis.correction = correction);
        let tests: Vec<&Tested> = primary(&analysis).iter().map(tested).collect();
        let raw: Vec<Option<f64>> = tests.iter().map(|t| Some(t.p_value)).collect();
        let adjusted: Vec<Option<f64>> = tests.iter().map(|t| Some(t.p_adjusted)).collect();
        assert_eq!(adjusted, holm(&raw), "{correction:?}");
    }
}
