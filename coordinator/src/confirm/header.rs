//! What a confirming sweep file says of itself: from what, why, which configs.

use super::Choice;
use crate::results::SweepResults;
use std::{collections::BTreeSet, fmt::Write as _};
use sweeper_core::spec::SweepSpec;

/// Width of the lines.
const WIDTH: usize = 110;

/// Configs that are listed; of more it is said how many.
const MOST_LISTED: usize = 50;

/// Comment lines for the top of the file.
pub(super) fn header(results: &SweepResults, chosen: &Choice, new: &SweepSpec, notes: &[String]) -> String {
    let old = &results.spec;
    let configs: BTreeSet<&str> = old.configs.iter().map(|c| c.name.as_str()).collect();
    let (baseline, name) = (&old.analysis.baseline, &old.name);
    let mut text = String::new();
    let mut paragraph = |words: &str| text.push_str(&wrapped(words));
    paragraph(&format!(
        "Made by `sweeper confirm` from sweep `{name}` ({}, plan {}): its best configs once more, on fresh seeds.",
        results.sweep, old.plan_digest
    ));
    paragraph(&format!(
        "Why: the best of many configs looks better than it is, since it was chosen for its numbers. The report of this \
         sweep counts its own trainings only: its seeds are not those of `{name}`, so no outcome is taken over from there."
    ));
    let besides = if baseline.is_empty() || chosen.best.contains(baseline) { "" } else { ", and the baseline" };
    paragraph(&format!("Configs: {}{besides}; {} of {}:", chosen.how, chosen.kept.len(), configs.len()));
    let mut listed: Vec<&str> = Vec::new();
    for config in &new.configs {
        if new.configs.first().is_some_and(|first| first.stratum == config.stratum) {
            listed.push(&config.name);
        }
    }
    for config in listed.iter().take(MOST_LISTED) {
        let role = if config == baseline { " (baseline)" } else { "" };
        // Ends of lines would end the comment.
        let shown: String = config.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let _ = writeln!(text, "#   {shown}{role}");
    }
    if listed.len() > MOST_LISTED {
        let _ = writeln!(text, "#   and {} more", listed.len() - MOST_LISTED);
    }
    for note in notes {
        text.push_str(&wrapped(&format!("Note: {note}.")));
    }
    text
}

/// Words as comment lines.
fn wrapped(words: &str) -> String {
    let mut text = String::new();
    let mut used = 0;
    for word in words.split_whitespace() {
        let width = word.chars().count();
        if used > 0 && used + 1 + width <= WIDTH {
            text.push(' ');
            used += 1 + width;
        } else {
            text.push_str(if text.is_empty() { "# " } else { "\n# " });
            used = 2 + width;
        }
        text.push_str(word);
    }
    text.push('\n');
    text
}
