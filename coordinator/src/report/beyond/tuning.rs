//! What tuning took before the sweep, and who had more of it: a config that was tuned longer than what it is compared with
//! may be better for that alone.

use crate::report::analysis::Tuned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::{ConfigSpec, SweepSpec};

/// A config that was tuned with more trainings than what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MoreTuned {
    /// Name of the config.
    pub config: String,
    /// Trainings spent on it.
    pub trainings: u32,
    /// The baseline; where the plan names none, the config that was tuned least of those with a number.
    pub reference: String,
    /// Trainings spent on that; none where the plan does not say.
    pub reference_trainings: Option<u32>,
}

/// What the plan says of tuning, every config once, in sweep order.
pub(in crate::report) fn tuned(spec: &SweepSpec) -> Vec<Tuned> {
    let mut left = spec.analysis.tuning.clone();
    let of = |config: &ConfigSpec| {
        left.remove(&config.name).map(|trainings| Tuned { config: config.name.clone(), trainings })
    };
    spec.configs.iter().filter_map(of).collect()
}

/// Configs that were tuned more than the baseline, in sweep order. A baseline of which nothing was said counts as not tuned.
pub(super) fn more_tuned(spec: &SweepSpec) -> Vec<MoreTuned> {
    let tuned = tuned(spec);
    let named = Some(&spec.analysis.baseline).filter(|name| !name.is_empty());
    let least = || tuned.iter().min_by_key(|t| t.trainings).map(|t| &t.config);
    let Some(reference) = named.or_else(least).cloned() else { return Vec::new() };
    let reference_trainings = tuned.iter().find(|t| t.config == reference).map(|t| t.trainings);
    let more = tuned.iter().filter(|t| t.config != reference && t.trainings > reference_trainings.unwrap_or(0));
    let told = more.map(|t| MoreTuned {
        config: t.config.clone(),
        trainings: t.trainings,
        reference: reference.clone(),
        reference_trainings,
    });
    told.collect()
}
