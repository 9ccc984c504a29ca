//! What tuning took before the sweep: part of the plan, and of what a reader should mistrust.

use super::{Block, Cell, Column, Row, Table};
use crate::report::{Analysis, MoreTuned, wording::display_name};

/// Configs that the audit names one by one.
const MOST_NAMED: usize = 10;

/// The line of the plan.
pub(super) fn fact(analysis: &Analysis) -> Cell {
    match analysis.plan.tuning.is_empty() {
        true => Cell::missing("not declared"),
        false => Cell::text("declared, see the table below"),
    }
}

/// Every declared budget; none where nothing was declared.
pub(super) fn table(analysis: &Analysis) -> Option<Block> {
    let plan = &analysis.plan;
    if plan.tuning.is_empty() {
        return None;
    }
    let rows = plan.tuning.iter().map(|tuned| Row {
        marked: tuned.config == plan.baseline,
        cells: vec![
            Cell::name(display_name(&tuned.config)),
            Cell::number(tuned.trainings.to_string(), [f64::from(tuned.trainings)]),
        ],
    });
    Some(Block::Table(Table {
        id: "tuning".to_owned(),
        title: "Tuning before this sweep".to_owned(),
        note:
            "Trainings that were spent on tuning each config before the first training of this sweep, by what the plan \
               declares; nothing else is known of them."
                .to_owned(),
        columns: vec![Column::text("config"), Column::number("trainings")],
        rows: rows.collect(),
    }))
}

/// Sentences of the audit: who was tuned more than what it is compared with.
pub(super) fn findings(analysis: &Analysis) -> Vec<String> {
    let more = &analysis.audit.more_tuned;
    let mut lines: Vec<String> = more.iter().take(MOST_NAMED).map(|found| sentence(analysis, found)).collect();
    if more.len() > MOST_NAMED {
        let (rest, verb) =
            (more.len() - MOST_NAMED, if more.len() - MOST_NAMED == 1 { "config was" } else { "configs were" });
        lines.push(format!("{rest} more {verb} tuned with more trainings as well; the plan lists all budgets."));
    }
    lines
}

fn sentence(analysis: &Analysis, found: &MoreTuned) -> String {
    let MoreTuned { config, trainings, reference, reference_trainings } = found;
    let role = if *reference == analysis.plan.baseline { "the baseline " } else { "" };
    let other = format!("{role}“{}”", display_name(reference));
    let noun = if *trainings == 1 { "training" } else { "trainings" };
    let rest = match reference_trainings {
        Some(spent) => format!("{other} with {spent}"),
        None => format!("and for {other} no number was declared"),
    };
    format!(
        "“{}” was tuned with {trainings} {noun} before this sweep, {rest}: part of the difference may be tuning.",
        display_name(config)
    )
}
