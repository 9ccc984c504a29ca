//! Sizes, layouts and batches.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use sweeper_recipe::{Activation, Arch, Model as Settings, Pool, Source};
use sweeper_train::{
    augment::Loader,
    loss::{Targets, mean_loss},
    model::Model,
    seeding::{Domain, Stream},
};
use tch::{Kind, Tensor};

fn settings(arch: Arch) -> Settings {
    Settings { arch, ..Settings::default() }
}

fn model(arch: Arch, channels: i64) -> Model {
    Model::new(&settings(arch), [channels, 28, 28], 10, 1).unwrap()
}

#[test]
fn parameter_counts() {
    assert_eq!(model(Arch::Xresnet18, 3).parameter_count(), 11_200_874);
    assert_eq!(model(Arch::Xresnet18, 3).parameters().len(), 68);
    assert_eq!(model(Arch::XseResnext18, 3).parameter_count(), 13_138_026);
    // One input channel instead of three saves 2 · 9 weights of each of the first 32 filters.
    assert_eq!(model(Arch::Xresnet18, 1).parameter_count(), 11_200_874 - 2 * 9 * 32);
    assert_eq!(model(Arch::SmallCnn, 1).parameter_count(), 29_434);
    assert!(model(Arch::SmallCnn, 3).parameter_count() <= 100_000);
}

#[test]
fn every_network_trains_a_tiny_batch() {
    for (arch, channels, activation, pool) in [
        (Arch::SmallCnn, 1, Activation::Relu, Pool::Average),
        (Arch::SmallCnn, 3, Activation::Relu, Pool::Average),
        (Arch::Xresnet18, 1, Activation::Relu, Pool::Max),
        (Arch::XseResnext18, 3, Activation::Mish, Pool::Average),
        (Arch::XseResnext18, 1, Activation::Relu, Pool::Average),
    ] {
        let model =
            Model::new(&Settings { arch, activation, pool, ..Settings::default() }, [channels, 28, 28], 10, 1).unwrap();
        let pixels: Vec<f32> = (0..2 * channels * 28 * 28).map(|at| (at % 97) as f32 / 97.0).collect();
        let images = Tensor::from_slice(&pixels).view([2, channels, 28, 28]);
        let logits = model.train_logits(&images).unwrap();
        assert_eq!(logits.size(), [2, 10]);
        let labels = Tensor::from_slice(&[3i64, 4]);
        mean_loss(&logits, &labels, &Targets::new(&[1.0; 10], 0.1).tensor().unwrap()).unwrap().backward();
        for parameter in model.parameters() {
            let gradient = parameter.tensor.grad();
            assert!(gradient.defined(), "{arch:?} {}", parameter.name);
            assert!(gradient.abs().sum(Kind::Double).double_value(&[]).is_finite(), "{arch:?} {}", parameter.name);
        }
        assert_eq!(model.frozen().unwrap().logits(&images).unwrap().size(), [2, 10]);
    }
}

#[test]
fn only_convolution_and_linear_weights_decay() {
    for arch in [Arch::SmallCnn, Arch::XseResnext18] {
        for parameter in model(arch, 1).parameters() {
            let is_weight = parameter.tensor.dim() > 1;
            assert_eq!(parameter.decay, is_weight, "{arch:?} {}", parameter.name);
        }
    }
}

/// With one input channel `contiguous` cannot tell the layouts apart, so the strides themselves are checked; channels
/// first in the first layer would make the whole network slower.
#[test]
fn weights_and_batches_are_channels_last() {
    let model = model(Arch::SmallCnn, 1);
    assert_eq!(model.parameters()[0].tensor.stride(), [25, 1, 5, 1]);
    assert_eq!(model.parameters()[3].tensor.stride(), [144, 1, 48, 16]);
    let (_folder, mut library) = common::synthetic();
    let set = library.open(Source::FashionMnist).unwrap();
    assert_eq!(Loader::new(set, &set.train).batch(&[0, 1], None).unwrap().stride(), [784, 1, 28, 1]);
}

#[test]
fn initial_values_are_kaiming_normal() {
    let model = model(Arch::Xresnet18, 3);
    let weight = &model.parameters().iter().find(|p| p.name == "stage1.block1.conv0.weight").unwrap().tensor;
    assert_eq!(weight.size(), [128, 128, 3, 3]);
    let deviation = weight.std(true).double_value(&[]);
    assert!((deviation / (2.0f64 / (128.0 * 9.0)).sqrt() - 1.0).abs() < 0.02, "{deviation}");
    for parameter in model.parameters().iter().filter(|p| p.tensor.dim() == 1) {
        let block_end = parameter.name.starts_with("stage") && parameter.name.ends_with("conv1.norm.weight");
        let expected = if parameter.name.ends_with("norm.weight") && !block_end { 1.0 } else { 0.0 };
        let spread = (&parameter.tensor - expected).abs().max().double_value(&[]);
        assert_eq!(spread, 0.0, "{}", parameter.name);
    }
}

#[test]
fn batches_are_scaled_and_mirrored_row_by_row() {
    let (_folder, mut library) = common::synthetic();
    let set = library.open(Source::FashionMnist).unwrap();
    let loader = Loader::new(set, &set.train);
    let rows = [5, 2, 77, 31, 8, 9, 400];
    let plain = loader.batch(&rows, None).unwrap();
    let (pixels, labels) = common::draw(1, common::TRAIN);
    let expected = (f64::from(pixels[77 * 784 + 3 * 28 + 11]) / 255.0 - 0.2860) / 0.3530;
    assert!((plain.double_value(&[2, 0, 3, 11]) - expected).abs() < 1e-6);
    let batch_labels: Vec<i64> = Vec::try_from(loader.labels(&rows).unwrap()).unwrap();
    assert!(batch_labels.iter().zip(rows).all(|(label, row)| *label == i64::from(labels[row])));

    let stream = Stream::new(4, Domain::Flip, 0);
    let flipped = loader.batch(&rows, Some(&stream)).unwrap();
    let coins = rows.map(|row| stream.coin(row as u64));
    assert!(coins.contains(&true) && coins.contains(&false));
    for (at, mirrored) in coins.into_iter().enumerate() {
        let (before, after) = (plain.get(at as i64), flipped.get(at as i64));
        assert_eq!(after, if mirrored { before.flip([2]) } else { before });
    }
    // An image keeps its coin wherever it stands in a batch.
    assert_eq!(loader.batch(&rows[2..3], Some(&stream)).unwrap().get(0), flipped.get(2));
}
