//! `watch`: follows a sweep until it ends.

use super::{TargetArgs, connect, list, output, progress::Display};
use crate::error::{Exit, Failure};
use clap::Args;
use std::time::Duration;
use sweeper_proto::v1::SweepSummary;

/// Arguments of `sweeper watch`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sweeper watch latest\n\nUntil a sweep ends only counts, means and standard deviations are shown: looking at p-values while trials still run would spoil them, unless a stopping rule plans the looks."
)]
pub(super) struct WatchArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Print one JSON object at the end, nothing before
    #[arg(long)]
    json: bool,
}

pub(super) async fn watch(args: WatchArgs) -> Result<Exit, Failure> {
    let target = args.target.target();
    let mut source = connect::Source::open(&target).await?;
    let sweep = source.find(&args.sweep).await?;
    let mut display = Display::with_values(args.json);
    let interrupted = super::process::interrupted();
    tokio::pin!(interrupted);
    loop {
        let shown = source.show(sweep).await?;
        display.update(&shown);
        let summary = shown.summary.clone().unwrap_or_default();
        let unattended = target.is_unattended();
        if summary.state != "running" || unattended {
            display.finish();
            if args.json {
                output::print_json(&shown)?;
            } else {
                let counts = list::counts_text(&summary.trials.unwrap_or_default());
                output::note(format!("{counts}\n{}", list::looks_text(&shown).trim()).trim_end());
            }
            // Somebody who waits for the end must not take this for it.
            return Ok(if summary.state == "running" { Exit::Unreachable } else { ending(&summary) });
        }
        tokio::select! {
            () = &mut interrupted => {
                display.finish();
                output::note(&format!("{sweep} goes on without being watched"));
                return Ok(Exit::Interrupted);
            }
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
        if matches!(source, connect::Source::Offline(_)) {
            source = connect::Source::open(&target).await?;
        }
    }
}

/// The exit code that tells how a sweep ended.
pub(super) fn ending(summary: &SweepSummary) -> Exit {
    match (summary.state.as_str(), summary.trials.unwrap_or_default().abandoned) {
        ("cancelled", _) => Exit::Cancelled,
        (_, 1..) => Exit::Abandoned,
        _ => Exit::Ok,
    }
}
