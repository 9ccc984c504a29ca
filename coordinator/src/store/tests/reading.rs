//! What is read besides the facts: outcomes to take over, results, attempts.

use super::{HOSTILE, SETTINGS, divergence, info, outcome, report, spec, work};
use crate::{results::SweepResults, store::Store};
use std::collections::BTreeSet;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    record::{Failure, Outcome},
    scheduler::{Grant, Scheduler, TrialReport},
    spec::{Pairing, SweepSpec},
};
use sweeper_recipe::TRAINER_VERSION;

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    scheduler: Scheduler,
    now: u64,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        Self { _dir: dir, store, scheduler: Scheduler::new(SETTINGS), now: 10 }
    }

    /// Submits with what earlier sweeps offer, and runs all trials.
    fn finish(&mut self, spec: SweepSpec, observe: impl FnMut(&Grant) -> Outcome) -> SweepId {
        self.now += 10;
        let reused = self.store.reusable(&spec, TRAINER_VERSION).unwrap();
        let sweep = self.scheduler.submit(Millis(self.now), spec, true, reused).unwrap().sweep;
        let worker = self.scheduler.join(Millis(self.now), info("process", "slot"));
        work(&mut self.scheduler, self.now, worker, usize::MAX, observe);
        self.store.commit(&self.scheduler.take_records()).unwrap();
        sweep
    }

    fn offered(&self, spec: &SweepSpec) -> Vec<(u32, u32, String, f64)> {
        let reused = self.store.reusable(spec, TRAINER_VERSION).unwrap();
        let light = self.store.reusable_trials(spec, TRAINER_VERSION).unwrap();
        assert_eq!(light.iter().map(|r| r.from).collect::<Vec<_>>(), reused.iter().map(|r| r.from).collect::<Vec<_>>());
        let accuracy = |o: &Outcome| o.metrics.iter().find(|m| m.is_final).unwrap().value;
        reused.iter().map(|r| (r.config, r.replicate, r.from.to_string(), accuracy(&r.outcome))).collect()
    }
}

fn accuracy(grant: &Grant) -> f64 {
    f64::from(grant.id.trial.config * 10 + grant.id.trial.replicate)
}

#[test]
fn equal_trials_of_earlier_sweeps_are_offered() {
    let mut world = World::new();
    let first = spec("one", 1, Pairing::Common, &[("a", 2), ("b", 2)]);
    world.finish(first, |grant| outcome(accuracy(grant), "data"));
    // More replicates, another order, a new config.
    let second = spec("two", 1, Pairing::Common, &[("c", 2), ("b", 3)]);
    let from = |c: u32, r: u32, from: &str, value: f64| (c, r, from.to_owned(), value);
    assert_eq!(world.offered(&second), [from(1, 0, "s1/c1/r0", 10.0), from(1, 1, "s1/c1/r1", 11.0)]);
    // Another seed, or another numerics, is another trial.
    assert!(world.offered(&spec("two", 2, Pairing::Common, &[("b", 3)])).is_empty());
    assert!(world.offered(&spec("two", 1, Pairing::Independent, &[("b", 3)])).is_empty());
    assert!(world.store.reusable(&second, "another version").unwrap().is_empty());
    // What was taken over is not a source: the trial that really ran is.
    world.finish(second, |grant| outcome(accuracy(grant), "data"));
    let third = spec("three", 1, Pairing::Common, &[("b", 3)]);
    assert_eq!(
        world.offered(&third),
        [from(0, 0, "s1/c1/r0", 10.0), from(0, 1, "s1/c1/r1", 11.0), from(0, 2, "s2/c1/r2", 12.0)]
    );
    let results = world.store.results(SweepId(2)).unwrap();
    assert_eq!(results.trials[2].reused_from.as_deref(), Some("s1/c1/r0"));
    assert_eq!(results.attempts.len(), 3, "only what was missing ran");
}

/// An A/A test: each of two configs of one recipe has seeds of its own, and takes over what it observed itself.
#[test]
fn twins_take_over_their_own_outcomes() {
    let mut world = World::new();
    let twins = |name, n| spec(name, 1, Pairing::Independent, &[("a", n), ("b", 1), ("a", n)]);
    let first = world.finish(twins("one", 2), |grant| outcome(accuracy(grant), "data"));
    let seeds: BTreeSet<u64> = world.store.results(first).unwrap().trials.iter().map(|t| t.seed).collect();
    assert_eq!(seeds.len(), 5);
    let from = |c: u32, r: u32, from: &str, value: f64| (c, r, from.to_owned(), value);
    let a = [from(0, 0, "s1/c0/r0", 0.0), from(0, 1, "s1/c0/r1", 1.0), from(1, 0, "s1/c1/r0", 10.0)];
    let all = [&a[..], &[from(2, 0, "s1/c2/r0", 20.0), from(2, 1, "s1/c2/r1", 21.0)]].concat();
    assert_eq!(world.offered(&twins("two", 3)), all);
    let alone = spec("three", 1, Pairing::Independent, &[("z", 1), ("a", 1)]);
    assert_eq!(world.offered(&alone), [from(1, 0, "s1/c0/r0", 0.0)]);
    // Of an earlier version's sweep, in which twins had one seed, the second twin takes over nothing.
    let mut world = World::new();
    let mut earlier = twins("one", 2);
    earlier.configs[2].twins_before = 0;
    world.finish(earlier, |grant| outcome(f64::from(grant.id.trial.replicate), "data"));
    let offered = world.offered(&twins("two", 2));
    assert_eq!(offered.iter().map(|(c, r, ..)| (*c, *r)).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0)]);
}

#[test]
fn a_data_key_is_served_from_the_latest_data_only() {
    let mut world = World::new();
    world.finish(spec("one", 1, Pairing::Common, &[("a", 2), ("b", 2)]), |grant| outcome(accuracy(grant), "old data"));
    assert_eq!(world.offered(&spec("two", 1, Pairing::Common, &[("a", 2), ("b", 1)])).len(), 3);
    // The data changed, and config b was run again on it (nothing taken over).
    let again = spec("again", 1, Pairing::Common, &[("b", 1)]);
    world.scheduler.submit(Millis(500), again, false, Vec::new()).unwrap();
    let worker = world.scheduler.join(Millis(500), info("process", "slot"));
    work(&mut world.scheduler, 500, worker, 9, |_| outcome(99.0, "new data"));
    world.store.commit(&world.scheduler.take_records()).unwrap();
    let offered = world.offered(&spec("two", 1, Pairing::Common, &[("a", 2), ("b", 2)]));
    assert_eq!(offered, [(1, 0, "s2/c0/r0".to_owned(), 99.0)]);
    // A config alone whose only outcomes are on the old data gets those.
    assert_eq!(world.offered(&spec("two", 1, Pairing::Common, &[("a", 2)])).len(), 2);
}

#[test]
fn divergences_are_offered_too() {
    let mut world = World::new();
    world.finish(spec("one", 1, Pairing::Independent, &[("a", 1)]), |_| divergence("data"));
    let again = spec("two", 1, Pairing::Independent, &[("z", 1), ("a", 1)]);
    let offered = world.store.reusable(&again, TRAINER_VERSION).unwrap();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].outcome.kind, divergence("data").kind);
    assert_eq!(offered[0].from.to_string(), "s1/c0/r0");
    assert_eq!(world.store.trial_seconds("digest of a").unwrap(), Some(2.0));
    assert_eq!(world.store.trial_seconds("digest of z").unwrap(), None);
}

/// A sweep in which everything that can happen to an attempt happens.
fn eventful() -> (World, SweepId, WorkerId) {
    let mut world = World::new();
    // Under this seed the trials come in the order of the file.
    let sweep = spec("events", 13, Pairing::Common, &[("a", 3), ("b", 2)]);
    let sweep = world.scheduler.submit(Millis(10), sweep, false, Vec::new()).unwrap().sweep;
    let worker = world.scheduler.join(Millis(10), info("process", "slot"));
    let ids: Vec<AttemptId> =
        world.scheduler.acquire(Millis(20), worker, 4).unwrap().iter().map(|grant| grant.id).collect();
    let failure = || TrialReport::Failure(Failure { error: HOSTILE.to_owned(), log_tail: "log".to_owned() });
    let mut tell = |now, id, result| report(&mut world.scheduler, now, worker, id, result);
    tell(30, ids[0], TrialReport::Outcome(outcome(81.0, "data")));
    tell(40, ids[1], TrialReport::Outcome(divergence("data")));
    tell(50, ids[2], failure());
    tell(60, ids[3], TrialReport::Released("the worker ends".to_owned()));
    // Three leases expire with their worker; one outcome arrives late all the same.
    let lapsed: Vec<AttemptId> =
        world.scheduler.acquire(Millis(100), worker, 3).unwrap().iter().map(|grant| grant.id).collect();
    assert_eq!(lapsed.len(), 3);
    world.scheduler.expire(Millis(2_000));
    report(&mut world.scheduler, 2_500, worker, lapsed[0], TrialReport::Outcome(outcome(82.0, "data")));
    // The same outcome again is no second observation; a later attempt's is, and it differs.
    report(&mut world.scheduler, 2_600, worker, lapsed[0], TrialReport::Outcome(outcome(82.0, "data")));
    world.store.commit(&world.scheduler.take_records()).unwrap();
    (world, sweep, worker)
}

fn ends(results: &SweepResults) -> Vec<(String, String)> {
    let named =
        |a: &crate::results::AttemptResult| (format!("c{}/r{}#{}", a.config, a.replicate, a.attempt), a.end.clone());
    results.attempts.iter().map(named).collect()
}

#[test]
fn results_tell_everything_in_a_stable_order() {
    let (mut world, sweep, _) = eventful();
    let results = world.store.results(sweep).unwrap();
    let told = ends(&results);
    let told: Vec<(&str, &str)> = told.iter().map(|(id, end)| (id.as_str(), end.as_str())).collect();
    let released = ("c1/r1#1", "released");
    assert!(told.contains(&("c0/r0#1", "completed")) && told.contains(&("c1/r0#1", "diverged")), "{told:?}");
    assert!(told.contains(&("c0/r1#1", "failed")) && told.contains(&released), "{told:?}");
    assert_eq!(told.iter().filter(|(_, end)| *end == "expired").count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|(_, end)| *end == "completed").count(), 2, "the late one counts: {told:?}");
    let failed = results.attempts.iter().find(|a| a.end == "failed").unwrap();
    assert_eq!((failed.error.as_deref(), failed.granted_ms, failed.ended_ms), (Some(HOSTILE), 20, Some(50)));
    assert_eq!((failed.node.as_str(), failed.device.as_str(), failed.worker.as_str()), ("node-ä", HOSTILE, "w1"));
    assert_eq!((results.state.as_str(), results.closed_ms), ("running", None));
    assert_eq!(results.data_digests, [("fashion-mnist".to_owned(), "data".to_owned())]);
    let order: Vec<(u32, u32)> = results.trials.iter().map(|t| (t.config, t.replicate)).collect();
    assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]);
    let metrics: Vec<(&str, u32)> = results.trials[0].metrics.iter().map(|m| (m.name.as_str(), m.epoch)).collect();
    assert_eq!(metrics, [("accuracy/balanced", 2), ("loss/train", 1), ("loss/train", 2)]);
    assert_eq!(results.trials[3].ending.as_deref(), Some("diverged: loss"));
    // The text that clients get says the same, to the last bit.
    let text = serde_json::to_string(&results).unwrap();
    let back: SweepResults = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!(back.spec, results.spec);
    // Cancelled: open attempts and trials close with it.
    world.scheduler.cancel(Millis(3_000), sweep, "enough").unwrap();
    world.store.commit(&world.scheduler.take_records()).unwrap();
    let results = world.store.results(sweep).unwrap();
    assert_eq!((results.state.as_str(), results.closed_ms), ("cancelled", Some(3_000)));
    assert_eq!(results.cancel_reason.as_deref(), Some("enough"));
    assert!(world.store.results(SweepId(9)).is_err());
}

#[test]
fn repeats_and_abandoned_trials_are_counted() {
    let (mut world, sweep, _) = eventful();
    // A new process in the slot works on, until one trial has failed too often.
    let worker = world.scheduler.join(Millis(3_000), info("another process", "slot"));
    let failure = || TrialReport::Failure(Failure { error: "out of luck".to_owned(), log_tail: String::new() });
    let mut first = None;
    while let Some(grant) = world.scheduler.acquire(Millis(3_000), worker, 1).unwrap().first().cloned() {
        first.get_or_insert(grant.id);
        report(&mut world.scheduler, 3_000, worker, grant.id, failure());
    }
    // An earlier attempt of a finished trial reports after all, and differs.
    let finished =
        world.scheduler.state().sweeps[&sweep].trials.iter().find(|t| t.state.name() == "Finished" && t.attempts > 1);
    let late = finished.map(|t| AttemptId { trial: t.id, attempt: 1 });
    if let Some(late) = late {
        report(&mut world.scheduler, 3_100, worker, late, TrialReport::Outcome(outcome(1.0, "data")));
    }
    world.store.commit(&world.scheduler.take_records()).unwrap();
    let results = world.store.results(sweep).unwrap();
    assert_eq!(results.state, "finished");
    assert_eq!(results.closed_ms, Some(3_000));
    let abandoned: Vec<_> = results.trials.iter().filter(|t| t.state == "Abandoned").collect();
    assert!(!abandoned.is_empty() && abandoned.iter().all(|t| t.last_error.as_deref() == Some("out of luck")));
    assert_eq!((results.repeats, results.unequal_repeats), (1, 1));
    // One trial's attempts, as `explain` shows them.
    let id = TrialId { sweep, config: abandoned[0].config, replicate: abandoned[0].replicate };
    let attempts = world.store.attempts(id).unwrap();
    assert!(attempts.len() >= 2 && attempts.iter().all(|a| a.ended.is_some()));
    assert_eq!(attempts.last().unwrap().end, "failed");
    assert!(world.store.attempts(TrialId { sweep, config: 77, replicate: 0 }).unwrap().is_empty());
}
