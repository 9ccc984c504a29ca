//! Random histories of a scheduler: what the store gives back is what was decided.

use super::{Dice, HOSTILE, SETTINGS, divergence, info, outcome, report, spec};
use crate::store::Store;
use std::path::Path;
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, WorkerId},
    record::{Failure, Record, StopReason, Stopped},
    scheduler::{Scheduler, TrialReport},
    spec::{LookPlan, Pairing, Spending, Stopping},
    state::TrialState,
};

struct History {
    dice: Dice,
    now: u64,
    scheduler: Scheduler,
    store: Store,
    attempts: Vec<(WorkerId, AttemptId)>,
    processes: u64,
    committed: Vec<Record>,
}

impl History {
    fn new(seed: u64, dir: &Path) -> Self {
        Self {
            dice: Dice(seed),
            now: 1_700_000_000_000,
            scheduler: Scheduler::new(SETTINGS),
            store: Store::open(dir).unwrap(),
            attempts: Vec::new(),
            processes: 0,
            committed: Vec::new(),
        }
    }

    fn worker(&mut self) -> WorkerId {
        let workers: Vec<WorkerId> = self.scheduler.state().workers.keys().copied().collect();
        self.dice.pick(&workers).copied().unwrap_or(WorkerId(1))
    }

    /// One random decision.
    fn step(&mut self) {
        self.now += self.dice.below(40);
        let now = Millis(self.now);
        match self.dice.below(22) {
            20 | 21 => self.look(),
            0 => self.submit(),
            1 | 2 => {
                if self.dice.below(3) > 0 {
                    self.processes += 1;
                }
                let process = format!("process {} {HOSTILE}", self.dice.below(self.processes + 1));
                let slot = format!("slot {}", self.dice.below(4));
                self.scheduler.join(now, info(&process, &slot));
            }
            3..=7 => {
                let (worker, capacity) = (self.worker(), self.dice.below(4));
                let grants = self.scheduler.acquire(now, worker, u32::try_from(capacity).unwrap()).unwrap_or_default();
                self.attempts.extend(grants.into_iter().map(|g| (worker, g.id)));
            }
            8..=15 => self.report(),
            16 => {
                let worker = self.worker();
                self.scheduler.leave(now, worker);
            }
            17 => {
                let sweep = SweepId(u32::try_from(self.dice.below(6)).unwrap());
                self.scheduler.cancel(now, sweep, HOSTILE).ok();
            }
            _ => {
                self.now += self.dice.below(SETTINGS.lease_term_ms);
                self.scheduler.expire(Millis(self.now));
            }
        }
        assert_eq!(self.scheduler.defect(), None);
    }

    fn submit(&mut self) {
        let recipes = ["a", "b", "c", "d"];
        let configs: Vec<(&str, u32)> = (0..=self.dice.below(3))
            .map(|_| (*self.dice.pick(&recipes).unwrap(), u32::try_from(self.dice.below(5)).unwrap()))
            .collect();
        let pairing = *self.dice.pick(&[Pairing::Common, Pairing::Independent]).unwrap();
        let name = *self.dice.pick(&["first", "second", HOSTILE]).unwrap();
        let seed = *self.dice.pick(&[0, 7, u64::MAX]).unwrap();
        let mut spec = spec(name, seed, pairing, &configs);
        spec.analysis.stopping = match self.dice.below(4) {
            0 => Stopping::EValue,
            1 => {
                let looks = LookPlan::At(vec![2, 3]);
                Stopping::Looks { looks, spending: Spending::OBrienFleming, futility: false }
            }
            _ => Stopping::Fixed,
        };
        spec.digest.push_str(&format!("{:?}", spec.analysis.stopping));
        let reused = self.store.reusable(&spec, sweeper_recipe::TRAINER_VERSION).unwrap();
        let supersede = self.dice.below(2) == 0;
        self.scheduler.submit(Millis(self.now), spec, supersede, reused).ok();
    }

    /// Takes the looks that are due, each of which stops some config or none.
    fn look(&mut self) {
        let due = |scheduler: &Scheduler| {
            let sweeps = scheduler.state().sweeps.iter();
            sweeps.filter_map(|(id, sweep)| Some((*id, sweep.due_look()?.undecided().collect::<Vec<_>>()))).next()
        };
        while let Some((sweep, undecided)) = due(&self.scheduler) {
            let some = if self.dice.below(2) == 0 { self.dice.pick(&undecided).copied() } else { None };
            let stopped = some.map(|config| Stopped { config, why: StopReason::Futile });
            self.scheduler.look(Millis(self.now), sweep, "", stopped.into_iter().collect()).unwrap();
        }
    }

    fn report(&mut self) {
        // Mostly recent ones, for most leases are over soon.
        let recent = self.attempts.len().saturating_sub(if self.dice.below(4) == 0 { 30 } else { 5 });
        let attempts = self.attempts.get(recent..).unwrap_or_default().to_vec();
        let Some((worker, id)) = self.dice.pick(&attempts).copied() else { return };
        let data = *self.dice.pick(&["", "data 1", "data 1", "data 1", "data 2"]).unwrap();
        let accuracy = f64::from_bits(0x4050_0000_0000_0000 | self.dice.next() >> 16);
        let result = match self.dice.below(7) {
            0 | 5 => TrialReport::Failure(Failure { error: HOSTILE.to_owned(), log_tail: "line\0\n".repeat(3) }),
            1 => TrialReport::Released(HOSTILE.to_owned()),
            2 => TrialReport::Outcome(divergence(data)),
            3 => TrialReport::Outcome(outcome(80.0, data)),
            _ => TrialReport::Outcome(outcome(accuracy, data)),
        };
        report(&mut self.scheduler, self.now, worker, id, result);
    }

    /// Stores what was decided, as one transaction or as several.
    fn commit(&mut self) {
        let records = self.scheduler.take_records();
        let size = 1 + usize::try_from(self.dice.below(8)).unwrap();
        for group in records.chunks(if self.dice.below(2) == 0 { size } else { usize::MAX }) {
            self.store.commit(group).unwrap();
        }
        self.committed.extend(records);
    }

    /// Compares what the store gives back with what was decided.
    fn check(&self, store: &Store) {
        let records = store.load_records().unwrap();
        // As text, because NaN is not equal to itself.
        let text = |records: &[Record]| serde_json::to_string(records).unwrap();
        assert_eq!(text(&records), text(&self.committed));
        let restored = Scheduler::restore(SETTINGS, records, Millis(self.now)).unwrap();
        assert_eq!(restored.state(), self.scheduler.state());
        self.check_tables(store);
    }

    /// The columns that users read say the same as the state.
    fn check_tables(&self, store: &Store) {
        let state = self.scheduler.state();
        let mut statement = store
            .conn
            .prepare("SELECT sweep, config, replicate, state, attempts, failures, last_error FROM trials")
            .unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut seen = 0;
        while let Some(row) = rows.next().unwrap() {
            let sweep = state.sweeps.get(&SweepId(row.get(0).unwrap())).unwrap();
            let trial = sweep.trial(row.get(1).unwrap(), row.get(2).unwrap()).unwrap();
            assert_eq!(row.get::<_, String>(3).unwrap(), trial.state.name());
            assert_eq!(row.get::<_, u32>(4).unwrap(), trial.attempts);
            assert_eq!(row.get::<_, u32>(5).unwrap(), trial.failures);
            assert_eq!(row.get::<_, Option<String>>(6).unwrap().as_deref(), trial.last_error.as_deref());
            seen += 1;
        }
        assert_eq!(seen, state.sweeps.values().map(|s| s.trials.len()).sum::<usize>());
        let open: u32 =
            store.conn.query_row("SELECT count(*) FROM attempts WHERE end = 'open'", [], |row| row.get(0)).unwrap();
        assert_eq!(open, state.sweeps.values().map(|s| s.counts.leased).sum::<u32>());
        for (id, sweep) in &state.sweeps {
            let results = store.results(*id).unwrap();
            assert_eq!(results.closed_ms, sweep.closed.map(|at| at.0), "{id}");
            assert_eq!(results.spec, sweep.spec);
            let finished = results.trials.iter().filter(|t| t.state == TrialState::Finished.name());
            assert_eq!(u32::try_from(finished.count()).unwrap(), sweep.counts.finished);
            assert_eq!(results.repeats as usize, sweep.repeated.len());
            assert_eq!(results.looks.len(), sweep.looks_taken.len());
            for trial in &results.trials {
                assert_eq!(trial.stopped, sweep.stopped(trial.config, trial.replicate).is_some());
            }
            let cancelled: u32 = results.looks.iter().map(|look| look.cancelled).sum();
            assert_eq!(cancelled, sweep.counts.stopped);
        }
    }
}

#[test]
fn what_comes_back_is_what_was_decided() {
    let (mut finished, mut repeated, mut reused, mut abandoned, mut lost, mut stops) = (0, 0, 0, 0, 0, 0);
    for seed in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(seed, dir.path());
        for _ in 0..200 {
            history.step();
            if history.dice.below(6) == 0 {
                history.commit();
            }
            match history.dice.below(60) {
                0 => {
                    // A restart. What was not committed was never answered, so nobody saw it.
                    history.commit();
                    let History { dice, now, scheduler, store, attempts, processes, committed } = history;
                    drop(store);
                    let store = Store::open(dir.path()).unwrap();
                    history = History { dice, now, scheduler, store, attempts, processes, committed };
                    history.check(&history.store);
                }
                1 => {
                    history.commit();
                    history.check(&Store::open_read_only(dir.path()).unwrap());
                }
                _ => {}
            }
        }
        history.commit();
        history.check(&history.store);
        for record in &history.committed {
            match record {
                Record::OutcomeAccepted { reused_from: Some(_), .. } => reused += 1,
                Record::OutcomeAccepted { .. } => finished += 1,
                Record::OutcomeRepeated { .. } => repeated += 1,
                Record::TrialAbandoned { .. } => abandoned += 1,
                Record::LookTaken { look, .. } if !look.stopped.is_empty() => stops += 1,
                Record::WorkerGone { why: sweeper_core::record::WorkerEnd::Lost, .. } => lost += 1,
                _ => {}
            }
        }
    }
    // The histories are worth something only if everything happens in them.
    let happened = [finished, repeated, reused, abandoned, lost, stops];
    assert!(happened.iter().all(|n| *n > 10), "too tame: {happened:?}");
}
