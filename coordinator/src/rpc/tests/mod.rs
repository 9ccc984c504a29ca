//! A real server on a loopback port and real clients.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod load;
mod predictions;
mod round_trip;

use super::{ServeError, ServeOptions, serve};
use crate::{
    driver::{Driver, DriverHandle},
    store::Store,
};
use std::{net::SocketAddr, path::Path};
use sweeper_core::scheduler::Settings;
use sweeper_proto::{
    PROTOCOL_VERSION,
    v1::{
        self, control_service_client::ControlServiceClient, report_answer::Verdict, trial_report,
        worker_service_client::WorkerServiceClient,
    },
};
use sweeper_recipe::TRAINER_VERSION;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::transport::Channel;

const OPTIONS: ServeOptions = ServeOptions { heartbeat_ms: 250, allow_insecure: false };

type WorkerClient = WorkerServiceClient<Channel>;
type ControlClient = ControlServiceClient<Channel>;

/// A coordinator in this process.
struct Coordinator {
    address: SocketAddr,
    driver: DriverHandle,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Coordinator {
    async fn start(dir: &Path) -> Self {
        let driver = Driver::start(Store::open(dir).unwrap(), Settings { lease_term_ms: 30_000 }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, driver.clone(), OPTIONS, async {
            stopped.await.ok();
        }));
        Self { address, driver, stop, server }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap().unwrap();
        self.driver.stop().await;
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn worker(&self) -> WorkerClient {
        WorkerServiceClient::new(self.channel().await)
    }

    async fn control(&self) -> ControlClient {
        ControlServiceClient::new(self.channel().await)
    }
}

fn sweep_file(name: &str, replicates: u32) -> v1::SubmitRequest {
    let toml = format!(
        "name = '{name}'\nseed = 13\nreplicates = {replicates}\n[recipe]\ntrainer = 'synthetic'\n\
         [[config]]\nname = 'plain'\n[[config]]\nname = 'better'\nset = {{ 'synthetic.effect' = 1.0 }}\n\
         [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'plain'\n"
    );
    v1::SubmitRequest { toml, overrides: Vec::new(), file_name: "sweep.toml".to_owned(), reuse: true, supersede: false }
}

fn join_request(process: &str) -> v1::JoinRequest {
    v1::JoinRequest {
        protocol_version: PROTOCOL_VERSION,
        software_version: "0.1.0".to_owned(),
        trainer_version: TRAINER_VERSION.to_owned(),
        process_id: process.to_owned(),
        slot: process.to_owned(),
        node: "node".to_owned(),
        device: "cpu:0".to_owned(),
        os_pid: 7,
    }
}

async fn join(client: &mut WorkerClient, process: &str) -> u64 {
    client.join(join_request(process)).await.unwrap().into_inner().worker
}

async fn acquire(client: &mut WorkerClient, worker: u64, capacity: u32, wait_ms: u32) -> Vec<v1::Lease> {
    client.acquire(v1::AcquireRequest { worker, capacity, wait_ms }).await.unwrap().into_inner().leases
}

fn completed(value: f64) -> v1::Outcome {
    let metric = |name: &str, value, last| v1::Metric { name: name.to_owned(), epoch: 1, value, r#final: last };
    let metrics = vec![metric("accuracy/balanced", value, true), metric("loss/train", f64::NAN, false)];
    v1::Outcome {
        kind: Some(v1::outcome::Kind::Completed(v1::Completed { metrics })),
        provenance: Some(v1::TrialProvenance {
            trainer_version: TRAINER_VERSION.to_owned(),
            device: "cpu".to_owned(),
            train_seconds: 0.25,
            ..v1::TrialProvenance::default()
        }),
        predictions: Vec::new(),
    }
}

fn report_of(lease: &v1::Lease, result: trial_report::Result) -> v1::TrialReport {
    v1::TrialReport { id: lease.id, recipe_digest: lease.recipe_digest.clone(), result: Some(result) }
}

async fn report(client: &mut WorkerClient, worker: u64, reports: Vec<v1::TrialReport>) -> Vec<(Verdict, String)> {
    let answers = client.report(v1::ReportRequest { worker, reports }).await.unwrap().into_inner().answers;
    answers.into_iter().map(|a| (a.verdict(), a.reason)).collect()
}

async fn results(client: &mut ControlClient, sweep: u32) -> crate::results::SweepResults {
    let mut stream = client.fetch_results(v1::FetchResultsRequest { sweep }).await.unwrap().into_inner();
    let mut json = Vec::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        assert!(chunk.json.len() <= super::limits::RESULTS_CHUNK_BYTES);
        json.extend(chunk.json);
    }
    serde_json::from_slice(&json).unwrap()
}
