//! `report.csv`: every number of every table of a document, one row each.

use super::{
    RenderError,
    csv::{Rows, text},
};
use crate::report::{
    document::{Cell, CellKind, Document, Row},
    number,
};

/// Columns `section,table,row,column,part,shown,value`: the ids of section and table, the row's name, the column's head,
/// which of the cell's numbers it is (from 1), what the tables of the other formats show for the whole cell, and the
/// number in the shortest form that reads back to the same bits. A cell without a number, such as a verdict, has one row
/// without `part` and `value`; names and empty cells have none. Rows that have no name are numbered from 1.
///
/// # Errors
/// [`RenderError::Csv`].
pub fn long_csv(document: &Document) -> Result<String, RenderError> {
    let mut rows = Rows::new(&["section", "table", "row", "column", "part", "shown", "value"])?;
    for (section, table) in document.tables() {
        let (section, id) = (text(&section.id), text(&table.id));
        let heads: Vec<String> = table.columns.iter().map(|c| text(&c.head)).collect();
        for (index, row) in table.rows.iter().enumerate() {
            let name = text(&name(row, index));
            for (head, cell) in heads.iter().zip(&row.cells).filter(|(_, cell)| is_listed(cell)) {
                let shown = text(&cell.shown);
                if cell.values.is_empty() {
                    rows.push(&[&section, &id, &name, head, "", &shown, ""])?;
                }
                for (part, value) in (1..).zip(&cell.values) {
                    let part: usize = part;
                    rows.push(&[&section, &id, &name, head, &part.to_string(), &shown, &number::exact(*value)])?;
                }
            }
        }
    }
    rows.finish()
}

fn name(row: &Row, index: usize) -> String {
    let names: Vec<&str> = row.cells.iter().filter(|c| c.kind == CellKind::Name).map(|c| c.shown.as_str()).collect();
    if names.is_empty() { (index + 1).to_string() } else { names.join(" / ") }
}

fn is_listed(cell: &Cell) -> bool {
    !cell.values.is_empty() || (cell.kind != CellKind::Name && !cell.shown.is_empty())
}
