//! Canonical bytes: what changes them and what does not.

use super::{recipe, tree};
use crate::{Recipe, Value};
use proptest::prelude::*;

fn bytes(json: &str) -> String {
    String::from_utf8(recipe(json).canonical()).unwrap()
}

#[test]
fn defaults_spelling_and_order_do_not_count() {
    assert_eq!(bytes("{}"), "{}");
    assert_eq!(bytes(r#"{"epochs":1,"optimizer":{"lr":3e-3},"prior":{"train":"none"}}"#), "{}");
    assert_eq!(bytes(r#"{"optimizer":{"weight_decay":1}}"#), r#"{"optimizer":{"weight_decay":1.0}}"#);
    for lr in ["0.02", "2e-2", "0.0200", "20E-3"] {
        let json = format!(r#"{{"optimizer":{{"lr":{lr}}},"epochs":5}}"#);
        assert_eq!(bytes(&json), r#"{"epochs":5,"optimizer":{"lr":0.02}}"#);
    }
    assert_eq!(bytes(r#"{"synthetic":{"effect":-0.0}}"#), "{}");
    assert_eq!(bytes(r#"{"synthetic":{"seconds":-0.0,"effect":1e-7}}"#), r#"{"synthetic":{"effect":0.0000001}}"#);
}

/// Written down once, so that a change of the canonical form or of a default cannot pass unseen.
#[test]
fn the_digest_of_a_known_recipe() {
    let json = r#"{"data":{"unbalance":{"enabled":true}},"prior":{"train":"train","validation":"split"}}"#;
    assert_eq!(bytes(json), json);
    assert_eq!(recipe(json).digest(), "aedcae096d309c7ebdb24c7b174feb8cd958c555de4bc9e0f88c8f65870a1916");
    assert_eq!(recipe("{}").digest(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

#[test]
fn the_default_recipe_is_the_empty_one() {
    assert_eq!(recipe("{}"), Recipe::default());
    assert_eq!(Recipe::from_value(&Recipe::default().to_value()).unwrap(), Recipe::default());
}

#[test]
fn metric_names_follow_splits() {
    assert_eq!(
        recipe("{}").metric_names(),
        [
            "accuracy/train",
            "accuracy/balanced",
            "smoothed_accuracy/train",
            "smoothed_accuracy/balanced",
            "loss/train",
            "loss/balanced"
        ]
    );
    let json = r#"{"data":{"unbalance":{"enabled":true}},"evaluate":{"train":"both"}}"#;
    let names = recipe(json).metric_names();
    assert_eq!(names.len(), 15);
    assert_eq!(
        names[..5],
        ["accuracy/train", "accuracy/train_clean", "accuracy/balanced", "accuracy/unbalanced", "accuracy/perverse"]
    );
    let names = recipe(r#"{"evaluate":{"train":"none"}}"#).metric_names();
    assert_eq!(names, ["accuracy/balanced", "smoothed_accuracy/balanced", "loss/balanced"]);
    assert_eq!(recipe(r#"{"evaluate":{"train":"clean"}}"#).metric_names(), recipe("{}").metric_names());
    assert_eq!(recipe(r#"{"trainer":"synthetic"}"#).metric_names(), ["accuracy/balanced", "loss/balanced"]);
}

#[test]
fn data_keys() {
    assert_eq!(recipe("{}").data_key(), "fashion-mnist");
    assert_eq!(recipe(r#"{"data":{"source":"mnist"}}"#).data_key(), "mnist");
    assert_eq!(recipe(r#"{"trainer":"synthetic","data":{"source":"mnist"}}"#).data_key(), "synthetic");
}

#[test]
fn trees_merge_and_lose_parts() {
    let mut value = tree(r#"{"prior":{"train":"zero"},"epochs":2}"#);
    value.merge(tree(r#"{"prior":{"validation":"zero"},"epochs":3}"#));
    assert_eq!(value, tree(r#"{"epochs":3,"prior":{"train":"zero","validation":"zero"}}"#));
    assert!(value.remove("prior.train"));
    assert!(!value.remove("prior.train"));
    assert!(!value.remove("epochs.x"));
    assert!(value.remove("epochs"));
    assert_eq!(value.leaves(), [("prior.validation".to_string(), &Value::Str("zero".to_string()))]);
}

/// Legal values other than the default for every setting there is; a new setting must be added here.
fn alternatives(path: &str) -> Vec<Value> {
    let names = |list: &[&str]| list.iter().map(|s| Value::Str((*s).to_string())).collect();
    match path {
        "trainer" => names(&["synthetic"]),
        "data.source" => names(&["mnist"]),
        "model.arch" => names(&["xresnet18", "xse-resnext18"]),
        "model.activation" => names(&["mish"]),
        "model.pool" => names(&["max"]),
        // One choice only, so far.
        "optimizer.kind" => vec![],
        "schedule.kind" => names(&["constant"]),
        "loss.smoothing.kind" => names(&["train-prior"]),
        "prior.train" => names(&["zero", "train"]),
        "prior.validation" => names(&["zero", "split", "every-split"]),
        "evaluate.when" => names(&["epoch"]),
        "evaluate.train" => names(&["clean", "both", "none"]),
        "augment.flip" => vec![Value::Bool(false)],
        "data.unbalance.enabled" | "data.unbalance.per_replicate" => vec![Value::Bool(true)],
        "epochs" | "batch_size" | "evaluate.batch_size" => vec![Value::Int(7), Value::Int(10_000)],
        "data.train_limit" | "data.validation_limit" => vec![Value::Int(10), Value::Int(10_000_000)],
        "data.unbalance.seed" => vec![Value::Int(1), Value::Int(i64::MAX), Value::Int(i64::MAX - 1)],
        path if path.contains('.') => {
            vec![Value::Float(0.3), Value::Float(0.3 + 1e-16), Value::Float(f64::MIN_POSITIVE)]
        }
        other => panic!("no alternatives for {other}"),
    }
}

#[test]
fn every_single_change_changes_the_digest() {
    let mut seen = std::collections::BTreeMap::from([(Recipe::default().digest(), "nothing".to_string())]);
    for (path, default) in Recipe::default().to_value().leaves() {
        for value in alternatives(&path) {
            assert_ne!(value, *default, "{path}");
            let mut tree = Value::default();
            tree.set(&path, value.clone());
            let recipe = Recipe::from_part(&tree).unwrap();
            assert_eq!(recipe.to_value().get(&path), Some(&value), "{path}");
            let change = format!("{path} = {value}");
            if let Some(other) = seen.insert(recipe.digest(), change.clone()) {
                panic!("{change} and {other} have one digest");
            }
        }
    }
}

/// Any mixture of settings, as a tree of the settings named.
fn any_tree() -> impl Strategy<Value = Value> {
    let leaves: Vec<String> = Recipe::default().to_value().leaves().into_iter().map(|(path, _)| path).collect();
    let count = leaves.len();
    (proptest::collection::vec((0..count, 0..3_usize), 0..12), any::<f64>(), 1e-9..0.999_f64).prop_map(
        move |(picks, any, share)| {
            let mut tree = Value::default();
            for (leaf, which) in picks {
                let choices = alternatives(&leaves[leaf]);
                if let Some(choice) = choices.get(which) {
                    let choice = if matches!(choice, Value::Float(_)) { Value::Float(share) } else { choice.clone() };
                    tree.set(&leaves[leaf], choice);
                }
            }
            if any.abs() <= 1e9 {
                tree.set("synthetic.effect", Value::Float(any));
            }
            tree
        },
    )
}

/// The same tree as JSON text with keys backwards, blanks, and numbers spelt with exponents.
fn respelt(value: &Value) -> String {
    match value {
        Value::Float(x) => format!("{x:e}"),
        Value::Int(i) => i.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Str(s) => format!("{s:?}"),
        Value::Array(items) => format!("[ {} ]", items.iter().map(respelt).collect::<Vec<_>>().join(" , ")),
        Value::Table(table) => {
            let entries: Vec<String> = table.iter().rev().map(|(k, v)| format!("{k:?} :\t{}", respelt(v))).collect();
            format!("{{\n{}\n}}", entries.join(","))
        }
    }
}

proptest! {
    #[test]
    fn canonical_bytes_read_back_as_the_same_recipe(tree in any_tree()) {
        let Ok(recipe) = Recipe::from_value(&tree) else { return Ok(()) };
        let back = Recipe::from_json(&recipe.canonical()).unwrap();
        prop_assert_eq!(&back, &recipe);
        prop_assert_eq!(back.canonical(), recipe.canonical());
        prop_assert_eq!(Recipe::from_value(&recipe.to_value()).unwrap(), recipe);
    }

    #[test]
    fn order_and_spelling_do_not_count(tree in any_tree()) {
        let Ok(recipe) = Recipe::from_value(&tree) else { return Ok(()) };
        let other = Recipe::from_json(respelt(&tree).as_bytes()).unwrap();
        prop_assert_eq!(recipe.digest(), other.digest());
    }

    #[test]
    fn equal_bytes_are_equal_recipes(a in any_tree(), b in any_tree()) {
        if let (Ok(a), Ok(b)) = (Recipe::from_part(&a), Recipe::from_part(&b)) {
            prop_assert_eq!(a.canonical() == b.canonical(), a == b);
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Recipe::from_json(&bytes);
    }
}
