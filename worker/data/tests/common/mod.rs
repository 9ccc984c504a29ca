//! Small data sets on disk, and what the tests look at.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use std::{fs, io::Cursor, os::unix::fs::FileExt, path::Path, sync::Arc};

use image::{DynamicImage, ImageFormat, RgbImage};
use sweeper_data::{DataError, DataSet, Labels, Library, Pixels, Place};
use sweeper_recipe::{Recipe, Value};

/// Settings whose combination nobody has checked: the crate does not rely on that.
pub fn recipe(json: &str) -> Recipe {
    let tree = Value::from_json(serde_json::from_str(json).unwrap());
    Recipe::from_part(&tree).unwrap_or_else(|error| panic!("{json}: {error}"))
}

pub fn open(data_dir: &Path, json: &str) -> Result<Arc<DataSet>, DataError> {
    Library::new(data_dir).open(&recipe(json), &mut |_| false)
}

/// Code and message of an error, which must name a remedy.
#[track_caller]
pub fn refused(result: Result<Arc<DataSet>, DataError>, code: Option<u8>, words: &[&str]) {
    let Err(error) = result else { panic!("it was accepted, expected {words:?}") };
    let message = error.to_string();
    assert_eq!(error.exit_code(), code, "{message}");
    for word in words.iter().chain(&["hint: "]) {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A picture that tells its own number by its colour.
pub fn picture(height: u32, width: u32, number: u8) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| [number, (x * 5) as u8, (y * 5) as u8].into()).into()
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn png(height: u32, width: u32, number: u8) -> Vec<u8> {
    encoded(&picture(height, width, number), ImageFormat::Png)
}

pub fn jpeg(height: u32, width: u32, number: u8) -> Vec<u8> {
    encoded(&picture(height, width, number), ImageFormat::Jpeg)
}

/// `folder/train/{ant,bee}` with four images each and `folder/val` with two each, of different sizes.
pub fn class_folders(data_dir: &Path) {
    for (part, count) in [("train", 4), ("val", 2)] {
        for (class, name) in ["ant", "bee"].iter().enumerate() {
            for n in 0..count {
                let number = (class * 100 + n * 10) as u8;
                let path = data_dir.join(format!("folder/{part}/{name}/{n}.png"));
                write(&path, png(20 + n as u32, 30, number));
            }
        }
    }
}

/// `imagenette2-320` with a CSV of `rows` (path, clean label, is_valid, unbalanced) and an image for each path.
pub fn imagenette(data_dir: &Path, rows: &[(&str, &str, bool)]) {
    let folder = data_dir.join("imagenette2-320");
    let mut csv = "path,noisy_labels_0,noisy_labels_50,is_valid\n".to_owned();
    for (n, (path, label, valid)) in rows.iter().enumerate() {
        write(&folder.join(path), jpeg(24, 24, n as u8));
        let noisy = if *valid { label } else { rows[(n + 1) % rows.len()].1 };
        csv += &format!("{path},{label},{noisy},{}\n", if *valid { "True" } else { "False" });
    }
    write(&folder.join("noisy_imagenette.csv"), csv);
}

/// `multi-label` with three samples of 6 × 5 pixels: channel c of sample s is 50·c + s everywhere.
pub fn microscopy(data_dir: &Path, targets: [&str; 3]) {
    let folder = data_dir.join("multi-label");
    let mut csv = "Id,Target\n".to_owned();
    for (sample, target) in targets.iter().enumerate() {
        csv += &format!("cell{sample},{target}\n");
        for (colour, name) in ["red", "green", "blue", "yellow"].iter().enumerate() {
            let grey = image::GrayImage::from_pixel(5, 6, [(50 * colour + sample) as u8].into());
            let bytes = encoded(&grey.into(), ImageFormat::Png);
            write(&folder.join(format!("cell{sample}_{name}.png")), bytes);
        }
    }
    write(&folder.join("train.csv"), csv);
}

pub fn idx(data_dir: &Path, labels: [&[u8]; 2]) {
    for (part, labels) in ["train", "t10k"].iter().zip(labels) {
        let count = labels.len() as u32;
        let pixels: Vec<u8> = (0..count * 6).map(|at| at as u8).collect();
        let images = [&[0x803, count, 2, 3].map(u32::to_be_bytes).concat()[..], &pixels].concat();
        write(&data_dir.join(format!("mnist/{part}-images-idx3-ubyte")), images);
        let labels = [&[0x801, count].map(u32::to_be_bytes).concat()[..], labels].concat();
        write(&data_dir.join(format!("mnist/{part}-labels-idx1-ubyte")), labels);
    }
}

pub fn cifar(data_dir: &Path, folder: &str, label_bytes: &[u8], files: &[(&str, &[u8])]) {
    for (name, labels) in files {
        let record = |label: &u8| {
            let planes = (0..3072u32).map(|at| (at / 1024 * 64 + at % 64) as u8 ^ label);
            label_bytes.iter().copied().chain([*label]).chain(planes).collect::<Vec<u8>>()
        };
        let content: Vec<u8> = labels.iter().flat_map(record).collect();
        write(&data_dir.join(folder).join(name), content);
    }
}

pub fn single(set: &DataSet) -> &[u16] {
    let Labels::Single(labels) = &set.labels else { panic!("several labels") };
    labels
}

/// The cache file's place of each row.
pub fn places(set: &DataSet) -> (&Path, &[Place]) {
    let Pixels::Cached { file, length, places, channels: _ } = &set.pixels else { panic!("{:?}", set.pixels) };
    assert_eq!(fs::metadata(file).unwrap().len(), *length);
    (file, places)
}

pub fn pixels(set: &DataSet, row: usize) -> Vec<u8> {
    match &set.pixels {
        Pixels::Uniform { bytes, height, width, channels } => {
            let each = height * width * channels;
            bytes[row * each..][..each].to_vec()
        }
        Pixels::Cached { .. } => {
            let (file, places) = places(set);
            let (place, channels) = (places[row], set.pixels.channels() as u32);
            assert_eq!(place.offset % u64::from(channels), 0);
            let mut bytes = vec![0; (place.height * place.width * channels) as usize];
            fs::File::open(file).unwrap().read_exact_at(&mut bytes, place.offset).unwrap();
            bytes
        }
    }
}
