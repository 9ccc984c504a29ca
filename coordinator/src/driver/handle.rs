//! The driver's face: one async method per call. Cheap to clone.

use super::{
    End,
    command::{Command, Reply, Report},
    error::DriverError,
    progress::Progress,
};
use crate::{
    predictions::{Collector, Predictions},
    query::{self, View},
    results::SweepResults,
    store::Store,
};
use std::{
    fmt,
    path::Path,
    sync::{Arc, mpsc},
};
use sweeper_core::{
    ids::{AttemptId, SweepId, TrialId, WorkerId},
    record::WorkerInfo,
    scheduler::{ReportAnswer, Revocation, Settings},
    spec::SweepSpec,
};
use sweeper_proto::v1::{
    ExplainTrialResponse, FetchPredictionsResponse, Lease, ListSweepsResponse, ListWorkersResponse, PlanResponse,
    ShowSweepResponse, SubmitResponse,
};
use tokio::sync::{oneshot, watch};

/// A way to talk to the driver. The driver ends when the last one is dropped.
#[derive(Clone)]
pub struct DriverHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) end: watch::Receiver<End>,
    pub(super) settings: Settings,
    pub(super) dir: Arc<Path>,
    pub(super) store_name: Arc<str>,
}

impl fmt::Debug for DriverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverHandle").field("dir", &self.dir).field("end", &*self.end.borrow()).finish_non_exhaustive()
    }
}

/// All methods fail with [`DriverError::Stopped`] or [`DriverError::Store`] when the driver has ended. A positive
/// answer means that everything behind it is durable.
#[allow(clippy::missing_errors_doc)]
impl DriverHandle {
    /// How the scheduler was set up.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// See [`Store::name`].
    #[must_use]
    pub fn store_name(&self) -> &str {
        &self.store_name
    }

    /// A worker process becomes known. May be repeated.
    pub async fn join(&self, info: WorkerInfo) -> Result<WorkerId, DriverError> {
        self.call(|reply| Command::Join { info, reply }).await
    }

    /// All leases of the worker, new ones included; waits up to `wait_ms` (and at most half a lease term) for new ones.
    ///
    /// A later call of the same worker ends the earlier one. Fails with [`DriverError::UnknownWorker`].
    pub async fn acquire(&self, worker: WorkerId, capacity: u32, wait_ms: u64) -> Result<Vec<Lease>, DriverError> {
        self.call(|reply| Command::Acquire { worker, capacity, wait_ms, reply }).await
    }

    /// Renews leases, notes progress, and answers which leases are over. Fails with [`DriverError::UnknownWorker`].
    pub async fn heartbeat(
        &self,
        worker: WorkerId,
        progress: Vec<(AttemptId, Progress)>,
    ) -> Result<Vec<Revocation>, DriverError> {
        self.call(|reply| Command::Heartbeat { worker, progress, reply }).await
    }

    /// Takes outcomes, failures and released leases; one answer each, in order.
    pub async fn report(&self, worker: WorkerId, reports: Vec<Report>) -> Result<Vec<ReportAnswer>, DriverError> {
        self.call(|reply| Command::Report { worker, reports, reply }).await
    }

    /// A worker says goodbye.
    pub async fn leave(&self, worker: WorkerId) -> Result<(), DriverError> {
        self.call(|reply| Command::Leave { worker, reply }).await
    }

    /// Marks live workers whose slot begins so as left: whoever starts workers in these slots knows that the earlier
    /// ones are dead. Answers how many there were.
    pub async fn end_workers(&self, slot_prefix: String) -> Result<u32, DriverError> {
        self.call(|reply| Command::EndWorkers { slot_prefix, reply }).await
    }

    /// Stores a sweep. With `reuse`, outcomes of equal trials are taken from earlier sweeps; with `supersede`, an
    /// unfinished sweep of the same name and other content is cancelled. Fails with [`DriverError::Submit`].
    pub async fn submit(&self, spec: SweepSpec, reuse: bool, supersede: bool) -> Result<SubmitResponse, DriverError> {
        self.call(|reply| Command::Submit { spec: Box::new(spec), reuse, supersede, reply }).await
    }

    /// Cancels a sweep; answers how many trials were open. Fails with [`DriverError::UnknownSweep`].
    pub async fn cancel(&self, sweep: SweepId, reason: String) -> Result<u32, DriverError> {
        self.call(|reply| Command::Cancel { sweep, reason, reply }).await
    }

    /// What submitting would do.
    pub async fn plan(&self, spec: SweepSpec) -> Result<PlanResponse, DriverError> {
        self.query(move |view| query::plan(view, &spec)).await
    }

    /// All sweeps.
    pub async fn list_sweeps(&self) -> Result<ListSweepsResponse, DriverError> {
        self.query(|view| Ok(query::list_sweeps(view))).await
    }

    /// A sweep with its configs and running trials. Fails with [`DriverError::UnknownSweep`].
    pub async fn show_sweep(&self, sweep: SweepId) -> Result<ShowSweepResponse, DriverError> {
        self.query(move |view| query::show_sweep(view, sweep)).await
    }

    /// Live workers, or with `all` every worker that ever joined.
    pub async fn list_workers(&self, all: bool) -> Result<ListWorkersResponse, DriverError> {
        self.query(move |view| Ok(query::list_workers(view, all))).await
    }

    /// Why a trial is where it is. Fails with [`DriverError::UnknownTrial`].
    pub async fn explain_trial(&self, trial: TrialId) -> Result<ExplainTrialResponse, DriverError> {
        self.query(move |view| query::explain_trial(view, trial)).await
    }

    /// Everything known of a sweep. Fails with [`DriverError::UnknownSweep`].
    pub async fn results(&self, sweep: SweepId) -> Result<SweepResults, DriverError> {
        self.read(move |store| Ok(store.results(sweep)?)).await
    }

    /// Which images the trials of a sweep had right, from the trial `from`, (config, replicate), on.
    pub async fn predictions(&self, sweep: SweepId, from: (u32, u32)) -> Result<FetchPredictionsResponse, DriverError> {
        self.read(move |store| query::predictions(store, sweep, from)).await
    }

    /// All of them as one value of at most `most` bytes.
    ///
    /// # Errors
    /// Errors of reading the store.
    pub async fn all_predictions(&self, sweep: SweepId, most: usize) -> Result<Predictions, DriverError> {
        let collect = move |store: &Store| {
            let mut all = Collector::new(most);
            while let Some(from) = all.next() {
                all.take(query::predictions(store, sweep, from)?);
            }
            Ok(all.done())
        };
        self.read(collect).await
    }

    /// Answers all calls that wait for work, and lets none wait from now on: a server is shutting down.
    pub fn drain(&self) {
        // A driver that has ended has no waiting calls.
        let _ = self.commands.send(Command::Drain);
    }

    /// Ends the driver after everything asked before, and waits until the store is closed.
    pub async fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
        self.closed().await;
    }

    /// Resolves when the driver has ended, with the reason: [`DriverError::Stopped`] if it was asked to.
    pub async fn closed(&self) -> DriverError {
        let mut end = self.end.clone();
        // An error means that the driver's thread is gone without a word, which `ended` knows.
        let _ = end.wait_for(|end| !matches!(end, End::Running)).await;
        self.ended()
    }

    fn ended(&self) -> DriverError {
        match &*self.end.borrow() {
            End::Running | End::Stopped => DriverError::Stopped,
            End::Failed(error) => error.clone(),
        }
    }

    /// Reads the store beside the driver: a long read holds up nobody.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, DriverError> + Send + 'static,
    ) -> Result<T, DriverError> {
        let dir = Arc::clone(&self.dir);
        let read = move || read(&Store::open_read_only(&dir)?);
        // The only other end of a blocking task is that the runtime shuts down.
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(DriverError::Stopped))
    }

    async fn call<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, DriverError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| self.ended())?;
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }

    async fn query<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&View<'_>) -> Result<T, DriverError> + Send + 'static,
    ) -> Result<T, DriverError> {
        self.call(|reply| {
            Command::Query(Box::new(move |view| {
                // Whoever asked may be gone.
                let _ = reply.send(ask(view));
            }))
        })
        .await
    }
}
