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

/// Settings that cannot change a result.
const NO_PART_OF_THE_DIGEST: [&str; 3] = ["checkpoint.every", "loss.rectification.inspect", "meta"];

fn ints(list: &[i64]) -> Vec<Value> {
    list.iter().map(|i| Value::Int(*i)).collect()
}

fn floats(list: &[f64]) -> Vec<Value> {
    list.iter().map(|x| Value::Float(*x)).collect()
}

fn names(list: &[&str]) -> Vec<Value> {
    list.iter().map(|s| Value::Str((*s).to_string())).collect()
}

/// Names other than the default of every setting that takes one of a few.
fn other_names(path: &str) -> Option<&'static [&'static str]> {
    Some(match path {
        "trainer" => &["synthetic"],
        "precision" => &["bf16", "fp16"],
        "mode" => &["fast"],
        "data.source" => {
            &["mnist", "cifar10", "cifar100", "imagenette", "imagewoof", "folder", "multi-label", "synthetic"]
        }
        "data.normalize.kind" => &["none", "imagenet", "given"],
        "data.ids" => &["folder"],
        "data.sampler" => &["class-balanced"],
        "augment.resize.kind" => &["squish", "random-crop"],
        "augment.resize.evaluation" => &["shorter-side"],
        "augment.mixup.lambda" => &["batch"],
        "model.arch" => &["xresnet18", "xresnet34", "xresnet50", "xse-resnet18", "xresnext18", "xse-resnext18"],
        "model.activation" => &["mish"],
        "model.pool" => &["max"],
        "model.stem" => &["32-64-64"],
        "optimizer.kind" => &["sgd", "rmsprop", "radam", "ranger"],
        "optimizer.eps_mode" => &["raw"],
        "optimizer.decay" => &["l2"],
        "optimizer.decay_on" => &["all"],
        "schedule.kind" => &["flat-cosine-v1", "one-cycle", "one-cycle-v1", "constant", "finder"],
        "loss.kind" => &["bce"],
        "loss.smoothing.kind" => &["train-prior", "val-matched"],
        "loss.smoothing.target" => &["balanced", "unbalanced", "perverse"],
        "loss.reduction" => &["sum"],
        "loss.rectification.mining" => &["instance"],
        "loss.rectification.minority" => &["per-label"],
        "loss.rectification.omega" => &["mean-deficit", "min-over-max", "given"],
        "prior.train" => &["zero", "train"],
        "prior.validation" => &["zero", "split", "every-split"],
        "evaluate.when" => &["epoch"],
        "evaluate.train" => &["clean", "both", "none"],
        "evaluate.flip" => &["flip-concat", "flip-mean-logits"],
        "meta" => &["a note", "ein\tanderer\nTakt"],
        "data.path" => &["imagenette2-160", "a/b"],
        _ => return None,
    })
}

/// Legal values other than the default for every setting there is; a new setting must be added here.
fn alternatives(path: &str, default: &Value) -> Vec<Value> {
    if let Some(list) = other_names(path) {
        return names(list);
    }
    let lists = |a: Vec<Value>, b: Vec<Value>| vec![Value::Array(a), Value::Array(b)];
    match (path, default) {
        (_, Value::Bool(default)) => vec![Value::Bool(!default)],
        ("data.synthetic_images", _) => lists(ints(&[10, 500]), ints(&[1000, 10_000_000])),
        ("data.classes" | "data.train_rows" | "data.validation_rows", _) => lists(ints(&[3, 7]), ints(&[7, 3])),
        ("data.normalize.mean" | "data.normalize.deviation", _) => lists(floats(&[0.5]), floats(&[0.5, 0.25])),
        ("loss.class_weights", _) => lists(floats(&[1.0, 2.0]), floats(&[1e6])),
        ("evaluate.betas", _) => lists(floats(&[1.0]), floats(&[3.0, 1.0])),
        ("data.noise", _) => ints(&[1, 5, 25, 50]),
        ("data.channels", _) => ints(&[1, 3, 4]),
        ("data.unbalance.seed", _) => ints(&[1, i64::MAX, i64::MAX - 1]),
        ("data.split_seed", _) => ints(&[0, 4_294_967_295]),
        ("augment.erasing.max_boxes", _) => ints(&[1, 16]),
        ("optimizer.loss_scale.initial", _) => floats(&[1.0, 1_099_511_627_776.0]),
        // Every other number takes some of these; see `ranges.rs` for the ends.
        (_, Value::Int(_)) => ints(&[10, 60]),
        (_, Value::Float(_)) => floats(&[0.7, 0.7 + 2e-16]),
        (other, _) => panic!("no alternatives for {other}"),
    }
}

#[test]
fn every_single_change_changes_the_digest_but_of_what_changes_no_result() {
    let mut seen = std::collections::BTreeMap::from([(Recipe::default().digest(), "nothing".to_string())]);
    let defaults = Recipe::default().to_value();
    for (path, some) in Recipe::settings().leaves() {
        for value in alternatives(&path, some) {
            assert_ne!(Some(&value), defaults.get(&path), "{path}");
            let mut tree = Value::default();
            tree.set(&path, value.clone());
            let recipe = Recipe::from_part(&tree).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(recipe.to_value().get(&path), Some(&value), "{path}");
            assert_ne!(recipe.canonical(), b"{}", "{path} is in the canonical bytes");
            let change = format!("{path} = {value}");
            if NO_PART_OF_THE_DIGEST.contains(&path.as_str()) {
                assert_eq!(recipe.digest(), Recipe::default().digest(), "{change}");
            } else if let Some(other) = seen.insert(recipe.digest(), change.clone()) {
                panic!("{change} and {other} have one digest");
            }
        }
    }
}

/// Any mixture of settings, as a tree of the settings named.
fn any_tree() -> impl Strategy<Value = Value> {
    let settings = Recipe::settings();
    let leaves: Vec<(String, Value)> = settings.leaves().into_iter().map(|(path, some)| (path, some.clone())).collect();
    let count = leaves.len();
    (proptest::collection::vec((0..count, 0..3_usize), 0..12), any::<f64>(), 1e-9..0.999_f64).prop_map(
        move |(picks, any, share)| {
            let mut tree = Value::default();
            for (leaf, which) in picks {
                let (path, some) = &leaves[leaf];
                if let Some(choice) = alternatives(path, some).get(which) {
                    let any = matches!(choice, Value::Float(x) if *x < 1.0);
                    tree.set(path, if any { Value::Float(share) } else { choice.clone() });
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
        Value::Str(s) => serde_json::Value::from(s.as_str()).to_string(),
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
        prop_assert_eq!(recipe.training_digest(), other.training_digest());
    }

    /// Most mixtures are refused as combinations; as parts they are all legal.
    #[test]
    fn parts_go_there_and_back(tree in any_tree()) {
        let part = Recipe::from_part(&tree).unwrap();
        prop_assert_eq!(Recipe::from_part(&part.to_value()).unwrap(), part.clone());
        prop_assert_eq!(Recipe::from_part(&part.changes()).unwrap(), part);
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
