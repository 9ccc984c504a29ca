//! Trainings that are stopped and go on, and trainings that several configs share: to the bit as if trained alone and
//! in one piece.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{cell::Cell, fs, path::Path};

use common::{observation, recipe, run, synthetic, task};
use sweeper_recipe::{Recipe, trial::TrainError};
use sweeper_train::{Device, Options, Trainer};
use tempfile::TempDir;

fn trainer(data: &Path, checkpoints: &Path) -> Trainer {
    Trainer::new(Options {
        data_dir: data.to_owned(),
        device: Device::Cpu,
        device_name: "cpu".to_owned(),
        checkpoint_dir: Some(checkpoints.to_owned()),
    })
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Trains until the third epoch has begun, then stops. Returns the steps of an epoch.
fn interrupted(trainer: &mut Trainer, recipe: &Recipe) -> u64 {
    let (stopped, steps) = (Cell::new(false), Cell::new(0));
    let result = trainer.train(&task(recipe, 4), &|| stopped.get(), &mut |p| {
        steps.set(p.steps / 4);
        stopped.set(p.step > 2 * steps.get() + 2);
    });
    assert_eq!(result, Err(TrainError::Stopped));
    steps.get()
}

/// Every part of the state that an optimizer may have: moments, slow weights, momentum, a loss scale.
const RECIPES: [&str; 5] = [
    r#"{"epochs": 4, "checkpoint": {"every": 1}}"#,
    r#"{"epochs": 4, "checkpoint": {"every": 2}, "optimizer": {"kind": "ranger", "lr": 0.01}, "evaluate": {"when": "epoch"},
        "data": {"unbalance": {"enabled": true}}, "prior": {"train": "train", "validation": "split"}}"#,
    r#"{"epochs": 4, "checkpoint": {"every": 1}, "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9},
        "schedule": {"kind": "one-cycle"}, "augment": {"mixup": {"alpha": 0.4}, "translate": 2, "cutout": 4}}"#,
    r#"{"epochs": 4, "checkpoint": {"every": 1}, "precision": "fp16", "optimizer": {"kind": "rmsprop", "lr": 0.001, "eps": 1e-8}}"#,
    r#"{"epochs": 4, "checkpoint": {"every": 1}, "precision": "bf16", "data": {"sampler": "class-balanced"}}"#,
];

#[test]
fn a_stopped_training_goes_on_with_the_same_bits() {
    let (data, mut plain) = synthetic();
    for json in RECIPES {
        let recipe = recipe(json);
        let expected = observation(&run(&mut plain, &recipe, 4).unwrap());
        let checkpoints = TempDir::new().unwrap();
        let steps = interrupted(&mut trainer(data.path(), checkpoints.path()), &recipe);
        assert_eq!(files(checkpoints.path()), 1, "{json}");
        let mut first = None;
        let mut other = trainer(data.path(), checkpoints.path());
        let resumed = other.train(&task(&recipe, 4), &|| false, &mut |p| {
            if p.phase == "training" {
                first.get_or_insert(p.step);
            }
        });
        assert_eq!(observation(&resumed.unwrap()), expected, "{json}");
        assert_eq!(first, Some(2 * steps + 1), "two epochs were not trained again: {json}");
        assert_eq!(files(checkpoints.path()), 0, "nothing stays behind: {json}");
    }
}

#[test]
fn a_checkpoint_of_another_training_or_a_damaged_one_is_not_used() {
    let (data, mut plain) = synthetic();
    let (a, mut b) = (recipe(RECIPES[0]), recipe(RECIPES[0]));
    b.optimizer.lr = 1e-3;
    let checkpoints = TempDir::new().unwrap();
    let mut with = trainer(data.path(), checkpoints.path());
    interrupted(&mut with, &a);
    let expected = observation(&run(&mut plain, &b, 4).unwrap());
    assert_eq!(observation(&run(&mut with, &b, 4).unwrap()), expected);
    assert_eq!(files(checkpoints.path()), 1, "that of the other training is still there");
    let file = fs::read_dir(checkpoints.path()).unwrap().next().unwrap().unwrap().path();
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    let expected = observation(&run(&mut plain, &a, 4).unwrap());
    assert_eq!(observation(&run(&mut with, &a, 4).unwrap()), expected);
}

#[test]
fn a_folder_that_cannot_be_written_costs_nothing_but_the_checkpoint() {
    let (data, mut plain) = synthetic();
    let recipe = recipe(RECIPES[0]);
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let outcome = run(&mut trainer(data.path(), &file), &recipe, 4).unwrap();
    assert_eq!(observation(&outcome), observation(&run(&mut plain, &recipe, 4).unwrap()));
}

#[test]
fn what_differs_in_evaluation_only_is_trained_once_and_measured_alike() {
    let (_data, mut shared) = synthetic();
    let (_data, mut alone) = synthetic();
    let config = |prior: &str, evaluate: &str| {
        let json = format!(
            r#"{{"epochs": 2, "data": {{"unbalance": {{"enabled": true}}}}, "prior": {prior}, "evaluate": {evaluate}}}"#
        );
        recipe(&json)
    };
    let configs = [
        (config(r#"{"train": "train", "validation": "zero"}"#, "{}"), true),
        (config(r#"{"train": "train", "validation": "split"}"#, "{}"), false),
        (
            config(
                r#"{"train": "train", "validation": "every-split"}"#,
                r#"{"flip": "flip-concat", "betas": [1.0, 5.0]}"#,
            ),
            false,
        ),
        (config("{}", "{}"), true),
        (config(r#"{"train": "zero", "validation": "zero"}"#, r#"{"predictions": true}"#), false),
    ];
    for (config, trains) in configs {
        let sharing = Recipe { share_training: true, ..config.clone() };
        let mut steps = 0;
        let outcome = shared.train(&task(&sharing, 9), &|| false, &mut |p| steps += u64::from(p.phase == "training"));
        let outcome = outcome.unwrap();
        assert_eq!(steps > 0, trains, "{config:?}");
        assert_eq!(observation(&outcome), observation(&run(&mut alone, &config, 9).unwrap()), "{config:?}");
    }
    // After every epoch too, but only where the models of all epochs were kept.
    let every = |prior: &str| config(prior, r#"{"when": "epoch"}"#);
    for (config, trains) in
        [(every("{}"), true), (every(r#"{"train": "zero", "validation": "zero"}"#), false), (config("{}", "{}"), false)]
    {
        let sharing = Recipe { share_training: true, ..config.clone() };
        let mut steps = 0;
        let outcome = shared.train(&task(&sharing, 9), &|| false, &mut |p| steps += u64::from(p.phase == "training"));
        assert_eq!(observation(&outcome.unwrap()), observation(&run(&mut alone, &config, 9).unwrap()), "{config:?}");
        assert_eq!(steps > 0, trains, "{config:?}");
    }
    // Another seed is another training.
    let sharing = Recipe { share_training: true, ..config("{}", "{}") };
    let before = run(&mut shared, &sharing, 9).unwrap().parameter_digest;
    assert_ne!(run(&mut shared, &sharing, 10).unwrap().parameter_digest, before);
}
