//! `confirm`: the best configs of a sweep once more, as a sweep file with fresh seeds.

use super::{TargetArgs, connect, output, plan_text};
use crate::{
    confirm::{Confirmation, Request, confirm as confirming},
    error::{Exit, Failure},
    feasibility::feasibility,
    report::analyze,
};
use clap::Args;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Arguments of `sweeper confirm`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper confirm latest\n  sweeper confirm apriori-demo --state out/apriori-demo --top 3 --replicates 30\n  sweeper confirm s3 --out - > again.toml\n\nThe best of many configs looks better than it is. The new file keeps recipe, strata, plan and baseline of the sweep, and of its other configs the best; its report counts fresh trainings only. The same sweep gets the same new seed every time."
)]
pub(super) struct ConfirmArgs {
    /// `s3`, the name of a sweep (its latest), or `latest`
    sweep: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Take so many configs of every stratum, by their mean on the primary metric [default: all that were not shown to be
    /// worse than the best; 3 where that is not known]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    top: Option<u16>,
    /// Replicates of every config in every stratum [default: as in the sweep]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replicates: Option<u32>,
    /// Seed of the new sweep [default: one that follows from the sweep's seed and content]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// File to write, or `-` for standard output; a file that is there is never overwritten [default: NAME-confirm.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn confirm(args: ConfirmArgs) -> Result<Exit, Failure> {
    let mut source = connect::Source::open(&args.target.target()).await?;
    let sweep = source.find(&args.sweep).await?;
    let results = source.results(sweep).await?;
    let request = Request { top: args.top.map(usize::from), replicates: args.replicates, seed: args.seed };
    let made = confirming(&results, &analyze(&results)?, request)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from(format!("{}.toml", made.spec.name)));
    let printed = out.as_os_str() == "-";
    if printed {
        output::print(&made.spec.toml)?;
    } else {
        write_new(&out, &made.spec.toml)?;
    }
    let warnings = feasibility(&made.spec, |_| None);
    let warnings = warnings.iter().filter_map(plan_text::warning);
    made.notes.iter().cloned().chain(warnings).for_each(|text| output::note(&format!("note: {text}")));
    output::note(&summary(&made, (!printed).then_some(&out)));
    Ok(Exit::Ok)
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    let mut file = fs::File::options().write(true).create_new(true).open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Failure::new(Exit::NotWritable, format!("{shown} is there already, and is not overwritten"))
                .hint("--out FILE names another, --out - prints to standard output; or move the old one away");
        }
        Failure::new(Exit::NotWritable, format!("cannot write {shown}: {error}"))
            .hint("--out FILE names another place, --out - prints to standard output")
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a file is no sweep. If it cannot be removed either, the message still names it.
        let _ = fs::remove_file(path);
        Failure::new(Exit::NotWritable, format!("cannot write {shown}: {error}"))
            .hint("make room, or take another place")
    })
}

fn summary(made: &Confirmation, written: Option<&PathBuf>) -> String {
    let spec = &made.spec;
    let trials: u64 = spec.configs.iter().map(|c| u64::from(c.replicates)).sum();
    let best: Vec<String> = made.best.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = made.best.len() - best.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = format!("{} again: {}{more}; {trials} trainings on fresh seeds", spec.name, best.join(", "));
    match written {
        Some(path) => format!("{what}\nwritten to {0}; run it with `sweeper run {0}`", path.display()),
        None => what,
    }
}
