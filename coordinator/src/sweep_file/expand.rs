//! Strata × listed configs × combinations of the grid: the configs of the sweep, each with its whole recipe.

use super::{
    error::MistakeKind,
    grid::MOST_CONFIGS,
    piece::{Piece, draft},
    read::{Entry, SweepFile},
    tree::{Draft, Mistakes, Origin},
};
use std::collections::BTreeSet;
use sweeper_core::spec::{ConfigSpec, Pairing};
use sweeper_recipe::{Recipe, RecipeError};

/// Trials that a sweep may have.
const MOST_TRIALS: u64 = 1_000_000;

/// Bytes that the canonical recipes of a sweep may have together. One has about 1 KiB, unless it lists many rows.
const MOST_RECIPE_BYTES: usize = 64 << 20;

/// A config and what the checks of the analysis plan need of it.
pub(super) struct Expanded {
    pub(super) spec: ConfigSpec,
    /// Whether it yields the primary metric.
    pub(super) measured: bool,
}

/// All configs, strata one after the other. Recipes are bounded in number by [`MOST_CONFIGS`] and in size by
/// [`MOST_RECIPE_BYTES`].
pub(super) fn expand(file: &SweepFile, mistakes: &mut Mistakes<'_>) -> Vec<Expanded> {
    let one = [Entry::unnamed()];
    let strata: &[Entry] = if file.strata.is_empty() { &one } else { &file.strata };
    let listed: &[Entry] = if file.configs.is_empty() { &one } else { &file.configs };
    let size = file.grid.size().saturating_mul(listed.len()).saturating_mul(strata.len());
    if size > MOST_CONFIGS {
        let message = format!("{size} configs are too many");
        mistakes.add(Draft::new(Origin::File, "", MistakeKind::OutOfRange, message).expected("10,000 at most"));
        return Vec::new();
    }
    let combinations = file.grid.combinations();
    if combinations.is_empty() {
        let message = "`grid.exclude` leaves no combination";
        mistakes.add(Draft::new(
            file.grid.exclude_at.unwrap_or(Origin::File),
            "grid.exclude",
            MistakeKind::OutOfRange,
            message,
        ));
    }
    let mut out = Vec::new();
    let (mut names, mut bytes) = (BTreeSet::new(), 0);
    for stratum in strata {
        for config in listed {
            for combination in &combinations {
                if mistakes.is_full() {
                    return out;
                }
                let name = config_name(&config.name, &combination.name);
                if !names.insert((stratum.name.clone(), name.clone())) {
                    let message = format!("two configs have the name `{name}`");
                    mistakes.add(Draft::new(config.at, "config.name", MistakeKind::DuplicateName, message));
                    continue;
                }
                let mut layers = vec![&file.base, &stratum.set, &config.set];
                layers.extend(&combination.pieces);
                let Some(recipe) = whole_recipe(&layers, &name, &stratum.name, mistakes) else { continue };
                let replicates = config.replicates.or(stratum.replicates).unwrap_or(file.replicates);
                let spec = spec(name, &stratum.name, replicates, &recipe, file.pairing);
                bytes += spec.recipe.len();
                if bytes > MOST_RECIPE_BYTES {
                    let message = "the recipes of all configs together are too large";
                    let draft = Draft::new(Origin::File, "", MistakeKind::OutOfRange, message);
                    mistakes.add(draft.expected("64 MiB at most").hint("long lists of rows count once per config"));
                    return out;
                }
                out.push(Expanded { spec, measured: recipe.yields_metric(&file.analysis.plan.metric) });
            }
        }
    }
    let trials: u64 = out.iter().map(|c| u64::from(c.spec.replicates)).sum();
    if trials > MOST_TRIALS {
        let message = format!("{trials} trials are too many");
        mistakes.add(Draft::new(Origin::File, "", MistakeKind::OutOfRange, message).expected("1,000,000 at most"));
    }
    out
}

/// The listed name, the combination, both, or `default` if there is neither.
pub(super) fn config_name(listed: &str, combination: &str) -> String {
    match (listed, combination) {
        ("", "") => "default".to_string(),
        ("", one) | (one, "") => one.to_string(),
        (listed, combination) => format!("{listed} {combination}"),
    }
}

fn spec(name: String, stratum: &str, replicates: u32, recipe: &Recipe, pairing: Pairing) -> ConfigSpec {
    // Without common seeds no two configs train the same.
    let shares = recipe.share_training && pairing == Pairing::Common;
    ConfigSpec {
        name,
        stratum: stratum.to_string(),
        replicates,
        recipe: recipe.canonical(),
        recipe_digest: recipe.digest(),
        data_key: recipe.data_key(),
        training_digest: if shares { recipe.training_digest() } else { String::new() },
        // Counted when all configs are known.
        twins_before: 0,
    }
}

/// The layers on top of each other. What is wrong now is a combination, for each layer alone was fine; it is shown
/// where the last layer took part in it.
fn whole_recipe(layers: &[&Piece], name: &str, stratum: &str, mistakes: &mut Mistakes<'_>) -> Option<Recipe> {
    let mut value = sweeper_recipe::Value::default();
    for layer in layers {
        value.merge(layer.value.clone());
    }
    match Recipe::from_value(&value) {
        Ok(recipe) => Some(recipe),
        Err(error) => {
            let paths = match &error {
                RecipeError::Conflict { paths, .. } => paths.clone(),
                other => vec![other.path()],
            };
            let place = layers.iter().rev().find_map(|layer| {
                paths.iter().find_map(|path| layer.origin(path).map(|at| (at, layer.label.as_str())))
            });
            let (at, label) = place.unwrap_or((Origin::File, "recipe"));
            let stratum = if stratum.is_empty() { String::new() } else { format!(" of stratum `{stratum}`") };
            mistakes.add(draft(&error, label, at, at).context(&format!(" in config `{name}`{stratum}")));
            None
        }
    }
}

/// Holds what the file says about all configs against them. Gives notes on what is allowed and still worth a line.
pub(super) fn check_plan(file: &SweepFile, configs: &[Expanded], mistakes: &mut Mistakes<'_>) -> Vec<String> {
    let mut notes = Vec::from_iter(idle_sharing(file, configs));
    notes.extend(file.analysis.check(file.pairing, configs, mistakes));
    file.stopping.check(&file.analysis, configs, mistakes);
    notes
}

/// Sharing that was asked for and cannot be.
fn idle_sharing(file: &SweepFile, configs: &[Expanded]) -> Option<String> {
    let asked = || configs.iter().any(|c| Recipe::from_json(&c.spec.recipe).is_ok_and(|r| r.share_training));
    (file.pairing == Pairing::Independent && asked()).then(|| {
        "`share_training` has no effect with pairing = \"independent\": no two configs have a seed in common"
            .to_string()
    })
}
