//! A coordinator that lives in the test's process, keeps the contract, and misbehaves on demand.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use sweeper_proto::v1::{
    AcquireRequest, AcquireResponse, AttemptId, HeartbeatRequest, HeartbeatResponse, JoinRequest, JoinResponse, Lease,
    LeaveRequest, LeaveResponse, ReportAnswer, ReportRequest, ReportResponse, Revocation, TrialReport,
    report_answer::Verdict,
    trial_report::Result as Reported,
    worker_service_server::{WorkerService, WorkerServiceServer},
};
use sweeper_recipe::Recipe;
use tokio::{net::TcpListener, runtime::Runtime, time::sleep};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// An attempt, as a key.
pub(crate) type Key = (u32, u32, u32, u32);

pub(crate) fn key(id: AttemptId) -> Key {
    (id.sweep, id.config, id.replicate, id.attempt)
}

/// What the coordinator knows and how it misbehaves.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) store: String,
    pub(crate) workers: HashMap<String, u64>,
    pub(crate) pending: VecDeque<Lease>,
    pub(crate) open: BTreeMap<Key, (u64, Lease)>,
    /// Every report that was answered with `Accepted`.
    pub(crate) accepted: Vec<TrialReport>,
    pub(crate) duplicates: usize,
    pub(crate) released: Vec<(Key, String)>,
    pub(crate) joins: Vec<JoinRequest>,
    pub(crate) acquires: Vec<AcquireRequest>,
    pub(crate) heartbeats: Vec<HeartbeatRequest>,
    pub(crate) left: Vec<u64>,
    /// Calls whose next answers are lost after they took effect.
    pub(crate) lose: HashMap<&'static str, u32>,
    pub(crate) refuse_joins: bool,
    pub(crate) revoke: BTreeSet<Key>,
    /// Reports of this trial cannot be decoded, it says.
    pub(crate) unreadable: Option<Key>,
    pub(crate) rejected: Vec<Key>,
}

impl State {
    fn answer<T>(&mut self, call: &'static str, answer: T) -> Result<Response<T>, Status> {
        match self.lose.get_mut(call) {
            Some(n) if *n > 0 => {
                *n -= 1;
                Err(Status::unavailable("the answer is lost"))
            }
            _ => Ok(Response::new(answer)),
        }
    }

    fn knows(&self, worker: u64) -> Result<(), Status> {
        if self.workers.values().any(|known| *known == worker) {
            Ok(())
        } else {
            Err(Status::not_found("no such worker"))
        }
    }

    /// Outcomes and failures accepted so far.
    pub(crate) fn ends(&self) -> Vec<Key> {
        let mut ends: Vec<Key> = self.accepted.iter().map(|report| key(report.id.unwrap())).collect();
        ends.sort_unstable();
        ends
    }
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

#[tonic::async_trait]
impl WorkerService for Service {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let request = request.into_inner();
        if state.refuse_joins {
            return Err(Status::failed_precondition("worker 0.1.0 does not fit coordinator 9.9.9"));
        }
        let next = state.workers.len() as u64 + 1 + 100 * state.joins.len() as u64;
        let worker = *state.workers.entry(request.process_id.clone()).or_insert(next);
        state.joins.push(request);
        let store = state.store.clone();
        state.answer("join", JoinResponse { worker, heartbeat_ms: 20, lease_term_ms: 30_000, store })
    }

    async fn acquire(&self, request: Request<AcquireRequest>) -> Result<Response<AcquireResponse>, Status> {
        let request = request.into_inner();
        self.0.lock().unwrap().acquires.push(request);
        let until = Instant::now() + Duration::from_millis(request.wait_ms.into());
        loop {
            {
                let mut state = self.0.lock().unwrap();
                state.knows(request.worker)?;
                let mine = |state: &State| state.open.values().filter(|(worker, _)| *worker == request.worker).count();
                while mine(&state) < request.capacity as usize {
                    let Some(lease) = state.pending.pop_front() else { break };
                    state.open.insert(key(lease.id.unwrap()), (request.worker, lease));
                }
                if mine(&state) > 0 || Instant::now() >= until {
                    let leases = state.open.values().filter(|(worker, _)| *worker == request.worker);
                    let leases = leases.map(|(_, lease)| lease.clone()).take(request.capacity as usize).collect();
                    return state.answer("acquire", AcquireResponse { leases });
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn heartbeat(&self, request: Request<HeartbeatRequest>) -> Result<Response<HeartbeatResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let request = request.into_inner();
        state.knows(request.worker)?;
        let revoked: Vec<AttemptId> = request
            .progress
            .iter()
            .filter_map(|progress| progress.id)
            .filter(|id| state.revoke.contains(&key(*id)))
            .collect();
        for id in &revoked {
            state.open.remove(&key(*id));
        }
        state.heartbeats.push(request);
        let revoked =
            revoked.into_iter().map(|id| Revocation { id: Some(id), reason: "cancelled by the test".into() }).collect();
        state.answer("heartbeat", HeartbeatResponse { revoked })
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let request = request.into_inner();
        state.knows(request.worker)?;
        if request.reports.iter().any(|report| Some(key(report.id.unwrap())) == state.unreadable) {
            if let [alone] = &request.reports[..] {
                // As if its lease had lapsed, which is what becomes of it.
                let id = key(alone.id.unwrap());
                state.open.remove(&id);
                state.rejected.push(id);
            }
            return Err(Status::invalid_argument("not a report"));
        }
        let mut answers = Vec::new();
        for report in request.reports {
            let id = key(report.id.unwrap());
            state.open.remove(&id);
            let verdict = match &report.result {
                Some(Reported::Released(why)) => {
                    state.released.push((id, why.clone()));
                    Verdict::Accepted
                }
                _ if state.ends().contains(&id) => {
                    state.duplicates += 1;
                    Verdict::Duplicate
                }
                _ => {
                    state.accepted.push(report);
                    Verdict::Accepted
                }
            };
            answers.push(ReportAnswer { verdict: verdict.into(), reason: String::new() });
        }
        state.answer("report", ReportResponse { answers })
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveResponse>, Status> {
        let mut state = self.0.lock().unwrap();
        let worker = request.into_inner().worker;
        state.left.push(worker);
        state.open.retain(|_, (owner, _)| *owner != worker);
        state.answer("leave", LeaveResponse {})
    }
}

/// The coordinator; it ends with the value.
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    // A runtime of its own: when it ends, so do its connections, as those of a killed process.
    server: Option<Runtime>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Fake {
    /// Starts with `trials` short synthetic trials.
    pub(crate) async fn start(trials: u32) -> Self {
        let mut fake = Self::absent().await;
        fake.state().pending = (0..trials).map(|replicate| lease(replicate, 0.0)).collect();
        fake.serve().await;
        fake
    }

    /// An address where nobody answers yet.
    pub(crate) async fn absent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { store: "store-a".into(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), address: listener.local_addr().unwrap(), server: None }
    }

    pub(crate) async fn serve(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let service = WorkerServiceServer::new(Service(Arc::clone(&self.state)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        self.server = Some(runtime);
    }

    /// Is gone, connections included; what it knows stays.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the state fulfils `condition`, however long that takes.
    pub(crate) async fn until(&self, condition: impl Fn(&State) -> bool) {
        while !condition(&self.state()) {
            sleep(Duration::from_millis(3)).await;
        }
    }
}

/// A lease on a synthetic trial of `seconds`.
pub(crate) fn lease(replicate: u32, seconds: f64) -> Lease {
    let json = format!(r#"{{"trainer":"synthetic","synthetic":{{"seconds":{seconds:?}}}}}"#);
    let recipe = Recipe::from_json(json.as_bytes()).unwrap();
    Lease {
        id: Some(AttemptId { sweep: 1, config: 0, replicate, attempt: 1 }),
        recipe: recipe.canonical(),
        recipe_digest: recipe.digest(),
        seed: u64::from(replicate) + 1000,
        data_digest: String::new(),
        sweep_name: "test".into(),
        config_name: "only".into(),
    }
}
