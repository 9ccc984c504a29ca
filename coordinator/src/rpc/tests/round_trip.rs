//! What workers and users do, in order.

use super::{Coordinator, OPTIONS, acquire, completed, join, join_request, report, report_of, results, sweep_file};
use crate::rpc::{ServeError, ServeOptions, check_address, listen};
use sweeper_proto::v1::{self, report_answer::Verdict, trial_report};
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_from_submission_to_results() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    let answer = worker.join(join_request("p")).await.unwrap().into_inner();
    assert_eq!((answer.worker, answer.heartbeat_ms, answer.lease_term_ms), (1, 250, 30_000));
    assert_eq!(answer.store, coordinator.driver.store_name());
    let planned = control.plan(sweep_file("first", 2)).await.unwrap().into_inner();
    assert_eq!((planned.existing_sweep, planned.configs.len(), planned.configs[1].replicates), (0, 2, 2));
    let submitted = control.submit(sweep_file("first", 2)).await.unwrap().into_inner();
    assert_eq!(submitted, v1::SubmitResponse { sweep: 1, trials: 4, finished: 0, created: true });

    let leases = acquire(&mut worker, 1, 2, 0).await;
    let recipe = sweeper_recipe::Recipe::from_json(&leases[0].recipe).unwrap();
    assert_eq!(recipe.digest(), leases[0].recipe_digest);
    assert_eq!((leases[0].config_name.as_str(), leases[1].config_name.as_str()), ("plain", "better"));
    assert_eq!(leases[0].seed, leases[1].seed, "paired");
    let progress = v1::Progress { id: leases[0].id, step: 3, steps: 9, phase: "training".into(), ..Default::default() };
    let beat = v1::HeartbeatRequest { worker: 1, progress: vec![progress] };
    assert!(worker.heartbeat(beat).await.unwrap().into_inner().revoked.is_empty());
    let shown = control.show_sweep(v1::ShowSweepRequest { sweep: 1 }).await.unwrap().into_inner();
    assert_eq!((shown.running[0].step, shown.running[0].steps), (3, 9));

    let outcome = || report_of(&leases[0], trial_report::Result::Outcome(completed(80.5)));
    let failure = v1::Failure { error: "out of memory".into(), log_tail: "x".repeat(20_000) };
    let failure = report_of(&leases[1], trial_report::Result::Failure(failure));
    let answers = report(&mut worker, 1, vec![outcome(), failure]).await;
    assert!(answers.iter().all(|(verdict, _)| *verdict == Verdict::Accepted), "{answers:?}");
    assert_eq!(report(&mut worker, 1, vec![outcome()]).await[0].0, Verdict::Duplicate);
    let explained = control.explain_trial(v1::ExplainTrialRequest { sweep: 1, config: 1, replicate: 0 }).await;
    let explained = explained.unwrap().into_inner();
    assert_eq!((explained.state.as_str(), explained.attempts[0].end.as_str()), ("Pending", "failed"));
    assert_eq!((explained.attempts[0].error.as_str(), explained.attempts[0].log_tail.len()), ("out of memory", 16_384));

    while let Some(lease) = acquire(&mut worker, 1, 1, 0).await.first() {
        let answers =
            report(&mut worker, 1, vec![report_of(lease, trial_report::Result::Outcome(completed(1.0 / 3.0)))]);
        assert_eq!(answers.await[0].0, Verdict::Accepted);
    }
    let sweeps = control.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner().sweeps;
    assert_eq!((sweeps[0].state.as_str(), sweeps[0].trials.unwrap().finished), ("finished", 4));
    let results = results(&mut control, 1).await;
    assert_eq!((results.trials.len(), results.attempts.len(), results.state.as_str()), (4, 5, "finished"));
    let value = results.trials[1].metrics[0].value;
    assert_eq!(value.to_bits(), (1.0f64 / 3.0).to_bits());
    assert!(results.trials[1].metrics[1].value.is_nan());
    let workers = control.list_workers(v1::ListWorkersRequest { all: false }).await.unwrap().into_inner().workers;
    assert_eq!((workers.len(), workers[0].finished_trials), (1, 4));
    worker.leave(v1::LeaveRequest { worker: 1, reason: "done".into() }).await.unwrap();
    let workers = control.list_workers(v1::ListWorkersRequest { all: false }).await.unwrap().into_inner().workers;
    assert!(workers.is_empty());
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_reaches_the_worker_in_its_heartbeat() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    let id = join(&mut worker, "p").await;
    control.submit(sweep_file("first", 2)).await.unwrap();
    let busy = control.submit(sweep_file("first", 3)).await.unwrap_err();
    assert_eq!(busy.code(), Code::AlreadyExists);
    assert!(busy.message().contains("`first`") && busy.message().contains("s1"), "{}", busy.message());
    let lease = acquire(&mut worker, id, 1, 0).await.remove(0);
    let cancel = v1::CancelSweepRequest { sweep: 1, reason: "enough\u{1b}[2J".into() };
    assert_eq!(control.cancel_sweep(cancel).await.unwrap().into_inner().cancelled, 4);
    let progress = vec![v1::Progress { id: lease.id, ..Default::default() }];
    let answer = worker.heartbeat(v1::HeartbeatRequest { worker: id, progress }).await.unwrap().into_inner();
    assert_eq!((answer.revoked[0].id, answer.revoked[0].reason.as_str()), (lease.id, "the sweep was cancelled"));
    let late = report(&mut worker, id, vec![report_of(&lease, trial_report::Result::Outcome(completed(1.0)))]).await;
    assert_eq!(late[0].0, Verdict::Refused);
    let sweeps = control.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner().sweeps;
    assert_eq!((sweeps[0].state.as_str(), sweeps[0].cancel_reason.as_str()), ("cancelled", "enough\u{fffd}[2J"));
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let mut worker = coordinator.worker().await;
    let protocol = v1::JoinRequest { protocol_version: 77, ..join_request("p") };
    let trainer = v1::JoinRequest { trainer_version: "other-9".to_owned(), ..join_request("p") };
    let ours = format!("`{}`", sweeper_recipe::TRAINER_VERSION);
    for (request, theirs, ours) in [(protocol, "77", "1"), (trainer, "`other-9`", ours.as_str())] {
        let refused = worker.join(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains(theirs) && refused.message().contains(ours), "{}", refused.message());
    }
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_coordinator_knows_its_workers_and_leases() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    control.submit(sweep_file("first", 1)).await.unwrap();
    let first = worker.join(join_request("p")).await.unwrap().into_inner();
    let lease = acquire(&mut worker, first.worker, 1, 0).await.remove(0);
    coordinator.stop().await;
    assert_eq!(worker.join(join_request("p")).await.unwrap_err().code(), Code::Unavailable);

    let coordinator = Coordinator::start(dir.path()).await;
    let mut worker = coordinator.worker().await;
    let second = worker.join(join_request("p")).await.unwrap().into_inner();
    assert_eq!(second, first, "the same worker of the same store");
    assert_eq!(acquire(&mut worker, first.worker, 1, 0).await, std::slice::from_ref(&lease));
    let answers =
        report(&mut worker, first.worker, vec![report_of(&lease, trial_report::Result::Outcome(completed(1.0)))]);
    assert_eq!(answers.await[0].0, Verdict::Accepted);
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_long_polls_with_an_empty_answer() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let mut worker = coordinator.worker().await;
    let id = join(&mut worker, "p").await;
    let waiting = tokio::spawn(async move { acquire(&mut worker, id, 1, 600_000).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    coordinator.stop().await;
    assert!(waiting.await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_reflection_answer() {
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
    use tonic_reflection::pb::v1 as reflection;
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let mut health = HealthClient::new(coordinator.channel().await);
    for service in ["", "sweeper.v1.WorkerService", "sweeper.v1.ControlService"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let mut client = reflection::server_reflection_client::ServerReflectionClient::new(coordinator.channel().await);
    let list = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(reflection::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut answers = client.server_reflection_info(tokio_stream::once(list)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let reflection::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer else {
        panic!("another answer: {answer:?}");
    };
    let names: Vec<String> = services.service.into_iter().map(|s| s.name).collect();
    for name in ["sweeper.v1.WorkerService", "sweeper.v1.ControlService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|n| n == name), "{name} is not among {names:?}");
    }
    drop((answers, client));
    coordinator.stop().await;
}

#[tokio::test]
async fn addresses_are_checked_before_anything_is_served() {
    let open = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(check_address(open, &OPTIONS), Err(ServeError::Insecure { address }) if address == open));
    assert!(check_address(open, &ServeOptions { allow_insecure: true, ..OPTIONS }).is_ok());
    assert!(check_address("[::1]:0".parse().unwrap(), &OPTIONS).is_ok());
    let taken = listen("127.0.0.1:0".parse().unwrap(), &OPTIONS).await.unwrap();
    let address = taken.local_addr().unwrap();
    assert!(matches!(listen(address, &OPTIONS).await, Err(ServeError::AddressInUse { address: a }) if a == address));
}
