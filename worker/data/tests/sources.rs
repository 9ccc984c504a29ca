//! What each form of source becomes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{fs, sync::Arc};

use common::{
    cifar, class_folders, encoded, idx, imagenette, jpeg, microscopy, open, picture, pixels, places, png, recipe,
    single, write,
};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use sweeper_data::{Labels, Library, Pixels, Splits};
use tempfile::tempdir;

#[test]
fn idx_files() {
    let dir = tempdir().unwrap();
    idx(dir.path(), [&[3, 7, 1, 7], &[0, 3, 7]]);
    let set = open(dir.path(), r#"{"data": {"source": "mnist"}}"#).unwrap();
    assert_eq!(single(&set), [3, 7, 1, 7, 0, 3, 7]);
    assert_eq!(set.validation, [false, false, false, false, true, true, true]);
    assert_eq!((pixels(&set, 1), pixels(&set, 4)), ((6..12).collect(), (0..6).collect()));
    assert_eq!((&set.mean[..], &set.deviation[..], set.classes.len()), (&[0.1307][..], &[0.3081][..], 10));
    // Study C: digits 3 and 7 as classes 0 and 1, three equal channels.
    let study = r#"{"data": {"source": "mnist", "classes": [3, 7], "channels": 3}}"#;
    let pair = open(dir.path(), study).unwrap();
    assert_eq!(single(&pair), [0, 1, 1, 0, 1]);
    assert_eq!(
        (&pair.validation[..], &pair.classes[..]),
        (&[false, false, false, true, true][..], &["3".into(), "7".into()][..])
    );
    assert_eq!(pixels(&pair, 1), [6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 11]);
    assert_eq!((&pair.mean[..], &pair.digest), (&[0.1307; 3][..], &set.digest));
    let splits = Splits::new(&pair, &recipe(study).data, 0).unwrap();
    assert_eq!((&splits.train.counts[..], &splits.balanced.counts[..]), (&[1, 2][..], &[1, 1][..]));
    let other_order = open(dir.path(), r#"{"data": {"source": "mnist", "classes": [7, 3]}}"#).unwrap();
    assert_eq!(single(&other_order), [1, 0, 0, 1, 0]);
}

/// A digest of another form would refuse the data of every sweep that was begun before.
#[test]
fn the_digest_of_idx_files_stays_what_it_was() {
    use sha2::{Digest, Sha256};
    let dir = tempdir().unwrap();
    idx(dir.path(), [&[3, 7], &[1]]);
    let mut hasher = Sha256::new();
    for (count, labels) in [(2u64, &[3u8, 7][..]), (1, &[1])] {
        for size in [count, 2, 3] {
            hasher.update(size.to_le_bytes());
        }
        hasher.update((0..count as u8 * 6).collect::<Vec<_>>());
        hasher.update(labels);
    }
    let expected: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let set = open(dir.path(), r#"{"data": {"source": "mnist"}}"#).unwrap();
    assert_eq!(set.digest, expected);
    set.require_digest(Some(&expected)).unwrap();
    set.require_digest(None).unwrap();
    let error = set.require_digest(Some("ab")).unwrap_err();
    assert_eq!(error.exit_code(), Some(22));
    assert!(error.to_string().contains("expected digest ab, found"), "{error}");
}

#[test]
fn cifar_files() {
    let dir = tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> = (1..=5).map(|n| (format!("data_batch_{n}.bin"), vec![n, 9])).collect();
    let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, labels)| (&name[..], &labels[..])).collect();
    files.push(("test_batch.bin", &[4]));
    cifar(dir.path(), "cifar-10-batches-bin", &[], &files);
    let set = open(dir.path(), r#"{"data": {"source": "cifar10"}}"#).unwrap();
    assert_eq!(single(&set), [1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 4]);
    assert_eq!((set.validation.iter().filter(|v| **v).count(), set.validation[10]), (1, true));
    // Planes become pixels: red, green and blue of the first two.
    assert_eq!(pixels(&set, 0)[..6], [1, 64 ^ 1, 128 ^ 1, 0, 65 ^ 1, 129 ^ 1]);
    assert_eq!((set.classes[4].as_str(), set.mean[2], set.pixels.channels()), ("deer", 0.4465, 3));
    cifar(dir.path(), "cifar-100-binary", &[19], &[("train.bin", &[99, 0]), ("test.bin", &[50])]);
    let set = open(dir.path(), r#"{"data": {"source": "cifar100"}}"#).unwrap();
    assert_eq!((single(&set), set.classes.len(), set.deviation[0]), (&[99, 0, 50][..], 100, 0.2675));
}

#[test]
fn synthetic_images() {
    let nowhere = std::path::Path::new("nowhere");
    let json = r#"{"data": {"source": "synthetic", "synthetic_images": [40, 20], "label_count": 4, "channels": 3}}"#;
    let set = open(nowhere, json).unwrap();
    assert_eq!((set.len(), set.classes.len(), &set.mean[..]), (60, 4, &[0.5; 3][..]));
    assert_eq!(set.validation.iter().position(|v| *v), Some(40));
    let Pixels::Uniform { bytes, height: 28, width: 28, channels: 3 } = &set.pixels else { panic!() };
    let values: Vec<f64> = bytes.iter().map(|&byte| f64::from(byte) / 255.0).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    assert!((mean - 0.5).abs() < 0.05 && (deviation - 0.25).abs() < 0.03, "{mean} {deviation}");
    // The nearest mean image of training images tells the class of nearly every validation image.
    let image = |row: usize| &values[row * 2352..][..2352];
    let means: Vec<Vec<f64>> = (0..4)
        .map(|class| (0..2352).map(|at| (0..10).map(|n| image(n * 4 + class)[at]).sum::<f64>() / 10.0).collect())
        .collect();
    let distance =
        |row: usize, class: usize| -> f64 { image(row).iter().zip(&means[class]).map(|(a, b)| (a - b).powi(2)).sum() };
    let nearest = |row: usize| (0..4).min_by(|a, b| distance(row, *a).total_cmp(&distance(row, *b))).unwrap();
    assert!((40..60).filter(|&row| nearest(row) == usize::from(single(&set)[row])).count() >= 19);
    let other = open(nowhere, &json.replace("\"channels\"", "\"split_seed\": 5, \"channels\"")).unwrap();
    assert_ne!(other.digest, set.digest);
    assert_eq!(open(nowhere, json).unwrap().digest, set.digest);
}

#[test]
fn class_folders_with_and_without_val() {
    let dir = tempdir().unwrap();
    class_folders(dir.path());
    write(&dir.path().join("folder/train/ant/notes.txt"), "not an image");
    write(&dir.path().join("folder/train/ant/.hidden.png"), "not one either");
    write(&dir.path().join("folder/LICENSE"), "nor this");
    let json = r#"{"data": {"source": "folder", "size": 16}}"#;
    let set = open(dir.path(), json).unwrap();
    assert_eq!(single(&set), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]);
    assert_eq!(set.files.as_ref().unwrap()[4], "train/bee/0.png");
    assert_eq!((&set.classes[..], set.validation[8]), (&["ant".to_owned(), "bee".to_owned()][..], true));
    assert_eq!((&set.mean[..], &set.deviation[..]), (&[0.485, 0.456, 0.406][..], &[0.229, 0.224, 0.225][..]));
    let (_, kept) = places(&set);
    assert_eq!((kept[0].height, kept[0].width, kept[3].height, kept[3].width), (16, 24, 16, 21));
    // Red is the picture's number, whatever the size.
    assert!((0..12).all(|row| pixels(&set, row).chunks(3).all(|p| p[0] == pixels(&set, row)[0])));
    assert_eq!((pixels(&set, 6)[0], pixels(&set, 9)[0]), (120, 10));
    let bees = open(dir.path(), r#"{"data": {"source": "folder", "size": 16, "classes": [1, 0]}}"#).unwrap();
    assert_eq!((single(&bees)[0], bees.classes[0].as_str(), &bees.digest), (1, "bee", &set.digest));

    // The same without `val`, and without `train` too: a share validates.
    let split = |json: &str| {
        let set = open(dir.path(), json).unwrap();
        let splits = Splits::new(&set, &recipe(json).data, 0).unwrap();
        (set.len(), splits.balanced.rows.len(), splits.train.rows.len())
    };
    fs::remove_dir_all(dir.path().join("folder/val")).unwrap();
    assert_eq!(split(r#"{"data": {"source": "folder", "size": 16, "validation_share": 0.25}}"#), (8, 2, 6));
    fs::rename(dir.path().join("folder/train"), dir.path().join("plain")).unwrap();
    assert_eq!(
        split(r#"{"data": {"source": "folder", "path": "plain", "size": 16, "validation_share": 0.5}}"#),
        (8, 4, 4)
    );
}

#[test]
fn imagenette_labels() {
    let dir = tempdir().unwrap();
    let rows = [
        ("train/n02/b.JPEG", "n02", false),
        ("train/n01/a.JPEG", "n01", false),
        ("val/n02/c.JPEG", "n02", true),
        ("train/n03/d.JPEG", "n03", false),
        ("val/n01/e.JPEG", "n01", true),
    ];
    imagenette(dir.path(), &rows);
    let json = r#"{"data": {"source": "imagenette", "size": 16}}"#;
    let set = open(dir.path(), json).unwrap();
    // Rows keep the file's order, classes have alphabetical ranks.
    assert_eq!((single(&set), &set.validation[..]), (&[1, 0, 1, 2, 0][..], &[false, false, true, false, true][..]));
    assert_eq!(
        (set.classes.join(" "), set.clean.is_none(), set.unbalanced.is_none()),
        ("n01 n02 n03".into(), true, true)
    );
    assert_eq!(places(&set).1[0].height, 16);
    let noisy = open(dir.path(), r#"{"data": {"source": "imagenette", "size": 16, "noise": 50}}"#).unwrap();
    assert_eq!(
        (single(&noisy), noisy.clean.as_deref(), &noisy.digest),
        (&[0, 1, 1, 0, 0][..], Some(single(&set)), &set.digest)
    );
    // The study's own column, with another column in front as pandas writes it.
    let file = dir.path().join("imagenette2-320/noisy_imagenette.csv");
    let flags = ["True", "False", "1", "0", "True"];
    let mut text = ",path,noisy_labels_0,is_valid,unbalanced\n".to_owned();
    for (n, ((path, label, valid), flag)) in rows.iter().zip(flags).enumerate() {
        text += &format!("{n},{path},{label},{valid},{flag}\n");
    }
    fs::write(file, text).unwrap();
    let own = open(dir.path(), json).unwrap();
    assert_eq!(own.unbalanced.as_deref(), Some(&[true, false, true, false, true][..]));
    assert_ne!(own.digest, set.digest);
    // Images did not change, so they were not decoded again.
    assert_eq!(places(&own), places(&set));
}

#[test]
fn several_labels_per_sample() {
    let dir = tempdir().unwrap();
    microscopy(dir.path(), ["0 3", "", "2 27 1"]);
    let json = r#"{"data": {"source": "multi-label"}, "loss": {"kind": "bce"}}"#;
    let set = open(dir.path(), json).unwrap();
    let Labels::Multi(targets) = &set.labels else { panic!() };
    assert_eq!((targets.len(), set.classes.len(), set.len()), (84, 28, 3));
    let ones: Vec<usize> = (0..84).filter(|&at| targets[at] == 1).collect();
    assert_eq!(ones, [0, 3, 57, 58, 83]);
    let (file, images) = places(&set);
    assert_eq!((set.pixels.channels(), images.len(), images[2].height, images[2].width), (4, 3, 6, 5));
    assert!(file.starts_with(dir.path().join(".cache")), "every worker of the machine maps it");
    // Red, blue, green, yellow.
    assert_eq!(pixels(&set, 1)[..4], [1, 101, 51, 151]);
    assert_eq!((&set.mean[..], &set.deviation[..]), (&[0.0; 4][..], &[1.0; 4][..]));
    let three = open(dir.path(), &json.replace("\"multi-label\"", "\"multi-label\", \"channels\": 3")).unwrap();
    assert_eq!((&pixels(&three, 2)[..3], &three.digest), (&[2, 52, 102][..], &set.digest));
    // Sixteen bits become eight.
    let green = dir.path().join("multi-label/cell0_green.png");
    let eight = fs::read(&green).unwrap();
    let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(5, 6, Luma([32_640]));
    fs::write(&green, encoded(&deep.into(), ImageFormat::Png)).unwrap();
    let deep = open(dir.path(), json).unwrap();
    assert_eq!((&pixels(&deep, 0)[..4], deep.digest != set.digest), (&[0, 100, 127, 150][..], true));
    fs::write(&green, eight).unwrap();
    // The images in `train/`, the CSV under another name.
    let folder = dir.path().join("multi-label");
    fs::create_dir(folder.join("train")).unwrap();
    for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|ending| ending == "png") {
            fs::rename(&entry, folder.join("train").join(entry.file_name().unwrap())).unwrap();
        }
    }
    fs::rename(folder.join("train.csv"), folder.join("cells.csv")).unwrap();
    assert_eq!(open(dir.path(), json).unwrap().digest, set.digest);
}

/// The CSV's order and its further rows do not matter then; each image needs its labels.
#[test]
fn samples_listed_by_their_images() {
    let dir = tempdir().unwrap();
    microscopy(dir.path(), ["0 3", "", "2 27 1"]);
    let folder = dir.path().join("multi-label");
    write(&folder.join("train.csv"), "Target,Id\n5,elsewhere\n2 27 1,cell2\n0 3,cell0\n,cell1\n");
    write(&folder.join("notes.txt"), "no image");
    let table = r#"{"data": {"source": "multi-label"}, "loss": {"kind": "bce"}}"#;
    let images = table.replace("\"multi-label\"", "\"multi-label\", \"ids\": \"folder\"");
    common::refused(open(dir.path(), table), Some(20), &["elsewhere_red.png", "line 2"]);
    let set = open(dir.path(), &images).unwrap();
    let Labels::Multi(targets) = &set.labels else { panic!() };
    let ones: Vec<usize> = (0..84).filter(|&at| targets[at] == 1).collect();
    assert_eq!((ones, set.len()), (vec![0, 3, 57, 58, 83], 3));
    assert_eq!((0..3).map(|row| pixels(&set, row)[0]).collect::<Vec<_>>(), [0, 1, 2]);
    // As if the CSV had these rows in this order.
    microscopy(dir.path(), ["0 3", "", "2 27 1"]);
    assert_eq!(open(dir.path(), table).unwrap().digest, set.digest);
    for (name, words) in [
        ("cell3_red.png", &["train.csv", "labels of every id in the folder", "`cell3`"][..]),
        ("cell0.png", &["names such as `<Id>_red.png`", "`cell0.png`"]),
    ] {
        write(&folder.join(name), png(6, 5, 1));
        common::refused(open(dir.path(), &images), Some(21), words);
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::remove_file(folder.join("cell1_green.png")).unwrap();
    common::refused(open(dir.path(), &images), Some(20), &["cell1_green.png"]);
}

/// Sixteen bits become eight by rounding; alpha is dropped, not blended; grey is repeated.
#[test]
fn depths_and_channels_of_photographs() {
    let dir = tempdir().unwrap();
    let values = [0u16, 128, 129, 65_535, 32_639, 32_640];
    let deep = ImageBuffer::<Rgb<u16>, _>::from_fn(6, 1, |x, _| Rgb([values[x as usize]; 3]));
    let grey = ImageBuffer::<Luma<u16>, _>::from_fn(6, 1, |x, _| Luma([values[x as usize]]));
    let clear = ImageBuffer::<Rgba<u8>, _>::from_pixel(2, 2, Rgba([9, 8, 7, 0]));
    let grey_clear = ImageBuffer::<LumaA<u8>, _>::from_pixel(2, 2, LumaA([5, 1]));
    let images: [(&str, DynamicImage); 4] =
        [("deep", deep.into()), ("grey", grey.into()), ("clear", clear.into()), ("grey_clear", grey_clear.into())];
    for (name, image) in &images {
        write(&dir.path().join(format!("folder/a/{name}.png")), encoded(image, ImageFormat::Png));
    }
    write(&dir.path().join("folder/b/grey.jpeg"), encoded(&picture(4, 4, 3).to_luma8().into(), ImageFormat::Jpeg));
    let set = open(dir.path(), r#"{"data": {"source": "folder", "exact": true}}"#).unwrap();
    let files = set.files.as_ref().unwrap();
    let of = |name: &str| pixels(&set, files.iter().position(|file| file.ends_with(name)).unwrap());
    let eight = [0u8, 0, 1, 255, 127, 127].map(|value| [value; 3]).concat();
    assert_eq!((of("deep.png"), of("a/grey.png")), (eight.clone(), eight));
    assert_eq!((&of("/clear.png")[..3], &of("grey_clear.png")[..3]), (&[9, 8, 7][..], &[5; 3][..]));
    assert!(of("grey.jpeg").chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn a_library_loads_each_selection_once_and_remembers_no_failure() {
    let dir = tempdir().unwrap();
    idx(dir.path(), [&[3, 7], &[1]]);
    let mut library = Library::new(dir.path());
    let mut asked = 0;
    let mut open = |library: &mut Library, json: &str| {
        library.open(&recipe(json), &mut |_| {
            asked += 1;
            false
        })
    };
    let first = open(&mut library, r#"{"data": {"source": "mnist"}}"#).unwrap();
    let again =
        open(&mut library, r#"{"epochs": 5, "data": {"source": "mnist", "train_limit": 10, "drop_last": false}}"#);
    assert!(Arc::ptr_eq(&first, &again.unwrap()));
    let three = open(&mut library, r#"{"data": {"source": "mnist", "channels": 3}}"#).unwrap();
    assert!(!Arc::ptr_eq(&first, &three));
    class_folders(dir.path());
    let bad = dir.path().join("folder/val/ant/0.png");
    fs::write(&bad, "no image").unwrap();
    let folder = r#"{"data": {"source": "folder"}}"#;
    assert!(open(&mut library, folder).is_err());
    fs::write(&bad, png(3, 3, 3)).unwrap();
    let small = open(&mut library, folder).unwrap();
    let squished = open(&mut library, r#"{"data": {"source": "folder"}, "augment": {"resize": {"kind": "squish"}}}"#);
    assert_ne!(places(&small).0, places(&squished.unwrap()).0);
    assert!(asked > 5);
}

#[test]
fn a_watcher_is_told_and_can_stop() {
    let dir = tempdir().unwrap();
    for n in 0..200 {
        write(&dir.path().join(format!("folder/{}/{n}.jpg", n % 2)), jpeg(8, 8, n));
    }
    let mut library = Library::new(dir.path());
    let folder = recipe(r#"{"data": {"source": "folder", "size": 8}}"#);
    let stopped = library.open(&folder, &mut |now| now.done > 0);
    assert_eq!(stopped.unwrap_err(), sweeper_data::DataError::Stopped);
    let left: Vec<_> = fs::read_dir(dir.path().join(".cache")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name.to_str().unwrap().ends_with("lock")), "{left:?}");
    let mut seen = Vec::new();
    library
        .open(&folder, &mut |now| {
            seen.push((now.done, now.total));
            false
        })
        .unwrap();
    assert_eq!((seen[0], seen[1], seen.last()), ((0, 0), (0, 200), Some(&(200, 200))));
    assert!(seen.len() > 5 && seen.is_sorted());
}
