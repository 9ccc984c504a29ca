//! Against values from Pillow and NumPy, `tests/reference/train_data.py` and `counter.py`.
//!
//! Pictures, in grey levels of 255. PNG: decoded exactly, and after resizing no value is off by more than 1. JPEG: the
//! mean absolute difference is below 1; decoders differ in how they round and how they enlarge the colour planes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use std::{env, fs, path::PathBuf};

use common::{open, pixels, places, png, recipe, write};
use serde_json::Value;
use sweeper_data::{
    Column, DataSet, Labels, Pixels, Splits, order,
    seeding::{Domain, Stream},
};
use sweeper_recipe::Sampler;

fn fixture() -> Value {
    read("SWEEPER_DATA_FIXTURE", "train_data_1.json")
}

fn read(variable: &str, file: &str) -> Value {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/fixtures").join(file);
    let path = env::var_os(variable).map_or(own, PathBuf::from);
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes();
    let digit = |d: u8| (d as char).to_digit(16).unwrap() as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn set(labels: Labels, classes: usize, validation: Vec<bool>, files: Option<Vec<String>>) -> DataSet {
    DataSet {
        name: "test".to_owned(),
        folder: PathBuf::from("test"),
        pixels: Pixels::Uniform { bytes: Vec::new().into(), height: 1, width: 1, channels: 1 },
        labels,
        clean: None,
        validation,
        unbalanced: None,
        files,
        classes: (0..classes).map(|class| class.to_string()).collect(),
        mean: vec![0.0],
        deviation: vec![1.0],
        digest: String::new(),
    }
}

#[test]
fn counter_generator() {
    let expected = read("SWEEPER_COUNTER_FIXTURE", "counter_1.json");
    let seed = expected["seed"].as_u64().unwrap();
    let stream = Stream::new(seed, Domain::Order, 3);
    let bits: Vec<String> = (0..4).map(|index| stream.bits(index).to_string()).collect();
    assert_eq!(serde_json::to_value(bits).unwrap(), expected["bits"]);
    let uniform: Vec<f64> = (0..4).map(|index| stream.uniform(index)).collect();
    assert_eq!(serde_json::to_value(uniform).unwrap(), expected["uniform"]);
    assert_eq!(stream.permutation(25), numbers(&expected["permutation"]));
    // Sines and logarithms of two libraries.
    let normals = Stream::new(seed, Domain::Init, 2).normals(9);
    for (found, expected) in normals.iter().zip(expected["normals"].as_array().unwrap()) {
        assert!((found - expected.as_f64().unwrap()).abs() < 1e-14, "{found} is not {expected}");
    }
}

/// Every picture in every size, through files, cache and all.
#[test]
fn pictures_are_those_of_pillow() {
    let fixture = fixture();
    let pictures = fixture["pictures"].as_array().unwrap();
    let size = fixture["size"].as_u64().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for picture in pictures {
        let name = picture["name"].as_str().unwrap();
        write(&folder.path().join("folder/train/a").join(name), bytes(&picture["file"]));
    }
    write(&folder.path().join("folder/train/b/other.png"), png(9, 9, 0));
    let (mut worst_png, mut worst_jpeg) = ((0.0f64, String::new()), (0.0f64, String::new()));
    for (policy, exact, kind) in [
        ("full", true, "crop"),
        ("crop", false, "crop"),
        ("squish", false, "squish"),
        ("random-crop", false, "random-crop"),
    ] {
        // The size that the script shrinks to.
        let cache = if policy == "random-crop" { (size * 5).div_ceil(4) } else { 0 };
        let data = format!(r#"{{"source": "folder", "size": {size}, "exact": {exact}, "cache_size": {cache}}}"#);
        let json = format!(r#"{{"data": {data}, "augment": {{"resize": {{"kind": "{kind}"}}}}}}"#);
        let set = open(folder.path(), &json).unwrap();
        let files = set.files.as_ref().unwrap();
        for picture in pictures {
            let (name, kept) = (picture["name"].as_str().unwrap(), &picture["kept"][policy]);
            if kept.is_null() {
                continue;
            }
            let row = files.iter().position(|file| file.ends_with(&format!("/{name}"))).unwrap();
            let place = places(&set).1[row];
            let expected_size = (kept["height"].as_u64().unwrap(), kept["width"].as_u64().unwrap());
            assert_eq!((u64::from(place.height), u64::from(place.width)), expected_size, "{name} {policy}");
            let (found, expected) = (pixels(&set, row), bytes(&kept["pixels"]));
            assert_eq!(found.len(), expected.len(), "{name} {policy}");
            let differences: Vec<u8> = found.iter().zip(&expected).map(|(f, e)| f.abs_diff(*e)).collect();
            let most = f64::from(*differences.iter().max().unwrap());
            let mean = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
            let what = format!("{name} {policy}: most {most}, mean {mean:.3}");
            if picture["jpeg"].as_bool().unwrap() {
                assert!(mean < 1.0, "{what}");
                worst_jpeg = if mean > worst_jpeg.0 { (mean, what) } else { worst_jpeg };
            } else {
                let allowed = if policy == "full" { 0.0 } else { 1.0 };
                assert!(most <= allowed, "{what}");
                worst_png = if mean > worst_png.0 { (mean, what) } else { worst_png };
            }
        }
    }
    println!("PNG: {}; JPEG: {}", worst_png.1, worst_jpeg.1);
}

#[test]
fn a_larger_validation_set_is_that_of_numpy() {
    let expected = &fixture()["resplit"];
    let (mut labels, mut validation, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let counts = numbers(&expected["train"]);
    for (class, &count) in counts.iter().enumerate() {
        // Class c has c validation images. Training files come in another order than their names'.
        for n in 0..count + class {
            labels.push(class as u16);
            validation.push(n >= count);
            files.push(if n < count { format!("t/{class}/{:03}", 999 - n) } else { format!("v/{class}/{n}") });
        }
    }
    let set = set(Labels::Single(labels.clone()), 4, validation.clone(), Some(files.clone()));
    let mut data = recipe("{}").data;
    data.validation_per_class = 4;
    data.split_seed = expected["seed"].as_u64().unwrap() as u32;
    let splits = Splits::new(&set, &data, 0).unwrap();
    assert_eq!(splits.balanced.counts, [4; 4]);
    for (class, moved) in expected["moved"].as_array().unwrap().iter().enumerate() {
        let mut names: Vec<(usize, &String)> = (0..labels.len())
            .filter(|&row| usize::from(labels[row]) == class && !validation[row])
            .map(|row| (row, &files[row]))
            .collect();
        names.sort_by_key(|(_, name)| *name);
        let wanted: Vec<usize> = numbers(moved).into_iter().map(|place| names[place].0).collect();
        assert!(wanted.iter().all(|row| splits.balanced.rows.contains(row)), "class {class}");
        assert!(wanted.iter().all(|row| !splits.train.rows.contains(row)), "class {class}");
    }
    assert_eq!(splits.train.rows.len() + splits.balanced.rows.len(), labels.len());
}

#[test]
fn draws_of_splits() {
    let fixture = fixture();
    let (seed, expected) = (fixture["seed"].as_u64().unwrap(), &fixture["splits"]);
    let labels: Vec<u16> = numbers(&expected["labels"]).into_iter().map(|label| label as u16).collect();
    let drawn = Column::new(seed, 10).drawn(&labels);
    let rows: Vec<usize> = (0..drawn.len()).filter(|&row| drawn[row]).collect();
    assert_eq!(rows, numbers(&expected["drawn"]));
    let files = labels.iter().enumerate().map(|(row, label)| format!("{label}/{row}")).collect();
    let set = set(Labels::Single(labels), 10, vec![false; 140], Some(files));
    let mut data = recipe(r#"{"data": {"source": "folder", "validation_share": 0.3}}"#).data;
    data.split_seed = seed as u32;
    let splits = Splits::new(&set, &data, 0).unwrap();
    assert_eq!(splits.balanced.rows, numbers(&expected["validation_share"]));
}

#[test]
fn class_balanced_draws() {
    let fixture = fixture();
    let (seed, expected) = (fixture["seed"].as_u64().unwrap(), &fixture["sampler"]);
    let targets: Vec<u8> =
        expected["targets"].as_array().unwrap().iter().flat_map(numbers).map(|label| label as u8).collect();
    // The rows before are validation, so that rows and positions differ.
    let labels = Labels::Multi([vec![1; 50], targets].concat());
    let set = set(labels, 5, (0..70).map(|row| row < 10).collect(), None);
    let splits = Splits::new(&set, &recipe("{}").data, 0).unwrap();
    assert_eq!(splits.train.counts, numbers(&expected["counts"]).into_iter().map(|n| n as u64).collect::<Vec<_>>());
    let rows = order(&splits.train, &set.labels, Sampler::ClassBalanced, seed, 3);
    assert_eq!(rows, numbers(&expected["rows"]).into_iter().map(|row| row + 10).collect::<Vec<_>>());
}
