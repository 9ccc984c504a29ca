//! What happens to images, against Pillow, torchvision and fastai. The fixture is written by
//! `tests/reference/train_augment.py`; SWEEPER_TRAIN_AUGMENT_FIXTURE names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{env, fs, path::PathBuf, sync::Arc};

use serde_json::Value;
use sweeper_data::{DataSet, Labels, Pixels};
use sweeper_recipe::{CropEvaluation, Erasing, Resize, ResizeKind};
use sweeper_train::{
    augment::{
        Images,
        geometry::{Area, View, erasing_boxes, evaluation_view, random_crop, square, squash_margin},
        mixup::{Mix, beta, blend},
        pixels::{Scaling, cutout, erase, mirror, translate},
    },
    seeding::{Domain, Stream},
};
use tch::{Device, Kind, Tensor};

fn fixture() -> Value {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/train_augment_1.json");
    let path = env::var("SWEEPER_TRAIN_AUGMENT_FIXTURE").unwrap_or_else(|_| own.to_owned());
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    list(value).iter().map(|v| v.as_f64().unwrap()).collect()
}

fn whole<const N: usize>(value: &Value) -> [i64; N] {
    integers(value).try_into().unwrap()
}

fn integers(value: &Value) -> Vec<i64> {
    list(value).iter().map(|v| v.as_i64().unwrap()).collect()
}

fn sizes<const N: usize>(value: &Value) -> [u32; N] {
    whole(value).map(|v: i64| v as u32)
}

fn area(value: &Value) -> Area {
    let [top, left, height, width] = sizes(value);
    Area { top, left, height, width }
}

fn host(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

/// Largest difference; `full` is full scale.
#[track_caller]
fn close(found: &[f64], expected: &[f64], full: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max) / full;
    assert!(worst <= 1e-6, "{what}: off by {worst:e} of full scale");
}

/// The noise that the script draws too.
fn picture(fixture: &Value, number: u64, bytes: usize) -> Vec<u8> {
    let word = fixture["first_epoch_word"].as_u64().unwrap() + number;
    let stream = Stream::new(fixture["seed"].as_u64().unwrap(), Domain::Init, word as u32);
    (0..bytes as u64).map(|at| (stream.uniform(at) * 256.0) as u8).collect()
}

fn images(bytes: Vec<u8>, [height, width, channels]: [usize; 3]) -> Images {
    let rows = bytes.len() / (height * width * channels);
    let set = DataSet {
        name: "noise".to_owned(),
        folder: PathBuf::new(),
        pixels: Pixels::Uniform { bytes: Arc::new(bytes), height, width, channels },
        labels: Labels::Single(vec![0; rows]),
        clean: None,
        validation: vec![false; rows],
        unbalanced: None,
        files: None,
        classes: vec!["a".to_owned(), "b".to_owned()],
        mean: vec![0.5; channels],
        deviation: vec![0.25; channels],
        digest: String::new(),
    };
    Images::new(&set, Device::Cpu).unwrap()
}

#[test]
fn resizing_is_that_of_torchvision_and_of_pillow() {
    let fixture = fixture();
    for case in list(&fixture["resizes"]) {
        let [number, height, width, channels] = sizes(&case["image"]).map(|v| v as usize);
        let images = images(picture(&fixture, number as u64, height * width * channels), [height, width, channels]);
        let view = View { area: area(&case["area"]), to: sizes(&case["to"]), at: sizes(&case["at"]) };
        let found = images.render(&[0], &[view], [12, 12]).unwrap();
        assert_eq!(found.size(), [1, 12, 12, channels as i64]);
        assert_eq!(found.kind(), if view.is_unscaled() { Kind::Uint8 } else { Kind::Float });
        let found = host(&found);
        close(&found, &floats(&case["torch"]), 255.0, &format!("image {number}"));
        if case.get("pillow").is_some() {
            // Pillow rounds to 8 bits after each of the two directions.
            let pillow = floats(&case["pillow"]);
            let mean = found.iter().zip(&pillow).map(|(f, e)| (f - e).abs()).sum::<f64>() / found.len() as f64;
            assert!(mean < 0.5, "image {number}: {mean} levels from Pillow");
            assert!(found.iter().zip(&pillow).all(|(f, e)| (f - e).abs() <= 1.01), "image {number}");
        }
    }
}

/// Boxes of different sizes, padded to the largest, are what each of them is alone.
#[test]
fn resizing_a_batch_is_resizing_each() {
    let fixture = fixture();
    let bytes = [picture(&fixture, 1, 40 * 60 * 3), picture(&fixture, 2, 40 * 60 * 3)].concat();
    let images = images(bytes, [40, 60, 3]);
    // The last one is narrow and ends with the last byte: its padding has nothing to its right.
    let boxes = [[0, 0, 40, 60], [3, 50, 20, 10], [0, 4, 16, 16], [30, 55, 10, 5], [0, 0, 9, 60]];
    let views = boxes.map(|[top, left, height, width]| View::resized(Area { top, left, height, width }, [16, 16]));
    let rows = [0, 1, 0, 1, 1];
    let together = images.render(&rows, &views, [16, 16]).unwrap();
    for at in 0..5 {
        let alone = images.render(&rows[at..=at], &views[at..=at], [16, 16]).unwrap();
        close(&host(&together.get(at as i64)), &host(&alone), 255.0, "alone and in a batch");
    }
    let unscaled = images.render(&[0], &views[2..3], [16, 16]).unwrap();
    assert_eq!(host(&together.get(2)), host(&unscaled), "weights of an unscaled box are exactly 0 and 1");
}

#[test]
fn boxes_are_those_of_fastai() {
    let fixture = fixture();
    for case in list(&fixture["squares"]) {
        let number = |key: &str| case[key].as_u64().unwrap() as u32;
        let found = square(number("height"), number("width"), case["share"].as_f64().unwrap());
        let side = number("height").min(number("width"));
        assert_eq!(found, Area { top: number("top"), left: number("left"), height: side, width: side });
    }
    for case in list(&fixture["crops"]) {
        let number = |key: &str| case[key].as_u64().unwrap() as u32;
        let draws = |attempt: u32| floats(&case["draws"][attempt as usize]).try_into().unwrap();
        let scale = (case["min_scale"].as_f64().unwrap(), 1.0);
        assert_eq!(random_crop(number("height"), number("width"), scale, draws), area(&case["area"]), "{case}");
    }
    for case in list(&fixture["erasing"]["boxes"]) {
        let size = case["size"].as_u64().unwrap() as u32;
        let draws = floats(&case["draws"]);
        let settings =
            Erasing { share: case["share"].as_f64().unwrap(), p: 1.0, max_boxes: case["max"].as_u64().unwrap() as u32 };
        let of_box = |at: u32| draws[1 + 4 * at as usize..][..4].try_into().unwrap();
        let found = erasing_boxes(&settings, size, size, draws[0], of_box);
        assert_eq!(found, list(&case["areas"]).iter().map(area).collect::<Vec<_>>());
    }
}

#[test]
fn evaluation_sizes_are_those_of_fastai_and_torchvision() {
    let expected = &fixture()["evaluation"];
    let mut resize = Resize { kind: ResizeKind::RandomCrop, ..Resize::default() };
    for case in list(&expected["squash"]) {
        let [size, full] = sizes(case);
        assert_eq!(size + squash_margin([size, size]), full);
        let view = evaluation_view(&resize, [size, size], 300, 400);
        assert_eq!((view.to, view.area), ([full, full], Area::whole(300, 400)));
    }
    resize.evaluation = CropEvaluation::ShorterSide;
    for case in list(&expected["shorter"]) {
        let [height, width, side, size] = sizes(&case["size"]);
        resize.evaluation_size = side;
        let view = evaluation_view(&resize, [size, size], height, width);
        assert_eq!((view.to, view.at), (sizes(&case["to"]), sizes(&case["at"])), "{case}");
    }
}

#[test]
fn moved_and_scaled_pixels_are_those_of_torchvision() {
    let fixture = fixture();
    let expected = &fixture["moves"];
    let [height, width, channels] = sizes(&expected["size"]).map(|v| v as usize);
    let first = expected["first_image"].as_u64().unwrap();
    let bytes = (0..4).flat_map(|i| picture(&fixture, first + i, height * width * channels)).collect();
    let view = View::unscaled(Area::whole(height as u32, width as u32));
    let size = [height as u32, width as u32];
    let images = images(bytes, [height, width, channels]).render(&[0, 1, 2, 3], &[view; 4], size).unwrap();

    let coins: Vec<bool> = list(&expected["mirrored"]).iter().map(|v| v.as_bool().unwrap()).collect();
    let by: Vec<[i64; 2]> = list(&expected["by"]).iter().map(whole).collect();
    let most = expected["most"].as_u64().unwrap() as u32;
    let moved = translate(&mirror(&images, &coins).unwrap(), most, &by).unwrap();
    assert_eq!(host(&moved), floats(&expected["moved"]));

    let (mean, deviation) = (floats(&expected["mean"]), floats(&expected["deviation"]));
    let scaling = Scaling::new(&mean, &deviation, width as u32, Device::Cpu).unwrap();
    let mut scaled = scaling.apply(&moved).unwrap();
    let numbers = floats(&expected["scaled"]);
    close(&host(&scaled), &numbers, numbers.iter().fold(0.0, |top, v| v.abs().max(top)), "scaled");

    let corners: Vec<[i64; 2]> = list(&expected["corners"]).iter().map(whole).collect();
    let before = host(&scaled);
    cutout(&mut scaled, expected["side"].as_u64().unwrap() as u32, &corners).unwrap();
    let mut holed = before;
    let area = height * width * channels;
    for (image, zeros) in list(&expected["zeros"]).iter().enumerate() {
        for zero in integers(zeros) {
            holed[image * area + zero as usize] = 0.0;
        }
    }
    assert_eq!(host(&scaled), holed);
}

#[test]
fn erased_boxes_are_those_of_fastai() {
    let expected = &fixture()["erasing"]["noise"];
    let size: [i64; 4] = whole(&expected["size"]);
    let mut images = Tensor::zeros(size, (Kind::Float, Device::Cpu));
    for (area, noise) in list(&expected["areas"]).iter().map(area).zip(list(&expected["noise"])) {
        let noise = list(noise).iter().flat_map(floats).collect::<Vec<_>>();
        let store = Tensor::from_slice(&noise).to_kind(Kind::Float);
        erase(&mut images, area, &store, &[0, noise.len() as i64 / 2]).unwrap();
    }
    assert_eq!(host(&images), floats(&expected["images"]));
}

#[test]
fn mixed_images_are_those_of_fastai() {
    let expected = &fixture()["mixup"];
    let shape: [i64; 4] = whole(&expected["shape"]);
    let images = Tensor::from_slice(&floats(&expected["images"])).to_kind(Kind::Float).view(shape);
    let images = images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    let lambda: Vec<f32> = floats(&expected["lambda"]).into_iter().map(|v| v as f32).collect();
    let partner: Vec<usize> = integers(&expected["partners"]).into_iter().map(|v| v as usize).collect();
    let mix = Mix::new(&lambda, &partner, Device::Cpu).unwrap();
    let mixed = blend(&images, &mix).unwrap();
    assert_eq!(mixed.stride(), images.stride());
    close(&host(&mixed), &floats(&expected["mixed"]), 4.0, "mixed");
}

/// The greatest distance between the distribution of 40,000 draws and SciPy's, which only one draw of 10^7 exceeds.
#[test]
fn draws_have_the_beta_distribution() {
    const DRAWS: u64 = 40_000;
    for case in list(&fixture()["betas"]) {
        let alpha = case["alpha"].as_f64().unwrap();
        let stream = Stream::new(20, Domain::Mixup, 3);
        let drawn: Vec<f64> = (0..DRAWS).map(|at| beta(alpha, stream.pair(at))).collect();
        assert!(drawn.iter().all(|v| (0.0..=1.0).contains(v)), "alpha {alpha}");
        for (at, below) in floats(&case["at"]).into_iter().zip(floats(&case["below"])) {
            let found = drawn.iter().filter(|&&v| v <= at).count() as f64 / DRAWS as f64;
            assert!((found - below).abs() < 2.8 / (DRAWS as f64).sqrt(), "alpha {alpha}, {at}: {found} is not {below}");
        }
    }
    for (u, v) in [(0.0, 0.0), (0.0, 0.25), (1.0 - f64::EPSILON / 2.0, 0.5), (0.5, 0.75)] {
        assert!([0.0, 1e-300, 0.4, 100.0].map(|alpha| beta(alpha, [u, v])).iter().all(|x| (0.0..=1.0).contains(x)));
    }
}
