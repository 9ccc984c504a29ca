//! `report` and `export`: what a sweep found.

use super::{TargetArgs, connect, output};
use crate::{
    error::{Exit, Failure},
    report as reports,
    results::SweepResults,
};
use clap::{Args, ValueEnum};
use std::{io::IsTerminal as _, path::Path, path::PathBuf};

/// Arguments of `sweeper report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper report latest --out report\n  sweeper report apriori-demo --state out/apriori-demo --json"
)]
pub(super) struct ReportArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Folder to write report.html, report.md, report.json, results.csv and trials.csv to [default: out/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the analysis as JSON, write no files
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(super) async fn report(args: ReportArgs) -> Result<Exit, Failure> {
    let mut source = connect::Source::open(&args.target.target()).await?;
    let sweep = source.find(&args.sweep).await?;
    let results = source.results(sweep).await?;
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

/// Arguments of `sweeper export`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sweeper export latest --format csv > results.csv")]
pub(super) struct ExportArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    #[command(flatten)]
    target: TargetArgs,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Observations, one value a line
    Csv,
    /// Attempts, one a line: workers, devices, times
    TrialsCsv,
    /// Everything
    Json,
}

pub(super) async fn export(args: ExportArgs) -> Result<Exit, Failure> {
    let mut source = connect::Source::open(&args.target.target()).await?;
    let sweep = source.find(&args.sweep).await?;
    let results = source.results(sweep).await?;
    match if args.json { Format::Json } else { args.format } {
        Format::Csv => output::print(&reports::render::results_csv(&results)?)?,
        Format::TrialsCsv => output::print(&reports::render::trials_csv(&results)?)?,
        Format::Json => output::print_json(&results)?,
    }
    Ok(Exit::Ok)
}
