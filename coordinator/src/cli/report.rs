//! `report`: what a sweep found, or what a file of earlier results says.

use super::{TargetArgs, connect, output};
use crate::{
    apriori,
    error::{Exit, Failure},
    report as reports,
    results::SweepResults,
};
use clap::Args;
use std::{io::IsTerminal as _, path::Path, path::PathBuf};

/// Arguments of `sweeper report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper report latest --out report\n  sweeper report apriori-demo --state out/apriori-demo --json\n  sweeper report --from 600-runs.csv --baseline ub"
)]
pub(super) struct ReportArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    #[arg(required_unless_present = "from")]
    sweep: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Report on a CSV file instead, in the layout of `export --layout apriori`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "state"])]
    from: Option<PathBuf>,
    /// With --from: the config to compare with [default: ub, unbalanced data and nothing else]
    #[arg(long, value_name = "NAME", requires = "from")]
    baseline: Option<String>,
    /// With --from: the metric that decides [default: accuracy/balanced]
    #[arg(long, value_name = "METRIC", requires = "from")]
    metric: Option<String>,
    /// Folder to write report.html, report.md, report.json, results.csv and trials.csv to [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the analysis as JSON, write no files
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(super) async fn report(args: ReportArgs) -> Result<Exit, Failure> {
    let results = match &args.from {
        Some(file) => apriori::read(file, &apriori::Wanted { baseline: args.baseline, metric: args.metric })?,
        None => {
            let mut source = connect::Source::open(&args.target.target()).await?;
            let sweep = source.find(args.sweep.as_deref().unwrap_or_default()).await?;
            source.results(sweep).await?
        }
    };
    if args.json {
        output::print(&reports::render::json(&reports::analyze(&results)?)?)?;
        return Ok(Exit::Ok);
    }
    let out = args.out.unwrap_or_else(|| Path::new("out").join(&results.spec.name));
    write(&results, &out, false)?;
    Ok(Exit::Ok)
}

/// Analyses, writes every format, and prints the summary (or the analysis as JSON).
pub(super) fn write(results: &SweepResults, out: &Path, json: bool) -> Result<(), Failure> {
    let analysis = reports::analyze(results)?;
    let written = reports::write_all(out, results, &analysis)?;
    if json {
        return output::print(&reports::render::json(&analysis)?);
    }
    let color = std::io::stdout().is_terminal();
    output::print(&reports::render::terminal(&analysis, color))?;
    output::print(&format!("\nreport: {}\n", written.html.display()))
}
