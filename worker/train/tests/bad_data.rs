//! Data that cannot be used: each mistake has its exit code and a text that names file, expectation and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{fs, path::Path};

use common::{gzip, images_file, labels_file, recipe, run, synthetic, task, trainer_in};
use sweeper_recipe::trial::TrainError;

/// Exit code and message of training on the synthetic data after `damage`.
fn refused(damage: impl FnOnce(&Path)) -> (u8, String) {
    let (folder, mut trainer) = synthetic();
    damage(&folder.path().join("fashion-mnist"));
    match run(&mut trainer, &recipe("{}"), 1) {
        Err(TrainError::Unusable { exit_code, message }) => (exit_code, message),
        other => panic!("expected it to be unusable, got {other:?}"),
    }
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

fn check(damage: impl FnOnce(&Path), code: u8, words: &[&str]) {
    let (exit_code, message) = refused(damage);
    assert_eq!(exit_code, code, "{message}");
    for word in words.iter().chain(&["hint: "]) {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

#[test]
fn missing() {
    check(|folder| fs::remove_file(folder.join(IMAGES)).unwrap(), 20, &[IMAGES, "missing"]);
    check(
        |folder| fs::remove_dir_all(folder).unwrap(),
        20,
        &["train-images-idx3-ubyte.gz", "deploy/setup.sh --data-only"],
    );
}

#[test]
fn truncated_or_too_long() {
    let cut = |bytes: usize| {
        move |folder: &Path| {
            let content = fs::read(folder.join(IMAGES)).unwrap();
            fs::write(folder.join(IMAGES), &content[..bytes]).unwrap();
        }
    };
    check(cut(10_016), 21, &[IMAGES, "expected 470400 bytes", "found 10000 bytes"]);
    check(cut(9), 21, &[IMAGES, "a header of 16 bytes", "9 bytes"]);
    check(cut(0), 21, &[IMAGES, "0 bytes"]);
    let lengthen = |folder: &Path| {
        let content = fs::read(folder.join(LABELS)).unwrap();
        fs::write(folder.join(LABELS), [content, vec![0]].concat()).unwrap();
    };
    check(lengthen, 21, &[LABELS, "expected 600 bytes", "found more"]);
}

#[test]
fn wrong_magic_number() {
    let swap = |folder: &Path| {
        fs::copy(folder.join(LABELS), folder.join(IMAGES)).unwrap();
    };
    check(swap, 21, &[IMAGES, "0x00000803", "0x00000801"]);
}

#[test]
fn labels_that_do_not_fit() {
    let relabel = |labels: Vec<u8>| move |folder: &Path| fs::write(folder.join(LABELS), labels_file(&labels)).unwrap();
    let mut labels = vec![9; 600];
    labels[77] = 10;
    check(relabel(labels), 21, &[LABELS, "labels 0 to 9", "10 in row 77"]);
    check(relabel(vec![1; 599]), 21, &[LABELS, "600 labels", "599 labels"]);
}

#[test]
fn sizes_out_of_bounds_are_refused_before_memory_is_asked_for() {
    let resize = |count, height, width| {
        move |folder: &Path| fs::write(folder.join(IMAGES), images_file(count, height, width, &[0; 50])).unwrap()
    };
    check(resize(u32::MAX, u32::MAX, u32::MAX), 21, &[IMAGES, "4294967295 images"]);
    check(resize(0, 28, 28), 21, &["0 images"]);
    check(resize(10_000_000, 28, 28), 21, &["expected 7840000000 bytes", "found 50 bytes"]);
    let other_side = |folder: &Path| {
        let content = images_file(300, 14, 14, &vec![0; 300 * 14 * 14]);
        fs::write(folder.join("t10k-images-idx3-ubyte"), content).unwrap();
    };
    check(other_side, 21, &["t10k-images", "28 × 28", "14 × 14"]);
}

#[test]
fn damaged_gzip() {
    let pack = |change: fn(&mut Vec<u8>)| {
        move |folder: &Path| {
            let mut content = gzip(&fs::read(folder.join(IMAGES)).unwrap());
            change(&mut content);
            fs::write(folder.join(format!("{IMAGES}.gz")), content).unwrap();
            fs::remove_file(folder.join(IMAGES)).unwrap();
        }
    };
    check(pack(|content| content.truncate(content.len() / 2)), 21, &[".gz", "gzip"]);
    check(pack(|content| content.truncate(content.len() - 4)), 21, &[".gz", "gzip"]);
    check(pack(|content| content[0] = 0), 21, &[".gz", "gzip"]);
    // A flipped bit in the check sum at the end.
    let flip = |content: &mut Vec<u8>| {
        let at = content.len() - 8;
        content[at] ^= 1;
    };
    check(pack(flip), 21, &[".gz", "gzip"]);
}

#[test]
fn another_digest() {
    let (_folder, mut trainer) = synthetic();
    let mut other = task(&recipe("{}"), 1);
    other.data_digest = Some("ab".repeat(32));
    let result = trainer.train(&other, &|| false, &mut |_| {});
    let Err(TrainError::Unusable { exit_code: 22, message }) = result else { panic!("{result:?}") };
    let found = run(&mut trainer, &recipe("{}"), 1).unwrap().data_digest;
    assert!(
        message.contains(&"ab".repeat(32)) && message.contains(&found) && message.contains("hint: give every worker"),
        "{message}"
    );
    other.data_digest = Some(found);
    trainer.train(&other, &|| false, &mut |_| {}).unwrap();
}

#[test]
fn packing_changes_nothing_and_a_repaired_file_works_at_once() {
    let (folder, mut trainer) = synthetic();
    let plain = run(&mut trainer, &recipe("{}"), 1).unwrap();
    let files = folder.path().join("fashion-mnist");
    let content = fs::read(files.join(IMAGES)).unwrap();
    fs::remove_file(files.join(IMAGES)).unwrap();
    let mut second = trainer_in(folder.path());
    assert!(matches!(run(&mut second, &recipe("{}"), 1), Err(TrainError::Unusable { exit_code: 20, .. })));
    fs::write(files.join(format!("{IMAGES}.gz")), gzip(&content)).unwrap();
    let packed = run(&mut second, &recipe("{}"), 1).unwrap();
    assert_eq!(common::observation(&packed), common::observation(&plain));
    // One changed pixel is another data set.
    let mut changed = content;
    changed[100] ^= 1;
    fs::write(files.join(IMAGES), changed).unwrap();
    assert_ne!(run(&mut trainer_in(folder.path()), &recipe("{}"), 1).unwrap().data_digest, plain.data_digest);
}
