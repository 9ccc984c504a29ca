//! Processes killed while they commit, logs cut at any byte, and full disks: nothing acknowledged is lost.

use super::{Dice, SETTINGS, info, limit_growth, outcome, spec, work};
use crate::store::{DATABASE, Store, StoreError};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};
use sweeper_core::{
    ids::{Millis, TrialId},
    record::Record,
    scheduler::Scheduler,
    spec::Pairing,
    state::TrialState,
};

/// Set for the child process: the state directory it should write to until it is killed.
const CHILD: &str = "SWEEPER_TEST_STORE_DIR";

fn restore(store: &Store) -> Scheduler {
    Scheduler::restore(SETTINGS, store.load_records().unwrap(), Millis(1_000)).unwrap()
}

/// Not a test by itself: the process that [`a_killed_process_loses_nothing_it_acknowledged`] kills.
#[test]
fn child_that_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let mut store = Store::open(Path::new(&dir)).unwrap();
    let mut scheduler = restore(&store);
    let worker = scheduler.join(Millis(1_000), info(&format!("process {}", std::process::id()), "slot"));
    let mut dice = Dice(u64::from(std::process::id()));
    let mut out = std::io::stdout().lock();
    loop {
        let group = 1 + usize::try_from(dice.below(5)).unwrap();
        if work(&mut scheduler, 1_000, worker, group, |grant| outcome(f64::from(grant.id.trial.replicate), "data")) == 0
        {
            return;
        }
        let records = scheduler.take_records();
        store.commit(&records).unwrap();
        for record in &records {
            if let Record::OutcomeAccepted { id, .. } = record {
                writeln!(out, "acknowledged {}", id.trial).unwrap();
            }
        }
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut store = Store::open(dir.path()).unwrap();
        let mut scheduler = Scheduler::new(SETTINGS);
        let spec = spec("kill", 1, Pairing::Common, &[("a", 50_000)]);
        scheduler.submit(Millis(1), spec, false, Vec::new()).unwrap();
        store.commit(&scheduler.take_records()).unwrap();
    }
    let mut dice = Dice(3);
    let mut acknowledged: Vec<TrialId> = Vec::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_commits_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let before = acknowledged.len();
        let enough = before + 20 + usize::try_from(dice.below(200)).unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((_, trial)) = line.split_once("acknowledged ") {
                // The last line may be cut off; then it was never read by anybody.
                acknowledged.extend(trial.parse::<TrialId>().ok());
            }
            if acknowledged.len() >= enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= enough, "round {round}: the child ended by itself");
        let store = Store::open(dir.path()).unwrap();
        let scheduler = restore(&store);
        for trial in &acknowledged {
            assert_eq!(scheduler.state().trial(*trial).unwrap().state, TrialState::Finished, "round {round}: {trial}");
        }
    }
}

#[test]
fn a_log_cut_at_any_byte_leaves_a_prefix_of_the_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut scheduler = Scheduler::new(SETTINGS);
    let spec = spec("cut", 1, Pairing::Common, &[("a", 30)]);
    scheduler.submit(Millis(1), spec, false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(1), info("process", "slot"));
    // The history after each commit, as text because NaN is not equal to itself.
    let (mut all, mut prefixes) = (Vec::new(), vec!["[]".to_owned()]);
    loop {
        let records = scheduler.take_records();
        store.commit(&records).unwrap();
        all.extend(records);
        prefixes.push(serde_json::to_string(&all).unwrap());
        if work(&mut scheduler, 2, worker, 1, |_| outcome(80.0, "data")) == 0 {
            break;
        }
    }
    let log = format!("{DATABASE}-wal");
    let (database, whole) =
        (std::fs::read(dir.path().join(DATABASE)).unwrap(), std::fs::read(dir.path().join(&log)).unwrap());
    assert!(whole.len() > 32 * 4_096, "the log was written back too early for this test");
    let mut dice = Dice(5);
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let cut = usize::try_from(dice.below(whole.len() as u64 + 1)).unwrap();
        let mut torn = whole[..cut].to_vec();
        if let (true, Some(last)) = (dice.below(2) == 0, torn.last_mut()) {
            *last ^= 0x55;
        }
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join(DATABASE), &database).unwrap();
        std::fs::write(copy.path().join(&log), &torn).unwrap();
        match Store::open(copy.path()) {
            Ok(store) => {
                let text = serde_json::to_string(&store.load_records().unwrap()).unwrap();
                let commits = prefixes.iter().position(|prefix| *prefix == text);
                lengths.insert(commits.expect("what is left is no prefix of the commits"));
                restore(&store);
            }
            Err(error) => panic!("cut at {cut} of {}: {error}", whole.len()),
        }
    }
    assert!(lengths.len() > 10, "the cuts hit too few different moments: {lengths:?}");
}

#[test]
fn a_full_disk_is_a_typed_error_and_everything_before_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let mut scheduler = Scheduler::new(SETTINGS);
    let spec = spec("full", 1, Pairing::Common, &[("a", 5_000)]);
    scheduler.submit(Millis(1), spec, false, Vec::new()).unwrap();
    let worker = scheduler.join(Millis(1), info("process", "slot"));
    store.commit(&scheduler.take_records()).unwrap();
    limit_growth(&store, 20);
    let mut stored = store.load_records().unwrap().len();
    let refused = loop {
        assert_ne!(work(&mut scheduler, 2, worker, 20, |_| outcome(80.0, "data")), 0, "the disk never got full");
        let records = scheduler.take_records();
        match store.commit(&records) {
            Ok(()) => stored += records.len(),
            Err(error) => {
                assert!(matches!(error, StoreError::Full { .. }), "{error}");
                break records;
            }
        }
    };
    assert_eq!(store.load_records().unwrap().len(), stored);
    drop(store);
    // Room was made: the same facts can be stored now.
    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!(store.load_records().unwrap().len(), stored);
    store.commit(&refused).unwrap();
    assert_eq!(restore(&store).state(), scheduler.state());
}
