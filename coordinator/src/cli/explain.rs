//! `explain`: why a trial is where it is.

use super::{TargetArgs, connect, output};
use crate::error::{Exit, Failure};
use clap::Args;
use sweeper_core::ids::TrialId;
use sweeper_proto::v1::ExplainTrialResponse;

/// Arguments of `sweeper explain`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sweeper explain s1/c3/r7")]
pub(super) struct ExplainArgs {
    /// A trial, e.g. `s1/c3/r7`
    trial: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn explain(args: ExplainArgs) -> Result<Exit, Failure> {
    let text = args.trial.split('#').next().unwrap_or_default();
    let trial: TrialId = text.parse().map_err(|e| Failure::new(Exit::Usage, e))?;
    let answer = connect::Source::open(&args.target.target()).await?.explain(trial).await?;
    if args.json {
        output::print_json(&answer)?;
    } else {
        output::print(&explanation(trial, &answer))?;
    }
    Ok(Exit::Ok)
}

fn explanation(trial: TrialId, answer: &ExplainTrialResponse) -> String {
    let digest: String = answer.recipe_digest.chars().take(12).collect();
    let mut text = format!(
        "{trial} ({}), seed {}, recipe {digest}\n{}: {}\n",
        answer.config_name, answer.seed, answer.state, answer.why
    );
    if answer.attempts.is_empty() {
        return text;
    }
    let rows: Vec<Vec<String>> = answer
        .attempts
        .iter()
        .map(|a| {
            let end = if a.ended_ms == 0 { output::now_ms() } else { a.ended_ms };
            vec![
                format!("#{}", a.attempt),
                format!("w{}", a.worker),
                format!("{} {}", a.node, a.device),
                output::ago(a.granted_ms),
                output::duration(end.saturating_sub(a.granted_ms)),
                a.end.clone(),
                a.error.lines().next().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&output::table(&["attempt", "worker", "device", "leased", "for", "end", "error"], &rows));
    if let Some(failed) = answer.attempts.iter().rev().find(|a| !a.log_tail.is_empty()) {
        text.push_str(&format!("\nlast log lines of attempt #{}:\n{}\n", failed.attempt, failed.log_tail.trim_end()));
    }
    text
}
