//! A worker of another version: refused by the coordinator in words that name both, and these words reach the person
//! who started the worker.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Bench, Running, WORKER, eventually};
use std::io::{BufRead as _, BufReader};
use sweeper_proto::{
    PROTOCOL_VERSION,
    v1::{
        AcquireRequest, AcquireResponse, HeartbeatRequest, HeartbeatResponse, JoinRequest, JoinResponse, LeaveRequest,
        LeaveResponse, ReportRequest, ReportResponse,
        worker_service_client::WorkerServiceClient,
        worker_service_server::{WorkerService, WorkerServiceServer},
    },
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// What the real coordinator tells a worker that speaks a later version of the contract.
async fn refusal(bench: &Bench) -> Status {
    let mut serve = Running::start(&mut bench.sweeper(&["serve", "--listen", "127.0.0.1:0", "--state", "state"]));
    let mut lines = BufReader::new(serve.0.stderr.take().unwrap()).lines();
    let url = eventually("the coordinator says where it is", || {
        let line = lines.next()?.unwrap();
        line.split_whitespace().find(|word| word.starts_with("http://")).map(|url| url.trim_end_matches(',').to_owned())
    });
    let mut client = WorkerServiceClient::connect(url).await.unwrap();
    let later = JoinRequest {
        protocol_version: PROTOCOL_VERSION + 1,
        software_version: "9.9.9".to_owned(),
        trainer_version: "1".to_owned(),
        process_id: "p".to_owned(),
        slot: "s".to_owned(),
        node: "n".to_owned(),
        device: "cpu:0".to_owned(),
        os_pid: 1,
    };
    client.join(later).await.unwrap_err()
}

/// A coordinator that refuses every worker with the given status.
struct Refusing(Status);

#[tonic::async_trait]
impl WorkerService for Refusing {
    async fn join(&self, _: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        Err(self.0.clone())
    }

    async fn acquire(&self, _: Request<AcquireRequest>) -> Result<Response<AcquireResponse>, Status> {
        Err(Status::internal("nobody joined"))
    }

    async fn heartbeat(&self, _: Request<HeartbeatRequest>) -> Result<Response<HeartbeatResponse>, Status> {
        Err(Status::internal("nobody joined"))
    }

    async fn report(&self, _: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        Err(Status::internal("nobody joined"))
    }

    async fn leave(&self, _: Request<LeaveRequest>) -> Result<Response<LeaveResponse>, Status> {
        Err(Status::internal("nobody joined"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_of_another_version_says_so_and_ends() {
    let bench = Bench::new("");
    let status = refusal(&bench).await;
    assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(WorkerServiceServer::new(Refusing(status)))
        .serve_with_incoming(TcpIncoming::from(listener));
    let server = tokio::spawn(server);
    let worker = Running::start(
        &mut bench.command(WORKER, &["--coordinator", &url, "--devices", "cpu:1", "--state-dir", "worker"]),
    );
    let output = tokio::task::spawn_blocking(|| worker.wait()).await.unwrap();
    server.abort();
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("error: "));
    let mut shown: Vec<&str> = lines.next().into_iter().collect();
    shown.extend(lines.take_while(|line| line.starts_with("  ")));
    let code = output.status.code().unwrap();
    let shown = format!("exit {code}\n{}", shown.join("\n")).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(shown);
}
