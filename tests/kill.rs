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
/// it, and returns the bytes of the observations.
fn disturbed(bench: &Bench, out: &str, victim: Victim, delay: Duration) -> String {
    let mut run = Running::start(&mut bench.run_command(out, 2, &["--quiet"]));
    let pid = run.0.id();
    let supervisor = eventually("the supervisor starts", || children(pid).first().copied());
    let worker = eventually("a worker starts", || children(supervisor).last().copied());
    std::thread::sleep(delay);
    assert!(run.is_running(), "the sweep ended before the fault: the test proves nothing");
    match victim {
        Victim::Coordinator => run.kill(),
        Victim::Supervisor => assert!(signal(supervisor, "-KILL"), "the fault must fire"),
        // A worker that was restarted meanwhile has another id: then take the one that is there now.
        Victim::Worker => {
            let target = if children(supervisor).contains(&worker) { worker } else { children(supervisor)[0] };
            assert!(signal(target, "-KILL"), "the fault must fire");
        }
    }
    if matches!(victim, Victim::Coordinator) {
        bench.results(out, 2)
    } else {
        assert_success(&run.wait());
        bench.csv(out)
    }
}

fn ten_moments(bench: &Bench, first: Duration, step: Duration) {
    let undisturbed = bench.results("undisturbed", 2);
    let victims = [Victim::Coordinator, Victim::Worker, Victim::Supervisor];
    for moment in 0..10_u32 {
        let victim = victims[moment as usize % victims.len()];
        let delay = first + step * moment;
        let csv = disturbed(bench, &format!("out{moment}"), victim, delay);
        assert_eq!(csv, undisturbed, "{victim:?} killed after {delay:?}");
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
    // Only the two that were running when the coordinator died may have a second attempt.
    assert!(second_attempts <= 2, "{before} were finished before the kill\n{trials}");
    assert_eq!(trials.lines().filter(|l| l.contains("completed")).count(), 12, "{trials}");
}
