//! `results.csv` and `trials.csv`, and what `sweeper export` prints besides: epochs and predictions.
//!
//! `results.csv` holds observations and nothing else, so it is the same to the byte whatever the schedule was: no ids,
//! times, workers, no trace of reuse. What depends on the schedule is in `trials.csv`.
//!
//! In all of them, a text (never a number) that begins with `=`, `+`, `-`, `@`, a full-width form of these, a tab, a line
//! break or an apostrophe has one apostrophe before it. Readers take one leading apostrophe away and have the text.

use super::RenderError;
use crate::{
    report::{number, time, wording::full_name},
    results::{AttemptResult, SweepResults, TrialResult},
};
use std::collections::BTreeMap;

/// Every observed number: `sweep,config,replicate,metric,epoch,value,final`, ordered by config, replicate, metric, epoch;
/// `final` tells the values that a report compares.
/// Measurements of time are none. Values have the shortest form that reads back to the same bits.
///
/// # Errors
/// [`RenderError::Csv`].
pub fn results_csv(results: &SweepResults) -> Result<String, RenderError> {
    let mut rows = Rows::new(&["sweep", "config", "replicate", "metric", "epoch", "value", "final"])?;
    let sweep = text(&results.spec.name);
    for trial in ordered(results) {
        // What a training showed on its way to divergence is no observation of its config; `trials.csv` lists it.
        // What ran although a look had decided its config before depends on the schedule.
        if trial.stopped || trial.ending.as_deref().is_some_and(|ending| ending.starts_with("diverged")) {
            continue;
        }
        let (config, replicate) = (text(&config_name(results, trial.config)), trial.replicate.to_string());
        let mut metrics: Vec<_> = trial.metrics.iter().filter(|m| !m.is_timing()).collect();
        metrics.sort_by(|a, b| (&a.name, a.epoch, a.is_final).cmp(&(&b.name, b.epoch, b.is_final)));
        for metric in metrics {
            let is_final = if metric.is_final { "true" } else { "false" };
            let (epoch, value) = (metric.epoch.to_string(), number::exact(metric.value));
            rows.push(&[&sweep, &config, &replicate, &*text(&metric.name), &epoch, &value, is_final])?;
        }
    }
    rows.finish()
}

/// One row per attempt, and one (attempt 0) per trial that has none: waiting, cancelled early, or taken from an
/// earlier sweep. Seconds and the parameter digest stand beside the attempt whose outcome was accepted.
///
/// # Errors
/// [`RenderError::Csv`].
pub fn trials_csv(results: &SweepResults) -> Result<String, RenderError> {
    let mut rows = Rows::new(&[
        "trial",
        "config",
        "replicate",
        "attempt",
        "worker",
        "node",
        "device",
        "granted",
        "ended",
        "end",
        "train_seconds",
        "evaluate_seconds",
        "reused_from",
        "parameter_digest",
        "error",
    ])?;
    let mut attempts: BTreeMap<(u32, u32), Vec<&AttemptResult>> = BTreeMap::new();
    for attempt in &results.attempts {
        attempts.entry((attempt.config, attempt.replicate)).or_default().push(attempt);
    }
    for trial in ordered(results) {
        let mut own = attempts.remove(&(trial.config, trial.replicate)).unwrap_or_default();
        own.sort_by_key(|a| a.attempt);
        // The last completed attempt made the outcome; one taken from an earlier sweep was made by none of them.
        let maker = own.iter().rposition(|a| matches!(a.end.as_str(), "completed" | "diverged"));
        let maker = maker.filter(|_| trial.reused_from.is_none());
        if maker.is_none() && (own.is_empty() || trial.reused_from.is_some()) {
            rows.push(&trial_row(results, trial))?;
        }
        for (index, attempt) in own.iter().enumerate() {
            rows.push(&attempt_row(results, trial, attempt, maker == Some(index)))?;
        }
    }
    rows.finish()
}

/// Every number of every epoch, also times, also of trainings that diverged: columns as in
/// its first line, ordered by config, replicate, epoch, metric; `final` tells the value that a report compares.
///
/// # Errors
/// [`RenderError::Csv`].
pub fn epochs_csv(results: &SweepResults) -> Result<String, RenderError> {
    let mut rows = Rows::new(&["stratum", "config", "replicate", "epoch", "metric", "value", "final"])?;
    for trial in ordered(results) {
        let [stratum, config] = stratum_and_config(results, trial.config);
        let mut metrics: Vec<_> = trial.metrics.iter().collect();
        metrics.sort_by(|a, b| (a.epoch, &a.name, a.is_final).cmp(&(b.epoch, &b.name, b.is_final)));
        for metric in metrics {
            rows.push(&[
                stratum.clone(),
                config.clone(),
                trial.replicate.to_string(),
                metric.epoch.to_string(),
                text(&metric.name),
                number::exact(metric.value),
                metric.is_final.to_string(),
            ])?;
        }
    }
    rows.finish()
}

/// Which images of a split one trial had right.
#[derive(Debug, Clone, Copy)]
pub struct Predicted<'a> {
    /// Index of the config.
    pub config: u32,
    /// Index of the replicate.
    pub replicate: u32,
    /// Name of the split.
    pub split: &'a str,
    /// Images.
    pub rows: u32,
    /// Image i is bit i mod 8 of byte ⌊i / 8⌋, lowest bit first; what is missing counts as wrong.
    pub correct: &'a [u8],
}

/// One line per image: `stratum,config,replicate,split,image,correct`, the images numbered from 0 in file order, the last
/// column 1 or 0. With `head`, the names of the columns come first.
///
/// # Errors
/// [`RenderError::Csv`].
pub fn predictions_csv<'a>(
    results: &SweepResults,
    predicted: impl IntoIterator<Item = Predicted<'a>>,
    head: bool,
) -> Result<String, RenderError> {
    let mut rows = Rows(::csv::Writer::from_writer(Vec::new()));
    if head {
        rows.push(&["stratum", "config", "replicate", "split", "image", "correct"])?;
    }
    for Predicted { config, replicate, split, rows: images, correct } in predicted {
        let [stratum, config] = stratum_and_config(results, config);
        let (replicate, split) = (replicate.to_string(), text(split));
        for image in 0..images {
            let byte = correct.get(image as usize / 8).copied().unwrap_or_default();
            let right = if byte >> (image % 8) & 1 == 1 { "1" } else { "0" };
            rows.push(&[&stratum, &config, &replicate, &split, &image.to_string(), right])?;
        }
    }
    rows.finish()
}

fn stratum_and_config(results: &SweepResults, index: u32) -> [String; 2] {
    match results.spec.configs.get(index as usize) {
        Some(config) => [text(&config.stratum), text(&config.name)],
        None => [String::new(), format!("c{index}")],
    }
}

fn ordered(results: &SweepResults) -> Vec<&TrialResult> {
    let mut trials: Vec<&TrialResult> = results.trials.iter().collect();
    trials.sort_by_key(|t| (t.config, t.replicate));
    trials
}

fn config_name(results: &SweepResults, index: u32) -> String {
    match results.spec.configs.get(index as usize) {
        Some(config) => full_name(&config.stratum, &config.name),
        None => format!("c{index}"),
    }
}

fn trial_id(results: &SweepResults, trial: &TrialResult) -> String {
    format!("{}/c{}/r{}", results.sweep, trial.config, trial.replicate)
}

fn attempt_row(
    results: &SweepResults,
    trial: &TrialResult,
    attempt: &AttemptResult,
    made_outcome: bool,
) -> [String; 15] {
    let [train, evaluate, digest] = if made_outcome { provenance(trial) } else { Default::default() };
    [
        text(&trial_id(results, trial)),
        text(&config_name(results, trial.config)),
        trial.replicate.to_string(),
        attempt.attempt.to_string(),
        text(&attempt.worker),
        text(&attempt.node),
        text(&attempt.device),
        time::utc(attempt.granted_ms, true),
        attempt.ended_ms.map(|ms| time::utc(ms, true)).unwrap_or_default(),
        text(&attempt.end),
        train,
        evaluate,
        String::new(),
        digest,
        text(attempt.error.as_deref().unwrap_or_default()),
    ]
}

fn trial_row(results: &SweepResults, trial: &TrialResult) -> [String; 15] {
    let [train, evaluate, digest] = provenance(trial);
    let ending = trial.ending.as_deref().unwrap_or(&trial.state);
    let end = ending.split(':').next().unwrap_or_default().to_lowercase();
    let mut row: [String; 15] = Default::default();
    row[0] = text(&trial_id(results, trial));
    row[1] = text(&config_name(results, trial.config));
    row[2] = trial.replicate.to_string();
    row[3] = "0".to_owned();
    row[9] = text(&end);
    row[10] = train;
    row[11] = evaluate;
    row[12] = text(trial.reused_from.as_deref().unwrap_or_default());
    row[13] = digest;
    row[14] = text(trial.last_error.as_deref().unwrap_or_default());
    row
}

fn provenance(trial: &TrialResult) -> [String; 3] {
    trial.provenance.as_ref().map_or_else(Default::default, |p| {
        [number::exact(p.train_seconds), number::exact(p.evaluate_seconds), text(&p.parameter_digest)]
    })
}

/// A text cell that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe before it.
/// So does one that begins with an apostrophe, so that different texts stay different: the text of a cell is what
/// follows its first apostrophe when it begins with one, else the whole cell.
pub(super) fn text(cell: &str) -> String {
    let guarded = ['\'', '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.starts_with(guarded) { format!("'{cell}") } else { cell.to_owned() }
}

/// CSV rows with line feeds; the `csv` crate quotes.
pub(super) struct Rows(::csv::Writer<Vec<u8>>);

impl Rows {
    pub(super) fn new(head: &[&str]) -> Result<Self, RenderError> {
        let mut rows = Self(::csv::Writer::from_writer(Vec::new()));
        rows.push(head)?;
        Ok(rows)
    }

    pub(super) fn push<T: AsRef<[u8]>>(&mut self, cells: &[T]) -> Result<(), RenderError> {
        self.0.write_record(cells).map_err(|e| RenderError::Csv(e.to_string()))
    }

    pub(super) fn finish(self) -> Result<String, RenderError> {
        let bytes = self.0.into_inner().map_err(|e| RenderError::Csv(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| RenderError::Csv(e.to_string()))
    }
}
