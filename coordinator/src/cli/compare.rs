//! `compare`: what changed between two sweeps.

use super::{TargetArgs, connect, report};
use crate::{
    error::{Exit, Failure},
    matched, report as reports,
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `sweeper compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every config of SECOND is compared with the one of the same name of FIRST, by the plan of FIRST.\n\nExamples:\n  sweeper compare s3 s7\n  sweeper compare before after --state out/before --other-state out/after --out comparison"
)]
pub(super) struct CompareArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`: what is compared with
    #[arg(value_name = "FIRST")]
    first: String,
    /// The sweep whose configs are compared with it
    #[arg(value_name = "SECOND")]
    second: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Where SECOND is, if in another state directory
    #[arg(long, value_name = "DIR")]
    other_state: Option<PathBuf>,
    /// Folder to write the report to [default: out/SECOND-v-FIRST]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the analysis as JSON, write no files
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(super) async fn compare(args: CompareArgs) -> Result<Exit, Failure> {
    let target = args.target.target();
    let mut source = connect::Source::open(&target).await?;
    let found = source.find(&args.first).await?;
    let (first, first_bits) = (source.results(found).await?, source.all_predictions(found).await?);
    let (second, second_bits) = match &args.other_state {
        Some(dir) => {
            let mut other = connect::Source::open(&connect::Target::State(dir.clone())).await?;
            let found = other.find(&args.second).await?;
            (other.results(found).await?, other.all_predictions(found).await?)
        }
        None => {
            let found = source.find(&args.second).await?;
            (source.results(found).await?, source.all_predictions(found).await?)
        }
    };
    let both = matched::matched(&first, &second)?;
    let bits = matched::matched_predictions((&first, first_bits), (&second, second_bits));
    let out = args.out.unwrap_or_else(|| Path::new("out").join(&both.spec.name));
    let input = reports::Input::with_predictions(&both, &bits);
    report::finish(&input.analyze()?, &input, &out, args.json)?;
    Ok(Exit::Ok)
}
