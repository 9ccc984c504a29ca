//! Accepted outcomes with their numbers.

use super::{
    load::{attempt, bad, millis, number, trial},
    predictions::{JOINED, head},
};
use rusqlite::{CachedStatement, Connection, Result, Row, Rows, ToSql};
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    record::{Metric, Outcome, OutcomeKind, Provenance},
};

/// A row of `outcomes` with its rows of `metrics` and, without their bits, of `predictions`.
#[derive(Debug, Clone)]
pub(super) struct StoredOutcome {
    pub(super) id: AttemptId,
    pub(super) worker: Option<WorkerId>,
    pub(super) reused_from: Option<TrialId>,
    pub(super) outcome: Outcome,
    pub(super) at: Millis,
    pub(super) fact: i64,
}

/// Which outcomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    All,
    Sweep(SweepId),
    Trial(TrialId),
}

impl Which {
    const fn condition(self) -> &'static str {
        match self {
            Self::All => "TRUE",
            Self::Sweep(_) => "o.sweep = ?1",
            Self::Trial(_) => "o.sweep = ?1 AND o.config = ?2 AND o.replicate = ?3",
        }
    }

    fn parameters(self) -> Vec<u32> {
        match self {
            Self::All => Vec::new(),
            Self::Sweep(sweep) => vec![sweep.0],
            Self::Trial(TrialId { sweep, config, replicate }) => vec![sweep.0, config, replicate],
        }
    }

    /// The trial and further `columns` of a table called `o`, trial by trial.
    fn prepare<'c>(self, conn: &'c Connection, columns: &str, table: &str, order: &str) -> Result<CachedStatement<'c>> {
        let condition = self.condition();
        conn.prepare_cached(&format!(
            "SELECT o.sweep, o.config, o.replicate, {columns} FROM {table} WHERE {condition}
             ORDER BY o.sweep, o.config, o.replicate{order}"
        ))
    }
}

/// Calls `visit` with outcomes in the order of (sweep, config, replicate).
pub(super) fn visit(conn: &Connection, which: Which, mut visit: impl FnMut(StoredOutcome)) -> Result<()> {
    let columns = "attempt, worker, reused_sweep, reused_config, reused_replicate, ending, diverged_epoch,
                   diverged_step, diverged_what, data_digest, trainer_version, parameter_digest, device, library,
                   train_seconds, evaluate_seconds, accepted_ms, fact";
    let parameters = which.parameters();
    let parameters: Vec<&dyn ToSql> = parameters.iter().map(|p| p as &dyn ToSql).collect();
    let mut statement = which.prepare(conn, columns, "outcomes o", "")?;
    let mut numbers = which.prepare(conn, "name, epoch, value, is_final", "metrics o", ", position")?;
    let mut heads = which.prepare(conn, "p.split, p.rows, p.digest", JOINED, ", p.split")?;
    let mut rows = statement.query(&*parameters)?;
    let mut numbers = Beside::new(numbers.query(&*parameters)?, metric)?;
    let mut heads = Beside::new(heads.query(&*parameters)?, head)?;
    while let Some(row) = rows.next()? {
        let mut stored = outcome(row)?;
        stored.outcome.metrics = numbers.of(stored.id.trial)?;
        stored.outcome.predictions = heads.of(stored.id.trial)?;
        visit(stored);
    }
    Ok(())
}

/// Rows of another table in the same order, read beside those of `outcomes`.
struct Beside<'s, T> {
    rows: Rows<'s>,
    next: Option<(TrialId, T)>,
    read: fn(&Row<'_>) -> Result<T>,
}

impl<'s, T> Beside<'s, T> {
    fn new(rows: Rows<'s>, read: fn(&Row<'_>) -> Result<T>) -> Result<Self> {
        let mut beside = Self { rows, next: None, read };
        beside.advance()?;
        Ok(beside)
    }

    fn advance(&mut self) -> Result<Option<T>> {
        let next = match self.rows.next()? {
            Some(row) => Some((trial(row, 0)?, (self.read)(row)?)),
            None => None,
        };
        Ok(std::mem::replace(&mut self.next, next).map(|(_, value)| value))
    }

    fn of(&mut self, id: TrialId) -> Result<Vec<T>> {
        let mut found = Vec::new();
        while self.next.as_ref().is_some_and(|(trial, _)| *trial == id) {
            found.extend(self.advance()?);
        }
        Ok(found)
    }
}

fn metric(row: &Row<'_>) -> Result<Metric> {
    Ok(Metric {
        name: row.get(3)?,
        epoch: row.get(4)?,
        value: row.get::<_, Option<f64>>(5)?.unwrap_or(f64::NAN),
        is_final: row.get(6)?,
    })
}

fn outcome(row: &Row<'_>) -> Result<StoredOutcome> {
    let kind = match row.get_ref(8)?.as_str().map_err(|e| bad(8, e.to_string()))? {
        "completed" => OutcomeKind::Completed,
        "diverged" => OutcomeKind::Diverged { epoch: row.get(9)?, step: number(row, 10)?, what: row.get(11)? },
        other => return Err(bad(8, format!("an outcome cannot be `{other}`"))),
    };
    let provenance = Provenance {
        data_digest: row.get(12)?,
        trainer_version: row.get(13)?,
        parameter_digest: row.get(14)?,
        device: row.get(15)?,
        library: row.get(16)?,
        train_seconds: row.get(17)?,
        evaluate_seconds: row.get(18)?,
    };
    let worker = row.get::<_, Option<i64>>(4)?.map(|_| number(row, 4).map(WorkerId)).transpose()?;
    let reused_from = row.get::<_, Option<i64>>(5)?.map(|_| trial(row, 5)).transpose()?;
    let outcome = Outcome { kind, metrics: Vec::new(), provenance, predictions: Vec::new() };
    Ok(StoredOutcome { id: attempt(row, 0)?, worker, reused_from, outcome, at: millis(row, 19)?, fact: row.get(20)? })
}
