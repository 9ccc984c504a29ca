//! `docs/recipe.md` has one row per setting, with its default, and its range or choices, as the code has them.

use crate::{Recipe, RecipeError, SmoothingTarget, Value};
use std::collections::BTreeMap;

/// Below every range.
const FAR_BELOW: i64 = -1_000_000_000_000_000;

/// Default and values of every setting, as the page must say them; values are none where the code has no words for them.
fn settings() -> BTreeMap<String, (String, Option<String>)> {
    let mut all = Recipe::default();
    // Two settings have no default; here they only need a type.
    all.schedule.pct_start = Some(0.0);
    all.loss.smoothing.target = Some(SmoothingTarget::Balanced);
    let (all, defaults) = (all.to_value(), Recipe::default().to_value());
    let default = |path: &str| defaults.get(path).map_or("–".to_string(), |value| format!("`{}`", toml(value)));
    all.leaves().into_iter().map(|(path, value)| (path.clone(), (default(&path), values(&path, value)))).collect()
}

/// As one writes it in a sweep file.
fn toml(value: &Value) -> String {
    match value {
        Value::Str(text) => format!("{text:?}"),
        Value::Float(x) => format!("{x:?}"),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Range or choices, from the answer to a value that is certainly wrong.
fn values(path: &str, value: &Value) -> Option<String> {
    let wrong = match value {
        Value::Bool(_) => return Some("`true`, `false`".to_string()),
        Value::Int(_) | Value::Float(_) => Value::Int(FAR_BELOW),
        Value::Str(_) => Value::Str("?!".to_string()),
        Value::Array(_) | Value::Table(_) => return None,
    };
    let mut part = Value::default();
    part.set(path, wrong);
    match Recipe::from_part(&part) {
        // The machine type's own range.
        Err(RecipeError::OutOfRange { range, .. }) if range == "u32" => Some("0 to 2^32 - 1".to_string()),
        Err(RecipeError::OutOfRange { range, .. }) => Some(range),
        Err(RecipeError::UnknownName { expected, .. }) => {
            Some(expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
        // Text without choices.
        Ok(_) => None,
        Err(other) => panic!("{path}: {other}"),
    }
}

#[test]
fn the_page_lists_every_setting_as_it_is() {
    let page = include_str!("../../../../docs/recipe.md");
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, key, default, values, meaning, _] = cells[..] else { panic!("not four cells: {line}") };
        assert!(!meaning.is_empty() && !values.is_empty(), "{line}");
        let twice = rows.insert(key.trim_matches('`').to_string(), (default.to_string(), values.to_string()));
        assert!(twice.is_none(), "{key} has two rows");
    }
    for (path, (default, values)) in settings() {
        let row = rows.remove(&path).unwrap_or_else(|| panic!("docs/recipe.md has no row for `{path}`"));
        assert_eq!(row.0, default, "default of `{path}` in docs/recipe.md (left)");
        if let Some(values) = values {
            assert_eq!(row.1, values, "values of `{path}` in docs/recipe.md (left)");
        }
    }
    assert!(rows.is_empty(), "docs/recipe.md has rows for settings that do not exist: {rows:?}");
}
