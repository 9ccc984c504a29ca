//! Why the driver did not do what it was asked.

use crate::store::StoreError;
use std::{path::PathBuf, sync::Arc};
use sweeper_core::{
    ids::{SweepId, TrialId, WorkerId},
    scheduler::SubmitError,
    state::ApplyError,
};

/// An error of a call to the driver.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DriverError {
    /// The driver was told to stop.
    #[error("the coordinator is stopping")]
    Stopped,
    /// The store failed. For a call that changes something the driver has stopped: nothing may be answered any more.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// What the store holds does not fit together.
    #[error("the facts stored in {} do not fit together: {source}", path.display())]
    Restore {
        /// The state directory.
        path: PathBuf,
        /// The first fact that cannot be.
        source: ApplyError,
    },
    /// The scheduler contradicted itself. The driver has stopped; what is stored is consistent.
    #[error("internal error of the scheduler: {0}")]
    Defect(ApplyError),
    /// No thread could be started.
    #[error("cannot start the coordinator's thread: {0}")]
    Thread(Arc<std::io::Error>),
    /// The worker must join (again).
    #[error("worker {0} is not known (any more): join again")]
    UnknownWorker(WorkerId),
    /// There is no such sweep.
    #[error("there is no sweep {0}")]
    UnknownSweep(SweepId),
    /// There is no such trial.
    #[error("there is no trial {0}")]
    UnknownTrial(TrialId),
    /// The sweep was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for DriverError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownSweep(sweep) => Self::UnknownSweep(sweep),
            other => Self::Store(Arc::new(other)),
        }
    }
}
