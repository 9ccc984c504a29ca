//! Sequential designs as processes: what is decided early is not run to its end, and results say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Bench, Running, assert_success, eventually, text};
use std::{collections::BTreeMap, process::Command};

/// A baseline, a config that differs by 100 SDs of the differences, and one with no difference worth naming; 12 replicates.
fn sweep(stopping: &str, seconds: f64) -> String {
    format!(
        r#"name = "early"
replicates = 12
seed = 5

[recipe]
trainer = "synthetic"
[recipe.synthetic]
seconds = {seconds}
seed_noise = 1.0
trial_noise = 0.02

[[config]]
name = "base"
[[config]]
name = "strong"
set = {{ "synthetic.effect" = 3.0 }}
[[config]]
name = "same"
set = {{ "synthetic.effect" = 0.001 }}

[analysis]
metric = "accuracy/balanced"
baseline = "base"

[stopping]
{stopping}
"#
    )
}

const LOOKS: &str = "rule = \"looks\"\nlooks = [4, 8]";

/// What the store has of the sweep, as JSON.
fn results(bench: &Bench, out: &str) -> serde_json::Value {
    let output = bench.sweeper(&["export", "latest", "--state", out, "--format", "json"]).output().unwrap();
    assert_success(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Replicates at each look with the configs that it decided.
fn looks(results: &serde_json::Value) -> Vec<(u64, Vec<String>)> {
    let stops = |look: &serde_json::Value| {
        let stopped = look["stopped"].as_array().unwrap().iter();
        stopped.map(|s| format!("{} {}", s["config"], s["why"].as_str().unwrap())).collect()
    };
    results["looks"].as_array().unwrap().iter().map(|l| (l["replicates"].as_u64().unwrap(), stops(l))).collect()
}

/// Trials of each config by state.
fn states(results: &serde_json::Value) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for trial in results["trials"].as_array().unwrap() {
        let stopped = if trial["stopped"] == true { " stopped" } else { "" };
        *counts.entry(format!("{} {}{stopped}", trial["config"], trial["state"].as_str().unwrap())).or_default() += 1;
    }
    counts
}

fn run(bench: &Bench, out: &str, workers: u32) -> Command {
    bench.run_command(out, workers, &["--quiet"])
}

#[test]
fn a_strong_config_is_decided_at_the_first_look_and_its_other_trials_are_not_run() {
    let bench = Bench::new(&sweep(LOOKS, 0.0));
    for (out, workers) in [("one", 1), ("three", 3)] {
        assert_success(&run(&bench, out, workers).output().unwrap());
        let results = results(&bench, out);
        let none = Vec::new;
        assert_eq!(looks(&results), [(4, vec!["1 different".to_owned()]), (8, none()), (12, none())]);
        let expected = [("0 Finished", 12), ("1 Cancelled stopped", 8), ("1 Finished", 4), ("2 Finished", 12)];
        assert_eq!(states(&results), expected.map(|(state, n)| (state.to_owned(), n)).into());
    }
    let shown = text(&bench.sweeper(&["show", "latest", "--state", "one"]).output().unwrap());
    assert!(shown.contains("28 of 36 trials finished, 8 not needed any more"), "{shown}");
    assert!(shown.contains("look at 4 replicates") && shown.contains("strong (different)"), "{shown}");
    assert!(!shown.contains("p-value"), "{shown}");
    let why = text(&bench.sweeper(&["explain", "s1/c1/r9", "--state", "one"]).output().unwrap());
    assert!(why.contains("the look at 4 replicates stopped its config, because a difference"), "{why}");
    // The same command again finds nothing left to do.
    assert_success(&run(&bench, "one", 1).output().unwrap());
    assert_eq!(looks(&results(&bench, "one")).len(), 3);
}

#[test]
fn e_values_stop_a_strong_config_while_others_go_on() {
    let bench = Bench::new(&sweep("rule = \"e-value\"", 0.05));
    assert_success(&run(&bench, "out", 2).output().unwrap());
    let results = results(&bench, "out");
    let stops: Vec<_> = looks(&results).into_iter().filter(|(_, stopped)| !stopped.is_empty()).collect();
    assert_eq!(stops.len(), 1, "{stops:?}");
    assert!(stops[0].0 < 9 && stops[0].1 == ["1 different"], "{stops:?}");
    let states = states(&results);
    assert_eq!((states["0 Finished"], states["2 Finished"]), (12, 12));
    assert!(states["1 Cancelled stopped"] > 0, "{states:?}");
}

/// The coordinator dies again and again; the looks are those of the undisturbed run.
#[test]
fn killed_runs_come_to_the_same_looks() {
    let bench = Bench::new(&sweep(LOOKS, 0.05));
    assert_success(&run(&bench, "calm", 2).output().unwrap());
    let finished = || {
        let shown = bench.sweeper(&["ls", "--state", "killed", "--json"]).output().ok()?;
        let sweeps: serde_json::Value = serde_json::from_slice(&shown.stdout).ok()?;
        sweeps[0]["trials"]["finished"].as_u64()
    };
    for enough in [3, 11, 17] {
        let mut running = Running::start(&mut run(&bench, "killed", 2));
        eventually("some trials", || finished().filter(|n| *n >= enough));
        running.kill();
    }
    assert_success(&run(&bench, "killed", 2).output().unwrap());
    let (calm, killed) = (results(&bench, "calm"), results(&bench, "killed"));
    assert_eq!((looks(&calm), states(&calm)), (looks(&killed), states(&killed)));
}

#[test]
fn simulations_depend_on_the_seed_and_not_on_threads() {
    let bench = Bench::new(&sweep(LOOKS, 0.0));
    let simulate = |threads: &str, seed: &str| {
        let arguments = ["simulate", "sweep.toml", "--effect", "1", "--runs", "500", "--seed", seed];
        let output = bench.sweeper(&arguments).env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert_success(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let one = simulate("1", "3");
    assert_eq!(one, simulate("2", "3"));
    assert_ne!(one, simulate("2", "4"));
    assert!(one.contains("looks at 4, 8, 12 replicates") && one.contains("a fixed design of equal power"), "{one}");
}
