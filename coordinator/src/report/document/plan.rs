//! What was planned, and whether it was planned before the data.

use super::{Block, Cell, Column, Row, Section, Table, tuning};
use crate::report::{
    Analysis, PlanStatus, number,
    text::correction_name,
    wording::{self, display_name},
};
use sweeper_core::spec::{FamilyKind, Missing};

/// The plan as a table, folded: it is needed rarely, and must be there.
pub(super) fn section(analysis: &Analysis) -> Section {
    let (plan, planning) = (&analysis.plan, &analysis.planning);
    let exact = |value: f64| Cell::number(number::exact(value), [value]);
    let or_none = |text: Option<String>| text.map_or_else(|| Cell::missing("none"), Cell::text);
    let (status, summary) = match planning.status {
        PlanStatus::Planned => ("planned", "Planned before the first outcome"),
        PlanStatus::Exploratory => ("exploratory", "Exploratory: not planned before the data"),
    };
    let secondary: Vec<String> = plan.secondary.iter().map(|name| display_name(name)).collect();
    let mut rows = vec![
        ("status", Cell::text(status)),
        ("why", or_none((!planning.reasons.is_empty()).then(|| planning.reasons.join(" ")))),
        ("plan stored", or_none(planning.stored.clone())),
        ("first outcome", or_none(planning.first_result.clone())),
        ("plan digest", or_none(Some(plan.digest.clone()).filter(|digest| !digest.is_empty()))),
        ("primary metric", Cell::text(display_name(&plan.metric))),
        ("direction", Cell::text(wording::direction(Some(plan.direction)))),
        ("compared", Cell::text(compared(plan.family))),
        ("baseline", or_none(Some(display_name(&plan.baseline)).filter(|name| !name.is_empty()))),
        ("pairing", Cell::text(analysis.source.pairing(plan.pairing))),
        ("correction", Cell::text(correction_name(plan.correction))),
        ("alpha", exact(plan.alpha)),
        ("confidence", exact(plan.confidence)),
        ("smallest difference that matters", plan.delta.map_or_else(|| Cell::missing("none"), exact)),
        ("secondary metrics", or_none((!secondary.is_empty()).then(|| secondary.join(", ")))),
        ("lost trainings", Cell::text(lost(plan.missing))),
        ("stopping rule", Cell::text(&planning.stopping)),
        ("tuning", tuning::fact(analysis)),
    ];
    rows.push((
        "replicates of a config",
        match planning.replicates {
            None => Cell::missing("none"),
            Some((few, many)) if few == many => Cell::number(few.to_string(), [f64::from(few)]),
            Some((few, many)) => Cell::number(format!("{few}, {many}"), [f64::from(few), f64::from(many)]),
        },
    ));
    let row = |(what, value): (&str, Cell)| Row { marked: false, cells: vec![Cell::name(what), value] };
    let table = Table {
        id: "plan".to_owned(),
        title: "The plan".to_owned(),
        note: String::new(),
        columns: vec![Column::text("what"), Column::text("planned")],
        rows: rows.into_iter().map(row).collect(),
    };
    let blocks = [Block::Table(table)].into_iter().chain(tuning::table(analysis)).collect();
    let fold = Block::Fold { summary: summary.to_owned(), open: false, blocks };
    Section::new("plan", "The plan", vec![fold])
}

const fn compared(family: FamilyKind) -> &'static str {
    match family {
        FamilyKind::Baseline => "every config with the baseline",
        FamilyKind::OneFactor => "every two configs that differ in one setting",
        FamilyKind::AllPairs => "every two configs",
        FamilyKind::Matched => "configs of one name in two sweeps",
    }
}

const fn lost(missing: Missing) -> &'static str {
    match missing {
        Missing::CompletedPairs => "left out, with the replicate of the other config where trials are paired",
        Missing::WorstRank => "ranked below every observed value",
    }
}
