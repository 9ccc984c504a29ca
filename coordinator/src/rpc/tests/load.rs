//! Many workers at once.

use super::{Coordinator, acquire, completed, join, report, report_of, results, sweep_file};
use std::time::Instant;
use sweeper_proto::v1::{report_answer::Verdict, trial_report};

/// Takes leases and reports outcomes until the sweep is over; answers how many were accepted.
async fn toil(coordinator: &Coordinator, name: String, capacity: u32) -> usize {
    let mut client = coordinator.worker().await;
    let worker = join(&mut client, &name).await;
    let mut accepted = 0;
    loop {
        let leases = acquire(&mut client, worker, capacity, 0).await;
        if leases.is_empty() {
            return accepted;
        }
        let outcomes = leases.iter().map(|l| report_of(l, trial_report::Result::Outcome(completed(80.0))));
        let answers = report(&mut client, worker, outcomes.collect()).await;
        accepted += answers.iter().filter(|(verdict, _)| *verdict == Verdict::Accepted).count();
    }
}

async fn measured(workers: u32, replicates: u32, capacity: u32) {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = std::sync::Arc::new(Coordinator::start(dir.path()).await);
    let mut control = coordinator.control().await;
    let submitted = control.submit(sweep_file("load", replicates)).await.unwrap().into_inner();
    let begin = Instant::now();
    let tasks: Vec<_> = (0..workers)
        .map(|n| {
            let coordinator = std::sync::Arc::clone(&coordinator);
            tokio::spawn(async move { toil(&coordinator, format!("worker {n}"), capacity).await })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!(
        "{workers} workers, {capacity} trials a call: {accepted} durable no-op trials in {seconds:.2} s, {:.0} per second",
        f64::from(u32::try_from(accepted).unwrap()) / seconds
    );
    assert_eq!(accepted, submitted.trials as usize, "every trial has exactly one outcome");
    let results = results(&mut control, submitted.sweep).await;
    assert!(results.trials.iter().all(|t| t.state == "Finished"));
    assert_eq!((results.repeats, results.attempts.len()), (0, accepted));
    std::sync::Arc::into_inner(coordinator).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_workers_finish_every_trial_once() {
    measured(200, 5_000, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_finish_every_trial_once() {
    measured(8, 10_000, 64).await;
}
