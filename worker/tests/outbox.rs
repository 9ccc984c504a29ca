//! The outbox after crashes at bad moments and on bad disks.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};
use sweeper_proto::v1::{AttemptId, Failure, TrialReport, trial_report::Result as Reported};
use sweeper_worker::outbox::{Outbox, OutboxError};

const ALL: usize = usize::MAX;

fn report(replicate: u32) -> TrialReport {
    TrialReport {
        id: Some(AttemptId { sweep: 1, config: 2, replicate, attempt: 1 }),
        recipe_digest: "digest".into(),
        result: Some(Reported::Failure(Failure { error: "x".repeat(100), log_tail: String::new() })),
    }
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(dir).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn replicates(outbox: &Outbox, store: &str) -> Vec<u32> {
    outbox.batch(store, ALL, ALL).iter().map(|(_, report)| report.id.unwrap().replicate).collect()
}

#[test]
fn reports_come_back_in_order_until_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    for replicate in 0..5 {
        outbox.put("s", &report(replicate)).unwrap();
    }
    drop(outbox);
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    assert_eq!(outbox.batch("s", ALL, ALL)[3].1, report(3));
    assert_eq!(replicates(&outbox, "s"), [0, 1, 2, 3, 4]);
    for (name, _) in outbox.batch("s", 3, ALL) {
        outbox.acknowledge(&name).unwrap();
        outbox.acknowledge(&name).unwrap();
    }
    drop(outbox);
    let outbox = Outbox::open(dir.path(), "slot").unwrap();
    assert_eq!(replicates(&outbox, "s"), [3, 4]);
}

#[test]
fn batches_are_bounded_but_never_empty() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    for replicate in 0..5 {
        outbox.put("s", &report(replicate)).unwrap();
    }
    assert_eq!(outbox.batch("s", 2, ALL).len(), 2);
    assert_eq!(outbox.batch("s", ALL, 1).len(), 1, "one that is larger than the bound must still go");
    assert!((2..5).contains(&outbox.batch("s", ALL, 500).len()));
    assert!(outbox.batch("other", ALL, ALL).is_empty());
    assert_eq!((outbox.waiting("s"), outbox.waiting("other")), (5, 0));
}

#[test]
fn every_truncation_and_every_flipped_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    outbox.put("s", &report(0)).unwrap();
    drop(outbox);
    let path = files(dir.path(), ".report").remove(0);
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let outbox = Outbox::open(dir.path(), "slot").unwrap();
        assert!(replicates(&outbox, "s").is_empty(), "{what} was taken for a report");
        drop(outbox);
        let aside = files(dir.path(), ".damaged");
        assert_eq!(aside.len(), 1, "{what} was not set aside");
        assert!(!path.exists());
        fs::remove_file(&aside[0]).unwrap();
    };
    for length in 0..whole.len() {
        check(&whole[..length], &format!("a file of {length} bytes"));
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        check(&bytes, &format!("a flip in byte {at}"));
    }
    let mut longer = whole.clone();
    longer.push(0);
    check(&longer, "a longer file");
    fs::write(&path, &whole).unwrap();
    assert_eq!(replicates(&Outbox::open(dir.path(), "slot").unwrap(), "s"), [0], "the file itself is good");
}

#[test]
fn a_temporary_left_by_a_crash_is_removed_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    outbox.put("s", &report(0)).unwrap();
    let part = files(dir.path(), ".report").remove(0).with_extension("report.part");
    drop(outbox);
    fs::write(&part, b"half a rep").unwrap();
    let outbox = Outbox::open(dir.path(), "slot").unwrap();
    assert_eq!(replicates(&outbox, "s"), [0]);
    assert!(!part.exists());
}

#[test]
fn the_living_keep_theirs_and_the_dead_are_inherited() {
    let dir = tempfile::tempdir().unwrap();
    let mut living = Outbox::open(dir.path(), "a/cpu:0").unwrap();
    living.put("s", &report(1)).unwrap();
    let mut dead = Outbox::open(dir.path(), "b/cpu:0").unwrap();
    dead.put("s", &report(2)).unwrap();
    dead.put("t", &report(3)).unwrap();
    drop(dead);
    // Folders and files of somebody else do no harm.
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    fs::write(dir.path().join("notes.txt"), "hello").unwrap();

    let mut heir = Outbox::open(dir.path(), "c/cpu:0").unwrap();
    assert_eq!(heir.adopt(dir.path()).unwrap(), 2);
    assert_eq!((replicates(&heir, "s"), replicates(&heir, "t")), (vec![2], vec![3]));
    assert_eq!(replicates(&living, "s"), [1]);
    assert_eq!(heir.adopt(dir.path()).unwrap(), 0);
    drop(heir);
    let reopened = Outbox::open(dir.path(), "c/cpu:0").unwrap();
    assert_eq!(replicates(&reopened, "s"), [2], "what was inherited is durable here");
}

#[test]
fn an_empty_outbox_leaves_no_folder_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), "slot").unwrap();
    let name = outbox.put("s", &report(0)).unwrap();
    outbox.acknowledge(&name).unwrap();
    drop(outbox);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn one_slot_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Outbox::open(dir.path(), "slot").unwrap();
    assert!(matches!(Outbox::open(dir.path(), "slot"), Err(OutboxError::InUse(_))));
}

#[test]
fn slots_become_folders_inside_the_state_folder_whatever_they_are_called() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let slots = ["../../x", "/etc", "..", "", "a/cpu:0", "a_cpu_0", "ü\u{0}"];
    let opened: Vec<Outbox> = slots.iter().map(|slot| Outbox::open(&state, slot).unwrap()).collect();
    assert_eq!(fs::read_dir(&state).unwrap().count(), opened.len(), "every slot has a folder of its own");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is made elsewhere");
}
