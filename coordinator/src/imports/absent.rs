//! What a file of results lacks: values of trainings that it names, and replicates that other configs have.

use super::{shown, shown_config};
use crate::results::TrialResult;
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::ConfigSpec;

/// Configs that the sentence names, and replicates of each.
const MOST_NAMED: usize = 5;

/// A training that the file names and has no value of.
pub(super) fn bare((config, replicate): (u32, u32), file: &str) -> TrialResult {
    TrialResult {
        config,
        replicate,
        seed: 0,
        state: "Finished".to_owned(),
        ending: Some("completed".to_owned()),
        metrics: Vec::new(),
        provenance: None,
        // It was observed before anybody planned this analysis, and the report must say so.
        reused_from: Some(file.to_owned()),
        last_error: None,
        stopped: false,
    }
}

/// Counts a training without a value of `metric` as lost, if its config has others with one: programs write NaN as an empty
/// cell. A config that has none of them was not measured.
pub(super) fn lose(trials: &mut [TrialResult], metric: &str) {
    let has = |trial: &TrialResult| trial.metrics.iter().any(|found| found.is_final && found.name == metric);
    let measured: BTreeSet<u32> = trials.iter().filter(|trial| has(trial)).map(|trial| trial.config).collect();
    for trial in trials.iter_mut().filter(|trial| measured.contains(&trial.config) && !has(trial)) {
        "Abandoned".clone_into(&mut trial.state);
        trial.ending = None;
        trial.metrics.clear();
        trial.last_error = Some(format!("the file has no value of {}", shown(metric)));
    }
}

/// Replicates that are not there and that another config of the stratum has, as a sentence of the report. Where a config
/// lacks as many as it has, replicates are numbered by something else, such as seeds, and nothing is said.
pub(super) fn gaps(trials: &[TrialResult], configs: &[ConfigSpec]) -> Option<String> {
    let mut own: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); configs.len()];
    let mut all: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for trial in trials {
        let at = trial.config as usize;
        own[at].insert(trial.replicate);
        all.entry(&configs[at].stratum).or_default().insert(trial.replicate);
    }
    let lacks = |(config, own): (&ConfigSpec, &BTreeSet<u32>)| {
        let absent: Vec<u32> = all.get(config.stratum.as_str())?.difference(own).copied().collect();
        let told = !absent.is_empty() && absent.len() < own.len();
        told.then(|| format!("{} of {}", listed(&absent), shown_config(config)))
    };
    let mut found: Vec<String> = configs.iter().zip(&own).filter_map(lacks).collect();
    let more = found.len().saturating_sub(MOST_NAMED);
    found.truncate(MOST_NAMED);
    let more = if more > 0 { format!("; and those of {more} more configs") } else { String::new() };
    (!found.is_empty()).then(|| {
        format!(
            "Replicates that other configs have are not in the file: {}{more}. If they were trained and lost, no number here \
             counts them.",
            found.join("; ")
        )
    })
}

fn listed(replicates: &[u32]) -> String {
    let mut text: Vec<String> = replicates.iter().take(MOST_NAMED).map(u32::to_string).collect();
    if replicates.len() > MOST_NAMED {
        text.push(format!("{} more", replicates.len() - MOST_NAMED));
    }
    text.join(", ")
}
