//! Batches of small data sets: what is random, what is not, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;
use sweeper_data::{DataSet, Labels, Pixels, Place};
use sweeper_recipe::{CropEvaluation, Erasing, MixupLambda, Normalize, NormalizeKind, Recipe, ResizeKind};
use sweeper_train::{
    augment::{
        Batches, Images, ImagesError,
        geometry::{Area, View},
        mixup::is_mixed,
        pixels::{mirror, translate},
    },
    seeding::{Domain, Stream},
};
use tch::{Device, Kind, Tensor};

const SIZES: [[u32; 2]; 6] = [[20, 32], [40, 25], [16, 16], [50, 20], [16, 61], [33, 34]];

fn noise(count: usize) -> Vec<u8> {
    let stream = Stream::new(1, Domain::Mix, 4);
    (0..count as u64).map(|at| stream.bits(at) as u8).collect()
}

fn set(pixels: Pixels, labels: Labels, rows: usize) -> DataSet {
    let channels = pixels.channels();
    DataSet {
        name: "noise".to_owned(),
        folder: "folder".into(),
        pixels,
        labels,
        clean: None,
        validation: vec![false; rows],
        unbalanced: None,
        files: None,
        classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
        mean: vec![0.4, 0.5, 0.6, 0.7][..channels].to_vec(),
        deviation: vec![0.25; channels],
        digest: String::new(),
    }
}

fn uniform(rows: usize, side: usize, channels: usize) -> DataSet {
    let bytes = Arc::new(noise(rows * side * side * channels));
    let labels = Labels::Single((0..rows).map(|row| (row % 3) as u16).collect());
    set(Pixels::Uniform { bytes, height: side, width: side, channels }, labels, rows)
}

/// Photographs of [`SIZES`] in a cache file after nine bytes of something else.
fn cached(folder: &Path) -> DataSet {
    let mut end = 9;
    let places: Vec<Place> = SIZES
        .map(|[height, width]| {
            let offset = end;
            end += u64::from(height * width * 3);
            Place { offset, height, width }
        })
        .to_vec();
    let file = folder.join("cache");
    fs::write(&file, noise(end as usize)).unwrap();
    let labels = Labels::Single(vec![0, 1, 2, 0, 1, 2]);
    set(Pixels::Cached { file, length: end, channels: 3, places: Arc::new(places) }, labels, SIZES.len())
}

fn recipe(size: u32) -> Recipe {
    let mut recipe: Recipe = serde_json::from_str("{}").unwrap();
    recipe.data.size = size;
    recipe
}

/// A recipe that changes images in every way but erasing.
fn everything(kind: ResizeKind) -> Recipe {
    let mut recipe = recipe(16);
    recipe.augment.resize.kind = kind;
    recipe.augment.translate = 3;
    recipe.augment.cutout = 5;
    recipe
}

fn host(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().view(-1)).unwrap()
}

fn farthest(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn batches_have_their_shape_kind_and_strides() {
    let folder = tempfile::tempdir().unwrap();
    let (small, photographs) = (uniform(5, 28, 1), cached(folder.path()));
    for (set, recipe, side) in [(&small, recipe(0), 28), (&small, recipe(20), 20), (&photographs, recipe(16), 16)] {
        let images = Images::new(set, Device::Cpu).unwrap();
        let batches = Batches::new(&images, set, &recipe, 1).unwrap();
        let channels = set.pixels.channels() as i64;
        assert_eq!(batches.shape(), [channels, side, side]);
        for batch in [batches.training(&[0, 4, 2], 0, 0).unwrap(), batches.evaluation(&[0, 4, 2], true).unwrap()] {
            assert_eq!((batch.size(), batch.kind()), (vec![3, channels, side, side], Kind::Float));
            assert_eq!(batch.stride(), [channels * side * side, 1, channels * side, channels]);
        }
        assert_eq!(Vec::<i64>::try_from(batches.labels(&[2, 1]).unwrap()).unwrap(), [2, 1]);
        assert_eq!(batches.training(&[], 0, 0).unwrap().size()[0], 0);
        assert!(batches.training(&[set.len()], 0, 0).is_err() && batches.labels(&[set.len()]).is_err());
    }
}

#[test]
fn several_labels_are_rows_of_marks() {
    let mut set = uniform(2, 4, 4);
    set.labels = Labels::Multi(vec![1, 0, 1, 0, 0, 1]);
    let images = Images::new(&set, Device::Cpu).unwrap();
    let labels = images.labels(&[1, 0]).unwrap();
    assert_eq!((labels.kind(), labels.size()), (Kind::Float, vec![2, 3]));
    assert_eq!(host(&labels), [0.0, 0.0, 1.0, 1.0, 0.0, 1.0]);
}

/// Bytes that are moved only are the same to the bit; a resized image may differ in the last bits of a sum, because
/// the largest box of a batch sets the length of all sums.
#[test]
fn pixels_depend_on_seed_epoch_and_position_alone() {
    let folder = tempfile::tempdir().unwrap();
    let set = cached(folder.path());
    let images = Images::new(&set, Device::Cpu).unwrap();
    for kind in [ResizeKind::Crop, ResizeKind::Squish, ResizeKind::RandomCrop] {
        let batches = Batches::new(&images, &set, &everything(kind), 7).unwrap();
        let all = batches.training(&[0, 1, 2, 3, 4, 5], 3, 40).unwrap();
        for at in 0..6 {
            let alone = batches.training(&[at as usize], 3, 40 + at).unwrap();
            assert!(farthest(&alone, &all.narrow(0, at as i64, 1)) <= 1e-5, "{kind:?}, image {at}");
        }
        let again = Batches::new(&images, &set, &everything(kind), 7).unwrap();
        assert_eq!(host(&again.training(&[0, 1, 2, 3, 4, 5], 3, 40).unwrap()), host(&all));
        let other = Batches::new(&images, &set, &everything(kind), 8).unwrap();
        for (batches, epoch, first) in [(&other, 3, 40), (&batches, 4, 40), (&batches, 3, 41)] {
            assert_ne!(host(&batches.training(&[0, 1, 2, 3, 4, 5], epoch, first).unwrap()), host(&all));
        }
    }
    let set = uniform(6, 16, 3);
    let images = Images::new(&set, Device::Cpu).unwrap();
    let batches = Batches::new(&images, &set, &everything(ResizeKind::Crop), 7).unwrap();
    let all = batches.training(&[0, 1, 2, 3, 4, 5], 3, 40).unwrap();
    for at in 0..6 {
        assert_eq!(batches.training(&[at as usize], 3, 40 + at).unwrap().get(0), all.get(at as i64));
    }
}

#[test]
fn evaluation_is_not_random() {
    let folder = tempfile::tempdir().unwrap();
    let set = cached(folder.path());
    let images = Images::new(&set, Device::Cpu).unwrap();
    for (kind, evaluation) in [
        (ResizeKind::Crop, CropEvaluation::Squash),
        (ResizeKind::Squish, CropEvaluation::Squash),
        (ResizeKind::RandomCrop, CropEvaluation::Squash),
        (ResizeKind::RandomCrop, CropEvaluation::ShorterSide),
    ] {
        let mut recipe = everything(kind);
        recipe.augment.resize.evaluation = evaluation;
        recipe.augment.erasing = Erasing { share: 1.0, p: 1.0, max_boxes: 2 };
        let seen = |seed| {
            let batches = Batches::new(&images, &set, &recipe, seed).unwrap();
            batches.evaluation(&[0, 1, 2, 3, 4, 5], false).unwrap()
        };
        assert_eq!(host(&seen(1)), host(&seen(2)));
        let batches = Batches::new(&images, &set, &recipe, 1).unwrap();
        let mirrored = batches.evaluation(&[0, 1, 2, 3, 4, 5], true).unwrap();
        assert_eq!(host(&mirrored.flip([3])), host(&seen(1)));
    }
}

/// A recipe without random changes trains on what it evaluates on.
#[test]
fn without_changes_training_sees_what_evaluation_sees() {
    let folder = tempfile::tempdir().unwrap();
    let set = cached(folder.path());
    let images = Images::new(&set, Device::Cpu).unwrap();
    let mut recipe = recipe(16);
    recipe.augment.flip = false;
    recipe.augment.resize.kind = ResizeKind::Squish;
    let batches = Batches::new(&images, &set, &recipe, 5).unwrap();
    let rows = [3, 1, 4];
    assert_eq!(host(&batches.training(&rows, 2, 9).unwrap()), host(&batches.evaluation(&rows, false).unwrap()));
    // The recipe's own channel numbers, against plain arithmetic.
    let whole = images.render(&[2], &[View::unscaled(Area::whole(16, 16))], [16, 16]).unwrap().to_kind(Kind::Float);
    let mean = Tensor::from_slice(&[0.4f32, 0.5, 0.6]);
    let expected: Tensor = ((whole / 255.0 - mean) / 0.25).permute([0, 3, 1, 2]);
    assert!(farthest(&batches.evaluation(&[2], false).unwrap(), &expected) < 1e-6);
}

#[test]
fn half_of_the_images_are_mirrored_and_crops_move() {
    let folder = tempfile::tempdir().unwrap();
    let set = cached(folder.path());
    let images = Images::new(&set, Device::Cpu).unwrap();
    let batches = Batches::new(&images, &set, &recipe(16), 2).unwrap();
    let rows = [2; 400];
    let (training, own) = (batches.training(&rows, 0, 0).unwrap(), batches.evaluation(&[2], false).unwrap());
    let same = (0..400).filter(|&at| training.get(at) == own.get(0)).count();
    let other = own.flip([3]).get(0);
    assert!((150..250).contains(&same), "{same} of 400 are not mirrored");
    assert_eq!((0..400).filter(|&at| training.get(at) == other).count(), 400 - same);

    // 16 × 61: the square of 16 pixels begins at each of the 45 first columns.
    let mut recipe = recipe(16);
    recipe.augment.flip = false;
    let batches = Batches::new(&images, &set, &recipe, 2).unwrap();
    let training = batches.training(&[4; 1000], 0, 0).unwrap();
    let views: Vec<View> = (0..=45).map(|left| View::unscaled(Area { top: 0, left, height: 16, width: 16 })).collect();
    let bytes = images.render(&[4; 46], &views, [16, 16]).unwrap().to_kind(Kind::Float);
    let first = training.select(1, 0).select(1, 0).narrow(1, 0, 3);
    let codes = (bytes.select(1, 0).narrow(1, 0, 3).select(2, 0) / 255.0 - 0.4) / 0.25;
    let counts: Vec<i64> = (0..46)
        .map(|at| (&first - codes.get(at)).abs().amax([1], false).lt(1e-5).sum(Kind::Int64).int64_value(&[]))
        .collect();
    assert!(counts[..45].iter().all(|&count| count > 0), "{counts:?}");
    assert_eq!(counts.iter().sum::<i64>(), 1000, "{counts:?}");
}

/// Noise of a batch: in the boxes and nowhere else, standard normal, another one for each image, in about p of the
/// batches.
#[test]
fn erased_boxes_hold_standard_normal_noise() {
    let set = uniform(1, 32, 3);
    let images = Images::new(&set, Device::Cpu).unwrap();
    let mut recipe = recipe(0);
    recipe.augment.flip = false;
    let plain = Batches::new(&images, &set, &recipe, 3).unwrap().training(&[0; 64], 0, 0).unwrap();
    recipe.augment.erasing = Erasing { share: 0.5, p: 0.3, max_boxes: 3 };
    let batches = Batches::new(&images, &set, &recipe, 3).unwrap();
    let (mut erased, mut noise) = (0, Vec::new());
    for batch in 0..200 {
        let found = batches.training(&[0; 64], 0, batch * 64).unwrap();
        let changed = found.ne_tensor(&plain);
        if changed.any().int64_value(&[]) == 0 {
            continue;
        }
        erased += 1;
        let first = changed.get(0);
        assert!((1..64).all(|at| changed.get(at) == first), "all images of a batch share its boxes");
        assert_ne!(found.get(0), found.get(1), "each image has noise of its own");
        noise.extend(host(&found.masked_select(&changed)));
    }
    assert!((35..85).contains(&erased), "{erased} of 200 batches are erased");
    let n = noise.len() as f64;
    let mean = noise.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = noise.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
}

#[test]
fn mixing() {
    let set = uniform(8, 8, 3);
    let images = Images::new(&set, Device::Cpu).unwrap();
    let mut recipe = recipe(0);
    recipe.augment.mixup.alpha = 0.4;
    let batches = Batches::new(&images, &set, &recipe, 3).unwrap();
    let batch = batches.training(&[0, 1, 2, 3, 4, 5, 6, 7], 0, 0).unwrap();
    let (mixed, mix) = batches.mix(&batch, 0, 5).unwrap();
    assert_eq!((mixed.stride(), mix.lambda.size(), mix.partner.size()), (batch.stride(), vec![8], vec![8]));
    let (lambda, partner) = (host(&mix.lambda), Vec::<i64>::try_from(&mix.partner).unwrap());
    assert!(lambda.iter().all(|l| (0.5..=1.0).contains(l)), "{lambda:?}");
    for (at, (&lambda, &other)) in lambda.iter().zip(&partner).enumerate() {
        let (lambda, own, other) = (f64::from(lambda), batch.get(at as i64), batch.get(other));
        assert!(farthest(&mixed.get(at as i64), &(own * lambda + other * (1.0 - lambda))) < 1e-5);
    }
    assert_ne!(lambda, host(&batches.mix(&batch, 0, 6).unwrap().1.lambda));
    assert_ne!(lambda, host(&batches.mix(&batch, 1, 5).unwrap().1.lambda));

    // One image has only itself.
    let (alone, mix) = batches.mix(&batch.narrow(0, 0, 1), 0, 5).unwrap();
    assert!(farthest(&alone, &batch.narrow(0, 0, 1)) < 1e-6 && mix.lambda.size() == [1]);

    recipe.augment.mixup.lambda = MixupLambda::Batch;
    recipe.augment.mixup.dedup = false;
    let batches = Batches::new(&images, &set, &recipe, 3).unwrap();
    let first: Vec<f32> = (0..40)
        .map(|step| {
            let lambda = host(&batches.mix(&batch, 0, step).unwrap().1.lambda);
            assert!(lambda.iter().all(|l| *l == lambda[0]));
            lambda[0]
        })
        .collect();
    assert!(first.iter().any(|l| *l < 0.3) && first.iter().any(|l| *l > 0.7), "{first:?}");
    recipe.augment.mixup.until = 0.5;
    let until = |step| is_mixed(&recipe.augment.mixup, step, 10);
    assert!(until(0) && until(4) && !until(5));
}

/// Crops of full photographs and of shrunk ones agree: here where both offsets are the same part of the slack, and to
/// 2 of 256 levels on smooth images (one level in the mean).
#[test]
fn shrunk_images_serve_as_full_ones() {
    let smooth = |height: usize, width: usize| -> Vec<u8> {
        let value = |y: usize, x: usize, c: usize| {
            let (v, u) = ((y as f64 + 0.5) / height as f64, (x as f64 + 0.5) / width as f64);
            128.0 + 60.0 * (5.0 * u + 3.0 * v + c as f64).sin() + 50.0 * (7.0 * v - 4.0 * u).cos()
        };
        let at = |index: usize| (index / 3 / width, index / 3 % width, index % 3);
        (0..height * width * 3)
            .map(|index| {
                let (y, x, c) = at(index);
                value(y, x, c) as u8
            })
            .collect()
    };
    let image = |height: usize, width: usize| {
        let bytes = Arc::new(smooth(height, width));
        set(Pixels::Uniform { bytes, height, width, channels: 3 }, Labels::Single(vec![0]), 1)
    };
    let full = image(320, 480);
    let images = Images::new(&full, Device::Cpu).unwrap();
    let shrunk = images.render(&[0], &[View::resized(Area::whole(320, 480), [64, 96])], [64, 96]).unwrap();
    let mut cache = image(64, 96);
    let bytes = host(&shrunk.round()).into_iter().map(|v| v as u8).collect();
    cache.pixels = Pixels::Uniform { bytes: Arc::new(bytes), height: 64, width: 96, channels: 3 };
    let mut recipe = recipe(64);
    recipe.data.normalize.kind = NormalizeKind::None;
    let seen = |set: &DataSet| {
        let images = Images::new(set, Device::Cpu).unwrap();
        Batches::new(&images, set, &recipe, 1).unwrap().evaluation(&[0], false).unwrap() * 255.0
    };
    let difference = (seen(&full) - seen(&cache)).abs();
    assert!(difference.max().double_value(&[]) < 2.0 && difference.mean(Kind::Float).double_value(&[]) < 1.0);
}

#[test]
fn what_does_not_fit_is_refused_with_place_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (small, photographs) = (uniform(5, 28, 1), cached(folder.path()));
    let refused = |set: &DataSet, recipe: &Recipe, parts: &[&str]| {
        let images = Images::new(set, Device::Cpu).unwrap();
        let text = Batches::new(&images, set, recipe, 1).unwrap_err().to_string();
        assert!(parts.iter().all(|part| text.contains(part)) && text.contains("hint: "), "{text}");
    };
    let normalize = |kind, mean: &[f64]| {
        let mut recipe = recipe(16);
        recipe.data.normalize = Normalize { kind, mean: mean.to_vec(), deviation: vec![0.5; mean.len()] };
        recipe
    };
    refused(&photographs, &normalize(NormalizeKind::Given, &[0.5]), &["data.normalize", "3 channels", "1 means"]);
    refused(&small, &normalize(NormalizeKind::Imagenet, &[]), &["data.normalize.kind", "1 channels", "3 means"]);
    refused(&photographs, &recipe(0), &["data.size"]);
    let mut far = recipe(0);
    far.augment.translate = 28;
    refused(&small, &far, &["augment.translate", "28 × 28"]);
    let mut small_side = recipe(16);
    small_side.augment.resize.kind = ResizeKind::RandomCrop;
    small_side.augment.resize.evaluation = CropEvaluation::ShorterSide;
    small_side.augment.resize.evaluation_size = 15;
    refused(&photographs, &small_side, &["augment.resize.evaluation_size", "found 15"]);
}

#[test]
fn damaged_data_are_refused_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let good = cached(folder.path());
    let refused = |set: &DataSet, exit_code: u8, parts: &[&str]| {
        let error = Images::new(set, Device::Cpu).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), Some(exit_code), "{text}");
        assert!(parts.iter().all(|part| text.contains(part)) && text.contains("hint: "), "{text}");
    };
    let Pixels::Cached { file, length, places, .. } = good.pixels.clone() else { panic!("cached") };
    let with = |file: &Path, length, places: &[Place]| {
        let places = Arc::new(places.to_vec());
        DataSet { pixels: Pixels::Cached { file: file.to_owned(), length, channels: 3, places }, ..good.clone() }
    };
    refused(&with(&folder.path().join("none"), length, &places), 20, &["none"]);
    refused(&with(folder.path(), length, &places), 21, &[]);
    refused(&with(&file, length + 1, &places), 21, &[&format!("{} bytes", length + 1), &length.to_string()]);
    refused(&with(&file, length - 1, &places), 21, &["image 5"]);
    refused(&with(&file, length, &places[1..]), 21, &["6 images", "5"]);
    let huge = Place { offset: 0, height: u32::MAX, width: u32::MAX };
    refused(&with(&file, length, &[huge; 6]), 21, &["image 0"]);
    let mut short = uniform(5, 28, 1);
    short.labels = Labels::Single(vec![0; 4]);
    refused(&short, 21, &["5 labels", "4"]);
    short.labels = Labels::Multi(vec![0; 14]);
    refused(&short, 21, &["5 × 3 labels", "14"]);
    short.validation.pop();
    refused(&short, 21, &["4 images of 28 × 28 × 1"]);
    assert!(
        Images::new(&good, Device::Cpu).is_ok()
            && ImagesError::Torch(tch::TchError::Torch(String::new())).exit_code().is_none()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn mirroring_twice_and_moving_by_nothing_change_nothing(
        (height, width) in (5i64..20, 5i64..20),
        channels in 1i64..=4,
        coins in prop::collection::vec(any::<bool>(), 3),
        most in 0u32..5,
    ) {
        let bytes = Tensor::from_slice(&noise((3 * height * width * channels) as usize));
        let images = bytes.view([3, height, width, channels]);
        let mirrored = mirror(&images, &coins).unwrap();
        for (at, &coin) in coins.iter().enumerate() {
            let own = images.get(at as i64);
            prop_assert_eq!(mirrored.get(at as i64), if coin { own.flip([1]) } else { own });
        }
        prop_assert_eq!(&mirror(&mirrored, &coins).unwrap(), &images);
        prop_assert_eq!(&translate(&images, most, &[[0, 0]; 3]).unwrap(), &images);
    }
}
