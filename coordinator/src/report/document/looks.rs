//! Sequential designs: how every comparison stands, how near it came to its boundary, and what the looks stopped.

use super::{
    Block, Cell, Column, Figure, Row, Section, Table, build::stratum_heading, comparisons::interval, pictures::caption,
};
use crate::report::{
    Analysis, Comparison, LookTaken, Role, Sequential, Stratum, Tested,
    figures::{self, Axis, Looks, Path},
    number::{self, signed, tested_decimals},
    wording::{display_name, shorten},
};

/// The section; none of a design with a fixed number of replicates.
pub(super) fn section(analysis: &Analysis) -> Option<Section> {
    let strata = analysis.strata.iter().enumerate().map(|(s, stratum)| (s, stratum, states(stratum)));
    let strata: Vec<_> = strata.filter(|(.., states)| !states.is_empty()).collect();
    if strata.is_empty() && analysis.looks.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Note(format!("Stopping: {}.", analysis.planning.stopping))];
    for (s, stratum, states) in strata {
        blocks.extend(stratum_heading(stratum));
        blocks.extend(picture(&states, &format!("looks-s{s}")).map(Block::Figure));
        blocks.push(Block::Table(standing(analysis, &states, format!("boundaries-s{s}"))));
    }
    if !analysis.looks.is_empty() {
        blocks.push(Block::Table(taken(analysis)));
    }
    Some(Section::new("looks", "Looks", blocks))
}

/// A comparison of a sequential design.
type State<'a> = (&'a Comparison, &'a Tested, &'a Sequential);

fn states(stratum: &Stratum) -> Vec<State<'_>> {
    let families = stratum.families.iter().filter(|family| family.role == Role::Primary);
    let state = |comparison| {
        let comparison: &Comparison = comparison;
        let tested = comparison.result.tested()?;
        Some((comparison, tested, tested.sequential.as_ref()?))
    };
    families.flat_map(|family| &family.comparisons).filter_map(state).collect()
}

fn picture(states: &[State<'_>], id: &str) -> Option<Figure> {
    let path = |(comparison, _, state): &State<'_>| Path {
        name: display_name(&comparison.config),
        decided: state.decision == "different",
        points: state.path.iter().map(|step| (step.replicates as f64, step.share)).collect(),
    };
    let title = "How near every comparison came to its boundary";
    let words =
        "t over the boundary in force at each look: beyond 1 or -1 a difference is shown, and the comparison ends.";
    let axis = |label: &str| Axis { label: label.to_owned(), ..Axis::default() };
    let input = Looks {
        caption: caption(id, title, words),
        x: axis("replicates"),
        y: axis("t / boundary"),
        paths: states.iter().map(path).collect(),
    };
    Figure::of(words, title, id, figures::looks(&input))
}

/// Every comparison with the boundary in force.
fn standing(analysis: &Analysis, states: &[State<'_>], id: String) -> Table {
    let alpha = analysis.plan.alpha;
    let count = |count: usize| Cell::number(count.to_string(), [count as f64]);
    let statistic = |value: Option<f64>| {
        value.map_or_else(|| Cell::missing("n/a"), |value| Cell::number(number::statistic(value), [value]))
    };
    let p = |value: Option<f64>| {
        value.map_or_else(|| Cell::missing("n/a"), |value| Cell::number(number::p(value, alpha), [value]))
    };
    let e_values = states.iter().any(|(.., state)| state.log10_e.is_some());
    let row = |(comparison, tested, state): &State<'_>| {
        let mut cells = vec![
            Cell::name(shorten(&comparison.config, 60)),
            Cell::text(&state.decision),
            state.decided_at.map_or_else(|| Cell::missing("not yet"), count),
            count(state.looks),
            Cell::number(signed(tested.primary.difference, tested_decimals(tested)), [tested.primary.difference]),
            interval(state.interval.as_ref(), tested_decimals(tested)),
            statistic(state.statistic),
            statistic(state.boundary),
        ];
        cells.extend(e_values.then(|| statistic(state.log10_e)));
        cells.extend([p(state.p_value), p(state.p_adjusted)]);
        Row { marked: state.decided_at.is_some(), cells }
    };
    let mut columns = vec![
        Column::text("config"),
        Column::text("decision"),
        Column::number("decided at").hint("replicates"),
        Column::number("looks"),
        Column::number("difference"),
        Column::number("interval"),
        Column::number("t"),
        Column::number("boundary").hint("smallest |t| that shows a difference"),
    ];
    columns.extend(e_values.then(|| Column::number("log10 e").hint("base-10 logarithm of the e-value")));
    columns.extend([Column::number("p").hint("holds at every look"), Column::number("adjusted p")]);
    Table {
        id,
        title: "How every comparison stands".to_owned(),
        note: "The boundary is that of the last look the comparison took part in, at the level in force after all rejections. \
               Intervals hold at every look, for the comparison alone."
            .to_owned(),
        columns,
        rows: states.iter().map(row).collect(),
    }
}

/// What the looks stopped, when and why.
fn taken(analysis: &Analysis) -> Table {
    let stopped = |look: &LookTaken| match look.stopped.as_slice() {
        [] => "nothing".to_owned(),
        stopped => stopped.iter().map(|s| display_name(s)).collect::<Vec<_>>().join(", "),
    };
    let row = |look: &LookTaken| Row {
        marked: !look.stopped.is_empty(),
        cells: vec![
            Cell::name(if look.stratum.is_empty() { "all".to_owned() } else { display_name(&look.stratum) }),
            Cell::number(look.replicates.to_string(), [f64::from(look.replicates)]),
            Cell::text(&look.at),
            Cell::text(stopped(look)),
            Cell::number(look.cancelled.to_string(), [f64::from(look.cancelled)]),
        ],
    };
    let mut columns = vec![Column::text("stratum"), Column::number("replicates"), Column::text("when")];
    columns.extend([Column::text("stopped"), Column::number("trials saved")]);
    Table {
        id: "looks".to_owned(),
        title: "Looks that were taken".to_owned(),
        note: format!("{} of {} planned trials were not needed.", analysis.counts.stopped, analysis.counts.planned),
        columns,
        rows: analysis.looks.iter().map(row).collect(),
    }
}
