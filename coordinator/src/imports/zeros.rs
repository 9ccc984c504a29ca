//! Zeros that stand for nothing: what many tables print where nothing was measured.

use super::{shown, shown_config};
use crate::results::TrialResult;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::ConfigSpec;

/// Configs that a note names.
const MOST_NAMED: usize = 10;

/// Which configs have nothing but exact zeros, by metric.
type Empty = BTreeMap<String, BTreeSet<usize>>;

/// What was seen of the configs, metric by metric: whether all values are 0, and whether some is another finite number.
#[derive(Default)]
pub(super) struct Seen<'a> {
    metrics: BTreeMap<&'a str, BTreeMap<usize, (bool, bool)>>,
}

impl<'a> Seen<'a> {
    /// Adds values of a config on a metric.
    pub(super) fn add(&mut self, config: usize, metric: &'a str, values: impl Iterator<Item = f64>) {
        let (zero, other) = self.metrics.entry(metric).or_default().entry(config).or_insert((true, false));
        for value in values {
            *zero &= value == 0.0;
            *other |= value != 0.0 && value.is_finite();
        }
    }

    /// Configs that are 0 throughout, on metrics of which others have values.
    pub(super) fn empty(&self) -> Empty {
        let told = self.metrics.iter().filter(|(_, configs)| configs.values().any(|(_, other)| *other));
        let of = |configs: &BTreeMap<usize, (bool, bool)>| -> BTreeSet<usize> {
            configs.iter().filter_map(|(config, (zero, _))| zero.then_some(*config)).collect()
        };
        let found = told.map(|(metric, configs)| ((*metric).to_owned(), of(configs)));
        found.filter(|(_, configs)| !configs.is_empty()).collect()
    }
}

/// Leaves out of trials what [`Seen::empty`] finds in them, and says so. Values of every epoch count, so a training that
/// fell to 0 is none of these.
pub(super) fn leave_out(trials: &mut [TrialResult], configs: &[ConfigSpec]) -> Option<String> {
    // In most files no value is 0 to the last digit, and nothing has to be looked up.
    if !trials.par_iter().any(|trial| trial.metrics.iter().any(|metric| metric.value == 0.0)) {
        return None;
    }
    let mut seen = Seen::default();
    for trial in &*trials {
        for own in trial.metrics.chunk_by(|a, b| a.name == b.name) {
            let name = own.first().map_or("", |metric| metric.name.as_str());
            seen.add(trial.config as usize, name, own.iter().map(|metric| metric.value));
        }
    }
    let empty = seen.empty();
    if !empty.is_empty() {
        let is_empty = |config: u32, name: &str| empty.get(name).is_some_and(|c| c.contains(&(config as usize)));
        trials.iter_mut().for_each(|trial| {
            let config = trial.config;
            trial.metrics.retain(|metric| !is_empty(config, &metric.name));
        });
    }
    note(&empty, configs)
}

/// What was left out, as a sentence of the report; none where nothing was.
pub(super) fn note(empty: &Empty, configs: &[ConfigSpec]) -> Option<String> {
    let name = |at: &usize| configs.get(*at).map(shown_config).unwrap_or_default();
    let all = || empty.iter().flat_map(|(metric, configs)| configs.iter().map(move |config| (metric, config)));
    let count = all().count();
    let named: Vec<String> =
        all().take(MOST_NAMED).map(|(metric, config)| format!("{} on {}", name(config), shown(metric))).collect();
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    (count > 0).then(|| {
        format!(
            "Taken as not measured: {}{more}. Every value there is exactly 0, while other configs have other values; \
             --zeros-are-values keeps such zeros.",
            named.join(", ")
        )
    })
}
