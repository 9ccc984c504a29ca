//! The core's rules one by one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod blocks;
mod explain;
mod facts;
mod ids;
mod looks;
mod plan;
mod reports;
mod scale;
mod scheduling;
mod sharing;
mod workers;

use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    record::{Failure, Metric, Outcome, OutcomeKind, Provenance, Record, WorkerInfo},
    scheduler::{Grant, ReportAnswer, Scheduler, Settings, TrialReport},
    spec::{AnalysisPlan, ConfigSpec, Correction, Direction, FamilyKind, Missing, Pairing, Stopping, SweepSpec, Tasks},
    state::Counts,
};

const TERM: u64 = 30_000;
/// A seed under which the first replicate of up to 6 configs, and the second of up to 3, are served in the order of the
/// file, so that tests can name trials at sight.
const SEED: u64 = 159_426_629;
const SETTINGS: Settings = Settings { lease_term_ms: TERM };

/// A config `name` of `stratum`, with recipe digest `recipe-NAME` and data key `data`.
fn config(stratum: &str, name: &str, replicates: u32) -> ConfigSpec {
    ConfigSpec {
        name: name.to_owned(),
        stratum: stratum.to_owned(),
        replicates,
        recipe: b"{}".to_vec(),
        recipe_digest: format!("recipe-{name}"),
        data_key: "data".to_owned(),
        training_digest: String::new(),
        twins_before: 0,
    }
}

fn spec_of(name: &str, configs: Vec<ConfigSpec>) -> SweepSpec {
    SweepSpec {
        name: name.to_owned(),
        seed: SEED,
        pairing: Pairing::Common,
        priority: 0,
        max_failures: 3,
        digest: format!("{name}-{}-{}", configs.len(), configs.first().map_or(0, |c| c.replicates)),
        configs,
        analysis: AnalysisPlan {
            metric: "accuracy/test".to_owned(),
            direction: Direction::Maximize,
            baseline: "a".to_owned(),
            alpha: 0.05,
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
        plan_digest: String::new(),
        toml: String::new(),
        overrides: Vec::new(),
    }
}

/// Configs `a`, `b`, … of equally many replicates.
fn spec(name: &str, configs: u8, replicates: u32) -> SweepSpec {
    spec_of(name, (0..configs).map(|i| config("", &char::from(b'a' + i).to_string(), replicates)).collect())
}

fn info(process: &str, slot: &str) -> WorkerInfo {
    WorkerInfo {
        process_id: process.to_owned(),
        slot: slot.to_owned(),
        node: "node1".to_owned(),
        device: "cpu:0".to_owned(),
        software_version: "0.1.0".to_owned(),
        os_pid: 1,
    }
}

fn outcome(value: f64) -> Outcome {
    let name = "accuracy/test".to_owned();
    let provenance = Provenance { data_digest: "d1".to_owned(), ..Provenance::default() };
    let metrics = vec![Metric { name, epoch: 1, value, is_final: true }];
    Outcome { kind: OutcomeKind::Completed, metrics, provenance, predictions: Vec::new() }
}

fn failure(error: &str) -> TrialReport {
    TrialReport::Failure(Failure { error: error.to_owned(), log_tail: String::new() })
}

fn trial(sweep: u32, config: u32, replicate: u32) -> TrialId {
    TrialId { sweep: SweepId(sweep), config, replicate }
}

fn attempt(sweep: u32, config: u32, replicate: u32, attempt: u32) -> AttemptId {
    AttemptId { trial: trial(sweep, config, replicate), attempt }
}

fn names(grants: &[Grant]) -> Vec<String> {
    grants.iter().map(|g| g.id.to_string()).collect()
}

/// A scheduler and everything it ever emitted; every look at it checks that a restart would lead to the same state.
struct Desk {
    core: Scheduler,
    facts: Vec<Record>,
    now: Millis,
}

impl Desk {
    fn new() -> Self {
        Self { core: Scheduler::new(SETTINGS), facts: Vec::new(), now: Millis(1_000_000) }
    }

    fn with(spec: SweepSpec) -> Self {
        let mut desk = Self::new();
        assert!(desk.core.submit(desk.now, spec, false, Vec::new()).unwrap().created);
        desk
    }

    /// Joins process `pN` in slot `sN`.
    fn join(&mut self, n: u32) -> WorkerId {
        self.core.join(self.now, info(&format!("p{n}"), &format!("s{n}")))
    }

    fn acquire(&mut self, worker: WorkerId, capacity: u32) -> Vec<Grant> {
        self.core.acquire(self.now, worker, capacity).unwrap()
    }

    fn report(&mut self, worker: WorkerId, id: AttemptId, report: TrialReport) -> ReportAnswer {
        let config = &self.core.state().sweeps[&id.trial.sweep].spec.configs[id.trial.config as usize];
        let digest = config.recipe_digest.clone();
        self.core.report(self.now, worker, id, &digest, report)
    }

    fn finish(&mut self, worker: WorkerId, id: AttemptId) {
        assert_eq!(self.report(worker, id, TrialReport::Outcome(outcome(1.0))), ReportAnswer::Accepted);
    }

    /// Lets time pass, then looks at the deadlines.
    fn pass(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
        self.core.expire(self.now);
    }

    /// The facts since the last look, after a check of the whole.
    fn facts(&mut self) -> Vec<Record> {
        let new = self.core.take_records();
        self.facts.extend(new.iter().cloned());
        let again = Scheduler::restore(SETTINGS, self.facts.iter().cloned(), self.now).unwrap();
        assert_eq!(again.state(), self.core.state());
        assert_eq!(self.core.defect(), None);
        new
    }

    /// A crash after the commit, and a restart.
    fn restart(&mut self) {
        self.facts();
        self.core = Scheduler::restore(SETTINGS, self.facts.iter().cloned(), self.now).unwrap();
    }

    fn counts(&self, sweep: u32) -> Counts {
        self.core.state().sweeps[&SweepId(sweep)].counts
    }
}
