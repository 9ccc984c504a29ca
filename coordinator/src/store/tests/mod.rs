//! Tests of the store, and small worlds that other modules' tests use too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod errors;
mod histories;
mod kill;
mod migrations;
mod predictions;
mod reading;

use super::Store;
use sweeper_core::{
    ids::{AttemptId, Millis, WorkerId},
    record::{Metric, Outcome, OutcomeKind, Prediction, Provenance, WorkerInfo},
    scheduler::{Grant, ReportAnswer, Scheduler, Settings, TrialReport},
    spec::{AnalysisPlan, ConfigSpec, Correction, Direction, FamilyKind, Missing, Pairing, Stopping, SweepSpec, Tasks},
};

/// Settings of these tests.
pub(crate) const SETTINGS: Settings = Settings { lease_term_ms: 1_000 };

/// A name that would hurt where names become SQL.
pub(crate) const HOSTILE: &str = "a'); DROP TABLE trials; --\"\\";

/// A sweep of configs given as (recipe, replicates).
pub(crate) fn spec(name: &str, seed: u64, pairing: Pairing, configs: &[(&str, u32)]) -> SweepSpec {
    let configs: Vec<ConfigSpec> = configs
        .iter()
        .enumerate()
        .map(|(i, (recipe, replicates))| ConfigSpec {
            name: format!("config {i} {HOSTILE}"),
            stratum: String::new(),
            replicates: *replicates,
            recipe: format!("{{\"lr\":\"{recipe}\"}}").into_bytes(),
            recipe_digest: format!("digest of {recipe}"),
            data_key: "fashion-mnist".to_owned(),
            training_digest: ["", "shared", "also shared"][i % 3].to_owned(),
            twins_before: 0,
        })
        .collect();
    let digest = format!("{name} {seed} {pairing:?} {:?}", configs);
    let mut spec = SweepSpec {
        name: name.to_owned(),
        seed,
        pairing,
        priority: i32::try_from(seed % 3).unwrap() - 1,
        max_failures: 2,
        configs,
        analysis: AnalysisPlan {
            metric: "accuracy/balanced".to_owned(),
            direction: Direction::Maximize,
            baseline: "config 0".to_owned(),
            alpha: 0.1 + 0.2,
            correction: Correction::Holm,
            confidence: 0.95,
            family: FamilyKind::Baseline,
            delta: None,
            secondary: Vec::new(),
            missing: Missing::CompletedPairs,
            tasks: Tasks::None,
            tuning: std::collections::BTreeMap::new(),
            stopping: Stopping::Fixed,
        },
        digest,
        plan_digest: "plan".to_owned(),
        toml: "name = \"ä\"\n".to_owned(),
        overrides: vec!["replicates=8".to_owned(), HOSTILE.to_owned()],
    };
    spec.number_twins();
    spec
}

/// What a worker says of itself.
pub(crate) fn info(process: &str, slot: &str) -> WorkerInfo {
    WorkerInfo {
        process_id: process.to_owned(),
        slot: slot.to_owned(),
        node: "node-ä".to_owned(),
        device: HOSTILE.to_owned(),
        software_version: "0.1.0".to_owned(),
        os_pid: 4_294_967_295,
    }
}

/// Eleven images, right or wrong as the accuracy's low bits say.
pub(crate) fn bits(split: &str, accuracy: f64) -> Prediction {
    let low = accuracy.to_bits().to_le_bytes();
    Prediction::new(split.to_owned(), 11, vec![low[0], low[1] & 7])
}

/// A completed outcome with this accuracy, observed on data of this digest.
pub(crate) fn outcome(accuracy: f64, data_digest: &str) -> Outcome {
    let metric = |name: &str, epoch, value, is_final| Metric { name: name.to_owned(), epoch, value, is_final };
    Outcome {
        kind: OutcomeKind::Completed,
        metrics: vec![
            metric("loss/train", 2, f64::NAN, false),
            metric("loss/train", 1, f64::INFINITY, false),
            metric("accuracy/balanced", 2, accuracy, true),
        ],
        provenance: Provenance {
            data_digest: data_digest.to_owned(),
            trainer_version: sweeper_recipe::TRAINER_VERSION.to_owned(),
            parameter_digest: "parameters".to_owned(),
            device: "cpu".to_owned(),
            library: "none".to_owned(),
            train_seconds: 1.5,
            evaluate_seconds: 0.5,
        },
        predictions: [HOSTILE, "balanced"].map(|split| bits(split, accuracy)).to_vec(),
    }
}

/// A divergence.
pub(crate) fn divergence(data_digest: &str) -> Outcome {
    let kind = OutcomeKind::Diverged { epoch: 1, step: 1 << 53, what: "loss".to_owned() };
    Outcome { kind, ..outcome(1.0 / 3.0, data_digest) }
}

/// Reports a result for a grant, with the recipe digest of its trial.
pub(crate) fn report(
    scheduler: &mut Scheduler,
    now: u64,
    worker: WorkerId,
    id: AttemptId,
    result: TrialReport,
) -> ReportAnswer {
    let sweep = scheduler.state().sweeps.get(&id.trial.sweep);
    let config = sweep.and_then(|s| s.spec.configs.get(id.trial.config as usize));
    let digest = config.map(|c| c.recipe_digest.clone()).unwrap_or_default();
    scheduler.report(Millis(now), worker, id, &digest, result)
}

/// Runs pending trials on one worker, at most `limit`, each with the outcome that `observe` gives it.
pub(crate) fn work(
    scheduler: &mut Scheduler,
    now: u64,
    worker: WorkerId,
    limit: usize,
    mut observe: impl FnMut(&Grant) -> Outcome,
) -> usize {
    for done in 0..limit {
        let grants = scheduler.acquire(Millis(now), worker, 1).unwrap();
        let Some(grant) = grants.first() else { return done };
        let answer = report(scheduler, now, worker, grant.id, TrialReport::Outcome(observe(grant)));
        assert_eq!(answer, ReportAnswer::Accepted);
    }
    limit
}

/// Makes all sweeps those of another trainer version.
pub(crate) fn begun_with_another_trainer(store: &Store) {
    store.conn.execute("UPDATE sweeps SET trainer_version = 'another'", []).unwrap();
}

/// Lets the database grow by so many pages only, as a full disk would.
pub(crate) fn limit_growth(store: &Store, pages: i64) {
    let now: i64 = store.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.conn.query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |_| Ok(())).unwrap();
}

/// Numbers that look random and depend on the seed alone (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// An element.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(usize::try_from(self.below(items.len() as u64)).unwrap()) }
    }
}
