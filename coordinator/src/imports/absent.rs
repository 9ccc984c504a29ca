//! What a file of results lacks: values of trainings that it names, and replicates that other configs have.

use super::{shown, shown_config};
use crate::results::TrialResult;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::ConfigSpec;

/// Configs that the sentence names, and replicates of each.
const MOST_NAMED: usize = 5;

/// Counts a training without a value of `metric` as lost, if its config has others with one: programs write NaN as an empty
/// cell. A config that has none of them was not measured.
pub(super) fn lose(trials: &mut [TrialResult], metric: &str) {
    let has = |trial: &TrialResult| trial.metrics.iter().any(|found| found.is_final && found.name == metric);
    let without: Vec<usize> = (0..trials.len()).into_par_iter().filter(|at| !has(&trials[*at])).collect();
    if without.is_empty() {
        return;
    }
    let measured: BTreeSet<u32> = trials.iter().filter(|trial| has(trial)).map(|trial| trial.config).collect();
    for at in without {
        let trial = &mut trials[at];
        if !measured.contains(&trial.config) {
            continue;
        }
        "Abandoned".clone_into(&mut trial.state);
        trial.ending = None;
        trial.metrics.clear();
        trial.last_error = Some(format!("the file has no value of {}", shown(metric)));
    }
}

/// Replicates that are not there and that another config of the stratum has, as a sentence of the report. Where a config
/// lacks as many as it has, replicates are numbered by something else, such as seeds, and nothing is said.
/// The trials are in order.
pub(super) fn gaps(trials: &[TrialResult], configs: &[ConfigSpec]) -> Option<String> {
    let mut all: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    // In order of configs and replicates.
    let own: Vec<&[TrialResult]> = trials.chunk_by(|a, b| a.config == b.config).collect();
    let config_of = |own: &[TrialResult]| own.first().and_then(|trial| configs.get(trial.config as usize));
    for own in &own {
        let Some(config) = config_of(own) else { continue };
        let all = all.entry(&config.stratum).or_default();
        // Most configs have what the first one has.
        let first = all.iter().take(own.len());
        if !first.eq(own.iter().map(|trial| &trial.replicate)) {
            all.extend(own.iter().map(|trial| trial.replicate));
        }
    }
    for replicates in all.values_mut() {
        replicates.sort_unstable();
        replicates.dedup();
    }
    let lacks = |own: &&[TrialResult]| {
        let config = config_of(own)?;
        let all = all.get(config.stratum.as_str())?;
        if !(own.len() + 1..2 * own.len()).contains(&all.len()) {
            return None;
        }
        let there = |replicate: &u32| own.binary_search_by_key(replicate, |trial| trial.replicate).is_ok();
        let absent: Vec<u32> = all.iter().copied().filter(|replicate| !there(replicate)).collect();
        Some(format!("{} of {}", listed(&absent), shown_config(config)))
    };
    let found: Vec<String> = own.iter().filter_map(lacks).collect();
    let found = few(found)?;
    Some(format!(
        "Replicates that other configs have are not in the file: {found}. If they were trained and lost, no number here counts \
         them."
    ))
}

/// Trainings whose value that counts is of an earlier epoch than that of others of their config, as a sentence of the report:
/// what was cut short is not comparable, and what was stopped early on purpose is.
pub(super) fn cut_short(trials: &[TrialResult], configs: &[ConfigSpec], metric: &str) -> Option<String> {
    let last = |trial: &TrialResult| {
        let finals = trial.metrics.iter().filter(|found| found.is_final && found.name == metric);
        finals.map(|found| found.epoch).max()
    };
    let short = |own: &[TrialResult]| {
        let epochs: Vec<u32> = own.iter().filter_map(last).collect();
        let most = epochs.iter().copied().max()?;
        let short = epochs.iter().filter(|epoch| **epoch < most).count();
        let config = own.first().and_then(|trial| configs.get(trial.config as usize))?;
        (short > 0).then(|| format!("{short} of {} of {} before epoch {most}", epochs.len(), shown_config(config)))
    };
    let own: Vec<&[TrialResult]> = trials.chunk_by(|a, b| a.config == b.config).collect();
    let found: Vec<String> = own.into_par_iter().filter_map(short).collect();
    let found = few(found)?;
    Some(format!(
        "Trainings end at different epochs, and the last value of each counts: {found}. If these were cut short, their values are \
         of another moment than those of the others."
    ))
}

/// What is to be said of configs, of so many that the sentence stays one; none where nothing is.
fn few(mut found: Vec<String>) -> Option<String> {
    let more = found.len().saturating_sub(MOST_NAMED);
    found.truncate(MOST_NAMED);
    found.extend((more > 0).then(|| format!("and those of {more} more configs")));
    (!found.is_empty()).then(|| found.join("; "))
}

fn listed(replicates: &[u32]) -> String {
    let mut text: Vec<String> = replicates.iter().take(MOST_NAMED).map(u32::to_string).collect();
    if replicates.len() > MOST_NAMED {
        text.push(format!("{} more", replicates.len() - MOST_NAMED));
    }
    text.join(", ")
}
