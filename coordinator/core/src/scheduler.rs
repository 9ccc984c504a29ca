//! Leases, fencing, retries, cancellation: decides, emits facts, and applies them.
//!
//! Deadlines and signs of life are volatile: they are not in the [`State`], and a restart gives every open lease and
//! every live worker one fresh term. So heartbeats cost no disk write.

mod answers;
mod planted;
mod report;
mod timers;

pub use answers::{
    Grant, RefuseReason, ReportAnswer, ReusedOutcome, Revocation, RevokeReason, Settings, SubmitError, Submitted,
    TrialReport, UnknownSweep, UnknownWorker,
};
#[doc(hidden)]
pub use planted::PlantedBug;

use crate::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    plan::{MAX_TRIALS, Plan, trial_seed},
    record::{Failure, LeaseEnd, Look, Record, Stopped, WorkerEnd, WorkerInfo},
    spec::SweepSpec,
    state::{ApplyError, State, Sweep, TrialState, Worker, WorkerState, apply},
};
use alloc::{boxed::Box, collections::BTreeMap, format, string::String, vec::Vec};
use timers::Timers;

/// So often a trial may be lost before another death of a process that works on it counts as a failed attempt.
pub const TOLERATED_LOSSES: u32 = 4;

/// Decides. **Law of the shell: decide, commit [`Scheduler::take_records`], only then answer.**
///
/// Times given to it should not go back while it lives; they may jump forward (leases then end early, and late
/// outcomes are still welcome).
#[derive(Debug, Clone)]
pub struct Scheduler {
    settings: Settings,
    state: State,
    /// Facts since the last `take_records`.
    records: Vec<Record>,
    /// Deadlines of open leases.
    leases: Timers<AttemptId>,
    /// When live workers count as lost.
    silence: Timers<WorkerId>,
    /// The trial on which each worker failed last: it should not get just that one again at once.
    last_failed: BTreeMap<WorkerId, TrialId>,
    defect: Option<ApplyError>,
    planted: Option<PlantedBug>,
}

impl Scheduler {
    /// A scheduler without sweeps and workers.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::default(),
            records: Vec::new(),
            leases: Timers::new(),
            silence: Timers::new(),
            last_failed: BTreeMap::new(),
            defect: None,
            planted: None,
        }
    }

    /// The scheduler that emitted these facts, in their order. Every open lease and live worker gets a fresh term.
    ///
    /// # Errors
    /// A fact cannot follow those before it: the store lost or changed something.
    pub fn restore(
        settings: Settings,
        records: impl IntoIterator<Item = Record>,
        now: Millis,
    ) -> Result<Self, ApplyError> {
        Self::restore_planted(settings, records, now, None)
    }

    /// [`Self::restore`] with a bug in it, for tests of the simulation.
    ///
    /// # Errors
    /// Those of [`Self::restore`].
    #[doc(hidden)]
    pub fn restore_planted(
        settings: Settings,
        records: impl IntoIterator<Item = Record>,
        now: Millis,
        planted: Option<PlantedBug>,
    ) -> Result<Self, ApplyError> {
        let mut scheduler = Self::new(settings);
        scheduler.planted = planted;
        for record in records {
            apply(&mut scheduler.state, &record)?;
        }
        let term = now.plus(settings.lease_term_ms);
        let mut forget = planted == Some(PlantedBug::RestoreDropsDeadline);
        for (id, worker) in scheduler.state.workers.iter().filter(|(_, w)| w.state.is_live()) {
            scheduler.silence.set(*id, term);
            for lease in &worker.leases {
                if !core::mem::take(&mut forget) {
                    scheduler.leases.set(*lease, term);
                }
            }
        }
        Ok(scheduler)
    }

    /// A new scheduler with a bug in it, for tests of the simulation.
    #[doc(hidden)]
    #[must_use]
    pub fn new_planted(settings: Settings, planted: Option<PlantedBug>) -> Self {
        Self { planted, ..Self::new(settings) }
    }

    /// Everything durable, for listings.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The facts decided since the last call, in order. Commit them before any answer goes out.
    pub fn take_records(&mut self) -> Vec<Record> {
        core::mem::take(&mut self.records)
    }

    /// Set when the scheduler decided something that its own state refuses: a bug. What was decided so far is
    /// consistent and may be committed; the shell should then stop and restart from its store.
    #[must_use]
    pub const fn defect(&self) -> Option<&ApplyError> {
        self.defect.as_ref()
    }

    /// When [`Self::expire`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        self.leases.first().into_iter().chain(self.silence.first()).min()
    }

    /// When a worker was heard of last: exact for a live worker, when it went for one that is gone; none for one that
    /// never joined. A restart counts as a sign of life.
    #[must_use]
    pub fn last_seen(&self, worker: WorkerId) -> Option<Millis> {
        match self.state.workers.get(&worker)?.state {
            WorkerState::Live => {
                self.silence.get(worker).map(|at| Millis(at.0 - self.settings.lease_term_ms.min(at.0)))
            }
            WorkerState::Gone { at, .. } => Some(at),
        }
    }

    /// Takes a sweep, and for its trials the outcomes that earlier sweeps have of equal ones.
    ///
    /// A sweep of equal digest that is not cancelled is returned instead of made. Of `reused`, what names no trial, a
    /// trial named before, an invalid outcome, or data that differ from those of the first outcome of the same data
    /// key is skipped; that trial then runs.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was changed.
    pub fn submit(
        &mut self,
        now: Millis,
        spec: SweepSpec,
        supersede: bool,
        reused: Vec<ReusedOutcome>,
    ) -> Result<Submitted, SubmitError> {
        let sweeps = &self.state.sweeps;
        if let Some(sweep) = self.state.equal_sweep(&spec.digest) {
            return Ok(Submitted { sweep, created: false });
        }
        match Plan::new(&spec).trials() {
            0 => return Err(SubmitError::NoTrials),
            trials if trials > MAX_TRIALS => return Err(SubmitError::TooManyTrials { trials, limit: MAX_TRIALS }),
            _ => {}
        }
        let sweep = SweepId(sweeps.keys().next_back().map_or(1, |last| last.0.saturating_add(1)));
        let busy = self.state.open_sweeps().find(|(_, s)| s.spec.name == spec.name).map(|(id, _)| id);
        if let Some(busy) = busy {
            if !supersede {
                return Err(SubmitError::NameBusy { sweep: busy });
            }
            self.emit(Record::SweepCancelled { sweep: busy, reason: format!("superseded by {sweep}"), at: now })?;
        }
        self.emit(Record::SweepSubmitted { sweep, spec: Box::new(spec), at: now })?;
        for outcome in reused {
            self.reuse(now, sweep, outcome);
        }
        Ok(Submitted { sweep, created: true })
    }

    fn reuse(&mut self, now: Millis, sweep: SweepId, reused: ReusedOutcome) {
        let ReusedOutcome { config, replicate, from, worker, outcome } = reused;
        let Some(target) = self.state.sweeps.get(&sweep) else { return };
        let pending = target.trial(config, replicate).is_some_and(|t| t.state == TrialState::Pending);
        if pending && report::check_outcome(target, config, &outcome).is_ok() {
            let id = AttemptId { trial: TrialId { sweep, config, replicate }, attempt: 0 };
            let outcome = Box::new(outcome);
            // Skipped if it cannot be accepted; the trial then runs.
            self.accept(Record::OutcomeAccepted { id, worker, reused_from: Some(from), outcome, at: now }).ok();
        }
    }

    /// Cancels a sweep: its open trials close without an outcome. Returns how many there were; 0 for a closed sweep.
    ///
    /// # Errors
    /// There is no such sweep.
    pub fn cancel(&mut self, now: Millis, sweep: SweepId, reason: &str) -> Result<u32, UnknownSweep> {
        let open = self.state.sweeps.get(&sweep).ok_or(UnknownSweep(sweep))?.counts.open();
        if open > 0 {
            self.emit(Record::SweepCancelled { sweep, reason: reason.into(), at: now }).ok();
        }
        Ok(open)
    }

    /// Takes the next look at a stratum, which decided these configs: they get no more trials, and trials that waited
    /// for the look may run. The baseline is stopped with the last of the others. When a look is due is told by
    /// [`Sweep::due_look`].
    ///
    /// # Errors
    /// There is no such sweep, or no such look now; nothing was changed.
    pub fn look(
        &mut self,
        now: Millis,
        sweep: SweepId,
        stratum: &str,
        stopped: Vec<Stopped>,
    ) -> Result<Look, ApplyError> {
        let looked_at = self.state.sweeps.get(&sweep).ok_or(ApplyError::UnknownSweep(sweep))?;
        if looked_at.cancelled.is_some() {
            return Err(ApplyError::SweepClosed(sweep));
        }
        let impossible = |why| ApplyError::Look { sweep, stratum: stratum.into(), why };
        let look = looked_at.next_look(stratum, stopped).map_err(impossible)?;
        looked_at.check_look(&look).map_err(impossible)?;
        self.emit(Record::LookTaken { sweep, look: Box::new(look.clone()), at: now })?;
        Ok(look)
    }

    /// Makes a worker process known. May be repeated: a process is one worker for ever, and one that was lost, left
    /// or was replaced comes back with its id. A process that was never seen before proves that the one before it in
    /// its slot is dead, and replaces it. A process that was seen before proves nothing, its call may be a late
    /// message: while another live worker fills the slot, nothing changes and the id returned stays unknown.
    ///
    /// A process that is replaced died under a living supervisor, and if that happens again and again to one trial,
    /// the trial is the likely cause (a crash in native code, memory used up). Were all of it mere loss, such a trial
    /// would be tried for ever and its sweep would never close. So from a trial that was lost [`TOLERATED_LOSSES`]
    /// times before, the death is taken as a failed attempt. That holds for the oldest lease of the worker only,
    /// which is the one it worked on: the others waited in its queue, and are merely lost with it.
    pub fn join(&mut self, now: Millis, info: WorkerInfo) -> WorkerId {
        let known = self.state.worker_of_process(&info.process_id);
        let last = self.state.workers.keys().next_back().map_or(0, |last| last.0);
        let worker = known.unwrap_or(WorkerId(last.saturating_add(1)));
        if self.live(worker).is_some() {
            self.touch(now, worker);
            return worker;
        }
        let holder = self.state.worker_of_slot(&info.slot).filter(|holder| self.live(*holder).is_some());
        match holder {
            Some(_) if known.is_some() => return worker,
            Some(holder) => self.dismiss(now, holder, WorkerEnd::Replaced),
            None => {}
        }
        self.emit(Record::WorkerJoined { worker, info, at: now }).ok();
        worker
    }

    /// A worker says goodbye: its leases end. Nothing happens if it is gone already.
    pub fn leave(&mut self, now: Millis, worker: WorkerId) {
        if self.live(worker).is_some() {
            self.dismiss(now, worker, WorkerEnd::Left);
        }
    }

    /// All open leases of the worker, oldest first, and new ones until it has `capacity`. May be repeated: what an
    /// answer that got lost had granted is in the next one. A sign of life, and renews what it returns.
    ///
    /// # Errors
    /// The worker must join again.
    pub fn acquire(&mut self, now: Millis, worker: WorkerId, capacity: u32) -> Result<Vec<Grant>, UnknownWorker> {
        self.touch(now, worker);
        let held = self.live(worker).ok_or(UnknownWorker(worker))?.leases.clone();
        for id in &held {
            self.leases.set(*id, now.plus(self.settings.lease_term_ms));
        }
        for _ in held.len()..capacity as usize {
            let Some(id) = self.pick(worker) else { break };
            if self.emit(Record::LeaseGranted { id, worker, at: now }).is_err() {
                break;
            }
        }
        let held = self.live(worker).map_or(&[][..], |w| &w.leases);
        Ok(held.iter().filter_map(|id| self.grant(*id)).collect())
    }

    /// The pending trial that the worker gets next, as the attempt it would begin: of the first sweep in serving order
    /// that has any, one with the training of the trial that the worker got last, else the next in that sweep's order
    /// (see [`Sweep::next`](crate::state::Sweep::next)). The trial that the worker failed on just now comes last.
    fn pick(&self, worker: WorkerId) -> Option<AttemptId> {
        let avoid = self.last_failed.get(&worker).copied();
        let forgets = self.planted == Some(PlantedBug::SiblingsForgotten);
        let last = self.live(worker).and_then(|w| w.last).filter(|_| !forgets);
        let of_sweep = |(id, sweep): (SweepId, &'_ Sweep)| {
            let sibling = last
                .filter(|last| last.sweep == id)
                .and_then(|last| sweep.siblings(last).find(|t| Some(t.id) != avoid));
            let held = || sweep.trials.iter().find(|t| sweep.is_held(t));
            let planted = self.planted.filter(|bug| *bug == PlantedBug::HeldServed).and_then(|_| held());
            let trial = sibling.or_else(|| sweep.next(avoid)).or(planted)?;
            Some((trial.id, trial.attempts))
        };
        let failed = || {
            let trial = self.state.trial(avoid?).filter(|t| t.state == TrialState::Pending)?;
            Some((trial.id, trial.attempts))
        };
        let (trial, attempts) = self.state.open_sweeps().find_map(of_sweep).or_else(failed)?;
        Some(AttemptId { trial, attempt: attempts.saturating_add(1) })
    }

    fn grant(&self, id: AttemptId) -> Option<Grant> {
        let sweep = self.state.sweeps.get(&id.trial.sweep)?;
        let config = sweep.spec.configs.get(id.trial.config as usize)?;
        let seed = trial_seed(&sweep.spec, id.trial.config, id.trial.replicate);
        Some(Grant { id, seed, data_digest: sweep.data.get(&config.data_key).cloned() })
    }

    /// Renews those of `ids` that are open leases of the worker, and names those that it should stop. A sign of life.
    ///
    /// A lapsed lease whose trial is still open is neither renewed nor revoked: the worker may go on, and its outcome
    /// is welcome if it comes first.
    ///
    /// # Errors
    /// The worker must join again.
    pub fn heartbeat(
        &mut self,
        now: Millis,
        worker: WorkerId,
        ids: &[AttemptId],
    ) -> Result<Vec<Revocation>, UnknownWorker> {
        self.touch(now, worker);
        self.live(worker).ok_or(UnknownWorker(worker))?;
        let term = now.plus(self.settings.lease_term_ms);
        let mut revoked = Vec::new();
        for id in ids {
            let trial = self.state.trial(id.trial);
            let lease = trial.and_then(|t| t.lease.as_deref());
            let stale_renews = self.planted == Some(PlantedBug::StaleHeartbeatRenews);
            match lease {
                Some(lease) if stale_renews || (lease.id, lease.worker) == (*id, worker) => {
                    self.leases.set(lease.id, term);
                    continue;
                }
                _ => {}
            }
            let reason = match trial.map(|t| t.state) {
                _ if trial.is_none_or(|t| id.attempt == 0 || id.attempt > t.attempts) => RevokeReason::Unknown,
                Some(TrialState::Finished) => RevokeReason::Finished,
                Some(TrialState::Abandoned) => RevokeReason::Abandoned,
                Some(TrialState::Cancelled) if self.is_stopped(id.trial) => RevokeReason::Stopped,
                Some(TrialState::Cancelled) => RevokeReason::Cancelled,
                _ if lease.is_some_and(|l| l.id == *id) => RevokeReason::NotYours,
                _ => continue,
            };
            revoked.push(Revocation { id: *id, reason });
        }
        Ok(revoked)
    }

    /// Ends the leases whose deadline has come, and declares lost the workers that were silent for a term.
    pub fn expire(&mut self, now: Millis) {
        if self.planted == Some(PlantedBug::ExpiryOff) {
            return;
        }
        while let Some(id) = self.leases.pop_due(now) {
            let end = match self.planted {
                Some(PlantedBug::LossCountsAsFailure) => {
                    LeaseEnd::AttemptFailed(Failure { error: String::from("lost"), log_tail: String::new() })
                }
                _ => LeaseEnd::Expired,
            };
            self.emit(Record::LeaseEnded { id, end, at: now }).ok();
        }
        while let Some(worker) = self.silence.pop_due(now) {
            self.dismiss(now, worker, WorkerEnd::Lost);
        }
    }

    fn live(&self, worker: WorkerId) -> Option<&Worker> {
        self.state.workers.get(&worker).filter(|w| w.state.is_live())
    }

    /// Notes a sign of life of a live worker.
    fn touch(&mut self, now: Millis, worker: WorkerId) {
        if self.live(worker).is_some() {
            self.silence.set(worker, now.plus(self.settings.lease_term_ms));
        }
    }

    /// Ends a worker's leases, then the worker.
    fn dismiss(&mut self, now: Millis, worker: WorkerId, why: WorkerEnd) {
        let mut leases = self.live(worker).map_or_else(Vec::new, |w| w.leases.clone());
        if self.planted == Some(PlantedBug::ReplacedKeepsLeases) {
            leases.clear();
        }
        for (queued, id) in leases.into_iter().enumerate() {
            let Some(trial) = self.state.trial(id.trial) else { continue };
            let Some(lease) = trial.lease.as_deref().copied() else { continue };
            let end = match why {
                WorkerEnd::Lost => LeaseEnd::Expired,
                WorkerEnd::Replaced if queued == 0 && self.is_suspect(trial.losses) => died(trial.losses),
                WorkerEnd::Replaced | WorkerEnd::Left => LeaseEnd::WorkerLeft,
            };
            self.end_lease(now, lease, end).ok();
        }
        self.emit(Record::WorkerGone { worker, why, at: now }).ok();
    }

    /// Whether a trial of so many losses may be what kills its processes.
    fn is_suspect(&self, losses: u32) -> bool {
        losses >= TOLERATED_LOSSES && self.planted != Some(PlantedBug::DeathsNeverCount)
    }

    /// Applies a decided fact, keeps it for the shell, and sets the deadlines that follow from it.
    fn emit(&mut self, record: Record) -> Result<(), ApplyError> {
        let superseded = match &record {
            Record::OutcomeAccepted { id, .. } => {
                self.state.trial(id.trial).and_then(|t| t.lease.as_ref()).map(|l| l.id)
            }
            _ => None,
        };
        if let Err(error) = apply(&mut self.state, &record) {
            self.defect.get_or_insert_with(|| error.clone());
            return Err(error);
        }
        let term = |at: Millis| at.plus(self.settings.lease_term_ms);
        match &record {
            Record::WorkerJoined { worker, at, .. } => self.silence.set(*worker, term(*at)),
            Record::WorkerGone { worker, .. } => {
                self.silence.remove(*worker);
                self.last_failed.remove(worker);
            }
            Record::LeaseGranted { id, at, .. } => self.leases.set(*id, term(*at)),
            Record::LeaseEnded { id, .. } => self.leases.remove(*id),
            Record::SweepCancelled { sweep, .. } => {
                let at = |n| AttemptId { trial: TrialId { sweep: *sweep, config: n, replicate: n }, attempt: n };
                self.leases.remove_range(at(0)..=at(u32::MAX));
            }
            Record::LookTaken { sweep, look, .. } if self.planted != Some(PlantedBug::LookKeepsDeadlines) => {
                for Stopped { config, .. } in &look.stopped {
                    let trial = |replicate| TrialId { sweep: *sweep, config: *config, replicate };
                    let from = AttemptId { trial: trial(look.replicates), attempt: 0 };
                    self.leases.remove_range(from..=AttemptId { trial: trial(u32::MAX), attempt: u32::MAX });
                }
            }
            _ => {}
        }
        if let Some(id) = superseded {
            self.leases.remove(id);
        }
        self.records.push(record);
        Ok(())
    }

    /// Whether a look made the trial superfluous.
    fn is_stopped(&self, id: TrialId) -> bool {
        self.state.sweeps.get(&id.sweep).is_some_and(|sweep| sweep.stopped(id.config, id.replicate).is_some())
    }
}

/// The end of an attempt whose process died once more.
fn died(losses: u32) -> LeaseEnd {
    let error =
        format!("its worker process died, after {losses} attempts of this trial were lost; see the worker's log");
    LeaseEnd::AttemptFailed(Failure { error, log_tail: String::new() })
}
