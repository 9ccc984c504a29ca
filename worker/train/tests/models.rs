//! The networks against fastai and PyTorch. The fixture is written by `tests/reference/train_models.py`;
//! SWEEPER_MODELS_FIXTURE names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use common::fixture::{close, difference, float, host, numbers, read};
use serde_json::Value;
use sweeper_recipe::{Arch, Model as Settings};
use sweeper_train::{
    model::{Model, Placement},
    seeding::{Domain, Stream},
};
use tch::{Device, Kind, Tensor};

/// Relative to a tensor's largest magnitude.
const LOGITS: f64 = 1e-4;

/// Relative to a tensor's norm or largest magnitude. Where rounding moves an input of a ReLU across zero, or makes
/// another one of two equal values a window's largest, gradients jump: in PyTorch's own float32, too.
fn gradient_tolerance(arch: Arch) -> f64 {
    match arch {
        Arch::SmallCnn | Arch::SimpleCnn => 1e-4,
        Arch::PlainCnn => 5e-2,
        _ => 1e-2,
    }
}

/// The model of a case, with what would hide gradients at its initial 0 set as the reference has it.
fn model(case: &Value, settings: &Settings, shape: &[i64]) -> Model {
    let (image, seed) = ([shape[1], shape[2], shape[3]], case["seed"].as_u64().unwrap());
    let model = Model::new(settings, image, case["classes"].as_i64().unwrap(), seed, Placement::default()).unwrap();
    let last = if matches!(settings.arch, Arch::Xresnet50 | Arch::XseResnext50) { "conv2" } else { "conv1" };
    tch::no_grad(|| {
        for parameter in model.parameters().list() {
            let ends_block = parameter.name.starts_with("stage") && parameter.name.contains(&format!(".{last}.norm.w"));
            let value = match () {
                () if ends_block => case["last_scale"].as_f64().unwrap(),
                () if parameter.name.ends_with(".gamma") => case["gamma"].as_f64().unwrap(),
                () => continue,
            };
            assert_eq!(parameter.tensor.abs().max().double_value(&[]), 0.0, "{} must begin at 0", parameter.name);
            let _ = parameter.tensor.shallow_clone().fill_(value);
        }
    });
    model
}

/// Norm, largest magnitude and first numbers of a gradient, as the fixture has them.
fn described(gradient: &Tensor) -> (f64, f64, Vec<f64>) {
    let values = host(gradient);
    let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let largest = values.iter().fold(0.0f64, |top, v| top.max(v.abs()));
    (norm, largest, values.into_iter().take(3).collect())
}

#[test]
fn every_architecture_is_in_the_reference() {
    let fixture = read("SWEEPER_MODELS_FIXTURE", "train_models_1.json");
    let named = |arch: Arch| fixture["models"].as_array().unwrap().iter().any(|c| c["model"]["arch"] == arch.name());
    assert!(Arch::ALL.into_iter().all(named));
}

#[test]
fn networks_of_single_studies() {
    compare(&[Arch::SmallCnn, Arch::PlainCnn, Arch::SimpleCnn]);
}

#[test]
fn residual_networks() {
    compare(&[Arch::Xresnet18, Arch::Xresnet34, Arch::Xresnet50]);
}

#[test]
fn residual_networks_with_squeeze_excitation_or_groups() {
    compare(&[Arch::XseResnet18, Arch::Xresnext18, Arch::XseResnext18, Arch::XseResnext50]);
}

/// Logits, gradients and evaluation of every case of the given architectures against the reference's.
fn compare(archs: &[Arch]) {
    sweeper_train::init().unwrap();
    for case in read("SWEEPER_MODELS_FIXTURE", "train_models_1.json")["models"].as_array().unwrap() {
        let settings: Settings = serde_json::from_value(case["model"].clone()).unwrap();
        if !archs.contains(&settings.arch) {
            continue;
        }
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|&v| v as i64).collect();
        let what = format!("{} {shape:?}", settings.arch.name());
        let model = model(case, &settings, &shape);
        let seed = case["seed"].as_u64().unwrap();
        let pixels = Stream::new(seed, Domain::Init, 10_000).normals(shape.iter().product::<i64>() as usize);
        let images = float(&pixels, &shape);
        let logits = model.train_pass(&images).unwrap().logits;
        close(&host(&logits), &numbers(&case["logits"]), LOGITS, &format!("{what} logits"));

        let tolerance = gradient_tolerance(settings.arch);
        let expected = case["gradients"].as_array().unwrap();
        let mut worst = 0.0f64;
        if !expected.is_empty() {
            let labels = Tensor::arange(shape[0], (Kind::Int64, Device::Cpu)).remainder(logits.size()[1]);
            logits.cross_entropy_for_logits(&labels).backward();
            assert_eq!(expected.len(), model.parameters().list().len(), "{what}");
            for (parameter, expected) in model.parameters().list().iter().zip(expected) {
                let (name, expected) = expected.as_array().unwrap().split_first().unwrap();
                assert_eq!(parameter.name, name.as_str().unwrap(), "{what}");
                let what = format!("{what} gradient of {}", parameter.name);
                let expected = numbers(&expected.to_vec().into());
                let (norm, largest, mut first) = described(&parameter.tensor.grad());
                close(&[norm], &expected[..1], tolerance, &what);
                // The first numbers may be small beside the rest.
                first.insert(0, largest);
                close(&first, &expected[1..], tolerance, &what);
                worst = worst.max(difference(&first, &expected[1..]));
            }
        }
        let evaluated = model.frozen().unwrap().logits(&images).unwrap();
        close(&host(&evaluated), &numbers(&case["evaluated"]), LOGITS, &format!("{what} evaluated"));
        let (trained, evaluated) = (
            difference(&host(&logits), &numbers(&case["logits"])),
            difference(&host(&evaluated), &numbers(&case["evaluated"])),
        );
        println!("{what}: off by {trained:.1e} logits, {worst:.1e} gradients, {evaluated:.1e} evaluated");
    }
}
