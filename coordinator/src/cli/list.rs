//! `ls`, `show`, `workers`, `cancel`: looking at what is there.

use super::{TargetArgs, connect, output};
use crate::error::{Exit, Failure};
use clap::Args;
use sweeper_proto::v1::{CancelSweepRequest, RunningTrial, ShowSweepResponse, SweepSummary, TrialCounts};

/// Arguments of `sweeper ls`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sweeper ls --json")]
pub(super) struct LsArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn ls(args: LsArgs) -> Result<Exit, Failure> {
    let sweeps = connect::Source::open(&args.target.target()).await?.sweeps().await?;
    if args.json {
        output::print_json(&sweeps)?;
    } else if sweeps.is_empty() {
        output::note("no sweeps yet; `sweeper submit FILE` hands one in");
    } else {
        let rows: Vec<Vec<String>> = sweeps.iter().map(sweep_row).collect();
        let header = ["sweep", "name", "state", "configs", "finished", "planned", "diverged", "abandoned", "submitted"];
        output::print(&output::table(&header, &rows))?;
    }
    Ok(Exit::Ok)
}

fn sweep_row(s: &SweepSummary) -> Vec<String> {
    let counts = s.trials.unwrap_or_default();
    vec![
        format!("s{}", s.sweep),
        s.name.clone(),
        s.state.clone(),
        s.configs.to_string(),
        counts.finished.to_string(),
        counts.planned.to_string(),
        counts.diverged.to_string(),
        counts.abandoned.to_string(),
        output::ago(s.submitted_ms),
    ]
}

/// Arguments of `sweeper show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sweeper show latest")]
pub(super) struct ShowArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn show(args: ShowArgs) -> Result<Exit, Failure> {
    let mut source = connect::Source::open(&args.target.target()).await?;
    let sweep = source.find(&args.sweep).await?;
    let shown = source.show(sweep).await?;
    if args.json {
        output::print_json(&shown)?;
    } else {
        output::print(&sweep_text(&shown))?;
    }
    Ok(Exit::Ok)
}

fn sweep_text(shown: &ShowSweepResponse) -> String {
    let summary = shown.summary.clone().unwrap_or_default();
    let mut text = format!("s{} {}: {}", summary.sweep, summary.name, summary.state);
    if !summary.cancel_reason.is_empty() {
        text.push_str(&format!(" ({})", summary.cancel_reason));
    }
    text.push_str(&format!("\n{}\n\n", counts_text(&summary.trials.unwrap_or_default())));
    let rows: Vec<Vec<String>> = shown
        .configs
        .iter()
        .map(|c| {
            let t = c.trials.unwrap_or_default();
            let digest: String = c.recipe_digest.chars().take(12).collect();
            let numbers = [t.finished, t.planned, t.leased, t.pending, t.diverged, t.abandoned, t.reused];
            let mut row = vec![format!("c{}", c.config), c.name.clone()];
            row.extend(numbers.map(|n| n.to_string()));
            row.extend([c.mean, c.sd].map(value_text));
            row.push(digest);
            row
        })
        .collect();
    let header = [
        "config",
        "name",
        "finished",
        "planned",
        "leased",
        "pending",
        "diverged",
        "abandoned",
        "reused",
        "mean",
        "SD",
        "recipe",
    ];
    text.push_str(&output::table(&header, &rows));
    if shown.configs.iter().any(|c| c.values > 0) {
        text.push_str(&format!("mean and SD: final values of {}\n", shown.metric));
    }
    text.push_str(&looks_text(shown));
    if !shown.running.is_empty() {
        text.push('\n');
        text.push_str(&running_table(&shown.running));
    }
    if shown.remaining_ms > 0 {
        text.push_str(&format!("\nabout {} left\n", output::duration(shown.remaining_ms)));
    }
    text
}

/// A mean or standard deviation; `-` without one.
pub(super) fn value_text(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.4}"))
}

/// Looks taken, one per line, and the next one of each stratum; empty for a fixed design.
pub(super) fn looks_text(shown: &ShowSweepResponse) -> String {
    let place = |stratum: &str| if stratum.is_empty() { String::new() } else { format!(" in `{stratum}`") };
    let mut text = String::new();
    for look in &shown.looks {
        let stopped: Vec<String> = look.stopped.iter().map(|s| format!("{} ({})", s.name, s.why)).collect();
        let stopped = if stopped.is_empty() { "nothing decided".to_owned() } else { stopped.join(", ") };
        let (n, place) = (look.replicates, place(&look.stratum));
        text.push_str(&format!("look at {n} replicates{place}, {}: {stopped}\n", output::ago(look.at_ms)));
    }
    for next in &shown.next_looks {
        let (n, place) = (next.replicates, place(&next.stratum));
        text.push_str(&format!("next look at {n} replicates{place}, when {} more trials have ended\n", next.waits_for));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// `12 of 50 trials finished, 2 leased, 36 waiting`, and whatever else is not zero.
pub(super) fn counts_text(t: &TrialCounts) -> String {
    let mut text = format!("{} of {} trials finished", t.finished, t.planned);
    let rest = [
        (t.leased, "leased"),
        (t.pending.saturating_sub(t.held), "waiting"),
        (t.held, "held for a look"),
        (t.reused, "taken from earlier results"),
        (t.diverged, "diverged"),
        (t.abandoned, "abandoned"),
        (t.stopped, "not needed any more"),
        (t.cancelled.saturating_sub(t.stopped), "cancelled"),
    ];
    for (n, what) in rest {
        if n > 0 {
            text.push_str(&format!(", {n} {what}"));
        }
    }
    if t.leased == 0 && t.pending > t.held {
        text.push_str(", no worker has one");
    }
    text
}

fn running_table(running: &[RunningTrial]) -> String {
    let rows: Vec<Vec<String>> = running
        .iter()
        .map(|r| {
            vec![
                attempt_text(r),
                r.config_name.clone(),
                format!("w{}", r.worker),
                format!("{} {}", r.node, r.device),
                if r.queued { "queued".to_owned() } else { r.phase.clone() },
                if r.steps == 0 { String::new() } else { format!("{}/{}", r.step, r.steps) },
                output::ago(r.granted_ms),
            ]
        })
        .collect();
    output::table(&["trial", "config", "worker", "device", "phase", "step", "leased"], &rows)
}

/// `s7/c3/r12#2`.
pub(super) fn attempt_text(r: &RunningTrial) -> String {
    let id = r.id.unwrap_or_default();
    format!("s{}/c{}/r{}#{}", id.sweep, id.config, id.replicate, id.attempt)
}

/// Arguments of `sweeper workers`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sweeper workers --all")]
pub(super) struct WorkersArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Also those that left or were lost
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn workers(args: WorkersArgs) -> Result<Exit, Failure> {
    let workers = connect::Source::open(&args.target.target()).await?.workers(args.all).await?;
    if args.json {
        output::print_json(&workers)?;
    } else if workers.is_empty() {
        output::note("no workers; `sweeper-worker --coordinator URL` starts one");
    } else {
        let rows: Vec<Vec<String>> = workers
            .iter()
            .map(|w| {
                vec![
                    format!("w{}", w.worker),
                    w.state.clone(),
                    w.node.clone(),
                    w.device.clone(),
                    w.finished_trials.to_string(),
                    w.running.iter().map(attempt_text).collect::<Vec<_>>().join(" "),
                    output::ago(w.last_seen_ms),
                    w.software_version.clone(),
                ]
            })
            .collect();
        let header = ["worker", "state", "node", "device", "finished", "running", "last seen", "version"];
        output::print(&output::table(&header, &rows))?;
    }
    Ok(Exit::Ok)
}

/// Arguments of `sweeper cancel`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sweeper cancel s3 --reason 'wrong learning rate'\n\nFinished trials stay; a later sweep of equal content takes them over."
)]
pub(super) struct CancelArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    /// Address of the coordinator
    #[arg(long, env = "SWEEPER_COORDINATOR", value_name = "URL", default_value = connect::DEFAULT_URL)]
    coordinator: String,
    /// Recorded with the sweep
    #[arg(long, default_value = "cancelled by the user")]
    reason: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn cancel(args: CancelArgs) -> Result<Exit, Failure> {
    let mut client = connect::client(&args.coordinator).await?;
    let sweep = connect::Source::Online(client.clone()).find(&args.sweep).await?;
    let request = CancelSweepRequest { sweep: sweep.0, reason: args.reason };
    let answer = client.cancel_sweep(request).await.map_err(|s| connect::refused(&s))?.into_inner();
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::note(&match answer.cancelled {
            0 => format!("{sweep} had no open trial: there was nothing to cancel"),
            1 => format!("{sweep} cancelled: 1 open trial will not run"),
            open => format!("{sweep} cancelled: {open} open trials will not run"),
        });
    }
    Ok(Exit::Ok)
}
