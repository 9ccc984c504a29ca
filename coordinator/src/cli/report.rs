//! `report`: what a sweep found, or what a file of earlier results says.

use super::{TargetArgs, connect, judge::JudgeArgs, output};
use crate::{
    error::{Exit, Failure},
    imports::{self, Clusters, LayoutError},
    predictions::Predictions,
    report::{self as reports, Input, replay},
    results::SweepResults,
};
use clap::Args;
use std::{io::IsTerminal as _, path::Path, path::PathBuf};

/// Arguments of `sweeper report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper report latest --out report\n  sweeper report apriori-demo --state out/apriori-demo --json\n  sweeper report latest --clusters videos.csv\n  sweeper report --from 600-runs.csv --baseline ub\n  sweeper report --from-summary table.csv --baseline plain --delta 0.5\n  sweeper report --verify out/apriori-demo\n\nOf a sweep that still runs there are counts, means and standard deviations; p-values wait for the end of its plan, or for its next planned look."
)]
pub(super) struct ReportArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    #[arg(required_unless_present_any = ["from", "from_summary", "verify"])]
    sweep: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Report on a CSV file of single trainings instead: `results.csv`; or config, replicate and a column for each metric;
    /// or the layout of `export --layout apriori`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "state", "from_summary"])]
    from: Option<PathBuf>,
    /// Report on a published table instead: CSV with the columns config, metric, mean, sd, n, and if need be stratum,
    /// ddof (1, or 0 for an SD with divisor n) and factors
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "state"])]
    from_summary: Option<PathBuf>,
    /// Compute an earlier report again from its own data, and fail if any number differs; the folder of the report, or its
    /// report.json
    #[arg(long, value_name = "PATH", conflicts_with_all = ["sweep", "state", "from", "from_summary", "out"])]
    verify: Option<PathBuf>,
    /// Validation images come in clusters, such as frames of one video: CSV with the columns image (numbered as in `export
    /// --predictions`) and cluster, and if need be split. Errors for new images then count clusters
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "from_summary", "verify"])]
    clusters: Option<PathBuf>,
    #[command(flatten)]
    judge: JudgeArgs,
    /// Folder to write the report to: report.html, .md, .tex, .csv and .json, its figures, references.bib, results.csv,
    /// trials.csv, and input.json, from which it can be computed again [default: out/NAME]
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
    if let Some((what, hint)) = args.judge.conflict() {
        return Err(Failure::new(Exit::Usage, what).hint(hint));
    }
    if let Some(path) = &args.verify {
        return verify(path, args.json);
    }
    if let Some(file) = &args.from_summary {
        if args.judge.is_paired() {
            return Err(Failure::new(Exit::Usage, "--paired needs single trainings, and a published table has none")
                .hint("leave it out, or give the values of the trainings with --from"));
        }
        if args.judge.ranks_lost() {
            return Err(Failure::new(Exit::Usage, "--missing needs single trainings, and a published table has none")
                .hint("leave it out, or give the values of the trainings with --from"));
        }
        let summary = imports::read_summary(file, &wanted)?;
        let analysis = reports::analyze_summary(&summary)?;
        let out = args.out.unwrap_or_else(|| Path::new("out").join(&summary.name));
        finish(&analysis, &Input::of_table(&summary), &out, args.json)?;
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
    let clusters = match &args.clusters {
        Some(file) => Some(clusters(file, &results, &predictions)?),
        None => None,
    };
    let input = Input::with_predictions(&results, &predictions).clustered(clusters.as_ref());
    finish(&input.analyze()?, &input, &out, args.json)?;
    Ok(Exit::Ok)
}

/// Clusters of the images that the report is about.
pub(super) fn clusters(file: &Path, results: &SweepResults, predictions: &Predictions) -> Result<Clusters, Failure> {
    let images = reports::image_set(results, predictions)?;
    imports::read_clusters(file, &images).map_err(|error| match &error {
        LayoutError::Unreadable { .. } => Failure::from(error),
        _ => Failure::from(error).hint(
            "a row names one image, as in `0,video 7` under the first line `image,cluster`; `sweeper export SWEEP --predictions` \
             numbers the images",
        ),
    })
}

/// Computes a report again, and says what differs.
fn verify(path: &Path, json: bool) -> Result<Exit, Failure> {
    let found = replay::verify(path)?;
    if json {
        output::print_json(&found)?;
    } else if found.holds() {
        let (numbers, files) = (found.numbers, found.files);
        output::print(&format!(
            "{}: all {numbers} numbers follow from input.json (SHA-256 {}), and {files} other files from them\n",
            found.report.display(),
            found.input_found
        ))?;
    }
    let version = found.is_of_another_version().then(|| {
        let made_by = if found.made_by.is_empty() { "another version" } else { found.made_by.as_str() };
        format!("the report was made by sweeper {made_by}, and this is {}", found.recomputed_by)
    });
    if found.holds() {
        version.iter().for_each(|text| output::note(&format!("note: {text}; its numbers are the same")));
        return Ok(Exit::Ok);
    }
    Err(Failure::new(Exit::ReportDiffers, differs(&found)).hint(match version {
        Some(version) => format!("{version}: compute it with that version before you call it wrong"),
        None => "somebody changed the report or its input.json, or another build of this version made it (compilers round the \
                 last digit differently); `sweeper report` writes it anew from the sweep"
            .to_owned(),
    }))
}

fn differs(found: &replay::Verification) -> String {
    let mut text = format!("{} does not follow from its data", found.report.display());
    if found.input_named != found.input_found {
        text.push_str(&format!(
            "\n  input.json is not what the report was made from: its SHA-256 is {}, the report names {}",
            found.input_found,
            if found.input_named.is_empty() { "none" } else { &found.input_named }
        ));
    }
    for difference in &found.differences {
        let replay::Difference { place, file, recomputed } = difference;
        text.push_str(&format!("\n  {place}: the file says {file}, its data give {recomputed}"));
    }
    match found.differing - found.differences.len() {
        0 => {}
        more => text.push_str(&format!("\n  and {more} more")),
    }
    text
}

/// Prints the analysis as JSON, or writes every format and prints the summary.
pub(super) fn finish(analysis: &reports::Analysis, input: &Input<'_>, out: &Path, json: bool) -> Result<(), Failure> {
    if json {
        return output::print(&reports::render::json(analysis)?);
    }
    let written = reports::write_all(out, input, analysis)?;
    let color = std::io::stdout().is_terminal();
    output::print(&reports::render::terminal(analysis, color))?;
    output::print(&format!("\nreport: {}\n", written.html.display()))
}

/// Analyses, writes every format, and prints the summary (or the analysis as JSON).
pub(super) fn write(results: &SweepResults, predictions: &Predictions, out: &Path, json: bool) -> Result<(), Failure> {
    let input = Input::with_predictions(results, predictions);
    let analysis = input.analyze()?;
    let written = reports::write_all(out, &input, &analysis)?;
    if json {
        return output::print(&reports::render::json(&analysis)?);
    }
    let color = std::io::stdout().is_terminal();
    output::print(&reports::render::terminal(&analysis, color))?;
    output::print(&format!("\nreport: {}\n", written.html.display()))
}
