//! Deterministic simulation of the scheduler: seeded worlds with lost, repeated, reordered and late messages, crashes
//! of workers and coordinator, clock jumps, failing trials and acting users. After every step the judge in
//! `world/model.rs` checks the invariants of ARCHITECTURE.md. A failure prints its seed; `SWEEPER_SIM_SEED=SEED` makes
//! it the first of the fresh set, and `SWEEPER_SIM_WORLDS=N` sets the size of that set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod world;

use std::time::{SystemTime, UNIX_EPOCH};
use sweeper_core::scheduler::PlantedBug;
use world::{Rng, Summary, World};

/// Worlds of the regression set: seeds 0, 1, 2, ….
const FIXED: u64 = 250;
/// Worlds of the fresh set, where `SWEEPER_SIM_WORLDS` does not give another number.
const FRESH: u64 = 250;
/// Worlds within which every planted bug must show.
const BUG_WORLDS: u64 = 60;

fn run(seed: u64) -> Summary {
    match World::run(seed, None) {
        Ok(summary) => summary,
        Err(violation) => panic!("world {seed}: {violation}\nto see it again: SWEEPER_SIM_SEED={seed}"),
    }
}

#[test]
fn fixed_worlds_keep_every_promise_and_their_faults_fire() {
    let mut sum = Summary::default();
    for seed in 0..FIXED {
        let one = run(seed);
        for (total, part) in fields(&mut sum).into_iter().zip(fields(&mut { one })) {
            *total.1 += *part.1;
        }
    }
    println!("{sum:?}");
    for (name, count) in fields(&mut sum) {
        assert!(*count > 0, "no world had any: {name}");
    }
}

fn fields(summary: &mut Summary) -> [(&'static str, &mut u64); 21] {
    let Summary {
        lost_decisions,
        lost_answers,
        expired,
        worker_left,
        replaced,
        workers_lost,
        released,
        failed,
        deaths,
        abandoned,
        diverged,
        late,
        superseded,
        repeated,
        reused,
        cancelled,
        looks,
        stopped_pending,
        stopped_leased,
        run_ahead,
        steps,
    } = summary;
    [
        ("lost decisions", lost_decisions),
        ("lost answers", lost_answers),
        ("expired leases", expired),
        ("leases of workers that left", worker_left),
        ("replaced workers", replaced),
        ("lost workers", workers_lost),
        ("released leases", released),
        ("failed attempts", failed),
        ("deaths that count", deaths),
        ("abandoned trials", abandoned),
        ("diverged trials", diverged),
        ("late outcomes", late),
        ("superseded leases", superseded),
        ("repeated outcomes", repeated),
        ("reused outcomes", reused),
        ("cancelled sweeps", cancelled),
        ("looks", looks),
        ("trials stopped before they were leased", stopped_pending),
        ("trials stopped while they ran", stopped_leased),
        ("trials that ran before their config was stopped", run_ahead),
        ("steps", steps),
    ]
}

#[test]
fn fresh_worlds_keep_every_promise() {
    let base = from_environment("SWEEPER_SIM_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
        Rng::new(now.as_nanos() as u64).next() >> 1
    });
    println!("SWEEPER_SIM_SEED={base}");
    let worlds = from_environment("SWEEPER_SIM_WORLDS").unwrap_or(FRESH);
    for seed in base..base.saturating_add(worlds) {
        run(seed);
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn one_seed_is_one_history() {
    let (a, b) = (run(7), run(7));
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

/// The worlds in which a planted bug shows, with the first violation.
fn caught(bug: PlantedBug) -> (usize, String) {
    let violations: Vec<_> = (0..BUG_WORLDS).filter_map(|seed| World::run(seed, Some(bug)).err()).collect();
    let first = violations.first().cloned().unwrap_or_default();
    println!("{bug:?}: caught in {} of {BUG_WORLDS} worlds; {first}", violations.len());
    (violations.len(), first)
}

macro_rules! planted {
    ($($test:ident: $bug:ident),+ $(,)?) => {$(
        #[test]
        fn $test() {
            let (worlds, _) = caught(PlantedBug::$bug);
            assert!(worlds > 0, "no world noticed {:?}", PlantedBug::$bug);
        }
    )+};
}

planted! {
    fencing_off_is_caught: FencingOff,
    expiry_off_is_caught: ExpiryOff,
    double_accept_is_caught: DoubleAccept,
    restore_that_drops_a_deadline_is_caught: RestoreDropsDeadline,
    stale_heartbeat_that_renews_is_caught: StaleHeartbeatRenews,
    loss_that_counts_as_failure_is_caught: LossCountsAsFailure,
    replaced_worker_that_keeps_its_leases_is_caught: ReplacedKeepsLeases,
    deaths_that_never_count_are_caught: DeathsNeverCount,
    siblings_that_are_forgotten_are_caught: SiblingsForgotten,
    held_trials_that_are_served_are_caught: HeldServed,
    looks_that_keep_deadlines_are_caught: LookKeepsDeadlines,
}
