//! `report`: what a sweep found, or what a file of earlier results says.

use super::{TargetArgs, connect, judge::JudgeArgs, output};
use crate::{
    error::{Exit, Failure},
    imports,
    predictions::Predictions,
    report as reports,
    results::SweepResults,
};
use clap::Args;
use std::{io::IsTerminal as _, path::Path, path::PathBuf};

/// Arguments of `sweeper report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper report latest --out report\n  sweeper report apriori-demo --state out/apriori-demo --json\n  sweeper report --from 600-runs.csv --baseline ub\n  sweeper report --from-summary table.csv --baseline plain --delta 0.5"
)]
pub(super) struct ReportArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    #[arg(required_unless_present_any = ["from", "from_summary"])]
    sweep: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Report on a CSV file of single trainings instead: `results.csv`, or the layout of `export --layout apriori`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "state", "from_summary"])]
    from: Option<PathBuf>,
    /// Report on a published table instead: CSV with the columns config, metric, mean, sd, n, and if need be stratum,
    /// ddof (1, or 0 for an SD with divisor n) and factors
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "state"])]
    from_summary: Option<PathBuf>,
    #[command(flatten)]
    judge: JudgeArgs,
    /// Folder to write report.html, report.md, report.json, results.csv and trials.csv to [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the analysis as JSON, write no files
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(super) async fn report(args: ReportArgs) -> Result<Exit, Failure> {
    let wanted = args.judge.wanted();
    if args.judge.is_any() && args.from.is_none() && args.from_summary.is_none() {
        return Err(Failure::new(Exit::Usage, "a sweep is judged by the plan in its own file, not by options")
            .hint("--from and --from-summary take them; for a sweep, edit [analysis] and run it again: what is finished is kept"));
    }
    if let Some(file) = &args.from_summary {
        let summary = imports::read_summary(file, &wanted)?;
        let analysis = reports::analyze_summary(&summary)?;
        let out = args.out.unwrap_or_else(|| Path::new("out").join(&summary.name));
        finish(&analysis, None, &out, args.json)?;
        return Ok(Exit::Ok);
    }
    let (results, predictions) = match &args.from {
        Some(file) => (imports::read(file, &wanted)?, Predictions::default()),
        None => {
            let mut source = connect::Source::open(&args.target.target()).await?;
            let sweep = source.find(args.sweep.as_deref().unwrap_or_default()).await?;
            (source.results(sweep).await?, source.all_predictions(sweep).await?)
        }
    };
    let out = args.out.unwrap_or_else(|| Path::new("out").join(&results.spec.name));
    finish(&reports::analyze_with(&results, &predictions)?, Some(&results), &out, args.json)?;
    Ok(Exit::Ok)
}

/// Prints the analysis as JSON, or writes every format and prints the summary.
pub(super) fn finish(
    analysis: &reports::Analysis,
    results: Option<&SweepResults>,
    out: &Path,
    json: bool,
) -> Result<(), Failure> {
    if json {
        return output::print(&reports::render::json(analysis)?);
    }
    let written = reports::write_all(out, results, analysis)?;
    let color = std::io::stdout().is_terminal();
    output::print(&reports::render::terminal(analysis, color))?;
    output::print(&format!("\nreport: {}\n", written.html.display()))
}

/// Analyses, writes every format, and prints the summary (or the analysis as JSON).
pub(super) fn write(results: &SweepResults, predictions: &Predictions, out: &Path, json: bool) -> Result<(), Failure> {
    let analysis = reports::analyze_with(results, predictions)?;
    let written = reports::write_all(out, Some(results), &analysis)?;
    if json {
        return output::print(&reports::render::json(&analysis)?);
    }
    let color = std::io::stdout().is_terminal();
    output::print(&reports::render::terminal(&analysis, color))?;
    output::print(&format!("\nreport: {}\n", written.html.display()))
}
