//! Files of results, and study A's published table judged anew.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{LayoutError, Summary, Wanted, read, read_summary};
use crate::report::{Analysis, Comparison, Instead, Tested, Verdict, analyze, analyze_summary, example, render};
use std::path::{Path, PathBuf};
use sweeper_core::spec::{Correction, FamilyKind, Pairing};

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn published(wanted: &Wanted) -> (Summary, Analysis) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sweeps/apriori-published.csv");
    let summary = read_summary(&path, wanted).unwrap();
    let analysis = analyze_summary(&summary).unwrap();
    (summary, analysis)
}

fn comparison<'a>(analysis: &'a Analysis, stratum: &str, config: &str, baseline: &str) -> &'a Comparison {
    let stratum = analysis.strata.iter().find(|s| s.name == stratum).unwrap();
    let primary = stratum.families.iter().find(|f| f.metric == analysis.plan.metric).unwrap();
    let same = |c: &&Comparison| c.config.starts_with(config) && c.baseline.starts_with(baseline);
    primary.comparisons.iter().find(same).unwrap()
}

fn tested<'a>(analysis: &'a Analysis, stratum: &str, config: &str, baseline: &str) -> &'a Tested {
    comparison(analysis, stratum, config, baseline).result.tested().unwrap()
}

/// Relative to one or two printed digits.
fn about(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.1, "{found:e}, expected about {expected:e}");
}

fn pairs(metric: &str, delta: f64) -> Analysis {
    let wanted = Wanted {
        metric: Some(metric.to_owned()),
        family: Some(FamilyKind::OneFactor),
        delta: Some(delta),
        ..Wanted::default()
    };
    published(&wanted).1
}

/// What its author judged by eye: the figures of an independent recomputation with Welch's test.
#[test]
fn study_a_judged_anew() {
    let (balanced, perverse) = (pairs("accuracy/balanced", 0.5), pairs("accuracy/perverse", 0.5));
    // "Barely significant", and far from it.
    let smoothing = tested(&balanced, "5 epochs", "02", "01");
    about(smoothing.primary.p_value, 1.1e-5);
    about(smoothing.effect.unwrap().g, 1.23);
    // "Makes little difference".
    about(tested(&balanced, "5 epochs", "05", "04").primary.p_value, 8e-8);
    about(tested(&perverse, "5 epochs", "05", "04").primary.p_value, 2e-11);
    assert_eq!(tested(&perverse, "5 epochs", "05", "04").verdict, Verdict::Worse);
    // "Identical, which is true": on one set and within half a point; not on the other.
    let zeros = |analysis: &Analysis| tested(analysis, "5 epochs", "04", "03").clone();
    about(zeros(&balanced).equivalence.tost.unwrap().p_value, 0.021);
    assert_eq!(zeros(&balanced).verdict, Verdict::Equivalent);
    about(zeros(&perverse).equivalence.tost.unwrap().p_value, 0.26);
    assert_eq!(zeros(&perverse).verdict, Verdict::Undecided);
    about(zeros(&pairs("accuracy/perverse", 1.0)).equivalence.tost.unwrap().p_value, 0.006);
    // Eleven pairs of its ten configs differ in one factor.
    assert!(balanced.strata.iter().all(|s| s.families[0].comparisons.len() == 11));
    let shown = render::terminal(&balanced, false);
    assert!(shown.contains("07 prior in training, smoothed v 06 prior in training: 1.21 pp lower"), "{shown}");
}

#[test]
fn study_a_against_its_own_baseline() {
    let wanted = Wanted {
        metric: Some("accuracy/perverse".to_owned()),
        baseline: Some("08 prior in both".to_owned()),
        ..Wanted::default()
    };
    let (_, analysis) = published(&wanted);
    // "Significantly positive by 20 epochs", and not at 5.
    about(tested(&analysis, "20 epochs", "10", "08").primary.p_value, 3.5e-6);
    about(tested(&analysis, "5 epochs", "10", "08").primary.p_value, 0.10);
    let cell = comparison(&analysis, "5 epochs", "01", "08");
    assert!(cell.sentence.contains("not measured for this config"), "{}", cell.sentence);
    assert!(analysis.deviations[0].contains("published means"));
    let shown = render::terminal(&analysis, false);
    assert!(shown.contains("published table") && shown.contains("20 epochs"), "{shown}");
}

#[test]
fn a_table_with_the_other_divisor() {
    let dir = tempfile::tempdir().unwrap();
    let text = "config,metric,mean,sd,n,ddof\na,m/x,1,3,10,0\nb,m/x,2,3,10,1\n";
    let summary = read_summary(&file(dir.path(), "t.csv", text), &Wanted::default()).unwrap();
    let sd = |at: usize| summary.rows[at]["m/x"].stats.sd;
    assert!((sd(0) - 3.0 * (10.0f64 / 9.0).sqrt()).abs() < 1e-12 && sd(1) == 3.0);
    let analysis = analyze_summary(&summary).unwrap();
    assert!(analysis.deviations.iter().any(|d| d.starts_with("1 standard deviation was")), "{:?}", analysis.deviations);
}

#[test]
fn tables_that_are_none_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |text: &str, wanted: &Wanted| {
        let error = read_summary(&file(dir.path(), "F", text), wanted).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    };
    let head = "config,metric,mean,sd,n";
    let none = Wanted::default();
    assert!(refused("a,b\n1,2\n", &none).starts_with("F: its first line is that of no known layout; expected config,"));
    assert_eq!(refused(&format!("{head}\n"), &none), "F:2: there is no row");
    for (row, message) in [
        ("a,m,1,2", "F:2: not a row of 5 cells"),
        (",m,1,2,3", "F:2: `config` is ``, expected a name"),
        ("a,m,x,2,3", "F:2: `mean` is `x`, expected a finite number"),
        ("a,m,nan,2,3", "F:2: `mean` is `nan`, expected a finite number"),
        ("a,m,1,-2,3", "F:2: `sd` is `-2`, expected a number from 0"),
        ("a,m,1,2,1", "F:2: `n` is `1`, expected a number from 2 to 100000000"),
        ("a,m,1,2,99999999999", "F:2: `n` is `99999999999`, expected a number from 2 to 100000000"),
        ("a,m,1,2,3\na,m,1,2,3", "F:3: `m` of `a` is there twice"),
    ] {
        assert_eq!(refused(&format!("{head}\n{row}\n"), &none), message);
    }
    let good = format!("{head}\na,m,1,2,3\nb,m,2,2,3\n");
    let other = Wanted { baseline: Some("c".to_owned()), ..Wanted::default() };
    assert_eq!(refused(&good, &other), "F has no config `c`; there are a, b");
    let other = Wanted { metric: Some("k".to_owned()), ..Wanted::default() };
    assert_eq!(refused(&good, &other), "F has no metric `k`; there are m");
}

/// What a sweep exports reads back to the same numbers.
#[test]
fn results_csv_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    for results in [example::ten_configs(), example::strata()] {
        let path = file(dir.path(), "results.csv", &render::results_csv(&results).unwrap());
        let plan = &results.spec.analysis;
        let wanted = Wanted {
            baseline: Some(plan.baseline.clone()),
            metric: Some(plan.metric.clone()),
            paired: results.spec.pairing == Pairing::Common,
            ..Wanted::default()
        };
        let (before, after) = (analyze(&results).unwrap(), analyze(&read(&path, &wanted).unwrap()).unwrap());
        for (a, b) in before.strata.iter().zip(&after.strata) {
            assert_eq!(a.name, b.name);
            for (a, b) in a.families[0].comparisons.iter().zip(&b.families[0].comparisons) {
                let of = |c: &Comparison| c.result.tested().map(|t| (t.primary, t.p_adjusted));
                assert_eq!((&a.config, of(a)), (&b.config, of(b)));
            }
        }
        assert!(after.deviations.iter().any(|d| d.contains("observed before this plan")));
    }
}

#[test]
fn strata_of_a_file_may_be_tasks() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "results.csv", &render::results_csv(&example::strata()).unwrap());
    let wanted = Wanted { metric: Some("accuracy/balanced".to_owned()), tasks: true, ..Wanted::default() };
    let across = analyze(&read(&path, &wanted).unwrap()).unwrap().across_tasks.unwrap();
    assert_eq!((across.tasks.len(), across.comparisons.len()), (2, 1));
    let path = file(dir.path(), "one.csv", "config,replicate,metric,epoch,value\na,0,m,1,2\nb,0,m,1,3\n");
    let wanted = Wanted { tasks: true, ..Wanted::default() };
    let message = read(&path, &wanted).unwrap_err().to_string();
    assert!(message.ends_with("one.csv has no strata to take as tasks, two at least are needed; config names such as stratum/config make strata"), "{message}");
}

#[test]
fn rows_that_are_none_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let head = "config,replicate,metric,epoch,value";
    for (rows, message) in [
        ("", "F:2: there is no row with a value"),
        ("a,0,m,1,x", "F:2: `value` is `x`, expected a number, NaN or inf"),
        ("a,-1,m,1,2", "F:2: `replicate` is `-1`, expected a number from 0 to 999999"),
        ("a,0,m,one,2", "F:2: `epoch` is `one`, expected a number from 0"),
        ("a,0,,1,2", "F:2: `metric` is ``, expected a name"),
        ("a,0,m,1,2\na,0,m,1,3", "F:3: config `a`, replicate 0, metric `m` has two values of epoch 1"),
    ] {
        let error = read(&file(dir.path(), "F", &format!("{head}\n{rows}\n")), &Wanted::default()).unwrap_err();
        assert_eq!(error.to_string().replace(&format!("{}/", dir.path().display()), ""), message);
    }
    let missing = read(&dir.path().join("nowhere.csv"), &Wanted::default()).unwrap_err();
    assert!(matches!(missing, LayoutError::Unreadable { .. }), "{missing}");
}

/// Of a published table there are no values to rearrange or pool.
#[test]
fn a_table_is_corrected_by_holm_where_values_are_needed() {
    for correction in [Correction::MaxT, Correction::Dunnett, Correction::TukeyKramer, Correction::GamesHowell] {
        for family in [FamilyKind::Baseline, FamilyKind::AllPairs] {
            let wanted = Wanted { correction: Some(correction), family: Some(family), ..Wanted::default() };
            let analysis = published(&wanted).1;
            let of_all = matches!(correction, Correction::TukeyKramer | Correction::GamesHowell);
            let is_for = of_all == (family == FamilyKind::AllPairs);
            let why = if is_for { Instead::NoValues } else { Instead::Family };
            let families = || analysis.strata.iter().flat_map(|s| &s.families).filter(|f| f.size > 0);
            assert!(families().count() > 0 && families().all(|f| f.instead == Some(why)));
        }
    }
}

/// A table that people write by hand says the same as rows of single values.
#[test]
fn a_column_per_metric_is_a_layout_too() {
    let dir = tempfile::tempdir().unwrap();
    let wide = "replicate,date,config,accuracy,seed,loss/test\n0,monday,a,70.5,11,1.5\n1,,a,71,12,\n0,x,b,72,11,inf\n1,y,b,73.25,12,2\n";
    let long = "config,replicate,metric,value\na,0,accuracy,70.5\na,1,accuracy,71\nb,0,accuracy,72\nb,1,accuracy,73.25\n\
                a,0,loss/test,1.5\nb,0,loss/test,inf\nb,1,loss/test,2\n";
    let [wide, long] = [wide, long].map(|text| {
        let results = read(&file(dir.path(), "r.csv", text), &Wanted::default()).unwrap();
        assert_eq!(results.spec.analysis.metric, "accuracy");
        let values = |t: &crate::results::TrialResult| -> Vec<(String, f64, bool)> {
            t.metrics.iter().map(|m| (m.name.clone(), m.value, m.is_final)).collect()
        };
        results.trials.iter().map(|t| (t.config, t.replicate, values(t))).collect::<Vec<_>>()
    });
    assert_eq!(wide, long);
    for (text, message) in [
        ("config,replicate,acc\na,0,1\na,1,high\n", "F:3: `acc` is `high`, expected a number, NaN or inf"),
        (
            "config,replicate,acc\na,0,1\na,0,2\n",
            "F:3: config `a`, replicate 0, metric `acc` has two values of epoch 0",
        ),
        ("config,replicate,acc\na,0,\n", "F:2: there is no row with a value"),
        ("config,replicate,acc\na,zero,1\n", "F:2: `replicate` is `zero`, expected a number from 0 to 999999"),
        ("config,replicate,acc\na,0\n", "F:2: not a row of 3 cells"),
        ("config,metric,value\na,m,1\n", "F:1: there is no column replicate; expected config,replicate,metric,value"),
    ] {
        let error = read(&file(dir.path(), "F", text), &Wanted::default()).unwrap_err();
        assert_eq!(error.to_string().replace(&format!("{}/", dir.path().display()), ""), message);
    }
}

/// Without a column that says which values are final, each training's last epoch is.
#[test]
fn the_last_epoch_counts() {
    let dir = tempfile::tempdir().unwrap();
    let text = "value,epoch,metric,replicate,config,more\n1,1,m,0,a,x\n5,2,m,0,a,x\n2,1,m,0,b,x\n7,2,m,0,b,x\n";
    let results = read(&file(dir.path(), "r.csv", text), &Wanted::default()).unwrap();
    let finals: Vec<f64> =
        results.trials.iter().flat_map(|t| t.metrics.iter().filter(|m| m.is_final).map(|m| m.value)).collect();
    assert_eq!(finals, [5.0, 7.0]);
}
