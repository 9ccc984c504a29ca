//! `run`: coordinator, workers and report of one sweep in one command, on this machine.

use super::{
    list, output,
    process::{self, WorkerCommand, Workers},
    progress::Display,
    report,
    submit::{Checked, FileArgs},
    watch,
};
use crate::{
    driver::{Driver, DriverHandle},
    error::{Exit, Failure},
    predictions::MOST_BYTES,
    results::{SweepResults, TrialResult},
    rpc,
    store::Store,
};
use clap::Args;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use sweeper_core::{ids::SweepId, scheduler::Settings};
use sweeper_proto::v1::SubmitResponse;
use tokio::sync::oneshot;

/// Heartbeats of local workers: short, for they feed the live lines.
const HEARTBEAT_MS: u32 = 300;
/// Local workers are seen to die by their supervisor, so the lease term is a second line only.
const LEASE_TERM_MS: u64 = 30_000;
/// How often the live lines are refreshed.
const REFRESH: Duration = Duration::from_millis(200);
/// Slots of local workers begin so; a new run knows that those of an earlier run are dead.
const SLOT_PREFIX: &str = "run";

/// Arguments of `sweeper run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper run deploy/sweeps/synthetic.toml --devices cpu:2\n  sweeper run sweep.toml --set replicates=8\n\nGive the same command again after an interruption, a crash or an edit of the file: only what is missing is run."
)]
pub(super) struct RunArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Devices to train on: `cpu:2` (two one-thread workers), `0,1` (GPUs), or `all` (every GPU; without one, every CPU
    /// core)
    #[arg(long, default_value = "all", value_parser = process::devices)]
    devices: String,
    /// Folder of the report and of the sweep's state [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of the data sets
    #[arg(long, env = "SWEEPER_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Run every trial of a changed sweep, even where an earlier one finished an equal trial
    #[arg(long)]
    no_reuse: bool,
    /// The worker executable [default: beside this one, else on PATH]
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,
    /// Port of the coordinator on loopback; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seconds that running trials get to finish after Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
    /// No progress, only the summary
    #[arg(long, short)]
    quiet: bool,
    /// Print the analysis as JSON instead of the summary
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: RunArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let checked = args.file.read()?;
    let out = args.out.clone().unwrap_or_else(|| Path::new("out").join(&checked.spec.name));
    let worker = process::find_worker(args.worker.as_deref())?;
    let state = out.join("state");
    std::fs::create_dir_all(&out).map_err(|e| not_writable(&out, &e))?;
    let store = Store::open(&state)?;
    let options = rpc::ServeOptions { heartbeat_ms: HEARTBEAT_MS, allow_insecure: false };
    let listener = rpc::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)), &options).await?;
    let address = listener.local_addr().map_err(|e| Failure::new(Exit::AddressInUse, e))?;
    let handle = Driver::start(store, Settings { lease_term_ms: LEASE_TERM_MS })?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(rpc::serve(listener, handle.clone(), options, async {
        // A dropped sender means the same.
        let _ = stopped.await;
    }));

    handle.end_workers(SLOT_PREFIX.to_owned()).await?;
    let submitted = submit(&args, &checked, &handle).await?;
    announce(&args, &checked, &submitted, &out);
    let sweep = SweepId(submitted.sweep);
    mention_others(&handle, sweep).await?;
    let command = WorkerCommand {
        executable: worker,
        url: format!("http://{address}"),
        devices: args.devices.clone(),
        data_dir: args.data_dir.clone(),
        state_dir: state.join("workers"),
        slot_prefix: SLOT_PREFIX,
        grace: Duration::from_secs(args.grace),
    };
    let ending = follow(&args, &handle, sweep, command).await;
    let _ = stop.send(());
    // The report is written from the store whatever became of the server.
    let _ = tokio::time::timeout(Duration::from_secs(2), server).await;
    let exit = match ending? {
        Ending::Closed(exit) => exit,
        Ending::Interrupted => {
            handle.stop().await;
            output::note(&format!(
                "stopped. Nothing finished is lost; continue with the same command:\n  {}",
                process::command_line()
            ));
            return Ok(Exit::Interrupted);
        }
    };
    let results = handle.results(sweep).await?;
    let predictions = handle.all_predictions(sweep, MOST_BYTES).await?;
    handle.stop().await;
    report::write(&results, &predictions, &out, args.json)?;
    if exit == Exit::Abandoned {
        output::note(&abandoned(&results, &out));
    }
    if !args.quiet {
        let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        output::note(&format!("done in {}", output::duration(elapsed)));
    }
    Ok(exit)
}

/// The first of the trials that were abandoned, why, and where the others' reasons are.
fn abandoned(results: &SweepResults, out: &Path) -> String {
    let gone = |trial: &&TrialResult| trial.state.eq_ignore_ascii_case("abandoned");
    let Some(first) = results.trials.iter().find(gone) else { return "some trials were abandoned".to_owned() };
    let id = format!("{}/c{}/r{}", results.sweep, first.config, first.replicate);
    let count = results.trials.iter().filter(gone).count();
    let trials = if count == 1 { "1 trial was".to_owned() } else { format!("{count} trials were") };
    let why = first.last_error.as_deref().unwrap_or("no error is known");
    format!(
        "{trials} abandoned, {id} for: {why}\n  `sweeper explain {id} --state {}` says more; the same command tries again",
        out.display()
    )
}

fn not_writable(dir: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::NotWritable, format!("cannot write to {}: {error}", dir.display()))
        .hint("--out takes another folder")
}

async fn submit(args: &RunArgs, checked: &Checked, handle: &DriverHandle) -> Result<SubmitResponse, Failure> {
    // The sweep's own state directory has no other user: an edited file replaces what was unfinished.
    let supersede = true;
    Ok(handle.submit(checked.spec.clone(), !args.no_reuse, supersede).await?)
}

fn announce(args: &RunArgs, checked: &Checked, submitted: &SubmitResponse, out: &Path) {
    if args.quiet || args.json {
        return;
    }
    checked.print_notes();
    let spec = &checked.spec;
    let before = match submitted.finished {
        0 => String::new(),
        n => format!(", {n} finished already"),
    };
    if args.no_reuse && !submitted.created {
        output::note(&format!(
            "note: --no-reuse changes nothing: s{} has exactly this content and goes on; another --out begins anew",
            submitted.sweep
        ));
    }
    output::note(&format!(
        "{}: {} configs, {} trials{before}, devices {}, output in {}",
        spec.name,
        spec.configs.len(),
        submitted.trials,
        args.devices,
        out.display()
    ));
}

/// Other unfinished sweeps of the same folder are trained as well, and first if they are older.
async fn mention_others(handle: &DriverHandle, sweep: SweepId) -> Result<(), Failure> {
    let sweeps = handle.list_sweeps().await?.sweeps;
    for other in sweeps.iter().filter(|s| s.state == "running" && s.sweep != sweep.0) {
        output::note(&format!(
            "note: s{} ({}) in the same folder is not finished either and comes first; another --out keeps them apart",
            other.sweep, other.name
        ));
    }
    Ok(())
}

enum Ending {
    Closed(Exit),
    Interrupted,
}

/// Shows progress and keeps the workers alive until the sweep ends or somebody interrupts.
async fn follow(
    args: &RunArgs,
    handle: &DriverHandle,
    sweep: SweepId,
    command: WorkerCommand,
) -> Result<Ending, Failure> {
    let first = handle.show_sweep(sweep).await?.summary.unwrap_or_default();
    if first.state != "running" {
        return Ok(Ending::Closed(watch::ending(&first)));
    }
    // Beside the workers' folder: the store's own file.
    let lock = command.state_dir.with_file_name("lock");
    let mut workers = Workers::start(command)?;
    let mut display = Display::new(args.quiet || args.json);
    let interrupted = process::interrupted();
    tokio::pin!(interrupted);
    loop {
        let shown = handle.show_sweep(sweep).await?;
        display.update(&shown);
        let summary = shown.summary.unwrap_or_default();
        if summary.state != "running" {
            display.finish();
            workers.stop().await;
            return Ok(Ending::Closed(watch::ending(&summary)));
        }
        tokio::select! {
            () = &mut interrupted => {
                let running = list::counts_text(&summary.trials.unwrap_or_default());
                display.note(&format!("{running}; running trials get up to {} s to finish (Ctrl-C again: stop at once)", args.grace));
                let again = process::interrupted();
                let stopping = workers.stop();
                tokio::select! { () = stopping => {} () = again => {} }
                display.finish();
                return Ok(Ending::Interrupted);
            }
            failure = handle.closed() => {
                display.finish();
                return Err(failure.into());
            }
            failure = process::vanished(&lock) => {
                display.finish();
                return Err(failure);
            }
            () = tokio::time::sleep(REFRESH) => {}
        }
        if let Err(failure) = workers.keep_alive() {
            display.finish();
            return Err(failure);
        }
    }
}
