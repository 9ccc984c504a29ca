//! Results to rows.

use super::{COLUMNS, NOT_MEASURED};
use crate::{
    imports::LayoutError,
    results::{SweepResults, TrialResult},
};
use std::collections::BTreeMap;
use sweeper_core::spec::ConfigSpec;
use sweeper_recipe::{Recipe, SmoothingKind, TrainPrior, ValidationPrior};

/// The rows, and what a reader of them should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The head, then one line per completed training, sorted as text, as study A sorts them (1, 20, 5 epochs).
    pub csv: String,
    /// One sentence each: trainings left out, configs that the layout cannot tell apart.
    pub notes: Vec<String>,
}

/// One row per completed trial. A training that diverged has no accuracies, so it has no row.
///
/// `train_loss` is the running training loss of the last epoch, `valid_loss` the final loss on the balanced split, and
/// `elapsed` the seconds of training with the evaluations between epochs, without the final one.
///
/// # Errors
/// [`LayoutError::NoPlace`] for a config that the flags cannot tell, [`LayoutError::Recipe`].
pub fn write(results: &SweepResults) -> Result<Written, LayoutError> {
    let begins = results.spec.configs.iter().map(begin).collect::<Result<Vec<String>, _>>()?;
    let mut rows = Vec::with_capacity(results.trials.len());
    for trial in results.trials.iter().filter(|t| t.ending.as_deref() == Some("completed")) {
        if let Some(begin) = begins.get(trial.config as usize) {
            rows.push(row(begin, trial));
        }
    }
    let mut notes = twins(results, &begins);
    let missing = results.trials.len() - rows.len();
    if missing > 0 {
        notes.push(format!("{missing} of {} trials did not complete and have no row", results.trials.len()));
    }
    rows.sort_unstable();
    let mut csv = COLUMNS.join(",");
    for row in rows {
        csv.push('\n');
        csv.push_str(&row);
    }
    csv.push('\n');
    Ok(Written { csv, notes })
}

fn full_name(config: &ConfigSpec) -> String {
    if config.stratum.is_empty() { config.name.clone() } else { format!("{}/{}", config.stratum, config.name) }
}

/// The columns `epochs` to `lr`, which the recipe decides.
fn begin(config: &ConfigSpec) -> Result<String, LayoutError> {
    let recipe = Recipe::from_json(&config.recipe).map_err(|_| LayoutError::Recipe { config: full_name(config) })?;
    let no_place =
        |setting, value: String, known| LayoutError::NoPlace { config: full_name(config), setting, value, known };
    let smoothing = &recipe.loss.smoothing;
    if smoothing.eps != 0.0 && smoothing.eps != 0.1 {
        return Err(no_place("loss.smoothing.eps", smoothing.eps.to_string(), "0 and 0.1"));
    }
    if smoothing.kind == SmoothingKind::ValMatched {
        return Err(no_place("loss.smoothing.kind", "val-matched".to_owned(), "`uniform` and `train-prior`"));
    }
    let flags = [
        recipe.data.unbalance.enabled,
        recipe.prior.train != TrainPrior::None,
        recipe.prior.train == TrainPrior::Train,
        matches!(recipe.prior.validation, ValidationPrior::Split | ValidationPrior::EverySplit),
        smoothing.kind == SmoothingKind::TrainPrior,
        smoothing.eps > 0.0,
    ];
    let flags: Vec<&str> = flags.iter().map(|flag| if *flag { "1" } else { "0" }).collect();
    Ok(format!("{},{},{},{:.5}", recipe.epochs, flags.join(","), recipe.batch_size, recipe.optimizer.lr))
}

fn row(begin: &str, trial: &TrialResult) -> String {
    let last = |name: &str| trial.metrics.iter().filter(|m| m.name == name).max_by_key(|m| (m.epoch, m.is_final));
    let three = |name: &str| last(name).map_or_else(|| NOT_MEASURED.to_owned(), |m| format!("{:.3}", m.value));
    let epochs = trial.metrics.iter().map(|m| m.epoch).max().unwrap_or_default();
    let between = trial.metrics.iter().filter(|m| m.name == "seconds/evaluate" && m.epoch < epochs);
    let training = trial.provenance.as_ref().map_or(0.0, |p| p.train_seconds);
    let elapsed = between.fold(training, |sum, m| sum + m.value);
    let losses = ["loss/train_running", "loss/balanced"].map(three).join(",");
    format!("{begin},{elapsed:.2},{losses},{}", super::ACCURACIES.map(three).join(","))
}

/// Configs of different recipes that have the same flags.
fn twins(results: &SweepResults, begins: &[String]) -> Vec<String> {
    let mut first: BTreeMap<&str, &ConfigSpec> = BTreeMap::new();
    let mut notes = Vec::new();
    for (config, begin) in results.spec.configs.iter().zip(begins) {
        let other = first.entry(begin).or_insert(config);
        if other.recipe_digest != config.recipe_digest {
            let (a, b) = (full_name(other), full_name(config));
            notes.push(format!("configs `{a}` and `{b}` are the same in this layout: their rows cannot be told apart"));
        }
    }
    notes
}
