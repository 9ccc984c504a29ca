//! All that is known of a sweep, as reports and exports want it.

use super::{
    load::{self, attempt, decimal, millis, number, trial},
    looks::{self, StoredLook},
    outcomes::{self, StoredOutcome, Which},
};
use crate::results::{AttemptResult, LookResult, Origin, RESULTS_SCHEMA, SweepResults, TrialResult};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    record::OutcomeKind,
};

/// One attempt with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// Which.
    pub id: AttemptId,
    /// Who ran it.
    pub worker: WorkerId,
    /// Machine of the worker.
    pub node: String,
    /// Device of the worker.
    pub device: String,
    /// When the lease was granted.
    pub granted: Millis,
    /// When it ended; none while open.
    pub ended: Option<Millis>,
    /// `open`, `completed`, `diverged`, `expired`, `worker_left`, `failed`, `released`, `superseded` or `cancelled`.
    pub end: String,
    /// Error of a failed attempt, reason of a released one; else empty.
    pub error: String,
    /// Last log lines of a failed attempt; else empty.
    pub log_tail: String,
}

/// The attempts of one trial, oldest first.
pub(super) fn attempts(conn: &Connection, id: TrialId) -> Result<Vec<StoredAttempt>> {
    let accepted = conn
        .prepare_cached(
            "SELECT attempt, ending, accepted_ms FROM outcomes WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
        )?
        .query_row([id.sweep.0, id.config, id.replicate], |row| Ok((row.get(0)?, row.get(1)?, millis(row, 2)?)))
        .optional()?;
    let mut statement = conn.prepare_cached(&attempts_of("a.sweep = ?1 AND a.config = ?2 AND a.replicate = ?3"))?;
    let rows = statement.query_map([id.sweep.0, id.config, id.replicate], stored_attempt)?;
    rows.map(|found| Ok(with_late_outcome(found?, accepted.as_ref()))).collect()
}

fn attempts_of(condition: &str) -> String {
    format!(
        "SELECT a.sweep, a.config, a.replicate, a.attempt, a.worker, w.node, w.device, a.granted_ms, a.ended_ms, a.end,
                a.error, a.log_tail
         FROM attempts a JOIN workers w USING (worker) WHERE {condition}
         ORDER BY a.sweep, a.config, a.replicate, a.attempt"
    )
}

fn stored_attempt(row: &Row<'_>) -> Result<StoredAttempt> {
    let ended = row.get::<_, Option<i64>>(8)?.map(|_| millis(row, 8)).transpose()?;
    Ok(StoredAttempt {
        id: attempt(row, 0)?,
        worker: WorkerId(number(row, 4)?),
        node: row.get(5)?,
        device: row.get(6)?,
        granted: millis(row, 7)?,
        ended,
        end: row.get(9)?,
        error: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        log_tail: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
    })
}

/// An attempt whose lease was over when its outcome arrived ended with that outcome after all.
fn with_late_outcome(mut found: StoredAttempt, accepted: Option<&(u32, String, Millis)>) -> StoredAttempt {
    if let Some((_, ending, at)) = accepted.filter(|(attempt, _, _)| *attempt == found.id.attempt) {
        found.end.clone_from(ending);
        found.ended = Some(*at);
    }
    found
}

/// Everything known of a sweep, if it is there.
pub(super) fn results(conn: &Connection, sweep: SweepId) -> Result<Option<SweepResults>> {
    let Some(stored) = load::stored_sweeps(conn, Some(sweep))?.pop() else { return Ok(None) };
    let mut found: BTreeMap<TrialId, StoredOutcome> = BTreeMap::new();
    outcomes::visit(conn, Which::Sweep(sweep), |outcome| {
        found.insert(outcome.id.trial, outcome);
    })?;
    let attempts = sweep_attempts(conn, sweep, &found)?;
    let last_outcome = found.values().map(|o| o.at).max();
    let looks = looks::stored(conn, Some(sweep))?;
    let (mut trials, last_abandoned) = trials(conn, sweep, found)?;
    mark_stopped(&mut trials, &looks);
    let last_look = looks.iter().filter(|look| look.cancelled > 0).map(|look| look.at).max();
    let open = trials.iter().any(|t| t.state == "Pending" || t.state == "Leased");
    let (state, closed, cancel_reason) = match stored.cancelled {
        Some((reason, at, _)) => ("cancelled", Some(at), Some(reason)),
        None if open => ("running", None, None),
        None => ("finished", last_outcome.max(last_abandoned).max(last_look).or(Some(stored.submitted)), None),
    };
    let (repeats, unequal_repeats) = conn.query_row(
        "SELECT count(*), count(*) FILTER (WHERE NOT equal) FROM repeats WHERE sweep = ?1",
        [sweep.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Some(SweepResults {
        schema: RESULTS_SCHEMA,
        sweep: sweep.to_string(),
        spec: stored.spec,
        state: state.to_owned(),
        submitted_ms: stored.submitted.0,
        closed_ms: closed.map(|at| at.0),
        cancel_reason,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        data_digests: data_digests(conn, sweep)?,
        trials,
        attempts,
        unequal_repeats,
        repeats,
        looks: looks.into_iter().map(look_result).collect(),
        origin: Origin::Sweep,
        notes: Vec::new(),
    }))
}

fn look_result(stored: StoredLook) -> LookResult {
    LookResult {
        stratum: stored.look.stratum,
        replicates: stored.look.replicates,
        at_ms: stored.at.0,
        cancelled: stored.cancelled,
        stopped: stored.look.stopped,
    }
}

/// Marks the trials of stopped configs from the look on that stopped them.
fn mark_stopped(trials: &mut [TrialResult], looks: &[StoredLook]) {
    let stops = looks.iter().flat_map(|l| l.look.stopped.iter().map(|s| (s.config, l.look.replicates)));
    let stops: BTreeMap<u32, u32> = stops.collect();
    for trial in trials {
        trial.stopped = stops.get(&trial.config).is_some_and(|look| trial.replicate >= *look);
    }
}

fn data_digests(conn: &Connection, sweep: SweepId) -> Result<Vec<(String, String)>> {
    let mut statement = conn.prepare_cached("SELECT key, digest FROM data_digests WHERE sweep = ?1 ORDER BY key")?;
    statement.query_map([sweep.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// All planned trials, and when the last one was abandoned.
fn trials(
    conn: &Connection,
    sweep: SweepId,
    mut found: BTreeMap<TrialId, StoredOutcome>,
) -> Result<(Vec<TrialResult>, Option<Millis>)> {
    let mut statement = conn.prepare_cached(
        "SELECT sweep, config, replicate, seed, state, last_error, abandoned_ms FROM trials
         WHERE sweep = ?1 ORDER BY config, replicate",
    )?;
    let mut rows = statement.query([sweep.0])?;
    let (mut trials, mut last_abandoned) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let id = trial(row, 0)?;
        let abandoned = row.get::<_, Option<i64>>(6)?.map(|_| millis(row, 6)).transpose()?;
        last_abandoned = last_abandoned.max(abandoned);
        let last_error = if abandoned.is_some() { row.get(5)? } else { None };
        let mut result = TrialResult {
            config: id.config,
            replicate: id.replicate,
            seed: decimal(row, 3)?,
            state: row.get(4)?,
            ending: None,
            metrics: Vec::new(),
            provenance: None,
            reused_from: None,
            last_error,
            stopped: false,
        };
        if let Some(StoredOutcome { outcome, reused_from, .. }) = found.remove(&id) {
            result.ending = Some(match outcome.kind {
                OutcomeKind::Completed => "completed".to_owned(),
                OutcomeKind::Diverged { what, .. } => format!("diverged: {what}"),
            });
            result.metrics = outcome.metrics;
            // Stable, so the trainer's order stands where name and epoch agree.
            result.metrics.sort_by(|a, b| (&a.name, a.epoch, a.is_final).cmp(&(&b.name, b.epoch, b.is_final)));
            result.provenance = Some(Box::new(outcome.provenance));
            result.reused_from = reused_from.map(|t| t.to_string());
        }
        trials.push(result);
    }
    Ok((trials, last_abandoned))
}

fn sweep_attempts(
    conn: &Connection,
    sweep: SweepId,
    found: &BTreeMap<TrialId, StoredOutcome>,
) -> Result<Vec<AttemptResult>> {
    let mut statement = conn.prepare_cached(&attempts_of("a.sweep = ?1"))?;
    let rows = statement.query_map([sweep.0], stored_attempt)?;
    rows.map(|row| {
        let row = row?;
        let accepted = found.get(&row.id.trial).map(|stored| {
            let completed = stored.outcome.kind == OutcomeKind::Completed;
            let ending = if completed { "completed" } else { "diverged" };
            (stored.id.attempt, ending.to_owned(), stored.at)
        });
        let row = with_late_outcome(row, accepted.as_ref());
        Ok(AttemptResult {
            config: row.id.trial.config,
            replicate: row.id.trial.replicate,
            attempt: row.id.attempt,
            worker: row.worker.to_string(),
            node: row.node,
            device: row.device,
            granted_ms: row.granted.0,
            ended_ms: row.ended.map(|at| at.0),
            error: (row.end == "failed").then_some(row.error),
            end: row.end,
        })
    })
    .collect()
}
