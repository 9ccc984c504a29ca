//! Looks at sweeps with a stopping rule, and the values that they are taken at.

use super::{
    int,
    load::{bad, millis},
};
use rusqlite::{Connection, Result, params};
use std::collections::BTreeMap;
use sweeper_core::{
    ids::{Millis, SweepId},
    record::{Look, StopReason, Stopped},
};

/// A row of `looks` with its rows of `stops`.
#[derive(Debug, Clone)]
pub(super) struct StoredLook {
    pub(super) sweep: SweepId,
    pub(super) look: Look,
    pub(super) at: Millis,
    pub(super) fact: i64,
    /// Open trials that it made superfluous.
    pub(super) cancelled: u32,
}

/// The looks at one sweep, or at all, in the order in which they were taken.
pub(super) fn stored(conn: &Connection, sweep: Option<SweepId>) -> Result<Vec<StoredLook>> {
    let only = [sweep.map(|s| s.0)];
    let mut stops: BTreeMap<i64, Vec<Stopped>> = BTreeMap::new();
    let mut statement = conn
        .prepare_cached("SELECT fact, config, why FROM stops WHERE ?1 IS NULL OR sweep = ?1 ORDER BY sweep, config")?;
    let mut rows = statement.query(only)?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(2)?.as_str().map_err(|e| bad(2, e.to_string()))?;
        let why = StopReason::of_name(name).ok_or_else(|| bad(2, format!("nothing stops for `{name}`")))?;
        stops.entry(row.get(0)?).or_default().push(Stopped { config: row.get(1)?, why });
    }
    let mut statement = conn.prepare_cached(
        "SELECT fact, sweep, stratum, replicates, until, cancelled, at_ms FROM looks
         WHERE ?1 IS NULL OR sweep = ?1 ORDER BY fact",
    )?;
    let mut rows = statement.query(only)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let fact = row.get(0)?;
        let stopped = stops.remove(&fact).unwrap_or_default();
        let look = Look { stratum: row.get(2)?, replicates: row.get(3)?, until: row.get(4)?, stopped };
        all.push(StoredLook { sweep: SweepId(row.get(1)?), look, at: millis(row, 6)?, fact, cancelled: row.get(5)? });
    }
    Ok(all)
}

/// Writes a look and what it does to trials and attempts.
pub(super) fn write(conn: &Connection, fact: i64, sweep: SweepId, look: &Look, at: Millis) -> Result<()> {
    let mut cancelled = 0_i64;
    for Stopped { config, .. } in &look.stopped {
        let behind = params![sweep.0, config, look.replicates];
        let changed = conn
            .prepare_cached(
                "UPDATE trials SET state = 'Cancelled'
                 WHERE sweep = ?1 AND config = ?2 AND replicate >= ?3 AND state IN ('Pending', 'Leased')",
            )?
            .execute(behind)?;
        cancelled += i64::try_from(changed).unwrap_or(i64::MAX);
        conn.prepare_cached(
            "UPDATE attempts SET end = 'cancelled', ended_ms = ?4
             WHERE sweep = ?1 AND config = ?2 AND replicate >= ?3 AND end = 'open'",
        )?
        .execute(params![sweep.0, config, look.replicates, int(at.0)])?;
    }
    conn.prepare_cached(
        "INSERT INTO looks (fact, sweep, stratum, replicates, until, cancelled, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![fact, sweep.0, look.stratum, look.replicates, look.until, cancelled, int(at.0)])?;
    for Stopped { config, why } in &look.stopped {
        conn.prepare_cached("INSERT INTO stops (sweep, config, replicates, why, fact) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![sweep.0, config, look.replicates, why.name(), fact])?;
    }
    Ok(())
}

/// Final values of a metric of completed trials: (replicate, value), ascending.
pub(super) fn final_values(
    conn: &Connection,
    (sweep, config): (SweepId, u32),
    replicates: std::ops::Range<u32>,
    metric: &str,
) -> Result<Vec<(u32, f64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT m.replicate, m.value FROM metrics m JOIN outcomes o USING (sweep, config, replicate)
         WHERE m.sweep = ?1 AND m.config = ?2 AND m.replicate >= ?3 AND m.replicate < ?4 AND m.name = ?5
               AND m.is_final AND o.ending = 'completed'
         ORDER BY m.replicate, m.position",
    )?;
    let rows = statement.query_map(params![sweep.0, config, replicates.start, replicates.end, metric], |row| {
        Ok((row.get(0)?, row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN)))
    })?;
    rows.collect()
}
