use crate::{Desk, TERM, attempt, failure, outcome, spec, trial};
use sweeper_core::{
    ids::{SweepId, WorkerId},
    record::{OutcomeKind, Record},
    scheduler::{RefuseReason, ReportAnswer, TrialReport},
    state::{TrialState, fingerprint},
};

/// A desk with one trial, leased to worker 1 as attempt 1.
fn leased() -> (Desk, WorkerId) {
    let mut desk = Desk::with(spec("x", 1, 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.facts();
    (desk, worker)
}

fn refused(answer: ReportAnswer) -> RefuseReason {
    match answer {
        ReportAnswer::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_outcome_pins_the_data_and_closes_the_trial() {
    let (mut desk, worker) = leased();
    desk.finish(worker, attempt(1, 0, 0, 1));
    let facts = desk.facts();
    assert!(matches!(&facts[0], Record::DataPinned { key, digest, .. } if key == "data" && digest == "d1"));
    assert!(matches!(&facts[1], Record::OutcomeAccepted { worker: Some(w), reused_from: None, .. } if *w == worker));
    assert_eq!(facts.len(), 2);
    assert_eq!(desk.core.state().sweeps[&SweepId(1)].closed, Some(desk.now));
}

#[test]
fn outcomes_without_a_data_digest_pin_nothing() {
    let (mut desk, worker) = leased();
    let mut synthetic = outcome(1.0);
    synthetic.provenance.data_digest.clear();
    assert_eq!(desk.report(worker, attempt(1, 0, 0, 1), TrialReport::Outcome(synthetic)), ReportAnswer::Accepted);
    assert!(desk.core.state().sweeps[&SweepId(1)].data.is_empty());
}

#[test]
fn the_same_message_again_is_harmless() {
    let (mut desk, worker) = leased();
    desk.finish(worker, attempt(1, 0, 0, 1));
    desk.facts();
    let again = desk.report(worker, attempt(1, 0, 0, 1), TrialReport::Outcome(outcome(1.0)));
    assert_eq!(again, ReportAnswer::Duplicate { equal: true });
    assert_eq!(desk.facts(), []);
}

#[test]
fn a_second_outcome_is_a_determinism_check_and_kept_once() {
    let (mut desk, one) = leased();
    desk.pass(TERM);
    let two = desk.join(2);
    desk.acquire(two, 1);
    desk.finish(two, attempt(1, 0, 0, 2));
    desk.facts();
    let mut second = outcome(1.0);
    second.provenance.train_seconds = 9.0;
    second.provenance.device = "another".to_owned();
    let late = TrialReport::Outcome(second);
    assert_eq!(desk.report(one, attempt(1, 0, 0, 1), late.clone()), ReportAnswer::Duplicate { equal: true });
    assert!(matches!(desk.facts()[..], [Record::OutcomeRepeated { equal: true, .. }]));
    assert_eq!(desk.report(one, attempt(1, 0, 0, 1), late), ReportAnswer::Duplicate { equal: true });
    assert_eq!(desk.facts(), []);
}

#[test]
fn a_second_outcome_that_differs_is_told() {
    let (mut desk, one) = leased();
    desk.pass(TERM);
    let two = desk.join(2);
    desk.acquire(two, 1);
    desk.finish(two, attempt(1, 0, 0, 2));
    desk.facts();
    let other = TrialReport::Outcome(outcome(1.0 + f64::EPSILON));
    assert_eq!(desk.report(one, attempt(1, 0, 0, 1), other), ReportAnswer::Duplicate { equal: false });
    assert!(matches!(desk.facts()[..], [Record::OutcomeRepeated { equal: false, .. }]));
    assert_eq!(desk.core.state().trial(trial(1, 0, 0)).unwrap().fingerprint, Some(fingerprint(&outcome(1.0))));
}

#[test]
fn a_successor_and_even_a_stranger_may_deliver_an_outcome() {
    let (mut desk, _) = leased();
    desk.finish(WorkerId(77), attempt(1, 0, 0, 1));
    let facts = desk.facts();
    assert!(matches!(facts[1], Record::OutcomeAccepted { worker: None, .. }));
    assert_eq!(desk.core.next_deadline(), Some(desk.now.plus(TERM)), "the lease is gone, the worker is not");
}

#[test]
fn failures_and_releases_of_an_earlier_attempt_do_not_touch_the_present_lease() {
    let (mut desk, one) = leased();
    desk.pass(TERM);
    let two = desk.join(2);
    desk.acquire(two, 1);
    desk.facts();
    for report in [failure("late"), TrialReport::Released("late".into())] {
        let reason = refused(desk.report(one, attempt(1, 0, 0, 1), report));
        assert_eq!(reason, RefuseReason::LeaseOver(attempt(1, 0, 0, 1)));
    }
    assert_eq!(desk.facts(), []);
    assert_eq!(desk.counts(1).leased, 1);
}

#[test]
fn a_failure_counts_once_however_often_it_is_sent() {
    let (mut desk, worker) = leased();
    assert_eq!(desk.report(worker, attempt(1, 0, 0, 1), failure("boom")), ReportAnswer::Accepted);
    desk.acquire(worker, 1);
    refused(desk.report(worker, attempt(1, 0, 0, 1), failure("boom")));
    assert_eq!(desk.core.state().trial(trial(1, 0, 0)).unwrap().failures, 1);
}

#[test]
fn what_was_never_asked_for_is_refused_by_name() {
    let (mut desk, worker) = leased();
    let report = || TrialReport::Outcome(outcome(1.0));
    let mut ask = |id, digest| refused(desk.core.report(desk.now, worker, id, digest, report()));
    assert_eq!(ask(attempt(9, 0, 0, 1), "recipe-a"), RefuseReason::UnknownTrial(trial(9, 0, 0)));
    assert_eq!(ask(attempt(1, 0, 9, 1), "recipe-a"), RefuseReason::UnknownTrial(trial(1, 0, 9)));
    assert_eq!(ask(attempt(1, 0, 0, 2), "recipe-a"), RefuseReason::UnknownAttempt(attempt(1, 0, 0, 2)));
    assert_eq!(ask(attempt(1, 0, 0, 0), "recipe-a"), RefuseReason::UnknownAttempt(attempt(1, 0, 0, 0)));
    let other = ask(attempt(1, 0, 0, 1), "recipe-z").to_string();
    assert_eq!(other, "recipe recipe-z was trained, the trial's recipe is recipe-a");
    assert_eq!(desk.facts(), []);
    assert_eq!(desk.counts(1).leased, 1);
}

#[test]
fn other_data_are_refused_with_both_digests_and_cost_the_holder_its_attempt() {
    let mut desk = Desk::with(spec("x", 2, 1));
    let (one, two) = (desk.join(1), desk.join(2));
    let (first, second) = (desk.acquire(one, 1)[0].id, desk.acquire(two, 1)[0].id);
    desk.finish(one, first);
    let mut other = outcome(1.0);
    other.provenance.data_digest = "d2".to_owned();
    let text = "data `data` had digest d2, earlier outcomes of the sweep were observed on d1";
    let reason = refused(desk.report(one, second, TrialReport::Outcome(other.clone())));
    assert_eq!(reason.to_string(), text);
    assert_eq!(desk.counts(1).leased, 1, "not the holder's own report");
    refused(desk.report(two, second, TrialReport::Outcome(other)));
    let trial = desk.core.state().trial(second.trial).unwrap();
    assert_eq!((trial.state, trial.failures, trial.last_error.as_deref()), (TrialState::Pending, 1, Some(text)));
    desk.facts();
}

#[test]
fn a_completed_training_has_finite_final_metrics_and_a_diverged_one_need_not() {
    let (mut desk, worker) = leased();
    for n in 1..=3 {
        let reason = refused(desk.report(worker, attempt(1, 0, 0, n), TrialReport::Outcome(outcome(f64::NAN))));
        assert_eq!(reason, RefuseReason::NotFinite { metric: "accuracy/test".to_owned() });
        desk.acquire(worker, 1);
    }
    assert_eq!(desk.counts(1).abandoned, 1, "it would be tried for ever");
    let reason = refused(desk.report(worker, attempt(1, 0, 0, 1), TrialReport::Outcome(outcome(1.0))));
    assert_eq!(reason, RefuseReason::Closed(TrialState::Abandoned));

    let (mut desk, worker) = leased();
    let mut diverged = outcome(f64::INFINITY);
    diverged.kind = OutcomeKind::Diverged { epoch: 0, step: 3, what: "loss".to_owned() };
    assert_eq!(desk.report(worker, attempt(1, 0, 0, 1), TrialReport::Outcome(diverged)), ReportAnswer::Accepted);
    assert_eq!((desk.counts(1).finished, desk.counts(1).diverged), (1, 1));
    desk.facts();
}

#[test]
fn nothing_of_a_cancelled_trial_is_taken() {
    let (mut desk, worker) = leased();
    desk.core.cancel(desk.now, SweepId(1), "typo").unwrap();
    for report in [TrialReport::Outcome(outcome(1.0)), failure("x"), TrialReport::Released("x".into())] {
        let reason = refused(desk.report(worker, attempt(1, 0, 0, 1), report));
        assert_eq!(reason, RefuseReason::Closed(TrialState::Cancelled));
        assert_eq!(reason.to_string(), "the trial is Cancelled");
    }
}

#[test]
fn fingerprints_see_numbers_and_nothing_else() {
    let same = |a: &sweeper_core::record::Outcome, b: &sweeper_core::record::Outcome| fingerprint(a) == fingerprint(b);
    let base = outcome(1.0);
    let change = |f: &dyn Fn(&mut sweeper_core::record::Outcome)| {
        let mut other = base.clone();
        f(&mut other);
        other
    };
    assert!(same(&base, &change(&|o| o.provenance.evaluate_seconds = 3.0)));
    assert!(same(&base, &change(&|o| o.provenance.library = "other".to_owned())));
    assert!(!same(&base, &change(&|o| o.metrics[0].value = -1.0)));
    assert!(!same(&outcome(0.0), &outcome(-0.0)), "bit for bit");
    assert!(same(&outcome(f64::NAN), &outcome(-f64::NAN)), "a store need not keep a NaN's payload");
    assert!(!same(&base, &change(&|o| o.metrics[0].epoch = 2)));
    assert!(!same(&base, &change(&|o| o.metrics[0].is_final = false)));
    assert!(!same(&base, &change(&|o| o.metrics[0].name.push('x'))));
    assert!(!same(&base, &change(&|o| o.metrics.clear())));
    assert!(!same(&base, &change(&|o| o.provenance.parameter_digest.push('x'))));
    let diverged = |step| change(&|o| o.kind = OutcomeKind::Diverged { epoch: 1, step, what: "loss".to_owned() });
    assert!(!same(&base, &diverged(1)) && !same(&diverged(1), &diverged(2)));
    let mut two = change(&|o| o.metrics.push(o.metrics[0].clone()));
    two.metrics[1].epoch = 5;
    let mut turned = two.clone();
    turned.metrics.reverse();
    assert!(same(&two, &turned), "in any order");
}
