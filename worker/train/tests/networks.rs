//! Layouts and initial values.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use sweeper_recipe::{Arch, Model as Settings};
use sweeper_train::model::{Model, Placement};

fn settings(arch: Arch) -> Settings {
    Settings { arch, ..Settings::default() }
}

fn model(arch: Arch, channels: i64) -> Model {
    Model::new(&settings(arch), [channels, 28, 28], 10, 1, Placement::default()).unwrap()
}

#[test]
fn only_convolution_and_linear_weights_decay() {
    for arch in [Arch::SmallCnn, Arch::XseResnext18] {
        for parameter in model(arch, 1).parameters().list() {
            let is_weight = parameter.tensor.dim() > 1;
            assert_eq!(parameter.decay, is_weight, "{arch:?} {}", parameter.name);
        }
    }
}

/// With one input channel `contiguous` cannot tell the layouts apart, so the strides themselves are checked; channels
/// first in the first layer would make the whole network slower.
#[test]
fn weights_are_channels_last() {
    let model = model(Arch::SmallCnn, 1);
    assert_eq!(model.parameters().list()[0].tensor.stride(), [25, 1, 5, 1]);
    assert_eq!(model.parameters().list()[3].tensor.stride(), [144, 1, 48, 16]);
}

#[test]
fn initial_values_are_kaiming_normal() {
    let model = model(Arch::Xresnet18, 3);
    let weight = &model.parameters().list().iter().find(|p| p.name == "stage1.block1.conv0.weight").unwrap().tensor;
    assert_eq!(weight.size(), [128, 128, 3, 3]);
    let deviation = weight.std(true).double_value(&[]);
    assert!((deviation / (2.0f64 / (128.0 * 9.0)).sqrt() - 1.0).abs() < 0.02, "{deviation}");
    for parameter in model.parameters().list().iter().filter(|p| p.tensor.dim() == 1) {
        let block_end = parameter.name.starts_with("stage") && parameter.name.ends_with("conv1.norm.weight");
        let expected = if parameter.name.ends_with("norm.weight") && !block_end { 1.0 } else { 0.0 };
        let spread = (&parameter.tensor - expected).abs().max().double_value(&[]);
        assert_eq!(spread, 0.0, "{}", parameter.name);
    }
}
