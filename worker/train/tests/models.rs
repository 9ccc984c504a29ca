//! The networks against fastai and PyTorch. The fixture is written by `tests/reference/train_models.py`;
//! SWEEPER_MODELS_FIXTURE names another one, e.g. of another seed.
//!
//! Every case runs twice: as trainings have it, in float32, and all in float64, where gradients can be held tight. In
//! float32 they jump where rounding moves an input of a ReLU across zero or makes another one of two nearly equal values
//! a window's largest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use std::sync::LazyLock;

use common::fixture::{close, difference, float, host, numbers, read};
use serde_json::Value;
use sweeper_recipe::{Arch, Model as Settings};
use sweeper_train::{
    model::{Model, Placement},
    seeding::{Domain, Stream},
};
use tch::{Device, Kind, Tensor};

/// Of logits in float32, relative to a tensor's largest magnitude.
const FLOAT: f64 = 1e-4;

/// Of logits and gradients in float64, relative to a tensor's largest magnitude or norm.
const DOUBLE: f64 = 1e-9;

/// Of a float32 gradient, relative to the norm of the float64 one: room for jumps, none for one that is missing or twice
/// too large.
const JUMPS: f64 = 0.2;

/// Epoch word of the pixels' numbers.
const PIXELS: u32 = 10_000;

/// Numbers of the longest parameter, a convolution in the last stage of an xresnext.
const LONGEST: usize = 1024 * 512 * 9;

static FIXTURE: LazyLock<Value> = LazyLock::new(|| read("SWEEPER_MODELS_FIXTURE", "train_models_1.json"));

/// The vectors that gradients are projected on.
static PROJECTIONS: LazyLock<[Vec<f64>; 3]> =
    LazyLock::new(|| [20_000, 20_001, 20_002].map(|at| Stream::new(seed(), Domain::Init, at).normals(LONGEST)));

fn seed() -> u64 {
    FIXTURE["seed"].as_u64().unwrap()
}

/// The model of a case, with what would hide gradients at its initial 0 set as the reference has it.
fn model(settings: &Settings, shape: &[i64], classes: i64) -> Model {
    let image = [shape[1], shape[2], shape[3]];
    let model = Model::new(settings, image, classes, seed(), Placement::default()).unwrap();
    let last = if matches!(settings.arch, Arch::Xresnet50 | Arch::XseResnext50) { "conv2" } else { "conv1" };
    tch::no_grad(|| {
        for parameter in model.parameters().list() {
            let ends_block = parameter.name.starts_with("stage") && parameter.name.contains(&format!(".{last}.norm.w"));
            let value = match () {
                () if ends_block => FIXTURE["last_scale"].as_f64().unwrap(),
                () if parameter.name.ends_with(".gamma") => FIXTURE["gamma"].as_f64().unwrap(),
                () => continue,
            };
            assert_eq!(parameter.tensor.abs().max().double_value(&[]), 0.0, "{} must begin at 0", parameter.name);
            let _ = parameter.tensor.shallow_clone().fill_(value);
        }
    });
    model
}

#[test]
fn every_architecture_is_in_the_reference() {
    let named = |arch: Arch| FIXTURE["models"].as_array().unwrap().iter().any(|c| c["model"]["arch"] == arch.name());
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

/// Every case of the given architectures, in both number formats.
fn compare(archs: &[Arch]) {
    sweeper_train::init().unwrap();
    for case in FIXTURE["models"].as_array().unwrap() {
        let settings: Settings = serde_json::from_value(case["model"].clone()).unwrap();
        if !archs.contains(&settings.arch) {
            continue;
        }
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|&v| v as i64).collect();
        let what = format!("{} {shape:?}", settings.arch.name());
        let pixels = Stream::new(seed(), Domain::Init, PIXELS).normals(shape.iter().product::<i64>() as usize);
        let images = float(&pixels, &shape);
        let model = model(&settings, &shape, case["classes"].as_i64().unwrap());

        let fresh = model.state().unwrap();
        let single = logits(&model, &images, case, FLOAT, &format!("{what} in float32"));
        let rounded: Vec<Tensor> = model.parameters().list().iter().map(|p| p.tensor.grad()).collect();
        model.load_state(&fresh).unwrap();
        let model = model.into_double().unwrap();
        let double = logits(&model, &images.to_kind(Kind::Double), case, DOUBLE, &format!("{what} in float64"));
        let exact = gradients(&model, case, &what);
        let jumps = jumps(&model, &rounded, &what);
        println!("{what}: logits off by {single:.1e} and {double:.1e}, gradients {jumps:.1e} and {exact:.1e}");
    }
}

/// A training pass, the gradients of its cross-entropy, which the parameters keep, and an evaluation.
fn logits(model: &Model, images: &Tensor, case: &Value, tolerance: f64, what: &str) -> f64 {
    let trained = model.train_pass(images).unwrap().logits;
    assert_eq!(trained.kind(), images.kind(), "{what}");
    let classes = case["classes"].as_i64().unwrap();
    let labels = Tensor::arange(images.size()[0], (Kind::Int64, Device::Cpu)).remainder(classes);
    // `cross_entropy_for_logits` would compute in float32.
    trained.log_softmax(-1, trained.kind()).nll_loss(&labels).backward();
    for parameter in model.parameters().list() {
        assert!(parameter.tensor.grad().defined(), "{what}: no gradient of {}", parameter.name);
    }
    let evaluated = model.frozen().unwrap().logits(images).unwrap();
    let parts = [("logits", trained), ("evaluated", evaluated)].map(|(part, found)| {
        let (found, expected) = (host(&found), numbers(&case[part]));
        close(&found, &expected, tolerance, &format!("{what} {part}"));
        difference(&found, &expected)
    });
    parts[0].max(parts[1])
}

/// The gradients that the parameters have against the reference's.
fn gradients(model: &Model, case: &Value, what: &str) -> f64 {
    let expected = case["gradients"].as_array().unwrap();
    assert_eq!(expected.len(), model.parameters().list().len(), "{what}");
    let mut worst = 0.0f64;
    for (parameter, expected) in model.parameters().list().iter().zip(expected) {
        let (name, expected) = expected.as_array().unwrap().split_first().unwrap();
        assert_eq!(parameter.name, name.as_str().unwrap(), "{what}");
        let what = format!("{what} gradient of {name}");
        let values = host(&parameter.tensor.grad());
        assert!(values.len() <= LONGEST, "{what}");
        let dot = |vector: &[f64]| values.iter().zip(vector).map(|(v, w)| v * w).sum::<f64>();
        // Two groups with a scale each: a projection may be small beside the norm, a first number beside the largest.
        let sums: Vec<f64> = [dot(&values).sqrt()].into_iter().chain(PROJECTIONS.iter().map(|p| dot(p))).collect();
        let largest = values.iter().fold(0.0f64, |top, v| top.max(v.abs()));
        let singles: Vec<f64> = [largest].into_iter().chain(values.iter().copied().take(2)).collect();
        let expected = numbers(&expected.to_vec().into());
        let (expected_sums, expected_singles) = expected.split_at(sums.len());
        for (found, expected) in [(&sums, expected_sums), (&singles, expected_singles)] {
            close(found, expected, DOUBLE, &what);
            worst = worst.max(difference(found, expected));
        }
    }
    worst
}

/// The float32 gradients against the float64 ones, over all their numbers.
fn jumps(model: &Model, rounded: &[Tensor], what: &str) -> f64 {
    let off = model.parameters().list().iter().zip(rounded).map(|(parameter, rounded)| {
        let exact = parameter.tensor.grad();
        let off = (&exact - rounded.to_kind(Kind::Double)).norm().double_value(&[]);
        let norm = exact.norm().double_value(&[]);
        assert!(off <= JUMPS * norm, "{what}: float32 gradient of {} is off by {off:e} of {norm:e}", parameter.name);
        off / norm.max(1e-300)
    });
    off.fold(0.0, f64::max)
}
