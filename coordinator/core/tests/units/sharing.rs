//! Trials that share a training go to one worker, one after the other.

use crate::{Desk, attempt, config, failure, names, outcome, spec_of};
use proptest::prelude::*;
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{TrialId, WorkerId},
    plan::trials,
    record::Prediction,
    scheduler::{ReportAnswer, TrialReport},
    spec::{Pairing, SweepSpec},
    state::{LOOK_AHEAD, fingerprint},
};

/// A config for each letter: equal letters share a training, a dot shares none.
fn shared(trainings: &str, replicates: u32) -> SweepSpec {
    let one = |(i, letter): (usize, char)| {
        let mut config = config("", &format!("c{i}"), replicates);
        config.training_digest = if letter == '.' { String::new() } else { letter.to_string() };
        config
    };
    spec_of("x", trainings.chars().enumerate().map(one).collect())
}

/// What one worker gets that asks for one trial at a time and finishes it.
fn served_to_one(spec: SweepSpec) -> Vec<TrialId> {
    let mut desk = Desk::with(spec);
    let worker = desk.join(1);
    let mut served = Vec::new();
    while let Some(grant) = desk.acquire(worker, 1).first() {
        desk.finish(worker, grant.id);
        served.push(grant.id.trial);
    }
    desk.facts();
    served
}

fn places(served: &[TrialId]) -> Vec<(u32, u32)> {
    served.iter().map(|t| (t.config, t.replicate)).collect()
}

#[test]
fn siblings_follow_each_other_and_the_rest_keeps_plan_order() {
    let spec = shared("a.ab.b", 2);
    let second: Vec<u32> = trials(&spec).filter(|(_, replicate)| *replicate == 1).map(|(config, _)| config).collect();
    assert_eq!(second, [5, 4, 3, 0, 1, 2], "the first comes in file order, the second does not");
    let served = served_to_one(spec);
    assert_eq!(places(&served)[..6], [(0, 0), (2, 0), (1, 0), (3, 0), (5, 0), (4, 0)]);
    assert_eq!(places(&served)[6..], [(5, 1), (3, 1), (4, 1), (0, 1), (2, 1), (1, 1)]);
}

#[test]
fn without_common_seeds_nothing_is_shared() {
    let mut spec = shared("a.a", 1);
    spec.pairing = Pairing::Independent;
    assert_eq!(places(&served_to_one(spec)), [(0, 0), (1, 0), (2, 0)]);
}

#[test]
fn several_leases_at_once_hold_siblings_together() {
    let mut desk = Desk::with(shared("a.a", 1));
    let (one, two) = (desk.join(1), desk.join(2));
    assert_eq!(names(&desk.acquire(one, 2)), ["s1/c0/r0#1", "s1/c2/r0#1"]);
    assert_eq!(names(&desk.acquire(two, 2)), ["s1/c1/r0#1"]);
}

#[test]
fn other_workers_leave_siblings_to_the_one_that_trains_as_long_as_there_is_other_work() {
    let mut desk = Desk::with(shared("aa.", 1));
    let (one, two, three) = (desk.join(1), desk.join(2), desk.join(3));
    assert_eq!(names(&desk.acquire(one, 1)), ["s1/c0/r0#1"]);
    assert_eq!(names(&desk.acquire(two, 1)), ["s1/c2/r0#1"]);
    assert_eq!(names(&desk.acquire(three, 1)), ["s1/c1/r0#1"], "rather train it again than wait");
    desk.restart();
}

#[test]
fn a_sibling_left_behind_is_nobodys_once_its_worker_is_gone() {
    let mut desk = Desk::with(shared("aa.", 1));
    let (one, two) = (desk.join(1), desk.join(2));
    desk.acquire(one, 1);
    desk.core.leave(desk.now, one);
    assert_eq!(names(&desk.acquire(two, 1)), ["s1/c1/r0#1"]);
}

/// A lost trial may be what kills workers: it waits, though the worker has its training.
#[test]
fn a_lost_sibling_waits_its_turn() {
    let mut desk = Desk::with(shared("aa.", 1));
    let (one, two) = (desk.join(1), desk.join(2));
    desk.acquire(one, 1);
    desk.core.leave(desk.now, one);
    desk.acquire(two, 1);
    desk.finish(two, attempt(1, 1, 0, 1));
    assert_eq!(names(&desk.acquire(two, 1)), ["s1/c2/r0#1"]);
    assert_eq!(names(&desk.acquire(two, 2)), ["s1/c2/r0#1", "s1/c0/r0#2"]);
}

#[test]
fn a_worker_does_not_go_on_with_the_trial_it_just_failed() {
    let mut desk = Desk::with(shared("aa.", 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.report(worker, attempt(1, 0, 0, 1), failure("boom"));
    assert_eq!(names(&desk.acquire(worker, 1)), ["s1/c1/r0#1"]);
    desk.finish(worker, attempt(1, 1, 0, 1));
    assert_eq!(names(&desk.acquire(worker, 2)), ["s1/c2/r0#1", "s1/c0/r0#2"]);
}

/// Two of its three leases failed: what failed first is tried again before anything else is begun.
#[test]
fn a_failed_trial_goes_on_with_the_training_too() {
    let mut desk = Desk::with(shared("aaa.", 1));
    let worker = desk.join(1);
    desk.acquire(worker, 3);
    desk.report(worker, attempt(1, 2, 0, 1), failure("boom"));
    desk.report(worker, attempt(1, 0, 0, 1), failure("boom"));
    assert_eq!(names(&desk.acquire(worker, 2)), ["s1/c1/r0#1", "s1/c2/r0#2"]);
    assert_eq!(names(&desk.acquire(worker, 4))[2..], ["s1/c3/r0#1", "s1/c0/r0#2"]);
}

#[test]
fn a_sweep_of_larger_priority_comes_before_any_sibling() {
    let mut desk = Desk::with(shared("aa", 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    let mut urgent = shared(".", 1);
    (urgent.name, urgent.digest, urgent.priority) = ("urgent".to_owned(), "urgent".to_owned(), 1);
    desk.core.submit(desk.now, urgent, false, Vec::new()).unwrap();
    assert_eq!(names(&desk.acquire(worker, 2)), ["s1/c0/r0#1", "s2/c0/r0#1"]);
}

/// No more than [`LOOK_AHEAD`] trials are passed over, so that choosing takes bounded time.
#[test]
fn nobody_looks_far_ahead() {
    for (siblings, second) in [(LOOK_AHEAD, LOOK_AHEAD), (LOOK_AHEAD + 1, 1)] {
        let mut spec = shared(&"a".repeat(siblings + 1), 1);
        let order: Vec<u32> = trials(&spec).map(|(config, _)| config).collect();
        spec.configs[order[siblings] as usize].training_digest.clear();
        let mut desk = Desk::with(spec);
        let (one, two) = (desk.join(1), desk.join(2));
        desk.acquire(one, 1);
        assert_eq!(names(&desk.acquire(two, 1)), [format!("s1/c{}/r0#1", order[second])]);
    }
}

#[test]
fn leases_of_a_cancelled_sweep_hold_no_training() {
    let mut desk = Desk::with(shared("aa", 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.core.cancel(desk.now, sweeper_core::ids::SweepId(1), "no").unwrap();
    assert_eq!(desk.acquire(worker, 1), []);
    desk.facts();
}

#[test]
fn time_is_no_observation_and_predictions_are() {
    let base = outcome(1.0);
    let mut slow = base.clone();
    slow.metrics.push(sweeper_core::record::Metric {
        name: "seconds/train".into(),
        epoch: 1,
        value: 9.0,
        is_final: false,
    });
    slow.provenance.train_seconds = 9.0;
    assert_eq!(fingerprint(&slow), fingerprint(&base));
    let with = |bits: u8| {
        let mut outcome = base.clone();
        outcome.predictions.push(Prediction::new("balanced".into(), 8, vec![bits]));
        outcome
    };
    assert_ne!(fingerprint(&with(1)), fingerprint(&base));
    assert_ne!(fingerprint(&with(1)), fingerprint(&with(2)));
    let mut stored = with(1);
    stored.predictions[0].correct.clear();
    assert_eq!((fingerprint(&stored), &stored), (fingerprint(&with(1)), &with(1)), "the digest speaks for the bits");
}

/// Finishes everything with so many workers of some capacity, in an order that the seed decides; who got what.
fn run(spec: &SweepSpec, workers: u32, capacity: u32, mut seed: u64) -> BTreeMap<TrialId, WorkerId> {
    let mut desk = Desk::with(spec.clone());
    let joined: Vec<WorkerId> = (1..=workers).map(|n| desk.join(n)).collect();
    let mut done = BTreeMap::new();
    while desk.counts(1).open() > 0 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let worker = joined[(seed >> 33) as usize % joined.len()];
        if let Some(grant) = desk.acquire(worker, capacity).first() {
            let report = TrialReport::Outcome(outcome(f64::from(grant.id.trial.config)));
            assert_eq!(desk.report(worker, grant.id, report), ReportAnswer::Accepted);
            done.insert(grant.id.trial, worker);
        }
    }
    desk.facts();
    done
}

proptest! {
    /// One worker: all trials of one training follow each other, and every trial is served once.
    #[test]
    fn one_worker_trains_nothing_twice(trainings in "[abc.]{1,8}", replicates in 1_u32..4) {
        let spec = shared(&trainings, replicates);
        let served = served_to_one(spec.clone());
        prop_assert_eq!(served.len(), trainings.len() * replicates as usize);
        let training = |t: &TrialId| (spec.configs[t.config as usize].training_digest.clone(), t.replicate);
        let mut seen = Vec::new();
        for trial in &served {
            let now = training(trial);
            if now.0.is_empty() || seen.last() != Some(&now) {
                prop_assert!(now.0.is_empty() || !seen.contains(&now), "{:?} twice in {:?}", now, places(&served));
                seen.push(now);
            }
        }
    }

    /// Sharing changes who trains what and when, never what is trained.
    #[test]
    fn every_trial_is_finished_once_with_or_without_sharing(
        trainings in "[ab.]{1,8}",
        replicates in 1_u32..4,
        workers in 1_u32..4,
        capacity in 1_u32..4,
        seed in any::<u64>(),
    ) {
        let with = run(&shared(&trainings, replicates), workers, capacity, seed);
        let without = run(&shared(&".".repeat(trainings.len()), replicates), workers, capacity, seed);
        prop_assert!(with.keys().eq(without.keys()));
    }
}
