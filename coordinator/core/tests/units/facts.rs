//! Impossible facts: each is refused by name, and changes nothing.

use crate::{Desk, attempt, failure, info, outcome, spec, trial};
use sweeper_core::{
    ids::{Millis, SweepId, WorkerId},
    record::{LeaseEnd, Outcome, Record, WorkerEnd},
    scheduler::TrialReport,
    state::{ApplyError, State, TrialState, apply},
};

const AT: Millis = Millis(5);

fn submitted(sweep: u32, replicates: u32) -> Record {
    Record::SweepSubmitted { sweep: SweepId(sweep), spec: Box::new(spec("y", 1, replicates)), at: AT }
}

fn joined(worker: u64, process: &str) -> Record {
    Record::WorkerJoined { worker: WorkerId(worker), info: info(process, "s1"), at: AT }
}

fn granted(config: u32, n: u32, worker: u64) -> Record {
    Record::LeaseGranted { id: attempt(1, config, 0, n), worker: WorkerId(worker), at: AT }
}

fn gone(worker: u64) -> Record {
    Record::WorkerGone { worker: WorkerId(worker), why: WorkerEnd::Left, at: AT }
}

fn accepted(config: u32, n: u32, outcome: Outcome) -> Record {
    let (id, outcome) = (attempt(1, config, 0, n), Box::new(outcome));
    Record::OutcomeAccepted { id, worker: Some(WorkerId(1)), reused_from: None, outcome, at: AT }
}

fn repeated(config: u32, n: u32) -> Record {
    let (id, outcome) = (attempt(1, config, 0, n), Box::new(outcome(1.0)));
    Record::OutcomeRepeated { id, worker: WorkerId(1), equal: true, outcome, at: AT }
}

fn pinned(key: &str) -> Record {
    Record::DataPinned { sweep: SweepId(1), key: key.to_owned(), digest: "d".to_owned() }
}

fn cancelled(sweep: u32) -> Record {
    Record::SweepCancelled { sweep: SweepId(sweep), reason: String::new(), at: AT }
}

fn abandoned(config: u32) -> Record {
    Record::TrialAbandoned { trial: trial(1, config, 0), at: AT }
}

/// Sweep 1: config 0 finished (attempt 2 after one handed back), 1 leased to worker 1, 2 pending after one failure.
/// Worker 1 is live, worker 2 left. Sweep 2 is cancelled.
fn history() -> State {
    let mut desk = Desk::with(spec("x", 3, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    desk.acquire(two, 1);
    desk.report(two, attempt(1, 0, 0, 1), TrialReport::Released("drained".to_owned()));
    desk.core.leave(desk.now, two);
    let id = desk.acquire(one, 1)[0].id;
    desk.finish(one, id);
    desk.acquire(one, 2);
    desk.report(one, attempt(1, 2, 0, 1), failure("boom"));
    desk.core.submit(desk.now, spec("z", 1, 1), false, Vec::new()).unwrap();
    desk.core.cancel(desk.now, SweepId(2), "no").unwrap();
    desk.facts();
    desk.core.state().clone()
}

#[test]
fn impossible_facts_are_refused_by_name_and_change_nothing() {
    use ApplyError as E;
    let state = history();
    let leased = attempt(1, 1, 0, 1);
    let wrong = |fact, config, state| E::WrongState { fact, trial: trial(1, config, 0), state };
    let mut other_data = outcome(1.0);
    other_data.provenance.data_digest = "d2".to_owned();
    let (reported, pinned_at) = ("d2".to_owned(), "d1".to_owned());
    let end = |id| Record::LeaseEnded { id, end: LeaseEnd::Expired, at: AT };
    let table = [
        (submitted(2, 1), E::SweepOutOfOrder { got: SweepId(2), expected: SweepId(3) }),
        (submitted(3, 4_000_001), E::TooManyTrials { sweep: SweepId(3), trials: 4_000_001 }),
        (cancelled(9), E::UnknownSweep(SweepId(9))),
        (cancelled(2), E::SweepClosed(SweepId(2))),
        (joined(9, "new"), E::WorkerOutOfOrder { got: WorkerId(9), expected: WorkerId(3) }),
        (joined(1, "p1"), E::WorkerJoinedTwice(WorkerId(1))),
        (joined(2, "p7"), E::WorkerJoinedTwice(WorkerId(2))),
        (joined(3, "p1"), E::ProcessTaken { worker: WorkerId(3), other: WorkerId(1) }),
        (gone(9), E::UnknownWorker(WorkerId(9))),
        (gone(2), E::WorkerGone(WorkerId(2))),
        (gone(1), E::WorkerHoldsLease { worker: WorkerId(1), lease: leased }),
        (granted(2, 2, 9), E::UnknownWorker(WorkerId(9))),
        (granted(2, 2, 2), E::WorkerGone(WorkerId(2))),
        (granted(9, 1, 1), E::UnknownTrial(trial(1, 9, 0))),
        (granted(1, 2, 1), wrong("lease", 1, TrialState::Leased)),
        (granted(0, 3, 1), wrong("lease", 0, TrialState::Finished)),
        (granted(2, 1, 1), E::AttemptOutOfOrder { got: attempt(1, 2, 0, 1), expected: 2 }),
        (end(attempt(1, 0, 0, 2)), E::LeaseNotOpen(attempt(1, 0, 0, 2))),
        (end(attempt(1, 1, 0, 2)), E::LeaseNotOpen(attempt(1, 1, 0, 2))),
        (accepted(0, 1, outcome(1.0)), wrong("outcome", 0, TrialState::Finished)),
        (accepted(1, 2, outcome(1.0)), E::UnknownAttempt(attempt(1, 1, 0, 2))),
        (accepted(1, 0, outcome(1.0)), E::UnknownAttempt(attempt(1, 1, 0, 0))),
        (
            accepted(1, 1, other_data),
            E::OtherData { trial: trial(1, 1, 0), key: "data".to_owned(), pinned: pinned_at, reported },
        ),
        (repeated(0, 2), E::RepeatedTwice(attempt(1, 0, 0, 2))),
        (repeated(0, 3), E::UnknownAttempt(attempt(1, 0, 0, 3))),
        (repeated(1, 1), wrong("repeated outcome", 1, TrialState::Leased)),
        (abandoned(1), wrong("abandonment", 1, TrialState::Leased)),
        (abandoned(2), E::AbandonedEarly { trial: trial(1, 2, 0), failures: 1, limit: 3 }),
        (pinned("data"), E::CannotPin { sweep: SweepId(1), key: "data".to_owned() }),
        (pinned("other"), E::CannotPin { sweep: SweepId(1), key: "other".to_owned() }),
    ];
    for (fact, error) in table {
        let mut after = state.clone();
        assert_eq!(apply(&mut after, &fact), Err(error), "{fact:?}");
        assert_eq!(after, state, "{fact:?} changed something");
    }
}

#[test]
fn a_repeated_outcome_is_kept_once_for_each_attempt() {
    let mut state = history();
    assert_eq!(apply(&mut state, &repeated(0, 1)), Ok(()));
    assert_eq!(apply(&mut state, &repeated(0, 1)), Err(ApplyError::RepeatedTwice(attempt(1, 0, 0, 1))));
}

#[test]
fn facts_survive_their_json_form() {
    let mut desk = Desk::with(spec("x", 2, 2));
    let worker = desk.join(1);
    for grant in desk.acquire(worker, 2) {
        desk.finish(worker, grant.id);
    }
    let facts = desk.facts();
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Record>>(&text).unwrap(), facts);
}
