//! Every kind of mistake, with what its message needs.

use super::tree;
use crate::{Recipe, RecipeError, Value, nearest};

fn mistake(json: &str) -> RecipeError {
    Recipe::from_value(&tree(json)).unwrap_err()
}

#[test]
fn unknown_key_names_its_table_and_the_nearest_key() {
    let RecipeError::UnknownKey { path, key, expected, nearest } = mistake(r#"{"optimizer":{"weigth-decay":0.1}}"#)
    else {
        panic!("not an unknown key")
    };
    assert_eq!((path.as_str(), key.as_str()), ("optimizer", "weigth-decay"));
    assert_eq!(nearest.as_deref(), Some("weight_decay"));
    let all = [
        "kind",
        "lr",
        "beta1",
        "beta2",
        "momentum",
        "eps",
        "eps_mode",
        "softplus",
        "weight_decay",
        "decay",
        "decay_on",
        "lookahead",
        "loss_scale",
    ];
    assert_eq!(expected, all);
    assert_eq!(mistake(r#"{"epoch":1}"#).to_string(), "unknown key `epoch` in the recipe, did you mean `epochs`?");
}

#[test]
fn unknown_key_that_exists_elsewhere_is_answered_with_its_path() {
    let RecipeError::UnknownKey { path, nearest, .. } = mistake(r#"{"lr":0.1}"#) else { panic!("not an unknown key") };
    assert_eq!((path.as_str(), nearest.as_deref()), ("", Some("optimizer.lr")));
    let RecipeError::UnknownKey { nearest, .. } = mistake(r#"{"pct_start":0.5}"#) else { panic!() };
    assert_eq!(nearest.as_deref(), Some("schedule.pct_start"), "a setting without a default is known too");
    let RecipeError::UnknownKey { nearest, .. } = mistake(r#"{"data":{"quux":1}}"#) else { panic!() };
    assert_eq!(nearest, None);
}

#[test]
fn unknown_name_lists_the_choices() {
    let error = mistake(r#"{"prior":{"train":"trian","validation":"split"}}"#);
    let RecipeError::UnknownName { path, value, expected, nearest } = &error else { panic!("{error}") };
    assert_eq!((path.as_str(), value.as_str()), ("prior.train", "trian"));
    assert_eq!(*expected, ["none", "zero", "train"]);
    assert_eq!(nearest.as_deref(), Some("train"));
    assert_eq!(error.to_string(), "`prior.train` has no choice `trian`, did you mean `train`?");
}

#[test]
fn wrong_types_say_what_was_found_and_wanted() {
    for (json, text) in [
        (r#"{"epochs":"5"}"#, "`epochs` must be an integer, not a string"),
        (r#"{"epochs":5.0}"#, "`epochs` must be an integer, not a float"),
        (r#"{"augment":{"flip":1}}"#, "`augment.flip` must be a boolean, not an integer"),
        (r#"{"optimizer":{"lr":"fast"}}"#, "`optimizer.lr` must be a number, not a string"),
        (r#"{"optimizer":"adamw"}"#, "`optimizer` must be a table, not a string"),
        (r#"{"optimizer":null}"#, "`optimizer` must be a table, not a string"),
        (
            r#"{"model":{"arch":3}}"#,
            "`model.arch` must be a string, one of `small-cnn`, `xresnet18`, `xresnet34`, `xresnet50`, `xse-resnet18`, \
             `xresnext18`, `xse-resnext18`, `xse-resnext50`, `plain-cnn`, `simple-cnn`, not an integer",
        ),
        (r#"{"data":{"classes":3}}"#, "`data.classes` must be an array, not an integer"),
        (r#"{"data":{"classes":[3,"7"]}}"#, "`data.classes.1` must be an integer, not a string"),
        (
            r#"{"data":{"synthetic_images":[10]}}"#,
            "`data.synthetic_images` must be an array of length 2, not an array of length 1",
        ),
        (
            r#"{"data":{"synthetic_images":[10,20,30]}}"#,
            "`data.synthetic_images` must be an array of length 2, not an array of length 3",
        ),
        (r#"[]"#, "the recipe must be a table, not an array"),
    ] {
        assert_eq!(mistake(json).to_string(), text);
    }
}

#[test]
fn integers_are_numbers_where_floats_are_wanted() {
    assert_eq!(super::recipe(r#"{"optimizer":{"lr":1}}"#).optimizer.lr, 1.0);
}

#[test]
fn ranges_are_the_settings_own() {
    for (json, text) in [
        (r#"{"epochs":0}"#, "`epochs` = 0 is out of range: it must be 1 to 10,000"),
        (r#"{"epochs":-1}"#, "`epochs` = -1 is out of range: it must be 1 to 10,000"),
        (r#"{"epochs":5000000000}"#, "`epochs` = 5000000000 is out of range: it must be 1 to 10,000"),
        (
            r#"{"data":{"train_limit":9}}"#,
            "`data.train_limit` = 9 is out of range: it must be 0 (no limit) or 10 to 10,000,000",
        ),
        (
            r#"{"data":{"unbalance":{"seed":-3}}}"#,
            "`data.unbalance.seed` = -3 is out of range: it must be 0 to 2^63 - 1",
        ),
        (r#"{"optimizer":{"lr":0}}"#, "`optimizer.lr` = 0 is out of range: it must be above 0, at most 100"),
        (r#"{"optimizer":{"beta2":1}}"#, "`optimizer.beta2` = 1 is out of range: it must be 0 up to but not 1"),
        (
            r#"{"loss":{"smoothing":{"eps":1.0}}}"#,
            "`loss.smoothing.eps` = 1 is out of range: it must be 0 up to but not 1",
        ),
    ] {
        assert_eq!(mistake(json).to_string(), text);
    }
}

#[test]
fn nan_and_infinity_are_out_of_range_everywhere() {
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut value = Value::default();
        value.set("synthetic.effect", Value::Float(x));
        let error = Recipe::from_value(&value).unwrap_err();
        assert!(matches!(&error, RecipeError::OutOfRange { path, .. } if path == "synthetic.effect"), "{error}");
    }
}

#[test]
fn text_that_is_not_json() {
    for text in ["", "{", "{}x", "\u{0}", "{\"epochs\": 1e999}"] {
        assert!(matches!(Recipe::from_json(text.as_bytes()), Err(RecipeError::NotJson { .. })), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(Recipe::from_json(deep.as_bytes()), Err(RecipeError::NotJson { .. })));
}

#[test]
fn the_nearest_name_is_near() {
    let names = ["train", "validation", "none", "adamw", "smoothed_accuracy/balanced"];
    for (given, want) in [
        ("Train", Some("train")),
        ("tarin", Some("train")),
        ("valid", Some("validation")),
        ("adam", Some("adamw")),
        ("smoothed-accuracy/balnced", Some("smoothed_accuracy/balanced")),
        ("sgd", None),
        ("", None),
        ("zzzzzzzz", None),
    ] {
        assert_eq!(nearest(given, names), want, "{given}");
    }
}
