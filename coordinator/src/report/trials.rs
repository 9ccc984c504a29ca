//! The trials of a sweep by config, and how each of them stands.

use super::{analysis::Counts, analyze::AnalyzeError};
use crate::results::{Origin, SweepResults, TrialResult};
use std::collections::BTreeMap;
use sweeper_core::{record::Metric, spec::ConfigSpec};

/// How a trial stands, for the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Completed,
    Diverged,
    Abandoned,
    Cancelled,
    /// A look had decided its config before.
    Stopped,
    Leased,
    Pending,
}

impl Standing {
    /// Whether the trial ended without an observation for reasons of its own.
    pub(super) fn is_loss(self) -> bool {
        matches!(self, Self::Diverged | Self::Abandoned)
    }

    /// Of a planned trial; one that the results lack counts as pending. A training whose final value of the primary
    /// metric is not a finite number has failed, however it ended.
    fn of(trial: Option<&TrialResult>, metric: &str) -> Self {
        match trial.map(|t| (t.state.as_str(), t.ending.as_deref())) {
            _ if trial.is_some_and(|t| t.stopped) => Self::Stopped,
            Some(("Finished", Some(ending))) if ending.starts_with("diverged") => Self::Diverged,
            Some(("Finished", _)) => match trial.and_then(|t| final_of(t, metric)) {
                Some(value) if !value.is_finite() => Self::Diverged,
                _ => Self::Completed,
            },
            Some(("Abandoned", _)) => Self::Abandoned,
            Some(("Cancelled", _)) => Self::Cancelled,
            Some(("Leased", _)) => Self::Leased,
            _ => Self::Pending,
        }
    }
}

/// One trial of a config.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) replicate: u32,
    /// None where the results lack it.
    pub(super) trial: Option<&'a TrialResult>,
    pub(super) standing: Standing,
}

/// All trials of one config, by replicate: the planned ones, and where nobody planned those that there are.
pub(super) struct ConfigTrials<'a> {
    pub(super) index: u32,
    pub(super) spec: &'a ConfigSpec,
    pub(super) trials: Vec<Slot<'a>>,
}

impl<'a> ConfigTrials<'a> {
    pub(super) fn completed(&self) -> impl Iterator<Item = &'a TrialResult> {
        self.trials.iter().filter(|slot| slot.standing == Standing::Completed).filter_map(|slot| slot.trial)
    }
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            completed: self.completed + other.completed,
            diverged: self.diverged + other.diverged,
            abandoned: self.abandoned + other.abandoned,
            cancelled: self.cancelled + other.cancelled,
            stopped: self.stopped + other.stopped,
            open: self.open + other.open,
            reused: self.reused + other.reused,
        }
    }

    pub(super) fn of(trials: &[Slot<'_>]) -> Self {
        let mut counts = Self { planned: trials.len(), ..Self::default() };
        for slot in trials {
            *match slot.standing {
                Standing::Completed => &mut counts.completed,
                Standing::Diverged => &mut counts.diverged,
                Standing::Abandoned => &mut counts.abandoned,
                Standing::Cancelled => &mut counts.cancelled,
                Standing::Stopped => &mut counts.stopped,
                Standing::Leased | Standing::Pending => &mut counts.open,
            } += 1;
            counts.reused += usize::from(slot.trial.is_some_and(|t| t.reused_from.is_some()));
        }
        counts
    }
}

/// Every config with its trials.
///
/// # Errors
/// [`AnalyzeError::UnknownTrial`], [`AnalyzeError::DuplicateTrial`].
pub(super) fn by_config(results: &SweepResults) -> Result<Vec<ConfigTrials<'_>>, AnalyzeError> {
    let empty = |replicate| Slot { replicate, trial: None, standing: Standing::Pending };
    let mut configs: Vec<ConfigTrials<'_>> = (0..)
        .zip(&results.spec.configs)
        .map(|(index, spec)| ConfigTrials { index, spec, trials: (0..spec.replicates).map(empty).collect() })
        .collect();
    for trial in &results.trials {
        let (config, replicate) = (trial.config, trial.replicate);
        let slot = configs.get_mut(config as usize).and_then(|c| c.trials.get_mut(replicate as usize));
        match slot {
            None => return Err(AnalyzeError::UnknownTrial { config, replicate }),
            Some(Slot { trial: Some(_), .. }) => return Err(AnalyzeError::DuplicateTrial { config, replicate }),
            Some(slot) => {
                let standing = Standing::of(Some(trial), &results.spec.analysis.metric);
                *slot = Slot { replicate, trial: Some(trial), standing };
            }
        }
    }
    if results.origin == Origin::File {
        // Replicates may be numbered by seeds: a number that is not there was not planned either.
        configs.iter_mut().for_each(|config| config.trials.retain(|slot| slot.trial.is_some()));
    }
    Ok(configs)
}

/// Final values of a trial by metric name; of several final epochs the last. Times are no observations.
pub(super) fn finals(trial: &TrialResult) -> BTreeMap<&str, f64> {
    let mut last: BTreeMap<&str, (u32, f64)> = BTreeMap::new();
    for metric in final_metrics(trial) {
        let entry = last.entry(&metric.name).or_insert((metric.epoch, metric.value));
        if metric.epoch >= entry.0 {
            *entry = (metric.epoch, metric.value);
        }
    }
    last.into_iter().map(|(name, (_, value))| (name, value)).collect()
}

/// The final value of one metric, as [`finals`] tells it.
fn final_of(trial: &TrialResult, metric: &str) -> Option<f64> {
    final_metrics(trial).filter(|m| m.name == metric).max_by_key(|m| m.epoch).map(|m| m.value)
}

pub(super) fn final_metrics(trial: &TrialResult) -> impl Iterator<Item = &Metric> {
    trial.metrics.iter().filter(|m| m.is_final && !m.is_timing())
}
