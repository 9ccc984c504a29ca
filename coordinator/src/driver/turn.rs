//! The driver's loop.

use super::{
    End,
    clock::Clock,
    command::{Command, Reply, Report},
    error::DriverError,
    looks::Looks,
    progress::{Progress, Volatile},
    waiters::{self, Served, Waiter},
};
use crate::{
    query::{self, View},
    store::Store,
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};
use sweeper_core::{
    ids::{AttemptId, Millis, SweepId, WorkerId},
    record::{LeaseEnd, Record},
    scheduler::{Grant, Revocation, Scheduler, Settings, UnknownWorker},
    spec::SweepSpec,
};
use sweeper_proto::v1::{Lease, SubmitResponse};
use sweeper_recipe::TRAINER_VERSION;
use tokio::sync::watch;

/// The most commands that one turn takes; so answers do not wait for ever under load.
const MAX_COMMANDS: usize = 4_096;
/// Forget stale progress once there are this many entries more than leases.
const PROGRESS_SLACK: usize = 1_024;

/// What waits for the commit.
type Answer = Box<dyn FnOnce() + Send>;
type Query = Box<dyn FnOnce(&View<'_>) + Send>;

/// The thread's own.
pub(super) struct Turns<C> {
    scheduler: Scheduler,
    store: Store,
    clock: C,
    settings: Settings,
    volatile: Volatile,
    looks: Looks,
    /// Sweeps with a stopping rule of which trials closed since the last looks.
    looked_for: BTreeSet<SweepId>,
    waiters: VecDeque<Waiter>,
    answers: Vec<Answer>,
    queries: Vec<Query>,
    draining: bool,
    stopping: bool,
}

impl<C: Clock> Turns<C> {
    pub(super) fn new(
        scheduler: Scheduler,
        store: Store,
        (looks, volatile): (Looks, Volatile),
        clock: C,
        settings: Settings,
    ) -> Self {
        Self {
            scheduler,
            store,
            clock,
            settings,
            volatile,
            looks,
            looked_for: BTreeSet::new(),
            waiters: VecDeque::new(),
            answers: Vec::new(),
            queries: Vec::new(),
            draining: false,
            stopping: false,
        }
    }

    /// Turns until told to stop, all handles are gone, or the store fails.
    pub(super) fn run(mut self, commands: &Receiver<Command>, ending: &watch::Sender<End>) {
        let end = loop {
            let first = match self.wait(commands) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break End::Stopped,
            };
            let batch: Vec<Command> = first.into_iter().chain(commands.try_iter().take(MAX_COMMANDS)).collect();
            match self.turn(batch) {
                Ok(()) if self.stopping => break End::Stopped,
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(%error, "the driver stops");
                    break End::Failed(error);
                }
            }
        };
        let Self { store, waiters, answers, queries, .. } = self;
        // First close the store, so that whoever sees the end may open it; only then let go of the callers, so that
        // they see the end.
        drop(store);
        ending.send_replace(end);
        drop((waiters, answers, queries));
    }

    /// The next command, or none when something is due.
    fn wait(&mut self, commands: &Receiver<Command>) -> Result<Option<Command>, RecvTimeoutError> {
        let due = self.waiters.iter().map(|w| w.until).chain(self.scheduler.next_deadline()).min();
        match due {
            Some(due) => {
                let wait = due.0.saturating_sub(self.clock.now().0);
                commands.recv_timeout(Duration::from_millis(wait)).map(Some)
            }
            None => commands.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn turn(&mut self, batch: Vec<Command>) -> Result<(), DriverError> {
        let now = self.clock.now();
        for command in batch {
            self.decide(now, command)?;
        }
        self.scheduler.expire(now);
        self.serve_waiters(now);
        self.commit()?;
        self.take_looks(now)?;
        if let Some(defect) = self.scheduler.defect() {
            return Err(DriverError::Defect(defect.clone()));
        }
        for answer in self.answers.drain(..) {
            answer();
        }
        let queries = std::mem::take(&mut self.queries);
        if !queries.is_empty() {
            let last_seen = |worker| self.scheduler.last_seen(worker);
            let view = View {
                state: self.scheduler.state(),
                store: &self.store,
                volatile: &self.volatile,
                last_seen: &last_seen,
                now,
            };
            queries.into_iter().for_each(|query| query(&view));
        }
        Ok(())
    }

    /// Makes everything decided so far durable.
    fn commit(&mut self) -> Result<(), DriverError> {
        let records = self.scheduler.take_records();
        if records.is_empty() {
            return Ok(());
        }
        self.store.commit(&records)?;
        records.iter().for_each(log);
        self.volatile.follow(&records);
        for record in &records {
            if let Record::OutcomeAccepted { id: AttemptId { trial, .. }, .. } | Record::TrialAbandoned { trial, .. } =
                record
                && self.scheduler.state().sweeps.get(&trial.sweep).is_some_and(|s| !s.strata_looks().is_empty())
            {
                self.looked_for.insert(trial.sweep);
            }
        }
        Ok(())
    }

    /// Takes the looks that committed outcomes made due, and serves the trials that waited for them.
    fn take_looks(&mut self, now: Millis) -> Result<(), DriverError> {
        let sweeps = std::mem::take(&mut self.looked_for);
        if sweeps.is_empty() {
            return Ok(());
        }
        for sweep in sweeps {
            self.looks.take_due(&mut self.scheduler, &self.store, sweep, now)?;
        }
        self.serve_waiters(now);
        self.commit()
    }

    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, answer: Result<T, DriverError>) {
        self.answers.push(Box::new(move || {
            // A caller that is gone will ask again.
            let _ = reply.send(answer);
        }));
    }

    fn decide(&mut self, now: Millis, command: Command) -> Result<(), DriverError> {
        match command {
            Command::Join { info, reply } => {
                let worker = self.scheduler.join(now, info);
                self.answer(reply, Ok(worker));
            }
            Command::Acquire { worker, capacity, wait_ms, reply } => {
                self.acquire(now, worker, capacity, wait_ms, reply);
            }
            Command::Heartbeat { worker, progress, reply } => {
                let answer = self.heartbeat(now, worker, progress);
                self.answer(reply, answer.map_err(|UnknownWorker(w)| DriverError::UnknownWorker(w)));
            }
            Command::Report { worker, reports, reply } => {
                let answers = reports
                    .into_iter()
                    .map(|Report { id, recipe_digest, result }| {
                        self.scheduler.report(now, worker, id, &recipe_digest, result)
                    })
                    .collect();
                self.answer(reply, Ok(answers));
            }
            Command::Leave { worker, reply } => {
                self.scheduler.leave(now, worker);
                self.answer(reply, Ok(()));
            }
            Command::EndWorkers { slot_prefix, reply } => {
                let ended = self.end_workers(now, &slot_prefix);
                self.answer(reply, Ok(ended));
            }
            Command::Submit { spec, reuse, supersede, reply } => {
                let answer = self.submit(now, *spec, reuse, supersede)?;
                self.answer(reply, answer);
            }
            Command::Cancel { sweep, reason, reply } => {
                let answer = self.scheduler.cancel(now, sweep, &reason);
                self.answer(reply, answer.map_err(|e| DriverError::UnknownSweep(e.0)));
            }
            Command::Query(query) => self.queries.push(query),
            Command::Drain => self.draining = true,
            Command::Stop => self.stopping = true,
        }
        Ok(())
    }

    fn acquire(&mut self, now: Millis, worker: WorkerId, capacity: u32, wait_ms: u64, reply: Reply<Vec<Lease>>) {
        // A worker has one call at a time: this one makes an earlier one obsolete, whose connection may be dead.
        if let Some(at) = self.waiters.iter().position(|w| w.worker == worker)
            && let Some(obsolete) = self.waiters.remove(at)
        {
            self.answer(obsolete.reply, Ok(Vec::new()));
        }
        let wait_ms = if self.draining { 0 } else { wait_ms.min(self.settings.lease_term_ms / 2) };
        self.try_serve(now, Waiter { worker, capacity, until: now.plus(wait_ms), reply });
    }

    /// Answers the call, or lets it wait. Nothing is granted to a caller that is gone.
    fn try_serve(&mut self, now: Millis, mut waiter: Waiter) {
        if waiter.reply.is_closed() {
            return;
        }
        let call = (waiter.worker, waiter.capacity, waiter.until);
        match waiters::serve(&mut self.scheduler, &self.volatile, now, call) {
            Err(UnknownWorker(worker)) => self.answer(waiter.reply, Err(DriverError::UnknownWorker(worker))),
            Ok(Served::Now(grants)) => {
                let leases = grants.iter().filter_map(|grant| self.lease(grant)).collect();
                self.answer(waiter.reply, Ok(leases));
            }
            Ok(Served::Later(until)) => {
                waiter.until = until;
                self.waiters.push_back(waiter);
            }
        }
    }

    fn serve_waiters(&mut self, now: Millis) {
        if self.draining || self.stopping {
            for waiter in std::mem::take(&mut self.waiters) {
                self.answer(waiter.reply, Ok(Vec::new()));
            }
            return;
        }
        let mut pending = waiters::work_is_pending(&self.scheduler);
        for _ in 0..self.waiters.len() {
            let Some(waiter) = self.waiters.pop_front() else { break };
            if pending || waiter.until <= now {
                self.try_serve(now, waiter);
                pending = pending && waiters::work_is_pending(&self.scheduler);
            } else {
                self.waiters.push_back(waiter);
            }
        }
    }

    /// What a worker needs to know of a grant.
    fn lease(&self, grant: &Grant) -> Option<Lease> {
        let sweep = self.scheduler.state().sweeps.get(&grant.id.trial.sweep)?;
        let config = sweep.spec.configs.get(grant.id.trial.config as usize)?;
        Some(Lease {
            id: Some(query::wire_attempt(grant.id)),
            recipe: config.recipe.clone(),
            recipe_digest: config.recipe_digest.clone(),
            seed: grant.seed,
            data_digest: grant.data_digest.clone().unwrap_or_default(),
            sweep_name: sweep.spec.name.clone(),
            config_name: config.name.clone(),
        })
    }

    fn heartbeat(
        &mut self,
        now: Millis,
        worker: WorkerId,
        progress: Vec<(AttemptId, Progress)>,
    ) -> Result<Vec<Revocation>, UnknownWorker> {
        let ids: Vec<AttemptId> = progress.iter().map(|(id, _)| *id).collect();
        let revoked = self.scheduler.heartbeat(now, worker, &ids)?;
        let mine = self.scheduler.state().workers.get(&worker).map_or(&[][..], |w| &w.leases);
        for (id, progress) in progress {
            if mine.contains(&id) {
                self.volatile.set(id, progress);
            }
        }
        self.volatile.retain_leased_beyond(PROGRESS_SLACK, self.scheduler.state());
        Ok(revoked)
    }

    fn end_workers(&mut self, now: Millis, slot_prefix: &str) -> u32 {
        let live = self.scheduler.state().workers.iter().filter(|(_, w)| w.state.is_live());
        let ended: Vec<WorkerId> =
            live.filter(|(_, w)| w.info.slot.starts_with(slot_prefix)).map(|(id, _)| *id).collect();
        ended.iter().for_each(|worker| self.scheduler.leave(now, *worker));
        u32::try_from(ended.len()).unwrap_or(u32::MAX)
    }

    fn submit(
        &mut self,
        now: Millis,
        spec: SweepSpec,
        reuse: bool,
        supersede: bool,
    ) -> Result<Result<SubmitResponse, DriverError>, DriverError> {
        let known = self.scheduler.state().equal_sweep(&spec.digest).is_some();
        let reused = if reuse && !known {
            // Outcomes decided in this very turn count too.
            self.commit()?;
            self.store.reusable(&spec, TRAINER_VERSION)?
        } else {
            Vec::new()
        };
        let submitted = match self.scheduler.submit(now, spec, supersede, reused) {
            Ok(submitted) => submitted,
            Err(error) => return Ok(Err(error.into())),
        };
        let counts = self.counts(submitted.sweep);
        Ok(Ok(SubmitResponse {
            sweep: submitted.sweep.0,
            trials: counts.planned,
            finished: counts.finished,
            created: submitted.created,
        }))
    }

    fn counts(&self, sweep: SweepId) -> sweeper_core::state::Counts {
        self.scheduler.state().sweeps.get(&sweep).map(|s| s.counts).unwrap_or_default()
    }
}

/// A fact, for people who read logs.
fn log(record: &Record) {
    match record {
        Record::SweepSubmitted { sweep, spec, .. } => {
            tracing::info!(%sweep, name = %spec.name, configs = spec.configs.len(), "sweep submitted");
        }
        Record::SweepCancelled { sweep, reason, .. } => tracing::info!(%sweep, %reason, "sweep cancelled"),
        Record::WorkerJoined { worker, info, .. } => {
            tracing::info!(%worker, node = %info.node, device = %info.device, slot = %info.slot, "worker joined");
        }
        Record::WorkerGone { worker, why, .. } => tracing::info!(%worker, ?why, "worker gone"),
        Record::LeaseGranted { id, worker, .. } => tracing::debug!(attempt = %id, %worker, "lease granted"),
        Record::LeaseEnded { id, end: LeaseEnd::AttemptFailed(failure), .. } => {
            tracing::warn!(attempt = %id, error = %failure.error, "attempt failed");
        }
        Record::LeaseEnded { id, end, .. } => tracing::info!(attempt = %id, ?end, "lease ended without outcome"),
        Record::OutcomeAccepted { id, .. } => tracing::debug!(attempt = %id, "outcome accepted"),
        Record::OutcomeRepeated { id, equal: true, .. } => tracing::info!(attempt = %id, "equal outcome repeated"),
        Record::OutcomeRepeated { id, worker, .. } => {
            tracing::error!(attempt = %id, %worker, "repeated outcome differs from the accepted one: not deterministic");
        }
        Record::TrialAbandoned { trial, .. } => tracing::error!(%trial, "trial abandoned"),
        Record::LookTaken { sweep, look, .. } => {
            let stopped = look.stopped.len();
            tracing::info!(%sweep, stratum = %look.stratum, replicates = look.replicates, stopped, "look taken");
        }
        Record::DataPinned { sweep, key, digest } => tracing::info!(%sweep, %key, %digest, "data pinned"),
    }
}
