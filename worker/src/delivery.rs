//! Puts reports into the outbox and sends them from there until they are acknowledged.

use crate::{
    backoff::Backoff,
    board::Board,
    link::{CallError, Joined, Link, describe},
    outbox::{Outbox, OutboxError},
    wire::Attempt,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use sweeper_proto::v1::{ReportAnswer, TrialReport, report_answer::Verdict};
use tokio::{sync::Notify, task::spawn_blocking};
use tonic::Code;
use tracing::{debug, error, info, warn};

const BATCH: usize = 64;
const BATCH_BYTES: usize = 4 << 20;

/// The outbox as several tasks use it; its disk work is done on threads of its own.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    outbox: Arc<Mutex<Outbox>>,
    filled: Arc<Notify>,
}

impl Delivery {
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self { outbox: Arc::new(Mutex::new(outbox)), filled: Arc::default() }
    }

    async fn with_outbox<T: Send + 'static>(&self, work: impl FnOnce(&mut Outbox) -> T + Send + 'static) -> Option<T> {
        let outbox = Arc::clone(&self.outbox);
        // The task can only fail when the runtime ends, and then nobody asks.
        spawn_blocking(move || work(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner))).await.ok()
    }

    /// Makes a report durable, trying until the disk takes it, and has it sent.
    pub(crate) async fn keep(self, store: String, report: TrialReport) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        loop {
            let (to, what) = (store.clone(), report.clone());
            match self.with_outbox(move |outbox| outbox.put(&to, &what)).await {
                Some(Ok(_)) => return self.filled.notify_one(),
                Some(Err(error)) => {
                    error!(%error, "cannot keep an outcome; it is held in memory until the disk takes it")
                }
                None => return,
            }
            tokio::time::sleep(backoff.jittered()).await;
        }
    }

    /// Sends what is in the outbox; runs until the coordinator refuses this worker, and returns its words.
    pub(crate) async fn run(&self, link: &Link, board: &Board) -> String {
        let mut trouble = Backoff::calls();
        let mut most = BATCH;
        loop {
            let at = match link.joined().await {
                Ok(at) => at,
                Err(CallError::Refused(why)) => return why,
                Err(CallError::Later(_)) => continue,
            };
            let store = at.store.clone();
            let batch =
                self.with_outbox(move |outbox| outbox.batch(&store, most, BATCH_BYTES)).await.unwrap_or_default();
            if batch.is_empty() {
                // The time-out is for a store that changed while nothing was put in.
                let _ = tokio::time::timeout(Duration::from_secs(30), self.filled.notified()).await;
                continue;
            }
            let reports = batch.iter().map(|(_, report)| report.clone()).collect();
            match link.report(&at, reports).await {
                Ok(answers) => {
                    trouble.reset();
                    most = BATCH;
                    self.settle(board, &at, batch, &answers).await;
                }
                Err(CallError::Refused(why)) => return why,
                Err(CallError::Later(status)) if is_about_content(status.code()) => {
                    // One of them cannot be said in this contract. Alone, it shows which.
                    match (batch.len(), batch.into_iter().next()) {
                        (1, Some(one)) => self.reject(board, &at, one, &describe(&status)).await,
                        _ => most = 1,
                    }
                }
                Err(CallError::Later(status)) => {
                    if trouble.is_fresh() {
                        warn!(error = describe(&status), reports = batch.len(), "outcomes wait in the outbox");
                    } else {
                        debug!(error = describe(&status), reports = batch.len(), "outcomes wait in the outbox");
                    }
                    tokio::time::sleep(trouble.jittered()).await;
                }
            }
        }
    }

    /// Removes what was answered for, whatever the verdict.
    async fn settle(&self, board: &Board, at: &Joined, batch: Vec<(String, TrialReport)>, answers: &[ReportAnswer]) {
        let mut names = Vec::with_capacity(batch.len());
        let mut ids = Vec::with_capacity(batch.len());
        for ((name, report), answer) in batch.into_iter().zip(answers) {
            let id = report.id.map(Attempt::from);
            let trial = id.map(|id| id.to_string()).unwrap_or_default();
            match answer.verdict() {
                Verdict::Accepted => info!(trial, "the coordinator has the report"),
                Verdict::Duplicate => info!(trial, reason = answer.reason, "the trial had an outcome already"),
                Verdict::Refused => warn!(trial, reason = answer.reason, "the coordinator refuses a report for good"),
                Verdict::Unspecified => {
                    // Not an answer this version knows: keeping the file is the safe reading.
                    warn!(trial, "the coordinator's answer is not understood; the report is sent again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            }
            names.push(name);
            ids.extend(id);
        }
        let removed = move |outbox: &mut Outbox| -> Result<(), OutboxError> {
            names.iter().try_for_each(|name| outbox.acknowledge(name))
        };
        if let Some(Err(error)) = self.with_outbox(removed).await {
            warn!(%error, "an acknowledged report stays on disk");
        }
        for id in ids {
            board.acknowledged(&at.store, id);
        }
    }

    async fn reject(&self, board: &Board, at: &Joined, (name, report): (String, TrialReport), why: &str) {
        error!(file = name, error = why, "the coordinator cannot read a report; it is set aside");
        if let Some(Err(error)) = self.with_outbox(move |outbox| outbox.set_aside(&name)).await {
            warn!(%error, "a rejected report stays in place");
        }
        if let Some(id) = report.id {
            board.acknowledged(&at.store, id.into());
        }
    }

    /// Whether nothing waits for `store`.
    pub(crate) async fn is_empty(&self, store: String) -> bool {
        self.with_outbox(move |outbox| outbox.waiting(&store) == 0).await.unwrap_or(true)
    }
}

/// Whether the answer would be the same however often the call is repeated.
fn is_about_content(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::OutOfRange)
}
