//! Whole trainings on a synthetic data set: what an outcome holds, and that nothing but recipe, seed and data decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod common;

use std::{cell::Cell, collections::BTreeSet, env, path::PathBuf, process::Command};

use common::{observation, recipe, run, synthetic, task, trainer_in, value};
use sweeper_recipe::{
    When,
    trial::{Ending, TrainError},
};

const APRIORI: &str = r#"{"epochs": 2, "data": {"unbalance": {"enabled": true}}, "evaluate": {"when": "epoch"},
    "loss": {"smoothing": {"kind": "train-prior", "eps": 0.1}},
    "prior": {"train": "train", "validation": "split"}}"#;
const PLAIN: &str = r#"{"data": {"unbalance": {"enabled": true}}}"#;

#[test]
fn outcomes_do_not_depend_on_what_the_process_did_before() {
    let (folder, mut trainer) = synthetic();
    let (a, b) = (recipe(APRIORI), recipe(PLAIN));
    let first = observation(&run(&mut trainer, &a, 5).unwrap());
    let other = observation(&run(&mut trainer, &b, 6).unwrap());
    assert_eq!(observation(&run(&mut trainer, &a, 5).unwrap()), first);
    assert_ne!(other, first);
    // On a thread that libtorch has not seen, and in a process that begins with this trial.
    let on_thread = std::thread::spawn(move || observation(&run(&mut trainer, &recipe(APRIORI), 5).unwrap()));
    assert_eq!(on_thread.join().unwrap(), first);
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_process", "--ignored", "--nocapture"])
        .env("SWEEPER_TEST_DATA", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(text.contains(&first), "the child said\n{text}\nnot\n{first}");
}

#[test]
#[ignore = "the other process of the test above"]
fn child_process() {
    let Some(folder) = env::var_os("SWEEPER_TEST_DATA") else { return };
    let outcome = run(&mut trainer_in(folder.as_ref()), &recipe(APRIORI), 5).unwrap();
    println!("\n{}", observation(&outcome));
}

/// Configs 3 and 4 of the study.
#[test]
fn a_layer_of_zeros_is_no_layer_to_the_bit() {
    let (_folder, mut trainer) = synthetic();
    let mut zeros = recipe(PLAIN);
    zeros.prior = recipe(r#"{"prior": {"train": "zero", "validation": "zero"}}"#).prior;
    let without = observation(&run(&mut trainer, &recipe(PLAIN), 3).unwrap());
    assert_eq!(observation(&run(&mut trainer, &zeros, 3).unwrap()), without);
}

/// Configs 6 and 8 train alike and differ in evaluation only, and there on the two unbalanced splits only.
#[test]
fn the_evaluation_bias_does_not_touch_the_training() {
    let (_folder, mut trainer) = synthetic();
    let mut config = recipe(PLAIN);
    config.prior = recipe(r#"{"prior": {"train": "train", "validation": "zero"}}"#).prior;
    let zero = run(&mut trainer, &config, 3).unwrap();
    config.prior = recipe(r#"{"prior": {"train": "train", "validation": "split"}}"#).prior;
    let split = run(&mut trainer, &config, 3).unwrap();
    config.prior = recipe(r#"{"prior": {"train": "train", "validation": "every-split"}}"#).prior;
    let every = run(&mut trainer, &config, 3).unwrap();
    assert_eq!(zero.parameter_digest, split.parameter_digest);
    for name in ["loss/train", "loss/balanced"] {
        assert_eq!(value(&zero, name).to_bits(), value(&split, name).to_bits(), "{name}");
    }
    for name in ["loss/unbalanced", "loss/perverse"] {
        assert_ne!(value(&zero, name), value(&split, name), "{name}");
        assert_eq!(value(&every, name).to_bits(), value(&split, name).to_bits(), "{name}");
    }
    assert_ne!(value(&every, "loss/balanced"), value(&split, "loss/balanced"));
}

/// Study A evaluates the last epoch as every other one, with the log-prior, and then once more without.
#[test]
fn the_last_epoch_counts_as_epoch_and_as_end() {
    let (_folder, mut trainer) = synthetic();
    let mut config = recipe(PLAIN);
    config.evaluate.when = When::Epoch;
    let mut losses = |validation: &str| {
        config.prior = recipe(&format!(r#"{{"prior": {{"train": "train", "validation": "{validation}"}}}}"#)).prior;
        let outcome = run(&mut trainer, &config, 3).unwrap();
        let of_balanced = outcome.metrics.iter().filter(|m| m.name == "loss/balanced");
        of_balanced.map(|m| (m.epoch, m.is_final, m.value.to_bits())).collect::<Vec<_>>()
    };
    let (split, every, zero) = (losses("split"), losses("every-split"), losses("zero"));
    let epochs = config.epochs as usize;
    assert_eq!((split.len(), every.len(), zero.len()), (epochs + 1, epochs, epochs));
    // As epochs they are those of `every-split`; at the end that of `zero`.
    let values = |all: &[(u32, bool, u64)]| all.iter().map(|(epoch, _, bits)| (*epoch, *bits)).collect::<Vec<_>>();
    assert_eq!(values(&split[..epochs]), values(&every));
    assert!(split[..epochs].iter().all(|(_, is_final, _)| !is_final));
    assert_eq!(split.last(), zero.last());
}

#[test]
fn final_metrics_are_the_ones_the_recipe_names() {
    let (_folder, mut trainer) = synthetic();
    for json in [
        "{}",
        PLAIN,
        r#"{"evaluate": {"train": "both"}}"#,
        r#"{"evaluate": {"train": "clean"}, "data": {"unbalance": {"enabled": true}}}"#,
        r#"{"evaluate": {"train": "none"}}"#,
    ] {
        let recipe = recipe(json);
        let outcome = run(&mut trainer, &recipe, 1).unwrap();
        let names: BTreeSet<String> =
            outcome.metrics.iter().filter(|metric| metric.is_final).map(|metric| metric.name.clone()).collect();
        assert_eq!(names, recipe.metric_names().into_iter().collect(), "{json}");
        assert_eq!(outcome.ending, Ending::Completed);
        assert_eq!((outcome.parameter_digest.len(), outcome.data_digest.len()), (64, 64));
    }
}

#[test]
fn measuring_every_epoch_changes_no_number_of_the_last() {
    let (_folder, mut trainer) = synthetic();
    let often = recipe(APRIORI);
    let mut once = often.clone();
    once.evaluate.when = sweeper_recipe::When::Final;
    let (often, once) = (run(&mut trainer, &often, 2).unwrap(), run(&mut trainer, &once, 2).unwrap());
    assert_eq!(often.parameter_digest, once.parameter_digest);
    let last = |outcome: &sweeper_recipe::trial::Outcome| {
        let finals = outcome.metrics.iter().filter(|metric| metric.is_final);
        finals.map(|metric| (metric.name.clone(), metric.epoch, metric.value.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(last(&often), last(&once));
    assert!(last(&once).iter().all(|(_, epoch, _)| *epoch == 2));
    let early = |name: &str| often.metrics.iter().any(|m| m.name == name && m.epoch == 1 && !m.is_final);
    assert!(early("accuracy/perverse") && early("loss/train_running") && early("accuracy/train_running"));
    assert!(!once.metrics.iter().any(|m| m.epoch == 1 && m.name.starts_with("loss/balanced")));
}

#[test]
fn it_learns_and_the_parts_make_up_the_balanced_split() {
    let (_folder, mut trainer) = synthetic();
    let outcome = run(&mut trainer, &recipe(r#"{"epochs": 3, "optimizer": {"lr": 0.01}}"#), 1).unwrap();
    assert!(value(&outcome, "accuracy/balanced") > 90.0, "{}", value(&outcome, "accuracy/balanced"));
    assert!(value(&outcome, "loss/balanced") < 1.0);
    let smoothed = value(&outcome, "smoothed_accuracy/balanced");
    assert!(smoothed > 60.0 && smoothed < 100.0, "{smoothed}");

    let outcome = run(&mut trainer, &recipe(PLAIN), 1).unwrap();
    let [balanced, unbalanced, perverse] =
        ["balanced", "unbalanced", "perverse"].map(|split| value(&outcome, &format!("loss/{split}")));
    // Without biases the balanced mean is the weighted mean of its parts.
    let weight = (balanced - perverse) / (unbalanced - perverse);
    let parts = weight * common::VALIDATION as f64;
    assert!((0.3..0.7).contains(&weight) && (parts - parts.round()).abs() < 1e-6, "{weight}");
}

#[test]
fn seeds_and_split_seeds_count() {
    let (_folder, mut trainer) = synthetic();
    let mut config = recipe(PLAIN);
    let digest = |outcome: sweeper_recipe::trial::Outcome| outcome.parameter_digest;
    let base = digest(run(&mut trainer, &config, 1).unwrap());
    assert_ne!(digest(run(&mut trainer, &config, 2).unwrap()), base);
    config.data.unbalance.seed = 1;
    assert_ne!(digest(run(&mut trainer, &config, 1).unwrap()), base);
    config.data.unbalance.seed = 0;
    config.data.unbalance.per_replicate = true;
    assert_ne!(digest(run(&mut trainer, &config, 1).unwrap()), base);
    config.augment.flip = false;
    config.data.unbalance.per_replicate = false;
    assert_ne!(digest(run(&mut trainer, &config, 1).unwrap()), base);
}

#[test]
fn a_diverging_training_is_an_outcome() {
    let (_folder, mut trainer) = synthetic();
    // Decay of 1 at a rate of 100 multiplies every weight by −99 a step.
    let explosive = recipe(r#"{"epochs": 3, "optimizer": {"lr": 100.0, "weight_decay": 1.0}}"#);
    let outcome = run(&mut trainer, &explosive, 1).unwrap();
    let Ending::Diverged { epoch, step, what } = &outcome.ending else { panic!("{:?}", outcome.ending) };
    assert!(*epoch < 3 && *step > 0 && what.contains("loss"), "{epoch} {step} {what}");
    assert!(outcome.metrics.iter().all(|metric| !metric.is_final && metric.value.is_finite()));
    assert_eq!(observation(&run(&mut trainer, &explosive, 1).unwrap()), observation(&outcome));
}

#[test]
fn stop_is_asked_and_progress_told_every_step() {
    let (_folder, mut trainer) = synthetic();
    let config = recipe(r#"{"epochs": 2}"#);
    let mut seen = Vec::new();
    trainer.train(&task(&config, 1), &|| false, &mut |p| seen.push(p)).unwrap();
    let steps = common::TRAIN as u64 / 32 * 2;
    assert_eq!(seen.first().map(|p| p.phase), Some("loading"));
    assert_eq!(seen.last().map(|p| (p.phase, p.step, p.epoch)), Some(("evaluating", steps, 2)));
    let trained: Vec<u64> = seen.iter().filter(|p| p.phase == "training").map(|p| p.step).collect();
    assert!(trained.into_iter().eq(1..=steps));
    assert!(seen.iter().filter(|p| p.phase != "loading").all(|p| p.steps == steps && p.epochs == 2));

    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) == 7;
    let mut last = 0;
    let ended = trainer.train(&task(&config, 1), &stop, &mut |p| last = p.step);
    assert_eq!((ended, last), (Err(TrainError::Stopped), 7));
}

#[test]
fn settings_that_do_not_fit_the_data_say_so() {
    let (_folder, mut trainer) = synthetic();
    let mut config = recipe("{}");
    config.batch_size = 1000;
    let Err(TrainError::Failed(message)) = run(&mut trainer, &config, 1) else { panic!("it trained") };
    assert!(message.contains("600 images") && message.contains("1000"), "{message}");
    let mut config = recipe("{}");
    config.data.validation_limit = 5000;
    let Err(TrainError::Failed(message)) = run(&mut trainer, &config, 1) else { panic!("it trained") };
    assert!(message.contains("data.validation_limit = 5000") && message.contains("300"), "{message}");
}

/// The study's effect on real images, where there are any.
#[test]
fn the_prior_helps_on_fashion_mnist() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/.data");
    let folder = env::var_os("SWEEPER_DATA_DIR").map_or(beside, PathBuf::from);
    if !folder.join("fashion-mnist").exists() {
        eprintln!("skipped: no fashion-mnist in {} (SWEEPER_DATA_DIR names another folder)", folder.display());
        return;
    }
    let mut trainer = trainer_in(&folder);
    let mut config = recipe(r#"{"data": {"train_limit": 10000, "unbalance": {"enabled": true}}}"#);
    config.batch_size = 128;
    let plain = run(&mut trainer, &config, 1).unwrap();
    config.prior = recipe(r#"{"prior": {"train": "train", "validation": "split"}}"#).prior;
    let apriori = run(&mut trainer, &config, 1).unwrap();
    let perverse = |outcome| value(outcome, "accuracy/perverse");
    assert!(perverse(&apriori) > perverse(&plain) + 10.0, "{} {}", perverse(&apriori), perverse(&plain));
    config.data.unbalance.enabled = false;
    config.prior = sweeper_recipe::Prior::default();
    let balanced = value(&run(&mut trainer, &config, 1).unwrap(), "accuracy/balanced");
    assert!(balanced > 65.0, "{balanced}");
}
