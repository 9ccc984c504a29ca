//! Real processes, really killed: whatever dies and whenever, the same command ends with the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{
    Bench, Running, assert_success, children, eventually, signal, small_images, synthetic_sweep, torch_sweep,
};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
enum Victim {
    /// `sweeper run` itself: the coordinator.
    Coordinator,
    /// The supervisor of the workers.
    Supervisor,
    /// One training process.
    Worker,
}

/// Starts the run, kills the victim `delay` after the workers are up, gives the command again if the run died with
/// it, and returns the bytes of the observations. None if the sweep ended before the fault.
fn disturbed(bench: &Bench, out: &str, victim: Victim, delay: Duration) -> Option<String> {
    let mut run = Running::start(&mut bench.run_command(out, 2, &["--quiet"]));
    let pid = run.0.id();
    let supervisor = eventually("the supervisor starts", || children(pid).first().copied());
    let worker = eventually("a worker starts", || children(supervisor).last().copied());
    std::thread::sleep(delay);
    // A worker that was restarted meanwhile has another id: then take one that is there now.
    let workers = children(supervisor);
    let worker = if workers.contains(&worker) { Some(worker) } else { workers.first().copied() };
    let fired = match victim {
        _ if !run.is_running() || worker.is_none() => false,
        Victim::Coordinator => signal(pid, "-KILL"),
        Victim::Supervisor => signal(supervisor, "-KILL"),
        Victim::Worker => worker.is_some_and(|worker| signal(worker, "-KILL")),
    };
    if !fired {
        assert_success(&run.wait());
        return None;
    }
    if matches!(victim, Victim::Coordinator) {
        run.wait();
        return Some(bench.results(out, 2));
    }
    assert_success(&run.wait());
    Some(bench.csv(out))
}

fn ten_moments(bench: &Bench, first: Duration, step: Duration) {
    let undisturbed = bench.results("undisturbed", 2);
    let victims = [Victim::Coordinator, Victim::Worker, Victim::Supervisor];
    for moment in 0..10_u32 {
        let victim = victims[moment as usize % victims.len()];
        let mut delay = first + step * moment;
        // On a fast machine the sweep may be over by then: an earlier moment does as well, as long as the fault fires.
        let csv = (0..8).find_map(|attempt| {
            let csv = disturbed(bench, &format!("out{moment}-{attempt}"), victim, delay);
            if csv.is_none() {
                delay /= 2;
            }
            csv
        });
        assert_eq!(csv.expect("the fault fires"), undisturbed, "{victim:?} killed after {delay:?}");
    }
}

#[test]
fn synthetic_results_are_the_same_bytes_after_any_kill() {
    let bench = Bench::new(&synthetic_sweep(0.4));
    ten_moments(&bench, Duration::from_millis(30), Duration::from_millis(130));
}

#[test]
#[cfg(feature = "torch")]
fn real_trainings_are_the_same_bytes_after_any_kill() {
    let bench = Bench::new(&torch_sweep(3, 4));
    small_images(&bench.path("data"), 1_500, 500);
    ten_moments(&bench, Duration::from_millis(50), Duration::from_millis(120));
}

#[test]
fn what_was_finished_before_a_kill_is_not_run_again() {
    let bench = Bench::new(&synthetic_sweep(0.3));
    let mut run = Running::start(&mut bench.run_command("out", 2, &["--quiet"]));
    let finished = |bench: &Bench| {
        let output = bench.sweeper(&["ls", "--json", "--state", "out"]).output().unwrap();
        let sweeps: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        sweeps[0]["trials"]["finished"].as_u64()
    };
    let before = eventually("some trials finish", || finished(&bench).filter(|n| *n >= 3));
    run.kill();
    let output = bench.run_command("out", 2, &["--quiet"]).output().unwrap();
    assert_success(&output);
    let trials = std::fs::read_to_string(bench.path("out").join("trials.csv")).unwrap();
    // trial,config,replicate,attempt,…
    let second_attempts = trials.lines().filter(|l| l.split(',').nth(3) == Some("2")).count();
    // Only those that a worker held when the coordinator died may have a second attempt: one running and at most one
    // fetched ahead, by each of two workers.
    assert!(second_attempts <= 4, "{before} were finished before the kill\n{trials}");
    assert_eq!(trials.lines().filter(|l| l.contains("completed")).count(), 12, "{trials}");
}
