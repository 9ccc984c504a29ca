use crate::{Desk, TERM, attempt, failure, names, outcome, spec, trial};
use sweeper_core::{
    ids::{Millis, SweepId},
    plan::{MAX_TRIALS, trial_seed},
    record::{LeaseEnd, Record},
    scheduler::{ReportAnswer, ReusedOutcome, RevokeReason, SubmitError, TrialReport, UnknownSweep},
    state::TrialState,
};

#[test]
fn larger_priority_then_earlier_sweep_then_plan_order() {
    let mut desk = Desk::with(spec("first", 2, 1));
    desk.core.submit(desk.now, spec("second", 1, 1), false, Vec::new()).unwrap();
    let mut urgent = spec("urgent", 1, 2);
    urgent.priority = 5;
    desk.core.submit(desk.now, urgent, false, Vec::new()).unwrap();
    let worker = desk.join(1);
    let grants = desk.acquire(worker, 10);
    assert_eq!(names(&grants), ["s3/c0/r0#1", "s3/c0/r1#1", "s1/c0/r0#1", "s1/c1/r0#1", "s2/c0/r0#1"]);
    let spec = &desk.core.state().sweeps[&SweepId(3)].spec;
    assert_eq!(grants[1].seed, trial_seed(spec, 0, 1));
}

#[test]
fn a_repeated_acquire_returns_the_same_leases_and_decides_nothing() {
    let mut desk = Desk::with(spec("x", 3, 1));
    let worker = desk.join(1);
    let first = desk.acquire(worker, 2);
    desk.facts();
    assert_eq!(desk.acquire(worker, 2), first);
    assert_eq!(desk.facts(), []);
    assert_eq!(names(&desk.acquire(worker, 1)), names(&first), "open leases are never hidden");
}

#[test]
fn a_trial_given_back_returns_to_its_place_in_the_plan() {
    let mut desk = Desk::with(spec("x", 4, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    desk.acquire(one, 2);
    assert_eq!(desk.report(one, attempt(1, 0, 0, 1), TrialReport::Released("drained".into())), ReportAnswer::Accepted);
    assert_eq!(names(&desk.acquire(two, 2)), ["s1/c0/r0#2", "s1/c2/r0#1"]);
    assert_eq!(desk.core.state().trial(trial(1, 0, 0)).unwrap().failures, 0);
}

#[test]
fn a_trial_that_was_lost_comes_after_those_lost_less_often() {
    let mut desk = Desk::with(spec("x", 4, 1));
    for n in 1..=2 {
        let worker = desk.join(n);
        desk.acquire(worker, n);
        desk.core.leave(desk.now, worker);
    }
    // Config 0 was lost first, then configs 1 and 2, which nothing had happened to.
    desk.facts();
    let (three, four) = (desk.join(3), desk.join(4));
    assert_eq!(names(&desk.acquire(three, 2)), ["s1/c3/r0#1", "s1/c0/r0#2"]);
    desk.core.leave(desk.now, three);
    assert_eq!(names(&desk.acquire(four, 3)), ["s1/c1/r0#2", "s1/c2/r0#2", "s1/c3/r0#2"]);
    assert_eq!(desk.core.state().trial(trial(1, 0, 0)).unwrap().losses, 2);
    desk.restart();
    assert_eq!(names(&desk.acquire(four, 4))[3], "s1/c0/r0#3");
}

#[test]
fn leases_end_at_their_deadline_and_heartbeats_move_it() {
    let mut desk = Desk::with(spec("x", 2, 1));
    let worker = desk.join(1);
    let ids: Vec<_> = desk.acquire(worker, 2).iter().map(|g| g.id).collect();
    desk.pass(TERM - 1);
    assert_eq!(desk.core.heartbeat(desk.now, worker, &ids[..1]), Ok(Vec::new()));
    desk.pass(1);
    assert_eq!(desk.counts(1).leased, 1, "only the renewed one is left");
    assert_eq!(desk.core.next_deadline(), Some(Millis(desk.now.0 + TERM - 1)));
    let ended = desk.facts().into_iter().find_map(|fact| match fact {
        Record::LeaseEnded { id, end, .. } => Some((id, end)),
        _ => None,
    });
    assert_eq!(ended, Some((ids[1], LeaseEnd::Expired)));
    desk.pass(TERM);
    assert_eq!((desk.counts(1).pending, desk.core.next_deadline()), (2, None));
}

#[test]
fn a_heartbeat_tells_what_to_stop_and_lets_a_lapsed_attempt_go_on() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    let lapsed = desk.acquire(one, 1)[0].id;
    desk.pass(TERM);
    let one = desk.core.join(desk.now, crate::info("p1", "s1"));
    let again = desk.core.join(desk.now, crate::info("p2", "s2"));
    assert_eq!(again, two);
    let other = desk.acquire(two, 1)[0].id;
    assert_eq!(other, attempt(1, 0, 0, 2));
    assert_eq!(desk.core.heartbeat(desk.now, one, &[lapsed]), Ok(Vec::new()), "the trial is open: go on");
    let revoked = desk.core.heartbeat(desk.now, one, &[other, attempt(1, 0, 0, 9), attempt(9, 0, 0, 1)]).unwrap();
    let reasons: Vec<_> = revoked.iter().map(|r| r.reason).collect();
    assert_eq!(reasons, [RevokeReason::NotYours, RevokeReason::Unknown, RevokeReason::Unknown]);
    desk.finish(one, lapsed);
    let revoked = desk.core.heartbeat(desk.now, two, &[other]).unwrap();
    assert_eq!((revoked[0].id, revoked[0].reason), (other, RevokeReason::Finished));
    assert!(desk.core.state().workers[&two].leases.is_empty(), "superseded");
}

#[test]
fn a_stale_heartbeat_renews_nothing() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    let lapsed = desk.acquire(one, 1)[0].id;
    desk.pass(TERM - 1);
    desk.core.heartbeat(desk.now, one, &[]).unwrap();
    desk.core.heartbeat(desk.now, two, &[]).unwrap();
    desk.pass(1);
    desk.acquire(two, 1);
    let deadline = desk.now.plus(TERM);
    desk.now = desk.now.plus(TERM - 2);
    desk.core.heartbeat(desk.now, one, &[lapsed]).unwrap();
    assert_eq!(desk.core.next_deadline(), Some(deadline));
    desk.pass(2);
    assert_eq!(desk.counts(1).pending, 1);
}

#[test]
fn failing_code_is_tried_again_up_to_the_limit_and_lost_infrastructure_never_counts() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let worker = desk.join(1);
    for n in 1..=5 {
        assert_eq!(desk.acquire(worker, 1)[0].id.attempt, n);
        desk.pass(TERM - 1);
        desk.core.heartbeat(desk.now, worker, &[]).unwrap();
        desk.pass(1);
    }
    for n in 6..=8 {
        let id = desk.acquire(worker, 1)[0].id;
        assert_eq!(id.attempt, n);
        assert_eq!(desk.report(worker, id, failure(&format!("boom {n}"))), ReportAnswer::Accepted);
    }
    let trial = desk.core.state().trial(trial(1, 0, 0)).unwrap();
    assert_eq!((trial.state, trial.failures, trial.last_error.as_deref()), (TrialState::Abandoned, 3, Some("boom 8")));
    assert_eq!(desk.core.state().sweeps[&SweepId(1)].closed, Some(desk.now));
    assert_eq!(desk.acquire(worker, 1), []);
    desk.facts();
}

#[test]
fn a_worker_gets_another_trial_after_one_that_failed_if_there_is_one() {
    let mut desk = Desk::with(spec("x", 2, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    let id = desk.acquire(one, 1)[0].id;
    desk.report(one, id, failure("boom"));
    assert_eq!(names(&desk.acquire(one, 1)), ["s1/c1/r0#1"]);
    assert_eq!(names(&desk.acquire(one, 2)), ["s1/c1/r0#1", "s1/c0/r0#2"], "nothing else is left");
    desk.report(one, attempt(1, 1, 0, 1), failure("boom"));
    assert_eq!(names(&desk.acquire(two, 1)), ["s1/c1/r0#2"], "another worker takes it at once");
}

#[test]
fn an_equal_sweep_is_not_made_twice_and_a_name_is_unfinished_once() {
    let mut desk = Desk::with(spec("x", 1, 2));
    let again = desk.core.submit(desk.now, spec("x", 1, 2), true, Vec::new()).unwrap();
    assert_eq!((again.sweep, again.created), (SweepId(1), false));
    let changed = spec("x", 1, 3);
    let busy = desk.core.submit(desk.now, changed.clone(), false, Vec::new());
    assert_eq!(busy, Err(SubmitError::NameBusy { sweep: SweepId(1) }));
    let made = desk.core.submit(desk.now, changed, true, Vec::new()).unwrap();
    assert_eq!((made.sweep, made.created), (SweepId(2), true));
    assert_eq!(desk.core.state().sweeps[&SweepId(1)].cancelled.as_deref(), Some("superseded by s2"));
    // A cancelled sweep is no answer to its own resubmission.
    let back = desk.core.submit(desk.now, spec("x", 1, 2), true, Vec::new()).unwrap();
    assert_eq!((back.sweep, back.created), (SweepId(3), true));
    desk.facts();
}

#[test]
fn sweeps_without_trials_or_with_too_many_are_refused_whole() {
    let mut desk = Desk::new();
    assert_eq!(desk.core.submit(desk.now, spec("x", 2, 0), false, Vec::new()), Err(SubmitError::NoTrials));
    let trials = MAX_TRIALS + 2;
    let many = desk.core.submit(desk.now, spec("x", 2, trials as u32 / 2), false, Vec::new());
    assert_eq!(many, Err(SubmitError::TooManyTrials { trials, limit: MAX_TRIALS }));
    assert_eq!(desk.facts(), []);
}

#[test]
fn cancelling_closes_open_trials_only() {
    let mut desk = Desk::with(spec("x", 3, 1));
    let worker = desk.join(1);
    let ids: Vec<_> = desk.acquire(worker, 2).iter().map(|g| g.id).collect();
    desk.finish(worker, ids[0]);
    assert_eq!(desk.core.cancel(desk.now, SweepId(1), "typo"), Ok(2));
    assert_eq!(desk.core.cancel(desk.now, SweepId(1), "again"), Ok(0));
    assert_eq!(desk.core.cancel(desk.now, SweepId(2), "typo"), Err(UnknownSweep(SweepId(2))));
    let counts = desk.counts(1);
    assert_eq!((counts.finished, counts.cancelled, counts.open()), (1, 2, 0));
    let revoked = desk.core.heartbeat(desk.now, worker, &ids[1..]).unwrap();
    assert_eq!(revoked[0].reason, RevokeReason::Cancelled);
    assert_eq!(desk.acquire(worker, 2), []);
    assert_eq!(desk.core.next_deadline(), Some(desk.now.plus(TERM)), "the worker's, no lease's");
    desk.facts();
}

#[test]
fn outcomes_of_earlier_sweeps_are_taken_if_they_agree_on_the_data() {
    let mut desk = Desk::new();
    let mut other_data = outcome(3.0);
    other_data.provenance.data_digest = "d2".to_owned();
    let mut broken = outcome(1.0);
    broken.metrics[0].value = f64::NAN;
    let given = [(0, 0, outcome(1.0)), (0, 1, other_data), (1, 0, broken), (0, 0, outcome(2.0)), (9, 0, outcome(1.0))];
    let from = trial(7, 0, 0);
    let reused = given.into_iter().map(|(config, replicate, outcome)| ReusedOutcome {
        config,
        replicate,
        from,
        worker: None,
        outcome,
    });
    desk.core.submit(desk.now, spec("x", 2, 2), false, reused.collect()).unwrap();
    let counts = desk.counts(1);
    assert_eq!((counts.finished, counts.reused, counts.pending), (1, 1, 3));
    let sweep = &desk.core.state().sweeps[&SweepId(1)];
    assert_eq!(sweep.data["data"], "d1");
    assert_eq!(sweep.trial(0, 0).unwrap().accepted.as_ref().unwrap().reused_from, Some(from));
    assert_eq!(sweep.config_counts(0), {
        let mut counts = counts;
        (counts.planned, counts.pending) = (2, 1);
        counts
    });
    let worker = desk.join(1);
    assert_eq!(desk.acquire(worker, 1)[0].data_digest.as_deref(), Some("d1"));
    desk.facts();
}

#[test]
fn a_sweep_whose_trials_are_all_known_is_closed_at_once() {
    let mut desk = Desk::new();
    let known = ReusedOutcome { config: 0, replicate: 0, from: trial(1, 0, 0), worker: None, outcome: outcome(1.0) };
    desk.core.submit(desk.now, spec("x", 1, 1), false, vec![known]).unwrap();
    assert_eq!(desk.core.state().sweeps[&SweepId(1)].closed, Some(desk.now));
    assert_eq!(desk.core.state().open_sweeps().count(), 0);
    desk.facts();
}
