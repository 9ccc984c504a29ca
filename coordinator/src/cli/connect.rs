//! Where sweeps are: behind a coordinator's address, or in a state directory that nobody serves right now.

use super::output;
use crate::{
    error::{Exit, Failure},
    predictions::{Collector, MOST_BYTES, Predictions},
    query::Offline,
    results::SweepResults,
    store::Store,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use sweeper_core::ids::{SweepId, TrialId};
use sweeper_proto::{
    MAX_MESSAGE_BYTES,
    v1::{
        ExplainTrialRequest, ExplainTrialResponse, FetchPredictionsRequest, FetchPredictionsResponse,
        FetchResultsRequest, ListSweepsRequest, ListWorkersRequest, ShowSweepRequest, ShowSweepResponse, SweepSummary,
        WorkerSummary, control_service_client::ControlServiceClient,
    },
};
use tonic::{Code, Status, transport::Channel};

/// Where `sweeper serve` listens unless told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:7733";

/// What the user pointed at.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Url(String),
    State(PathBuf),
}

impl Target {
    /// A state directory on which no coordinator runs: nothing in it changes.
    pub(super) fn is_unattended(&self) -> bool {
        matches!(self, Self::State(dir) if !Store::is_served(&state_dir(dir)))
    }
}

/// A client of the coordinator's user calls.
pub(super) type Client = ControlServiceClient<Channel>;

/// Connects to a coordinator.
pub(super) async fn client(url: &str) -> Result<Client, Failure> {
    let endpoint = tonic::transport::Endpoint::from_shared(address(url)?)
        .map_err(|_| not_an_address(url))?
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true);
    let channel = endpoint.connect().await.map_err(|_| unreachable(url))?;
    Ok(ControlServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// An address with its scheme: `host:port` means `http://host:port`. Nothing else is spoken yet.
fn address(url: &str) -> Result<String, Failure> {
    match url.split_once("://") {
        None => Ok(format!("http://{url}")),
        Some(("http", _)) => Ok(url.to_owned()),
        Some(("https", _)) => Err(not_an_address(url).hint(
            "traffic is not encrypted yet: use http:// on loopback, through a tunnel, or on a network that you trust",
        )),
        Some(_) => Err(not_an_address(url)),
    }
}

fn not_an_address(url: &str) -> Failure {
    Failure::new(Exit::Usage, format!("`{url}` is not an address of a coordinator"))
        .hint(format!("write it like {DEFAULT_URL}"))
}

fn unreachable(url: &str) -> Failure {
    Failure::new(Exit::Unreachable, format!("no coordinator answers at {url}")).hint(
        "start one with `sweeper serve`, give its address with --coordinator, or read a state directory with --state",
    )
}

/// What a refused call means to a person.
pub(super) fn refused(status: &Status) -> Failure {
    let message = status.message();
    match status.code() {
        Code::NotFound => Failure::new(Exit::NotFound, message).hint("`sweeper ls` lists the sweeps"),
        Code::AlreadyExists => Failure::new(Exit::NameBusy, message)
            .hint("`--supersede` cancels the earlier sweep, or give the new one another name"),
        Code::FailedPrecondition => {
            Failure::new(Exit::VersionMismatch, message).hint("use the same version on both sides")
        }
        Code::InvalidArgument | Code::ResourceExhausted | Code::OutOfRange => Failure::new(Exit::OutOfRange, message),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
            Failure::new(Exit::Unreachable, format!("the coordinator went away: {message}"))
                .hint("nothing acknowledged is lost; try again when it is back")
        }
        _ => Failure::new(Exit::Internal, format!("the coordinator failed: {message}")),
    }
}

/// The state directory itself, or the one in the `--out` folder of `sweeper run`.
pub(super) fn state_dir(dir: &Path) -> PathBuf {
    let inner = dir.join("state");
    if inner.is_dir() { inner } else { dir.to_owned() }
}

/// Read access to sweeps, wherever they are.
#[derive(Debug)]
pub(super) enum Source {
    Online(Client),
    Offline(Box<Offline>),
}

impl Source {
    /// Opens what the user pointed at. The `--out` folder of `sweeper run` stands for the state directory in it.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        match target {
            Target::Url(url) => Ok(Self::Online(client(url).await?)),
            Target::State(dir) => {
                let dir = state_dir(dir);
                let offline = Offline::open(&dir)?;
                if !Store::is_served(&dir) && offline.list_sweeps().sweeps.iter().any(|s| s.state == "running") {
                    output::note("note: no coordinator runs on this state directory, so nothing in it goes on");
                }
                Ok(Self::Offline(Box::new(offline)))
            }
        }
    }

    pub(super) async fn sweeps(&mut self) -> Result<Vec<SweepSummary>, Failure> {
        match self {
            Self::Online(client) => {
                let answer = client.list_sweeps(ListSweepsRequest {}).await.map_err(|s| refused(&s))?;
                Ok(answer.into_inner().sweeps)
            }
            Self::Offline(offline) => Ok(offline.list_sweeps().sweeps),
        }
    }

    pub(super) async fn show(&mut self, sweep: SweepId) -> Result<ShowSweepResponse, Failure> {
        match self {
            Self::Online(client) => {
                let answer = client.show_sweep(ShowSweepRequest { sweep: sweep.0 }).await.map_err(|s| refused(&s))?;
                Ok(answer.into_inner())
            }
            Self::Offline(offline) => Ok(offline.show_sweep(sweep)?),
        }
    }

    pub(super) async fn workers(&mut self, all: bool) -> Result<Vec<WorkerSummary>, Failure> {
        match self {
            Self::Online(client) => {
                let answer = client.list_workers(ListWorkersRequest { all }).await.map_err(|s| refused(&s))?;
                Ok(answer.into_inner().workers)
            }
            Self::Offline(offline) => Ok(offline.list_workers(all).workers),
        }
    }

    pub(super) async fn explain(&mut self, trial: TrialId) -> Result<ExplainTrialResponse, Failure> {
        match self {
            Self::Online(client) => {
                let request =
                    ExplainTrialRequest { sweep: trial.sweep.0, config: trial.config, replicate: trial.replicate };
                Ok(client.explain_trial(request).await.map_err(|s| refused(&s))?.into_inner())
            }
            Self::Offline(offline) => Ok(offline.explain_trial(trial)?),
        }
    }

    pub(super) async fn results(&mut self, sweep: SweepId) -> Result<SweepResults, Failure> {
        match self {
            Self::Online(client) => {
                let mut stream = client
                    .fetch_results(FetchResultsRequest { sweep: sweep.0 })
                    .await
                    .map_err(|s| refused(&s))?
                    .into_inner();
                let mut json = Vec::new();
                while let Some(chunk) = stream.message().await.map_err(|s| refused(&s))? {
                    json.extend_from_slice(&chunk.json);
                }
                serde_json::from_slice(&json).map_err(|e| {
                    Failure::new(Exit::VersionMismatch, format!("the coordinator's results cannot be read: {e}"))
                        .hint("use the same version of sweeper on both sides")
                })
            }
            Self::Offline(offline) => Ok(offline.results(sweep)?),
        }
    }

    /// Which images the trials of a sweep had right, page by page; see the coordinator's call of this name.
    pub(super) async fn predictions(
        &mut self,
        sweep: SweepId,
        from: (u32, u32),
    ) -> Result<FetchPredictionsResponse, Failure> {
        match self {
            Self::Online(client) => {
                let request = FetchPredictionsRequest { sweep: sweep.0, config: from.0, replicate: from.1 };
                Ok(client.fetch_predictions(request).await.map_err(|s| refused(&s))?.into_inner())
            }
            Self::Offline(offline) => Ok(offline.predictions(sweep, from)?),
        }
    }

    /// All of them as one value, up to the bound of a report.
    pub(super) async fn all_predictions(&mut self, sweep: SweepId) -> Result<Predictions, Failure> {
        let mut all = Collector::new(MOST_BYTES);
        while let Some(from) = all.next() {
            all.take(self.predictions(sweep, from).await?);
        }
        Ok(all.done())
    }

    /// A sweep by id (`s3`), by name (the latest of that name), or `latest`.
    pub(super) async fn find(&mut self, text: &str) -> Result<SweepId, Failure> {
        let sweeps = self.sweeps().await?;
        if let Ok(id) = text.parse::<SweepId>()
            && sweeps.iter().any(|s| s.sweep == id.0)
        {
            return Ok(id);
        }
        let found = sweeps.iter().rev().find(|s| text == "latest" || s.name == text);
        found.map(|s| SweepId(s.sweep)).ok_or_else(|| {
            let names: Vec<String> = sweeps.iter().map(|s| format!("s{} ({})", s.sweep, s.name)).collect();
            let hint = match names.len() {
                0 => "there is no sweep here yet; `sweeper submit FILE` hands one in".to_owned(),
                1..=8 => format!("there are {}", names.join(", ")),
                n => format!("there are {n} sweeps; `sweeper ls` lists them"),
            };
            Failure::new(Exit::NotFound, format!("no sweep is called `{text}`")).hint(hint)
        })
    }
}
