//! Answers to what users ask, as pure functions of state, store and what is known of running trials. A coordinator
//! answers with them; [`Offline`] gives the same answers from a state directory that nobody serves.

use crate::{
    driver::{DriverError, Progress, Volatile},
    results::SweepResults,
    store::{Store, StoredAttempt},
};
use std::{collections::BTreeMap, path::Path};
use sweeper_core::{
    explain::explain,
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    plan::trial_seed,
    record::Prediction,
    spec::SweepSpec,
    state::{Counts, State, StratumLooks, Sweep, TakenLook, TrialState, WorkerState, apply},
};
use sweeper_proto::v1;
use sweeper_recipe::TRAINER_VERSION;

/// Predictions in one answer, bytes, unless a single trial has more: far below what a message may hold.
const PREDICTIONS_PAGE_BYTES: usize = 2 << 20;

/// What answers are computed from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The scheduler's state.
    pub state: &'a State,
    /// The store.
    pub store: &'a Store,
    /// What heartbeats told.
    pub volatile: &'a Volatile,
    /// When each worker was heard of last.
    pub last_seen: &'a dyn Fn(WorkerId) -> Option<Millis>,
    /// Now.
    pub now: Millis,
}

/// All sweeps, oldest first.
#[must_use]
pub fn list_sweeps(view: &View<'_>) -> v1::ListSweepsResponse {
    v1::ListSweepsResponse { sweeps: view.state.sweeps.iter().map(|(id, sweep)| summary(*id, sweep)).collect() }
}

/// A sweep with its configs and running trials.
///
/// # Errors
/// [`DriverError::UnknownSweep`].
pub fn show_sweep(view: &View<'_>, id: SweepId) -> Result<v1::ShowSweepResponse, DriverError> {
    let sweep = view.state.sweeps.get(&id).ok_or(DriverError::UnknownSweep(id))?;
    let leased: Vec<AttemptId> =
        view.state.workers.values().flat_map(|w| &w.leases).filter(|a| a.trial.sweep == id).copied().collect();
    let configs = (0u32..).zip(sweep.spec.configs.iter().zip(config_counts(sweep)));
    Ok(v1::ShowSweepResponse {
        summary: Some(summary(id, sweep)),
        configs: configs
            .map(|(config, (c, counts))| {
                let values = view.volatile.moments(id, config);
                v1::ConfigSummary {
                    config,
                    name: c.name.clone(),
                    recipe_digest: c.recipe_digest.clone(),
                    trials: Some(wire_counts(counts)),
                    values: values.count,
                    mean: values.mean(),
                    sd: values.sd(),
                }
            })
            .collect(),
        running: view.state.workers.keys().flat_map(|w| running(view, *w)).filter(|r| sweep_of(r) == id.0).collect(),
        remaining_ms: view.volatile.remaining_ms(id, sweep, &leased, view.now),
        metric: sweep.spec.analysis.metric.clone(),
        looks: sweep.looks_taken.iter().map(|taken| look_summary(sweep, taken)).collect(),
        next_looks: next_looks(sweep),
    })
}

fn look_summary(sweep: &Sweep, taken: &TakenLook) -> v1::LookSummary {
    let stopped = taken.look.stopped.iter().map(|s| v1::StoppedConfig {
        config: s.config,
        name: sweep.spec.configs.get(s.config as usize).map(|c| c.name.clone()).unwrap_or_default(),
        why: s.why.name().to_owned(),
    });
    v1::LookSummary {
        stratum: taken.look.stratum.clone(),
        replicates: taken.look.replicates,
        at_ms: taken.at.0,
        stopped: stopped.collect(),
    }
}

/// None any more for a sweep that was cancelled.
fn next_looks(sweep: &Sweep) -> Vec<v1::NextLook> {
    let strata = sweep.strata_looks().iter().filter(|_| sweep.cancelled.is_none());
    let next = |s: &StratumLooks| {
        Some(v1::NextLook { stratum: s.name.clone(), replicates: s.next()?, waits_for: s.waits_for })
    };
    strata.filter_map(next).collect()
}

/// Live workers, or with `all` every worker that ever joined.
#[must_use]
pub fn list_workers(view: &View<'_>, all: bool) -> v1::ListWorkersResponse {
    let workers = view.state.workers.iter().filter(|(_, w)| all || w.state.is_live());
    let workers = workers.map(|(id, w)| v1::WorkerSummary {
        worker: id.0,
        state: w.state.name().to_owned(),
        node: w.info.node.clone(),
        device: w.info.device.clone(),
        software_version: w.info.software_version.clone(),
        joined_ms: w.joined.0,
        last_seen_ms: (view.last_seen)(*id).unwrap_or(w.joined).0,
        finished_trials: w.finished,
        running: running(view, *id),
    });
    v1::ListWorkersResponse { workers: workers.collect() }
}

/// Why a trial is where it is, and its attempts.
///
/// # Errors
/// [`DriverError::UnknownTrial`], and errors of reading the store.
pub fn explain_trial(view: &View<'_>, id: TrialId) -> Result<v1::ExplainTrialResponse, DriverError> {
    let unknown = || DriverError::UnknownTrial(id);
    let why = explain(view.state, id, view.now).map_err(|_| unknown())?;
    let trial = view.state.trial(id).ok_or_else(unknown)?;
    let spec = &view.state.sweeps.get(&id.sweep).ok_or_else(unknown)?.spec;
    let config = spec.configs.get(id.config as usize).ok_or_else(unknown)?;
    Ok(v1::ExplainTrialResponse {
        config_name: config.name.clone(),
        state: trial.state.name().to_owned(),
        why,
        attempts: view.store.attempts(id)?.into_iter().map(history).collect(),
        seed: trial_seed(spec, id.config, id.replicate),
        recipe_digest: config.recipe_digest.clone(),
    })
}

/// What submitting `spec` would do: which sweep has this content already, or else which trials an earlier sweep
/// finished.
///
/// # Errors
/// Errors of reading the store.
pub fn plan(view: &View<'_>, spec: &SweepSpec) -> Result<v1::PlanResponse, DriverError> {
    let existing = view.state.equal_sweep(&spec.digest);
    let finished: BTreeMap<u32, u32> = match existing.and_then(|id| view.state.sweeps.get(&id)) {
        Some(sweep) => (0u32..).zip(config_counts(sweep).into_iter().map(|c| c.finished)).collect(),
        None => {
            let reusable = view.store.reusable_trials(spec, TRAINER_VERSION)?;
            reusable.iter().fold(BTreeMap::new(), |mut counts, trial| {
                *counts.entry(trial.config).or_default() += 1;
                counts
            })
        }
    };
    Ok(v1::PlanResponse {
        existing_sweep: existing.map_or(0, |id| id.0),
        configs: (0u32..)
            .zip(&spec.configs)
            .map(|(config, c)| v1::PlannedConfig {
                name: c.name.clone(),
                recipe_digest: c.recipe_digest.clone(),
                replicates: c.replicates,
                finished: finished.get(&config).copied().unwrap_or_default(),
                stratum: c.stratum.clone(),
            })
            .collect(),
        mean_trial_seconds: mean_trial_seconds(view.store, spec)?,
    })
}

/// Which images the trials of a sweep had right, from the trial `from`, (config, replicate), on; no more than fits into
/// one message.
///
/// # Errors
/// Errors of reading the store.
pub fn predictions(
    store: &Store,
    sweep: SweepId,
    from: (u32, u32),
) -> Result<v1::FetchPredictionsResponse, DriverError> {
    let page = store.predictions(sweep, from, PREDICTIONS_PAGE_BYTES)?;
    let one = |p: Prediction| v1::Prediction { split: p.split, rows: p.rows, correct: p.correct };
    let trials = page.trials.into_iter().map(|found| v1::TrialPredictions {
        config: found.trial.config,
        replicate: found.trial.replicate,
        predictions: found.predictions.into_iter().map(one).collect(),
    });
    Ok(v1::FetchPredictionsResponse { trials: trials.collect(), more: page.more })
}

/// Mean over the planned trials whose recipe was observed before; 0 if none was.
fn mean_trial_seconds(store: &Store, spec: &SweepSpec) -> Result<f64, DriverError> {
    let mut known: BTreeMap<&str, Option<f64>> = BTreeMap::new();
    let (mut seconds, mut trials) = (0.0, 0.0);
    for config in &spec.configs {
        let mean = match known.get(config.recipe_digest.as_str()) {
            Some(mean) => *mean,
            None => {
                let mean = store.trial_seconds(&config.recipe_digest)?;
                known.insert(&config.recipe_digest, mean);
                mean
            }
        };
        if let Some(mean) = mean {
            seconds += mean * f64::from(config.replicates);
            trials += f64::from(config.replicates);
        }
    }
    Ok(if trials > 0.0 { seconds / trials } else { 0.0 })
}

/// `running`, `finished` or `cancelled`.
const fn sweep_state(sweep: &Sweep) -> &'static str {
    match (&sweep.cancelled, sweep.closed) {
        (Some(_), _) => "cancelled",
        (None, Some(_)) => "finished",
        (None, None) => "running",
    }
}

fn summary(id: SweepId, sweep: &Sweep) -> v1::SweepSummary {
    v1::SweepSummary {
        sweep: id.0,
        name: sweep.spec.name.clone(),
        state: sweep_state(sweep).to_owned(),
        configs: u32::try_from(sweep.spec.configs.len()).unwrap_or(u32::MAX),
        trials: Some(wire_counts(sweep.counts)),
        submitted_ms: sweep.submitted.0,
        closed_ms: sweep.closed.map_or(0, |at| at.0),
        cancel_reason: sweep.cancelled.clone().unwrap_or_default(),
    }
}

/// The counts of every config, in one pass over the trials.
fn config_counts(sweep: &Sweep) -> Vec<Counts> {
    let mut all = vec![Counts::default(); sweep.spec.configs.len()];
    for trial in &sweep.trials {
        let Some(counts) = all.get_mut(trial.id.config as usize) else { continue };
        counts.planned += 1;
        counts.diverged += u32::from(trial.diverged);
        counts.reused += u32::from(trial.reused);
        *match trial.state {
            TrialState::Pending => &mut counts.pending,
            TrialState::Leased => &mut counts.leased,
            TrialState::Finished => &mut counts.finished,
            TrialState::Abandoned => &mut counts.abandoned,
            TrialState::Cancelled => &mut counts.cancelled,
        } += 1;
        counts.held += u32::from(sweep.is_held(trial));
        let cancelled = trial.state == TrialState::Cancelled;
        counts.stopped += u32::from(cancelled && sweep.stopped(trial.id.config, trial.id.replicate).is_some());
    }
    all
}

fn wire_counts(c: Counts) -> v1::TrialCounts {
    v1::TrialCounts {
        planned: c.planned,
        pending: c.pending,
        leased: c.leased,
        finished: c.finished,
        abandoned: c.abandoned,
        cancelled: c.cancelled,
        diverged: c.diverged,
        reused: c.reused,
        held: c.held,
        stopped: c.stopped,
    }
}

/// An attempt's id on the wire.
#[must_use]
pub fn wire_attempt(id: AttemptId) -> v1::AttemptId {
    let AttemptId { trial: TrialId { sweep, config, replicate }, attempt } = id;
    v1::AttemptId { sweep: sweep.0, config, replicate, attempt }
}

fn sweep_of(running: &v1::RunningTrial) -> u32 {
    running.id.map_or(0, |id| id.sweep)
}

/// The open leases of a worker, oldest first. One that its worker never mentioned counts as queued.
fn running(view: &View<'_>, worker: WorkerId) -> Vec<v1::RunningTrial> {
    let Some(w) = view.state.workers.get(&worker) else { return Vec::new() };
    let leases = w.leases.iter().filter_map(|id| {
        let config_name = &view.state.sweeps.get(&id.trial.sweep)?.spec.configs.get(id.trial.config as usize)?.name;
        let granted = view.state.trial(id.trial)?.lease.as_deref()?.granted;
        let silent = Progress { queued: true, loss: f64::NAN, ..Progress::default() };
        let Progress { queued, step, steps, phase, loss, .. } = view.volatile.of(*id).cloned().unwrap_or(silent);
        Some(v1::RunningTrial {
            id: Some(wire_attempt(*id)),
            config_name: config_name.clone(),
            worker: worker.0,
            node: w.info.node.clone(),
            device: w.info.device.clone(),
            granted_ms: granted.0,
            step,
            steps,
            phase,
            queued,
            loss,
        })
    });
    leases.collect()
}

fn history(attempt: StoredAttempt) -> v1::AttemptHistory {
    v1::AttemptHistory {
        attempt: attempt.id.attempt,
        worker: attempt.worker.0,
        node: attempt.node,
        device: attempt.device,
        granted_ms: attempt.granted.0,
        ended_ms: attempt.ended.map_or(0, |at| at.0),
        end: attempt.end,
        error: attempt.error,
        log_tail: attempt.log_tail,
    }
}

/// A state directory, read without a coordinator (or beside one).
#[derive(Debug)]
pub struct Offline {
    state: State,
    store: Store,
    volatile: Volatile,
    now: Millis,
}

impl Offline {
    /// Reads the state as it is now. Takes no lock.
    ///
    /// # Errors
    /// [`DriverError::Store`] and [`DriverError::Restore`].
    pub fn open(dir: &Path) -> Result<Self, DriverError> {
        let store = Store::open_read_only(dir)?;
        let mut state = State::default();
        let records = store.load_records()?;
        for record in &records {
            apply(&mut state, record).map_err(|source| DriverError::Restore { path: dir.to_owned(), source })?;
        }
        let volatile = Volatile::of_records(&records);
        let now = crate::driver::Clock::now(&mut crate::driver::SystemClock::starting_at_least(Millis(0)));
        Ok(Self { state, store, volatile, now })
    }

    fn ask<T>(&self, ask: impl FnOnce(&View<'_>) -> T) -> T {
        // Signs of life are not stored: the best that is known is when a worker joined or went.
        let last_seen = |worker| match self.state.workers.get(&worker).map(|w| (w.state, w.joined)) {
            Some((WorkerState::Gone { at, .. }, _)) => Some(at),
            Some((WorkerState::Live, joined)) => Some(joined),
            None => None,
        };
        ask(&View {
            state: &self.state,
            store: &self.store,
            volatile: &self.volatile,
            last_seen: &last_seen,
            now: self.now,
        })
    }

    /// See [`list_sweeps`].
    #[must_use]
    pub fn list_sweeps(&self) -> v1::ListSweepsResponse {
        self.ask(list_sweeps)
    }

    /// See [`show_sweep`].
    ///
    /// # Errors
    /// Those of [`show_sweep`].
    pub fn show_sweep(&self, sweep: SweepId) -> Result<v1::ShowSweepResponse, DriverError> {
        self.ask(|view| show_sweep(view, sweep))
    }

    /// See [`list_workers`].
    #[must_use]
    pub fn list_workers(&self, all: bool) -> v1::ListWorkersResponse {
        self.ask(|view| list_workers(view, all))
    }

    /// See [`explain_trial`].
    ///
    /// # Errors
    /// Those of [`explain_trial`].
    pub fn explain_trial(&self, trial: TrialId) -> Result<v1::ExplainTrialResponse, DriverError> {
        self.ask(|view| explain_trial(view, trial))
    }

    /// See [`plan`].
    ///
    /// # Errors
    /// Those of [`plan`].
    pub fn plan(&self, spec: &SweepSpec) -> Result<v1::PlanResponse, DriverError> {
        self.ask(|view| plan(view, spec))
    }

    /// Everything known of a sweep.
    ///
    /// # Errors
    /// [`DriverError::UnknownSweep`], and errors of reading the store.
    pub fn results(&self, sweep: SweepId) -> Result<SweepResults, DriverError> {
        Ok(self.store.results(sweep)?)
    }

    /// See [`predictions`].
    ///
    /// # Errors
    /// Those of [`predictions`].
    pub fn predictions(&self, sweep: SweepId, from: (u32, u32)) -> Result<v1::FetchPredictionsResponse, DriverError> {
        predictions(&self.store, sweep, from)
    }
}
