use crate::{Desk, TERM, attempt, failure, outcome, spec, trial};
use sweeper_core::{
    explain::{UnknownTrial, explain},
    ids::{SweepId, TrialId},
    scheduler::{ReusedOutcome, TrialReport},
};

fn why(desk: &Desk, id: TrialId) -> String {
    explain(desk.core.state(), id, desk.now).unwrap()
}

#[test]
fn waits_for_workers() {
    let mut desk = Desk::with(spec("x", 2, 2));
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        "s1/c0/r0 waits for a worker: none is connected (no worker has joined yet)."
    );
    let worker = desk.join(1);
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        "s1/c0/r0 is the next to be leased: 1 of 1 live worker is idle and will ask for work."
    );
    desk.acquire(worker, 1);
    assert_eq!(why(&desk, trial(1, 1, 0)), "s1/c1/r0 is the next to be leased: the only live worker is busy.");
    let other = desk.join(2);
    assert_eq!(
        why(&desk, trial(1, 1, 1)),
        "s1/c1/r1 waits with 2 pending trials of its sweep before it: 1 of 2 live workers is idle and will ask for work."
    );
    desk.acquire(other, 1);
    assert_eq!(
        why(&desk, trial(1, 1, 1)),
        "s1/c1/r1 waits with 1 pending trial of its sweep before it: all 2 live workers are busy."
    );
    desk.core.leave(desk.now, worker);
    desk.core.leave(desk.now, other);
    assert_eq!(
        why(&desk, trial(1, 0, 1)),
        "s1/c0/r1 waits for a worker: none is connected (2 joined before, all gone)."
    );
}

#[test]
fn waits_behind_other_sweeps() {
    let mut desk = Desk::with(spec("patient", 1, 1));
    let mut urgent = spec("urgent", 1, 3);
    urgent.priority = 5;
    desk.core.submit(desk.now, urgent, false, Vec::new()).unwrap();
    desk.core.submit(desk.now, spec("later", 1, 1), false, Vec::new()).unwrap();
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        "s1/c0/r0 waits behind 2 pending trials of sweeps served first, now s2 `urgent` (priority 5 against 0)."
    );
    desk.core.cancel(desk.now, SweepId(2), "no").unwrap();
    assert_eq!(
        why(&desk, trial(3, 0, 0)),
        "s3/c0/r0 waits behind 1 pending trial of sweeps served first, now s1 `patient` (submitted earlier)."
    );
}

#[test]
fn retried_and_leased() {
    let mut desk = Desk::with(spec("x", 1, 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.now = desk.now.plus(12_345);
    assert_eq!(why(&desk, trial(1, 0, 0)), "s1/c0/r0 is leased to w1 (cpu:0 on node1) as attempt 1, granted 12 s ago.");
    desk.pass(TERM);
    desk.join(1);
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        "s1/c0/r0 is the next to be leased: 1 of 1 live worker is idle and will ask for work; \
         1 earlier attempt ended without an outcome, 1 by loss of the worker or its lease, none by failing code, so none \
         counts."
    );
    desk.acquire(worker, 1);
    desk.report(worker, attempt(1, 0, 0, 2), failure("\n  out of memory.\nstack"));
    let history = "2 earlier attempts ended without an outcome, 1 by loss of the worker or its lease, \
                   1 by failing code (3 allowed), \
                   the last error was: out of memory.";
    assert!(why(&desk, trial(1, 0, 0)).ends_with(history), "{}", why(&desk, trial(1, 0, 0)));
    desk.acquire(worker, 1);
    desk.now = desk.now.plus(3 * 60_000);
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        format!("s1/c0/r0 is leased to w1 (cpu:0 on node1) as attempt 3, granted 3 min ago; {history}")
    );
}

#[test]
fn closed() {
    let mut desk = Desk::with(spec("x", 4, 1));
    let worker = desk.join(1);
    desk.acquire(worker, 1);
    desk.finish(worker, attempt(1, 0, 0, 1));
    desk.now = desk.now.plus(3 * 3_600_000);
    assert_eq!(
        why(&desk, trial(1, 0, 0)),
        "s1/c0/r0 is finished: attempt 1 completed on w1 (cpu:0 on node1), 3 h ago."
    );
    desk.acquire(worker, 2);
    let mut diverged = outcome(f64::NAN);
    diverged.kind = sweeper_core::record::OutcomeKind::Diverged { epoch: 0, step: 1, what: "loss".to_owned() };
    desk.report(worker, attempt(1, 2, 0, 1), TrialReport::Outcome(diverged));
    assert_eq!(why(&desk, trial(1, 2, 0)), "s1/c2/r0 is finished: attempt 1 diverged on w1 (cpu:0 on node1), 0 s ago.");
    for n in 1..=3 {
        desk.acquire(worker, 4);
        desk.report(worker, attempt(1, 1, 0, n), failure(&"x".repeat(300)));
    }
    let abandoned = why(&desk, trial(1, 1, 0));
    assert_eq!(
        abandoned,
        format!(
            "s1/c1/r0 is abandoned after 3 failed attempts, the most that the sweep allows; the last error was: {}….",
            "x".repeat(200)
        )
    );
    desk.core.cancel(desk.now, SweepId(1), "wrong data").unwrap();
    assert_eq!(why(&desk, trial(1, 3, 0)), "s1/c3/r0 is cancelled with its sweep: wrong data.");
    let reused = ReusedOutcome { config: 0, replicate: 0, from: trial(1, 0, 0), worker: None, outcome: outcome(1.0) };
    desk.core.submit(desk.now, spec("y", 1, 1), false, vec![reused]).unwrap();
    assert_eq!(
        why(&desk, trial(2, 0, 0)),
        "s2/c0/r0 is finished without a run: s1/c0/r0 has the same content and completed, taken 0 s ago."
    );
    let nothing = trial(9, 0, 0);
    assert_eq!(explain(desk.core.state(), nothing, desk.now), Err(UnknownTrial(nothing)));
}
