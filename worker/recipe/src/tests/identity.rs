//! What makes a recipe, a training and a data set the one it is, and what it measures.

use super::recipe;
use crate::{Recipe, Value, smoothed_accuracy};

#[test]
fn metric_names_follow_splits() {
    let two = |metric: &str| ["train", "balanced"].map(|split| format!("{metric}/{split}"));
    let names = recipe("{}").metric_names();
    assert_eq!(names, ["accuracy", "smoothed_accuracy", "macro_f1", "loss"].map(two).concat());
    let json = r#"{"data":{"unbalance":{"enabled":true}},"evaluate":{"train":"both"}}"#;
    let names = recipe(json).metric_names();
    assert_eq!(names.len(), 20);
    assert_eq!(
        names[..5],
        ["accuracy/train", "accuracy/train_clean", "accuracy/balanced", "accuracy/unbalanced", "accuracy/perverse"]
    );
    let names = recipe(r#"{"evaluate":{"train":"none","betas":[3,0.5,1]}}"#).metric_names();
    let metrics = ["accuracy", "smoothed_accuracy", "smoothed_accuracy_0.5", "smoothed_accuracy_1", "macro_f1", "loss"];
    assert_eq!(names, metrics.map(|metric| format!("{metric}/balanced")));
    assert_eq!(recipe(r#"{"evaluate":{"train":"clean"}}"#).metric_names(), recipe("{}").metric_names());
    assert_eq!(recipe(r#"{"trainer":"synthetic"}"#).metric_names(), ["accuracy/balanced", "loss/balanced"]);
    let multi = recipe(r#"{"data":{"source":"multi-label"},"loss":{"kind":"bce"},"evaluate":{"train":"none"}}"#);
    let metrics = ["accuracy", "average_precision", "macro_f1", "loss"];
    assert_eq!(multi.metric_names(), metrics.map(|metric| format!("{metric}/balanced")));
    assert_eq!(recipe(r#"{"schedule":{"kind":"finder"}}"#).metric_names(), ["lr/suggested"]);
    assert_eq!(
        (smoothed_accuracy(0, 9.0), smoothed_accuracy(1, 9.0)),
        ("smoothed_accuracy".into(), "smoothed_accuracy_9".into())
    );
}

#[test]
fn a_recipe_yields_what_it_names_and_the_accuracy_of_every_class_if_asked() {
    for json in ["{}", r#"{"data":{"unbalance":{"enabled":true}}}"#, r#"{"schedule":{"kind":"finder"}}"#] {
        let recipe = recipe(json);
        assert!(recipe.metric_names().iter().all(|name| recipe.yields_metric(name)), "{json}");
    }
    let classes = recipe(r#"{"evaluate":{"per_class":true}}"#);
    for (name, yes) in [
        ("accuracy_class_0/balanced", true),
        ("accuracy_class_812/train", true),
        ("accuracy/balanced", true),
        ("accuracy_class_0/perverse", false),
        ("accuracy_class_00/balanced", false),
        ("accuracy_class_/balanced", false),
        ("accuracy_class_+1/balanced", false),
        ("accuracy_class_1", false),
        ("seconds/train", false),
        ("loss/train_running", false),
        ("", false),
    ] {
        assert_eq!(classes.yields_metric(name), yes, "{name}");
    }
    let without = [
        "{}",
        r#"{"trainer":"synthetic","evaluate":{"per_class":true}}"#,
        r#"{"schedule":{"kind":"finder"},"evaluate":{"per_class":true}}"#,
    ];
    for json in without {
        assert!(!recipe(json).yields_metric("accuracy_class_0/balanced"), "{json}");
    }
}

#[test]
fn data_keys_and_folders() {
    for (json, key, folder) in [
        (r#"{}"#, "fashion-mnist", "fashion-mnist"),
        (r#"{"source":"mnist"}"#, "mnist", "mnist"),
        (r#"{"source":"mnist","path":"mnist"}"#, "mnist", "mnist"),
        (r#"{"source":"mnist","path":"digits"}"#, "mnist:digits", "digits"),
        (r#"{"source":"cifar10"}"#, "cifar10:cifar-10-batches-bin", "cifar-10-batches-bin"),
        (r#"{"source":"cifar100"}"#, "cifar100:cifar-100-binary", "cifar-100-binary"),
        (r#"{"source":"imagenette"}"#, "imagenette:imagenette2-320", "imagenette2-320"),
        (r#"{"source":"imagenette","size":224}"#, "imagenette:imagenette2-320", "imagenette2-320"),
        (r#"{"source":"imagenette","size":225}"#, "imagenette:imagenette2", "imagenette2"),
        (r#"{"source":"imagewoof","size":256}"#, "imagewoof:imagewoof2", "imagewoof2"),
        (r#"{"source":"folder"}"#, "folder", "folder"),
        (r#"{"source":"folder","path":"birds/all"}"#, "folder:birds/all", "birds/all"),
        (r#"{"source":"synthetic"}"#, "images-1000-500-0-0-0-1234", ""),
        (
            r#"{"source":"synthetic","size":16,"channels":3,"label_count":4,"split_seed":9}"#,
            "images-1000-500-4-16-3-9",
            "",
        ),
    ] {
        let recipe = recipe(&format!(r#"{{"data":{json}}}"#));
        assert_eq!((recipe.data_key().as_str(), recipe.data.folder().as_str()), (key, folder), "{json}");
    }
    let multi = recipe(r#"{"data":{"source":"multi-label"},"loss":{"kind":"bce"}}"#);
    assert_eq!((multi.data_key().as_str(), multi.data.folder().as_str()), ("multi-label", "multi-label"));
    assert_eq!(recipe(r#"{"trainer":"synthetic","data":{"source":"mnist"}}"#).data_key(), "synthetic");
}

fn with(base: &str, path: &str, value: &str) -> Recipe {
    let mut tree = super::tree(base);
    tree.set(path, Value::from_json(serde_json::from_str(value).unwrap()));
    Recipe::from_value(&tree).unwrap_or_else(|e| panic!("{path} = {value}: {e}"))
}

#[test]
fn a_training_is_the_same_whatever_is_evaluated() {
    let base = r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"train","validation":"zero"},"share_training":true}"#;
    let digest = recipe(base).training_digest();
    for (path, value) in [
        ("prior.validation", r#""split""#),
        ("prior.validation", r#""every-split""#),
        ("evaluate.when", r#""epoch""#),
        ("evaluate.train", r#""none""#),
        ("evaluate.betas", "[1.0]"),
        ("evaluate.flip", r#""flip-concat""#),
        ("evaluate.per_class", "true"),
        ("evaluate.predictions", "true"),
        ("evaluate.batch_size", "64"),
        ("loss.smoothing.kind", r#""train-prior""#),
        ("meta", r#""note""#),
        ("checkpoint.every", "3"),
        ("loss.rectification.inspect", "3"),
    ] {
        assert_eq!(with(base, path, value).training_digest(), digest, "{path} = {value}");
    }
    for (path, value) in [
        ("prior.train", r#""zero""#),
        ("loss.smoothing.eps", "0.1"),
        ("epochs", "2"),
        ("precision", r#""fp16""#),
        ("mode", r#""fast""#),
        ("data.unbalance.seed", "1"),
        ("augment.flip", "false"),
        ("optimizer.lr", "0.1"),
        ("batch_size", "64"),
    ] {
        assert_ne!(with(base, path, value).training_digest(), digest, "{path} = {value}");
    }
    let smooth = r#"{"loss":{"smoothing":{"eps":0.1}}}"#;
    assert_ne!(
        with(smooth, "loss.smoothing.kind", r#""train-prior""#).training_digest(),
        recipe(smooth).training_digest()
    );
}

/// Study A's table: 10 configs, of which rows 3 and 4, 6 and 8, 7 and 9 train the same.
#[test]
fn the_ten_configs_are_seven_trainings() {
    let row = |unbalanced: bool, prior: (&str, &str), smoothing: (&str, f64)| {
        let json = format!(
            r#"{{"data":{{"unbalance":{{"enabled":{unbalanced}}}}},"prior":{{"train":"{}","validation":"{}"}},
                "loss":{{"smoothing":{{"kind":"{}","eps":{}}}}}}}"#,
            prior.0, prior.1, smoothing.0, smoothing.1
        );
        recipe(&json)
    };
    let (none, ls, al) = (("uniform", 0.0), ("uniform", 0.1), ("train-prior", 0.1));
    let rows = [
        row(false, ("none", "none"), none),
        row(false, ("none", "none"), ls),
        row(true, ("none", "none"), none),
        row(true, ("zero", "zero"), none),
        row(true, ("zero", "zero"), ls),
        row(true, ("train", "zero"), none),
        row(true, ("train", "zero"), ls),
        row(true, ("train", "split"), none),
        row(true, ("train", "split"), ls),
        row(true, ("train", "split"), al),
    ];
    let distinct =
        |digest: fn(&Recipe) -> String| rows.iter().map(digest).collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!((distinct(Recipe::digest), distinct(Recipe::training_digest)), (10, 7));
    for (a, b) in [(3, 4), (6, 8), (7, 9)] {
        assert_eq!(rows[a - 1].training_digest(), rows[b - 1].training_digest());
    }
}
