//! What goes into the scheduler's calls and what comes out of them.

use crate::{
    ids::{AttemptId, SweepId, TrialId, WorkerId},
    record::{Failure, Outcome},
    state::{ApplyError, TrialState},
};
use alloc::string::String;

/// How the scheduler behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease lasts without renewal, and a worker without a sign of life, in milliseconds.
    pub lease_term_ms: u64,
}

/// Answer to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// The sweep.
    pub sweep: SweepId,
    /// False if an equal sweep was already there.
    pub created: bool,
}

/// Why a sweep was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// An unfinished sweep of that name has other content.
    #[error("sweep {sweep} of the same name and other content is not finished")]
    NameBusy {
        /// Which.
        sweep: SweepId,
    },
    /// Nothing to do.
    #[error("the sweep has no trials")]
    NoTrials,
    /// More than [`crate::plan::MAX_TRIALS`].
    #[error("the sweep has {trials} trials, at most {limit} are allowed")]
    TooManyTrials {
        /// How many.
        trials: u64,
        /// The limit.
        limit: u64,
    },
    /// The scheduler contradicted itself; nothing was changed. See [`Scheduler::defect`](super::Scheduler::defect).
    #[error("internal error: {0}")]
    Internal(#[from] ApplyError),
}

/// An outcome of an equal trial of an earlier sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct ReusedOutcome {
    /// Config of the new sweep.
    pub config: u32,
    /// Replicate of the new sweep.
    pub replicate: u32,
    /// Where it was observed.
    pub from: TrialId,
    /// Who reported it.
    pub worker: Option<WorkerId>,
    /// What was observed.
    pub outcome: Outcome,
}

/// A lease handed to a worker. Recipe, digest and names: look them up in [`Scheduler::state`](super::Scheduler::state).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The attempt to run.
    pub id: AttemptId,
    /// The trial's seed.
    pub seed: u64,
    /// Digest that the data set must have; none while no outcome has fixed it.
    pub data_digest: Option<String>,
}

/// A lease that the worker should stop working on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub id: AttemptId,
    /// Why; the printed form is for people.
    pub reason: RevokeReason,
}

/// Why a lease was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeReason {
    /// The trial has its outcome already.
    #[error("the trial has its outcome already")]
    Finished,
    /// The trial was given up.
    #[error("the trial was abandoned after too many failures")]
    Abandoned,
    /// The sweep was cancelled.
    #[error("the sweep was cancelled")]
    Cancelled,
    /// The trial's config was decided by a look.
    #[error("its config was stopped: a look decided it")]
    Stopped,
    /// Another worker holds this lease.
    #[error("another worker holds this lease")]
    NotYours,
    /// No such attempt was ever begun.
    #[error("there is no such attempt")]
    Unknown,
}

/// What a worker reports of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum TrialReport {
    /// It ended and observed this.
    Outcome(Outcome),
    /// Code failed.
    Failure(Failure),
    /// The worker hands the lease back unfinished, for this reason.
    Released(String),
}

/// Answer to a report. All three mean that the worker need not send it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportAnswer {
    /// Taken.
    Accepted,
    /// The trial already had its outcome.
    Duplicate {
        /// Whether the two are equal bit for bit.
        equal: bool,
    },
    /// Not taken, and never will be.
    Refused(RefuseReason),
}

/// Why a report was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefuseReason {
    /// There is no such trial.
    #[error("there is no trial {0}")]
    UnknownTrial(TrialId),
    /// No such attempt was ever begun.
    #[error("there is no attempt {0}")]
    UnknownAttempt(AttemptId),
    /// Another recipe than the trial's.
    #[error("recipe {reported} was trained, the trial's recipe is {expected}")]
    RecipeMismatch {
        /// The trial's digest.
        expected: String,
        /// The report's digest.
        reported: String,
    },
    /// Other data than the sweep's.
    #[error("data `{key}` had digest {reported}, earlier outcomes of the sweep were observed on {pinned}")]
    DataMismatch {
        /// The config's data key.
        key: String,
        /// The sweep's digest.
        pinned: String,
        /// The report's digest.
        reported: String,
    },
    /// A completed training whose final metric is not finite.
    #[error("final metric `{metric}` of a completed training is not a finite number")]
    NotFinite {
        /// Which.
        metric: String,
    },
    /// The trial is closed without an outcome: abandoned or cancelled.
    #[error("the trial is {0}")]
    Closed(TrialState),
    /// A failure or a release of a lease that is not open (any more).
    #[error("the lease of {0} is over")]
    LeaseOver(AttemptId),
    /// The scheduler contradicted itself. See [`Scheduler::defect`](super::Scheduler::defect).
    #[error("internal error: {0}")]
    Internal(#[from] ApplyError),
}

/// The worker never joined, or is gone: it must join again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("worker {0} is not known (any more): join again")]
pub struct UnknownWorker(pub WorkerId);

/// There is no such sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no sweep {0}")]
pub struct UnknownSweep(pub SweepId);
