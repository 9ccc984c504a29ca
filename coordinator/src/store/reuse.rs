//! Outcomes of equal trials: equal recipe digest, seed and trainer version, whatever sweep they were observed in.

use super::{
    load::{decimal, number, trial},
    outcomes::{self, Which},
};
use rusqlite::{Connection, Result};
use std::collections::{BTreeMap, HashMap};
use sweeper_core::{
    ids::{TrialId, WorkerId},
    plan::trial_seed,
    scheduler::ReusedOutcome,
    spec::SweepSpec,
};

/// A planned trial that need not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reusable {
    /// Config in the planned sweep.
    pub config: u32,
    /// Replicate in the planned sweep.
    pub replicate: u32,
    /// The trial that was observed.
    pub from: TrialId,
    /// Who reported it.
    pub worker: Option<WorkerId>,
}

/// An observed trial that equals a planned one in recipe, seed and trainer version.
struct Candidate {
    from: TrialId,
    worker: Option<WorkerId>,
    data_digest: String,
    fact: i64,
}

/// See `Store::reusable_trials`.
pub(super) fn trials(conn: &Connection, spec: &SweepSpec, trainer_version: &str) -> Result<Vec<Reusable>> {
    let mut by_recipe: BTreeMap<&str, HashMap<u64, Vec<Candidate>>> = BTreeMap::new();
    for config in &spec.configs {
        if !by_recipe.contains_key(config.recipe_digest.as_str()) {
            by_recipe.insert(&config.recipe_digest, candidates(conn, &config.recipe_digest, trainer_version)?);
        }
    }
    // All equal trials, and per data key the data of the latest of them.
    let mut matches: Vec<(u32, u32, &[Candidate])> = Vec::new();
    let mut latest: BTreeMap<&str, &Candidate> = BTreeMap::new();
    for (config, c) in (0u32..).zip(&spec.configs) {
        let Some(by_seed) = by_recipe.get(c.recipe_digest.as_str()) else { continue };
        for replicate in 0..c.replicates {
            let Some(equal) = by_seed.get(&trial_seed(spec, config, replicate)) else { continue };
            matches.push((config, replicate, equal));
            for candidate in equal {
                let best = latest.entry(&c.data_key).or_insert(candidate);
                if candidate.fact > best.fact {
                    *best = candidate;
                }
            }
        }
    }
    let chosen = matches.into_iter().filter_map(|(config, replicate, equal)| {
        let key = spec.configs.get(config as usize)?.data_key.as_str();
        let data = &latest.get(key)?.data_digest;
        let best = equal.iter().filter(|c| c.data_digest == *data).max_by_key(|c| c.fact)?;
        Some(Reusable { config, replicate, from: best.from, worker: best.worker })
    });
    Ok(chosen.collect())
}

/// Outcomes that were really observed (not taken over) with this recipe, by seed.
fn candidates(conn: &Connection, recipe_digest: &str, trainer_version: &str) -> Result<HashMap<u64, Vec<Candidate>>> {
    let mut statement = conn.prepare_cached(
        "SELECT o.sweep, o.config, o.replicate, t.seed, o.worker, o.data_digest, o.fact
         FROM configs c JOIN outcomes o USING (sweep, config) JOIN trials t USING (sweep, config, replicate)
         WHERE c.recipe_digest = ?1 AND o.trainer_version = ?2 AND o.attempt > 0",
    )?;
    let mut rows = statement.query([recipe_digest, trainer_version])?;
    let mut by_seed: HashMap<u64, Vec<Candidate>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let worker = row.get::<_, Option<i64>>(4)?.map(|_| number(row, 4).map(WorkerId)).transpose()?;
        by_seed.entry(decimal(row, 3)?).or_default().push(Candidate {
            from: trial(row, 0)?,
            worker,
            data_digest: row.get(5)?,
            fact: row.get(6)?,
        });
    }
    Ok(by_seed)
}

/// See `Store::reusable`.
pub(super) fn outcomes(conn: &Connection, spec: &SweepSpec, trainer_version: &str) -> Result<Vec<ReusedOutcome>> {
    let mut reused = Vec::new();
    for Reusable { config, replicate, from, worker } in trials(conn, spec, trainer_version)? {
        outcomes::visit(conn, Which::Trial(from), |stored| {
            reused.push(ReusedOutcome { config, replicate, from, worker, outcome: stored.outcome });
        })?;
    }
    Ok(reused)
}

/// See `Store::trial_seconds`.
pub(super) fn trial_seconds(conn: &Connection, recipe_digest: &str) -> Result<Option<f64>> {
    let mut statement = conn.prepare_cached(
        "SELECT avg(o.train_seconds + o.evaluate_seconds) FROM configs c JOIN outcomes o USING (sweep, config)
         WHERE c.recipe_digest = ?1 AND o.attempt > 0",
    )?;
    statement.query_row([recipe_digest], |row| row.get(0))
}
