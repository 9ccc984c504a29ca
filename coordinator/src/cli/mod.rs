//! Command-line definitions, one file per command. Data go to standard output, messages to standard error.
//!
//! `connect` finds the coordinator or an unattended state directory · `output` tables, JSON, times · `progress` live
//! lines of `run` and `watch` · `process` local workers and signals · the rest is a command each.

mod compare;
mod confirm;
mod connect;
mod explain;
mod export;
mod judge;
mod list;
mod output;
mod plan;
mod plan_text;
mod process;
mod progress;
mod report;
mod run;
mod serve;
mod simulate;
mod submit;
mod watch;

#[cfg(test)]
mod tests;

use crate::error::{Exit, Failure};
use clap::{Args, Parser, Subcommand};
use connect::Target;
use std::{path::PathBuf, process::ExitCode};

const AFTER_HELP: &str = "\
Examples:
  sweeper run deploy/sweeps/synthetic.toml --devices cpu:2
  sweeper serve --state state && sweeper submit sweep.toml && sweeper watch latest

Exit codes: 0 done, 2 wrong command line, 10-16 sweep file, 20-22 data, 23 report, 30-35 address, folder or store,
40-44 coordinator, names or workers, 50 trials abandoned, 51 cancelled, 130 interrupted.
docs/exit-codes.md lists them all.";

/// Runs replicate x config grids of trainings and says which configs really differ.
#[derive(Debug, Parser)]
#[command(name = "sweeper", version, about, after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sweep on this machine: coordinator, workers and report in one command
    Run(run::RunArgs),
    /// Start a coordinator and wait for sweeps and workers
    Serve(serve::ServeArgs),
    /// Hand a sweep to a coordinator
    Submit(submit::SubmitArgs),
    /// Show what a sweep file would do, without doing it
    Plan(plan::PlanArgs),
    /// Say what the design of a sweep file does in the long run: error rate, power, trials saved
    Simulate(simulate::SimulateArgs),
    /// List sweeps
    Ls(list::LsArgs),
    /// Show a sweep: its configs, counts and running trials
    Show(list::ShowArgs),
    /// Follow a sweep until it ends
    Watch(watch::WatchArgs),
    /// Cancel a sweep
    Cancel(list::CancelArgs),
    /// List workers
    Workers(list::WorkersArgs),
    /// Write the significance report of a sweep
    Report(report::ReportArgs),
    /// Compare two sweeps config by config: what did a change between them do?
    Compare(compare::CompareArgs),
    /// Write a sweep file that trains the best configs of a sweep again, on fresh seeds
    Confirm(confirm::ConfirmArgs),
    /// Print what a sweep recorded: observations, epochs, predictions, everything as JSON
    Export(export::ExportArgs),
    /// Say why a trial is where it is
    Explain(explain::ExplainArgs),
}

/// Where to find sweeps.
#[derive(Debug, Clone, Args)]
struct TargetArgs {
    /// Address of the coordinator
    #[arg(long, env = "SWEEPER_COORDINATOR", value_name = "URL", default_value = connect::DEFAULT_URL)]
    coordinator: String,
    /// Read a state directory instead of asking a coordinator (the folder given to `serve --state`, or the `--out`
    /// folder of `run`)
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl TargetArgs {
    /// The state directory if one is given: a coordinator may also come from the environment.
    fn target(&self) -> Target {
        match &self.state {
            Some(dir) => Target::State(dir.clone()),
            None => Target::Url(self.coordinator.clone()),
        }
    }
}

/// Parses the command line, does what it says, and answers with the exit code.
#[must_use]
pub fn main() -> ExitCode {
    report_panics_in_one_line();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            // Nothing is left to do if even the help text cannot be printed.
            let _ = error.print();
            return ExitCode::from(code as u8);
        }
    };
    match dispatch(cli.command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            output::error(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// A defect of ours is one line that asks for a report, not a backtrace.
fn report_panics_in_one_line() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown");
        anstream::eprintln!("error: a defect in sweeper{place}: {what}\n  hint: please report it with this line");
    }));
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("cannot start the runtime: {e}")))?;
    let result = runtime.block_on(async {
        match command {
            Command::Run(args) => run::run(args).await,
            Command::Serve(args) => serve::serve(args).await,
            Command::Submit(args) => submit::submit(args).await,
            Command::Plan(args) => plan::plan(args).await,
            Command::Simulate(args) => simulate::simulate(args).await,
            Command::Ls(args) => list::ls(args).await,
            Command::Show(args) => list::show(args).await,
            Command::Watch(args) => watch::watch(args).await,
            Command::Cancel(args) => list::cancel(args).await,
            Command::Workers(args) => list::workers(args).await,
            Command::Report(args) => report::report(args).await,
            Command::Compare(args) => compare::compare(args).await,
            Command::Confirm(args) => confirm::confirm(args).await,
            Command::Export(args) => export::export(args).await,
            Command::Explain(args) => explain::explain(args).await,
        }
    });
    // A read of standard input or a long poll still under way must not hold the exit.
    runtime.shutdown_background();
    result
}
