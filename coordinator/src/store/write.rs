//! Facts to rows. Every fact changes few rows, all named by primary key; a fact that finds no row to change is an
//! error, for then the tables are not what the facts before it made.

use super::int;
use rusqlite::{Connection, Error, Params, Result, params};
use serde::Serialize;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    plan::trial_seed,
    record::{LeaseEnd, Outcome, OutcomeKind, Record, WorkerEnd, WorkerInfo},
    spec::SweepSpec,
};
use sweeper_recipe::TRAINER_VERSION;

/// Writes the fact of this number.
pub(super) fn record(conn: &Connection, fact: i64, record: &Record) -> Result<()> {
    match record {
        Record::SweepSubmitted { sweep, spec, at } => submitted(conn, fact, *sweep, spec, *at),
        Record::SweepCancelled { sweep, reason, at } => cancelled(conn, fact, *sweep, reason, *at),
        Record::WorkerJoined { worker, info, at } => joined(conn, fact, *worker, info, *at),
        Record::WorkerGone { worker, why, at } => gone(conn, fact, *worker, *why, *at),
        Record::LeaseGranted { id, worker, at } => granted(conn, fact, *id, *worker, *at),
        Record::LeaseEnded { id, end, at } => ended(conn, fact, *id, end, *at),
        Record::OutcomeAccepted { id, worker, reused_from, outcome, at } => {
            accepted(conn, fact, *id, (*worker, *reused_from), outcome, *at)
        }
        Record::OutcomeRepeated { id, worker, equal, outcome, at } => {
            let AttemptId { trial, attempt } = *id;
            one(
                conn,
                "INSERT INTO repeats (fact, sweep, config, replicate, attempt, worker, equal, outcome, at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    fact,
                    trial.sweep.0,
                    trial.config,
                    trial.replicate,
                    attempt,
                    int(worker.0),
                    equal,
                    json(outcome)?,
                    int(at.0)
                ],
            )
        }
        Record::TrialAbandoned { trial, at } => one(
            conn,
            "UPDATE trials SET state = 'Abandoned', abandoned_ms = ?4, abandon_fact = ?5
             WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
            params![trial.sweep.0, trial.config, trial.replicate, int(at.0), fact],
        ),
        Record::DataPinned { sweep, key, digest } => one(
            conn,
            "INSERT INTO data_digests (sweep, key, digest, fact) VALUES (?1, ?2, ?3, ?4)",
            params![sweep.0, key, digest, fact],
        ),
        Record::LookTaken { sweep, look, at } => super::looks::write(conn, fact, *sweep, look, *at),
    }
}

/// Runs a statement that must change exactly one row.
fn one(conn: &Connection, sql: &'static str, params: impl Params) -> Result<()> {
    match conn.prepare_cached(sql)?.execute(params)? {
        1 => Ok(()),
        n => Err(Error::StatementChangedRows(n)),
    }
}

fn any(conn: &Connection, sql: &'static str, params: impl Params) -> Result<()> {
    conn.prepare_cached(sql)?.execute(params).map(drop)
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::ToSqlConversionFailure(Box::new(e)))
}

fn submitted(conn: &Connection, fact: i64, sweep: SweepId, spec: &SweepSpec, at: Millis) -> Result<()> {
    one(
        conn,
        "INSERT INTO sweeps (sweep, name, seed, pairing, priority, max_failures, analysis, digest, plan_digest, toml,
                             overrides, submitted_ms, fact, trainer_version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            sweep.0,
            spec.name,
            spec.seed.to_string(),
            super::load::pairing_name(spec.pairing),
            spec.priority,
            spec.max_failures,
            json(&spec.analysis)?,
            spec.digest,
            spec.plan_digest,
            spec.toml,
            json(&spec.overrides)?,
            int(at.0),
            fact,
            TRAINER_VERSION
        ],
    )?;
    for (config, c) in (0u32..).zip(&spec.configs) {
        any(
            conn,
            "INSERT INTO recipes (digest, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![c.recipe_digest, c.recipe],
        )?;
        one(
            conn,
            "INSERT INTO configs (sweep, config, name, stratum, replicates, recipe_digest, data_key, training_digest,
                                  twins_before, variant)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                     nullif(?10, (SELECT json FROM recipes WHERE digest = ?6)))",
            params![
                sweep.0,
                config,
                c.name,
                c.stratum,
                c.replicates,
                c.recipe_digest,
                c.data_key,
                c.training_digest,
                c.twins_before,
                c.recipe
            ],
        )?;
        for replicate in 0..c.replicates {
            one(
                conn,
                "INSERT INTO trials (sweep, config, replicate, seed, state) VALUES (?1, ?2, ?3, ?4, 'Pending')",
                params![sweep.0, config, replicate, trial_seed(spec, config, replicate).to_string()],
            )?;
        }
    }
    Ok(())
}

fn cancelled(conn: &Connection, fact: i64, sweep: SweepId, reason: &str, at: Millis) -> Result<()> {
    one(
        conn,
        "UPDATE sweeps SET cancelled_ms = ?2, cancel_reason = ?3, cancel_fact = ?4 WHERE sweep = ?1",
        params![sweep.0, int(at.0), reason, fact],
    )?;
    any(
        conn,
        "UPDATE attempts SET end = 'cancelled', ended_ms = ?2 WHERE sweep = ?1 AND end = 'open'",
        params![sweep.0, int(at.0)],
    )?;
    any(
        conn,
        "UPDATE trials SET state = 'Cancelled' WHERE sweep = ?1 AND state IN ('Pending', 'Leased')",
        params![sweep.0],
    )
}

fn joined(conn: &Connection, fact: i64, worker: WorkerId, info: &WorkerInfo, at: Millis) -> Result<()> {
    one(
        conn,
        "INSERT INTO workers (worker, process_id, slot, node, device, software_version, os_pid, state, joined_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'live', ?8)
         ON CONFLICT (worker) DO UPDATE SET slot = ?3, node = ?4, device = ?5, software_version = ?6, os_pid = ?7,
                                            state = 'live', joined_ms = ?8, gone_ms = NULL",
        params![
            int(worker.0),
            info.process_id,
            info.slot,
            info.node,
            info.device,
            info.software_version,
            info.os_pid,
            int(at.0)
        ],
    )?;
    one(
        conn,
        "INSERT INTO worker_events (fact, worker, event, info, at_ms) VALUES (?1, ?2, 'joined', ?3, ?4)",
        params![fact, int(worker.0), json(info)?, int(at.0)],
    )
}

fn gone(conn: &Connection, fact: i64, worker: WorkerId, why: WorkerEnd, at: Millis) -> Result<()> {
    let (event, state) = match why {
        WorkerEnd::Left => ("left", "left"),
        WorkerEnd::Replaced => ("replaced", "left"),
        WorkerEnd::Lost => ("lost", "lost"),
    };
    one(
        conn,
        "UPDATE workers SET state = ?2, gone_ms = ?3 WHERE worker = ?1",
        params![int(worker.0), state, int(at.0)],
    )?;
    one(
        conn,
        "INSERT INTO worker_events (fact, worker, event, at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![fact, int(worker.0), event, int(at.0)],
    )
}

fn granted(conn: &Connection, fact: i64, id: AttemptId, worker: WorkerId, at: Millis) -> Result<()> {
    let AttemptId { trial, attempt } = id;
    one(
        conn,
        "INSERT INTO attempts (sweep, config, replicate, attempt, worker, granted_ms, end, fact)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open', ?7)",
        params![trial.sweep.0, trial.config, trial.replicate, attempt, int(worker.0), int(at.0), fact],
    )?;
    one(
        conn,
        "UPDATE trials SET state = 'Leased', attempts = ?4 WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
        params![trial.sweep.0, trial.config, trial.replicate, attempt],
    )
}

fn ended(conn: &Connection, fact: i64, id: AttemptId, end: &LeaseEnd, at: Millis) -> Result<()> {
    let AttemptId { trial, attempt } = id;
    let (name, error, log_tail, failed) = match end {
        LeaseEnd::Expired => ("expired", None, None, false),
        LeaseEnd::WorkerLeft => ("worker_left", None, None, false),
        LeaseEnd::Released(reason) => ("released", Some(reason), None, false),
        LeaseEnd::AttemptFailed(failure) => ("failed", Some(&failure.error), Some(&failure.log_tail), true),
    };
    one(
        conn,
        "UPDATE attempts SET end = ?5, ended_ms = ?6, error = ?7, log_tail = ?8, end_fact = ?9
         WHERE sweep = ?1 AND config = ?2 AND replicate = ?3 AND attempt = ?4",
        params![trial.sweep.0, trial.config, trial.replicate, attempt, name, int(at.0), error, log_tail, fact],
    )?;
    if failed {
        return one(
            conn,
            "UPDATE trials SET state = 'Pending', failures = failures + 1, last_error = ?4
             WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
            params![trial.sweep.0, trial.config, trial.replicate, error],
        );
    }
    one(
        conn,
        "UPDATE trials SET state = 'Pending' WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
        params![trial.sweep.0, trial.config, trial.replicate],
    )
}

/// How an outcome ended, as the tables name it.
const fn ending(outcome: &Outcome) -> &'static str {
    match outcome.kind {
        OutcomeKind::Completed => "completed",
        OutcomeKind::Diverged { .. } => "diverged",
    }
}

/// The row of an outcome itself, without its numbers.
fn outcome_row(
    conn: &Connection,
    fact: i64,
    id: AttemptId,
    (worker, reused_from): (Option<WorkerId>, Option<TrialId>),
    outcome: &Outcome,
    at: Millis,
) -> Result<()> {
    let AttemptId { trial: TrialId { sweep, config, replicate }, attempt } = id;
    let (epoch, step, what) = match &outcome.kind {
        OutcomeKind::Completed => (None, None, None),
        OutcomeKind::Diverged { epoch, step, what } => (Some(*epoch), Some(int(*step)), Some(what)),
    };
    let p = &outcome.provenance;
    one(
        conn,
        "INSERT INTO outcomes (sweep, config, replicate, attempt, worker, reused_sweep, reused_config,
                               reused_replicate, ending, diverged_epoch, diverged_step, diverged_what, data_digest,
                               trainer_version, parameter_digest, device, library, train_seconds, evaluate_seconds,
                               accepted_ms, fact)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        params![
            sweep.0,
            config,
            replicate,
            attempt,
            worker.map(|w| int(w.0)),
            reused_from.map(|t| t.sweep.0),
            reused_from.map(|t| t.config),
            reused_from.map(|t| t.replicate),
            ending(outcome),
            epoch,
            step,
            what,
            p.data_digest,
            p.trainer_version,
            p.parameter_digest,
            p.device,
            p.library,
            p.train_seconds,
            p.evaluate_seconds,
            int(at.0),
            fact
        ],
    )
}

fn accepted(
    conn: &Connection,
    fact: i64,
    id: AttemptId,
    (worker, reused_from): (Option<WorkerId>, Option<TrialId>),
    outcome: &Outcome,
    at: Millis,
) -> Result<()> {
    let AttemptId { trial: TrialId { sweep, config, replicate }, attempt } = id;
    outcome_row(conn, fact, id, (worker, reused_from), outcome, at)?;
    for (position, metric) in (0u32..).zip(&outcome.metrics) {
        one(
            conn,
            "INSERT INTO metrics (sweep, config, replicate, position, name, epoch, value, is_final)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![sweep.0, config, replicate, position, metric.name, metric.epoch, metric.value, metric.is_final],
        )?;
    }
    // The bits of an outcome that was taken over stay where they are.
    for prediction in outcome.predictions.iter().filter(|_| reused_from.is_none()) {
        one(
            conn,
            "INSERT INTO predictions (sweep, config, replicate, split, rows, digest, correct)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                sweep.0,
                config,
                replicate,
                prediction.split,
                prediction.rows,
                prediction.digest,
                prediction.correct
            ],
        )?;
    }
    if attempt != 0 {
        // Leases that are still open end here: the reporter's own, or that of the attempt it overtook.
        any(
            conn,
            "UPDATE attempts SET end = CASE attempt WHEN ?4 THEN ?5 ELSE 'superseded' END, ended_ms = ?6
             WHERE sweep = ?1 AND config = ?2 AND replicate = ?3 AND end = 'open'",
            params![sweep.0, config, replicate, attempt, ending(outcome), int(at.0)],
        )?;
    }
    one(
        conn,
        "UPDATE trials SET state = 'Finished' WHERE sweep = ?1 AND config = ?2 AND replicate = ?3",
        params![sweep.0, config, replicate],
    )
}
