//! The crate against PyTorch and NumPy. The fixture is written by `tests/reference/train.py`; SWEEPER_TRAIN_FIXTURE
//! names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{env, fs};

use serde_json::Value;
use sweeper_recipe::{Optimizer, Schedule, ScheduleKind};
use sweeper_train::{
    data::{Column, log_proportions, proportions},
    evaluate::Logits,
    loss::{Targets, mean_loss},
    model::{Model, Parameter},
    optim::AdamW,
    schedule::learning_rate,
    seeding::{Domain, Stream},
};
use tch::{Kind, Tensor};

fn fixture() -> Value {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/train_1.json");
    let path = env::var("SWEEPER_TRAIN_FIXTURE").unwrap_or_else(|_| own.to_owned());
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    rows(value).into_iter().map(|v| v as u8).collect()
}

fn float(values: &[f64], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).to_kind(Kind::Float).view(shape)
}

fn host(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

/// Largest difference relative to the largest expected magnitude.
#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-300f64, |top, v| top.max(v.abs()));
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * scale, "{what}[{at}]: {f} is not {e} (scale {scale})");
    }
}

#[test]
fn counter_generator() {
    let fixture = fixture();
    let (seed, expected) = (fixture["seed"].as_u64().unwrap(), &fixture["stream"]);
    let stream = Stream::new(seed, Domain::Order, 3);
    let bits: Vec<String> = (0..4).map(|index| stream.bits(index).to_string()).collect();
    assert_eq!(serde_json::to_value(bits).unwrap(), expected["bits"]);
    let uniform: Vec<f64> = (0..4).map(|index| stream.uniform(index)).collect();
    assert_eq!(uniform, numbers(&expected["uniform"]));
    assert_eq!(stream.permutation(25), rows(&expected["permutation"]));
    close(&Stream::new(seed, Domain::Init, 2).normals(9), &numbers(&expected["normals"]), 1e-14, "normals");
}

#[test]
fn unbalanced_splits() {
    let expected = &fixture()["unbalance"];
    let labels = |count: usize| (0..count).map(|row| (row * 7 % 10) as u8).collect::<Vec<_>>();
    let column = Column::new(expected["seed"].as_u64().unwrap(), 10);
    let (kept, _) = column.divide(&labels(80), 1);
    assert_eq!(kept, rows(&expected["train"]));
    let divided = column.divide(&labels(60), 2);
    assert_eq!(divided, (rows(&expected["unbalanced"]), rows(&expected["perverse"])));
    let shares = proportions(kept.iter().map(|row| (row * 7 % 10) as u8), 10);
    close(&shares, &numbers(&expected["train_proportions"]), 1e-15, "proportions");
    close(&log_proportions(&shares), &numbers(&expected["log_train_proportions"]), 1e-15, "log proportions");
}

#[test]
fn losses_and_their_gradients() {
    for case in fixture()["losses"].as_array().unwrap() {
        let labels = Tensor::from_slice(&rows(&case["labels"]).iter().map(|&l| l as i64).collect::<Vec<_>>());
        let logits = float(&numbers(&case["logits"]), &[labels.size()[0], -1]).set_requires_grad(true);
        let targets = Targets::new(&numbers(&case["distribution"]), case["eps"].as_f64().unwrap());
        let biased = match &case["bias"] {
            Value::Null => logits.shallow_clone(),
            bias => &logits + float(&numbers(bias), &[-1]),
        };
        let loss = mean_loss(&biased, &labels, &targets.tensor().unwrap()).unwrap();
        loss.backward();
        close(&host(&loss), &[case["loss"].as_f64().unwrap()], 1e-6, "loss");
        close(&host(&logits.grad()), &numbers(&case["gradient"]), 1e-6, "gradient");
    }
}

#[test]
fn ten_adamw_steps_under_flat_cosine() {
    let expected = &fixture()["adamw"];
    let number = |key: &str| expected[key].as_f64().unwrap();
    let shape = |at: usize| numbers(&expected["shapes"][at]).iter().map(|&v| v as i64).collect::<Vec<_>>();
    let tensor = |key: &str, at: usize| float(&numbers(&expected[key][at]), &shape(at));
    let parameters: Vec<Parameter> = (0..2)
        .map(|at| {
            let mut tensor = tensor("start", at);
            if at == 0 {
                // Channels last, as the crate keeps its weights; the gradient comes channels first.
                tensor = tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            }
            Parameter { name: at.to_string(), tensor: tensor.detach().set_requires_grad(true), decay: at == 0 }
        })
        .collect();
    let settings = Optimizer {
        lr: number("lr"),
        beta1: number("beta1"),
        beta2: number("beta2"),
        eps: number("eps"),
        weight_decay: number("weight_decay"),
        ..Optimizer::default()
    };
    let schedule = Schedule { kind: ScheduleKind::FlatCosine, pct_start: Some(number("pct_start")) };
    let mut optimizer = AdamW::new(&settings, &parameters).unwrap();
    for (step, after) in expected["path"].as_array().unwrap().iter().enumerate() {
        let rate = learning_rate(&schedule, settings.lr, step as u64, 10);
        close(&[rate], &numbers(&expected["rates"])[step..=step], 1e-12, "learning rate");
        let term = |at: usize| {
            let difference = &parameters[at].tensor - tensor("targets", at);
            (tensor("scales", at) * difference.square()).mean(None)
        };
        optimizer.minimize(&(term(0) + term(1)), rate).unwrap();
        for (at, parameter) in parameters.iter().enumerate() {
            close(&host(&parameter.tensor), &numbers(&after[at]), 1e-6, &format!("parameter {at} after step {step}"));
        }
    }
}

#[test]
fn scores() {
    let expected = &fixture()["scores"];
    let values = numbers(&expected["logits"]).iter().map(|&v| v as f32).collect();
    let bias: Vec<f32> = numbers(&expected["bias"]).iter().map(|&v| v as f32).collect();
    let labels = bytes(&expected["labels"]);
    let all: Vec<usize> = (0..labels.len()).collect();
    let logits = Logits { values, labels, classes: bias.len() };
    let targets = Targets::new(&numbers(&expected["distribution"]), expected["eps"].as_f64().unwrap());
    let score = logits.score(&all, Some(&bias), &targets, expected["beta"].as_f64().unwrap());
    for (found, key) in
        [(score.accuracy, "accuracy"), (score.smoothed_accuracy, "smoothed_accuracy"), (score.loss, "loss")]
    {
        close(&[found], &[expected[key].as_f64().unwrap()], 1e-12, key);
    }
}

#[test]
fn networks_forward_backward_and_folded() {
    sweeper_train::init().unwrap();
    for case in fixture()["models"].as_array().unwrap() {
        let settings = serde_json::from_value(case["model"].clone()).unwrap();
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|&v| v as i64).collect();
        let seed = case["seed"].as_u64().unwrap();
        let what = format!("{:?}", case["model"]["arch"]);
        let model = Model::new(&settings, [shape[1], shape[2], shape[3]], 10, seed).unwrap();
        // The last scale of a fresh block is 0 and would hide the block's gradients.
        tch::no_grad(|| {
            for parameter in model.parameters().iter().filter(|p| p.name.ends_with("conv1.norm.weight")) {
                if parameter.name.starts_with("stage") {
                    let _ = parameter.tensor.shallow_clone().fill_(0.5);
                }
            }
        });
        let pixels = Stream::new(seed, Domain::Init, 10_000).normals(shape.iter().product::<i64>() as usize);
        let images = float(&pixels, &shape);
        let logits = model.train_logits(&images).unwrap();
        close(&host(&logits), &numbers(&case["logits"]), 1e-4, &format!("{what} logits"));

        let labels = Tensor::arange(shape[0], (Kind::Int64, tch::Device::Cpu)).remainder(10);
        mean_loss(&logits, &labels, &Targets::new(&[1.0; 10], 0.0).tensor().unwrap()).unwrap().backward();
        let gradients = case["gradients"].as_array().unwrap();
        assert_eq!(gradients.len(), model.parameters().len(), "{what}");
        for (parameter, expected) in model.parameters().iter().zip(gradients) {
            let what = format!("{what} gradient of {}", parameter.name);
            assert_eq!(parameter.name, expected["name"].as_str().unwrap());
            let gradient = host(&parameter.tensor.grad());
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            close(&[norm], &[expected["norm"].as_f64().unwrap()], 1e-4, &what);
            let largest = expected["largest"].as_f64().unwrap();
            let with_scale = |values: &[f64]| [values, &[largest]].concat();
            close(&with_scale(&gradient[..3]), &with_scale(&numbers(&expected["first"])), 1e-4, &what);
        }
        let evaluated = model.frozen().unwrap().logits(&images).unwrap();
        close(&host(&evaluated), &numbers(&case["evaluated"]), 1e-4, &format!("{what} evaluated"));
    }
}
