//! Budgets of tuning: in the plan, and in the audit where they are not equal.

use super::{analysis_of, example, html, markdown};
use crate::report::{Analysis, document::Document};

fn tuned(budgets: &[(&str, u32)], baseline: &str) -> Analysis {
    let mut results = example::ten_configs();
    results.spec.analysis.tuning = budgets.iter().map(|(config, n)| ((*config).to_owned(), *n)).collect();
    if baseline.is_empty() {
        results.spec.analysis.family = sweeper_core::spec::FamilyKind::AllPairs;
        results.spec.analysis.baseline.clear();
    }
    analysis_of(&results)
}

fn audit(analysis: &Analysis) -> Vec<String> {
    let text = markdown(analysis);
    text.lines()
        .filter(|line| line.contains("may be tuning") || line.contains("as well; the plan"))
        .map(str::to_owned)
        .collect()
}

/// The cells of the plan's line.
fn planned(analysis: &Analysis) -> (String, Vec<Vec<String>>) {
    let document = Document::of(analysis);
    let tables = document.tables();
    let of = |id: &str| tables.iter().find(|(_, table)| table.id == id).map(|(_, table)| &table.rows);
    let line = of("plan").unwrap().iter().find(|row| row.cells[0].shown == "tuning").unwrap();
    let rows = of("tuning").into_iter().flatten();
    (line.cells[1].shown.clone(), rows.map(|row| row.cells.iter().map(|c| c.shown.clone()).collect()).collect())
}

#[test]
fn what_was_not_declared_is_said_to_be_so() {
    let analysis = tuned(&[], "unbalanced");
    assert_eq!(planned(&analysis), ("not declared".to_owned(), vec![]));
    assert!(audit(&analysis).is_empty() && analysis.audit.more_tuned.is_empty());
}

#[test]
fn budgets_are_listed_in_sweep_order_and_a_larger_one_is_named() {
    let analysis = tuned(&[("layer", 40), ("unbalanced", 2), ("balanced", 2), ("both priors", 1)], "unbalanced");
    let (line, rows) = planned(&analysis);
    assert_eq!(line, "declared, see the table below");
    assert_eq!(rows, [["balanced", "2"], ["unbalanced", "2"], ["layer", "40"], ["both priors", "1"]]);
    let said = audit(&analysis);
    assert_eq!(said.len(), 1, "{said:?}");
    let sentence = "“layer” was tuned with 40 trainings before this sweep, the baseline “unbalanced” with 2: part of the \
                    difference may be tuning.";
    assert!(said[0].ends_with(sentence), "{said:?}");
    assert!(html(&analysis).contains("part of the difference may be tuning"));
    // Numbers, not texts, are what is kept.
    let found = &analysis.audit.more_tuned[0];
    assert_eq!((found.trainings, found.reference_trainings), (40, Some(2)));
    let json = serde_json::to_value(&analysis).unwrap();
    assert_eq!(serde_json::from_value::<Analysis>(json.clone()).unwrap().plan.tuning, analysis.plan.tuning);
    // A report of before has none of it.
    let mut older = json;
    older["plan"].as_object_mut().unwrap().remove("tuning");
    older["audit"].as_object_mut().unwrap().remove("more_tuned");
    let read: Analysis = serde_json::from_value(older).unwrap();
    assert!(read.plan.tuning.is_empty() && read.audit.more_tuned.is_empty());
}

#[test]
fn a_silent_baseline_and_none_at_all_are_told_apart() {
    let silent = audit(&tuned(&[("layer", 1), ("both priors", 0)], "unbalanced"));
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert!(silent[0].contains(
        "“layer” was tuned with 1 training before this sweep, and for the baseline “unbalanced” no number was declared:"
    ));
    let pairs = audit(&tuned(&[("layer", 40), ("both priors", 3), ("balanced", 3)], ""));
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert!(
        pairs[0].contains("“layer” was tuned with 40 trainings before this sweep, “balanced” with 3:"),
        "{pairs:?}"
    );
}

#[test]
fn of_many_the_first_are_named() {
    let mut results = example::many(40);
    let names: Vec<String> = results.spec.configs.iter().map(|c| c.name.clone()).collect();
    let baseline = results.spec.analysis.baseline.clone();
    results.spec.analysis.tuning = names.iter().map(|name| (name.clone(), u32::from(*name != baseline))).collect();
    let analysis = analysis_of(&results);
    assert_eq!(analysis.audit.more_tuned.len(), names.len() - 1);
    let said = audit(&analysis);
    assert_eq!(said.len(), 11);
    let rest = format!(
        "{} more configs were tuned with more trainings as well; the plan lists all budgets.",
        names.len() - 11
    );
    assert!(said[10].ends_with(&rest), "{said:?}");
}
