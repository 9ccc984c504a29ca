//! A mapped cache costs no memory of the process. Alone in its executable, since other tests would disturb the count.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    fs::{self, File},
    sync::Arc,
};

use sweeper_data::{DataSet, Labels, Pixels, Place};
use sweeper_train::augment::{
    Images,
    geometry::{Area, View},
};
use tch::Device;

const SIDE: u32 = 160;
const ROWS: usize = 2700;
const MEGABYTE: u64 = 1 << 20;

/// Bytes of this process that belong to no file, and those that do.
fn resident() -> [u64; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    ["RssAnon:", "RssFile:"].map(|key| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    })
}

#[test]
fn a_mapped_cache_stays_in_the_systems_file_cache() {
    let folder = tempfile::tempdir().unwrap();
    let image = u64::from(SIDE * SIDE * 3);
    let length = ROWS as u64 * image;
    assert!(length > 200 * 1_000_000);
    let file = folder.path().join("cache");
    File::create(&file).unwrap().set_len(length).unwrap();
    let places = (0..ROWS as u64).map(|row| Place { offset: row * image, height: SIDE, width: SIDE }).collect();
    let set = DataSet {
        name: "sparse".to_owned(),
        folder: folder.path().to_owned(),
        pixels: Pixels::Cached { file: file.clone(), length, channels: 3, places: Arc::new(places) },
        labels: Labels::Single(vec![0; ROWS]),
        clean: None,
        validation: vec![false; ROWS],
        unbalanced: None,
        files: None,
        classes: vec!["a".to_owned(), "b".to_owned()],
        mean: vec![0.5; 3],
        deviation: vec![0.25; 3],
        digest: String::new(),
    };
    let view = View::unscaled(Area::whole(SIDE, SIDE));
    // What libtorch allocates on its first use is no part of the count.
    let warm = Images::new(&set, Device::Cpu).unwrap().render(&[0; 8], &[view; 8], [SIDE; 2]).unwrap();
    drop(warm);

    let [anonymous, mapped] = resident();
    let images = Images::new(&set, Device::Cpu).unwrap();
    // A quarter of it is enough, and quick.
    let rows: Vec<usize> = (0..ROWS).step_by(4).collect();
    for some in rows.chunks(8) {
        let _ = images.render(some, &vec![view; some.len()], [SIDE; 2]).unwrap();
    }
    let [anonymous_after, mapped_after] = resident();
    assert!(mapped_after > mapped + 40 * MEGABYTE, "the file was read: {mapped} to {mapped_after} bytes");
    assert!(anonymous_after < anonymous + 10 * MEGABYTE, "nothing was copied: {anonymous} to {anonymous_after} bytes");
    assert_eq!(fs::metadata(&file).unwrap().len(), length);
}
