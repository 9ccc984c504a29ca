//! Reading the files that the scripts in `tests/reference` write, and comparing with them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use std::{env, fs};

use serde_json::Value;
use tch::{Kind, Tensor};

/// The fixture called `name`, or the file that the environment variable gives.
pub fn read(variable: &str, name: &str) -> Value {
    let own = format!("{}/../../tests/reference/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let path = env::var(variable).unwrap_or(own);
    serde_json::from_str(&fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

pub fn float(values: &[f64], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).to_kind(Kind::Float).view(shape)
}

pub fn host(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().to_kind(Kind::Double).contiguous().view(-1)).unwrap()
}

/// Largest difference relative to the largest expected magnitude.
pub fn difference(found: &[f64], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(1e-300f64, |top, v| top.max(v.abs()));
    let largest = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
    // Of a NaN `max` keeps the other.
    if found.len() != expected.len() || found.iter().any(|f| !f.is_finite()) { f64::INFINITY } else { largest / scale }
}

#[track_caller]
pub fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let off = difference(found, expected);
    assert!(off <= tolerance, "{what}: off by {off:e} of the largest\n  {found:?} is not\n  {expected:?}");
}
