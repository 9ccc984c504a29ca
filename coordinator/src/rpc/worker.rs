//! The five calls of a worker.

use super::{
    limits,
    status::status,
    wire::{self, Received},
};
use crate::{driver::DriverHandle, query::wire_attempt};
use std::fmt::Display;
use sweeper_core::{ids::WorkerId, scheduler::ReportAnswer};
use sweeper_proto::{
    PROTOCOL_VERSION,
    v1::{self, report_answer::Verdict, worker_service_server::WorkerService},
};
use sweeper_recipe::TRAINER_VERSION;
use tonic::{Code, Request, Response, Status, async_trait};

/// Serves workers.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    pub(super) driver: DriverHandle,
    pub(super) heartbeat_ms: u32,
}

fn check_versions(request: &v1::JoinRequest) -> Result<(), Status> {
    let theirs = wire::beginning(&request.trainer_version, limits::MAX_NAME_BYTES);
    if request.protocol_version != PROTOCOL_VERSION {
        let message = format!(
            "the worker speaks protocol version {}, this coordinator {PROTOCOL_VERSION}",
            request.protocol_version
        );
        return Err(status(Code::FailedPrecondition, &message));
    }
    if theirs != TRAINER_VERSION {
        let message = format!(
            "the worker trains with trainer version `{theirs}`, this coordinator's sweeps need `{TRAINER_VERSION}`: \
             their numbers would not be comparable"
        );
        return Err(status(Code::FailedPrecondition, &message));
    }
    Ok(())
}

fn answer(answer: ReportAnswer) -> v1::ReportAnswer {
    let (verdict, reason) = match answer {
        ReportAnswer::Accepted => (Verdict::Accepted, String::new()),
        ReportAnswer::Duplicate { equal: true } => {
            (Verdict::Duplicate, "the trial had an equal outcome already".to_owned())
        }
        ReportAnswer::Duplicate { equal: false } => {
            (Verdict::Duplicate, "the trial had its outcome already, and this one differs".to_owned())
        }
        ReportAnswer::Refused(reason) => (Verdict::Refused, reason.to_string()),
    };
    v1::ReportAnswer { verdict: verdict.into(), reason }
}

fn refused(why: &impl Display) -> v1::ReportAnswer {
    v1::ReportAnswer { verdict: Verdict::Refused.into(), reason: why.to_string() }
}

#[async_trait]
impl WorkerService for Workers {
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinResponse>, Status> {
        let request = request.into_inner();
        check_versions(&request)?;
        let worker = self.driver.join(wire::worker_info(request)?).await?;
        let lease_term_ms = u32::try_from(self.driver.settings().lease_term_ms).unwrap_or(u32::MAX);
        Ok(Response::new(v1::JoinResponse {
            worker: worker.0,
            heartbeat_ms: self.heartbeat_ms,
            lease_term_ms,
            store: self.driver.store_name().to_owned(),
        }))
    }

    async fn acquire(&self, request: Request<v1::AcquireRequest>) -> Result<Response<v1::AcquireResponse>, Status> {
        let v1::AcquireRequest { worker, capacity, wait_ms } = request.into_inner();
        let capacity = wire::capacity(capacity)?;
        let leases = self.driver.acquire(WorkerId(worker), capacity, wait_ms.into()).await?;
        Ok(Response::new(v1::AcquireResponse { leases }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let v1::HeartbeatRequest { worker, progress } = request.into_inner();
        wire::few("attempts", progress.len(), limits::MAX_PROGRESS)?;
        let progress = progress.into_iter().map(wire::progress).collect::<Result<_, _>>()?;
        let revoked = self.driver.heartbeat(WorkerId(worker), progress).await?;
        let revoked =
            revoked.into_iter().map(|r| v1::Revocation { id: Some(wire_attempt(r.id)), reason: r.reason.to_string() });
        Ok(Response::new(v1::HeartbeatResponse { revoked: revoked.collect() }))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let v1::ReportRequest { worker, reports } = request.into_inner();
        wire::few("reports", reports.len(), limits::MAX_REPORTS)?;
        let decoded = reports.into_iter().map(wire::report).collect::<Result<Vec<_>, _>>()?;
        // Of each report, what to answer whatever the driver says of it, and whether it is asked at all.
        let (mut reports, mut verdicts) = (Vec::new(), Vec::new());
        for received in decoded {
            match received {
                Received::Valid(report) => {
                    reports.push(report);
                    verdicts.push((true, None));
                }
                Received::Invalid(report, invalid) => {
                    reports.push(report);
                    verdicts.push((true, Some(refused(&invalid))));
                }
                Received::Refused(other) => {
                    tracing::warn!(worker = %WorkerId(worker), "report refused: {other}");
                    verdicts.push((false, Some(refused(&other))));
                }
            }
        }
        let mut taken = self.driver.report(WorkerId(worker), reports).await?.into_iter();
        let answers = verdicts.into_iter().filter_map(|(asked, verdict)| {
            let taken = if asked { taken.next() } else { None };
            verdict.or_else(|| taken.map(answer))
        });
        Ok(Response::new(v1::ReportResponse { answers: answers.collect() }))
    }

    async fn leave(&self, request: Request<v1::LeaveRequest>) -> Result<Response<v1::LeaveResponse>, Status> {
        let v1::LeaveRequest { worker, reason } = request.into_inner();
        let reason = wire::beginning(&reason, limits::MAX_NAME_BYTES);
        tracing::info!(worker = %WorkerId(worker), %reason, "worker says goodbye");
        self.driver.leave(WorkerId(worker)).await?;
        Ok(Response::new(v1::LeaveResponse {}))
    }
}
