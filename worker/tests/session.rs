//! A session against a coordinator that loses answers, repeats leases, revokes, restarts and forgets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fake;

use fake::{Fake, key, lease};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use sweeper_proto::v1::{AttemptId, TrialReport, outcome, trial_report::Result as Reported};
use sweeper_worker::{
    devices::Device,
    outbox::Outbox,
    session::{self, Settings},
    synthetic::Synthetic,
    trainer::{Outcome, Progress, Task, TrainError, Trainer, TrainerOptions},
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

type Trained = Arc<Mutex<Vec<String>>>;

/// The synthetic trainer with a diary, and with accidents for some seeds.
struct Diary(Trained);

impl Trainer for Diary {
    fn train(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, TrainError> {
        self.0.lock().unwrap().push(task.label.clone());
        match task.seed {
            7 => panic!("an accident"),
            8 => Err(TrainError::Unusable { exit_code: 21, message: "train images are truncated".into() }),
            9 => Err(TrainError::Stopped),
            // A library call that never returns; the thread ends with the test's process.
            11 => loop {
                std::thread::park();
            },
            // A step that takes long and asks nobody.
            10 => {
                std::thread::sleep(Duration::from_millis(400));
                Synthetic.train(task, stop, progress)
            }
            _ => Synthetic.train(task, stop, progress),
        }
    }
}

struct Worker {
    dir: TempDir,
    trained: Trained,
    signals: UnboundedSender<()>,
    session: JoinHandle<u8>,
}

struct Wish {
    grace: Duration,
    idle: Option<Duration>,
    stall: Option<Duration>,
}

const IDLE: Wish = Wish { grace: Duration::ZERO, idle: Some(Duration::from_millis(300)), stall: None };

fn worker(fake: &Fake, wish: Wish) -> Worker {
    worker_in(tempfile::tempdir().unwrap(), fake, wish)
}

fn worker_in(dir: TempDir, fake: &Fake, wish: Wish) -> Worker {
    let mut outbox = Outbox::open(dir.path(), "node/cpu:0").unwrap();
    outbox.adopt(dir.path()).unwrap();
    let settings = Settings {
        coordinator: fake.url(),
        slot: "node/cpu:0".into(),
        node: "node".into(),
        trainer: TrainerOptions { data_dir: "none".into(), checkpoint_dir: None, device: Device::Cpu(0) },
        grace: wish.grace,
        idle_exit: wish.idle,
        stall_limit: wish.stall,
        announce: false,
    };
    let trained = Trained::default();
    let diary = Arc::clone(&trained);
    let (signals, listen) = unbounded_channel();
    let make = Box::new(move |_: &TrainerOptions| Ok(Box::new(Diary(Arc::clone(&diary))) as Box<dyn Trainer>));
    let session = tokio::spawn(session::run(settings, outbox, make, listen));
    Worker { dir, trained, signals, session }
}

impl Worker {
    fn trained(&self) -> Vec<String> {
        let mut trained = self.trained.lock().unwrap().clone();
        trained.sort();
        trained
    }
}

/// Whether the worker has told that it trains.
fn trains(state: &fake::State) -> bool {
    state.heartbeats.last().is_some_and(|beat| beat.progress.iter().any(|progress| !progress.queued))
}

fn keys(replicates: std::ops::Range<u32>) -> Vec<fake::Key> {
    replicates.map(|replicate| (1, 0, replicate, 1)).collect()
}

fn labels(replicates: std::ops::Range<u32>) -> Vec<String> {
    replicates.map(|replicate| format!("s1/c0/r{replicate}#1")).collect()
}

fn seeded(replicate: u32, seed: u64) -> sweeper_proto::v1::Lease {
    sweeper_proto::v1::Lease { seed, ..lease(replicate, 0.0) }
}

#[tokio::test]
async fn every_lost_answer_is_asked_for_again_and_nothing_is_trained_twice() {
    let fake = Fake::start(8).await;
    for call in ["join", "acquire", "heartbeat", "report"] {
        fake.state().lose.insert(call, 3);
    }
    let mut worker = worker(&fake, Wish { idle: None, ..IDLE });
    fake.until(|state| state.ends() == keys(0..8) && state.lose["heartbeat"] == 0).await;
    worker.signals.send(()).unwrap();
    assert_eq!((&mut worker.session).await.unwrap(), 0);
    let state = fake.state();
    assert_eq!(state.ends(), keys(0..8));
    assert_eq!(worker.trained(), labels(0..8));
    assert!(state.duplicates > 0, "a report whose answer was lost must come again");
    assert!(state.lose.values().all(|left| *left == 0), "not every fault fired: {:?}", state.lose);
    assert_eq!(state.left.len(), 1);
    assert!(state.joins.windows(2).all(|pair| pair[0].process_id == pair[1].process_id));
}

#[tokio::test]
async fn an_outcome_arrives_as_it_was() {
    let fake = Fake::start(1).await;
    let worker = worker(&fake, IDLE);
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    let Some(Reported::Outcome(told)) = &state.accepted[0].result else { panic!("{:?}", state.accepted) };
    let Some(outcome::Kind::Completed(completed)) = &told.kind else { panic!("{told:?}") };
    let task = Task {
        label: String::new(),
        recipe: sweeper_recipe::Recipe::from_json(&lease(0, 0.0).recipe).unwrap(),
        seed: 1000,
        data_digest: None,
    };
    let expected = Synthetic.train(&task, &|| false, &mut |_| ()).unwrap();
    assert_eq!(completed.metrics[0].value.to_bits(), expected.metrics[0].value.to_bits());
    assert!(completed.metrics[0].r#final);
    assert_eq!(told.provenance.as_ref().unwrap().parameter_digest, expected.parameter_digest);
    assert_eq!(state.accepted[0].recipe_digest, lease(0, 0.0).recipe_digest);
}

#[tokio::test]
async fn a_worker_may_start_before_the_coordinator() {
    let mut fake = Fake::absent().await;
    fake.state().pending.push_back(lease(0, 0.0));
    let worker = worker(&fake, Wish { idle: None, ..IDLE });
    tokio::time::sleep(Duration::from_millis(250)).await;
    fake.serve().await;
    fake.until(|state| state.ends() == keys(0..1)).await;
    worker.signals.send(()).unwrap();
    assert_eq!(worker.session.await.unwrap(), 0);
    assert_eq!(fake.state().left.len(), 1);
}

#[tokio::test]
async fn training_goes_on_while_the_coordinator_is_gone_and_forgets() {
    let mut fake = Fake::start(0).await;
    fake.state().pending.push_back(lease(0, 0.4));
    let mut worker = worker(&fake, Wish { idle: None, ..IDLE });
    fake.until(trains).await;
    fake.stop();
    // It trains on and finishes while nobody answers; then the coordinator returns without a memory of workers.
    tokio::time::sleep(Duration::from_millis(600)).await;
    fake.state().workers.clear();
    fake.state().pending.push_back(lease(1, 0.0));
    fake.serve().await;
    fake.until(|state| state.ends() == keys(0..2)).await;
    worker.signals.send(()).unwrap();
    assert_eq!((&mut worker.session).await.unwrap(), 0);
    assert_eq!(worker.trained(), labels(0..2));
    let state = fake.state();
    assert!(state.joins.len() >= 2);
    assert_eq!(state.joins[0].process_id, state.joins[1].process_id, "it is still the same process");
}

#[tokio::test]
async fn another_store_gets_nothing_of_the_former() {
    let mut fake = Fake::start(0).await;
    fake.state().pending.push_back(lease(0, 0.2));
    let mut worker = worker(&fake, Wish { idle: None, ..IDLE });
    fake.until(trains).await;
    fake.stop();
    tokio::time::sleep(Duration::from_millis(400)).await;
    {
        let mut state = fake.state();
        state.workers.clear();
        state.open.clear();
        state.store = "store-b".into();
        // The same numbers mean another trial here.
        state.pending.push_back(seeded(0, 77));
    }
    fake.serve().await;
    fake.until(|state| !state.accepted.is_empty()).await;
    worker.signals.send(()).unwrap();
    assert_eq!((&mut worker.session).await.unwrap(), 0);
    assert_eq!(worker.trained(), ["s1/c0/r0#1", "s1/c0/r0#1"]);
    assert_eq!(fake.state().accepted.len(), 1);
    let outbox = Outbox::open(worker.dir.path(), "node/cpu:0").unwrap();
    assert_eq!(outbox.waiting("store-a"), 1, "the finished outcome waits for the store that gave the lease");
}

#[tokio::test]
async fn a_revoked_trial_stops_and_the_next_begins() {
    let fake = Fake::start(0).await;
    fake.state().pending.extend([lease(0, 3600.0), lease(1, 0.0)]);
    fake.state().revoke.insert((1, 0, 0, 1));
    let mut worker = worker(&fake, IDLE);
    assert_eq!((&mut worker.session).await.unwrap(), 0);
    let state = fake.state();
    assert_eq!(state.ends(), keys(1..2));
    assert!(state.released.is_empty(), "what was taken away is not given back");
}

#[tokio::test]
async fn another_version_ends_the_worker_with_its_own_code() {
    let fake = Fake::start(1).await;
    fake.state().refuse_joins = true;
    assert_eq!(worker(&fake, IDLE).session.await.unwrap(), 32);
}

#[tokio::test]
async fn heartbeats_go_on_through_a_step_that_asks_nobody() {
    let fake = Fake::start(0).await;
    fake.state().pending.push_back(seeded(0, 10));
    let worker = worker(&fake, IDLE);
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    let during = state.heartbeats.iter().filter(|beat| beat.progress.iter().any(|p| p.phase == "loading")).count();
    assert!(during >= 3, "{during} heartbeats in 400 ms at 20 ms each");
}

#[tokio::test]
async fn a_training_that_hangs_costs_its_process_and_the_trial_is_left_to_lapse() {
    let fake = Fake::start(0).await;
    fake.state().pending.extend([lease(0, 0.0), seeded(1, 11), lease(2, 0.0)]);
    let worker = worker(&fake, Wish { idle: None, stall: Some(Duration::from_secs(2)), ..IDLE });
    assert_eq!(worker.session.await.unwrap(), 1, "not a code that keeps the supervisor from starting another");
    {
        let state = fake.state();
        assert_eq!(state.ends(), keys(0..1), "what was finished before is delivered");
        assert!(state.released.is_empty() && state.left.is_empty(), "it is a death, not a farewell");
        assert_eq!(state.open.keys().copied().collect::<Vec<_>>(), [(1, 0, 1, 1)], "nobody else's trial is held");
    }
    // As the supervisor does.
    let next = self::worker(&fake, IDLE);
    assert_eq!(next.session.await.unwrap(), 0);
    assert_eq!(fake.state().ends(), [(1, 0, 0, 1), (1, 0, 2, 1)]);
}

#[tokio::test]
async fn a_slow_training_that_shows_life_is_left_alone() {
    let fake = Fake::start(0).await;
    // Longer than the limit, with a sign of life every 10 ms.
    fake.state().pending.push_back(lease(0, 4.0));
    let worker = worker(&fake, Wish { stall: Some(Duration::from_secs(3)), ..IDLE });
    assert_eq!(worker.session.await.unwrap(), 0);
    assert_eq!(fake.state().ends(), keys(0..1));
}

#[tokio::test]
async fn the_next_lease_is_there_before_the_trial_ends() {
    let fake = Fake::start(0).await;
    // Of many chances one suffices: a machine may stall for the last tenth of a trial.
    fake.state().pending.extend((0..100).map(|replicate| lease(replicate, 0.4)));
    let worker = worker(&fake, Wish { idle: None, ..IDLE });
    fake.until(|state| !state.open.is_empty()).await;
    assert_eq!(fake.state().open.len(), 1, "an idle worker takes one");
    let queued = |state: &fake::State| state.heartbeats.iter().flat_map(|beat| &beat.progress).any(|p| p.queued);
    fake.until(|state| queued(state) || state.ends().len() == 100).await;
    worker.signals.send(()).unwrap();
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    assert!(queued(&state), "no heartbeat told of a queued lease");
    assert!(state.acquires.iter().all(|call| call.capacity <= 2));
    assert!(state.open.is_empty(), "what was queued is given back");
}

#[tokio::test]
async fn a_signal_gives_the_running_trial_its_grace() {
    let fake = Fake::start(0).await;
    fake.state().pending.extend([lease(0, 0.5), lease(1, 0.0)]);
    let worker = worker(&fake, Wish { grace: Duration::from_secs(60), idle: None, stall: None });
    fake.until(trains).await;
    worker.signals.send(()).unwrap();
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    assert_eq!(state.ends(), keys(0..1), "finished within its grace, and nothing else was begun");
    assert!(state.released.is_empty());
    assert_eq!(state.left.len(), 1);
}

#[tokio::test]
async fn without_grace_the_trial_is_given_back() {
    let fake = Fake::start(0).await;
    fake.state().pending.push_back(lease(0, 3600.0));
    let worker = worker(&fake, Wish { idle: None, ..IDLE });
    fake.until(trains).await;
    worker.signals.send(()).unwrap();
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    assert_eq!(state.released, [((1, 0, 0, 1), "the worker is leaving".to_owned())]);
    assert!(state.accepted.is_empty());
    assert_eq!(state.left.len(), 1);
}

#[tokio::test]
async fn a_second_signal_leaves_at_once() {
    let fake = Fake::start(0).await;
    fake.state().pending.push_back(lease(0, 3600.0));
    let worker = worker(&fake, Wish { grace: Duration::from_secs(3600), idle: None, stall: None });
    fake.until(trains).await;
    let begun = Instant::now();
    worker.signals.send(()).unwrap();
    worker.signals.send(()).unwrap();
    assert_eq!(worker.session.await.unwrap(), 0);
    assert!(begun.elapsed() < Duration::from_secs(600), "it waited for the grace period");
    assert_eq!(fake.state().left.len(), 1);
}

#[tokio::test]
async fn what_this_worker_cannot_train_is_given_back_with_the_reason() {
    let fake = Fake::start(0).await;
    fake.state().pending.extend([seeded(0, 8), lease(1, 0.0)]);
    let worker = worker(&fake, IDLE);
    assert_eq!(worker.session.await.unwrap(), 21);
    let state = fake.state();
    assert_eq!(state.released, [((1, 0, 0, 1), "train images are truncated".to_owned())]);
    assert!(state.accepted.is_empty(), "it is no failure");
}

#[tokio::test]
async fn accidents_are_failures_with_an_error() {
    let fake = Fake::start(0).await;
    let unreadable = sweeper_proto::v1::Lease { recipe: b"{".to_vec(), ..lease(3, 0.0) };
    fake.state().pending.extend([seeded(0, 7), seeded(1, 9), lease(2, 0.0), unreadable]);
    let worker = worker(&fake, IDLE);
    assert_eq!(worker.session.await.unwrap(), 0);
    let state = fake.state();
    assert_eq!(state.ends(), keys(0..4));
    let error = |replicate: u32| -> String {
        let report = state.accepted.iter().find(|report| key(report.id.unwrap()).2 == replicate).unwrap();
        match &report.result {
            Some(Reported::Failure(failure)) => failure.error.clone(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(error(0), "the trainer panicked: an accident");
    assert!(error(1).contains("nobody asked"), "{}", error(1));
    assert!(error(2).contains("Outcome"), "a good trial after a panic: {}", error(2));
    assert!(error(3).contains("not readable"), "{}", error(3));
}

#[tokio::test]
async fn a_report_the_coordinator_cannot_read_does_not_block_the_others() {
    let fake = Fake::start(3).await;
    fake.state().unreadable = Some((1, 0, 1, 1));
    let mut worker = worker(&fake, IDLE);
    fake.until(|state| state.ends().len() == 2 && !state.rejected.is_empty()).await;
    worker.signals.send(()).unwrap();
    assert_eq!((&mut worker.session).await.unwrap(), 0);
    assert_eq!(worker.trained(), labels(0..3));
    let state = fake.state();
    assert_eq!(state.ends(), [(1, 0, 0, 1), (1, 0, 2, 1)]);
    assert_eq!(state.rejected, [(1, 0, 1, 1)], "it is set aside, not sent again");
}

#[tokio::test]
async fn outcomes_of_a_dead_process_are_delivered() {
    let fake = Fake::start(0).await;
    let dir = tempfile::tempdir().unwrap();
    let report = |replicate| TrialReport {
        id: Some(AttemptId { sweep: 1, config: 0, replicate, attempt: 1 }),
        recipe_digest: "d".into(),
        result: Some(Reported::Outcome(sweeper_proto::v1::Outcome::default())),
    };
    {
        let mut dead = Outbox::open(dir.path(), "node-random/cpu:0").unwrap();
        dead.put("store-a", &report(5)).unwrap();
        dead.put("store-b", &report(6)).unwrap();
    }
    let worker = worker_in(dir, &fake, IDLE);
    fake.until(|state| state.ends() == keys(5..6)).await;
    assert_eq!(worker.session.await.unwrap(), 0);
    let outbox = Outbox::open(worker.dir.path(), "node/cpu:0").unwrap();
    assert_eq!((outbox.waiting("store-a"), outbox.waiting("store-b")), (0, 1));
}
