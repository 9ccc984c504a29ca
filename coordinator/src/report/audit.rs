//! What a reader must know beside the numbers: trials without an observation, differences from the plan, what the
//! intervals speak of, and where everything comes from.

use super::{
    analysis::{Counts, Exception, ExceptionKind, Provenance, RecipeRecord, Scope, SeedRecord, Tally},
    replay::{self, Input},
    time,
    trials::{ConfigTrials, Slot, Standing, finals},
    wording::{display_name, full_name},
};
use crate::{
    imports::Clusters,
    predictions::Predictions,
    results::{Origin, SweepResults, TrialResult},
};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{Pairing, SweepSpec};
use sweeper_recipe::{Mode, Recipe, TrainerKind};

/// Trials without a usable observation, ordered by (config, replicate).
pub(super) fn exceptions(configs: &[ConfigTrials<'_>]) -> Vec<Exception> {
    let mut list = Vec::new();
    for config in configs {
        for slot in &config.trials {
            let Some((kind, reason)) = exception(slot) else { continue };
            let replicate = slot.replicate;
            let name = full_name(&config.spec.stratum, &config.spec.name);
            list.push(Exception { index: config.index, config: name, replicate, kind, reason });
        }
    }
    list
}

fn exception(slot: &Slot<'_>) -> Option<(ExceptionKind, String)> {
    let Some(trial) = slot.trial else { return Some((ExceptionKind::Absent, "not in the results".to_owned())) };
    let ending = trial.ending.as_deref().unwrap_or_default();
    let error = trial.last_error.as_deref().unwrap_or_default();
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let not_finite = || {
        let finals = finals(trial);
        let bad = finals.iter().filter(|(_, v)| !v.is_finite()).map(|(name, v)| format!("{name} is {v}"));
        bad.collect::<Vec<String>>().join(", ")
    };
    match slot.standing {
        Standing::Diverged => {
            let what = match ending.strip_prefix("diverged") {
                Some(what) => what.trim_start_matches([':', ' ']).to_owned(),
                None => not_finite(),
            };
            Some((ExceptionKind::Diverged, or(&what, "a number was not finite")))
        }
        Standing::Abandoned => Some((ExceptionKind::Abandoned, or(error, "no error was recorded"))),
        Standing::Stopped => None,
        Standing::Cancelled => Some((ExceptionKind::Cancelled, "the sweep was cancelled".to_owned())),
        Standing::Leased => Some((ExceptionKind::Leased, "being trained".to_owned())),
        Standing::Pending => Some((ExceptionKind::Pending, or(error, "waiting for a worker"))),
        Standing::Completed => {
            let bad = not_finite();
            (!bad.is_empty()).then_some((ExceptionKind::NotFinite, bad))
        }
    }
}

/// Outcomes that existed before this plan was stored: whoever wrote the plan could have looked at them.
fn seen_before(results: &SweepResults) -> Option<String> {
    let reused = results.trials.iter().filter(|t| t.state == "Finished" && t.reused_from.is_some()).count();
    let finished = results.trials.iter().filter(|t| t.state == "Finished").count();
    let taken = if results.origin == Origin::File { "read from a file" } else { "taken from earlier sweeps" };
    (reused > 0).then(|| {
        format!(
            "{reused} of {finished} outcomes were {taken}, so they were observed before this plan was \
             stored; if the plan was changed after looking at them, the p-values do not account for that."
        )
    })
}

/// Where the data differ from the plan, one sentence each.
pub(super) fn deviations(results: &SweepResults, configs: &[ConfigTrials<'_>]) -> Vec<String> {
    let mut list: Vec<String> = configs.iter().filter_map(short_config).collect();
    if results.unequal_repeats > 0 {
        let (unequal, repeats) = (results.unequal_repeats, results.repeats);
        list.push(format!("{unequal} of {repeats} repeated outcomes were not equal to the accepted one."));
    }
    list.extend(seen_before(results));
    list.extend(mixed("version of the numerics", tally(outcomes(results, |p| p.trainer_version.as_str()))));
    list.extend(mixed("numerical library", tally(outcomes(results, |p| p.library.as_str()))));
    list.extend(mixed("kind of device", tally(outcomes(results, |p| p.device.as_str()))));
    list.extend(mixed_data(results));
    list
}

fn short_config(config: &ConfigTrials<'_>) -> Option<String> {
    let Counts { planned, completed, diverged, abandoned, cancelled, stopped, open, .. } = Counts::of(&config.trials);
    let planned = planned - stopped;
    if completed == planned {
        return None;
    }
    let parts =
        [(diverged, "diverged"), (abandoned, "abandoned"), (cancelled, "cancelled"), (open, "not finished yet")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let name = display_name(&full_name(&config.spec.stratum, &config.spec.name));
    Some(format!("{name}: {completed} of {planned} planned replicates completed ({}).", parts.join(", ")))
}

fn mixed(what: &str, tally: Vec<Tally>) -> Option<String> {
    if tally.len() < 2 {
        return None;
    }
    let parts: Vec<String> = tally.iter().map(|t| format!("{} ({})", display_name(&t.value), t.count)).collect();
    Some(format!("Outcomes come from more than one {what}: {}.", parts.join(", ")))
}

fn mixed_data(results: &SweepResults) -> Vec<String> {
    let mut digests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for trial in &results.trials {
        let key = results.spec.configs.get(trial.config as usize).map(|c| c.data_key.as_str());
        if let (Some(key), Some(provenance)) = (key, &trial.provenance) {
            digests.entry(key).or_default().insert(&provenance.data_digest);
        }
    }
    let mixed = digests.into_iter().filter(|(_, found)| found.len() > 1);
    mixed
        .map(|(key, found)| {
            format!("Outcomes of data `{}` were observed on {} digests.", display_name(key), found.len())
        })
        .collect()
}

/// What replicates vary and what they hold fixed; empty when a recipe is of another version.
pub(super) fn scope(spec: &SweepSpec) -> Scope {
    let recipes: Result<Vec<Recipe>, _> = spec.configs.iter().map(|c| Recipe::from_json(&c.recipe)).collect();
    let Ok(recipes) = recipes else { return Scope::default() };
    let torch: Vec<&Recipe> = recipes.iter().filter(|r| r.trainer == TrainerKind::Torch).collect();
    let mut scope = Scope::default();
    if torch.len() < recipes.len() {
        scope.varies.push("the noise of the synthetic trainer".to_owned());
        scope.fixed.push("the true effects of the synthetic trainer".to_owned());
    }
    if torch.is_empty() {
        return scope;
    }
    scope.varies.push("initial weights".to_owned());
    scope.varies.push("order of the training images".to_owned());
    if torch.iter().any(|r| r.augment.flip) {
        scope.varies.push("augmentation".to_owned());
    }
    scope.fixed.push("the training and validation images".to_owned());
    let unbalanced = || torch.iter().filter(|r| r.data.unbalance.enabled);
    let draw = "the draw of the unbalanced split";
    if unbalanced().any(|r| r.data.unbalance.per_replicate) {
        scope.varies.push(draw.to_owned());
    }
    if unbalanced().any(|r| !r.data.unbalance.per_replicate) {
        scope.fixed.push(draw.to_owned());
    }
    scope
}

fn outcomes<'a, F>(results: &'a SweepResults, field: F) -> impl Iterator<Item = &'a str>
where
    F: Fn(&'a sweeper_core::record::Provenance) -> &'a str,
{
    results.trials.iter().filter_map(|t| t.provenance.as_deref()).map(field).filter(|text| !text.is_empty())
}

fn tally<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Tally> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    counts.into_iter().map(|(value, count)| Tally { value: value.to_owned(), count }).collect()
}

/// Where the numbers come from.
pub(super) fn provenance(results: &SweepResults, predictions: &Predictions, clusters: Option<&Clusters>) -> Provenance {
    let spec = &results.spec;
    let seconds = |field: fn(&sweeper_core::record::Provenance) -> f64| {
        results.trials.iter().filter_map(|t| t.provenance.as_deref()).map(field).filter(|s| s.is_finite())
    };
    // Not `sum`, whose value for nothing is -0.
    let seconds = |field| seconds(field).fold(0.0, |sum, s| sum + s);
    let attempts = || results.attempts.iter();
    let wall = results.closed_ms.map(|closed| closed.saturating_sub(results.submitted_ms) as f64 / 1000.0);
    Provenance {
        sweep: results.sweep.clone(),
        submitted: time::utc(results.submitted_ms, false),
        closed: results.closed_ms.map(|ms| time::utc(ms, false)),
        wall_seconds: wall,
        train_seconds: seconds(|p| p.train_seconds),
        evaluate_seconds: seconds(|p| p.evaluate_seconds),
        software_version: results.software_version.clone(),
        report_version: env!("CARGO_PKG_VERSION").to_owned(),
        input_digest: replay::digest(&Input::with_predictions(results, predictions).clustered(clusters)),
        modes: modes(spec),
        trainer_versions: tally(outcomes(results, |p| p.trainer_version.as_str())),
        libraries: tally(outcomes(results, |p| p.library.as_str())),
        devices: tally(outcomes(results, |p| p.device.as_str())),
        nodes: tally(attempts().map(|a| a.node.as_str()).filter(|n| !n.is_empty())),
        attempt_ends: tally(attempts().map(|a| a.end.as_str())),
        data_digests: results.data_digests.clone(),
        spec_digest: spec.digest.clone(),
        recipes: spec.configs.iter().map(recipe_record).collect(),
        seed: spec.seed.to_string(),
        seeds: seeds(results),
        overrides: spec.overrides.clone(),
        toml: spec.toml.clone(),
    }
}

/// What the recipes ask of repeated trainings, by config; those of another version are not counted.
fn modes(spec: &SweepSpec) -> Vec<Tally> {
    let modes = spec.configs.iter().filter_map(|c| Recipe::from_json(&c.recipe).ok()).map(|recipe| match recipe.mode {
        Mode::Repro => "repro",
        Mode::Fast => "fast",
    });
    tally(modes)
}

fn recipe_record(config: &sweeper_core::spec::ConfigSpec) -> RecipeRecord {
    RecipeRecord {
        config: full_name(&config.stratum, &config.name),
        digest: config.recipe_digest.clone(),
        recipe: String::from_utf8_lossy(&config.recipe).into_owned(),
    }
}

/// One entry per replicate when all configs share seeds as planned, else one per trial; none where nothing is known of
/// seeds: a file of earlier results gives 0 for all of them.
fn seeds(results: &SweepResults) -> Vec<SeedRecord> {
    if results.trials.iter().all(|trial| trial.seed == 0) {
        return Vec::new();
    }
    let mut shared: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for trial in &results.trials {
        shared.entry(trial.replicate).or_default().insert(trial.seed);
    }
    if results.spec.pairing == Pairing::Common && shared.values().all(|seeds| seeds.len() == 1) {
        let one = |(replicate, seeds): (u32, BTreeSet<u64>)| {
            seeds.into_iter().map(move |seed| SeedRecord { config: None, replicate, seed: seed.to_string() })
        };
        return shared.into_iter().flat_map(one).collect();
    }
    let record = |trial: &TrialResult| {
        let config = results.spec.configs.get(trial.config as usize)?;
        let name = full_name(&config.stratum, &config.name);
        Some(SeedRecord { config: Some(name), replicate: trial.replicate, seed: trial.seed.to_string() })
    };
    results.trials.iter().filter_map(record).collect()
}
