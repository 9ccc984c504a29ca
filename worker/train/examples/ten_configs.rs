//! The ten configs of the apriori-softmax study at demo scale, without coordinator or workers: prints mean ± sample
//! standard deviation per split, and the time of a trial.
//!
//! `cargo run --release -p sweeper-train --example ten_configs -- DATA_DIR [REPLICATES] [key=value …]`, with keys
//! `lr`, `epochs`, `train_limit` and `configs` (e.g. `configs=3,8,10`).
#![allow(clippy::print_stdout)]

use std::{collections::BTreeMap, error::Error, time::Instant};

use sweeper_recipe::{Recipe, SmoothingKind, TrainPrior, ValidationPrior, trial::Task};
use sweeper_train::{Device, data::Library, train};

/// Number, unbalanced data, training bias, evaluation bias, smoothing distribution, ε.
type Row = (u32, bool, TrainPrior, ValidationPrior, SmoothingKind, f64);

const CONFIGS: [Row; 10] = [
    (1, false, TrainPrior::None, ValidationPrior::None, SmoothingKind::Uniform, 0.0),
    (2, false, TrainPrior::None, ValidationPrior::None, SmoothingKind::Uniform, 0.1),
    (3, true, TrainPrior::None, ValidationPrior::None, SmoothingKind::Uniform, 0.0),
    (4, true, TrainPrior::Zero, ValidationPrior::Zero, SmoothingKind::Uniform, 0.0),
    (5, true, TrainPrior::Zero, ValidationPrior::Zero, SmoothingKind::Uniform, 0.1),
    (6, true, TrainPrior::Train, ValidationPrior::Zero, SmoothingKind::Uniform, 0.0),
    (7, true, TrainPrior::Train, ValidationPrior::Zero, SmoothingKind::Uniform, 0.1),
    (8, true, TrainPrior::Train, ValidationPrior::Split, SmoothingKind::Uniform, 0.0),
    (9, true, TrainPrior::Train, ValidationPrior::Split, SmoothingKind::Uniform, 0.1),
    (10, true, TrainPrior::Train, ValidationPrior::Split, SmoothingKind::TrainPrior, 0.1),
];

fn main() -> Result<(), Box<dyn Error>> {
    sweeper_train::init()?;
    let mut arguments = std::env::args().skip(1);
    let mut library = Library::new(arguments.next().ok_or("which data directory?")?);
    let replicates: u64 = arguments.next().map_or(Ok(3), |n| n.parse())?;
    let mut base: Recipe = Recipe::from_json(b"{}")?;
    base.data.train_limit = 10_000;
    let mut chosen: Vec<u32> = (1..=10).collect();
    for argument in arguments {
        match argument.split_once('=').ok_or("expected key=value")? {
            ("lr", value) => base.optimizer.lr = value.parse()?,
            ("epochs", value) => base.epochs = value.parse()?,
            ("train_limit", value) => base.data.train_limit = value.parse()?,
            ("configs", value) => chosen = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            (key, _) => return Err(format!("unknown key {key}").into()),
        }
    }
    println!("config        train   balanced  unbalanced    perverse   s train  s eval");
    let clock = Instant::now();
    for (number, unbalanced, training, validation, smoothing, eps) in CONFIGS {
        if !chosen.contains(&number) {
            continue;
        }
        let mut recipe = base.clone();
        recipe.data.unbalance.enabled = unbalanced;
        recipe.prior.train = training;
        recipe.prior.validation = validation;
        recipe.loss.smoothing.kind = smoothing;
        recipe.loss.smoothing.eps = eps;
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let (mut training_seconds, mut evaluation_seconds) = (0.0, 0.0);
        for seed in 1..=replicates {
            let task = Task { label: format!("c{number}/r{seed}"), recipe: recipe.clone(), seed, data_digest: None };
            let outcome = train(&task, &mut library, Device::Cpu, &|| false, &mut |_| {})?;
            training_seconds += outcome.train_seconds / replicates as f64;
            evaluation_seconds += outcome.evaluate_seconds / replicates as f64;
            for metric in outcome.metrics.into_iter().filter(|metric| metric.is_final) {
                values.entry(metric.name).or_default().push(metric.value);
            }
        }
        print!("{number:>6}  ");
        for split in ["train", "balanced", "unbalanced", "perverse"] {
            match values.get(&format!("accuracy/{split}")) {
                Some(values) => print!("{:>12}", summary(values)),
                None => print!("{:>12}", "-"),
            }
        }
        println!("  {training_seconds:>7.2} {evaluation_seconds:>7.2}");
    }
    println!("{:.1} s in all", clock.elapsed().as_secs_f64());
    Ok(())
}

fn summary(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    format!("{mean:.1} ± {deviation:.1}")
}
