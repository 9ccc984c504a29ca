//! What a person reads: help texts and errors, each with its documented exit code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Bench, Running, SWEEPER, WORKER, eventually, small_images, synthetic_sweep, torch_sweep};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Runs a command and shows its exit code and both streams, the folder's name and other chance values replaced.
fn shown(bench: &Bench, command: &mut Command) -> String {
    let output = command.env("COLUMNS", "100").output().unwrap();
    let code = output.status.code().map_or("killed".to_owned(), |c| c.to_string());
    let text = format!(
        "exit {code}\n--- stdout\n{}--- stderr\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    text.replace(&bench.dir.path().display().to_string(), "FOLDER").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn run_with(sweep: &str) -> String {
    let bench = Bench::new(sweep);
    shown(&bench, &mut bench.run_command("out", 1, &["--quiet"]))
}

#[test]
fn help_texts() {
    let bench = Bench::new("");
    let commands = [
        "", "run", "serve", "submit", "plan", "simulate", "ls", "show", "watch", "cancel", "workers", "report",
        "confirm", "export", "explain",
    ];
    for command in commands {
        let args: Vec<&str> = [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let name = if command.is_empty() { "sweeper" } else { command };
        insta::assert_snapshot!(format!("help_{name}"), shown(&bench, &mut bench.sweeper(&args)));
    }
    insta::assert_snapshot!("help_worker", shown(&bench, &mut bench.command(WORKER, &["--help"])));
    insta::assert_snapshot!("help_worker_model", shown(&bench, &mut bench.command(WORKER, &["model", "--help"])));
}

#[test]
#[cfg(feature = "torch")]
fn tables_of_networks() {
    let bench = Bench::new("");
    let cases: [(&str, &[&str]); 5] = [
        ("model", &["model", "xse-resnext18"]),
        ("model_attention", &["model", "xresnet18", "--stem", "32-64-64", "--self-attention", "--pool", "max"]),
        ("model_json", &["model", "simple-cnn", "--size", "28", "--classes", "2", "--json"]),
        ("model_unknown", &["model", "xresnet19"]),
        ("model_conflict", &["model", "plain-cnn", "--self-attention"]),
    ];
    for (name, args) in cases {
        insta::assert_snapshot!(name, shown(&bench, &mut bench.command(WORKER, args)));
    }
    let small = shown(&bench, &mut bench.command(WORKER, &["model", "small-cnn", "--size", "8"]));
    assert!(small.starts_with("exit 2\n") && small.contains("9 or more pixels"), "{small}");
    // The variable that every worker may have set is no reason to refuse.
    let mut command = bench.command(WORKER, &["model", "simple-cnn"]);
    let text = shown(&bench, command.env("SWEEPER_COORDINATOR", "http://127.0.0.1:1"));
    assert!(text.starts_with("exit 0\n"), "{text}");
}

#[test]
fn mistakes_in_the_sweep_file() {
    let good = synthetic_sweep(0.0);
    let cases = [
        ("not_toml", good.replace("name = \"kill\"", "name = \"kill")),
        ("unknown_key", good.replace("replicates = 4", "replicate = 4")),
        ("unknown_recipe_key", good.replace("\"synthetic.effect\" = 2.0", "\"optimizer.learning_rate\" = 2.0")),
        ("wrong_type", good.replace("replicates = 4", "replicates = \"four\"")),
        ("out_of_range", good.replace("replicates = 4", "replicates = 0")),
        ("duplicate_config", good.replace("name = \"worse\"", "name = \"better\"")),
        ("no_such_baseline", good.replace("baseline = \"base\"", "baseline = \"bass\"")),
        ("no_such_metric", good.replace("accuracy/balanced", "accuracy/perverse")),
    ];
    for (name, sweep) in cases {
        assert_ne!(sweep, good, "{name} must change the file");
        insta::assert_snapshot!(name, run_with(&sweep));
    }
    let bench = Bench::new("");
    insta::assert_snapshot!("missing_file", shown(&bench, &mut bench.sweeper(&["run", "nothing.toml"])));
    fs::write(bench.path("sweep.toml"), good).unwrap();
    let overridden = &mut bench.sweeper(&["plan", "sweep.toml", "--set", "replicates=lots"]);
    insta::assert_snapshot!("bad_override", shown(&bench, overridden));
}

#[test]
#[cfg(feature = "torch")]
fn missing_and_truncated_data() {
    let bench = Bench::new(&torch_sweep(2, 1));
    fs::create_dir(bench.path("data")).unwrap();
    let command = &mut bench.run_command("out", 1, &["--quiet"]);
    insta::assert_snapshot!("missing_data", shown(&bench, command));
    small_images(&bench.path("data"), 300, 50);
    let images = bench.path("data/fashion-mnist/train-images-idx3-ubyte");
    let whole = fs::read(&images).unwrap();
    fs::write(&images, &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!("truncated_data", shown(&bench, command));
    // Mended, the same command ends well.
    fs::write(&images, &whole).unwrap();
    harness::assert_success(&command.output().unwrap());
    // Other data of the same name is refused for what is missing.
    small_images(&bench.path("data"), 310, 50);
    let more = &mut bench.run_command("out", 1, &["--quiet", "--set", "replicates=3"]);
    let text = shown(&bench, more);
    let digests = insta::Settings::clone_current();
    let mut digests = digests;
    digests.add_filter("[0-9a-f]{64}", "DIGEST");
    digests.bind(|| insta::assert_snapshot!("other_data", text));
}

#[test]
fn port_in_use() {
    let bench = Bench::new("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = shown(&bench, &mut bench.sweeper(&["serve", "--listen", &address]));
    insta::assert_snapshot!(text.replace(&address, "ADDRESS"));
}

#[test]
fn unwritable_folder() {
    // To root every folder is writable, so the place is a file instead.
    let bench = Bench::new(&synthetic_sweep(0.0));
    fs::write(bench.path("file"), "").unwrap();
    insta::assert_snapshot!("out_is_a_file", shown(&bench, &mut bench.run_command("file", 1, &["--quiet"])));
    let closed = bench.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_err() {
        let text = shown(&bench, &mut bench.run_command("closed/out", 1, &["--quiet"]));
        assert!(text.starts_with("exit 31\n"), "{text}");
    }
}

/// Sets the schema number of a finished sweep's store to one that no version has yet.
fn make_newer(database: &Path) {
    // Bytes 60 to 63 of the file are SQLite's user version, big endian; a finished store has no journal left to
    // override them once it was checkpointed at the end.
    let mut bytes = fs::read(database).unwrap();
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(database, bytes).unwrap();
    for more in ["-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(more);
        // Absent after a clean end.
        let _ = fs::remove_file(name);
    }
}

#[test]
fn state_directory_of_a_newer_version_or_in_use() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    bench.results("out", 1);
    let database = fs::read_dir(bench.path("out/state"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "db" || e == "sqlite"))
        .expect("a database in the state directory");
    fs::copy(&database, bench.path("whole")).unwrap();
    fs::write(&database, "").unwrap();
    insta::assert_snapshot!("emptied_state", shown(&bench, &mut bench.run_command("out", 1, &["--quiet"])));
    fs::copy(bench.path("whole"), &database).unwrap();
    make_newer(&database);
    insta::assert_snapshot!("newer_state", shown(&bench, &mut bench.run_command("out", 1, &["--quiet"])));

    let mut serve = Running::start(&mut bench.sweeper(&["serve", "--state", "st", "--listen", "127.0.0.1:0"]));
    eventually("the coordinator holds its state", || bench.path("st/lock").exists().then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(serve.is_running());
    let second = &mut bench.sweeper(&["serve", "--state", "st", "--listen", "127.0.0.1:0"]);
    insta::assert_snapshot!("state_in_use", shown(&bench, second));
}

#[test]
fn names_and_addresses_that_do_not_exist() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    bench.results("out", 1);
    let cases: [(&str, &[&str]); 7] = [
        ("no_such_sweep", &["show", "nothing", "--state", "out"]),
        ("no_such_trial", &["explain", "s1/c9/r0", "--state", "out"]),
        ("not_a_trial", &["explain", "banana", "--state", "out"]),
        ("no_state_directory", &["ls", "--state", "elsewhere"]),
        ("no_coordinator", &["ls", "--coordinator", "http://127.0.0.1:1"]),
        ("not_an_address", &["ls", "--coordinator", "http://[::"]),
        ("not_our_scheme", &["ls", "--coordinator", "https://127.0.0.1:1"]),
    ];
    for (name, args) in cases {
        insta::assert_snapshot!(name, shown(&bench, &mut bench.sweeper(args)));
    }
    insta::assert_snapshot!(
        "no_such_device",
        shown(&bench, &mut bench.sweeper(&["run", "sweep.toml", "--devices", "gpu"]))
    );
    let lazy_worker = &mut bench.run_command("o3", 1, &["--worker", "/bin/true"]);
    let text = shown(&bench, lazy_worker);
    assert!(text.starts_with("exit 43\n"), "{text}");
    let no_worker = &mut bench.run_command("o2", 1, &["--worker", "nothing"]);
    insta::assert_snapshot!("no_worker_executable", shown(&bench, no_worker));
}

#[test]
fn abandoned_trials_are_tried_again_by_the_same_command() {
    let bench = Bench::new(&synthetic_sweep(0.0).replace("seconds = 0", "fail = 0.5\nseconds = 0"));
    for sweep in ["s1", "s2"] {
        let output = bench.run_command("out", 1, &["--quiet"]).output().unwrap();
        let text = harness::text(&output);
        assert_eq!(output.status.code(), Some(50), "{text}");
        assert!(text.contains("the same command tries again"), "{text}");
        let trials = fs::read_to_string(bench.path("out/trials.csv")).unwrap();
        // Tried three times in each sweep; what was finished is taken over.
        assert!(trials.contains(&format!("{sweep}/c")) && trials.contains(",3,w"), "{trials}");
        assert_eq!(trials.contains(",s1/c"), sweep == "s2", "{trials}");
    }
}

#[test]
fn a_state_directory_that_vanishes_is_noticed() {
    let bench = Bench::new(&synthetic_sweep(2.0));
    let run = Running::start(&mut bench.run_command("out", 1, &["--quiet"]));
    eventually("the state directory is made", || bench.path("out/state/workers").exists().then_some(()));
    fs::rename(bench.path("out"), bench.path("elsewhere")).unwrap();
    let output = run.wait();
    assert_eq!(output.status.code(), Some(35), "{}", harness::text(&output));
}

/// A sweep whose coordinator was killed before its end, in the folder `out`.
fn left_behind() -> Bench {
    let bench = Bench::new(&synthetic_sweep(5.0));
    let mut run = Running::start(&mut bench.run_command("out", 1, &["--quiet"]));
    eventually("the sweep is stored", || {
        let output = bench.sweeper(&["ls", "--json", "--state", "out"]).output().unwrap();
        (output.status.success() && output.stdout.contains(&b'{')).then_some(())
    });
    run.kill();
    bench
}

#[test]
fn an_unfinished_sweep_without_a_coordinator_does_not_look_alive() {
    let bench = left_behind();
    let text = shown(&bench, &mut bench.sweeper(&["watch", "latest", "--state", "out"]));
    assert!(text.starts_with("exit 40\n") && text.contains("no coordinator runs"), "{text}");
}

#[test]
fn a_state_directory_wins_over_a_coordinator_of_the_environment() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    bench.results("out", 1);
    for args in [vec!["ls", "--state", "out"], vec!["plan", "sweep.toml", "--state", "out"]] {
        let text = shown(&bench, bench.sweeper(&args).env("SWEEPER_COORDINATOR", "http://127.0.0.1:1"));
        assert!(text.starts_with("exit 0\n"), "{args:?}: {text}");
    }
}

#[test]
fn a_plan_says_what_the_design_can_show() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    insta::assert_snapshot!("plan", shown(&bench, &mut bench.sweeper(&["plan", "sweep.toml"])));
    insta::assert_snapshot!("plan_json", shown(&bench, &mut bench.sweeper(&["plan", "sweep.toml", "--json"])));
}

#[test]
fn what_was_recorded_can_be_exported_and_read_back() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    bench.results("out", 1);
    let export = |more: &[&str]| {
        let args = [&["export", "latest", "--state", "out"], more].concat();
        bench.sweeper(&args).output().unwrap()
    };
    let epochs = export(&["--epochs"]);
    assert!(
        epochs.status.success() && epochs.stdout.starts_with(b"stratum,config,replicate,epoch,metric,value,final\n")
    );
    let none = export(&["--predictions"]);
    assert_eq!(none.status.code(), Some(41));
    assert!(harness::text(&none).contains("has no predictions"), "{}", harness::text(&none));
    assert_eq!(export(&["--epochs", "--json"]).status.code(), Some(2), "one thing at a time");
    let rows = export(&["--layout", "apriori"]);
    assert!(rows.status.success(), "{}", harness::text(&rows));
    fs::write(bench.path("runs.csv"), &rows.stdout).unwrap();

    let from = |more: &[&str]| bench.sweeper(&[&["report", "--from", "runs.csv"], more].concat()).output().unwrap();
    // Without the study's flags all configs are plain, and there is no `ub` to compare with.
    let text = harness::text(&from(&[]));
    assert!(text.contains("runs.csv has no config `ub`; there are plain"), "{text}");
    let output = from(&["--baseline", "plain"]);
    assert!(output.status.success(), "{}", harness::text(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("runs (imported, finished)"), "{output:?}");
    assert!(bench.path("out/runs/report.html").is_file());
    fs::write(bench.path("runs.csv"), "a,b\n1,2\n").unwrap();
    assert_eq!(from(&[]).status.code(), Some(13));
    assert_eq!(bench.sweeper(&["report"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn the_best_are_trained_again_on_fresh_seeds() {
    let bench = Bench::new(&synthetic_sweep(0.0));
    bench.results("out", 1);
    let confirm =
        |more: &[&str]| bench.sweeper(&[&["confirm", "latest", "--state", "out"], more].concat()).output().unwrap();
    let output = confirm(&[]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", harness::text(&output));
    assert!(harness::text(&output).contains("run it with `sweeper run kill-confirm.toml`"), "{output:?}");
    let made = fs::read_to_string(bench.path("kill-confirm.toml")).unwrap();
    assert!(made.contains("name = \"better\"") && made.contains("name = \"base\""), "{made}");
    assert!(!made.contains("name = \"worse\""), "{made}");
    assert_eq!(confirm(&["--out", "-"]).stdout, made.as_bytes());
    let again = confirm(&[]);
    assert_eq!(again.status.code(), Some(31), "{}", harness::text(&again));
    assert_eq!(fs::read_to_string(bench.path("kill-confirm.toml")).unwrap(), made);
    assert_eq!(confirm(&["--seed", "7", "--out", "other.toml"]).status.code(), Some(13));
    // On the same state directory, and nothing is taken over all the same: the report stays a planned one.
    fs::write(bench.path("sweep.toml"), &made).unwrap();
    let output = bench.run_command("out", 1, &["--quiet"]).output().unwrap();
    assert!(output.status.success(), "{}", harness::text(&output));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(bench.path("out/report.json")).unwrap()).unwrap();
    assert_eq!((&report["name"], &report["planning"]["status"]), (&"kill-confirm".into(), &"planned".into()));
    assert_eq!((&report["counts"]["completed"], &report["counts"]["reused"]), (&8.into(), &0.into()));
}

#[test]
fn a_sweep_that_still_runs_is_not_confirmed() {
    let bench = left_behind();
    let text = shown(&bench, &mut bench.sweeper(&["confirm", "latest", "--state", "out"]));
    assert!(text.starts_with("exit 44\n") && text.contains("still runs"), "{text}");
    assert!(!bench.path("kill-confirm.toml").exists());
}

#[test]
fn the_login_node_executable_needs_no_libtorch() {
    let output = Command::new("ldd").arg(SWEEPER).output().unwrap();
    let libraries = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(libraries.contains("libc.so"), "{libraries}");
    assert!(!libraries.contains("torch") && !libraries.contains("libc10"), "{libraries}");
}
