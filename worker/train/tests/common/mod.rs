//! A small synthetic data set in IDX files, and recipes that fit it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

pub mod fixture;

use std::{fs, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};
use sweeper_recipe::{
    Recipe,
    trial::{Outcome, Task, TrainError},
};
use sweeper_train::{
    Device, Options, Trainer,
    seeding::{Domain, Stream},
};
use tempfile::TempDir;

pub const SIDE: usize = 28;
pub const TRAIN: usize = 600;
pub const VALIDATION: usize = 300;

pub fn images_file(count: u32, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let head = [0x803, count, height, width].map(u32::to_be_bytes).concat();
    [head, pixels.to_vec()].concat()
}

pub fn labels_file(labels: &[u8]) -> Vec<u8> {
    let head = [0x801, labels.len() as u32].map(u32::to_be_bytes).concat();
    [head, labels.to_vec()].concat()
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// `count` images of ten classes, bright where the class says so, under noise.
pub fn draw(seed: u64, count: usize) -> (Vec<u8>, Vec<u8>) {
    let stream = Stream::new(seed, Domain::Mix, 9);
    let labels: Vec<u8> = (0..count).map(|row| (row * 7 % 10) as u8).collect();
    let mut pixels = vec![0; count * SIDE * SIDE];
    for (at, pixel) in pixels.iter_mut().enumerate() {
        let (row, line) = (at / (SIDE * SIDE), at / SIDE % SIDE);
        let bright = line / 2 == usize::from(labels[row]) + 2;
        *pixel = (stream.uniform(at as u64) * 160.0) as u8 + if bright { 60 } else { 0 };
    }
    (pixels, labels)
}

/// Writes the four files, plain.
pub fn write_data(data_dir: &Path) {
    let folder = data_dir.join("fashion-mnist");
    fs::create_dir_all(&folder).unwrap();
    for (part, seed, count) in [("train", 1, TRAIN), ("t10k", 2, VALIDATION)] {
        let (pixels, labels) = draw(seed, count);
        let images = images_file(count as u32, SIDE as u32, SIDE as u32, &pixels);
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels_file(&labels)).unwrap();
    }
}

/// A trainer on the CPU for the data sets in this folder, without checkpoints.
pub fn trainer_in(data_dir: &Path) -> Trainer {
    Trainer::new(Options {
        data_dir: data_dir.to_owned(),
        device: Device::Cpu,
        device_name: "cpu".to_owned(),
        checkpoint_dir: None,
    })
}

pub fn synthetic() -> (TempDir, Trainer) {
    let folder = TempDir::new().unwrap();
    write_data(folder.path());
    let trainer = trainer_in(folder.path());
    (folder, trainer)
}

/// A recipe from JSON on top of small batches.
pub fn recipe(json: &str) -> Recipe {
    let mut recipe = Recipe::from_json(json.as_bytes()).unwrap();
    recipe.batch_size = 32;
    recipe
}

pub fn task(recipe: &Recipe, seed: u64) -> Task {
    Task { label: "s1/c0/r0#1".to_owned(), recipe: recipe.clone(), seed, data_digest: None }
}

pub fn run(trainer: &mut Trainer, recipe: &Recipe, seed: u64) -> Result<Outcome, TrainError> {
    trainer.train(&task(recipe, seed), &|| false, &mut |_| {})
}

/// Everything that must be equal between two executions of one trial, as text, to the last bit.
pub fn observation(outcome: &Outcome) -> String {
    let mut text = format!("{:?} {} {}\n", outcome.ending, outcome.data_digest, outcome.parameter_digest);
    for metric in outcome.metrics.iter().filter(|metric| !metric.name.starts_with("seconds/")) {
        let bits = metric.value.to_bits();
        text += &format!("{} {} {bits:016x} {}\n", metric.name, metric.epoch, metric.is_final);
    }
    text
}

pub fn value(outcome: &Outcome, name: &str) -> f64 {
    let mut found = outcome.metrics.iter().filter(|metric| metric.is_final && metric.name == name);
    let value = found.next().unwrap_or_else(|| panic!("no final {name}")).value;
    assert!(found.next().is_none(), "two final {name}");
    value
}
