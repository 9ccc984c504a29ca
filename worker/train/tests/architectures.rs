//! Sizes of the networks: the published numbers of parameters and multiply-adds, and images of any side.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use sweeper_recipe::{Activation, Arch, Model as Settings, Pool, Stem};
use sweeper_train::model::{Model, Placement, summary};
use tch::{Device, Kind, Tensor};

fn settings(arch: Arch) -> Settings {
    Settings { arch, ..Settings::default() }
}

fn wide(arch: Arch) -> Settings {
    Settings { stem: Stem::Wide, ..settings(arch) }
}

fn attentive(settings: Settings) -> Settings {
    Settings { self_attention: true, ..settings }
}

fn fresh(settings: &Settings, image: [i64; 3]) -> Model {
    Model::new(settings, image, 10, 1, Placement::default()).unwrap()
}

fn images(count: i64, [channels, height, width]: [i64; 3]) -> Tensor {
    let pixels: Vec<f32> =
        (0..count * channels * height * width).map(|at| (at * 31 % 97) as f32 / 97.0 - 0.5).collect();
    Tensor::from_slice(&pixels).view([count, channels, height, width])
}

/// Parameters, trainable tensors, and multiply-adds in tenths of millions.
#[test]
fn sizes_are_the_published_ones() {
    let colour = [3, 128, 128];
    for (settings, image, classes, parameters, tensors, tenths) in [
        (settings(Arch::Xresnet18), colour, 10, 11_200_874, 68, 6_704),
        (wide(Arch::Xresnet18), colour, 10, 11_228_586, 68, 7_837),
        (attentive(wide(Arch::Xresnet18)), colour, 10, 11_232_683, 70, 7_963),
        (settings(Arch::Xresnet34), colour, 10, 21_309_034, 116, 12_740),
        (settings(Arch::Xresnet50), colour, 10, 23_547_754, 167, 14_130),
        (settings(Arch::XseResnet18), colour, 10, 11_290_986, 100, 6_705),
        (settings(Arch::Xresnext18), colour, 10, 13_047_914, 68, 7_424),
        (settings(Arch::XseResnext18), colour, 10, 13_138_026, 100, 7_425),
        (settings(Arch::XseResnext50), colour, 10, 25_550_618, 231, 14_615),
        (attentive(settings(Arch::XseResnext50)), colour, 10, 25_550_618 + 65_537, 233, 0),
        (settings(Arch::PlainCnn), colour, 10, 1_615_962, 26, 543),
        (settings(Arch::SimpleCnn), [3, 28, 28], 2, 3_058, 6, 2),
        (settings(Arch::SmallCnn), [1, 28, 28], 10, 29_434, 11, 0),
        // One input channel instead of three saves 2 · 9 weights of each of the first 32 filters.
        (settings(Arch::Xresnet18), [1, 28, 28], 10, 11_200_874 - 2 * 9 * 32, 68, 0),
    ] {
        let found = summary(&settings, image, classes).unwrap();
        assert_eq!((found.parameters, found.tensors), (parameters, tensors), "{settings:?}");
        let millions = found.multiply_adds as f64 / 1e6;
        // Where the source gives no digit behind the point, there is a 0 above.
        let digit = if tenths > 10_000 && tenths % 10 == 0 { 0.5 } else { 0.05 };
        assert!(tenths == 0 || (millions - f64::from(tenths) / 10.0).abs() <= digit, "{settings:?}: {millions}");
    }
}

/// The table follows the network: its rows hold each parameter once.
#[test]
fn the_table_agrees_with_the_network() {
    for arch in Arch::ALL {
        let settings = settings(arch);
        let table = summary(&settings, [3, 32, 32], 7).unwrap();
        if arch != Arch::SimpleCnn {
            assert_eq!(table.rows.last().unwrap().shape, [7], "{arch:?}");
        }
        let small = matches!(arch, Arch::SmallCnn | Arch::PlainCnn | Arch::SimpleCnn | Arch::XseResnet18);
        if small {
            let model = Model::new(&settings, [3, 32, 32], 7, 1, Placement::default()).unwrap();
            assert_eq!(table.parameters, model.parameters().count() as i64, "{arch:?}");
        }
    }
    let table = summary(&attentive(settings(Arch::Xresnet18)), [3, 64, 64], 10).unwrap();
    let attention = table.rows.iter().find(|row| row.name == "stage0.block1.attention").unwrap();
    assert_eq!((attention.parameters, attention.multiply_adds), (4_097, 3 * 64 * 64 * 16 * 16));
    assert_eq!(attention.shape, [64, 16, 16]);
}

/// Down to one pixel, odd sides and both pools among them.
#[test]
fn small_images_train_and_evaluate() {
    let mish = Settings { activation: Activation::Mish, pool: Pool::Max, ..attentive(wide(Arch::Xresnet18)) };
    let symmetric = Settings { symmetric: true, ..attentive(settings(Arch::XseResnext18)) };
    for (settings, image) in [
        (settings(Arch::SmallCnn), [1, 9, 9]),
        (settings(Arch::PlainCnn), [1, 28, 28]),
        (settings(Arch::PlainCnn), [4, 1, 3]),
        (settings(Arch::SimpleCnn), [3, 28, 28]),
        (settings(Arch::SimpleCnn), [1, 1, 1]),
        (mish, [1, 28, 28]),
        (symmetric, [3, 25, 17]),
        (settings(Arch::Xresnet18), [1, 1, 1]),
    ] {
        let model = fresh(&settings, image);
        let images = images(3, image);
        let output = model.train_pass(&images).unwrap();
        assert_eq!(output.logits.size(), [3, 10]);
        assert_eq!((output.logits.kind(), output.features.kind()), (Kind::Float, Kind::Float));
        let gradient = model.parameters().gradient(&output.logits.square().mean(Kind::Float)).unwrap();
        assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{settings:?}");
        let evaluated = model.frozen().unwrap().pass(&images).unwrap();
        assert_eq!(evaluated.logits.size(), [3, 10]);
        assert_eq!(evaluated.features.size(), output.features.size());
        assert!(!evaluated.logits.requires_grad());
    }
}

#[test]
fn features_are_what_the_last_linear_layer_sees() {
    let image = [1, 28, 28];
    for arch in [Arch::SmallCnn, Arch::PlainCnn, Arch::SimpleCnn] {
        let model = fresh(&settings(arch), image);
        let output = model.frozen().unwrap().pass(&images(2, image)).unwrap();
        let found = |name: &str| model.parameters().list().iter().find(|p| p.name == name);
        let expected = match (found("head.weight"), found("head.bias")) {
            (Some(weight), Some(bias)) => output.features.linear(&weight.tensor, Some(&bias.tensor)),
            _ => output.features.shallow_clone(),
        };
        assert!((expected - output.logits).abs().max().double_value(&[]) < 1e-5, "{arch:?}");
    }
}

#[test]
fn what_no_network_can_be_built_for_is_named() {
    let error = |arch, image, classes| {
        let made = Model::new(&settings(arch), image, classes, 1, Placement::default());
        made.err().expect("an error").to_string()
    };
    let text = error(Arch::SmallCnn, [1, 8, 28], 10);
    assert!(text.contains("small-cnn needs images of 9 or more pixels a side, not 8 × 28"), "{text}");
    assert!(error(Arch::PlainCnn, [3, 0, 28], 10).contains("plain-cnn needs images of 1 or more"));
    assert!(error(Arch::Xresnet18, [0, 28, 28], 10).contains("channels"));
    assert!(error(Arch::SimpleCnn, [3, 28, 28], 0).contains("classes"));
}

/// Study B's linear layer begins uniform, bias included, and its convolutions a little below the usual gain.
#[test]
fn plain_cnn_begins_as_its_study_says() {
    let model = fresh(&settings(Arch::PlainCnn), [3, 28, 28]);
    let list = model.parameters().list();
    let tensor = |name: &str| &list.iter().find(|p| p.name == name).unwrap().tensor;
    let bound = 1.0 / 512f64.sqrt();
    for name in ["head.weight", "head.bias"] {
        let largest = tensor(name).abs().max().double_value(&[]);
        assert!(largest <= bound && largest > 0.7 * bound, "{name}: {largest} against {bound}");
    }
    let weight = tensor("conv7.weight");
    let deviation = weight.std(true).double_value(&[]);
    assert!((deviation / (2.0f64 / 1.01 / (256.0 * 9.0)).sqrt() - 1.0).abs() < 0.003, "{deviation}");
    assert_eq!(weight.device(), Device::Cpu);
    for (channels, first) in [(1, 8), (2, 16), (3, 16), (4, 32)] {
        let model = fresh(&settings(Arch::PlainCnn), [channels, 8, 8]);
        assert_eq!(model.parameters().list()[0].tensor.size(), [first, channels, 3, 3]);
    }
}
