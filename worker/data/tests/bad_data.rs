//! Data that cannot be used: each mistake has its exit code and a text that names place, expectation and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{fs, path::Path};

use common::{cifar, class_folders, encoded, idx, imagenette, jpeg, microscopy, open, picture, png, refused, write};
use image::ImageFormat;
use tempfile::tempdir;

const FOLDER: &str = r#"{"data": {"source": "folder", "size": 16}}"#;
const NETTE: &str = r#"{"data": {"source": "imagenette", "size": 16}}"#;
const CELLS: &str = r#"{"data": {"source": "multi-label"}, "loss": {"kind": "bce"}}"#;

/// The class folders after `damage`.
#[track_caller]
fn folder(damage: impl FnOnce(&Path), code: u8, words: &[&str]) {
    let dir = tempdir().unwrap();
    class_folders(dir.path());
    damage(&dir.path().join("folder"));
    refused(open(dir.path(), FOLDER), Some(code), words);
}

#[test]
fn folders_that_do_not_fit() {
    folder(|f| fs::remove_dir_all(f).unwrap(), 20, &["missing", "folder", "data.path"]);
    folder(|f| fs::rename(f.join("train"), f.join("trian")).unwrap(), 20, &["train", "beside `val`"]);
    let empty = |f: &Path| {
        fs::remove_dir_all(f).unwrap();
        fs::create_dir(f).unwrap();
    };
    folder(empty, 21, &["expected one folder per class", "no folder"]);
    folder(|f| fs::create_dir(f.join("train/cat")).unwrap(), 21, &["train/cat", "at least one .jpg"]);
    folder(|f| fs::create_dir(f.join("train/ant/more")).unwrap(), 21, &["train/ant", "`more`"]);
    folder(|f| write(&f.join("train/x.JPG"), "x"), 21, &["images in class folders only", "`x.JPG`"]);
    let one_class = |f: &Path| {
        for class in ["train/bee", "val/bee"] {
            fs::remove_dir_all(f.join(class)).unwrap();
        }
    };
    folder(one_class, 21, &["2 to 65535 folders", "found 1"]);
}

#[test]
fn images_that_are_none() {
    let at = "train/bee/2.png";
    let with = |content: Vec<u8>| move |f: &Path| fs::write(f.join(at), content).unwrap();
    let whole = jpeg(40, 40, 7);
    for part in [whole.len() / 2, whole.len() - 1, whole.len() - 2, 10, 3] {
        folder(with(whole[..part].to_vec()), 21, &[at, "JPEG", "found"]);
    }
    let packed = encoded(&picture(40, 40, 3), ImageFormat::Png);
    for part in [packed.len() / 2, packed.len() - 40, 20] {
        folder(with(packed[..part].to_vec()), 21, &[at, "PNG", "found"]);
    }
    folder(with(vec![]), 21, &[at, "a JPEG or PNG image", "0 bytes"]);
    folder(with(b"GIF89a garbage".to_vec()), 21, &[at, "14 bytes of something else"]);
    folder(with([&[0xFF, 0xD8, 0xFF, 0xE0][..], &[7; 300], &[0xFF, 0xD9]].concat()), 21, &[at]);
    // A flipped byte in the compressed data of a PNG breaks its check sum.
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    folder(with(flipped), 21, &[at]);
    // A header that claims 40,000 × 40,000 pixels is refused before memory is asked for.
    let mut bomb = packed;
    bomb[16..20].copy_from_slice(&40_000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&40_000u32.to_be_bytes());
    let crc = crc32fast::hash(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    folder(with(bomb), 21, &[at, "40000 × 40000 pixels", "100000000"]);
    // One line of pixels that would become 100 million when its height becomes 16.
    folder(with(png(1, 500_000, 1)), 21, &[at, "1 × 500000", "after resizing"]);
}

#[test]
fn the_first_bad_image_is_named() {
    let both = |f: &Path| {
        for at in ["train/ant/1.png", "train/bee/3.png", "val/ant/0.png"] {
            fs::write(f.join(at), "no").unwrap();
        }
    };
    for _ in 0..5 {
        folder(both, 21, &["train/ant/1.png"]);
    }
}

const ROWS: [(&str, &str, bool); 4] = [
    ("train/n01/a.JPEG", "n01", false),
    ("train/n02/b.JPEG", "n02", false),
    ("val/n01/c.JPEG", "n01", true),
    ("val/n02/d.JPEG", "n02", true),
];

/// A table as long as the whole second edition must hold its classes' numbers; what is listed need not be there for that.
#[test]
fn the_whole_of_imagenette_has_its_known_numbers() {
    let published = [963, 955, 993, 858, 941, 956, 961, 931, 951, 960];
    let validation = [387, 395, 357, 386, 409, 394, 389, 419, 399, 390];
    let table = |train: [usize; 10]| {
        let mut csv = "path,noisy_labels_0,noisy_labels_50,is_valid\n".to_owned();
        for class in 0..10 {
            for (part, count, valid) in [("train", train[class], "False"), ("val", validation[class], "True")] {
                for n in 0..count {
                    csv += &format!("{part}/n{class}/{n}.JPEG,n{class},n{class},{valid}\n");
                }
            }
        }
        let dir = tempdir().unwrap();
        write(&dir.path().join("imagenette2-320/noisy_imagenette.csv"), csv);
        open(dir.path(), NETTE)
    };
    refused(table(published), Some(20), &["train/n0/0.JPEG", "the first of 13394"]);
    let mut moved = published;
    (moved[0], moved[1]) = (moved[0] - 1, moved[1] + 1);
    refused(table(moved), Some(21), &["(963, 387)", "(962, 387)"]);
}

/// Imagenette with `from` replaced by `to` in its CSV.
#[track_caller]
fn csv(from: &str, to: &str, code: u8, words: &[&str]) {
    let dir = tempdir().unwrap();
    imagenette(dir.path(), &ROWS);
    let path = dir.path().join("imagenette2-320/noisy_imagenette.csv");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    refused(open(dir.path(), NETTE), Some(code), words);
}

#[test]
fn tables_of_imagenette() {
    csv("is_valid", "valid", 21, &["noisy_imagenette.csv", "a column `is_valid`", "`noisy_labels_50`, `valid`"]);
    csv("val/n01/c.JPEG", "val/n01/gone.JPEG", 20, &["val/n01/gone.JPEG", "line 4 of", "noisy_imagenette.csv"]);
    csv("val/n01/c", "train/n01/a", 21, &["every path once", "is in line 2", "it again in line 4"]);
    csv("b.JPEG,n02", "b.JPEG,n77", 21, &["the picture's folder `n02`", "`n77` in line 3"]);
    csv("True", "yes", 21, &["True or False as `is_valid`", "`yes` in line 4"]);
    csv("train/n01/a.JPEG", "../a.JPEG", 21, &["`../a.JPEG` in line 2", "inside the folder"]);
    csv("n02,n01,False", "n02,False", 21, &["4 fields", "3 in line 3"]);
    csv("b.JPEG,n02", "b.JPEG,", 21, &["nothing in line 3"]);
    let dir = tempdir().unwrap();
    imagenette(dir.path(), &ROWS);
    let noisy = |noise: u32| open(dir.path(), &NETTE.replace("\"size\"", &format!("\"noise\": {noise}, \"size\"")));
    refused(noisy(25), Some(21), &["a column `noisy_labels_25`", "`noisy_labels_0`, `noisy_labels_50`"]);
    let path = dir.path().join("imagenette2-320/noisy_imagenette.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("n01,n02,False", "n01,n99,False")).unwrap();
    refused(noisy(50), Some(21), &["a label that `noisy_labels_0` has too", "`n99` in line 2"]);
    assert!(noisy(0).is_ok());
    for file in ["train/n01/a.JPEG", "val/n02/d.JPEG"] {
        fs::remove_file(dir.path().join("imagenette2-320").join(file)).unwrap();
    }
    refused(noisy(0), Some(20), &["train/n01/a.JPEG", "line 2 of", "the first of 2"]);
    // Lines that end in CR LF count like others.
    fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    refused(noisy(0), Some(20), &["train/n01/a.JPEG", "line 2 of", "the first of 2"]);
    fs::write(&path, text.lines().next().unwrap()).unwrap();
    refused(noisy(0), Some(21), &["at least one row"]);
    fs::write(&path, [text.as_bytes(), &[0xFF, 0xFE, b',', b'a', b',', b'b', b',', b'c']].concat()).unwrap();
    refused(noisy(0), Some(21), &["UTF-8", "line 6"]);
    fs::remove_file(&path).unwrap();
    refused(noisy(0), Some(20), &["noisy_imagenette.csv"]);
}

/// The microscopy images after `damage` to their folder.
#[track_caller]
fn cells(targets: [&str; 3], damage: impl FnOnce(&Path), code: u8, words: &[&str]) {
    let dir = tempdir().unwrap();
    microscopy(dir.path(), targets);
    damage(&dir.path().join("multi-label"));
    refused(open(dir.path(), CELLS), Some(code), words);
}

#[test]
fn several_labels_per_sample() {
    let none = |_: &Path| ();
    cells(["0", "1 28", "2"], none, 21, &["labels 0 to 27", "`28` in line 3", "data.label_count"]);
    cells(["0", "1 x", "2"], none, 21, &["`x` in line 3"]);
    cells(["0", "-1", "2"], none, 21, &["`-1` in line 3"]);
    cells(["0", "1 4 1", "2"], none, 21, &["every label once", "1 twice in line 3"]);
    let targets = ["0", "1", "2"];
    let edit = |from: &'static str, to: &'static str| {
        move |f: &Path| {
            let text = fs::read_to_string(f.join("train.csv")).unwrap();
            fs::write(f.join("train.csv"), text.replacen(from, to, 1)).unwrap();
        }
    };
    cells(targets, edit("cell2", "cell0"), 21, &["every id once", "`cell0` is in line 2", "line 4"]);
    cells(targets, edit("cell2", "../cell0"), 21, &["`../cell0` in line 4"]);
    cells(targets, edit("Target", "Labels"), 21, &["a column `Target`", "`Id`, `Labels`"]);
    cells(targets, edit("cell1", "cell7"), 20, &["cell7_red.png", "line 3 of"]);
    cells(targets, |f| fs::remove_file(f.join("cell1_yellow.png")).unwrap(), 20, &["cell1_yellow.png", "line 3"]);
    cells(targets, |f| fs::remove_file(f.join("train.csv")).unwrap(), 20, &["train.csv"]);
    let grey = |height: u32, width: u32| encoded(&picture(height, width, 1).to_luma8().into(), ImageFormat::Png);
    let replace = |name: &'static str, bytes: Vec<u8>| move |f: &Path| fs::write(f.join(name), bytes).unwrap();
    cells(targets, replace("cell1_blue.png", grey(6, 4)), 21, &["cell1_blue.png", "6 × 5", "6 × 4"]);
    let all = |f: &Path| {
        for colour in ["red", "green", "blue", "yellow"] {
            fs::write(f.join(format!("cell2_{colour}.png")), grey(7, 5)).unwrap();
        }
    };
    cells(targets, all, 21, &["cell2_red.png", "6 × 5 pixels as in cell0", "7 × 5"]);
    cells(
        targets,
        replace("cell0_red.png", png(6, 5, 1)),
        21,
        &["cell0_red.png", "a single grey channel", "3 channels"],
    );
    cells(targets, replace("cell2_green.png", jpeg(6, 5, 1)), 21, &["cell2_green.png", "a PNG image"]);
    let two = |f: &Path| {
        fs::rename(f.join("train.csv"), f.join("a.csv")).unwrap();
        fs::copy(f.join("a.csv"), f.join("b.csv")).unwrap();
    };
    cells(targets, two, 21, &["`train.csv` or a single CSV file", "2 of them"]);
}

#[test]
fn idx_files() {
    let with = |damage: &dyn Fn(&Path)| {
        let dir = tempdir().unwrap();
        idx(dir.path(), [&[3, 7, 1], &[0, 3]]);
        damage(&dir.path().join("mnist"));
        open(dir.path(), r#"{"data": {"source": "mnist"}}"#)
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let set = |name: &str, change: fn(&mut Vec<u8>)| {
        with(&|folder| {
            let mut content = fs::read(folder.join(name)).unwrap();
            change(&mut content);
            fs::write(folder.join(name), content).unwrap();
        })
    };
    let gone = with(&|folder| fs::remove_file(folder.join(images)).unwrap());
    refused(gone, Some(20), &["train-images-idx3-ubyte.gz", "(or the same name without .gz)", "deploy/setup.sh"]);
    refused(set(images, |c| c.truncate(30)), Some(21), &[images, "expected 18 bytes of content", "found 14 bytes"]);
    refused(set(images, |c| c.truncate(9)), Some(21), &["a header of 16 bytes", "9 bytes"]);
    refused(set(images, |c| c.push(0)), Some(21), &["18 bytes", "more"]);
    refused(set(images, |c| c[3] = 1), Some(21), &["0x00000803", "0x00000801"]);
    refused(set(labels, |c| c[9] = 10), Some(21), &[labels, "labels 0 to 9", "10 in row 1"]);
    refused(set(labels, |c| c[7] = 4), Some(21), &["3 labels, one for each image", "4 labels"]);
    refused(
        set("t10k-images-idx3-ubyte", |c| c.swap(11, 15)),
        Some(21),
        &["2 × 3 pixels as in the training file", "3 × 2"],
    );
    refused(set(images, |c| c[4..16].fill(0xFF)), Some(21), &["4294967295 images"]);
    refused(set("t10k-images-idx3-ubyte", |c| c[4..8].fill(0)), Some(21), &["0 images"]);
}

#[test]
fn cifar_files() {
    let dir = tempdir().unwrap();
    let json = r#"{"data": {"source": "cifar100"}}"#;
    refused(open(dir.path(), json), Some(20), &["cifar-100-binary/train.bin"]);
    cifar(dir.path(), "cifar-100-binary", &[19], &[("train.bin", &[99, 0]), ("test.bin", &[50])]);
    let path = dir.path().join("cifar-100-binary/train.bin");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    refused(open(dir.path(), json), Some(21), &["train.bin", "a multiple of 3074 bytes", "6147 bytes"]);
    fs::write(&path, "").unwrap();
    refused(open(dir.path(), json), Some(21), &["0 bytes"]);
    let mut wrong = whole;
    wrong[3074 + 1] = 100;
    fs::write(&path, wrong).unwrap();
    refused(open(dir.path(), json), Some(21), &["labels 0 to 99", "100 in record 1"]);
}

#[test]
fn settings_that_the_data_do_not_have() {
    let dir = tempdir().unwrap();
    idx(dir.path(), [&[3, 7, 1], &[0, 3]]);
    cifar(dir.path(), "cifar-100-binary", &[19], &[("train.bin", &[99, 0]), ("test.bin", &[50])]);
    let mnist = |more: &str| open(dir.path(), &format!(r#"{{"data": {{"source": "mnist", {more}}}}}"#));
    refused(mnist(r#""channels": 2"#), None, &["data.channels = 2", "mnist has 1"]);
    refused(mnist(r#""classes": [3, 10]"#), None, &["data.classes", "no class 10", "0 to 9"]);
    refused(mnist(r#""classes": [7, 1]"#), None, &["data.classes", "no validation image"]);
    let one = open(dir.path(), r#"{"data": {"source": "cifar100", "channels": 1}}"#);
    refused(one, None, &["data.channels = 1", "cifar100 has 3"]);
    imagenette(dir.path(), &ROWS);
    let noisy = open(dir.path(), &NETTE.replace("\"size\"", "\"noise\": 50, \"classes\": [0, 1], \"size\""));
    refused(noisy, None, &["data.classes", "data.noise"]);
    let huge = r#"{"data": {"source": "synthetic", "synthetic_images": [10000000, 10], "size": 1024}}"#;
    refused(open(dir.path(), huge), None, &["do not fit in memory", "data.synthetic_images"]);
}
