//! Sequential designs through the whole driver: what stops when, whatever the order of outcomes and wherever it is cut.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Driver, DriverHandle, Report};
use crate::{
    results::{LookResult, SweepResults},
    store::{
        Store,
        tests::{SETTINGS, divergence, info, outcome},
    },
    sweep_file,
};
use std::path::Path;
use sweeper_core::{
    ids::{AttemptId, SweepId, TrialId, WorkerId},
    record::{Failure, StopReason},
    scheduler::{ReportAnswer, Scheduler, TrialReport},
    spec::SweepSpec,
};
use sweeper_proto::v1::Lease;

/// A baseline, a config that is 10 better and one that is no different; 12 replicates.
fn sweep(stopping: &str) -> SweepSpec {
    let text = format!(
        "name = 's'\nseed = 3\nreplicates = 12\n[recipe]\ntrainer = 'synthetic'\n[[config]]\nname = 'base'\n\
         [[config]]\nname = 'better'\nset = {{ 'synthetic.effect' = 10.0 }}\n[[config]]\nname = 'same'\n\
         set = {{ 'synthetic.effect' = 0.001 }}\n[analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'base'\n\
         [stopping]\n{stopping}\n"
    );
    sweep_file::parse(&text, "s.toml", &[]).unwrap()
}

/// What a trial observes: a pure function of the trial. Two of them have no value.
fn truth(trial: TrialId) -> TrialReport {
    let noise = f64::from((trial.config * 7919 + trial.replicate * 104_729 + 13) % 97) / 97.0;
    match (trial.config, trial.replicate) {
        (1, 1) => TrialReport::Outcome(divergence("data")),
        (2, 4) => TrialReport::Failure(Failure { error: "always".to_owned(), log_tail: String::new() }),
        (config, replicate) => {
            let effect = if config == 1 { 10.0 } else { 0.0 };
            TrialReport::Outcome(outcome(80.0 + effect + f64::from(replicate) + noise, "data"))
        }
    }
}

fn id(lease: &Lease) -> AttemptId {
    let id = lease.id.unwrap();
    let trial = TrialId { sweep: SweepId(id.sweep), config: id.config, replicate: id.replicate };
    AttemptId { trial, attempt: id.attempt }
}

async fn report(driver: &DriverHandle, worker: WorkerId, lease: &Lease) -> ReportAnswer {
    let id = id(lease);
    let report = Report { id, recipe_digest: lease.recipe_digest.clone(), result: truth(id.trial) };
    driver.report(worker, vec![report]).await.unwrap().remove(0)
}

/// Runs the sweep with workers that finish their leases in an order given by `seed`, with a restart now and then.
async fn run(dir: &Path, spec: &SweepSpec, seed: u64, restarts: bool) -> SweepResults {
    let start = || Driver::start(Store::open(dir).unwrap(), SETTINGS).unwrap();
    let mut driver = start();
    driver.submit(spec.clone(), false, false).await.unwrap();
    let mut dice = seed;
    let mut roll = |n: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % n
    };
    for step in 0..10_000 {
        if driver.show_sweep(SweepId(1)).await.unwrap().summary.unwrap().state != "running" {
            let results = driver.results(SweepId(1)).await.unwrap();
            driver.stop().await;
            return results;
        }
        if restarts && step % 7 == 6 {
            driver.stop().await;
            driver = start();
        }
        let process = format!("p{}", roll(3));
        let worker = driver.join(info(&process, &process)).await.unwrap();
        let leases = driver.acquire(worker, 5, 0).await.unwrap();
        if !leases.is_empty() {
            report(&driver, worker, &leases[roll(leases.len())]).await;
        }
    }
    panic!("the sweep does not end: {:?}", driver.show_sweep(SweepId(1)).await.unwrap());
}

/// Replicates at each look with what it decided.
type Told = Vec<(u32, Vec<(u32, StopReason)>)>;

fn told(looks: &[LookResult]) -> Told {
    looks.iter().map(|l| (l.replicates, l.stopped.iter().map(|s| (s.config, s.why)).collect())).collect()
}

fn finished(results: &SweepResults) -> Vec<(u32, u32)> {
    results.trials.iter().filter(|t| t.state == "Finished").map(|t| (t.config, t.replicate)).collect()
}

#[tokio::test]
async fn planned_looks_stop_what_is_decided_in_any_order_of_outcomes() {
    let spec = sweep("rule = 'looks'\nlooks = [5, 9]");
    let mut before: Option<SweepResults> = None;
    for seed in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let results = run(dir.path(), &spec, seed, seed % 2 == 1).await;
        assert_eq!(told(&results.looks), [(5, vec![(1, StopReason::Different)]), (9, vec![]), (12, vec![])]);
        assert_eq!((results.looks[0].cancelled, results.state.as_str()), (7, "finished"));
        let stopped = results.trials.iter().filter(|t| t.stopped);
        assert!(stopped.clone().all(|t| t.config == 1 && t.replicate >= 5 && t.state == "Cancelled"));
        assert_eq!(stopped.count(), 7, "none of them ran, for they waited");
        if let Some(before) = &before {
            assert_eq!((told(&before.looks), finished(before)), (told(&results.looks), finished(&results)));
        }
        before = Some(results);
    }
}

#[tokio::test]
async fn e_values_decide_the_same_in_any_order_of_outcomes() {
    let spec = sweep("rule = 'e-value'");
    let mut before: Option<Told> = None;
    for seed in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let results = run(dir.path(), &spec, seed, seed % 2 == 1).await;
        let looks = told(&results.looks);
        assert_eq!(looks.iter().map(|l| l.0).collect::<Vec<_>>(), (2..=12).collect::<Vec<_>>());
        let stops: Vec<_> = looks.iter().filter(|l| !l.1.is_empty()).collect();
        assert_eq!(stops.len(), 1, "{looks:?}");
        assert!(stops[0].0 < 12 && stops[0].1 == [(1, StopReason::Different)], "{looks:?}");
        let beyond = results.trials.iter().filter(|t| t.config == 1 && t.replicate >= stops[0].0);
        assert!(beyond.clone().all(|t| t.stopped), "run or not, they are told apart");
        assert!(before.is_none_or(|before| before == looks));
        before = Some(looks);
    }
}

#[tokio::test]
async fn a_crash_between_outcome_and_look_loses_no_look() {
    let dir = tempfile::tempdir().unwrap();
    let spec = sweep("rule = 'looks'\nlooks = [4, 8]\nspending = 'pocock'");
    let driver = Driver::start(Store::open(dir.path()).unwrap(), SETTINGS).unwrap();
    driver.submit(spec, false, false).await.unwrap();
    driver.stop().await;
    // The outcomes of the first look are committed, the coordinator dies before it can take the look.
    let mut store = Store::open(dir.path()).unwrap();
    let now = sweeper_core::ids::Millis(2_000_000_000_000);
    let mut scheduler = Scheduler::restore(SETTINGS, store.load_records().unwrap(), now).unwrap();
    let worker = scheduler.join(now, info("p", "p"));
    while let Some(grant) = scheduler.acquire(now, worker, 1).unwrap().first() {
        crate::store::tests::report(&mut scheduler, now.0, worker, grant.id, truth(grant.id.trial));
    }
    assert!(scheduler.state().sweeps[&SweepId(1)].due_look().is_some());
    store.commit(&scheduler.take_records()).unwrap();
    drop(store);
    let driver = Driver::start(Store::open(dir.path()).unwrap(), SETTINGS).unwrap();
    let shown = driver.show_sweep(SweepId(1)).await.unwrap();
    assert_eq!((shown.looks.len(), shown.looks[0].replicates), (1, 4));
    assert_eq!(shown.looks[0].stopped[0].why, "different");
    assert_eq!((shown.next_looks[0].replicates, shown.next_looks[0].waits_for), (8, 8));
    let counts = shown.summary.unwrap().trials.unwrap();
    assert_eq!((counts.held, counts.stopped, counts.cancelled), (8, 8, 8));
    // Means and standard deviations are all that is told of results.
    let better = &shown.configs[1];
    assert_eq!(better.values, 3, "one of four diverged");
    assert!(better.mean.is_some_and(|mean| mean > 90.0) && better.sd.is_some_and(|sd| sd > 0.5));
    driver.stop().await;
}

/// Waiting workers get the trials that a look lets go, in the turn that takes it.
#[tokio::test]
async fn a_look_ends_the_wait_of_workers() {
    let dir = tempfile::tempdir().unwrap();
    let driver = Driver::start(Store::open(dir.path()).unwrap(), SETTINGS).unwrap();
    driver.submit(sweep("rule = 'looks'\nlooks = [3, 6]"), false, false).await.unwrap();
    let worker = driver.join(info("p", "p")).await.unwrap();
    let leases = driver.acquire(worker, 9, 0).await.unwrap();
    assert_eq!(leases.len(), 9, "3 replicates of 3 configs");
    for lease in &leases[1..] {
        report(&driver, worker, lease).await;
    }
    let other = driver.join(info("q", "q")).await.unwrap();
    let waiting = tokio::spawn({
        let driver = driver.clone();
        async move { driver.acquire(other, 1, 400).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(!waiting.is_finished(), "held trials are no work");
    report(&driver, worker, &leases[0]).await;
    let next = waiting.await.unwrap().unwrap();
    assert_eq!(id(&next[0]).trial.replicate, 3);
    driver.stop().await;
}
