//! What can be asked of the driver.

use super::{error::DriverError, progress::Progress};
use crate::query::View;
use sweeper_core::{
    ids::{AttemptId, SweepId, WorkerId},
    record::WorkerInfo,
    scheduler::{ReportAnswer, Revocation, TrialReport},
    spec::SweepSpec,
};
use sweeper_proto::v1::{Lease, SubmitResponse};
use tokio::sync::oneshot;

/// Where the answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, DriverError>>;

/// One call.
pub(super) enum Command {
    Join {
        info: WorkerInfo,
        reply: Reply<WorkerId>,
    },
    Acquire {
        worker: WorkerId,
        capacity: u32,
        wait_ms: u64,
        reply: Reply<Vec<Lease>>,
    },
    Heartbeat {
        worker: WorkerId,
        progress: Vec<(AttemptId, Progress)>,
        reply: Reply<Vec<Revocation>>,
    },
    Report {
        worker: WorkerId,
        reports: Vec<Report>,
        reply: Reply<Vec<ReportAnswer>>,
    },
    Leave {
        worker: WorkerId,
        reply: Reply<()>,
    },
    EndWorkers {
        slot_prefix: String,
        reply: Reply<u32>,
    },
    Submit {
        spec: Box<SweepSpec>,
        reuse: bool,
        supersede: bool,
        reply: Reply<SubmitResponse>,
    },
    Cancel {
        sweep: SweepId,
        reason: String,
        reply: Reply<u32>,
    },
    /// Reads; sees committed facts only.
    Query(Box<dyn FnOnce(&View<'_>) + Send>),
    /// Answers every waiting call, and lets none wait from now on.
    Drain,
    /// Ends the driver after the commands before it.
    Stop,
}

/// One report of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Of which attempt.
    pub id: AttemptId,
    /// What was trained.
    pub recipe_digest: String,
    /// How it went.
    pub result: TrialReport,
}
