//! Whether a report says what was known before it was planned, and keeps still before its plan allows it to speak.

use super::{analysis_of, example, example::Builder};
use crate::{
    matched::matched,
    report::{Analysis, PlanStatus, document::Document, render, render::RenderError},
    results::{Origin, SweepResults},
};
use serde_json::Value;
use sweeper_core::spec::{LookPlan, Spending, Stopping};

fn texts(analysis: &Analysis) -> Vec<String> {
    let document = Document::of(analysis);
    let csv: Result<String, RenderError> = render::long_csv(&document);
    let pages = vec![render::page(&document), render::markdown(&document), render::latex(&document)];
    pages.into_iter().chain([render::terminal(analysis, false), csv.unwrap()]).collect()
}

#[test]
fn a_planned_report_says_when() {
    let analysis = analysis_of(&example::ten_configs());
    let planning = &analysis.planning;
    assert_eq!((planning.status, planning.reasons.len()), (PlanStatus::Planned, 0));
    assert_eq!(planning.stored.as_deref(), Some("2026-11-22T06:43:05Z"));
    assert_eq!(planning.first_result.as_deref(), Some("2026-11-22T06:43:06Z"));
    for text in &texts(&analysis)[..4] {
        assert!(text.contains("PLANNED: the plan of analysis") && !text.contains("EXPLORATORY"), "{text}");
    }
    assert!(texts(&analysis)[4].contains("plan,plan,status,planned,,planned,"), "the table has it, too");
}

#[test]
fn whatever_was_known_before_makes_it_exploratory() {
    let mut reused = example::ten_configs();
    reused.trials[3].reused_from = Some("s1/c0/r3".to_owned());
    let file = SweepResults { origin: Origin::File, ..example::ten_configs() };
    let mut early = example::ten_configs();
    early.attempts[0].ended_ms = Some(early.submitted_ms - 1);
    let second = SweepResults { sweep: "s2".to_owned(), ..example::ten_configs() };
    let compared = matched(&example::ten_configs(), &second).unwrap();
    for (results, reason) in [
        (reused, "1 of 50 outcomes were taken from earlier sweeps"),
        (file, "read from a file"),
        (early, "before the plan was stored"),
        (compared, "neither was planned for that"),
    ] {
        let analysis = analysis_of(&results);
        assert_eq!(analysis.planning.status, PlanStatus::Exploratory);
        let json: Value = serde_json::from_str(&render::json(&analysis).unwrap()).unwrap();
        assert_eq!(json["planning"]["status"], "exploratory");
        for text in &texts(&analysis)[..4] {
            let stamp = text.find("EXPLORATORY: ").unwrap_or(usize::MAX);
            assert!(stamp < text.rfind("erdicts").unwrap_or(text.len()), "above everything else: {text}");
            assert!(text[stamp..].contains(reason), "{reason}: {text}");
            assert!(!text.contains("PLANNED: "));
        }
        assert!(texts(&analysis)[4].contains("plan,plan,status,planned,,exploratory,"));
    }
}

/// Two configs on two metrics, of which `done` of 6 replicates have ended.
fn running(done: u32, stopping: Stopping) -> SweepResults {
    let mut b = Builder::new("live", "accuracy/balanced", "a");
    b.results.spec.analysis.stopping = stopping;
    for name in ["a", "b"] {
        let config = b.config("", name, 6, "{}");
        for r in 0..6 {
            let value = 80.0 + 3.0 * f64::from(config) + example::noise(u64::from(config * 10 + r));
            if r < done {
                b.completed(config, r, &[("accuracy/balanced", value), ("loss/balanced", value / 50.0)]);
            } else {
                b.pending(config, r);
            }
        }
    }
    b.build()
}

/// Places of everything in the results that compares configs.
fn told(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let inside = format!("{place}.{key}");
            let test = key.starts_with("p_") || ["primary", "verdict", "with_best", "terms"].contains(&key.as_str());
            if test && !value.is_boolean() && !value.is_null() {
                found.push(inside.clone());
            }
            told(value, &inside, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| told(item, place, found)),
        _ => {}
    }
}

#[test]
fn a_fixed_design_tells_no_p_value_before_its_end() {
    let analysis = analysis_of(&running(5, Stopping::Fixed));
    let mut found = Vec::new();
    told(&serde_json::to_value(&analysis.strata).unwrap(), "", &mut found);
    assert_eq!(found, [""; 0]);
    assert!(analysis.strata[0].best.is_none() && analysis.strata[0].factors.is_none());
    assert!(analysis.curves.iter().flat_map(|c| &c.configs).all(|c| c.difference.is_none()));
    for text in &texts(&analysis)[..4] {
        assert!(text.contains("not judged yet: 2 planned trials are open") && text.contains("PARTIAL: "), "{text}");
    }
    let document = Document::of(&analysis);
    let compares =
        |id: &str| ["comparisons", "robustness", "best", "power", "anova"].iter().any(|what| id.starts_with(what));
    let tables = document.tables().into_iter().filter(|(_, table)| compares(&table.id));
    assert!(tables.flat_map(|(_, table)| &table.rows).flat_map(|row| &row.cells).all(|cell| cell.values.is_empty()));
    // What may be shown is: counts, means, standard deviations.
    assert_eq!(analysis.strata[0].configs[1].cells[0].measured().unwrap().n, 5);
    // At its end everything is there.
    let mut found = Vec::new();
    told(&serde_json::to_value(&analysis_of(&running(6, Stopping::Fixed)).strata).unwrap(), "", &mut found);
    assert!(found.iter().any(|place| place.ends_with(".p_adjusted")), "{found:?}");
}

#[test]
fn a_stopping_rule_tells_what_it_looked_at_and_no_more() {
    let analysis = analysis_of(&running(5, Stopping::EValue));
    let families = &analysis.strata[0].families;
    let primary = families[0].comparisons[0].result.tested().unwrap();
    assert!(primary.sequential.is_some() && primary.p_adjusted <= 1.0);
    assert!(families[1].comparisons[0].result.tested().is_none(), "no look is planned for the other metric");
    let before = analysis_of(&running(1, Stopping::EValue));
    assert!(before.strata[0].families[0].comparisons[0].result.tested().is_none(), "no look was taken yet");
}

#[test]
fn the_end_is_told_once() {
    let with = |at: &[u32]| {
        let looks = LookPlan::At(at.to_vec());
        let rule = Stopping::Looks { looks, spending: Spending::Quadratic, futility: false };
        analysis_of(&running(6, rule)).planning.stopping
    };
    // Six replicates are planned.
    let spent = "; the error rate is spent in proportion to the square of what is done";
    assert_eq!(with(&[2, 4, 6]), format!("looks at 2 and 4 replicates and at the end{spent}"));
    assert_eq!(with(&[2, 3, 4]), format!("looks at 2, 3 and 4 replicates and at the end{spent}"));
    assert_eq!(with(&[3, 6]), format!("looks at 3 replicates and at the end{spent}"));
    assert_eq!(with(&[6]), format!("one look, at the end{spent}"));
}

#[test]
fn a_cancelled_sweep_is_judged_with_a_warning() {
    let mut results = running(5, Stopping::Fixed);
    results.state = "cancelled".to_owned();
    results.trials.iter_mut().filter(|t| t.state == "Pending").for_each(|t| t.state = "Cancelled".to_owned());
    let analysis = analysis_of(&results);
    assert!(analysis.strata[0].families[0].comparisons[0].result.tested().is_some());
    assert!(render::terminal(&analysis, false).contains("CANCELLED before its end"));
}
