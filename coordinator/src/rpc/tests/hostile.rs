//! Messages that no honest client sends.

use super::{Coordinator, acquire, completed, join, join_request, report, report_of, sweep_file};
use crate::rpc::limits;
use sweeper_proto::v1::{self, report_answer::Verdict, trial_report};
use sweeper_recipe::TRAINER_VERSION;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_calls_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    let joins = [
        v1::JoinRequest { process_id: String::new(), ..join_request("p") },
        v1::JoinRequest { slot: "s".repeat(257), ..join_request("p") },
        v1::JoinRequest { node: "a\u{1b}]0;b\u{7}".to_owned(), ..join_request("p") },
        v1::JoinRequest { device: "d\0".to_owned(), ..join_request("p") },
    ];
    for request in joins {
        assert_eq!(worker.join(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let id = join(&mut worker, "p").await;
    for capacity in [0, limits::MAX_CAPACITY + 1, u32::MAX] {
        let refused = worker.acquire(v1::AcquireRequest { worker: id, capacity, wait_ms: 0 }).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{capacity}");
    }
    let unknown = worker.acquire(v1::AcquireRequest { worker: u64::MAX, capacity: 1, wait_ms: u32::MAX }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let unknown = worker.heartbeat(v1::HeartbeatRequest { worker: 99, progress: Vec::new() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let progress = vec![v1::Progress::default(); limits::MAX_PROGRESS + 1];
    let refused = worker.heartbeat(v1::HeartbeatRequest { worker: id, progress }).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains(&limits::MAX_PROGRESS.to_string()), "{}", refused.message());
    let reports = vec![v1::TrialReport::default(); limits::MAX_REPORTS + 1];
    let refused = worker.report(v1::ReportRequest { worker: id, reports }).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let reports = vec![v1::TrialReport::default()];
    assert_eq!(
        worker.report(v1::ReportRequest { worker: id, reports }).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    worker.leave(v1::LeaveRequest { worker: 12_345, reason: "?".repeat(9_999) }).await.unwrap();

    for sweep in [0, 7, u32::MAX] {
        let refused = control.show_sweep(v1::ShowSweepRequest { sweep }).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert!(refused.message().contains(&format!("s{sweep}")));
        assert_eq!(control.fetch_results(v1::FetchResultsRequest { sweep }).await.unwrap_err().code(), Code::NotFound);
        let cancel = v1::CancelSweepRequest { sweep, reason: String::new() };
        assert_eq!(control.cancel_sweep(cancel).await.unwrap_err().code(), Code::NotFound);
        let explain = v1::ExplainTrialRequest { sweep, config: u32::MAX, replicate: u32::MAX };
        assert_eq!(control.explain_trial(explain).await.unwrap_err().code(), Code::NotFound);
    }
    assert!(control.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner().sweeps.is_empty());
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_files_are_checked_again() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let mut control = coordinator.control().await;
    let wrong = v1::SubmitRequest { overrides: vec!["recipe.epoks=3".to_owned()], ..sweep_file("a", 2) };
    let refused = control.submit(wrong.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("epoks") && refused.message().contains("epochs"), "{}", refused.message());
    assert_eq!(control.plan(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let nonsense = v1::SubmitRequest { toml: "= [[[".repeat(50_000), ..sweep_file("a", 2) };
    assert_eq!(control.submit(nonsense).await.unwrap_err().code(), Code::InvalidArgument);
    let large = v1::SubmitRequest { toml: "#".repeat(limits::MAX_SWEEP_FILE_BYTES + 1), ..sweep_file("a", 2) };
    assert_eq!(control.submit(large).await.unwrap_err().code(), Code::InvalidArgument);
    let many = v1::SubmitRequest { overrides: vec![String::new(); 5_000], ..sweep_file("a", 2) };
    assert_eq!(control.submit(many).await.unwrap_err().code(), Code::ResourceExhausted);
    let wide = "[grid]\n'synthetic.seed_noise' = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]\n[analysis]";
    let wide = sweep_file("a", 100_000).toml.replace("[analysis]", wide);
    let refused = control.submit(v1::SubmitRequest { toml: wide, ..sweep_file("a", 2) }).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("1,000,000"), "{}", refused.message());
    assert!(control.list_sweeps(v1::ListSweepsRequest {}).await.unwrap().into_inner().sweeps.is_empty());
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_reports_fail_the_attempt_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    control.submit(sweep_file("a", 4)).await.unwrap();
    let id = join(&mut worker, "p").await;
    let leases = acquire(&mut worker, id, 6, 0).await;
    let provenance = |p: v1::TrialProvenance| v1::Outcome { provenance: Some(p), ..completed(1.0) };
    let mut outcomes = vec![
        v1::Outcome { kind: None, ..completed(1.0) },
        v1::Outcome { provenance: None, ..completed(1.0) },
        provenance(v1::TrialProvenance {
            train_seconds: -1.0,
            trainer_version: TRAINER_VERSION.into(),
            ..Default::default()
        }),
        completed(f64::INFINITY),
    ];
    let mut named = completed(1.0);
    if let Some(v1::outcome::Kind::Completed(c)) = &mut named.kind {
        c.metrics[0].name = "n".repeat(200);
    }
    outcomes.push(named);
    let invalid = outcomes.len();
    let mut reports: Vec<v1::TrialReport> = leases
        .iter()
        .zip(outcomes)
        .map(|(lease, outcome)| report_of(lease, trial_report::Result::Outcome(outcome)))
        .collect();
    reports.push(report_of(&leases[5], trial_report::Result::Outcome(completed(1.0))));
    let answers = report(&mut worker, id, reports).await;
    assert!(answers[..invalid].iter().all(|(v, reason)| *v == Verdict::Refused && !reason.is_empty()), "{answers:?}");
    assert_eq!(answers[invalid].0, Verdict::Accepted, "one bad report must not hold up the others");
    let explain = v1::ExplainTrialRequest { sweep: 1, config: 0, replicate: 1 };
    let explained = control.explain_trial(explain).await.unwrap().into_inner();
    assert_eq!(explained.attempts[0].end, "failed");
    assert!(explained.attempts[0].error.contains("train_seconds"), "{}", explained.attempts[0].error);
    // Another recipe, an attempt that never was, a trial that is not planned.
    let lease = acquire(&mut worker, id, 1, 0).await.remove(0);
    let good = report_of(&lease, trial_report::Result::Outcome(completed(1.0)));
    let ids = |change: fn(&mut v1::AttemptId)| {
        let mut id = lease.id.unwrap();
        change(&mut id);
        Some(id)
    };
    let strange = vec![
        v1::TrialReport { recipe_digest: "other".into(), ..good.clone() },
        v1::TrialReport { id: ids(|id| id.attempt += 1), ..good.clone() },
        v1::TrialReport { id: ids(|id| id.attempt = 0), ..good.clone() },
        v1::TrialReport { id: ids(|id| id.replicate = u32::MAX), ..good.clone() },
        v1::TrialReport { id: ids(|id| id.sweep = 0), ..good.clone() },
    ];
    let answers = report(&mut worker, id, strange).await;
    assert!(answers.iter().all(|(verdict, _)| *verdict == Verdict::Refused), "{answers:?}");
    assert_eq!(report(&mut worker, id, vec![good]).await[0].0, Verdict::Accepted);
    coordinator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_of_another_trainer_version_is_refused_and_fails_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = Coordinator::start(dir.path()).await;
    let (mut worker, mut control) = (coordinator.worker().await, coordinator.control().await);
    control.submit(sweep_file("a", 2)).await.unwrap();
    let id = join(&mut worker, "p").await;
    let leases = acquire(&mut worker, id, 2, 0).await;
    let mut old = completed(1.0);
    old.provenance.as_mut().unwrap().trainer_version = format!("{TRAINER_VERSION}-old");
    let outcome = |lease, outcome| report_of(lease, trial_report::Result::Outcome(outcome));
    let reports = vec![outcome(&leases[0], old), outcome(&leases[1], completed(2.0))];
    let answers = report(&mut worker, id, reports).await;
    assert_eq!(answers[0].0, Verdict::Refused);
    assert!(answers[0].1.contains(&format!("`{TRAINER_VERSION}-old`")), "{}", answers[0].1);
    assert_eq!(answers[1].0, Verdict::Accepted, "each report gets its own answer");
    assert_eq!(acquire(&mut worker, id, 1, 0).await, leases[..1], "the attempt goes on");
    assert_eq!(report(&mut worker, id, vec![outcome(&leases[0], completed(1.0))]).await[0].0, Verdict::Accepted);
    coordinator.stop().await;
}
