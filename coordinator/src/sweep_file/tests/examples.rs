//! The files in `deploy/sweeps`: each must be read without a mistake, and say what its comments say.

use super::sweep;
use crate::sweep_file::{parse_with_warnings, read_text};
use std::{collections::BTreeSet, path::PathBuf};
use sweeper_core::spec::{Pairing, SweepSpec};
use sweeper_recipe::{Recipe, SmoothingKind, TrainPrior, ValidationPrior};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/sweeps")
}

fn example(name: &str) -> SweepSpec {
    sweep(&read_text(&folder().join(name)).unwrap())
}

fn recipes(spec: &SweepSpec) -> Vec<Recipe> {
    spec.configs.iter().map(|c| Recipe::from_json(&c.recipe).unwrap()).collect()
}

#[test]
fn every_example_is_read_and_named_after_its_file() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let spec = sweep(&read_text(&path).unwrap());
            assert_eq!(Some(spec.name.as_str()), path.file_stem().and_then(|s| s.to_str()));
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

/// The table of the study, row by row: unbalanced data, training bias, evaluation bias, smoothing.
#[test]
fn the_demo_is_the_table_of_ten() {
    use {SmoothingKind as S, TrainPrior as T, ValidationPrior as V};
    let spec = example("apriori-demo.toml");
    let table = [
        (false, T::None, V::None, S::Uniform, 0.0),
        (false, T::None, V::None, S::Uniform, 0.1),
        (true, T::None, V::None, S::Uniform, 0.0),
        (true, T::Zero, V::Zero, S::Uniform, 0.0),
        (true, T::Zero, V::Zero, S::Uniform, 0.1),
        (true, T::Train, V::Zero, S::Uniform, 0.0),
        (true, T::Train, V::Zero, S::Uniform, 0.1),
        (true, T::Train, V::Split, S::Uniform, 0.0),
        (true, T::Train, V::Split, S::Uniform, 0.1),
        (true, T::Train, V::Split, S::TrainPrior, 0.1),
    ];
    let rows: Vec<_> = recipes(&spec)
        .iter()
        .map(|r| {
            (r.data.unbalance.enabled, r.prior.train, r.prior.validation, r.loss.smoothing.kind, r.loss.smoothing.eps)
        })
        .collect();
    assert_eq!(rows, table);
    for recipe in recipes(&spec) {
        assert_eq!((recipe.epochs, recipe.batch_size, recipe.data.train_limit), (1, 128, 10_000));
    }
    assert_eq!(spec.pairing, Pairing::Common);
    assert!(spec.configs.iter().all(|c| c.replicates == 5 && c.data_key == "fashion-mnist"));
    assert_eq!(spec.analysis.baseline, spec.configs[2].name);
    let digests: BTreeSet<_> = spec.configs.iter().map(|c| &c.recipe_digest).collect();
    assert_eq!(digests.len(), 10);
}

#[test]
fn the_demo_says_what_is_not_compared() {
    let text = read_text(&folder().join("apriori-demo.toml")).unwrap();
    let (_, notes) = parse_with_warnings(&text, "apriori-demo.toml", &[]).unwrap();
    assert_eq!(notes, ["not compared on `accuracy/perverse`, which they do not yield: `balanced`, `balanced+ls`"]);
}

#[test]
fn the_tiny_one_is_tiny() {
    let spec = example("apriori-tiny.toml");
    assert_eq!(spec.configs.iter().map(|c| c.replicates).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn the_synthetic_one_is_its_tour() {
    let spec = example("synthetic.toml");
    let names: Vec<_> = spec.configs.iter().map(|c| (c.stratum.as_str(), c.name.as_str(), c.replicates)).collect();
    insta::assert_debug_snapshot!(names);
    assert!(spec.configs.iter().all(|c| c.data_key == "synthetic"));
}
