//! Rows to facts. Whatever cannot have been written by a fact is a conversion error, which callers see as
//! `StoreError::Corrupt`.

use super::{
    looks,
    outcomes::{self, Which},
};
use rusqlite::{Connection, Error, Result, Row, types::Type};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    record::{Failure, LeaseEnd, Record, WorkerEnd},
    spec::{ConfigSpec, Pairing, SweepSpec},
};

/// Facts with their numbers, in no particular order.
type Numbered = Vec<(i64, Record)>;

/// All facts, in the order of their numbers.
pub(super) fn records(conn: &Connection) -> Result<Vec<Record>> {
    let mut all = Numbered::new();
    sweeps(conn, &mut all)?;
    workers(conn, &mut all)?;
    attempts(conn, &mut all)?;
    outcomes::visit(conn, Which::All, |stored| {
        all.push((
            stored.fact,
            Record::OutcomeAccepted {
                id: stored.id,
                worker: stored.worker,
                reused_from: stored.reused_from,
                outcome: Box::new(stored.outcome),
                at: stored.at,
            },
        ));
    })?;
    repeats(conn, &mut all)?;
    abandoned(conn, &mut all)?;
    data_digests(conn, &mut all)?;
    all.extend(looks::stored(conn, None)?.into_iter().map(|stored| {
        (stored.fact, Record::LookTaken { sweep: stored.sweep, look: Box::new(stored.look), at: stored.at })
    }));
    all.sort_unstable_by_key(|(fact, _)| *fact);
    Ok(all.into_iter().map(|(_, record)| record).collect())
}

/// A value that no fact can have written.
pub(super) fn bad(column: usize, what: impl Into<String>) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, what.into().into())
}

pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|e| bad(column, e.to_string()))?;
    serde_json::from_str(text).map_err(|e| bad(column, e.to_string()))
}

pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64> {
    let n: i64 = row.get(column)?;
    u64::try_from(n).map_err(|_| Error::IntegralValueOutOfRange(column, n))
}

pub(super) fn millis(row: &Row<'_>, column: usize) -> Result<Millis> {
    number(row, column).map(Millis)
}

/// The 64-bit number that a column holds as decimal text.
pub(super) fn decimal(row: &Row<'_>, column: usize) -> Result<u64> {
    let text = row.get_ref(column)?.as_str().map_err(|e| bad(column, e.to_string()))?;
    text.parse().map_err(|_| bad(column, format!("`{text}` is not a number")))
}

/// A trial from the columns `first`, `first + 1` and `first + 2`.
pub(super) fn trial(row: &Row<'_>, first: usize) -> Result<TrialId> {
    Ok(TrialId { sweep: SweepId(row.get(first)?), config: row.get(first + 1)?, replicate: row.get(first + 2)? })
}

/// An attempt from four columns.
pub(super) fn attempt(row: &Row<'_>, first: usize) -> Result<AttemptId> {
    Ok(AttemptId { trial: trial(row, first)?, attempt: row.get(first + 3)? })
}

pub(super) const fn pairing_name(pairing: Pairing) -> &'static str {
    match pairing {
        Pairing::Common => "common",
        Pairing::Independent => "independent",
    }
}

/// The configs of one sweep, or of all, with their recipes.
fn configs(conn: &Connection, sweep: Option<SweepId>) -> Result<BTreeMap<SweepId, Vec<ConfigSpec>>> {
    let mut statement = conn.prepare_cached(
        "SELECT sweep, name, stratum, replicates, coalesce(variant, json), recipe_digest, data_key, training_digest,
                twins_before
         FROM configs JOIN recipes ON recipes.digest = recipe_digest
         WHERE ?1 IS NULL OR sweep = ?1 ORDER BY sweep, config",
    )?;
    let mut rows = statement.query([sweep.map(|s| s.0)])?;
    let mut all: BTreeMap<SweepId, Vec<ConfigSpec>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        all.entry(SweepId(row.get(0)?)).or_default().push(ConfigSpec {
            name: row.get(1)?,
            stratum: row.get(2)?,
            replicates: row.get(3)?,
            recipe: row.get(4)?,
            recipe_digest: row.get(5)?,
            data_key: row.get(6)?,
            training_digest: row.get(7)?,
            twins_before: row.get(8)?,
        });
    }
    Ok(all)
}

/// A row of `sweeps`.
pub(super) struct StoredSweep {
    pub(super) id: SweepId,
    pub(super) spec: SweepSpec,
    pub(super) submitted: Millis,
    pub(super) fact: i64,
    /// Reason, time and number of the fact.
    pub(super) cancelled: Option<(String, Millis, i64)>,
}

/// One sweep, or all, in the order of their ids.
pub(super) fn stored_sweeps(conn: &Connection, sweep: Option<SweepId>) -> Result<Vec<StoredSweep>> {
    let mut configs = configs(conn, sweep)?;
    let mut statement = conn.prepare_cached(
        "SELECT sweep, name, seed, pairing, priority, max_failures, analysis, digest, plan_digest, toml, overrides,
                submitted_ms, fact, cancel_reason, cancelled_ms, cancel_fact
         FROM sweeps WHERE ?1 IS NULL OR sweep = ?1 ORDER BY sweep",
    )?;
    let mut rows = statement.query([sweep.map(|s| s.0)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let id = SweepId(row.get(0)?);
        let pairing = match row.get_ref(3)?.as_str().map_err(|e| bad(3, e.to_string()))? {
            "common" => Pairing::Common,
            "independent" => Pairing::Independent,
            other => return Err(bad(3, format!("unknown pairing `{other}`"))),
        };
        let spec = SweepSpec {
            name: row.get(1)?,
            seed: decimal(row, 2)?,
            pairing,
            priority: row.get(4)?,
            max_failures: row.get(5)?,
            configs: configs.remove(&id).unwrap_or_default(),
            analysis: from_json(row, 6)?,
            digest: row.get(7)?,
            plan_digest: row.get(8)?,
            toml: row.get(9)?,
            overrides: from_json(row, 10)?,
        };
        let cancelled = match row.get::<_, Option<i64>>(15)? {
            Some(fact) => Some((row.get(13)?, millis(row, 14)?, fact)),
            None => None,
        };
        all.push(StoredSweep { id, spec, submitted: millis(row, 11)?, fact: row.get(12)?, cancelled });
    }
    Ok(all)
}

fn sweeps(conn: &Connection, all: &mut Numbered) -> Result<()> {
    for stored in stored_sweeps(conn, None)? {
        let StoredSweep { id: sweep, spec, submitted, fact, cancelled } = stored;
        all.push((fact, Record::SweepSubmitted { sweep, spec: Box::new(spec), at: submitted }));
        if let Some((reason, at, fact)) = cancelled {
            all.push((fact, Record::SweepCancelled { sweep, reason, at }));
        }
    }
    Ok(())
}

fn workers(conn: &Connection, all: &mut Numbered) -> Result<()> {
    let mut statement = conn.prepare_cached("SELECT fact, worker, event, info, at_ms FROM worker_events")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let worker = WorkerId(number(row, 1)?);
        let at = millis(row, 4)?;
        let gone = |why| Record::WorkerGone { worker, why, at };
        let record = match row.get_ref(2)?.as_str().map_err(|e| bad(2, e.to_string()))? {
            "joined" => Record::WorkerJoined { worker, info: from_json(row, 3)?, at },
            "left" => gone(WorkerEnd::Left),
            "replaced" => gone(WorkerEnd::Replaced),
            "lost" => gone(WorkerEnd::Lost),
            other => return Err(bad(2, format!("unknown event `{other}`"))),
        };
        all.push((row.get(0)?, record));
    }
    Ok(())
}

fn attempts(conn: &Connection, all: &mut Numbered) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT sweep, config, replicate, attempt, worker, granted_ms, fact, end_fact, end, ended_ms, error, log_tail
         FROM attempts",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = attempt(row, 0)?;
        let worker = WorkerId(number(row, 4)?);
        all.push((row.get(6)?, Record::LeaseGranted { id, worker, at: millis(row, 5)? }));
        let Some(fact) = row.get::<_, Option<i64>>(7)? else { continue };
        let end = match row.get_ref(8)?.as_str().map_err(|e| bad(8, e.to_string()))? {
            "expired" => LeaseEnd::Expired,
            "worker_left" => LeaseEnd::WorkerLeft,
            "released" => LeaseEnd::Released(row.get(10)?),
            "failed" => LeaseEnd::AttemptFailed(Failure { error: row.get(10)?, log_tail: row.get(11)? }),
            other => return Err(bad(8, format!("a lease cannot end `{other}`"))),
        };
        all.push((fact, Record::LeaseEnded { id, end, at: millis(row, 9)? }));
    }
    Ok(())
}

fn repeats(conn: &Connection, all: &mut Numbered) -> Result<()> {
    let mut statement = conn
        .prepare_cached("SELECT sweep, config, replicate, attempt, worker, equal, outcome, at_ms, fact FROM repeats")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let record = Record::OutcomeRepeated {
            id: attempt(row, 0)?,
            worker: WorkerId(number(row, 4)?),
            equal: row.get(5)?,
            outcome: from_json(row, 6)?,
            at: millis(row, 7)?,
        };
        all.push((row.get(8)?, record));
    }
    Ok(())
}

fn abandoned(conn: &Connection, all: &mut Numbered) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT sweep, config, replicate, abandoned_ms, abandon_fact FROM trials WHERE abandon_fact IS NOT NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        all.push((row.get(4)?, Record::TrialAbandoned { trial: trial(row, 0)?, at: millis(row, 3)? }));
    }
    Ok(())
}

fn data_digests(conn: &Connection, all: &mut Numbered) -> Result<()> {
    let mut statement = conn.prepare_cached("SELECT sweep, key, digest, fact FROM data_digests")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sweep = SweepId(row.get(0)?);
        all.push((row.get(3)?, Record::DataPinned { sweep, key: row.get(1)?, digest: row.get(2)? }));
    }
    Ok(())
}
