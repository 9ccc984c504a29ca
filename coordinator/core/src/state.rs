//! What the facts add up to. [`apply`] is the only function that changes it; every fact that cannot follow the facts
//! before it is an [`ApplyError`], and then nothing has changed.

mod apply;
mod fingerprint;
mod looks;
mod pending;
mod trainings;

pub use apply::{ApplyError, apply};
pub use fingerprint::fingerprint;
pub use looks::{LookError, StratumLooks, TakenLook};

use crate::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    plan::Plan,
    record::{WorkerEnd, WorkerInfo},
    spec::SweepSpec,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::{cmp::Reverse, fmt};
use looks::Looks;
use pending::PendingSet;
use trainings::Trainings;

/// So many pending trials are looked at for one whose training nobody works on.
pub const LOOK_AHEAD: usize = 64;

/// Everything durable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// All sweeps ever submitted.
    pub sweeps: BTreeMap<SweepId, Sweep>,
    /// All workers that ever joined.
    pub workers: BTreeMap<WorkerId, Worker>,
    /// Sweeps with open trials, in the order in which they are served.
    open: BTreeSet<(Reverse<i32>, SweepId)>,
    /// The worker of every process that ever joined.
    processes: BTreeMap<String, WorkerId>,
    /// The worker that joined each slot last.
    slots: BTreeMap<String, WorkerId>,
}

impl State {
    /// A trial, if it exists.
    #[must_use]
    pub fn trial(&self, id: TrialId) -> Option<&Trial> {
        self.sweeps.get(&id.sweep)?.trial(id.config, id.replicate)
    }

    /// The sweep that submitting this content again means: the latest of equal digest, unless it was cancelled or ended
    /// with abandoned trials. Those are worth another try, in a new sweep that takes over what was finished.
    #[must_use]
    pub fn equal_sweep(&self, digest: &str) -> Option<SweepId> {
        let latest = self.sweeps.iter().rev().find(|(_, s)| s.spec.digest == digest && s.cancelled.is_none());
        latest.filter(|(_, s)| s.closed.is_none() || s.counts.abandoned == 0).map(|(id, _)| *id)
    }

    /// Sweeps with open trials, in the order in which they are served: larger priority first, then earlier sweep.
    pub fn open_sweeps(&self) -> impl Iterator<Item = (SweepId, &Sweep)> {
        self.open.iter().filter_map(|(_, id)| Some((*id, self.sweeps.get(id)?)))
    }

    /// The worker that this process is or was.
    #[must_use]
    pub fn worker_of_process(&self, process_id: &str) -> Option<WorkerId> {
        self.processes.get(process_id).copied()
    }

    /// The worker that joined this slot last; it may be gone.
    #[must_use]
    pub fn worker_of_slot(&self, slot: &str) -> Option<WorkerId> {
        self.slots.get(slot).copied()
    }
}

/// One sweep and its trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What was asked.
    pub spec: SweepSpec,
    /// When it was submitted.
    pub submitted: Millis,
    /// When its last trial closed; none while any is open.
    pub closed: Option<Millis>,
    /// Why it was cancelled, if it was.
    pub cancelled: Option<String>,
    /// In plan order; see [`Sweep::trial`].
    pub trials: Vec<Trial>,
    /// Digest of the data behind each data key, once an outcome fixed it.
    pub data: BTreeMap<String, String>,
    /// How many trials are in which state.
    pub counts: Counts,
    /// Where each trial stands in `trials`.
    pub plan: Plan,
    /// Attempts whose outcome came after the accepted one of their trial.
    pub repeated: BTreeSet<AttemptId>,
    /// Looks taken so far, in their order.
    pub looks_taken: Vec<TakenLook>,
    /// Places of the pending trials that wait for nothing but a worker.
    pending: PendingSet,
    /// Trainings that configs share.
    trainings: Trainings,
    /// Looks to come.
    looks: Looks,
}

impl Sweep {
    /// The trial of a config and replicate, if the sweep has it.
    #[must_use]
    pub fn trial(&self, config: u32, replicate: u32) -> Option<&Trial> {
        self.trials.get(self.place(config, replicate)?)
    }

    /// Place of a trial in `trials`.
    fn place(&self, config: u32, replicate: u32) -> Option<usize> {
        usize::try_from(self.plan.index(config, replicate)?).ok()
    }

    /// The pending trials in the order in which they are served: those lost less often first, then in plan order. Those
    /// that wait for a look are not among them.
    pub fn pending(&self) -> impl Iterator<Item = &Trial> {
        self.pending.iter().filter_map(|place| self.trials.get(place))
    }

    /// The pending trials that need the training of `trial`, itself included, and were never lost, in the order in which
    /// its worker takes them. A lost one waits its turn: it may be what kills workers.
    pub fn siblings(&self, trial: TrialId) -> impl Iterator<Item = &Trial> {
        let configs = self.trainings.siblings(trial.config);
        let trials = configs.filter_map(move |config| self.trial(config, trial.replicate));
        trials.filter(|t| t.state == TrialState::Pending && t.losses == 0 && !self.is_held(t))
    }

    /// The pending trial that a worker gets which has no training to go on with, `avoid` excepted: the first one in
    /// serving order, or, among the [`LOOK_AHEAD`] first, one whose training no other worker is at. So those that share
    /// a training are left to the worker that has it, as long as there is other work.
    #[must_use]
    pub fn next(&self, avoid: Option<TrialId>) -> Option<&Trial> {
        let fine = || self.pending().filter(move |t| Some(t.id) != avoid);
        let free = |t: &&Trial| t.losses == 0 && !self.trainings.is_held(t.id.config, t.id.replicate);
        let ahead = if self.trainings.is_any() { LOOK_AHEAD } else { 0 };
        fine().take(ahead).find(free).or_else(|| fine().next())
    }

    /// How many trials of one config are in which state; all zero for a config that does not exist.
    #[must_use]
    pub fn config_counts(&self, config: u32) -> Counts {
        let replicates = self.spec.configs.get(config as usize).map_or(0, |c| c.replicates);
        let mut counts = Counts::default();
        for trial in (0..replicates).filter_map(|r| self.trial(config, r)) {
            counts.planned += 1;
            counts.add(trial);
            counts.held += u32::from(self.is_held(trial));
            let stopped = trial.state == TrialState::Cancelled && self.stopped(config, trial.id.replicate).is_some();
            counts.stopped += u32::from(stopped);
        }
        counts
    }
}

/// Numbers of trials. `planned = pending + leased + finished + abandoned + cancelled`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// In all.
    pub planned: u32,
    /// Waiting for a worker.
    pub pending: u32,
    /// Held by a worker.
    pub leased: u32,
    /// With an accepted outcome.
    pub finished: u32,
    /// Given up after too many failures.
    pub abandoned: u32,
    /// Closed without an outcome, with their sweep or because a look made them superfluous.
    pub cancelled: u32,
    /// Of the finished: those that diverged.
    pub diverged: u32,
    /// Of the finished: those taken from earlier sweeps.
    pub reused: u32,
    /// Of the pending: those that wait for a look, not for a worker.
    pub held: u32,
    /// Of the cancelled: those that a look made superfluous.
    pub stopped: u32,
}

impl Counts {
    /// Trials that are not closed.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.pending + self.leased
    }

    /// Pending trials that a worker could have now.
    #[must_use]
    pub const fn ready(&self) -> u32 {
        self.pending - self.held
    }

    fn of(&mut self, state: TrialState) -> &mut u32 {
        match state {
            TrialState::Pending => &mut self.pending,
            TrialState::Leased => &mut self.leased,
            TrialState::Finished => &mut self.finished,
            TrialState::Abandoned => &mut self.abandoned,
            TrialState::Cancelled => &mut self.cancelled,
        }
    }

    /// Counts one trial under its state.
    fn add(&mut self, trial: &Trial) {
        *self.of(trial.state) += 1;
        self.diverged += u32::from(trial.diverged);
        self.reused += u32::from(trial.reused);
    }
}

/// Where a trial stands. The printed form is the variant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrialState {
    /// Waits for a worker.
    Pending,
    /// A worker holds it.
    Leased,
    /// It has its outcome.
    Finished,
    /// Failing code used up the attempt limit.
    Abandoned,
    /// Its sweep was cancelled before it had an outcome, or a look made it superfluous.
    Cancelled,
}

impl TrialState {
    /// Whether an outcome would still be accepted.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Leased)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Leased => "Leased",
            Self::Finished => "Finished",
            Self::Abandoned => "Abandoned",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One trial. Small, because a sweep may have a million: what only some trials need is boxed.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its name.
    pub id: TrialId,
    /// Where it stands.
    pub state: TrialState,
    /// Whether its outcome is a divergence.
    pub diverged: bool,
    /// Whether its outcome was taken from an earlier sweep.
    pub reused: bool,
    /// Attempts that failing code ended.
    pub failures: u32,
    /// Attempts whose lease expired or whose worker went. It orders pending trials; see also
    /// [`Scheduler::join`](crate::scheduler::Scheduler::join).
    pub losses: u32,
    /// Attempts begun; also the number of the last one.
    pub attempts: u32,
    /// The open lease.
    pub lease: Option<Box<Lease>>,
    /// Error of the last failing attempt.
    pub last_error: Option<Box<str>>,
    /// Where its outcome came from.
    pub accepted: Option<Box<Accepted>>,
    /// [`fingerprint`] of its outcome.
    pub fingerprint: Option<[u8; 32]>,
}

/// The right to run one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The attempt.
    pub id: AttemptId,
    /// Who holds it.
    pub worker: WorkerId,
    /// Since when.
    pub granted: Millis,
}

/// Where an accepted outcome came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The attempt; 0 when taken from an earlier sweep.
    pub attempt: u32,
    /// Who reported it.
    pub worker: Option<WorkerId>,
    /// The trial it was taken from.
    pub reused_from: Option<TrialId>,
    /// When.
    pub at: Millis,
}

/// One worker process.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// What it said of itself.
    pub info: WorkerInfo,
    /// When it joined last.
    pub joined: Millis,
    /// Whether it is there.
    pub state: WorkerState,
    /// Its open leases, oldest first.
    pub leases: Vec<AttemptId>,
    /// Outcomes of this coordinator's own attempts accepted from it.
    pub finished: u32,
    /// The trial that was leased to it last: the process may still have what it trained.
    pub last: Option<TrialId>,
}

/// Whether a worker is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// It joined and did not go since.
    Live,
    /// It went.
    Gone {
        /// Why.
        why: WorkerEnd,
        /// When.
        at: Millis,
    },
}

impl WorkerState {
    /// Whether it is there.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// `live`, `lost` (nothing heard for a lease term) or `left`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Gone { why: WorkerEnd::Lost, .. } => "lost",
            Self::Gone { .. } => "left",
        }
    }
}
