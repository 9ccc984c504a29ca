//! `apply`: one fact onto the state.

use super::{
    Accepted, Counts, Lease, LookError, Looks, PendingSet, State, Sweep, TakenLook, Trainings, Trial, TrialState,
    Worker, WorkerState, fingerprint,
};
use crate::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    plan::{MAX_TRIALS, Plan},
    record::{LeaseEnd, Look, Outcome, OutcomeKind, Record, WorkerEnd, WorkerInfo},
    spec::SweepSpec,
};
use alloc::{boxed::Box, collections::BTreeMap, collections::BTreeSet, string::String, vec::Vec};
use core::cmp::Reverse;

/// A fact that cannot follow the facts before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Ids of sweeps count up by one.
    #[error("sweep {got} submitted where {expected} is next")]
    SweepOutOfOrder {
        /// In the fact.
        got: SweepId,
        /// Next.
        expected: SweepId,
    },
    /// More than [`MAX_TRIALS`].
    #[error("sweep {sweep} has {trials} trials, at most {MAX_TRIALS} are allowed")]
    TooManyTrials {
        /// Which.
        sweep: SweepId,
        /// How many.
        trials: u64,
    },
    /// There is no such sweep.
    #[error("there is no sweep {0}")]
    UnknownSweep(SweepId),
    /// A closed sweep cannot be cancelled.
    #[error("sweep {0} is closed already")]
    SweepClosed(SweepId),
    /// Ids of workers count up by one.
    #[error("worker {got} joined where {expected} is next")]
    WorkerOutOfOrder {
        /// In the fact.
        got: WorkerId,
        /// Next.
        expected: WorkerId,
    },
    /// A worker joined twice without going, or under another process id than before.
    #[error("worker {0} joined again, but it is there or was another process")]
    WorkerJoinedTwice(WorkerId),
    /// A process that is another worker already.
    #[error("worker {worker} joined as a process that is worker {other} already")]
    ProcessTaken {
        /// In the fact.
        worker: WorkerId,
        /// Already.
        other: WorkerId,
    },
    /// There is no such worker.
    #[error("there is no worker {0}")]
    UnknownWorker(WorkerId),
    /// A worker that is gone cannot do this.
    #[error("worker {0} is gone")]
    WorkerGone(WorkerId),
    /// A worker goes only after its leases ended.
    #[error("worker {worker} is gone, yet holds {lease}")]
    WorkerHoldsLease {
        /// Which.
        worker: WorkerId,
        /// One of its leases.
        lease: AttemptId,
    },
    /// There is no such trial.
    #[error("there is no trial {0}")]
    UnknownTrial(TrialId),
    /// The trial is in another state than the fact needs.
    #[error("{fact} of {trial}, which is {state}")]
    WrongState {
        /// Name of the fact.
        fact: &'static str,
        /// Which.
        trial: TrialId,
        /// Its state.
        state: TrialState,
    },
    /// Attempts of a trial count up by one.
    #[error("attempt {got} leased where number {expected} is next")]
    AttemptOutOfOrder {
        /// In the fact.
        got: AttemptId,
        /// Next.
        expected: u32,
    },
    /// The attempt was never begun, or is 0 without the trial that the outcome was taken from.
    #[error("there is no attempt {0}")]
    UnknownAttempt(AttemptId),
    /// The lease of this attempt is not open.
    #[error("the lease of {0} is not open")]
    LeaseNotOpen(AttemptId),
    /// A trial is abandoned only when its failures reach the limit.
    #[error("{trial} abandoned after {failures} failures, the limit is {limit}")]
    AbandonedEarly {
        /// Which.
        trial: TrialId,
        /// So far.
        failures: u32,
        /// The sweep's `max_failures`.
        limit: u32,
    },
    /// The outcome of one attempt repeated twice, or that of the accepted attempt.
    #[error("the outcome of {0} is known already")]
    RepeatedTwice(AttemptId),
    /// No config has this data key, or its digest is fixed already.
    #[error("data `{key}` of sweep {sweep} cannot be pinned: unknown or pinned already")]
    CannotPin {
        /// In which sweep.
        sweep: SweepId,
        /// Of the configs.
        key: String,
    },
    /// An outcome on other data than the sweep's.
    #[error("{trial} was observed on data {reported}, the sweep's data `{key}` is {pinned}")]
    OtherData {
        /// Which.
        trial: TrialId,
        /// Of the config.
        key: String,
        /// The sweep's digest.
        pinned: String,
        /// The outcome's digest.
        reported: String,
    },
    /// A look that the plan does not have, or not now.
    #[error("look at stratum `{stratum}` of sweep {sweep}: {why}")]
    Look {
        /// In which sweep.
        sweep: SweepId,
        /// At which stratum.
        stratum: String,
        /// What is wrong.
        why: LookError,
    },
}

/// Applies one fact.
///
/// # Errors
/// The fact cannot follow the facts before it. The state is as it was.
pub fn apply(state: &mut State, record: &Record) -> Result<(), ApplyError> {
    match record {
        Record::SweepSubmitted { sweep, spec, at } => submitted(state, *sweep, spec, *at),
        Record::SweepCancelled { sweep, reason, at } => cancelled(state, *sweep, reason, *at),
        Record::WorkerJoined { worker, info, at } => joined(state, *worker, info, *at),
        Record::WorkerGone { worker, why, at } => gone(state, *worker, *why, *at),
        Record::LeaseGranted { id, worker, at } => granted(state, *id, *worker, *at),
        Record::LeaseEnded { id, end, at: _ } => ended(state, *id, end),
        Record::OutcomeAccepted { id, worker, reused_from, outcome, at } => accepted(
            state,
            *id,
            Accepted { attempt: id.attempt, worker: *worker, reused_from: *reused_from, at: *at },
            outcome,
        ),
        Record::OutcomeRepeated { id, worker, .. } => repeated(state, *id, *worker),
        Record::TrialAbandoned { trial, at } => abandoned(state, *trial, *at),
        Record::DataPinned { sweep, key, digest } => pinned(state, *sweep, key, digest),
        Record::LookTaken { sweep, look, at } => look_taken(state, *sweep, look, *at),
    }
}

fn submitted(state: &mut State, id: SweepId, spec: &SweepSpec, at: Millis) -> Result<(), ApplyError> {
    let expected = SweepId(state.sweeps.keys().next_back().map_or(1, |last| last.0.saturating_add(1)));
    if id != expected {
        return Err(ApplyError::SweepOutOfOrder { got: id, expected });
    }
    let plan = Plan::new(spec);
    let planned = match u32::try_from(plan.trials()) {
        Ok(planned) if u64::from(planned) <= MAX_TRIALS => planned,
        _ => return Err(ApplyError::TooManyTrials { sweep: id, trials: plan.trials() }),
    };
    let mut trials = Vec::with_capacity(planned as usize);
    trials.extend(crate::plan::trials(spec).map(|(config, replicate)| Trial {
        id: TrialId { sweep: id, config, replicate },
        state: TrialState::Pending,
        diverged: false,
        reused: false,
        failures: 0,
        losses: 0,
        attempts: 0,
        lease: None,
        last_error: None,
        accepted: None,
        fingerprint: None,
    }));
    let looks = Looks::new(spec);
    let (mut pending, mut held) = (PendingSet::full(trials.len()), 0);
    for (place, trial) in trials.iter().enumerate() {
        if looks.holds(trial.id.config, trial.id.replicate) {
            pending.remove(place, 0);
            held += 1;
        }
    }
    let sweep = Sweep {
        spec: spec.clone(),
        submitted: at,
        closed: (planned == 0).then_some(at),
        cancelled: None,
        pending,
        trials,
        data: BTreeMap::new(),
        counts: Counts { planned, pending: planned, held, ..Counts::default() },
        plan,
        repeated: BTreeSet::new(),
        looks_taken: Vec::new(),
        trainings: Trainings::new(spec),
        looks,
    };
    if sweep.closed.is_none() {
        state.open.insert((Reverse(spec.priority), id));
    }
    state.sweeps.insert(id, sweep);
    Ok(())
}

fn cancelled(state: &mut State, id: SweepId, reason: &str, at: Millis) -> Result<(), ApplyError> {
    let sweep = state.sweeps.get_mut(&id).ok_or(ApplyError::UnknownSweep(id))?;
    if sweep.closed.is_some() {
        return Err(ApplyError::SweepClosed(id));
    }
    for trial in sweep.trials.iter_mut().filter(|t| t.state.is_open()) {
        *sweep.counts.of(trial.state) -= 1;
        sweep.counts.cancelled += 1;
        trial.state = TrialState::Cancelled;
        if let Some(lease) = trial.lease.take() {
            forget_lease(&mut state.workers, &lease);
        }
    }
    sweep.counts.held = 0;
    sweep.pending.clear();
    sweep.trainings.release_all();
    sweep.closed = Some(at);
    sweep.cancelled = Some(reason.into());
    state.open.remove(&(Reverse(sweep.spec.priority), id));
    Ok(())
}

fn joined(state: &mut State, id: WorkerId, info: &WorkerInfo, at: Millis) -> Result<(), ApplyError> {
    if let Some(worker) = state.workers.get_mut(&id) {
        if worker.state.is_live() || worker.info.process_id != info.process_id {
            return Err(ApplyError::WorkerJoinedTwice(id));
        }
        worker.state = WorkerState::Live;
        worker.joined = at;
        worker.info = info.clone();
    } else {
        let expected = WorkerId(state.workers.keys().next_back().map_or(1, |last| last.0.saturating_add(1)));
        if id != expected {
            return Err(ApplyError::WorkerOutOfOrder { got: id, expected });
        }
        if let Some(other) = state.processes.get(&info.process_id) {
            return Err(ApplyError::ProcessTaken { worker: id, other: *other });
        }
        let worker = Worker {
            info: info.clone(),
            joined: at,
            state: WorkerState::Live,
            leases: Vec::new(),
            finished: 0,
            last: None,
        };
        state.workers.insert(id, worker);
        state.processes.insert(info.process_id.clone(), id);
    }
    state.slots.insert(info.slot.clone(), id);
    Ok(())
}

fn gone(state: &mut State, id: WorkerId, why: WorkerEnd, at: Millis) -> Result<(), ApplyError> {
    let worker = state.workers.get_mut(&id).ok_or(ApplyError::UnknownWorker(id))?;
    if let Some(lease) = worker.leases.first() {
        return Err(ApplyError::WorkerHoldsLease { worker: id, lease: *lease });
    }
    if !worker.state.is_live() {
        return Err(ApplyError::WorkerGone(id));
    }
    worker.state = WorkerState::Gone { why, at };
    Ok(())
}

fn granted(state: &mut State, id: AttemptId, worker: WorkerId, at: Millis) -> Result<(), ApplyError> {
    let holder = state.workers.get_mut(&worker).ok_or(ApplyError::UnknownWorker(worker))?;
    if !holder.state.is_live() {
        return Err(ApplyError::WorkerGone(worker));
    }
    let (sweep, place) = locate(&mut state.sweeps, id.trial)?;
    let trial = &mut sweep.trials[place];
    if trial.state != TrialState::Pending {
        return Err(ApplyError::WrongState { fact: "lease", trial: id.trial, state: trial.state });
    }
    let expected = trial.attempts.saturating_add(1);
    if id.attempt != expected {
        return Err(ApplyError::AttemptOutOfOrder { got: id, expected });
    }
    trial.attempts = id.attempt;
    trial.lease = Some(Box::new(Lease { id, worker, granted: at }));
    holder.leases.push(id);
    holder.last = Some(id.trial);
    sweep.change(place, TrialState::Leased);
    Ok(())
}

fn ended(state: &mut State, id: AttemptId, end: &LeaseEnd) -> Result<(), ApplyError> {
    let (sweep, place) = locate(&mut state.sweeps, id.trial)?;
    let trial = &mut sweep.trials[place];
    let lease = trial.lease.take_if(|lease| lease.id == id).ok_or(ApplyError::LeaseNotOpen(id))?;
    match end {
        LeaseEnd::AttemptFailed(failure) => {
            trial.failures = trial.failures.saturating_add(1);
            trial.last_error = Some(failure.error.as_str().into());
        }
        LeaseEnd::Expired | LeaseEnd::WorkerLeft => trial.losses = trial.losses.saturating_add(1),
        LeaseEnd::Released(_) => {}
    }
    forget_lease(&mut state.workers, &lease);
    sweep.change(place, TrialState::Pending);
    Ok(())
}

fn accepted(state: &mut State, id: AttemptId, from: Accepted, outcome: &Outcome) -> Result<(), ApplyError> {
    if let Some(worker) = from.worker.filter(|w| id.attempt != 0 && !state.workers.contains_key(w)) {
        return Err(ApplyError::UnknownWorker(worker));
    }
    let (sweep, place) = locate(&mut state.sweeps, id.trial)?;
    check_data(sweep, id.trial, outcome)?;
    let trial = &mut sweep.trials[place];
    if !trial.state.is_open() {
        return Err(ApplyError::WrongState { fact: "outcome", trial: id.trial, state: trial.state });
    }
    if id.attempt > trial.attempts || (id.attempt == 0) != from.reused_from.is_some() {
        return Err(ApplyError::UnknownAttempt(id));
    }
    trial.diverged = outcome.kind != OutcomeKind::Completed;
    trial.reused = id.attempt == 0;
    trial.accepted = Some(Box::new(from));
    trial.fingerprint = Some(fingerprint(outcome));
    sweep.counts.diverged += u32::from(trial.diverged);
    sweep.counts.reused += u32::from(trial.reused);
    if let Some(lease) = trial.lease.take() {
        forget_lease(&mut state.workers, &lease);
    }
    if let Some(worker) = from.worker.filter(|_| id.attempt != 0).and_then(|w| state.workers.get_mut(&w)) {
        worker.finished = worker.finished.saturating_add(1);
    }
    sweep.change(place, TrialState::Finished);
    close(state, id.trial.sweep, from.at);
    Ok(())
}

fn check_data(sweep: &Sweep, trial: TrialId, outcome: &Outcome) -> Result<(), ApplyError> {
    let Some(config) = sweep.spec.configs.get(trial.config as usize) else {
        return Err(ApplyError::UnknownTrial(trial));
    };
    match sweep.data.get(&config.data_key) {
        Some(pinned) if *pinned != outcome.provenance.data_digest => Err(ApplyError::OtherData {
            trial,
            key: config.data_key.clone(),
            pinned: pinned.clone(),
            reported: outcome.provenance.data_digest.clone(),
        }),
        _ => Ok(()),
    }
}

fn repeated(state: &mut State, id: AttemptId, worker: WorkerId) -> Result<(), ApplyError> {
    if !state.workers.contains_key(&worker) {
        return Err(ApplyError::UnknownWorker(worker));
    }
    let (sweep, place) = locate(&mut state.sweeps, id.trial)?;
    let trial = &sweep.trials[place];
    if trial.state != TrialState::Finished {
        return Err(ApplyError::WrongState { fact: "repeated outcome", trial: id.trial, state: trial.state });
    }
    if id.attempt == 0 || id.attempt > trial.attempts {
        return Err(ApplyError::UnknownAttempt(id));
    }
    let is_accepted = trial.accepted.as_ref().is_some_and(|a| a.attempt == id.attempt);
    if is_accepted || !sweep.repeated.insert(id) {
        return Err(ApplyError::RepeatedTwice(id));
    }
    Ok(())
}

fn abandoned(state: &mut State, id: TrialId, at: Millis) -> Result<(), ApplyError> {
    let (sweep, place) = locate(&mut state.sweeps, id)?;
    let limit = sweep.spec.max_failures.max(1);
    let trial = &sweep.trials[place];
    if trial.state != TrialState::Pending {
        return Err(ApplyError::WrongState { fact: "abandonment", trial: id, state: trial.state });
    }
    if trial.failures < limit {
        return Err(ApplyError::AbandonedEarly { trial: id, failures: trial.failures, limit });
    }
    sweep.change(place, TrialState::Abandoned);
    close(state, id.sweep, at);
    Ok(())
}

fn pinned(state: &mut State, id: SweepId, key: &str, digest: &str) -> Result<(), ApplyError> {
    let sweep = state.sweeps.get_mut(&id).ok_or(ApplyError::UnknownSweep(id))?;
    if sweep.data.contains_key(key) || !sweep.spec.configs.iter().any(|c| c.data_key == key) {
        return Err(ApplyError::CannotPin { sweep: id, key: key.into() });
    }
    sweep.data.insert(key.into(), digest.into());
    Ok(())
}

fn look_taken(state: &mut State, id: SweepId, look: &Look, at: Millis) -> Result<(), ApplyError> {
    let sweep = state.sweeps.get_mut(&id).ok_or(ApplyError::UnknownSweep(id))?;
    if sweep.cancelled.is_some() {
        return Err(ApplyError::SweepClosed(id));
    }
    let impossible = |why| ApplyError::Look { sweep: id, stratum: look.stratum.clone(), why };
    sweep.check_look(look).map_err(impossible)?;
    for stopped in &look.stopped {
        let replicates = sweep.spec.configs.get(stopped.config as usize).map_or(0, |c| c.replicates);
        for replicate in look.replicates..replicates {
            let Some(place) = sweep.place(stopped.config, replicate) else { continue };
            let Some(trial) = sweep.trials.get_mut(place).filter(|t| t.state.is_open()) else { continue };
            if let Some(lease) = trial.lease.take() {
                forget_lease(&mut state.workers, &lease);
            }
            sweep.change(place, TrialState::Cancelled);
            sweep.counts.stopped += 1;
        }
    }
    sweep.note_look(look);
    sweep.looks_taken.push(TakenLook { look: look.clone(), at });
    // The look at the end of the plan finds its sweep closed.
    if sweep.closed.is_none() {
        close(state, id, at);
    }
    Ok(())
}

/// The sweep of a trial and the trial's place in it, which is in range.
fn locate(sweeps: &mut BTreeMap<SweepId, Sweep>, id: TrialId) -> Result<(&mut Sweep, usize), ApplyError> {
    let sweep = sweeps.get_mut(&id.sweep).ok_or(ApplyError::UnknownSweep(id.sweep))?;
    let place = sweep.place(id.config, id.replicate).filter(|place| *place < sweep.trials.len());
    let place = place.ok_or(ApplyError::UnknownTrial(id))?;
    Ok((sweep, place))
}

fn forget_lease(workers: &mut BTreeMap<WorkerId, Worker>, lease: &Lease) {
    if let Some(worker) = workers.get_mut(&lease.worker) {
        worker.leases.retain(|id| *id != lease.id);
    }
}

/// Closes a sweep whose last open trial closed.
fn close(state: &mut State, id: SweepId, at: Millis) {
    if let Some(sweep) = state.sweeps.get_mut(&id).filter(|s| s.counts.open() == 0) {
        sweep.closed = Some(at);
        state.open.remove(&(Reverse(sweep.spec.priority), id));
    }
}

impl Sweep {
    /// Moves the trial at `place` to another state, with counts and the pending set.
    fn change(&mut self, place: usize, to: TrialState) {
        let trial = &mut self.trials[place];
        *self.counts.of(trial.state) -= 1;
        *self.counts.of(to) += 1;
        let (config, replicate) = (trial.id.config, trial.id.replicate);
        if (trial.state == TrialState::Leased) != (to == TrialState::Leased) {
            self.trainings.hold(config, replicate, to == TrialState::Leased);
        }
        let held = self.looks.holds(config, replicate);
        self.counts.held -= u32::from(held && trial.state == TrialState::Pending);
        self.counts.held += u32::from(held && to == TrialState::Pending);
        if trial.state.is_open() && !to.is_open() {
            self.looks.closed(config, replicate);
        }
        trial.state = to;
        if to == TrialState::Pending && !held {
            self.pending.insert(place, trial.losses);
        } else {
            self.pending.remove(place, trial.losses);
        }
    }
}
