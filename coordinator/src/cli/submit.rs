//! `submit`: a sweep file to a coordinator.

use super::{connect, output, plan_text};
use crate::{
    error::{Exit, Failure},
    feasibility::feasibility,
    sweep_file,
};
use clap::Args;
use std::path::PathBuf;
use sweeper_core::spec::SweepSpec;
use sweeper_proto::v1::SubmitRequest;

/// The sweep file and what overrides it.
#[derive(Debug, Clone, Args)]
pub(super) struct FileArgs {
    /// The sweep file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Override one value of the file, e.g. `recipe.epochs=5`; recorded with the sweep
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
}

/// A sweep file that was read and checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) text: String,
    pub(super) file_name: String,
    pub(super) spec: SweepSpec,
    /// What is allowed and yet worth a word, e.g. configs that the primary metric cannot compare, or a design that can show
    /// nothing.
    pub(super) notes: Vec<String>,
}

impl Checked {
    pub(super) fn print_notes(&self) {
        for text in &self.notes {
            output::note(&format!("note: {text}"));
        }
    }
}

impl FileArgs {
    /// Reads and checks the file.
    pub(super) fn read(&self) -> Result<Checked, Failure> {
        let file_name = self.file.display().to_string();
        let text = sweep_file::read_text(&self.file)?;
        let (spec, mut notes) = sweep_file::parse_with_warnings(&text, &file_name, &self.overrides)?;
        notes.extend(feasibility(&spec, |_| None).iter().filter_map(plan_text::warning));
        Ok(Checked { text, file_name, spec, notes })
    }

    pub(super) fn request(&self, checked: &Checked, reuse: bool, supersede: bool) -> SubmitRequest {
        SubmitRequest {
            toml: checked.text.clone(),
            overrides: self.overrides.clone(),
            file_name: checked.file_name.clone(),
            reuse,
            supersede,
        }
    }
}

/// Arguments of `sweeper submit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sweeper submit sweep.toml --set replicates=8\n\nTrials that an earlier sweep finished with equal recipe, seed and data are taken over, not run again."
)]
pub(super) struct SubmitArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Address of the coordinator
    #[arg(long, env = "SWEEPER_COORDINATOR", value_name = "URL", default_value = connect::DEFAULT_URL)]
    coordinator: String,
    /// Run every trial, even where an earlier sweep finished an equal one
    #[arg(long)]
    no_reuse: bool,
    /// Cancel an unfinished sweep of the same name and other content
    #[arg(long)]
    supersede: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn submit(args: SubmitArgs) -> Result<Exit, Failure> {
    let checked = args.file.read()?;
    let mut client = connect::client(&args.coordinator).await?;
    let request = args.file.request(&checked, !args.no_reuse, args.supersede);
    let answer = client.submit(request).await.map_err(|s| connect::refused(&s))?.into_inner();
    if args.json {
        output::print_json(&answer)?;
    } else {
        checked.print_notes();
        let known = if answer.created { "" } else { " (already there, nothing new was stored)" };
        output::note(&format!(
            "s{} {}: {} trials, {} finished already{known}\nfollow it with `sweeper watch s{}`",
            answer.sweep, checked.spec.name, answer.trials, answer.finished, answer.sweep
        ));
    }
    Ok(Exit::Ok)
}
