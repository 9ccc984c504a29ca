//! The calls of users.

use super::{
    limits,
    status::status,
    wire::{self, Invalid},
};
use crate::{driver::DriverHandle, sweep_file};
use std::pin::Pin;
use sweeper_core::{
    ids::{SweepId, TrialId},
    spec::SweepSpec,
};
use sweeper_proto::v1::{self, control_service_server::ControlService};
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status, async_trait};

/// Serves users.
#[derive(Debug, Clone)]
pub(super) struct Control {
    pub(super) driver: DriverHandle,
}

/// Checks a sweep file again, with the client's own function.
async fn checked(request: v1::SubmitRequest) -> Result<SweepSpec, Status> {
    let v1::SubmitRequest { toml, overrides, file_name, .. } = request;
    if toml.len() > limits::MAX_SWEEP_FILE_BYTES {
        let (found, limit) = (toml.len(), limits::MAX_SWEEP_FILE_BYTES);
        return Err(Invalid::TooLong { field: "toml", found, limit }.into());
    }
    wire::few("overrides", overrides.len(), limits::MAX_OVERRIDES)?;
    let file_name = wire::beginning(&file_name, limits::MAX_NAME_BYTES);
    let parse = move || sweep_file::parse(&toml, &file_name, &overrides);
    // Parsing a large grid takes a while, and must not hold up other calls.
    tokio::task::spawn_blocking(parse)
        .await
        .map_err(|_| status(Code::Internal, "the sweep file could not be checked"))?
        .map_err(|e| status(Code::InvalidArgument, e.to_string().trim_end()))
}

#[async_trait]
impl ControlService for Control {
    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitResponse>, Status> {
        let request = request.into_inner();
        let (reuse, supersede) = (request.reuse, request.supersede);
        let spec = checked(request).await?;
        let name = spec.name.clone();
        let submitted = self.driver.submit(spec, reuse, supersede).await.map_err(|error| {
            let refused = Status::from(error);
            // The name is what the user can change.
            match refused.code() {
                Code::AlreadyExists => status(Code::AlreadyExists, &format!("`{name}`: {}", refused.message())),
                _ => refused,
            }
        })?;
        Ok(Response::new(submitted))
    }

    async fn plan(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::PlanResponse>, Status> {
        let spec = checked(request.into_inner()).await?;
        Ok(Response::new(self.driver.plan(spec).await?))
    }

    async fn list_sweeps(&self, _: Request<v1::ListSweepsRequest>) -> Result<Response<v1::ListSweepsResponse>, Status> {
        Ok(Response::new(self.driver.list_sweeps().await?))
    }

    async fn show_sweep(
        &self,
        request: Request<v1::ShowSweepRequest>,
    ) -> Result<Response<v1::ShowSweepResponse>, Status> {
        Ok(Response::new(self.driver.show_sweep(SweepId(request.into_inner().sweep)).await?))
    }

    async fn cancel_sweep(
        &self,
        request: Request<v1::CancelSweepRequest>,
    ) -> Result<Response<v1::CancelSweepResponse>, Status> {
        let v1::CancelSweepRequest { sweep, reason } = request.into_inner();
        let reason = wire::beginning(&reason, limits::MAX_TEXT_BYTES);
        let cancelled = self.driver.cancel(SweepId(sweep), reason).await?;
        Ok(Response::new(v1::CancelSweepResponse { cancelled }))
    }

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Result<Response<v1::ListWorkersResponse>, Status> {
        Ok(Response::new(self.driver.list_workers(request.into_inner().all).await?))
    }

    async fn explain_trial(
        &self,
        request: Request<v1::ExplainTrialRequest>,
    ) -> Result<Response<v1::ExplainTrialResponse>, Status> {
        let v1::ExplainTrialRequest { sweep, config, replicate } = request.into_inner();
        let trial = TrialId { sweep: SweepId(sweep), config, replicate };
        Ok(Response::new(self.driver.explain_trial(trial).await?))
    }

    async fn fetch_predictions(
        &self,
        request: Request<v1::FetchPredictionsRequest>,
    ) -> Result<Response<v1::FetchPredictionsResponse>, Status> {
        let v1::FetchPredictionsRequest { sweep, config, replicate } = request.into_inner();
        Ok(Response::new(self.driver.predictions(SweepId(sweep), (config, replicate)).await?))
    }

    type FetchResultsStream = Pin<Box<dyn Stream<Item = Result<v1::ResultsChunk, Status>> + Send>>;

    async fn fetch_results(
        &self,
        request: Request<v1::FetchResultsRequest>,
    ) -> Result<Response<Self::FetchResultsStream>, Status> {
        let results = self.driver.results(SweepId(request.into_inner().sweep)).await?;
        let json = tokio::task::spawn_blocking(move || serde_json::to_vec(&results))
            .await
            .map_err(|e| status(Code::Internal, &e.to_string()))?
            .map_err(|e| status(Code::Internal, &e.to_string()))?;
        let starts = (0..json.len()).step_by(limits::RESULTS_CHUNK_BYTES);
        let chunks = starts.map(move |start| {
            let end = json.len().min(start + limits::RESULTS_CHUNK_BYTES);
            Ok(v1::ResultsChunk { json: json[start..end].to_vec() })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}
