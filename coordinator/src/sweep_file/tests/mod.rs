//! Sweep files as users write them: right ones, wrong ones, and noise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accepted;
mod examples;
mod fuzz;
mod refused;
mod vocabulary;

use super::{SweepFileError, parse};
use sweeper_core::spec::SweepSpec;

/// A small sweep without mistakes, for edits.
const SMALL: &str = r#"name       = "small"
replicates = 5
seed       = 7

[recipe]
epochs = 2
[recipe.data]
unbalance = { enabled = true }

[[config]]
name = "plain"

[[config]]
name = "apriori"
set  = { "prior.train" = "train", "prior.validation" = "split" }

[analysis]
metric   = "accuracy/perverse"
baseline = "plain"
"#;

fn sweep(text: &str) -> SweepSpec {
    parse(text, "test.toml", &[]).unwrap_or_else(|e| panic!("{e}"))
}

fn sweep_with(text: &str, overrides: &[&str]) -> Result<SweepSpec, SweepFileError> {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    parse(text, "test.toml", &overrides)
}

/// `SMALL` with one passage replaced; it must be there.
fn edited(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

/// The small sweep with a grid instead of its list.
fn with_grid(grid: &str, baseline: &str) -> String {
    let (head, rest) = SMALL.split_once("[[config]]").unwrap();
    let (_, analysis) = rest.split_once("[analysis]").unwrap();
    format!("{head}{grid}\n[analysis]{}", analysis.replace("\"plain\"", &format!("{baseline:?}")))
}
