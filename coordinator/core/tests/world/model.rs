//! The judge: a second, tiny account of what the facts mean, against which every decision is checked.

use super::{Call, Reply, truth};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::{
    ids::{AttemptId, SweepId, TrialId, WorkerId},
    plan::trial_seed,
    record::{Failure, LeaseEnd, Outcome, Record},
    scheduler::{RefuseReason, ReportAnswer, Scheduler, TOLERATED_LOSSES, TrialReport},
    spec::Pairing,
    state::{Counts, State, Trial, TrialState},
};

/// What went wrong in a world.
pub(crate) type Violation = String;

/// An error unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
pub(crate) use ensure;

/// Leases with their deadlines, and accepted outcomes, as the facts and calls so far imply them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) leases: BTreeMap<AttemptId, (WorkerId, u64)>,
    pub(crate) accepted: BTreeMap<TrialId, Outcome>,
    failed: BTreeSet<AttemptId>,
    losses: BTreeMap<TrialId, u32>,
    /// The trial that each worker got last.
    last: BTreeMap<WorkerId, TrialId>,
    /// The look, in replicates, that stopped a config.
    stops: BTreeMap<(SweepId, u32), u32>,
    /// What the last look at a stratum let run.
    horizons: BTreeMap<(SweepId, String), Option<u32>>,
    /// Trials with an attempt that failed because its process died.
    pub(crate) killers: BTreeSet<TrialId>,
    term: u64,
}

impl Model {
    pub(crate) fn new(term: u64) -> Self {
        Self { term, ..Self::default() }
    }

    /// What a restarted coordinator must know: every open lease with one fresh term.
    pub(crate) fn restored(term: u64, committed: &[Record], now: u64) -> Result<Self, Violation> {
        let mut model = Self::new(term);
        for record in committed {
            model.follow(record, now)?;
        }
        model.renew(now, |_, _| true);
        Ok(model)
    }

    fn renew(&mut self, now: u64, which: impl Fn(AttemptId, WorkerId) -> bool) {
        for (id, (worker, deadline)) in &mut self.leases {
            if which(*id, *worker) {
                *deadline = now + self.term;
            }
        }
    }

    /// Takes one fact; what two facts can contradict by themselves is a violation.
    fn follow(&mut self, record: &Record, now: u64) -> Result<(), Violation> {
        match record {
            Record::LeaseGranted { id, worker, .. } => {
                let other = self.leases.keys().find(|other| other.trial == id.trial);
                ensure!(other.is_none(), "{id} leased while {other:?} is open");
                ensure!(!self.accepted.contains_key(&id.trial), "{id} leased after its outcome");
                self.leases.insert(*id, (*worker, now + self.term));
                self.last.insert(*worker, id.trial);
            }
            Record::LeaseEnded { id, end, .. } => {
                ensure!(self.leases.remove(id).is_some(), "lease {id} ended twice");
                let failed = matches!(end, LeaseEnd::AttemptFailed(_));
                ensure!(!failed || self.failed.insert(*id), "{id} failed twice");
                match end {
                    LeaseEnd::Expired | LeaseEnd::WorkerLeft => *self.losses.entry(id.trial).or_default() += 1,
                    LeaseEnd::AttemptFailed(failure) if is_death(failure) => drop(self.killers.insert(id.trial)),
                    LeaseEnd::AttemptFailed(_) | LeaseEnd::Released(_) => {}
                }
            }
            Record::OutcomeAccepted { id, outcome, .. } => {
                self.leases.retain(|lease, _| lease.trial != id.trial);
                let before = self.accepted.insert(id.trial, (**outcome).clone());
                ensure!(before.is_none(), "second accepted outcome of {}", id.trial);
            }
            Record::SweepCancelled { sweep, .. } => self.leases.retain(|lease, _| lease.trial.sweep != *sweep),
            Record::LookTaken { sweep, look, .. } => {
                for stopped in &look.stopped {
                    let before = self.stops.insert((*sweep, stopped.config), look.replicates);
                    ensure!(before.is_none(), "config {} of {sweep} stopped twice", stopped.config);
                }
                self.horizons.insert((*sweep, look.stratum.clone()), look.until);
                let stops = &self.stops;
                self.leases.retain(|lease, _| !is_beyond(stops, lease.trial));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a look made the trial superfluous.
    pub(crate) fn is_stopped(&self, trial: TrialId) -> bool {
        is_beyond(&self.stops, trial)
    }

    /// Whether the trial must wait for a look.
    fn is_held(&self, trial: TrialId, state: &State) -> bool {
        let Some(sweep) = state.sweeps.get(&trial.sweep) else { return false };
        let stratum = &sweep.spec.configs[trial.config as usize].stratum;
        let stopping = &sweep.spec.analysis.stopping;
        let replicates = sweep.spec.configs.iter().filter(|c| c.stratum == *stratum).map(|c| c.replicates);
        let first = || stopping.looks(replicates.max().unwrap_or(0)).first().copied();
        let until = self.horizons.get(&(trial.sweep, stratum.clone())).copied().unwrap_or_else(first);
        stopping.holds() && until.is_some_and(|until| trial.replicate >= until)
    }

    /// A look is taken when it is planned and all that it needs is there, and nobody gets what waits or is stopped.
    fn check_looks(&self, record: &Record, before: &State, after: &State) -> Result<(), Violation> {
        match record {
            Record::LeaseGranted { id, .. } => {
                ensure!(!self.is_held(id.trial, after), "{id} leased while it waits for a look");
                ensure!(!self.is_stopped(id.trial), "{id} leased although its config is stopped");
            }
            Record::LookTaken { sweep, look, .. } => {
                let Some(looked_at) = before.sweeps.get(sweep) else { return Err(format!("look at {sweep}")) };
                let of = |c: u32| &looked_at.spec.configs[c as usize];
                let needed = |t: TrialId| {
                    of(t.config).stratum == look.stratum
                        && t.replicate < look.replicates
                        && !self.stops.contains_key(&(*sweep, t.config))
                };
                let open = looked_at.trials.iter().find(|t| needed(t.id) && t.state.is_open());
                ensure!(open.is_none(), "look at {} replicates before {open:?}", look.replicates);
                let missing = look.stopped.iter().find(|s| of(s.config).stratum != look.stratum);
                ensure!(missing.is_none(), "{missing:?} is not of the stratum");
            }
            _ => {}
        }
        Ok(())
    }

    /// Judges what one call decided and answered. `before` is the state before the call.
    pub(crate) fn judge(
        &mut self,
        now: u64,
        call: &Call,
        reply: &Reply,
        records: &[Record],
        before: &State,
        after: &Scheduler,
    ) -> Result<(), Violation> {
        ensure!(after.defect().is_none(), "the scheduler contradicts itself: {:?}", after.defect());
        let last = self.last.clone();
        for record in records {
            self.check_cause(now, call, record, before)?;
            self.check_looks(record, before, after.state())?;
            check_truth(record, after.state())?;
            self.follow(record, now)?;
        }
        match (call, reply) {
            (Call::Heartbeat { worker, ids }, Reply::Revoked(revoked)) => {
                for id in ids {
                    let mine = self.leases.get(id).is_some_and(|(holder, _)| holder == worker);
                    let stop = revoked.iter().any(|r| r.id == *id);
                    let closed = before.trial(id.trial).is_none_or(|t| !t.state.is_open());
                    ensure!(!(mine && stop), "{id} revoked from its holder {worker}");
                    ensure!(stop || !closed, "{id} not revoked although its trial is closed");
                }
                self.renew(now, |id, holder| holder == *worker && ids.contains(&id));
            }
            (Call::Acquire { worker, .. }, Reply::Granted(grants)) => {
                self.renew(now, |_, holder| holder == *worker);
                self.check_grants(*worker, grants, after.state())?;
                self.check_order(records, last.get(worker).copied(), after.state())?;
            }
            (Call::Report { id, digest, report, .. }, Reply::Reported(_, answer)) => {
                check_answer(*id, digest, report, answer, before)?;
            }
            (Call::Look { .. }, Reply::NoLook(error)) => return Err(format!("look refused: {error}")),
            (Call::Expire, _) => {
                let late = self.leases.iter().find(|(_, (_, deadline))| *deadline <= now);
                ensure!(late.is_none(), "lease {late:?} outlived its deadline at {now}");
            }
            _ => {}
        }
        let first = self.leases.values().map(|(_, deadline)| *deadline).min();
        let next = after.next_deadline().map(|at| at.0);
        ensure!(first.is_none_or(|first| next.is_some_and(|n| n <= first)), "no timer for {first:?}, next is {next:?}");
        self.check_state(after.state())
    }

    /// A lease may end only for the reason that the call gives.
    ///
    /// Losses never count as failures, with one exception: the process of a trial that was lost often before died under
    /// it, and another one fills its slot.
    fn check_cause(&self, now: u64, call: &Call, record: &Record, before: &State) -> Result<(), Violation> {
        let Record::LeaseEnded { id, end, .. } = record else { return Ok(()) };
        let lost_often = self.losses.get(&id.trial).is_some_and(|losses| *losses >= TOLERATED_LOSSES);
        let worked_on = before.workers.values().any(|w| w.leases.first() == Some(id));
        let right = match (end, call) {
            (LeaseEnd::Expired, Call::Expire) => self.leases.get(id).is_some_and(|(_, deadline)| *deadline <= now),
            (LeaseEnd::WorkerLeft, Call::Leave { .. }) => true,
            (LeaseEnd::WorkerLeft, Call::Join(_)) => !(lost_often && worked_on),
            (LeaseEnd::AttemptFailed(failure), Call::Join(_)) => is_death(failure) && lost_often && worked_on,
            (LeaseEnd::Released(_), Call::Report { id: of, report: TrialReport::Released(_), .. }) => of == id,
            (LeaseEnd::AttemptFailed(_), Call::Report { id: of, report: TrialReport::Failure(_), .. }) => of == id,
            _ => false,
        };
        ensure!(right, "{call:?} ended {id} as {end:?} at {now}");
        Ok(())
    }

    fn check_grants(
        &self,
        worker: WorkerId,
        grants: &[sweeper_core::scheduler::Grant],
        state: &State,
    ) -> Result<(), Violation> {
        for (id, (holder, _)) in &self.leases {
            let granted = grants.iter().any(|g| g.id == *id);
            ensure!(granted == (*holder == worker), "{id} of {holder} and the grants of {worker}: {grants:?}");
        }
        for grant in grants {
            let trial = grant.id.trial;
            let Some(sweep) = state.sweeps.get(&trial.sweep) else { return Err(format!("grant {grant:?}")) };
            let seed = trial_seed(&sweep.spec, trial.config, trial.replicate);
            ensure!(grant.seed == seed, "a retry resampled: {grant:?}, its seed is {seed}");
        }
        Ok(())
    }

    /// Inside a sweep the trial lost least often comes first, then plan order; at most one trial is passed over, which
    /// the worker failed on just now.
    ///
    /// Two exceptions where configs share a training: the trials that go on with the training of the worker's last one
    /// come first, and one whose training is held elsewhere may be passed over, but not for one that was lost.
    fn check_order(&self, records: &[Record], last: Option<TrialId>, state: &State) -> Result<(), Violation> {
        let losses = |trial: TrialId| self.losses.get(&trial).copied().unwrap_or_default();
        let same = |a: TrialId, b: TrialId| {
            let Some(sweep) = state.sweeps.get(&a.sweep) else { return false };
            let training = |t: TrialId| sweep.spec.configs.get(t.config as usize).map(|c| c.training_digest.as_str());
            let common = sweep.spec.pairing == Pairing::Common && training(a) != Some("");
            common && (a.sweep, a.replicate) == (b.sweep, b.replicate) && training(a) == training(b)
        };
        let held = |trial: TrialId| self.leases.keys().any(|id| same(trial, id.trial));
        let (mut passed_over, mut last) = (BTreeSet::new(), last);
        for record in records {
            let Record::LeaseGranted { id, .. } = record else { continue };
            let Some(sweep) = state.sweeps.get(&id.trial.sweep) else { return Err(format!("grant of {id}")) };
            let goes_on = |trial: TrialId| losses(trial) == 0 && last.is_some_and(|last| same(trial, last));
            let free = |t: &Trial| t.state == TrialState::Pending && !self.is_held(t.id, state);
            let pending = || sweep.trials.iter().enumerate().filter(|(_, t)| free(t));
            if !goes_on(id.trial) {
                let granted = sweep.trials.iter().position(|t| t.id == id.trial);
                let earlier = pending().filter(|(place, t)| (losses(t.id), Some(*place)) < (losses(id.trial), granted));
                let unexcused = earlier.filter(|(_, t)| losses(id.trial) > 0 || !held(t.id));
                passed_over.extend(unexcused.map(|(_, t)| t.id));
                passed_over.extend(pending().filter(|(_, t)| goes_on(t.id)).map(|(_, t)| t.id));
            }
            last = Some(id.trial);
        }
        ensure!(passed_over.len() <= 1, "{records:?} passed over {passed_over:?}");
        Ok(())
    }

    /// State against model, and the state against itself.
    fn check_state(&self, state: &State) -> Result<(), Violation> {
        let mut leases = BTreeMap::new();
        for (id, sweep) in &state.sweeps {
            let mut counts = Counts { planned: sweep.trials.len() as u32, ..Counts::default() };
            for trial in &sweep.trials {
                *match trial.state {
                    TrialState::Pending => &mut counts.pending,
                    TrialState::Leased => &mut counts.leased,
                    TrialState::Finished => &mut counts.finished,
                    TrialState::Abandoned => &mut counts.abandoned,
                    TrialState::Cancelled => &mut counts.cancelled,
                } += 1;
                counts.diverged += u32::from(trial.diverged);
                counts.reused += u32::from(trial.reused);
                counts.held += u32::from(trial.state == TrialState::Pending && self.is_held(trial.id, state));
                counts.stopped += u32::from(trial.state == TrialState::Cancelled && self.is_stopped(trial.id));
                ensure!((trial.state == TrialState::Leased) == trial.lease.is_some(), "lease of {trial:?}");
                ensure!((trial.state == TrialState::Finished) == trial.accepted.is_some(), "outcome of {trial:?}");
                let known = self.accepted.contains_key(&trial.id);
                ensure!((trial.state == TrialState::Finished) == known, "outcome of {trial:?}");
                let failures = self.failed.iter().filter(|a| a.trial == trial.id).count();
                ensure!(trial.failures as usize == failures, "failures of {trial:?}, reported were {failures}");
                let losses = self.losses.get(&trial.id).copied().unwrap_or_default();
                ensure!(trial.losses == losses, "losses of {trial:?}, there were {losses}");
                leases.extend(trial.lease.as_ref().map(|l| (l.id, l.worker)));
            }
            ensure!(counts == sweep.counts, "counts of {id}: {:?}, counted {counts:?}", sweep.counts);
            let sum = counts.pending + counts.leased + counts.finished + counts.abandoned + counts.cancelled;
            ensure!(sum == counts.planned, "trials of {id} do not add up: {counts:?}");
            ensure!(sweep.closed.is_none() == (counts.open() > 0), "{id} closed {:?} with {counts:?}", sweep.closed);
        }
        let held = state.workers.iter().flat_map(|(id, w)| w.leases.iter().map(|lease| (*lease, *id)));
        ensure!(held.collect::<BTreeMap<_, _>>() == leases, "workers and trials disagree on leases");
        let mine: BTreeMap<_, _> = self.leases.iter().map(|(id, (worker, _))| (*id, *worker)).collect();
        ensure!(mine == leases, "leases are {leases:?}, the facts imply {mine:?}");
        let mut slots = BTreeSet::new();
        for worker in state.workers.values().filter(|w| w.state.is_live()) {
            ensure!(slots.insert(&worker.info.slot), "two live workers in slot {}", worker.info.slot);
        }
        Ok(())
    }
}

fn is_beyond(stops: &BTreeMap<(SweepId, u32), u32>, trial: TrialId) -> bool {
    stops.get(&(trial.sweep, trial.config)).is_some_and(|look| trial.replicate >= *look)
}

/// Whether the scheduler, not a worker, called this a failure.
pub(crate) fn is_death(failure: &Failure) -> bool {
    failure.error.starts_with("its worker process died")
}

/// An accepted outcome is what the trial observes, whoever ran it and whenever.
fn check_truth(record: &Record, state: &State) -> Result<(), Violation> {
    let (Record::OutcomeAccepted { id, outcome, .. } | Record::OutcomeRepeated { id, outcome, .. }) = record else {
        return Ok(());
    };
    let Some(sweep) = state.sweeps.get(&id.trial.sweep) else { return Err(format!("outcome of {id}")) };
    let config = &sweep.spec.configs[id.trial.config as usize];
    let seed = trial_seed(&sweep.spec, id.trial.config, id.trial.replicate);
    let truth = truth::outcome(&config.recipe_digest, &config.data_key, seed, 0.0);
    let print = sweeper_core::state::fingerprint;
    ensure!(print(outcome) == print(&truth), "{id} accepted {outcome:?}, the truth is {truth:?}");
    if let Record::OutcomeRepeated { equal, .. } = record {
        ensure!(*equal, "{id} repeated the truth and was called unequal");
    }
    Ok(())
}

/// An honest outcome is never refused while its trial could take it, and a wrong one always is.
fn check_answer(
    id: AttemptId,
    digest: &str,
    report: &TrialReport,
    answer: &ReportAnswer,
    before: &State,
) -> Result<(), Violation> {
    let (Some(sweep), Some(trial)) = (before.sweeps.get(&id.trial.sweep), before.trial(id.trial)) else {
        return Ok(());
    };
    let config = &sweep.spec.configs[id.trial.config as usize];
    let right = if id.attempt > trial.attempts {
        *answer == ReportAnswer::Refused(RefuseReason::UnknownAttempt(id))
    } else if digest != config.recipe_digest {
        matches!(answer, ReportAnswer::Refused(RefuseReason::RecipeMismatch { .. }))
    } else {
        match (report, trial.state) {
            (_, TrialState::Abandoned | TrialState::Cancelled) => {
                *answer == ReportAnswer::Refused(RefuseReason::Closed(trial.state))
            }
            (TrialReport::Outcome(o), _) if o.metrics.iter().any(|m| m.is_final && m.value.is_infinite()) => {
                matches!(answer, ReportAnswer::Refused(RefuseReason::NotFinite { .. }))
            }
            (TrialReport::Outcome(o), _) if o.provenance.data_digest != truth::data_digest(&config.data_key) => {
                matches!(answer, ReportAnswer::Refused(RefuseReason::DataMismatch { .. }))
            }
            (TrialReport::Outcome(_), TrialState::Finished) => *answer == ReportAnswer::Duplicate { equal: true },
            (TrialReport::Outcome(_), _) => *answer == ReportAnswer::Accepted,
            _ if trial.lease.as_ref().is_some_and(|l| l.id == id) => *answer == ReportAnswer::Accepted,
            _ => *answer == ReportAnswer::Refused(RefuseReason::LeaseOver(id)),
        }
    };
    ensure!(right, "report of {id} ({report:?}) while {:?} was answered {answer:?}", trial.state);
    Ok(())
}
