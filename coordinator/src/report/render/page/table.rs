//! Rows and columns. A plain cell is a number, so that the many cells of a large sweep cost few bytes; what is not has a
//! class.

use super::blocks::class;
use crate::report::{
    document::{Cell, CellKind, Column, Row, Table},
    render::shown::{self, id, is_blank, plain, sentence},
    wording::Look,
};
use maud::{Markup, html};

pub(super) fn table(table: &Table) -> Markup {
    let anchor = id(&table.id);
    let hints = shown::hints(table);
    let class = match table.columns.len() {
        0..9 => "scroll",
        9..13 => "scroll many",
        _ => "scroll wide",
    };
    html! {
        h4 id={ "table-" (anchor) } { (plain(&table.title)) }
        @if !table.note.is_empty() { p.note { (sentence(&table.note)) } }
        div class=(class) tabindex="0" role="region" aria-labelledby={ "table-" (anchor) } {
            table {
                thead { tr { @for column in &table.columns { (head(column)) } } }
                tbody { @for row in &table.rows { (self::row(row, &table.columns)) } }
            }
        }
        @if !hints.is_empty() { p.note.hints { (hints) "." } }
    }
}

/// A head, with places where a long one may break.
fn head(column: &Column) -> Markup {
    let hint = (!column.hint.is_empty()).then_some(column.hint);
    let head = plain(&column.head);
    html! {
        th scope="col" class=[(!column.numeric).then_some("text")] title=[hint] {
            @for part in head.split_inclusive(['_', '/']) { (part) @if part.ends_with(['_', '/']) { wbr; } }
        }
    }
}

fn row(row: &Row, columns: &[Column]) -> Markup {
    let mut cells: Vec<(&Cell, bool, usize)> = Vec::with_capacity(row.cells.len());
    for (index, cell) in row.cells.iter().enumerate() {
        let numeric = columns.get(index).is_some_and(|c| c.numeric);
        match cells.last_mut() {
            // Why there is no number takes the room of all the numbers that there are not.
            Some((before, _, span)) if before.kind == CellKind::Missing && is_blank(cell) => *span += 1,
            _ => cells.push((cell, numeric, 1)),
        }
    }
    html! {
        tr.baseline[row.marked] { @for (cell, numeric, span) in cells { (self::cell(cell, numeric, span)) } }
    }
}

fn cell(cell: &Cell, numeric: bool, span: usize) -> Markup {
    let shown = shown::cell(cell);
    let span = (span > 1).then_some(span);
    let class = (!numeric).then_some("text");
    html! {
        @match cell.kind {
            CellKind::Name => th scope="row" { (shown) (tags(cell)) },
            CellKind::Strong => td class=[class] { b { (shown) } (tags(cell)) },
            CellKind::Struck => td class=[class] { s { (shown) } (tags(cell)) },
            CellKind::Verdict(look) => (verdict(look, &shown, cell)),
            CellKind::Missing => td.none.text[!numeric] colspan=[span] { (shown) (tags(cell)) },
            CellKind::Text | CellKind::Number => td class=[class] { (shown) (tags(cell)) },
        }
    }
}

fn verdict(look: Look, shown: &str, cell: &Cell) -> Markup {
    html! {
        td class={ "verdict " (class(look)) } { i aria-hidden="true" { (look.mark()) } " " (shown) (tags(cell)) }
    }
}

fn tags(cell: &Cell) -> Markup {
    html! { @for tag in &cell.tags { " " (self::tag(tag)) } }
}

/// Tags that call for caution have a colour.
fn tag(tag: &str) -> Markup {
    match tag {
        "few" => html! { small.few title="few replicates" { (tag) } },
        "void" => html! { small.few title="holds only if the number of replicates was fixed in advance" { (tag) } },
        "survivors" => html! { small.few title="trials diverged or were abandoned" { (tag) } },
        _ => html! { small { (tag) } },
    }
}
