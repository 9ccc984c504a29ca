//! The cache of decoded photographs: opened without decoding, made again when it is damaged or stale, made once by
//! many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use common::{class_folders, open, pixels, places, png, recipe, write};
use sha2::{Digest, Sha256};
use sweeper_data::{DataError, DataSet, Library};
use tempfile::{TempDir, tempdir};

const FOLDER: &str = r#"{"data": {"source": "folder", "size": 16}}"#;

/// Opens the folder and says how many images were decoded for that.
fn decoded(data_dir: &Path) -> (Arc<DataSet>, u64) {
    let mut most = 0;
    let set = Library::new(data_dir).open(&recipe(FOLDER), &mut |now| {
        most = most.max(now.done);
        false
    });
    (set.unwrap(), most)
}

fn prepared() -> (TempDir, Arc<DataSet>, PathBuf) {
    let dir = tempdir().unwrap();
    class_folders(dir.path());
    let (set, images) = decoded(dir.path());
    assert_eq!(images, 12);
    let file = places(&set).0.to_owned();
    assert!(file.starts_with(dir.path().join(".cache")));
    (dir, set, file)
}

/// The same images as before, and that many of them decoded.
#[track_caller]
fn check(dir: &TempDir, before: &DataSet, images: u64) {
    let (set, decoded) = decoded(dir.path());
    assert_eq!((decoded, &set.digest), (images, &before.digest));
    assert!((0..12).all(|row| pixels(&set, row)[0] == before.files.as_ref().map_or(0, |f| number(&f[row]))));
}

/// The red value of `class_folders`' pictures.
fn number(file: &str) -> u8 {
    let digit: u8 = file.rsplit('/').next().unwrap()[..1].parse().unwrap();
    digit * 10 + if file.contains("bee") { 100 } else { 0 }
}

/// Whoever sets it back cannot set back the time at which that was done.
#[test]
fn an_image_that_changed_under_its_old_size_and_time_is_noticed() {
    let (dir, ..) = prepared();
    let image = dir.path().join("folder/train/ant/0.png");
    let (time, length) = (fs::metadata(&image).unwrap().modified().unwrap(), fs::metadata(&image).unwrap().len());
    fs::write(&image, vec![0; length as usize]).unwrap();
    fs::File::options().write(true).open(&image).unwrap().set_modified(time).unwrap();
    let error = Library::new(dir.path()).open(&recipe(FOLDER), &mut |_| false).unwrap_err().to_string();
    assert!(error.contains("ant/0.png"), "{error}");
}

#[test]
fn a_second_opening_decodes_nothing() {
    let (dir, set, file) = prepared();
    let made = fs::metadata(&file).unwrap().modified().unwrap();
    check(&dir, &set, 0);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), made);
    let names: Vec<_> = fs::read_dir(dir.path().join(".cache")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Samples of several files, four and three channels, each have a file, made once and found again.
#[test]
fn several_files_per_image() {
    let dir = tempdir().unwrap();
    common::microscopy(dir.path(), ["0", "1", "2"]);
    let open = |channels: u32| {
        let json =
            format!(r#"{{"data": {{"source": "multi-label", "channels": {channels}}}, "loss": {{"kind": "bce"}}}}"#);
        let mut most = 0;
        let set = Library::new(dir.path()).open(&recipe(&json), &mut |now| {
            most = most.max(now.done);
            false
        });
        (set.unwrap(), most)
    };
    for (channels, decoded) in [(4, 3), (4, 0), (3, 3), (3, 0), (4, 0)] {
        let (set, images) = open(channels);
        assert_eq!((images, set.pixels.channels() as u32), (decoded, channels));
        assert_eq!(pixels(&set, 2).len() as u32, 6 * 5 * channels);
    }
    let names = fs::read_dir(dir.path().join(".cache")).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_str().unwrap().ends_with(".images")).count(), 2);
    // A change in any of a sample's files counts, also in one that gives no channel.
    let before = open(3).0.digest.clone();
    let yellow = dir.path().join("multi-label/cell1_yellow.png");
    fs::copy(dir.path().join("multi-label/cell1_red.png"), yellow).unwrap();
    let (set, images) = open(3);
    assert!(images == 3 && set.digest != before);
}

#[test]
fn a_damaged_file_is_made_again() {
    let (dir, set, file) = prepared();
    let whole = fs::read(&file).unwrap();
    let after_header = places(&set).1[0].offset as usize;
    let flips = [0, 8, 12, 19, 25, 60, 85, 95, after_header - 40, after_header + 5, whole.len() - 1];
    let damaged = flips.map(|at| {
        let mut content = whole.clone();
        content[at] ^= 0x40;
        content
    });
    let cuts = [0, 1, 30, after_header - 1, after_header, whole.len() - 1].map(|length| whole[..length].to_vec());
    let longer = [whole.clone(), vec![0; 3]].concat();
    for content in damaged.into_iter().chain(cuts).chain([longer]) {
        fs::write(&file, content).unwrap();
        check(&dir, &set, 12);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn a_changed_source_is_decoded_again_and_the_old_file_goes() {
    let (dir, set, file) = prepared();
    let image = dir.path().join("folder/val/bee/1.png");
    let content = fs::read(&image).unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    fs::File::options().write(true).open(&image).unwrap().set_modified(later).unwrap();
    let (again, images) = decoded(dir.path());
    assert_eq!((images, &again.digest), (12, &set.digest));
    assert!(!file.exists() && places(&again).0.exists());
    fs::write(&image, png(5, 5, 110)).unwrap();
    assert_ne!(decoded(dir.path()).0.digest, set.digest);
    fs::write(&image, content).unwrap();
    check(&dir, &set, 12);
    // Another file of the same content is another data set.
    fs::rename(&image, dir.path().join("folder/val/bee/7.png")).unwrap();
    let (renamed, images) = decoded(dir.path());
    assert!(images == 12 && renamed.digest != set.digest);
    // What a killed worker left goes too.
    let (_, last) = (0, places(&renamed).0.to_owned());
    let left = last.with_extension("tmp");
    fs::write(&left, "half").unwrap();
    fs::remove_file(&last).unwrap();
    decoded(dir.path());
    assert!(!left.exists());
}

#[test]
fn threads_share_one_decoding() {
    let dir = tempdir().unwrap();
    for n in 0..120u32 {
        write(&dir.path().join(format!("folder/{}/{n}.png", n % 2)), png(40, 40, n as u8));
    }
    let (decoders, begun) = (AtomicUsize::new(0), std::sync::Barrier::new(4));
    let digests: Vec<String> = thread::scope(|scope| {
        let open = || {
            begun.wait();
            let mut own = 0;
            let set = Library::new(dir.path()).open(&recipe(FOLDER), &mut |now| {
                own = own.max(now.done);
                // Slow enough that the others come while it works.
                thread::sleep(Duration::from_millis(2));
                false
            });
            decoders.fetch_add(usize::from(own > 0), Ordering::SeqCst);
            set.unwrap().digest.clone()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(decoders.load(Ordering::SeqCst), 1);
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_worker_that_waits_can_be_stopped() {
    let (dir, _, file) = prepared();
    fs::remove_file(&file).unwrap();
    let lock = fs::read_dir(dir.path().join(".cache")).unwrap().next().unwrap().unwrap().path();
    let held = fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let mut looks = 0;
    let stopped = Library::new(dir.path()).open(&recipe(FOLDER), &mut |now| {
        looks += 1;
        assert_eq!(now.done, 0);
        looks == 4
    });
    assert_eq!((stopped.unwrap_err(), looks), (DataError::Stopped, 4));
    drop(held);
    assert_eq!(decoded(dir.path()).1, 12);
}

/// What the tests below start: opens `SWEEPER_TEST_DATA` and prints the cache's place and the digest.
#[test]
fn child_process() {
    let Some(dir) = env::var_os("SWEEPER_TEST_DATA") else { return };
    match open(Path::new(&dir), FOLDER) {
        Ok(set) => println!("child: {} {}", places(&set).0.display(), set.digest),
        Err(error) => println!("child: {error} ({:?})", error.exit_code()),
    }
}

fn child(dir: &Path, caches: &Path) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture"])
        .env("SWEEPER_TEST_DATA", dir)
        .env("XDG_CACHE_HOME", caches)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

fn answer(child: std::process::Child) -> String {
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let at = text.find("child: ").unwrap_or_else(|| panic!("{text}"));
    text[at + 7..].lines().next().unwrap().to_owned()
}

#[test]
fn processes_share_one_file() {
    let (dir, set, file) = prepared();
    let content = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let children: Vec<_> = (0..4).map(|_| child(dir.path(), dir.path())).collect();
    for child in children {
        assert_eq!(answer(child), format!("{} {}", file.display(), set.digest));
    }
    assert_eq!(fs::read(&file).unwrap(), content);
    assert_eq!(fs::read_dir(dir.path().join(".cache")).unwrap().count(), 2);
}

/// The data directory's `.cache` cannot be made, because a file has its name: this holds for root too.
#[test]
fn elsewhere_if_the_data_directory_cannot_be_written() {
    let (dir, caches) = (tempdir().unwrap(), tempdir().unwrap());
    class_folders(dir.path());
    fs::write(dir.path().join(".cache"), "in the way").unwrap();
    let first = answer(child(dir.path(), caches.path()));
    assert!(first.starts_with(caches.path().join("sweeper").to_str().unwrap()), "{first}");
    assert_eq!(answer(child(dir.path(), caches.path())), first);
    let blocked = dir.path().join("blocked");
    fs::write(&blocked, "a file").unwrap();
    let nowhere = answer(child(dir.path(), &blocked));
    assert!(
        nowhere.contains("cannot be written") && nowhere.contains("hint: ") && nowhere.contains("Some(31)"),
        "{nowhere}"
    );
}

/// A header that promises more than there is must cost neither memory nor a crash, even if its own check sum holds.
#[test]
fn sizes_in_a_header_are_not_believed() {
    let (dir, set, file) = prepared();
    let whole = fs::read(&file).unwrap();
    let summed = 84 + 20 * 12;
    assert_eq!(whole[summed..][..32], Sha256::digest(&whole[..summed])[..]);
    // The number of images; offset, height and check sum of the first one; its place swapped with the second one's.
    let first = whole[84..92].to_vec();
    for (at, bytes) in [(12, &[0xFF; 8][..]), (84, &[0xFF; 8]), (92, &[0xFF; 4]), (100, &[1; 4]), (104, &first)] {
        let mut content = whole.clone();
        content[at..at + bytes.len()].copy_from_slice(bytes);
        let sum = Sha256::digest(&content[..summed]);
        content[summed..summed + 32].copy_from_slice(&sum);
        fs::write(&file, content).unwrap();
        check(&dir, &set, 12);
    }
}
