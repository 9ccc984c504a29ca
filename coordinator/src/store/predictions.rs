//! Which images were right: bits of the trials that ran, found also through the trials that took their outcomes over.

use super::load::trial;
use rusqlite::{Connection, Result, Row, params};
use sweeper_core::{
    ids::{SweepId, TrialId},
    record::Prediction,
};

/// Joins an outcome `o` with the predictions `p` of the trial that ran.
pub(super) const JOINED: &str = "outcomes o JOIN predictions p
    ON p.sweep = coalesce(o.reused_sweep, o.sweep) AND p.config = coalesce(o.reused_config, o.config)
       AND p.replicate = coalesce(o.reused_replicate, o.replicate)";

/// The predictions of one trial, with their bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialPredictions {
    /// Which trial.
    pub trial: TrialId,
    /// One entry per split, by name.
    pub predictions: Vec<Prediction>,
}

/// Some trials' predictions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PredictionsPage {
    /// In the order of (config, replicate).
    pub trials: Vec<TrialPredictions>,
    /// Whether there are more after these.
    pub more: bool,
}

/// See `Store::predictions`.
pub(super) fn page(
    conn: &Connection,
    sweep: SweepId,
    (config, replicate): (u32, u32),
    bytes: usize,
) -> Result<PredictionsPage> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT o.sweep, o.config, o.replicate, p.split, p.rows, p.digest, p.correct FROM {JOINED}
         WHERE o.sweep = ?1 AND (o.config, o.replicate) >= (?2, ?3) ORDER BY o.config, o.replicate, p.split"
    ))?;
    let mut rows = statement.query(params![sweep.0, config, replicate])?;
    let (mut page, mut size) = (PredictionsPage::default(), 0);
    while let Some(row) = rows.next()? {
        let trial = trial(row, 0)?;
        let mut found = head(row)?;
        found.correct = row.get(6)?;
        match page.trials.last_mut().filter(|last| last.trial == trial) {
            Some(last) => {
                size += found.correct.len();
                last.predictions.push(found);
            }
            None if size > 0 && size + found.correct.len() > bytes => {
                page.more = true;
                break;
            }
            None => {
                size += found.correct.len();
                page.trials.push(TrialPredictions { trial, predictions: vec![found] });
            }
        }
    }
    Ok(page)
}

/// A prediction without its bits, from the columns 3 to 5.
pub(super) fn head(row: &Row<'_>) -> Result<Prediction> {
    Ok(Prediction { split: row.get(3)?, rows: row.get(4)?, digest: row.get(5)?, correct: Vec::new() })
}
