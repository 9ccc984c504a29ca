use crate::{Desk, TERM, failure, info, names, spec, trial};
use sweeper_core::{
    ids::{SweepId, WorkerId},
    record::{LeaseEnd, Record, WorkerEnd},
    scheduler::{ReportAnswer, TOLERATED_LOSSES, UnknownWorker},
    state::{TrialState, WorkerState},
};

fn why_gone(desk: &Desk, worker: WorkerId) -> Option<WorkerEnd> {
    match desk.core.state().workers[&worker].state {
        WorkerState::Live => None,
        WorkerState::Gone { why, .. } => Some(why),
    }
}

#[test]
fn one_process_is_one_worker() {
    let mut desk = Desk::new();
    let first = desk.join(1);
    assert_eq!(desk.join(1), first);
    assert_ne!(desk.join(2), first);
    assert_eq!(desk.facts().len(), 2);
}

#[test]
fn a_new_process_in_a_slot_replaces_the_old_and_frees_its_trials() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let old = desk.join(1);
    desk.acquire(old, 1);
    let new = desk.core.join(desk.now, info("p1-restarted", "s1"));
    assert_eq!(why_gone(&desk, old), Some(WorkerEnd::Replaced));
    let left = desk.facts().iter().any(|f| matches!(f, Record::LeaseEnded { end: LeaseEnd::WorkerLeft, .. }));
    assert!(left);
    assert_eq!(names(&desk.acquire(new, 1)), ["s1/c0/r0#2"]);
    // A late message of the dead process changes nothing.
    assert_eq!(desk.join(1), old);
    assert_eq!(desk.core.acquire(desk.now, old, 1), Err(UnknownWorker(old)));
    assert_eq!(why_gone(&desk, new), None);
}

#[test]
fn a_late_first_message_of_a_dead_process_cannot_lock_the_living_one_out() {
    let mut desk = Desk::new();
    let living = desk.join(1);
    let ghost = desk.core.join(desk.now, info("dead", "s1"));
    assert_eq!(why_gone(&desk, living), Some(WorkerEnd::Replaced));
    desk.pass(TERM);
    assert_eq!(why_gone(&desk, ghost), Some(WorkerEnd::Lost));
    assert_eq!(desk.join(1), living);
    assert_eq!(why_gone(&desk, living), None);
    desk.facts();
}

#[test]
fn silence_for_a_term_is_loss_and_a_lost_worker_comes_back_with_its_id() {
    let mut desk = Desk::new();
    let worker = desk.join(1);
    desk.pass(TERM - 1);
    assert_eq!(desk.acquire(worker, 1), [], "a sign of life");
    assert_eq!(desk.core.last_seen(worker), Some(desk.now));
    desk.pass(TERM - 1);
    assert_eq!(desk.core.heartbeat(desk.now, worker, &[]), Ok(Vec::new()), "another one");
    desk.pass(TERM);
    assert_eq!(why_gone(&desk, worker), Some(WorkerEnd::Lost));
    assert_eq!(desk.core.last_seen(worker), Some(desk.now));
    assert_eq!(desk.core.heartbeat(desk.now, worker, &[]), Err(UnknownWorker(worker)));
    assert_eq!(desk.join(1), worker);
    assert_eq!(why_gone(&desk, worker), None);
    assert_eq!(desk.core.last_seen(WorkerId(99)), None);
    desk.facts();
}

#[test]
fn goodbye_ends_leases_at_once_and_may_be_said_twice() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.core.leave(desk.now, worker);
    assert_eq!((why_gone(&desk, worker), desk.counts(1).pending), (Some(WorkerEnd::Left), 1));
    desk.facts();
    desk.core.leave(desk.now, worker);
    desk.core.leave(desk.now, WorkerId(99));
    assert_eq!(desk.facts(), []);
    assert_eq!(desk.core.acquire(desk.now, worker, 1), Err(UnknownWorker(worker)));
}

#[test]
fn a_restart_gives_every_lease_one_fresh_term_and_takes_reports() {
    let mut desk = Desk::with(spec("x", 2, 1));
    let worker = desk.join(1);
    let ids: Vec<_> = desk.acquire(worker, 2).iter().map(|g| g.id).collect();
    desk.now = desk.now.plus(100 * TERM);
    desk.restart();
    assert_eq!(desk.core.next_deadline(), Some(desk.now.plus(TERM)));
    desk.pass(TERM - 1);
    desk.finish(worker, ids[0]);
    assert_eq!(names(&desk.acquire(worker, 1)), [ids[1].to_string()]);
    desk.restart();
    desk.pass(TERM);
    assert_eq!(desk.counts(1).pending, 1);
    assert_eq!(why_gone(&desk, worker), Some(WorkerEnd::Lost));
    desk.finish(worker, ids[1]);
    assert!(desk.core.state().sweeps[&SweepId(1)].closed.is_some());
    assert_eq!(desk.core.state().workers[&worker].finished, 2);
    desk.facts();
}

/// Process number `n` of slot `s1`, which replaces the one before it.
fn next_process(desk: &mut Desk, n: u32) -> WorkerId {
    desk.core.join(desk.now, info(&format!("process {n}"), "s1"))
}

#[test]
fn a_trial_that_kills_its_processes_lets_the_others_run_and_is_abandoned_in_the_end() {
    // Config 0 kills; each process takes two leases and works on the older one.
    let mut desk = Desk::with(spec("x", 4, 1));
    let killer = trial(1, 0, 0);
    let mut deaths = 0;
    for n in 1..100 {
        let worker = next_process(&mut desk, n);
        while let Some(oldest) = desk.acquire(worker, 2).first().map(|g| g.id).filter(|id| id.trial != killer) {
            desk.finish(worker, oldest);
        }
        if desk.counts(1).open() == 0 {
            break;
        }
        deaths += 1;
        desk.restart();
    }
    let state = desk.core.state();
    let abandoned = state.trial(killer).unwrap();
    assert_eq!((abandoned.state, abandoned.losses, abandoned.failures), (TrialState::Abandoned, TOLERATED_LOSSES, 3));
    assert_eq!(deaths, TOLERATED_LOSSES + 3);
    let error = "its worker process died, after 4 attempts of this trial were lost; see the worker's log";
    assert_eq!(abandoned.last_error.as_deref(), Some(error));
    assert_eq!((desk.counts(1).finished, desk.counts(1).abandoned), (3, 1));
    let why = sweeper_core::explain::explain(state, killer, desk.now).unwrap();
    assert!(why.contains("the most that the sweep allows, 4 by loss of the worker or its lease; the last"), "{why}");
    desk.facts();
}

#[test]
fn trials_that_waited_in_the_queue_of_a_dead_process_are_not_to_blame() {
    let mut desk = Desk::with(spec("x", 2, 1));
    for n in 1..=TOLERATED_LOSSES + 1 {
        let worker = next_process(&mut desk, n);
        assert_eq!(desk.acquire(worker, 2).len(), 2);
    }
    next_process(&mut desk, 99);
    let state = desk.core.state();
    let of = |config| state.trial(trial(1, config, 0)).map(|t| (t.failures, t.losses));
    assert_eq!((of(0), of(1)), (Some((1, 4)), Some((0, 5))));
}

#[test]
fn lost_and_leaving_workers_never_count_however_often() {
    let mut desk = Desk::with(spec("x", 1, 1));
    for n in 1..=20 {
        let worker = next_process(&mut desk, n);
        desk.acquire(worker, 1);
        if n % 2 == 0 { desk.core.leave(desk.now, worker) } else { desk.pass(TERM) }
    }
    let lost = desk.core.state().trial(trial(1, 0, 0)).unwrap();
    assert_eq!((lost.state, lost.losses, lost.failures), (TrialState::Pending, 20, 0));
    let worker = next_process(&mut desk, 21);
    let id = desk.acquire(worker, 1)[0].id;
    assert_eq!(desk.report(worker, id, failure("boom")), ReportAnswer::Accepted);
    assert_eq!(desk.core.state().trial(trial(1, 0, 0)).unwrap().failures, 1);
    desk.facts();
}
