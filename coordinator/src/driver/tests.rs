//! The driver with a real store and a clock of our own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Clock, Driver, DriverError, DriverHandle, Progress, Report};
use crate::{
    query::Offline,
    store::{
        Store, StoreError,
        tests::{SETTINGS, begun_with_another_trainer, info, limit_growth, outcome, spec},
    },
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    scheduler::{ReportAnswer, RevokeReason, SubmitError, TrialReport},
    spec::Pairing,
};
use sweeper_proto::v1::{Lease, SubmitResponse};

/// A clock that stands still until it is told.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&mut self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000)))
    }

    fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

fn start(dir: &Path) -> (DriverHandle, Hand) {
    let clock = Hand::new();
    (Driver::start_with_clock(Store::open(dir).unwrap(), SETTINGS, clock.clone()).unwrap(), clock)
}

async fn submit(driver: &DriverHandle, name: &str, replicates: u32) -> SubmitResponse {
    driver.submit(spec(name, 1, Pairing::Common, &[("a", replicates)]), true, false).await.unwrap()
}

async fn join(driver: &DriverHandle, process: &str) -> WorkerId {
    driver.join(info(process, process)).await.unwrap()
}

fn id(lease: &Lease) -> AttemptId {
    let id = lease.id.unwrap();
    let trial = TrialId { sweep: SweepId(id.sweep), config: id.config, replicate: id.replicate };
    AttemptId { trial, attempt: id.attempt }
}

async fn finish(driver: &DriverHandle, worker: WorkerId, lease: &Lease) -> ReportAnswer {
    let result = TrialReport::Outcome(outcome(80.0, "data"));
    let report = Report { id: id(lease), recipe_digest: lease.recipe_digest.clone(), result };
    driver.report(worker, vec![report]).await.unwrap().remove(0)
}

async fn mention(driver: &DriverHandle, worker: WorkerId, lease: &Lease, step: u64) {
    let progress = Progress { step, steps: 100, phase: "training".to_owned(), loss: 0.5, ..Progress::default() };
    assert!(driver.heartbeat(worker, vec![(id(lease), progress)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn work_that_appears_ends_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    let worker = join(&driver, "p").await;
    let waiting = tokio::spawn({
        let driver = driver.clone();
        async move { driver.acquire(worker, 1, 60_000).await }
    });
    // Give it time to wait; if it had none, it would find the work at once, which is right too.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished(), "there was nothing to answer");
    submit(&driver, "sweep", 2).await;
    let leases = waiting.await.unwrap().unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].recipe, br#"{"lr":"a"}"#);
    assert_eq!((leases[0].recipe_digest.as_str(), leases[0].sweep_name.as_str()), ("digest of a", "sweep"));
    // Asked again at capacity, it gets the same lease at once; the pinned data digest comes with the second trial.
    assert_eq!(driver.acquire(worker, 1, 60_000).await.unwrap(), leases);
    assert_eq!(finish(&driver, worker, &leases[0]).await, ReportAnswer::Accepted);
    let next = driver.acquire(worker, 1, 0).await.unwrap();
    assert_eq!(next[0].data_digest, "data");
    assert_ne!(next[0].seed, leases[0].seed);
}

#[tokio::test]
async fn a_caller_that_is_gone_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    let (gone, there) = (join(&driver, "gone").await, join(&driver, "there").await);
    let waited = tokio::time::timeout(Duration::from_millis(20), driver.acquire(gone, 1, 60_000)).await;
    assert!(waited.is_err());
    submit(&driver, "sweep", 1).await;
    let leases = driver.acquire(there, 1, 0).await.unwrap();
    assert_eq!(leases.len(), 1, "the trial must not be leased to the caller that hung up");
}

#[tokio::test]
async fn a_lost_answer_is_repeated_soon_and_a_known_one_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, clock) = start(dir.path());
    let worker = join(&driver, "p").await;
    submit(&driver, "sweep", 1).await;
    let lease = driver.acquire(worker, 2, 0).await.unwrap().remove(0);
    // The worker never mentioned the lease, so it gets it again when its (short) wait is over.
    let again = tokio::spawn({
        let driver = driver.clone();
        async move { driver.acquire(worker, 2, 60_000).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    clock.advance(SETTINGS.lease_term_ms / 2 + 1);
    mention(&driver, worker, &lease, 1).await;
    assert_eq!(again.await.unwrap().unwrap(), [lease]);
    // A later call of the same worker ends the earlier one.
    let (earlier, later) = tokio::join!(driver.acquire(worker, 2, 60_000), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        driver.acquire(worker, 1, 0).await
    });
    assert!(earlier.unwrap().is_empty());
    assert_eq!(later.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lapsed_lease_goes_to_a_waiting_worker() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, clock) = start(dir.path());
    submit(&driver, "sweep", 1).await;
    let (slow, waiting) = (join(&driver, "slow").await, join(&driver, "waiting").await);
    let first = driver.acquire(slow, 1, 0).await.unwrap().remove(0);
    clock.advance(SETTINGS.lease_term_ms - 1);
    assert!(driver.heartbeat(waiting, Vec::new()).await.unwrap().is_empty());
    let call = tokio::spawn({
        let driver = driver.clone();
        async move { driver.acquire(waiting, 1, 60_000).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    clock.advance(2);
    // Any call makes the driver look at the clock.
    driver.list_sweeps().await.unwrap();
    let second = call.await.unwrap().unwrap().remove(0);
    assert_eq!((id(&second).trial, id(&second).attempt), (id(&first).trial, 2));
    // The slow worker's outcome comes first and counts; the other one hears of it.
    assert_eq!(finish(&driver, slow, &first).await, ReportAnswer::Accepted);
    let revoked = driver.heartbeat(waiting, vec![(id(&second), Progress::default())]).await.unwrap();
    assert_eq!(revoked[0].reason, RevokeReason::Finished);
    assert_eq!(finish(&driver, waiting, &second).await, ReportAnswer::Duplicate { equal: true });
    assert!(matches!(driver.heartbeat(slow, Vec::new()).await, Err(DriverError::UnknownWorker(w)) if w == slow));
}

#[tokio::test]
async fn a_failed_commit_is_answered_to_nobody_and_ends_the_driver() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    limit_growth(&store, 0);
    let driver = Driver::start(store, SETTINGS).unwrap();
    let spec = spec("too large", 1, Pairing::Common, &[("a", 10_000)]);
    let refused = driver.submit(spec, false, false).await;
    let is_full = |e: &DriverError| matches!(e, DriverError::Store(e) if matches!(**e, StoreError::Full { .. }));
    assert!(refused.as_ref().is_err_and(is_full), "{refused:?}");
    assert!(is_full(&driver.closed().await));
    assert!(driver.list_sweeps().await.is_err_and(|e| is_full(&e)));
    assert!(Store::open(dir.path()).unwrap().load_records().unwrap().is_empty());
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    submit(&driver, "sweep", 3).await;
    let worker = join(&driver, "p").await;
    let leases = driver.acquire(worker, 2, 0).await.unwrap();
    finish(&driver, worker, &leases[0]).await;
    driver.stop().await;
    assert!(matches!(driver.closed().await, DriverError::Stopped));
    assert!(matches!(driver.list_sweeps().await, Err(DriverError::Stopped)));

    let driver = Driver::start(Store::open(dir.path()).unwrap(), SETTINGS).unwrap();
    assert_eq!(join(&driver, "p").await, worker);
    // The same lease; only the digest of the data is known by now.
    let held = driver.acquire(worker, 1, 0).await.unwrap();
    assert_eq!(held, [Lease { data_digest: "data".to_owned(), ..leases[1].clone() }]);
    assert_eq!(finish(&driver, worker, &leases[1]).await, ReportAnswer::Accepted);
    assert_eq!(finish(&driver, worker, &leases[0]).await, ReportAnswer::Duplicate { equal: true });
    let again = submit(&driver, "sweep", 3).await;
    assert_eq!(again, SubmitResponse { sweep: 1, trials: 3, finished: 2, created: false });
    let last = driver.acquire(worker, 1, 0).await.unwrap();
    finish(&driver, worker, &last[0]).await;
    assert_eq!(driver.show_sweep(SweepId(1)).await.unwrap().summary.unwrap().state, "finished");
}

#[tokio::test]
async fn extending_a_sweep_runs_only_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    submit(&driver, "sweep", 2).await;
    let worker = join(&driver, "p").await;
    for lease in driver.acquire(worker, 2, 0).await.unwrap() {
        finish(&driver, worker, &lease).await;
    }
    let more = spec("sweep", 1, Pairing::Common, &[("a", 5)]);
    let plan = driver.plan(more.clone()).await.unwrap();
    assert_eq!((plan.existing_sweep, plan.configs[0].finished, plan.configs[0].replicates), (0, 2, 5));
    assert!((plan.mean_trial_seconds - 2.0).abs() < 1e-12);
    let submitted = driver.submit(more.clone(), true, false).await.unwrap();
    assert_eq!(submitted, SubmitResponse { sweep: 2, trials: 5, finished: 2, created: true });
    assert_eq!(driver.plan(more).await.unwrap().existing_sweep, 2);
    // Without reuse all would run again; the unfinished sweep of the same name stands in the way, unless superseded.
    let other = spec("sweep", 1, Pairing::Common, &[("a", 6)]);
    let busy = driver.submit(other.clone(), false, false).await;
    assert!(matches!(busy, Err(DriverError::Submit(SubmitError::NameBusy { sweep: SweepId(2) }))));
    assert_eq!(driver.submit(other, false, true).await.unwrap().finished, 0);
    assert_eq!(driver.show_sweep(SweepId(2)).await.unwrap().summary.unwrap().state, "cancelled");
}

#[tokio::test]
async fn listings_show_progress_and_the_same_offline() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, clock) = start(dir.path());
    submit(&driver, "sweep", 4).await;
    let worker = join(&driver, "p").await;
    let leases = driver.acquire(worker, 2, 0).await.unwrap();
    clock.advance(400);
    mention(&driver, worker, &leases[0], 50).await;
    let shown = driver.show_sweep(SweepId(1)).await.unwrap();
    assert_eq!(shown.running.len(), 2);
    assert_eq!((shown.running[0].step, shown.running[0].phase.as_str()), (50, "training"));
    assert!(!shown.running[0].queued && shown.running[1].queued);
    // Half a trial in 400 ms, three and a half are left.
    assert_eq!(shown.remaining_ms, 2_800);
    let workers = driver.list_workers(false).await.unwrap().workers;
    assert_eq!((workers.len(), workers[0].running.len(), workers[0].state.as_str()), (1, 2, "live"));
    assert_eq!(workers[0].last_seen_ms, 1_000_400);
    let why = driver.explain_trial(id(&leases[0]).trial).await.unwrap();
    assert_eq!((why.state.as_str(), why.attempts.len(), why.attempts[0].end.as_str()), ("Leased", 1, "open"));
    assert_eq!(why.seed, leases[0].seed);
    let nowhere = TrialId { sweep: SweepId(1), config: 0, replicate: 99 };
    assert!(matches!(driver.explain_trial(nowhere).await, Err(DriverError::UnknownTrial(t)) if t == nowhere));
    assert!(matches!(driver.results(SweepId(7)).await, Err(DriverError::UnknownSweep(SweepId(7)))));

    finish(&driver, worker, &leases[0]).await;
    // The progress of a lease that is over is forgotten.
    assert_eq!(driver.show_sweep(SweepId(1)).await.unwrap().running.len(), 1);
    let offline = Offline::open(dir.path()).unwrap();
    assert_eq!(offline.list_sweeps(), driver.list_sweeps().await.unwrap());
    let configs = offline.show_sweep(SweepId(1)).unwrap().configs;
    assert_eq!(configs, driver.show_sweep(SweepId(1)).await.unwrap().configs);
    assert_eq!(offline.explain_trial(id(&leases[0]).trial).unwrap().attempts[0].end, "completed");
    assert_eq!(offline.list_workers(true).workers[0].finished_trials, 1);
    let spec = spec("sweep", 1, Pairing::Common, &[("a", 4)]);
    assert_eq!(offline.plan(&spec).unwrap(), driver.plan(spec).await.unwrap());
    let text = |results| serde_json::to_string(&results).unwrap();
    assert_eq!(text(offline.results(SweepId(1)).unwrap()), text(driver.results(SweepId(1)).await.unwrap()));
}

#[tokio::test]
async fn workers_of_an_earlier_start_can_be_declared_dead() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    submit(&driver, "sweep", 1).await;
    let (run, other) = (join(&driver, "run/cpu:0").await, join(&driver, "host/cpu:0").await);
    assert_eq!(driver.acquire(run, 1, 0).await.unwrap().len(), 1);
    assert_eq!(driver.end_workers("run".to_owned()).await.unwrap(), 1);
    assert_eq!(driver.end_workers("run".to_owned()).await.unwrap(), 0);
    assert!(driver.heartbeat(run, Vec::new()).await.is_err());
    assert_eq!(id(&driver.acquire(other, 1, 0).await.unwrap()[0]).attempt, 2);
    driver.leave(other).await.unwrap();
    let states: Vec<String> = driver.list_workers(true).await.unwrap().workers.into_iter().map(|w| w.state).collect();
    assert_eq!(states, ["left", "left"]);
    assert_eq!(driver.cancel(SweepId(1), "enough".to_owned()).await.unwrap(), 1);
    assert!(matches!(driver.cancel(SweepId(2), String::new()).await, Err(DriverError::UnknownSweep(_))));
}

#[tokio::test]
async fn draining_ends_every_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    let worker = join(&driver, "p").await;
    let waiting = tokio::spawn({
        let driver = driver.clone();
        async move { driver.acquire(worker, 1, 60_000).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    driver.drain();
    assert!(waiting.await.unwrap().unwrap().is_empty());
    assert!(driver.acquire(worker, 1, 60_000).await.unwrap().is_empty(), "nobody waits any more");
}

#[test]
fn the_driver_ends_with_its_last_handle() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    drop(driver);
    // The thread lets go of the directory; how soon is the system's affair.
    while let Err(error) = Store::open(dir.path()) {
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn open_sweeps_of_another_trainer_version_are_called_off_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, _clock) = start(dir.path());
    let worker = join(&driver, "p").await;
    submit(&driver, "finished", 1).await;
    let lease = driver.acquire(worker, 1, 0).await.unwrap().remove(0);
    assert_eq!(finish(&driver, worker, &lease).await, ReportAnswer::Accepted);
    let sweep = SweepId(submit(&driver, "open", 2).await.sweep);
    driver.stop().await;
    let (driver, _clock) = start(dir.path());
    assert_eq!(driver.results(sweep).await.unwrap().state, "running", "ours goes on");
    driver.stop().await;
    begun_with_another_trainer(&Store::open(dir.path()).unwrap());
    let (driver, _clock) = start(dir.path());
    assert_eq!(driver.results(sweep).await.unwrap().state, "cancelled");
    let listed = driver.explain_trial(TrialId { sweep, config: 0, replicate: 1 }).await.unwrap();
    assert!(format!("{listed:?}").contains("submit it again"), "{listed:?}");
    assert_eq!(driver.results(SweepId(1)).await.unwrap().state, "finished");
    driver.stop().await;
}
