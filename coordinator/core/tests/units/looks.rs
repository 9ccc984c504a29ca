//! Sequential designs: what waits for a look, what a look stops, and which looks cannot be.

use super::*;
use sweeper_core::{
    record::{Look, StopReason, Stopped},
    scheduler::RevokeReason,
    spec::{LookPlan, Spending, Stopping},
    state::{ApplyError, LookError, TrialState, apply},
};

/// Configs `a` (the baseline), `b`, `c` of 6 replicates, looked at after 2 and 4.
fn sequential(stopping: Stopping) -> SweepSpec {
    let mut spec = spec("looks", 3, 6);
    spec.analysis.stopping = stopping;
    spec
}

fn at(looks: &[u32]) -> Stopping {
    let looks = LookPlan::At(looks.to_vec());
    Stopping::Looks { looks, spending: Spending::OBrienFleming, futility: false }
}

fn different(config: u32) -> Stopped {
    Stopped { config, why: StopReason::Different }
}

impl Desk {
    /// Runs what can be run, with one worker.
    fn run_all(&mut self, worker: WorkerId) -> usize {
        let mut done = 0;
        while let Some(grant) = self.acquire(worker, 1).first() {
            self.finish(worker, grant.id);
            done += 1;
        }
        done
    }

    fn look(&mut self, stopped: &[Stopped]) -> Result<Look, ApplyError> {
        self.core.look(self.now, SweepId(1), "", stopped.to_vec())
    }

    fn why(&self, config: u32, replicate: u32) -> String {
        sweeper_core::explain::explain(self.core.state(), trial(1, config, replicate), self.now).unwrap()
    }
}

#[test]
fn planned_looks_end_with_the_plan() {
    let count = |n| Stopping::Looks { looks: LookPlan::Count(n), spending: Spending::Pocock, futility: false };
    assert_eq!(count(3).looks(15), [5, 10, 15]);
    assert_eq!(count(4).looks(3), [3]);
    assert_eq!(count(100).looks(5), [3, 4, 5]);
    assert_eq!(count(8).looks(15), [4, 6, 8, 10, 12, 14, 15]);
    assert_eq!(at(&[6, 10, 15]).looks(15), [6, 10, 15]);
    assert_eq!(at(&[6, 10]).looks(8), [6, 8]);
    assert_eq!(Stopping::EValue.looks(5), [2, 3, 4, 5]);
    assert_eq!((Stopping::EValue.looks(1), Stopping::Fixed.looks(5), count(2).looks(0)), (vec![1], vec![], vec![]));
}

#[test]
fn trials_wait_for_the_look_and_a_stopped_config_gets_no_more() {
    let mut desk = Desk::with(sequential(at(&[2, 4])));
    let worker = desk.join(1);
    assert_eq!(desk.counts(1).held, 12);
    assert_eq!(desk.run_all(worker), 6);
    assert_eq!((desk.counts(1).pending, desk.counts(1).ready()), (12, 0));
    assert!(desk.core.state().sweeps[&SweepId(1)].due_look().is_some());
    let look = desk.look(&[different(1)]).unwrap();
    assert_eq!((look.replicates, look.until, look.stopped.len()), (2, Some(4), 1));
    desk.facts();
    assert_eq!((desk.counts(1).stopped, desk.counts(1).held), (4, 4));
    assert!(desk.why(1, 3).contains("the look at 2 replicates stopped its config, because a difference"));
    assert_eq!(desk.why(0, 5), "s1/c0/r5 waits for the look at 4 replicates, which needs 4 trials to end first.");
    desk.restart();
    assert_eq!(desk.run_all(worker), 4);
    // The last comparison takes the baseline with it, and the sweep closes by itself.
    let look = desk.look(&[Stopped { config: 2, why: StopReason::Equivalent }]).unwrap();
    assert_eq!(
        look.stopped.iter().map(|s| (s.config, s.why.name())).collect::<Vec<_>>(),
        [(0, "nothing-left"), (2, "equivalent")]
    );
    desk.facts();
    assert_eq!((desk.counts(1).open(), desk.counts(1).finished, desk.counts(1).stopped), (0, 10, 8));
    assert!(desk.core.state().sweeps[&SweepId(1)].closed.is_some());
    assert!(desk.core.state().sweeps[&SweepId(1)].due_look().is_none());
}

#[test]
fn the_end_of_the_plan_is_a_look_that_stops_nothing() {
    let mut desk = Desk::with(sequential(at(&[2])));
    let worker = desk.join(1);
    desk.run_all(worker);
    assert_eq!(desk.look(&[]).unwrap().until, None);
    assert_eq!(desk.run_all(worker), 12);
    let closed = desk.core.state().sweeps[&SweepId(1)].closed;
    assert!(closed.is_some());
    desk.now = desk.now.plus(50);
    let look = desk.look(&[different(1), different(2)]).unwrap();
    assert_eq!((look.replicates, look.stopped.len()), (6, 2), "the baseline has nothing left to run");
    assert_eq!(desk.core.state().sweeps[&SweepId(1)].closed, closed);
    desk.facts();
    assert!(matches!(desk.look(&[]), Err(ApplyError::Look { why: LookError::OutOfOrder(None), .. })));
}

#[test]
fn a_running_trial_of_a_stopped_config_is_revoked_and_its_outcome_refused() {
    let mut desk = Desk::with(sequential(Stopping::EValue));
    let worker = desk.join(1);
    let grants = desk.acquire(worker, 9);
    assert_eq!((desk.counts(1).held, grants.len()), (0, 9), "e-values hold nothing back");
    for grant in &grants[..6] {
        desk.finish(worker, grant.id);
    }
    desk.look(&[different(2)]).unwrap();
    desk.facts();
    let running = grants[6..].iter().find(|g| g.id.trial == trial(1, 2, 2)).unwrap().id;
    let revoked = desk.core.heartbeat(desk.now, worker, &[running]).unwrap();
    assert_eq!(revoked[0].reason, RevokeReason::Stopped);
    let late = desk.report(worker, running, TrialReport::Outcome(outcome(1.0)));
    assert!(matches!(late, ReportAnswer::Refused(_)), "{late:?}");
    assert_eq!(desk.core.state().trial(trial(1, 2, 2)).unwrap().state, TrialState::Cancelled);
    // The deadline of the lease went with it.
    desk.pass(SETTINGS.lease_term_ms * 2);
    desk.facts();
}

#[test]
fn impossible_looks_are_refused_by_name_and_change_nothing() {
    let mut desk = Desk::with(sequential(at(&[2, 4])));
    let worker = desk.join(1);
    let early = desk.look(&[]).unwrap_err();
    assert!(matches!(early, ApplyError::Look { why: LookError::TooEarly(6), .. }), "{early}");
    desk.run_all(worker);
    let good = Look { stratum: String::new(), replicates: 2, until: Some(4), stopped: vec![different(1)] };
    let cases = [
        (Look { stratum: "x".to_owned(), ..good.clone() }, LookError::NotPlanned),
        (Look { replicates: 4, ..good.clone() }, LookError::OutOfOrder(Some(2))),
        (Look { until: None, ..good.clone() }, LookError::OtherHorizon(Some(4))),
        (Look { stopped: vec![different(3)], ..good.clone() }, LookError::CannotStop(3)),
        (Look { stopped: vec![different(2), different(1)], ..good.clone() }, LookError::CannotStop(1)),
    ];
    let mut state = desk.core.state().clone();
    let record = |look: Look| Record::LookTaken { sweep: SweepId(1), look: Box::new(look), at: Millis(1) };
    for (look, why) in cases {
        let error = apply(&mut state, &record(look)).unwrap_err();
        assert_eq!(error, ApplyError::Look { sweep: SweepId(1), stratum: error_stratum(&error), why });
        assert_eq!(state, *desk.core.state());
    }
    apply(&mut state, &record(good.clone())).unwrap();
    let again = apply(&mut state, &record(good)).unwrap_err();
    assert!(again.to_string().contains("the next look is Some(4)"), "{again}");
    desk.core.cancel(desk.now, SweepId(1), "enough").unwrap();
    assert_eq!(desk.look(&[]), Err(ApplyError::SweepClosed(SweepId(1))));
    let fixed = Desk::with(spec("fixed", 2, 2)).look(&[]).unwrap_err();
    assert!(matches!(fixed, ApplyError::Look { why: LookError::NotPlanned, .. }), "{fixed}");
}

fn error_stratum(error: &ApplyError) -> String {
    match error {
        ApplyError::Look { stratum, .. } => stratum.clone(),
        other => panic!("{other}"),
    }
}

/// A sibling in another stratum shares its training, and waits for the look of that stratum all the same.
#[test]
fn a_shared_training_is_no_way_around_a_look() {
    let mut configs = Vec::new();
    for (stratum, replicates) in [("long", 10), ("short", 6)] {
        for name in ["a", "b"] {
            let mut one = config(stratum, name, replicates);
            one.training_digest = format!("training of {name}");
            configs.push(one);
        }
    }
    let mut spec = spec_of("strata", configs);
    spec.analysis.stopping = Stopping::Looks { looks: LookPlan::Count(2), spending: Spending::Pocock, futility: false };
    let mut desk = Desk::with(spec);
    let worker = desk.join(1);
    let done = desk.run_all(worker);
    assert_eq!(done, 2 * 5 + 2 * 3, "5 of 10 and 3 of 6 replicates of two configs each");
}
