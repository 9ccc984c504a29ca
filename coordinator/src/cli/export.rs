//! `export`: what was recorded, for other programs.

use super::{TargetArgs, connect, output};
use crate::{
    apriori,
    error::{Exit, Failure},
    report::render::{self, Predicted},
    results::SweepResults,
};
use clap::{Args, ValueEnum};
use sweeper_core::ids::SweepId;
use sweeper_proto::v1::FetchPredictionsResponse;

/// Arguments of `sweeper export`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper export latest --format csv > results.csv\n  sweeper export latest --epochs > curves.csv\n  sweeper export apriori-demo --state out/apriori-demo --layout apriori > apriori.csv"
)]
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
    /// Print every number of every epoch as CSV, times and diverged trainings included
    #[arg(long, conflicts_with_all = ["format", "json"])]
    epochs: bool,
    /// Print as CSV which validation images each training had right (needs `evaluate.predictions` in the recipe)
    #[arg(long, conflicts_with_all = ["format", "json", "epochs"])]
    predictions: bool,
    /// Print one row per training in the layout of an earlier study
    #[arg(long, value_enum, conflicts_with_all = ["format", "json", "epochs", "predictions"])]
    layout: Option<Layout>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Configs as flags, accuracies in percent; `report --from` reads it
    Apriori,
}

pub(super) async fn export(args: ExportArgs) -> Result<Exit, Failure> {
    let mut source = connect::Source::open(&args.target.target()).await?;
    let sweep = source.find(&args.sweep).await?;
    let results = source.results(sweep).await?;
    if args.epochs {
        output::print(&render::epochs_csv(&results)?)?;
    } else if args.predictions {
        predictions(&mut source, sweep, &results).await?;
    } else if let Some(Layout::Apriori) = args.layout {
        let written = apriori::write(&results)?;
        written.notes.iter().for_each(|note| output::note(&format!("note: {note}")));
        output::print(&written.csv)?;
    } else {
        match if args.json { Format::Json } else { args.format } {
            Format::Csv => output::print(&render::results_csv(&results)?)?,
            Format::TrialsCsv => output::print(&render::trials_csv(&results)?)?,
            Format::Json => output::print_json(&results)?,
        }
    }
    Ok(Exit::Ok)
}

/// Page by page, for a sweep may have more of them than fits into memory.
async fn predictions(source: &mut connect::Source, sweep: SweepId, results: &SweepResults) -> Result<(), Failure> {
    let (mut from, mut any) = ((0, 0), false);
    loop {
        let FetchPredictionsResponse { trials, more } = source.predictions(sweep, from).await?;
        let predicted = trials.iter().flat_map(|trial| {
            trial.predictions.iter().map(|p| Predicted {
                config: trial.config,
                replicate: trial.replicate,
                split: &p.split,
                rows: p.rows,
                correct: &p.correct,
            })
        });
        if !trials.is_empty() {
            output::print(&render::predictions_csv(results, predicted, !any)?)?;
            any = true;
        }
        match trials.last() {
            Some(last) if more => from = (last.config, last.replicate.saturating_add(1)),
            _ => break,
        }
    }
    if any {
        return Ok(());
    }
    let message = format!("sweep `{}` has no predictions", results.spec.name);
    Err(Failure::new(Exit::NotFound, message).hint(
        "they are recorded by trainings with `evaluate.predictions = true` in their recipe, and exist once one has finished",
    ))
}
