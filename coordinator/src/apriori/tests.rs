//! Both directions, and files that are none.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{ACCURACIES, COLUMNS, write};
use crate::{
    imports::{LayoutError, Wanted, read},
    report::{analyze, document::Document, render},
    results::{Origin, RESULTS_SCHEMA, SweepResults, TrialResult},
    sweep_file,
};
use std::path::{Path, PathBuf};
use sweeper_core::record::{Metric, Provenance};

/// Study A's ten configs in two strata.
const TEN: &str = r#"
name = "ten"
seed = 1
replicates = 2
[recipe]
batch_size = 64
optimizer.lr = 0.025
data.unbalance.enabled = true
[[stratum]]
name = "short"
[[stratum]]
name = "long"
set = { epochs = 20 }
[[config]]
name = "1"
set = { "data.unbalance.enabled" = false }
[[config]]
name = "2"
set = { "data.unbalance.enabled" = false, "loss.smoothing.eps" = 0.1 }
[[config]]
name = "3"
[[config]]
name = "4"
set = { prior = { train = "zero", validation = "zero" } }
[[config]]
name = "6"
set = { prior = { train = "train", validation = "zero" } }
[[config]]
name = "8"
set = { prior = { train = "train", validation = "split" } }
[[config]]
name = "10"
set = { prior = { train = "train", validation = "split" }, loss.smoothing = { kind = "train-prior", eps = 0.1 } }
[analysis]
metric = "accuracy/balanced"
baseline = "3"
"#;

fn metric(name: &str, epoch: u32, value: f64, is_final: bool) -> Metric {
    Metric { name: name.to_owned(), epoch, value, is_final }
}

/// A finished sweep of this file: accuracies count up from config to config.
fn results(toml: &str) -> SweepResults {
    let spec = sweep_file::parse(toml, "ten.toml", &[]).unwrap();
    let mut trials = Vec::new();
    for (config, c) in (0u32..).zip(&spec.configs) {
        let recipe = sweeper_recipe::Recipe::from_json(&c.recipe).unwrap();
        for replicate in 0..c.replicates {
            let base = 50.0 + f64::from(config) + f64::from(replicate) / 8.0;
            let finals = ACCURACIES.iter().filter(|name| recipe.yields_metric(name));
            let mut metrics: Vec<Metric> = finals.map(|name| metric(name, recipe.epochs, base, true)).collect();
            metrics.push(metric("loss/train_running", recipe.epochs, 0.12345, false));
            metrics.push(metric("loss/balanced", recipe.epochs, 1.5, true));
            // Of study A's last epoch, beside the final one.
            metrics.push(metric("loss/balanced", recipe.epochs, 1.75, false));
            if recipe.epochs > 1 {
                metrics.push(metric("loss/train_running", 1, 9.0, false));
                metrics.push(metric("seconds/evaluate", 1, 0.25, false));
            }
            metrics.push(metric("seconds/evaluate", recipe.epochs, 100.0, false));
            trials.push(TrialResult {
                config,
                replicate,
                seed: 1,
                state: "Finished".to_owned(),
                ending: Some("completed".to_owned()),
                metrics,
                provenance: Some(Box::new(Provenance { train_seconds: 12.5, ..Provenance::default() })),
                reused_from: None,
                last_error: None,
                stopped: false,
            });
        }
    }
    SweepResults {
        schema: RESULTS_SCHEMA,
        sweep: "s1".to_owned(),
        spec,
        state: "finished".to_owned(),
        submitted_ms: 0,
        closed_ms: Some(1),
        cancel_reason: None,
        software_version: String::new(),
        data_digests: Vec::new(),
        trials,
        attempts: Vec::new(),
        unequal_repeats: 0,
        repeats: 0,
        looks: Vec::new(),
        origin: Origin::Sweep,
        notes: Vec::new(),
    }
}

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("earlier results.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_config_becomes_its_flags_and_rows_are_sorted_as_text() {
    let written = write(&results(TEN)).unwrap();
    let lines: Vec<&str> = written.csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 7 * 2);
    assert_eq!(lines[0], COLUMNS.join(","));
    assert_eq!(lines[1], "1,0,0,0,0,0,0,64,0.02500,12.50,0.123,1.500,50.000,50.000,0.000,0.000");
    assert_eq!(lines[2], "1,0,0,0,0,0,0,64,0.02500,12.50,0.123,1.500,50.125,50.125,0.000,0.000");
    let flags: Vec<&str> = lines[1..15].iter().step_by(2).map(|line| &line[2..13]).collect();
    assert_eq!(
        flags,
        ["0,0,0,0,0,0", "0,0,0,0,0,1", "1,0,0,0,0,0", "1,1,0,0,0,0", "1,1,1,0,0,0", "1,1,1,1,0,0", "1,1,1,1,1,1"]
    );
    assert_eq!(lines[15], "20,0,0,0,0,0,0,64,0.02500,12.75,0.123,1.500,57.000,57.000,0.000,0.000");
    assert_eq!(lines[28], "20,1,1,1,1,1,1,64,0.02500,12.75,0.123,1.500,63.125,63.125,63.125,63.125");
    assert!(lines[1..].is_sorted());
    assert_eq!(written.notes, [""; 0]);
}

#[test]
fn what_did_not_complete_has_no_row_and_is_counted() {
    let mut results = results(TEN);
    results.trials[0].ending = Some("diverged: loss".to_owned());
    results.trials[3].state = "Pending".to_owned();
    results.trials[3].ending = None;
    let written = write(&results).unwrap();
    assert_eq!(written.csv.lines().count(), 27);
    assert_eq!(written.notes, ["2 of 28 trials did not complete and have no row"]);
}

#[test]
fn configs_without_a_place_are_refused_and_twins_are_told() {
    let refused = |from: &str, to: &str| write(&results(&TEN.replacen(from, to, 1))).unwrap_err().to_string();
    assert_eq!(
        refused("\"loss.smoothing.eps\" = 0.1", "\"loss.smoothing.eps\" = 0.2"),
        "config `short/2`: `loss.smoothing.eps` = 0.2 has no place in this layout, which knows 0 and 0.1"
    );
    let matched = refused("kind = \"train-prior\"", "kind = \"val-matched\", target = \"perverse\"");
    assert!(matched.starts_with("config `short/10`: `loss.smoothing.kind` = val-matched has no place"), "{matched}");
    let twins = TEN.replacen("name = \"4\"\nset = { ", "name = \"4\"\nset = { \"model.arch\" = \"simple-cnn\", ", 1);
    let twins = twins.replacen("[[config]]\nname = \"6\"", "[[config]]\nname = \"5\"\nset = { prior = { train = \"zero\", validation = \"zero\" } }\n[[config]]\nname = \"6\"", 1);
    let notes = write(&results(&twins)).unwrap().notes;
    assert_eq!(notes.len(), 2);
    assert!(notes[0].starts_with("configs `short/4` and `short/5` are the same in this layout"), "{notes:?}");
}

#[test]
fn what_was_written_is_read_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), &write(&results(TEN)).unwrap().csv);
    let back = read(&path, &Wanted::default()).unwrap();
    let names: Vec<(&str, &str)> = back.spec.configs.iter().map(|c| (c.stratum.as_str(), c.name.as_str())).collect();
    let flags = ["plain", "ls", "ub", "ub+ap", "ub+ap+tp", "ub+ap+tp+vp", "ub+ap+tp+vp+al+ls"];
    let expected: Vec<(&str, &str)> = ["1 epoch", "20 epochs"].iter().flat_map(|s| flags.map(|f| (*s, f))).collect();
    assert_eq!(names, expected);
    assert_eq!((back.spec.name.as_str(), back.spec.analysis.baseline.as_str()), ("earlier_results", "ub"));
    let analysis = analyze(&back).unwrap();
    let metrics: Vec<&str> = analysis.metrics.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(metrics, ["accuracy/balanced", "accuracy/unbalanced", "accuracy/perverse", "accuracy/train"]);
    let mean = |stratum: usize, config: usize, metric: usize| {
        analysis.strata[stratum].configs[config].cells[metric].measured().map(|m| (m.n, m.mean))
    };
    assert_eq!(
        (mean(0, 0, 0), mean(0, 0, 2)),
        (Some((2, 50.0625)), None),
        "0.000 without unbalanced data is no number"
    );
    assert_eq!(mean(1, 6, 2), Some((2, 63.0625)));
    assert!(analysis.deviations.iter().any(|d| d.contains("observed before this plan")), "{:?}", analysis.deviations);
    assert_eq!(analysis.provenance.train_seconds, 14.0 * 12.5 + 14.0 * 12.75);
    let shown = render::terminal(&analysis, false);
    assert!(shown.contains("earlier_results (imported, finished)") && shown.contains("ub *"), "{shown}");
    assert!(render::page(&Document::of(&analysis)).contains("ub+ap+tp"));
    let other =
        Wanted { baseline: Some("plain".to_owned()), metric: Some("accuracy/train".to_owned()), ..Wanted::default() };
    assert_eq!(read(&path, &other).unwrap().spec.analysis.metric, "accuracy/train");
}

#[test]
fn batch_size_and_rate_are_part_of_a_name_where_they_vary() {
    let dir = tempfile::tempdir().unwrap();
    let row = |bs: u32, lr: &str| format!("5,1,0,0,0,0,0,{bs},{lr},1.00,-,nan,1,2,3,-\n").replace("nan", "-");
    let text = format!("{}\n{}{}{}", COLUMNS.join(","), row(64, "0.01"), row(128, "0.02500"), row(128, "0.025"));
    let path = file(dir.path(), &text);
    let back = read(&path, &Wanted::default()).unwrap();
    let names: Vec<(&str, u32)> = back.spec.configs.iter().map(|c| (c.name.as_str(), c.replicates)).collect();
    assert_eq!(names, [("ub bs=64 lr=0.01000", 1), ("ub bs=128 lr=0.02500", 2)]);
    assert_eq!(back.trials[0].metrics.len(), 3, "a dash is no number");
    analyze(&back).unwrap();
}

#[test]
fn files_that_are_none_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let head = COLUMNS.join(",");
    let good = "5,1,0,0,0,0,0,64,0.02500,1.00,0.1,0.2,1,2,3,4";
    let refused = |text: &str| {
        let error = read(&file(dir.path(), text), &Wanted::default()).unwrap_err().to_string();
        error.replace(&dir.path().display().to_string(), "").replace("/earlier results.csv", "F")
    };
    assert_eq!(refused(""), "cannot read F: it is empty");
    assert!(refused("a,b\n").starts_with(
        "F: its first line is that of no known layout; expected config,replicate,metric,value; or config,replicate and a column for each metric; or epochs,ub,ap,tp"
    ));
    assert_eq!(refused("sweep,config,replicate\n"), "F:2: there is no row with a value");
    assert_eq!(refused(&format!("{head}\n")), "F:2: there is no row");
    assert_eq!(refused(&format!("{head}\n{good},5\n")), "F:2: not a row of 16 cells");
    for (at, cell, message) in [
        (0, "0", "`epochs` is `0`, expected 1 to 10000"),
        (1, "2", "`ub` is `2`, expected 0 or 1"),
        (7, "-64", "`bs` is `-64`, expected 1 to 65536"),
        (8, "nan", "`lr` is `nan`, expected a learning rate above 0, at most 100"),
        (9, "inf", "`elapsed` is `inf`, expected seconds, 0 to 1e9"),
        (10, "x\u{1b}", "`train_loss` is `x\u{fffd}`, expected a finite number, or `-`"),
        (13, "100.1", "`bal_val_acc_pct` is `100.1`, expected 0 to 100, or `-`"),
    ] {
        let mut cells: Vec<&str> = good.split(',').collect();
        cells[at] = cell;
        assert_eq!(refused(&format!("{head}\n{good}\n{}\n", cells.join(","))), format!("F:3: {message}"));
    }
    let other = good.replacen("5,1", "5,0", 1);
    assert_eq!(refused(&format!("{head}\n{other}\n")), "F has no config `ub`; there are plain");
    let wanted = Wanted { metric: Some("loss/train".to_owned()), ..Wanted::default() };
    let error = read(&file(dir.path(), &format!("{head}\n{good}\n")), &wanted).unwrap_err();
    assert!(matches!(error, LayoutError::Unknown { what: "metric", .. }), "{error}");
    let missing = read(&dir.path().join("nowhere.csv"), &Wanted::default()).unwrap_err();
    assert!(matches!(missing, LayoutError::Unreadable { .. }), "{missing}");
}
