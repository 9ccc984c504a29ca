//! Tests of the whole way: text, tree, settings, canonical bytes, digest.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod canonical;
mod combinations;
mod errors;
mod identity;
mod page;
mod ranges;

use crate::{Recipe, Value};

/// A recipe from JSON text.
fn recipe(json: &str) -> Recipe {
    Recipe::from_json(json.as_bytes()).unwrap()
}

/// A tree from JSON text.
fn tree(json: &str) -> Value {
    Value::from_json(serde_json::from_str(json).unwrap())
}
