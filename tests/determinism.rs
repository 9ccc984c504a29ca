//! Same sweep, same numbers to the last bit, whatever the number of workers.
#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Bench, assert_success, small_images, torch_sweep};

#[test]
fn one_two_and_three_workers_give_the_same_bytes() {
    let bench = Bench::new(&torch_sweep(3, 1));
    small_images(&bench.path("data"), 1_200, 600);
    let one = bench.results("one", 1);
    assert!(one.lines().count() > 6, "{one}");
    assert_eq!(one, bench.results("two", 2));
    assert_eq!(one, bench.results("three", 3));
}

#[test]
fn more_replicates_run_only_what_is_missing_and_change_nothing_else() {
    let bench = Bench::new(&torch_sweep(2, 1));
    small_images(&bench.path("data"), 800, 400);
    let two = bench.results("out", 2);
    let output = bench.run_command("out", 2, &["--quiet", "--set", "replicates=3"]).output().unwrap();
    assert_success(&output);
    let three = bench.csv("out");
    for line in two.lines() {
        assert!(three.contains(line), "{line} is gone");
    }
    let trials = std::fs::read_to_string(bench.path("out").join("trials.csv")).unwrap();
    let taken_over = trials.lines().filter(|l| l.contains(",s1/c")).count();
    assert_eq!(taken_over, 4, "two replicates of two configs were there:\n{trials}");
    let fresh = trials.lines().filter(|l| l.contains(",cpu:")).count();
    assert_eq!(fresh, 2, "one new replicate of two configs:\n{trials}");
}
