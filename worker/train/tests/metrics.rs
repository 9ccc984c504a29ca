//! Metrics against scikit-learn and SciPy. The fixture is written by `tests/reference/train_metrics.py`;
//! SWEEPER_METRICS_FIXTURE names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "common/fixture.rs"]
mod fixture;

use fixture::{close, numbers};
use proptest::prelude::*;
use serde_json::Value;
use sweeper_recipe::{LossKind, Recipe, Source};
use sweeper_train::{
    evaluate::metrics::{
        Matrix, MetricError, Scores, average_precision, flip_concat, flip_mean_logits, fully_right_rows, multi_label,
        right_rows, single_label,
    },
    loss::log_sum_exp,
};

fn reference() -> Value {
    fixture::read("SWEEPER_METRICS_FIXTURE", "train_metrics_1.json")
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|v| v as f32).collect()
}

fn whole<T: TryFrom<u64>>(value: &Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().and_then(|v| T::try_from(v).ok()).unwrap()).collect()
}

#[track_caller]
fn same_recalls(scores: &Scores, expected: &Value) {
    for (class, expected) in expected.as_array().unwrap().iter().enumerate() {
        let found = scores.get(&format!("accuracy_class_{class}"));
        assert_eq!(found.is_some(), expected.is_f64(), "class {class}");
        close(&found.map_or(vec![], |v| vec![v]), &expected.as_f64().map_or(vec![], |v| vec![v]), 1e-12, "recall");
    }
}

#[track_caller]
fn same_single(logits: &Matrix, labels: &[u16], betas: &[f64], expected: &Value) {
    let loss = logits.mean(|at, row| log_sum_exp(row) - row[usize::from(labels[at])]);
    let scores = single_label(logits, labels, betas, true, loss).unwrap();
    let wanted = [
        vec![expected["accuracy"].as_f64().unwrap()],
        numbers(&expected["smoothed"]),
        vec![expected["macro_f1"].as_f64().unwrap(), expected["loss"].as_f64().unwrap()],
    ]
    .concat();
    for ((name, found), expected) in scores.entries.iter().zip(&wanted) {
        close(&[*found], &[*expected], 1e-12, name);
    }
    same_recalls(&scores, &expected["recalls"]);
    assert_eq!(right_rows(logits, labels).unwrap(), whole::<u8>(&expected["right"]));
}

#[test]
fn one_label() {
    for case in reference()["single"].as_array().unwrap() {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let [plain, mirrored] = ["plain", "mirrored"].map(|key| Matrix::new(floats(&case[key]), classes).unwrap());
        let (labels, betas) = (whole::<u16>(&case["labels"]), numbers(&case["betas"]));
        same_single(&plain, &labels, &betas, &case["none"]);
        let chosen = whole::<usize>(&case["chosen"]);
        let part = plain.select(&chosen, Some(&floats(&case["bias"]))).unwrap();
        let part_labels: Vec<u16> = chosen.iter().map(|&at| labels[at]).collect();
        same_single(&part, &part_labels, &betas, &case["part"]);
        let twice = labels.repeat(2);
        same_single(&flip_concat(&plain, &mirrored).unwrap(), &twice, &betas, &case["concat"]);
        same_single(&flip_mean_logits(&plain, &mirrored).unwrap(), &labels, &betas, &case["mean"]);
    }
}

#[test]
fn many_labels() {
    for case in reference()["multi"].as_array().unwrap() {
        let labels = case["labels"].as_u64().unwrap() as usize;
        let logits = Matrix::new(floats(&case["logits"]), labels).unwrap();
        let targets = whole::<u8>(&case["targets"]);
        let entropy = |z: f64, t: u8| z.max(0.0) - z * f64::from(t) + (-z.abs()).exp().ln_1p();
        let loss = logits.mean(|at, row| {
            let targets = &targets[at * labels..(at + 1) * labels];
            row.iter().zip(targets).map(|(z, t)| entropy(*z, *t)).sum::<f64>() / labels as f64
        });
        let scores = multi_label(&logits, &targets, true, loss).unwrap();
        for name in ["accuracy", "average_precision", "macro_f1", "loss"] {
            assert_eq!(scores.get(name).is_some(), case[name].is_f64(), "{name}");
            close(&[scores.get(name).unwrap_or(1.0)], &[case[name].as_f64().unwrap_or(1.0)], 1e-12, name);
        }
        same_recalls(&scores, &case["recalls"]);
        let column = |k: usize| (0..logits.rows()).map(move |at| at * labels + k);
        let values = floats(&case["logits"]);
        let pairs = |k: usize| column(k).map(|at| (values[at], targets[at] != 0)).collect::<Vec<_>>();
        let found: Vec<f64> = (0..labels).filter_map(|k| average_precision(pairs(k))).collect();
        close(&found, &numbers(&case["precisions"]), 1e-12, "precisions");
        assert_eq!(fully_right_rows(&logits, &targets).unwrap(), whole::<u8>(&case["right"]));
    }
}

/// The names come as the recipe lists them, which is what a sweep file is checked against.
#[test]
fn names_and_their_order_are_the_recipes() {
    let mut recipe = Recipe::default();
    recipe.evaluate.betas = vec![3.0, 0.5, 10.0];
    let without_split = |recipe: &Recipe| -> Vec<String> {
        let names = recipe.metric_names();
        let here = names.iter().filter_map(|name| name.strip_suffix("/balanced"));
        here.map(str::to_owned).collect()
    };
    let names = |scores: Scores| scores.entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let logits = Matrix::new(vec![1.0, 2.0, 0.5, 0.0], 2).unwrap();
    let scores = single_label(&logits, &[1, 1], &recipe.evaluate.betas, false, Some(0.5)).unwrap();
    assert_eq!(names(scores), without_split(&recipe));
    recipe.data.source = Source::MultiLabel;
    recipe.loss.kind = LossKind::Bce;
    let scores = multi_label(&logits, &[1, 0, 1, 1], false, Some(0.5)).unwrap();
    assert_eq!(names(scores), without_split(&recipe));
    recipe.evaluate.per_class = true;
    let scores = multi_label(&logits, &[1, 0, 1, 1], true, Some(0.5)).unwrap();
    assert_eq!(scores.entries.len(), 6);
    assert!(scores.entries.iter().all(|(name, _)| recipe.yields_metric(&format!("{name}/balanced"))));
}

#[test]
fn a_metric_without_a_value_is_missing() {
    let none = Matrix::new(vec![], 3).unwrap();
    assert_eq!(single_label(&none, &[], &[1.0], true, none.mean(|_, _| 1.0)).unwrap(), Scores::default());
    assert_eq!(multi_label(&none, &[], true, none.mean(|_, _| 1.0)).unwrap(), Scores::default());
    let one = Matrix::new(vec![1.0, 0.0, 0.0], 3).unwrap();
    let scores = multi_label(&one, &[0, 0, 0], true, None).unwrap();
    assert_eq!(scores.entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["accuracy", "macro_f1"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Matrix::new(vec![0.0; 5], 2).is_err());
    assert!(Matrix::new(vec![], 0).is_err());
    let two = Matrix::new(vec![0.0; 4], 2).unwrap();
    assert!(matches!(
        single_label(&two, &[0, 2], &[1.0], false, None),
        Err(MetricError::Range { found: 2, limit: 2, .. })
    ));
    assert!(single_label(&two, &[0], &[1.0], false, None).is_err());
    assert!(multi_label(&two, &[0; 3], false, None).is_err());
    assert!(right_rows(&two, &[0]).is_err() && fully_right_rows(&two, &[0; 3]).is_err());
    assert!(matches!(two.select(&[2], None), Err(MetricError::Range { found: 2, limit: 2, .. })));
    assert!(two.select(&[0], Some(&[0.0])).is_err());
    let three = Matrix::new(vec![0.0; 6], 2).unwrap();
    assert_eq!(
        flip_concat(&two, &three).unwrap_err().to_string(),
        "mirrored logits are (3, 2), expected (2, 2) as without mirroring"
    );
    assert!(flip_mean_logits(&two, &three).is_err());
}

/// The definition, threshold by threshold.
fn slow_average_precision(pairs: &[(f32, bool)]) -> f64 {
    let positives = pairs.iter().filter(|(_, positive)| *positive).count() as f64;
    let mut thresholds: Vec<f32> = pairs.iter().map(|(score, _)| *score).collect();
    thresholds.sort_by(|a, b| b.partial_cmp(a).unwrap());
    thresholds.dedup();
    let (mut sum, mut before) = (0.0, 0.0);
    for threshold in thresholds {
        let above = pairs.iter().filter(|(score, _)| *score >= threshold);
        let found = above.clone().filter(|(_, positive)| *positive).count() as f64;
        sum += (found / positives - before) * found / above.count() as f64;
        before = found / positives;
    }
    sum
}

proptest! {
    #[test]
    fn average_precision_is_its_definition(
        pairs in prop::collection::vec((prop_oneof![Just(-0.0f32), Just(0.0f32), -2.0..2.0f32, Just(1.0f32)], any::<bool>()), 1..60)
    ) {
        match average_precision(pairs.clone()) {
            None => prop_assert!(pairs.iter().all(|(_, positive)| !positive)),
            Some(found) => prop_assert!((found - slow_average_precision(&pairs)).abs() < 1e-12),
        }
    }
}
