//! Digests of a sweep and of its analysis plan.

use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write};
use sweeper_core::spec::{Correction, Direction, FamilyKind, Missing, Pairing, Stopping, SweepSpec, Tasks};
use sweeper_recipe::TRAINER_VERSION;

/// What makes a sweep the sweep it is. The trainer's version belongs to it: the same file under another version asks for
/// other numbers, and must not be answered with a sweep of the old ones. Left out: text, comments, overrides (their effect
/// is in here), priority, and what is no part of a recipe's digest (`meta`, `checkpoint`): a file that differs in these
/// alone is the same sweep, which keeps those that it was submitted with.
#[derive(Serialize)]
struct Content<'a> {
    form: &'static str,
    trainer_version: &'a str,
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
    // It decides the config's seeds, and so its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    twins_before: Option<u32>,
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
    // What came later is written only where it differs from what was meant before it could be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<FamilyKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    secondary: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Tasks>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tuning: &'a BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopping: Option<&'a Stopping>,
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
    let digest = sweep_digest(spec, TRAINER_VERSION);
    let plan_digest = sha256(&Preregistration {
        form: "sweeper-plan/1",
        pairing: spec.pairing,
        configs: configs(spec, false),
        analysis: plan(spec),
    });
    spec.digest = digest;
    spec.plan_digest = plan_digest;
}

/// The digest of the sweep for a version of the trainer.
fn sweep_digest(spec: &SweepSpec, trainer_version: &str) -> String {
    sha256(&Content {
        form: "sweeper-sweep/1",
        trainer_version,
        name: &spec.name,
        seed: spec.seed,
        pairing: spec.pairing,
        max_failures: spec.max_failures,
        configs: configs(spec, true),
        analysis: plan(spec),
    })
}

fn configs(spec: &SweepSpec, recipes: bool) -> Vec<Config<'_>> {
    spec.configs
        .iter()
        .map(|c| Config {
            name: &c.name,
            stratum: &c.stratum,
            replicates: c.replicates,
            recipe_digest: recipes.then_some(c.recipe_digest.as_str()),
            twins_before: Some(c.twins_before).filter(|twins| recipes && *twins > 0),
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
        family: Some(plan.family).filter(|family| *family != FamilyKind::default()),
        delta: plan.delta.map(|delta| delta.to_string()),
        secondary: &plan.secondary,
        missing: Some(plan.missing).filter(|missing| *missing != Missing::default()),
        tasks: Some(plan.tasks).filter(|tasks| *tasks != Tasks::default()),
        tuning: &plan.tuning,
        stopping: Some(&plan.stopping).filter(|stopping| **stopping != Stopping::Fixed),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_same_file_under_another_trainer_version_is_another_sweep() {
        let text = "name = 'a'\nseed = 1\nreplicates = 2\n[recipe]\ntrainer = 'synthetic'\n\
                    [[config]]\nname = 'x'\n[[config]]\nname = 'y'\nset = { 'synthetic.effect' = 1.0 }\n\
                    [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'x'\n";
        let spec = crate::sweep_file::parse(text, "a.toml", &[]).unwrap();
        assert_eq!(spec.digest, sweep_digest(&spec, TRAINER_VERSION));
        assert_ne!(spec.digest, sweep_digest(&spec, &format!("{TRAINER_VERSION}+")));
    }

    /// A sweep in which twins had one seed is no answer to the file that made it.
    #[test]
    fn twins_are_counted_and_part_of_the_digest() {
        let text = "name = 'a'\nseed = 1\npairing = 'independent'\nreplicates = 2\n[recipe]\ntrainer = 'synthetic'\n\
                    [[config]]\nname = 'x'\n[[config]]\nname = 'y'\n[[config]]\nname = 'z'\n\
                    set = { 'synthetic.effect' = 1.0 }\n[analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'x'\n";
        let spec = crate::sweep_file::parse(text, "a.toml", &[]).unwrap();
        assert_eq!(spec.configs.iter().map(|c| c.twins_before).collect::<Vec<_>>(), [0, 1, 0]);
        let mut earlier = spec.clone();
        earlier.configs[1].twins_before = 0;
        assert_ne!(sweep_digest(&earlier, TRAINER_VERSION), spec.digest);
        seal(&mut earlier);
        assert_eq!(earlier.plan_digest, spec.plan_digest);
        let common = crate::sweep_file::parse(&text.replace("independent", "common"), "a.toml", &[]).unwrap();
        assert!(common.configs.iter().all(|c| c.twins_before == 0));
    }
}
