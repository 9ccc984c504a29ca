//! What a worker hands in: outcomes, failures, released leases.

use super::{PlantedBug, RefuseReason, ReportAnswer, Scheduler, TrialReport};
use crate::{
    ids::{AttemptId, Millis, WorkerId},
    record::{Failure, LeaseEnd, Outcome, OutcomeKind, Record},
    state::{Lease, Sweep, Trial, TrialState, fingerprint},
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
};

impl Scheduler {
    /// Takes a report of an attempt, from whichever worker knows the attempt's id: an outbox may be delivered by a
    /// successor of the process that ran it. May be repeated at will.
    ///
    /// An outcome is taken as long as its trial is open, also from an attempt whose lease ended: same seed, same
    /// recipe, same data, so it is the same observation. A failure or a release is taken from the open lease only.
    /// An outcome that the lease's own holder hands in and that can never be taken (a final metric that is not
    /// finite, other data than the sweep's) ends the lease as a failed attempt, lest it be tried for ever.
    pub fn report(
        &mut self,
        now: Millis,
        worker: WorkerId,
        id: AttemptId,
        recipe_digest: &str,
        result: TrialReport,
    ) -> ReportAnswer {
        self.touch(now, worker);
        let answer = match self.check_identity(id, recipe_digest) {
            Err(reason) => Err(reason),
            Ok(()) => match result {
                TrialReport::Outcome(outcome) => self.take_outcome(now, worker, id, outcome),
                TrialReport::Failure(failure) => self.take_end(now, id, LeaseEnd::AttemptFailed(failure)),
                TrialReport::Released(reason) => self.take_end(now, id, LeaseEnd::Released(reason)),
            },
        };
        answer.unwrap_or_else(ReportAnswer::Refused)
    }

    fn find(&self, id: AttemptId) -> Result<(&Sweep, &Trial), RefuseReason> {
        let sweep = self.state.sweeps.get(&id.trial.sweep).ok_or(RefuseReason::UnknownTrial(id.trial))?;
        let trial = sweep.trial(id.trial.config, id.trial.replicate).ok_or(RefuseReason::UnknownTrial(id.trial))?;
        Ok((sweep, trial))
    }

    fn check_identity(&self, id: AttemptId, recipe_digest: &str) -> Result<(), RefuseReason> {
        let (sweep, trial) = self.find(id)?;
        if id.attempt == 0 || id.attempt > trial.attempts {
            return Err(RefuseReason::UnknownAttempt(id));
        }
        let expected = sweep.spec.configs.get(id.trial.config as usize).map_or("", |c| c.recipe_digest.as_str());
        if expected != recipe_digest {
            return Err(RefuseReason::RecipeMismatch { expected: expected.into(), reported: recipe_digest.into() });
        }
        Ok(())
    }

    fn take_end(&mut self, now: Millis, id: AttemptId, end: LeaseEnd) -> Result<ReportAnswer, RefuseReason> {
        let (_, trial) = self.find(id)?;
        let lease = match &trial.lease {
            Some(lease) if lease.id == id || self.planted == Some(PlantedBug::FencingOff) => **lease,
            Some(_) => return Err(RefuseReason::LeaseOver(id)),
            None => {
                return Err(match trial.state {
                    TrialState::Abandoned | TrialState::Cancelled => RefuseReason::Closed(trial.state),
                    _ => RefuseReason::LeaseOver(id),
                });
            }
        };
        self.end_lease(now, lease, end)?;
        Ok(ReportAnswer::Accepted)
    }

    /// Ends an open lease; gives the trial up if that was one failure too many.
    pub(super) fn end_lease(&mut self, now: Millis, lease: Lease, end: LeaseEnd) -> Result<(), RefuseReason> {
        let failed = matches!(end, LeaseEnd::AttemptFailed(_));
        self.emit(Record::LeaseEnded { id: lease.id, end, at: now })?;
        if !failed {
            return Ok(());
        }
        self.last_failed.insert(lease.worker, lease.id.trial);
        let (sweep, trial) = self.find(lease.id)?;
        if trial.failures >= sweep.spec.max_failures.max(1) {
            self.emit(Record::TrialAbandoned { trial: lease.id.trial, at: now })?;
        }
        Ok(())
    }

    fn take_outcome(
        &mut self,
        now: Millis,
        worker: WorkerId,
        id: AttemptId,
        outcome: Outcome,
    ) -> Result<ReportAnswer, RefuseReason> {
        let (sweep, trial) = self.find(id)?;
        if matches!(trial.state, TrialState::Abandoned | TrialState::Cancelled) {
            return Err(RefuseReason::Closed(trial.state));
        }
        if let Err(reason) = check_outcome(sweep, id.trial.config, &outcome) {
            let lease = trial.lease.as_deref().copied();
            if let Some(lease) = lease.filter(|lease| lease.id == id && lease.worker == worker) {
                let failure = Failure { error: reason.to_string(), log_tail: String::new() };
                self.end_lease(now, lease, LeaseEnd::AttemptFailed(failure))?;
            }
            return Err(reason);
        }
        if trial.state == TrialState::Finished {
            return self.take_repeated(now, worker, id, outcome);
        }
        let worker = self.state.workers.contains_key(&worker).then_some(worker);
        self.accept(Record::OutcomeAccepted { id, worker, reused_from: None, outcome: Box::new(outcome), at: now })?;
        Ok(ReportAnswer::Accepted)
    }

    fn take_repeated(
        &mut self,
        now: Millis,
        worker: WorkerId,
        id: AttemptId,
        outcome: Outcome,
    ) -> Result<ReportAnswer, RefuseReason> {
        let (sweep, trial) = self.find(id)?;
        let equal = trial.fingerprint == Some(fingerprint(&outcome));
        let known = trial.accepted.as_ref().is_some_and(|a| a.attempt == id.attempt) || sweep.repeated.contains(&id);
        let outcome = Box::new(outcome);
        if self.planted == Some(PlantedBug::DoubleAccept) {
            let worker = Some(worker);
            self.records.push(Record::OutcomeAccepted { id, worker, reused_from: None, outcome, at: now });
            return Ok(ReportAnswer::Accepted);
        }
        // A message sent twice is no second observation, and a fact must name a worker that exists.
        if !known && self.state.workers.contains_key(&worker) {
            self.emit(Record::OutcomeRepeated { id, worker, equal, outcome, at: now })?;
        }
        Ok(ReportAnswer::Duplicate { equal })
    }

    /// Emits an `OutcomeAccepted`, and before it the `DataPinned` that it implies, so that every accepted outcome
    /// agrees with the pins before it.
    pub(super) fn accept(&mut self, record: Record) -> Result<(), RefuseReason> {
        if let Record::OutcomeAccepted { id, outcome, .. } = &record {
            let (sweep, _) = self.find(*id)?;
            let config = sweep.spec.configs.get(id.trial.config as usize);
            let key = config.map_or("", |c| c.data_key.as_str());
            let digest = &outcome.provenance.data_digest;
            if !digest.is_empty() && !sweep.data.contains_key(key) {
                self.emit(Record::DataPinned { sweep: id.trial.sweep, key: key.into(), digest: digest.clone() })?;
            }
        }
        self.emit(record)?;
        Ok(())
    }
}

/// Whether this could be an outcome of a trial of this config.
pub(super) fn check_outcome(sweep: &Sweep, config: u32, outcome: &Outcome) -> Result<(), RefuseReason> {
    if outcome.kind == OutcomeKind::Completed
        && let Some(metric) = outcome.metrics.iter().find(|m| m.is_final && !m.value.is_finite())
    {
        return Err(RefuseReason::NotFinite { metric: metric.name.clone() });
    }
    let key = sweep.spec.configs.get(config as usize).map_or("", |c| c.data_key.as_str());
    match sweep.data.get(key) {
        Some(pinned) if *pinned != outcome.provenance.data_digest => Err(RefuseReason::DataMismatch {
            key: key.into(),
            pinned: pinned.clone(),
            reported: outcome.provenance.data_digest.clone(),
        }),
        _ => Ok(()),
    }
}
