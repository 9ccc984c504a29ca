//! Digests of a sweep and of its analysis plan.

use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use sweeper_core::spec::{Correction, Direction, Pairing, SweepSpec};

/// What makes a sweep the sweep it is. Left out: text, comments, overrides (their effect is in here), priority.
#[derive(Serialize)]
struct Content<'a> {
    form: &'static str,
    name: &'a str,
    seed: u64,
    pairing: Pairing,
    max_failures: u32,
    configs: Vec<Config<'a>>,
    analysis: Plan<'a>,
}

#[derive(Serialize)]
struct Config<'a> {
    name: &'a str,
    stratum: &'a str,
    replicates: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe_digest: Option<&'a str>,
}

/// Numbers are text in Rust's own shortest spelling, so that no JSON writer has a say in the digest.
#[derive(Serialize)]
struct Plan<'a> {
    metric: &'a str,
    direction: Direction,
    baseline: &'a str,
    alpha: String,
    correction: Correction,
    confidence: String,
}

/// What is fixed before the first result: how to judge, on which comparisons, from how many observations.
#[derive(Serialize)]
struct Preregistration<'a> {
    form: &'static str,
    pairing: Pairing,
    configs: Vec<Config<'a>>,
    analysis: Plan<'a>,
}

/// Fills in `digest` and `plan_digest`.
pub(super) fn seal(spec: &mut SweepSpec) {
    let digest = sha256(&Content {
        form: "sweeper-sweep/1",
        name: &spec.name,
        seed: spec.seed,
        pairing: spec.pairing,
        max_failures: spec.max_failures,
        configs: configs(spec, true),
        analysis: plan(spec),
    });
    let plan_digest = sha256(&Preregistration {
        form: "sweeper-plan/1",
        pairing: spec.pairing,
        configs: configs(spec, false),
        analysis: plan(spec),
    });
    spec.digest = digest;
    spec.plan_digest = plan_digest;
}

fn configs(spec: &SweepSpec, recipes: bool) -> Vec<Config<'_>> {
    spec.configs
        .iter()
        .map(|c| Config {
            name: &c.name,
            stratum: &c.stratum,
            replicates: c.replicates,
            recipe_digest: recipes.then_some(c.recipe_digest.as_str()),
        })
        .collect()
}

fn plan(spec: &SweepSpec) -> Plan<'_> {
    let plan = &spec.analysis;
    Plan {
        metric: &plan.metric,
        direction: plan.direction,
        baseline: &plan.baseline,
        alpha: plan.alpha.to_string(),
        correction: plan.correction,
        confidence: plan.confidence.to_string(),
    }
}

fn sha256(content: &impl Serialize) -> String {
    // Plain structs of text and whole numbers: writing them cannot fail.
    let bytes = serde_json::to_vec(content).unwrap_or_default();
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
