//! The pieces apart: coordinator, workers and user commands as processes of their own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Bench, Running, WORKER, assert_success, eventually, synthetic_sweep, text};
use serde_json::Value;
use std::net::TcpListener;

struct Cluster {
    bench: Bench,
    url: String,
    port: u16,
}

impl Cluster {
    fn new(sweep: &str) -> Self {
        // The port is free again when the listener is dropped; nothing else on this machine asks for it in between.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { bench: Bench::new(sweep), url: format!("http://127.0.0.1:{port}"), port }
    }

    fn serve(&self) -> Running {
        let listen = format!("127.0.0.1:{}", self.port);
        Running::start(&mut self.bench.sweeper(&[
            "serve",
            "--state",
            "state",
            "--listen",
            &listen,
            "--heartbeat",
            "1",
            "--lease-term",
            "3",
        ]))
    }

    fn worker(&self, name: &str) -> Running {
        let state = format!("worker-{name}");
        let args = ["--coordinator", &self.url, "--devices", "cpu:1", "--state-dir", &state, "--name", name];
        Running::start(&mut self.bench.command(WORKER, &args))
    }

    /// A user command with `--json`, once the coordinator answers.
    fn ask(&self, args: &[&str]) -> Value {
        eventually("the coordinator answers", || {
            let mut all = args.to_vec();
            all.extend(["--json", "--coordinator", &self.url]);
            let output = self.bench.sweeper(&all).output().unwrap();
            // 40 is "no coordinator answers": it is still starting.
            if output.status.code() == Some(40) {
                return None;
            }
            assert_success(&output);
            Some(serde_json::from_slice(&output.stdout).unwrap())
        })
    }
}

#[test]
fn workers_come_before_the_coordinator_and_while_a_sweep_runs() {
    // Long enough for the late worker to find something to do on a busy machine.
    let cluster = Cluster::new(&synthetic_sweep(0.8));
    let _early = cluster.worker("early");
    let _serve = cluster.serve();
    let submitted = cluster.ask(&["submit", "sweep.toml"]);
    assert_eq!((submitted["sweep"].as_u64(), submitted["trials"].as_u64()), (Some(1), Some(12)));
    let again = cluster.ask(&["submit", "sweep.toml"]);
    assert_eq!((again["sweep"].as_u64(), again["created"].as_bool()), (Some(1), Some(false)));

    eventually("the first trial finishes", || {
        (cluster.ask(&["ls"])[0]["trials"]["finished"].as_u64()? >= 1).then_some(())
    });
    let _late = cluster.worker("late");
    let ended = cluster.ask(&["watch", "latest"]);
    assert_eq!(ended["summary"]["state"], "finished", "{ended}");
    let workers = cluster.ask(&["workers", "--all"]);
    let trained: Vec<(String, u64)> = workers
        .as_array()
        .unwrap()
        .iter()
        .map(|w| (w["node"].as_str().unwrap().to_owned(), w["finished_trials"].as_u64().unwrap()))
        .collect();
    assert!(trained.iter().all(|(_, n)| *n > 0) && trained.len() == 2, "both workers trained: {trained:?}");

    let why = cluster.ask(&["explain", "s1/c1/r2"]);
    assert_eq!(why["state"], "Finished", "{why}");
    let report =
        cluster.bench.sweeper(&["report", "kill", "--coordinator", &cluster.url, "--out", "r"]).output().unwrap();
    assert_success(&report);
    for file in ["report.html", "report.md", "report.json", "results.csv", "trials.csv"] {
        assert!(cluster.bench.path("r").join(file).is_file(), "{file}");
    }
    let export =
        cluster.bench.sweeper(&["export", "s1", "--format", "csv", "--coordinator", &cluster.url]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&export.stdout), cluster.bench.csv("r"));
    // The state directory can be read beside the running coordinator, and says the same.
    let offline = cluster.bench.sweeper(&["export", "s1", "--format", "csv", "--state", "state"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&offline.stdout), cluster.bench.csv("r"), "{}", text(&offline));
}

#[test]
fn a_coordinator_killed_in_the_middle_goes_on_and_its_workers_reconnect() {
    let cluster = Cluster::new(&synthetic_sweep(0.3));
    let mut serve = cluster.serve();
    let _worker = cluster.worker("only");
    cluster.ask(&["submit", "sweep.toml"]);
    eventually("some trials finish", || (cluster.ask(&["ls"])[0]["trials"]["finished"].as_u64()? >= 3).then_some(()));
    serve.kill();
    let _serve = cluster.serve();
    let ended = cluster.ask(&["watch", "latest"]);
    assert_eq!(ended["summary"]["trials"]["finished"], 12, "{ended}");
    let workers = cluster.ask(&["workers", "--all"]);
    assert_eq!(workers.as_array().unwrap().len(), 1, "the same worker process keeps its id: {workers}");
}

#[test]
fn a_cancelled_sweep_stops_its_workers_and_keeps_what_was_finished() {
    let cluster = Cluster::new(&synthetic_sweep(0.5));
    let _serve = cluster.serve();
    let _worker = cluster.worker("only");
    cluster.ask(&["submit", "sweep.toml"]);
    eventually("the first trial finishes", || {
        (cluster.ask(&["ls"])[0]["trials"]["finished"].as_u64()? >= 1).then_some(())
    });
    cluster.ask(&["cancel", "latest", "--reason", "wrong file"]);
    let shown = cluster.ask(&["show", "latest"]);
    assert_eq!(shown["summary"]["state"], "cancelled");
    assert_eq!(shown["summary"]["cancel_reason"], "wrong file");
    let finished = shown["summary"]["trials"]["finished"].as_u64().unwrap();
    assert!(finished >= 1);
    let watched = cluster.bench.sweeper(&["watch", "latest", "--coordinator", &cluster.url]).output().unwrap();
    assert_eq!(watched.status.code(), Some(51), "{}", text(&watched));
    // The same content again is a new sweep that takes over what was finished.
    let again = cluster.ask(&["submit", "sweep.toml"]);
    assert_eq!((again["sweep"].as_u64(), again["finished"].as_u64()), (Some(2), Some(finished)));
}

/// Children get the folder that the supervisor was given: on a shared disk, it is how workers go on for each other.
#[cfg(feature = "torch")]
#[test]
fn checkpoints_lie_where_the_command_line_says() {
    let sweep = harness::torch_sweep(1, 2_000).replace("epochs = 2000", "epochs = 2000\ncheckpoint = { every = 1 }");
    let cluster = Cluster::new(&sweep);
    harness::small_images(&cluster.bench.path("data"), 300, 50);
    let _serve = cluster.serve();
    let args = ["--coordinator", &cluster.url, "--devices", "cpu:1", "--state-dir", "worker", "--data-dir", "data"];
    let args = [&args[..], &["--checkpoint-dir", "shared"]].concat();
    let _worker = Running::start(&mut cluster.bench.command(WORKER, &args));
    cluster.ask(&["submit", "sweep.toml"]);
    eventually("a checkpoint is written", || {
        let mut files = std::fs::read_dir(cluster.bench.path("shared")).ok()?.flatten();
        files.any(|file| file.path().extension().is_some_and(|end| end == "safetensors")).then_some(())
    });
    assert!(!cluster.bench.path("worker/checkpoints").exists());
}
