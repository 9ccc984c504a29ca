//! Every file in `deploy/sweeps` trained to its report, in a size for tests: with nothing but other sizes where that can be
//! done on a CPU, on a few made images where it cannot.
#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{
    Bench, assert_success,
    studies::{DEMOS, FULL, PHOTOS, Small, fetch_photos, make_data},
};
use std::{fs, path::Path};

/// Runs a file and returns its report: the process ends well, every trial has an outcome, every format is there.
fn report(small: &Small, data: &Path) -> serde_json::Value {
    let bench = Bench::new("");
    let output = small.run(&bench, data);
    eprintln!("{}", small.name);
    assert_success(&output);
    for file in ["report.html", "report.md", "results.csv", "trials.csv"] {
        assert!(bench.path("out").join(file).exists(), "{}: no {file}", small.name);
    }
    let text = fs::read_to_string(bench.path("out/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let count = |what: &str| report["counts"][what].as_u64().unwrap();
    assert_eq!(count("planned"), small.trials, "{}", small.name);
    assert_eq!(count("completed") + count("diverged"), small.trials, "{}: {}", small.name, report["counts"]);
    report
}

/// The same, and nothing diverged.
fn runs(small: &Small, data: &Path) {
    let counts = &report(small, data)["counts"];
    assert_eq!(counts["completed"], small.trials, "{}: {counts}", small.name);
}

// One test for all: they share the cores anyway, and so the data are made once.
#[test]
fn every_demo_trains_to_its_report() {
    let data = tempfile::tempdir().unwrap();
    make_data(data.path());
    for small in &DEMOS {
        runs(small, data.path());
    }
}

#[test]
fn every_file_of_full_scale_trains_when_it_is_made_small() {
    let data = tempfile::tempdir().unwrap();
    make_data(data.path());
    for small in &FULL {
        // At the studies' learning rates and a batch of eight, going to infinity is an honest outcome.
        report(small, data.path());
    }
}

#[test]
fn the_photographs_train_to_their_report() {
    match fetch_photos() {
        Ok(data) => runs(&PHOTOS, &data),
        Err(why) => eprintln!("SKIPPED: the photographs cannot be fetched here, so photos-demo is not run.\n{why}"),
    }
}
