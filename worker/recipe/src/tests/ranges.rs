//! The ranges that `types/` documents, held against what is accepted: the ends of each, and what lies beyond.

use crate::{Recipe, RecipeError, Value};
use serde_json::json;

/// Path, range in words, legal values (ends first), illegal ones.
fn ranges() -> Vec<(&'static str, &'static str, serde_json::Value, serde_json::Value)> {
    let share = |path| (path, "0 to 1", json!([0.0, 1.0]), json!([-1e-300, 1.000_000_1]));
    let below_one = |path| (path, "0 up to but not 1", json!([0.0, 0.999_999]), json!([1.0, -0.1]));
    let above_zero = |path| (path, "above 0, at most 1", json!([1e-300, 1.0]), json!([0.0, 1.1]));
    let up_to = |path, words, most: i64| (path, words, json!([0, most]), json!([-1, most + 1]));
    let from_one = |path, words, most: i64| (path, words, json!([1, most]), json!([0, -1, most + 1]));
    let none_or_four = |path, words, most: i64| (path, words, json!([0, 4, most]), json!([-1, 1, 3, most + 1]));
    let limit = |path| (path, "0 (no limit) or 10 to 10,000,000", json!([0, 10, 10_000_000]), json!([9, 10_000_001]));
    let real = |path, words, low: f64, high: f64, beyond: [f64; 2]| (path, words, json!([low, high]), json!(beyond));
    vec![
        from_one("epochs", "1 to 10,000", 10_000),
        from_one("batch_size", "1 to 65,536", 65_536),
        up_to("checkpoint.every", "0 (none) to 10,000", 10_000),
        none_or_four("data.size", "0 (the images' own) or 4 to 1,024", 1_024),
        none_or_four("data.cache_size", "0 (what is needed) or 4 to 4,096", 4_096),
        up_to("data.channels", "0 (the source's own) to 4", 4),
        ("data.noise", "0, 1, 5, 25 or 50", json!([0, 1, 5, 25, 50]), json!([2, 51, -1])),
        ("data.label_count", "0 (the source's own) or 2 to 1,000", json!([0, 2, 1000]), json!([1, 1001, -2])),
        ("data.validation_share", "above 0, below 1", json!([1e-9, 0.999]), json!([0.0, 1.0])),
        limit("data.train_limit"),
        limit("data.validation_limit"),
        up_to("data.validation_per_class", "0 (none) to 100,000", 100_000),
        up_to("data.split_seed", "0 to 2^32 - 1", 4_294_967_295),
        ("data.unbalance.seed", "0 to 2^63 - 1", json!([0, i64::MAX]), json!([-1])),
        (
            "data.synthetic_images",
            "two numbers from 10 to 10,000,000",
            json!([[10, 10_000_000]]),
            json!([[9, 10], [10, 10_000_001], [-1, 10]]),
        ),
        above_zero("augment.resize.min_scale"),
        above_zero("augment.resize.max_scale"),
        none_or_four("augment.resize.evaluation_size", "0 (5/4 of data.size) or 4 to 4,096", 4_096),
        up_to("augment.translate", "0 to 64", 64),
        up_to("augment.cutout", "0 to 512", 512),
        share("augment.erasing.share"),
        share("augment.erasing.p"),
        from_one("augment.erasing.max_boxes", "1 to 16", 16),
        real("augment.mixup.alpha", "0 (no mixup) to 100", 0.0, 100.0, [-0.1, 100.1]),
        share("augment.mixup.until"),
        real("optimizer.lr", "above 0, at most 100", 1e-300, 100.0, [0.0, 100.1]),
        below_one("optimizer.beta1"),
        below_one("optimizer.beta2"),
        below_one("optimizer.momentum"),
        above_zero("optimizer.eps"),
        real("optimizer.softplus", "0 to 1,000", 0.0, 1e3, [-1.0, 1000.1]),
        share("optimizer.weight_decay"),
        up_to("optimizer.lookahead.every", "0 to 1,000", 1_000),
        above_zero("optimizer.lookahead.alpha"),
        real("optimizer.loss_scale.initial", "1 to 2^40", 1.0, 1_099_511_627_776.0, [0.9, 1_099_511_627_777.0]),
        from_one("optimizer.loss_scale.interval", "1 to 1,000,000", 1_000_000),
        share("schedule.pct_start"),
        below_one("loss.smoothing.eps"),
        real("loss.rectification.eta", "0 to 1e6", 0.0, 1e6, [-1.0, 1.1e6]),
        real("loss.rectification.margin", "0 to 1,000", 0.0, 1e3, [-1.0, 1000.1]),
        from_one("loss.rectification.kappa", "1 to 1,024", 1_024),
        share("loss.rectification.rho"),
        real("loss.rectification.omega_value", "0 to 1e6", 0.0, 1e6, [-1.0, 1.1e6]),
        up_to("loss.rectification.inspect", "0 to 1,000", 1_000),
        from_one("evaluate.batch_size", "1 to 65,536", 65_536),
        real("synthetic.base", "-1e9 to 1e9", -1e9, 1e9, [-1.1e9, 1.1e9]),
        real("synthetic.effect", "-1e9 to 1e9", -1e9, 1e9, [-1.1e9, 1.1e9]),
        real("synthetic.seed_noise", "0 to 1e9", 0.0, 1e9, [-1.0, 1.1e9]),
        real("synthetic.trial_noise", "0 to 1e9", 0.0, 1e9, [-1.0, 1.1e9]),
        real("synthetic.seconds", "0 to 86,400", 0.0, 86_400.0, [-1.0, 86_401.0]),
        share("synthetic.diverge"),
        share("synthetic.fail"),
    ]
}

fn part(path: &str, value: Value) -> Result<Recipe, RecipeError> {
    let mut tree = Value::default();
    tree.set(path, value);
    Recipe::from_part(&tree)
}

fn values(list: serde_json::Value) -> Vec<Value> {
    let Value::Array(values) = Value::from_json(list) else { panic!("no list") };
    values
}

#[test]
fn every_range_ends_where_its_setting_says() {
    for (path, words, legal, illegal) in ranges() {
        for value in values(legal) {
            let recipe = part(path, value.clone()).unwrap_or_else(|e| panic!("{path} = {value}: {e}"));
            assert_eq!(recipe.to_value().get(path), Some(&value), "{path}");
        }
        for value in values(illegal) {
            let error = part(path, value.clone()).expect_err(&format!("{path} = {value}"));
            let RecipeError::OutOfRange { path: at, range, .. } = &error else { panic!("{path} = {value}: {error}") };
            assert!(at == path || at.starts_with(&format!("{path}.")), "{path}: {error}");
            assert_eq!(range, words, "{path} = {value}");
        }
    }
}

/// A number without a row above, or without a range, shows here.
#[test]
fn every_number_has_a_range() {
    let rows: Vec<&str> = ranges().iter().map(|(path, ..)| *path).collect();
    for (path, value) in Recipe::settings().leaves() {
        let extremes = match value {
            Value::Int(_) => [Value::Int(i64::MIN), Value::Int(-1)],
            Value::Float(_) => [Value::Float(-1e300), Value::Float(1e300)],
            _ => continue,
        };
        assert!(rows.contains(&path.as_str()), "{path} has no row in this test");
        for extreme in extremes {
            let error = part(&path, extreme).expect_err(&path);
            assert_eq!(error.path(), path);
            assert!(matches!(error, RecipeError::OutOfRange { .. }), "{error}");
        }
    }
}

#[test]
fn lists_and_texts_are_bounded_and_say_so() {
    let long = |n: i64| Value::Array((0..n).map(Value::Int).collect());
    let text = |s: &str| Value::Str(s.to_string());
    let reals = |list: &[f64]| Value::Array(list.iter().map(|x| Value::Float(*x)).collect());
    let ints = |list: &[i64]| Value::Array(list.iter().map(|i| Value::Int(*i)).collect());
    for (path, value, words) in [
        ("data.classes", ints(&[3]), "none, or two and more labels"),
        ("data.classes", ints(&[3, 7, 3]), "different numbers"),
        ("data.classes", ints(&[3, -7]), "0 to 2^32 - 1"),
        ("data.train_rows", long(1_000_001), "at most 1,000,000 numbers"),
        ("data.validation_rows", ints(&[1, 1]), "different numbers"),
        ("data.normalize.mean", reals(&[0.0, 10.1]), "at most 4 numbers from -10 to 10"),
        ("data.normalize.mean", reals(&[0.0; 5]), "at most 4 numbers from -10 to 10"),
        ("data.normalize.deviation", reals(&[0.0]), "at most 4 numbers above 0, at most 10"),
        ("loss.class_weights", reals(&[1.0, 0.0]), "at most 1,000 numbers above 0, at most 1e6"),
        ("loss.class_weights", reals(&[1.0; 1_001]), "at most 1,000 numbers above 0, at most 1e6"),
        ("evaluate.betas", reals(&[]), "1 to 8 different numbers from 0.001 to 1,000"),
        ("evaluate.betas", reals(&[1.0; 2]), "1 to 8 different numbers from 0.001 to 1,000"),
        ("evaluate.betas", reals(&[1e-300]), "1 to 8 different numbers from 0.001 to 1,000"),
        ("evaluate.betas", long(500_000), "1 to 8 different numbers from 0.001 to 1,000"),
        ("meta", text(&"x".repeat(1_001)), "at most 1,000 bytes"),
        ("meta", text("a\u{1b}[31m"), "text without control characters but line breaks and tabs"),
    ] {
        let error = part(path, value).expect_err(path);
        let RecipeError::OutOfRange { range, .. } = &error else { panic!("{path}: {error}") };
        assert_eq!(range, words, "{path}");
    }
    for path in ["/etc", "..", "a/../b", "./a", "a\\b", "a\nb", &"x/".repeat(501)] {
        let error = part("data.path", text(path)).expect_err(path);
        assert!(matches!(error, RecipeError::OutOfRange { .. }), "{error}");
    }
    part("data.path", text("imagenette2-160/a..b")).unwrap();
    part("meta", text("two\nlines\tand a tab – ä")).unwrap();
    part("data.train_rows", long(1_000_000)).unwrap();
    part("evaluate.betas", reals(&[0.001, 1_000.0])).unwrap();
}
