use crate::{Desk, outcome, spec};
use sweeper_core::{
    record::Record,
    scheduler::{ReportAnswer, Scheduler, TrialReport},
};

/// Whole life of a sweep of `replicates` × 10 trials, on one worker; returns its facts.
fn live_through(replicates: u32) -> (Scheduler, Vec<Record>) {
    let mut desk = Desk::with(spec("big", 10, replicates));
    let worker = desk.join(1);
    let mut facts = Vec::new();
    loop {
        let grants = desk.acquire(worker, 100);
        if grants.is_empty() {
            break;
        }
        for grant in grants {
            let answer = desk.report(worker, grant.id, TrialReport::Outcome(outcome(1.0)));
            assert_eq!(answer, ReportAnswer::Accepted);
        }
        facts.extend(desk.core.take_records());
    }
    (desk.core, facts)
}

#[test]
fn a_sweep_of_fifty_thousand_trials() {
    let (core, facts) = live_through(5_000);
    assert_eq!(core.state().sweeps.values().map(|s| s.counts.finished).sum::<u32>(), 50_000);
    assert_eq!(facts.len(), 100_003);
    let again = Scheduler::restore(crate::SETTINGS, facts, sweeper_core::ids::Millis(0)).unwrap();
    assert_eq!(again.state(), core.state());
}

/// Not a test of speed: prints what a million trials take. `cargo test --release -p sweeper-core --test units -- million
/// --ignored --nocapture`
#[test]
#[ignore = "takes seconds and a few hundred MiB"]
#[allow(clippy::print_stdout)]
fn a_million_trials() {
    let begin = std::time::Instant::now();
    let desk = Desk::with(spec("big", 10, 100_000));
    println!("submit: {:?}", begin.elapsed());
    println!("resident after submit: {} KiB", resident_kib());
    drop(desk);
    let begin = std::time::Instant::now();
    let (core, facts) = live_through(100_000);
    println!("acquire and report all: {:?}", begin.elapsed());
    let (mut state, begin) = (sweeper_core::state::State::default(), std::time::Instant::now());
    for fact in &facts {
        sweeper_core::state::apply(&mut state, fact).unwrap();
    }
    println!("restore {} facts: {:?}", facts.len(), begin.elapsed());
    assert_eq!(&state, core.state());
    drop((core, facts));
    println!("resident with the restored state: {} KiB (what was freed may still count)", resident_kib());
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
