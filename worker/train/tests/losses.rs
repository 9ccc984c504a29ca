//! Losses and their gradients against fastai, PyTorch and loops over triplets. The fixture is written by
//! `tests/reference/train_losses.py`; SWEEPER_LOSSES_FIXTURE names another one, e.g. of another seed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{env, fs};

use serde_json::{Value, json};
use sweeper_recipe::Loss;
use sweeper_train::loss::{Batch, ClassCounts, Mix, Objective, Truth};
use tch::{Device, Kind, Tensor};

fn fixture() -> Value {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/train_losses_1.json");
    let path = env::var("SWEEPER_LOSSES_FIXTURE").unwrap_or_else(|_| own.to_owned());
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn whole(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

/// As float32 holds them; the file has ten digits.
fn single(value: &Value) -> Vec<f64> {
    numbers(value).into_iter().map(|v| f64::from(v as f32)).collect()
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
    close_in(1e-300, found, expected, tolerance, what);
}

/// The same where the largest magnitude may be the small difference of numbers of the size `unit`.
#[track_caller]
fn close_in(unit: f64, found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(unit, |top, v| top.max(v.abs()));
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * scale, "{what}[{at}]: {f} is not {e} (scale {scale})");
    }
}

fn settings(json: Value) -> Loss {
    serde_json::from_value(json).unwrap()
}

fn gradient(of: &Tensor) -> Vec<f64> {
    let gradient = of.grad();
    if gradient.defined() { host(&gradient) } else { vec![0.0; of.numel()] }
}

#[test]
fn cross_entropy_smoothing_weights_and_mixup() {
    for case in fixture()["base"].as_array().unwrap() {
        let what = format!("{} {} {} {}", case["kind"], case["eps"], case["reduction"], case["class_weights"]);
        let counts: Vec<u64> = whole(&case["counts"]).into_iter().map(|count| count as u64).collect();
        let validation = numbers(&case["validation"]);
        let matched = case["kind"] == "val-matched";
        let objective = Objective::new(
            &settings(json!({
                "smoothing": {"kind": case["kind"], "eps": case["eps"], "target": matched.then_some("perverse")},
                "class_weights": case["class_weights"], "reduction": case["reduction"],
            })),
            &ClassCounts {
                train: &counts,
                train_rows: counts.iter().sum(),
                balanced: &vec![1.0; counts.len()],
                unbalanced: None,
                perverse: Some(&validation),
            },
            Device::Cpu,
        )
        .unwrap();
        let labels = Tensor::from_slice(&whole(&case["labels"]));
        let logits = float(&numbers(&case["logits"]), &[labels.size()[0], -1]).set_requires_grad(true);
        let mix = (!case["lambda"].is_null()).then(|| Mix {
            lambda: float(&numbers(&case["lambda"]), &[-1]),
            partner: Tensor::from_slice(&whole(&case["partner"])),
        });
        let batch = Batch { logits: &logits, features: None, labels: &labels, mix: mix.as_ref() };
        let loss = objective.loss(&batch).unwrap();
        loss.backward();
        assert_eq!(loss.size(), [0i64; 0]);
        close(&host(&loss), &[case["loss"].as_f64().unwrap()], 1e-6, &what);
        // A gradient is a difference of two probabilities, which float32 knows to 6e-8.
        let unit = if case["reduction"] == "mean" { 1.0 / labels.size()[0] as f64 } else { 1.0 };
        close_in(unit, &gradient(&logits), &numbers(&case["gradient"]), 1e-6, &format!("{what} gradient"));
        let per_sample = host(&objective.per_sample(&batch).unwrap());
        close(&per_sample, &numbers(&case["per_sample"]), 1e-6, &format!("{what} per sample"));
        let on_host: Vec<f64> = single(&case["logits"])
            .chunks(counts.len())
            .zip(whole(&case["labels"]))
            .map(|(z, class)| objective.host_loss(z, Truth::Class(class as usize)))
            .collect();
        close(&on_host, &numbers(&case["unweighted"]), 1e-12, &format!("{what} on the host"));
    }
}

#[test]
fn binary_cross_entropy() {
    for case in fixture()["binary"].as_array().unwrap() {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let objective = several(&json!({"kind": "bce", "reduction": case["reduction"]}), classes);
        let logits = float(&numbers(&case["logits"]), &[-1, classes as i64]).set_requires_grad(true);
        let labels = float(&numbers(&case["labels"]), &[-1, classes as i64]);
        let batch = Batch { logits: &logits, features: None, labels: &labels, mix: None };
        let loss = objective.loss(&batch).unwrap();
        loss.backward();
        close(&host(&loss), &[case["loss"].as_f64().unwrap()], 1e-6, "loss");
        close(&gradient(&logits), &numbers(&case["gradient"]), 1e-6, "gradient");
        let expected = numbers(&case["per_sample"]);
        close(&host(&objective.per_sample(&batch).unwrap()), &expected, 1e-6, "per sample");
        let truth: Vec<f32> = numbers(&case["labels"]).iter().map(|&v| v as f32).collect();
        let rows = single(&case["logits"]);
        let on_host: Vec<f64> = rows
            .chunks(classes)
            .zip(truth.chunks(classes))
            .map(|(z, labels)| objective.host_loss(z, Truth::Labels(labels)))
            .collect();
        close(&on_host, &expected, 1e-12, "on the host");
    }
}

fn several(loss: &Value, classes: usize) -> Objective {
    let (train, balanced) = (vec![1; classes], vec![0.5; classes]);
    let counts = ClassCounts { train: &train, train_rows: 2, balanced: &balanced, unbalanced: None, perverse: None };
    Objective::new(&settings(loss.clone()), &counts, Device::Cpu).unwrap()
}

fn rectifying(case: &Value) -> Objective {
    let mut rectification = case["settings"].clone();
    rectification["enabled"] = json!(true);
    rectification["omega"] = json!("given");
    rectification["omega_value"] = case["alpha"].clone();
    rectification["eta"] = json!(1.0);
    let kind = if case["several"] == true { "bce" } else { "cross-entropy" };
    several(&json!({"kind": kind, "rectification": rectification}), case["classes"].as_u64().unwrap() as usize)
}

#[test]
fn class_rectification() {
    for (at, case) in fixture()["rectified"].as_array().unwrap().iter().enumerate() {
        let what = format!("case {at}");
        let classes = case["classes"].as_i64().unwrap();
        let objective = rectifying(case);
        let logits = float(&numbers(&case["logits"]), &[-1, classes]).set_requires_grad(true);
        let labels = match case["several"].as_bool().unwrap() {
            true => float(&numbers(&case["labels"]), &[-1, classes]),
            false => Tensor::from_slice(&whole(&case["labels"])),
        };
        let features = (!case["features"].is_null())
            .then(|| float(&numbers(&case["features"]), &[logits.size()[0], -1]).set_requires_grad(true));
        let batch = Batch { logits: &logits, features: features.as_ref(), labels: &labels, mix: None };
        let loss = objective.loss(&batch).unwrap();
        loss.backward();
        close(&host(&loss), &[case["loss"].as_f64().unwrap()], 1e-6, &what);
        close(&gradient(&logits), &numbers(&case["gradient"]), 1e-6, &format!("{what} gradient"));
        if let Some(features) = &features {
            let expected = numbers(&case["feature_gradient"]);
            close(&gradient(features), &expected, 1e-6, &format!("{what} gradient of features"));
        }
        let words = objective.inspect(&batch).unwrap();
        let name = if case["several"] == true { "labels" } else { "classes" };
        let minority = format!("minority {name} {:?}, ", whole(&case["minority"]));
        assert!(words.contains(&minority), "{what}: {minority} not in\n{words}");
        if case["triplets"] != 0 {
            let count = format!("{} anchors, {} triplets\n", case["anchors"], case["triplets"]);
            assert!(words.contains(&count), "{what}: {count} not in\n{words}");
        }
    }
}

/// The batch that study D prints: its counts decide everything but the scores.
#[test]
fn the_worked_example_has_11_anchors_and_42_triplets() {
    let fixture = fixture();
    let case = fixture["rectified"].as_array().unwrap().last().unwrap();
    assert_eq!(case["minority"], json!([2, 3, 4, 19, 23]));
    assert_eq!((&case["anchors"], &case["triplets"]), (&json!(11), &json!(42)));
    assert_eq!((&case["classes"], case["labels"].as_array().unwrap().len()), (&json!(28), 32 * 28));
}

/// λ stays with its sample. A table of all λ times all losses, which broadcasting makes of shapes B × 1 and B, has the
/// mean of another loss; study B computed that one.
#[test]
fn each_mixed_sample_keeps_its_own_lambda() {
    let objective = several(&json!({}), 3);
    let logits = float(&[2.0, -1.0, 0.5, -3.0, 1.0, 4.0], &[2, 3]);
    let (labels, partner) = (Tensor::from_slice(&[0i64, 1]), Tensor::from_slice(&[1i64, 0]));
    let mix = |lambda: Tensor| Mix { lambda, partner: partner.shallow_clone() };
    let batch = |mix| Batch { logits: &logits, features: None, labels: &labels, mix };
    let own = host(&objective.per_sample(&batch(None)).unwrap());
    let swapped = Batch { labels: &Tensor::from_slice(&[1i64, 0]), ..batch(None) };
    let other = host(&objective.per_sample(&swapped).unwrap());
    let lambda = [0.5, 0.9];
    let right: f64 = (0..2).map(|i| lambda[i] * own[i] + (1.0 - lambda[i]) * other[i]).sum::<f64>() / 2.0;
    let wrong: f64 =
        (0..4).map(|at| lambda[at / 2] * own[at % 2] + (1.0 - lambda[at / 2]) * other[at % 2]).sum::<f64>() / 4.0;
    assert!((right - wrong).abs() > 0.1);
    let (fits, wide) = (mix(float(&lambda, &[2])), mix(float(&lambda, &[2, 1])));
    close(&host(&objective.loss(&batch(Some(&fits))).unwrap()), &[right], 1e-6, "mixed loss");
    let refused = objective.loss(&batch(Some(&wide))).unwrap_err().to_string();
    assert!(refused.contains("mixup λ of shape [2, 1], expected [2]"), "{refused}");
}

/// With the log prior as bias and no features, nothing pulls on the prior if ε goes to the prior itself.
#[test]
fn apriori_smoothing_has_no_gradient_at_the_prior() {
    let counts = [6, 3, 1];
    let labels: Vec<i64> = (0..3).flat_map(|class| vec![class; counts[class as usize] as usize]).collect();
    let labels = Tensor::from_slice(&labels);
    let pull = |kind: &str| {
        let counts = ClassCounts { train: &counts, train_rows: 10, balanced: &[], unbalanced: None, perverse: None };
        let objective =
            Objective::new(&settings(json!({"smoothing": {"kind": kind, "eps": 0.1}})), &counts, Device::Cpu).unwrap();
        let bias = float(&[0.6f64.ln(), 0.3f64.ln(), 0.1f64.ln()], &[3]).set_requires_grad(true);
        let logits = Tensor::zeros([10, 3], (Kind::Float, Device::Cpu)) + &bias;
        objective.loss(&Batch { logits: &logits, features: None, labels: &labels, mix: None }).unwrap().backward();
        gradient(&bias)
    };
    assert!(pull("train-prior").iter().all(|g| g.abs() < 1e-7), "{:?}", pull("train-prior"));
    let uniform: Vec<f64> = [0.6, 0.3, 0.1].iter().map(|share| 0.1 * (share - 1.0 / 3.0)).collect();
    close(&pull("uniform"), &uniform, 1e-5, "uniform smoothing");
}

#[test]
fn settings_that_cannot_be_are_refused_with_what_was_given() {
    let refused = |loss: Value| {
        let counts = ClassCounts {
            train: &[40, 10],
            train_rows: 50,
            balanced: &[0.5, 0.5],
            unbalanced: Some(&[0.8, 0.2]),
            perverse: None,
        };
        Objective::new(&settings(loss), &counts, Device::Cpu).unwrap_err().to_string()
    };
    for (loss, words) in [
        (json!({"class_weights": [1.0]}), "loss.class_weights has 1 numbers, but the data have 2 classes"),
        (json!({"class_weights": [1.0, 0.0]}), "loss.class_weights of class 1 is 0, expected a number above 0"),
        (json!({"class_weights": [1.0, 2.0], "smoothing": {"kind": "train-prior"}}), "they undo each other"),
        (
            json!({"smoothing": {"kind": "val-matched", "eps": 0.1, "target": "perverse"}}),
            "loss.smoothing.target is perverse, but these data have balanced and unbalanced",
        ),
        (json!({"smoothing": {"kind": "val-matched", "eps": 0.1}}), "loss.smoothing.target is not set"),
        (json!({"rectification": {"enabled": true, "eta": 2.0}}), "α = η·Ω = 2·0.75 = 1.5, expected 0 to 1"),
        (json!({"kind": "bce", "smoothing": {"eps": 0.1}}), "loss.smoothing.eps above 0 does not go together with"),
        (json!({"kind": "bce", "class_weights": [1.0, 2.0]}), "loss.class_weights does not go together with"),
        (json!({"kind": "bce", "rectification": {"enabled": true, "mining": "instance"}}), "expected \"class\""),
        (json!({"rectification": {"enabled": true, "minority": "per-label"}}), "expected \"batch\""),
    ] {
        let found = refused(loss.clone());
        assert!(found.contains(words), "{loss}: {found}");
    }
}

#[test]
fn batches_of_another_shape_are_refused_with_what_was_expected() {
    let plain = several(&json!({}), 3);
    let rectified = several(
        &json!({"rectification": {"enabled": true, "mining": "instance", "omega": "given", "omega_value": 1.0}}),
        3,
    );
    let (logits, labels) = (float(&[0.0; 6], &[2, 3]), Tensor::from_slice(&[0i64, 1]));
    let good = Batch { logits: &logits, features: None, labels: &labels, mix: None };
    let mix = Mix { lambda: float(&[0.5; 2], &[2]), partner: Tensor::from_slice(&[1i64, 0]) };
    let (double, empty) = (logits.to_kind(Kind::Double), Tensor::zeros([0, 3], (Kind::Float, Device::Cpu)));
    let (float_labels, three) = (float(&[0.0; 2], &[2]), Tensor::from_slice(&[0i64, 1, 2]));
    let features = float(&[0.0; 9], &[3, 3]);
    for (objective, batch, words) in [
        (&plain, Batch { logits: &double, ..good }, "logits are Double, expected Float"),
        (&plain, Batch { logits: &empty, ..good }, "logits of shape [0, 3], expected [1, 3]"),
        (&plain, Batch { logits: &float_labels, ..good }, "logits of shape [2], expected [2, 3]"),
        (&plain, Batch { labels: &three, ..good }, "labels of shape [3], expected [2]"),
        (&plain, Batch { labels: &float_labels, ..good }, "labels are Float, expected Int64"),
        (&rectified, good, "no features"),
        (&rectified, Batch { features: Some(&features), ..good }, "features of shape [3, 3], expected [2, f]"),
        (&rectified, Batch { mix: Some(&mix), ..good }, "class rectification needs samples that are not mixed"),
    ] {
        let found = objective.loss(&batch).unwrap_err().to_string();
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn a_batch_in_words() {
    let objective = several(&json!({"rectification": {"kappa": 1}}), 3);
    let logits = float(&[1.0, 0.0, -0.5, 2.0, 0.25, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0], &[5, 3]);
    let labels = Tensor::from_slice(&[0i64, 2, 0, 2, 0]);
    let words = objective.inspect(&Batch { logits: &logits, features: None, labels: &labels, mix: None }).unwrap();
    assert_eq!(
        words,
        "batch of 5: minority classes [2], 2 anchors, 2 triplets\n  \
         class 0: 3 samples [0, 2, 4]\n  \
         class 2: 2 samples [1, 3], minority\n  \
         sample 0: target 0, logits [1.0, 0.0, -0.5]\n  \
         sample 1: target 2, logits [2.0, 0.25, 0.0]\n  \
         sample 2: target 0, logits [0.0, 3.0, 0.0]\n"
    );
    let alone = json!({"kind": "bce", "rectification": {"minority": "per-label"}});
    let labels = float(&[1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0], &[5, 3]);
    let batch = Batch { logits: &logits, features: None, labels: &labels, mix: None };
    let words = several(&alone, 3).inspect(&batch).unwrap();
    assert!(words.contains("\n  without label 0: 2 samples [3, 4], minority\n"), "{words}");
    assert!(words.contains("\n  label 1: 2 samples [3, 4], minority\n"), "{words}");
    assert!(words.contains("\n  sample 0: target [0, 2], logits"), "{words}");
}
