//! The connection to the coordinator: joined whenever that is needed, for as long as it takes.
//!
//! Workers may start before the coordinator and outlive it, so trouble on the line is never an error here; only a
//! coordinator of another version is.

use crate::{backoff::Backoff, board::Board};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use sweeper_proto::{
    MAX_MESSAGE_BYTES,
    v1::{
        AcquireRequest, HeartbeatRequest, JoinRequest, Lease, LeaveRequest, Progress, ReportAnswer, ReportRequest,
        Revocation, TrialReport, worker_service_client::WorkerServiceClient,
    },
};
use tokio::time::timeout;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint},
};
use tracing::{debug, info, warn};

/// How long a call may take that is not meant to wait.
const CALL: Duration = Duration::from_secs(10);
/// Heartbeats are no faster than this, whatever the coordinator says.
const FASTEST_HEARTBEAT: Duration = Duration::from_millis(10);

/// What a join brought.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) worker: u64,
    pub(crate) heartbeat: Duration,
    /// Name of the coordinator's store.
    pub(crate) store: String,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The coordinator will never take this worker. The text is for people.
    Refused(String),
    /// Worth another try.
    Later(Status),
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Link {
    client: WorkerServiceClient<Channel>,
    me: JoinRequest,
    board: Arc<Board>,
    joined: Mutex<Option<Joined>>,
    // One join at a time; the others wait for its result.
    joining: tokio::sync::Mutex<()>,
}

impl Link {
    /// Prepares the connection; nothing is sent before the first call.
    pub(crate) fn new(url: &str, me: JoinRequest, board: Arc<Board>) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(20))
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .connect_lazy();
        let client = WorkerServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { client, me, board, joined: Mutex::default(), joining: tokio::sync::Mutex::default() })
    }

    /// The current membership, if there is one.
    pub(crate) fn current(&self) -> Option<Joined> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The current membership; joins first where there is none, and tries for ever.
    pub(crate) async fn joined(&self) -> Result<Joined, CallError> {
        let _one = self.joining.lock().await;
        if let Some(joined) = self.current() {
            return Ok(joined);
        }
        let mut backoff = Backoff::calls();
        loop {
            let mut client = self.client.clone();
            match bounded(CALL, client.join(self.me.clone())).await {
                Ok(answer) => {
                    let joined = Joined {
                        worker: answer.worker,
                        heartbeat: Duration::from_millis(answer.heartbeat_ms.into()).max(FASTEST_HEARTBEAT),
                        store: answer.store,
                    };
                    info!(worker = joined.worker, slot = self.me.slot, "joined the coordinator");
                    self.board.set_store(&joined.store);
                    *self.joined.lock().unwrap_or_else(PoisonError::into_inner) = Some(joined.clone());
                    return Ok(joined);
                }
                Err(status) if status.code() == Code::FailedPrecondition => {
                    return Err(CallError::Refused(status.message().to_owned()));
                }
                Err(status) if backoff.is_fresh() => {
                    warn!(error = describe(&status), "cannot join the coordinator; trying until it answers");
                }
                Err(status) => debug!(error = describe(&status), "cannot join the coordinator"),
            }
            tokio::time::sleep(backoff.jittered()).await;
        }
    }

    /// Work, waited for up to `wait`.
    pub(crate) async fn acquire(&self, at: &Joined, capacity: u32, wait: Duration) -> Result<Vec<Lease>, CallError> {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let request = AcquireRequest { worker: at.worker, capacity, wait_ms };
        let mut client = self.client.clone();
        let answer = bounded(wait + CALL, client.acquire(request)).await;
        Ok(self.checked(at, answer)?.leases)
    }

    /// Renews leases; what comes back is no longer this worker's.
    pub(crate) async fn heartbeat(&self, at: &Joined, progress: Vec<Progress>) -> Result<Vec<Revocation>, CallError> {
        let request = HeartbeatRequest { worker: at.worker, progress };
        let mut client = self.client.clone();
        let answer = bounded(CALL, client.heartbeat(request)).await;
        Ok(self.checked(at, answer)?.revoked)
    }

    /// Hands in reports; one answer each, in order.
    pub(crate) async fn report(&self, at: &Joined, reports: Vec<TrialReport>) -> Result<Vec<ReportAnswer>, CallError> {
        let expected = reports.len();
        let request = ReportRequest { worker: at.worker, reports };
        let mut client = self.client.clone();
        let answer = bounded(CALL * 3, client.report(request)).await;
        let answers = self.checked(at, answer)?.answers;
        if answers.len() != expected {
            let text = format!("{} answers to {expected} reports", answers.len());
            return Err(CallError::Later(Status::internal(text)));
        }
        Ok(answers)
    }

    /// Says goodbye, if the coordinator knows this worker at all.
    pub(crate) async fn leave(&self, reason: &str, within: Duration) {
        let Some(at) = self.current() else { return };
        let mut request = Request::new(LeaveRequest { worker: at.worker, reason: reason.to_owned() });
        request.set_timeout(within);
        let mut client = self.client.clone();
        if let Err(status) = bounded(within, client.leave(request)).await {
            debug!(error = describe(&status), "could not say goodbye");
        }
    }

    /// Notes that the coordinator does not know this worker any more, so that the next call joins again.
    fn checked<T>(&self, at: &Joined, answer: Result<T, Status>) -> Result<T, CallError> {
        answer.map_err(|status| match status.code() {
            Code::NotFound => {
                let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
                if joined.as_ref().is_some_and(|joined| joined.worker == at.worker) {
                    info!(worker = at.worker, "the coordinator does not know this worker; joining again");
                    *joined = None;
                }
                CallError::Later(status)
            }
            _ => CallError::Later(status),
        })
    }
}

async fn bounded<T>(time: Duration, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match timeout(time, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {} s", time.as_secs_f64()))),
    }
}

/// A refused call in words, with the cause underneath a failed connection.
pub(crate) fn describe(status: &Status) -> String {
    let mut text = format!("{:?}: {}", status.code(), status.message());
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        // Every layer repeats what the one below it said.
        let said = error.to_string();
        if !text.contains(&said) && said != "transport error" {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
