//! Every format of a document, read back by a parser of its language, holds what the document holds: each cell's text and
//! tags, each number to the bit, whatever the texts are.
//!
//! What a format changes on purpose, and what this test therefore forgives: characters that act instead of showing are
//! spaces; space around a cell's text is lost; HTML and LaTeX have true minus signs in numbers; LaTeX cuts the text of
//! very long cells and shows a character that it lacks by its code.

mod compile;
mod documents;
mod example;
mod readers;

use super::{analysis_of, best, factors, tasks};
use crate::report::{
    document::{CellKind, Document},
    render::{self, latex},
    wording::shorten,
};
use documents::documents;
use proptest::prelude::*;
use readers::ReadTable;
use sweeper_core::spec::{FamilyKind, Pairing};

/// What stays of a text in every format.
fn bare(text: &str) -> String {
    let acts = |c: char| {
        c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if acts(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Both kinds of minus sign are one.
fn hyphens(text: &str) -> String {
    text.replace('−', "-")
}

/// A document's tables as a reader should find them, `text` saying what becomes of a cell's text.
fn expected(document: &Document, text: impl Fn(&str, CellKind) -> String) -> Vec<ReadTable> {
    let tables = document.tables();
    let read = |table: &&crate::report::document::Table| ReadTable {
        heads: table.columns.iter().map(|c| bare(&c.head)).collect(),
        rows: (table.rows.iter())
            .map(|row| {
                let tags = |tags: &[&str]| tags.iter().map(|t| (*t).to_owned()).collect();
                row.cells.iter().map(|c| (text(&c.shown, c.kind), tags(&c.tags))).collect()
            })
            .collect(),
    };
    tables.iter().map(|(_, table)| read(table)).collect()
}

fn html_agrees(document: &Document) {
    let found = readers::html(&render::page(document));
    let number = |kind| matches!(kind, CellKind::Number | CellKind::Strong | CellKind::Struck);
    let text = |text: &str, kind| if number(kind) { hyphens(&bare(text)) } else { bare(text) };
    let mut read = found;
    let expected = expected(document, text);
    // A number's minus sign is a hyphen in the document.
    for (table, like) in read.iter_mut().zip(document.tables()) {
        for (row, like) in table.rows.iter_mut().zip(&like.1.rows) {
            row.iter_mut().zip(&like.cells).filter(|(_, c)| number(c.kind)).for_each(|(c, _)| c.0 = hyphens(&c.0));
        }
    }
    same(&read, &expected, "HTML");
}

fn markdown_agrees(document: &Document) {
    let expected = expected(document, |text, _| bare(text));
    same(&readers::markdown(&render::markdown(document)), &expected, "Markdown");
}

/// Characters that LaTeX lacks as their codes, space as one space.
fn in_latex(text: &str) -> String {
    let shows = |c: char| {
        c.is_whitespace() || c.is_ascii_graphic() || latex::escape::LETTERS.contains(c) || readers::symbol(c).is_some()
    };
    let text: String = text.chars().map(|c| if shows(c) { c.to_string() } else { latex::escape::code(c) }).collect();
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

fn latex_agrees(document: &Document) {
    let cell = |text: &str, _| hyphens(&in_latex(&bare(&shorten(text, latex::table::LONGEST_CELL))));
    let mut expected = expected(document, cell);
    let mut read = readers::latex(&render::latex(document));
    // Where a head breaks, nothing tells whether there was a space.
    read.iter_mut().flat_map(|t| &mut t.heads).for_each(|head| *head = head.replace(' ', ""));
    expected.iter_mut().flat_map(|t| &mut t.heads).for_each(|head| *head = hyphens(&in_latex(head)).replace(' ', ""));
    same(&read, &expected, "LaTeX");
}

fn same(read: &[ReadTable], expected: &[ReadTable], format: &str) {
    assert_eq!(read.len(), expected.len(), "tables in {format}");
    for (index, (read, expected)) in read.iter().zip(expected).enumerate() {
        assert_eq!(read.heads, expected.heads, "heads of table {index} in {format}");
        assert_eq!(read.rows.len(), expected.rows.len(), "rows of table {index} in {format}");
        for (row, (read, expected)) in read.rows.iter().zip(&expected.rows).enumerate() {
            assert_eq!(read, expected, "row {row} of table {index} in {format}");
        }
    }
}

/// One row per number, and one per verdict or reason, in order.
fn csv_agrees(document: &Document) {
    let text = render::long_csv(document).unwrap();
    let mut reader = ::csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let mut records = reader.records().map(Result::unwrap);
    let unguarded = |cell: &str| cell.strip_prefix('\'').unwrap_or(cell).to_owned();
    for (section, table) in document.tables() {
        for (index, row) in table.rows.iter().enumerate() {
            let names: Vec<&str> =
                row.cells.iter().filter(|c| c.kind == CellKind::Name).map(|c| c.shown.as_str()).collect();
            let name = if names.is_empty() { (index + 1).to_string() } else { names.join(" / ") };
            for (column, cell) in table.columns.iter().zip(&row.cells) {
                let silent = cell.kind == CellKind::Name || cell.shown.is_empty();
                let rows = if cell.values.is_empty() { usize::from(!silent) } else { cell.values.len() };
                for part in 0..rows {
                    let record = records.next().expect("a row");
                    let read: Vec<String> = record.iter().take(4).map(unguarded).collect();
                    assert_eq!(read, [&section.id, &table.id, &name, &column.head].map(String::as_str));
                    assert_eq!(unguarded(&record[5]), cell.shown);
                    match cell.values.get(part) {
                        Some(value) => {
                            assert_eq!(record[4].parse(), Ok(part + 1));
                            assert_eq!(record[6].parse::<f64>().unwrap().to_bits(), value.to_bits());
                        }
                        None => assert_eq!((&record[4], &record[6]), ("", "")),
                    }
                }
            }
        }
    }
    assert!(records.next().is_none());
}

fn no_formula(document: &Document) {
    let text = render::long_csv(document).unwrap();
    for record in ::csv::ReaderBuilder::new().from_reader(text.as_bytes()).records().map(Result::unwrap) {
        for cell in record.iter().take(6) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
        }
        assert!(record[6].is_empty() || record[6].parse::<f64>().is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_format_holds_every_cell(document in documents()) {
        html_agrees(&document);
        markdown_agrees(&document);
        latex_agrees(&document);
        csv_agrees(&document);
        no_formula(&document);
    }

    #[test]
    fn texts_outside_of_tables_stay_texts(document in documents()) {
        readers::only_our_elements(&render::page(&document));
        readers::only_our_markdown(&render::markdown(&document), &document);
        readers::balanced(&render::latex(&document));
    }
}

/// Documents of analyses with every section.
#[test]
fn every_format_holds_sections_of_tasks_and_grids() {
    let mut loss = tasks::tasks(2, 16);
    loss.spec.analysis.metric = "loss/balanced".to_owned();
    let mut tuned = tasks::grid(FamilyKind::Baseline, 2, 3);
    let names = tuned.spec.configs.iter().map(|c| c.name.clone());
    tuned.spec.analysis.tuning = names.zip(0..).collect();
    for results in [tasks::tasks(3, 16), tasks::tasks(13, 4), loss, tasks::grid(FamilyKind::AllPairs, 2, 3), tuned] {
        let document = Document::of(&analysis_of(&results));
        html_agrees(&document);
        markdown_agrees(&document);
        latex_agrees(&document);
        csv_agrees(&document);
    }
}

#[test]
fn every_format_holds_survivors_and_second_tests_of_factors() {
    for pairing in [Pairing::Common, Pairing::Independent] {
        let lossy = Document::of(&best::lossy(4, pairing));
        let cells = |document: &Document, id: &str| {
            let tables = document.tables();
            let (_, table) = tables.into_iter().find(|(_, table)| table.id == id).unwrap();
            table.rows.iter().flat_map(|row| row.cells.clone()).collect::<Vec<_>>()
        };
        assert!(cells(&lossy, "best-s0").iter().any(|cell| cell.tags == ["survivors"]));
        let grid = Document::of(&factors::grid(pairing, 8.0));
        assert!(cells(&grid, "anova-s0").iter().any(|cell| cell.values.len() == 3));
        for document in [lossy, grid] {
            html_agrees(&document);
            markdown_agrees(&document);
            latex_agrees(&document);
            csv_agrees(&document);
        }
    }
}

#[test]
fn every_format_of_a_report_with_bits_holds_every_cell() {
    for (analysis, tables) in [(super::noise::with_bits(), 6), (super::clusters::with_clusters(), 8)] {
        let document = Document::of(&analysis);
        assert!(document.tables().iter().filter(|(section, _)| section.id == "noise").count() >= tables);
        html_agrees(&document);
        markdown_agrees(&document);
        latex_agrees(&document);
        csv_agrees(&document);
        no_formula(&document);
    }
}

#[test]
fn a_changed_digit_is_found() {
    let mut document = example::document();
    let page = render::page(&document);
    let cell = document.sections.iter_mut().flat_map(|s| &mut s.blocks).find_map(|block| match block {
        crate::report::document::Block::Table(table) => table.rows[0].cells.iter_mut().find(|c| !c.values.is_empty()),
        _ => None,
    });
    cell.unwrap().shown.push('1');
    let expected = expected(&document, |text, _| bare(text));
    assert!(readers::html(&page).iter().zip(&expected).any(|(read, expected)| read.rows != expected.rows));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let html = render::page(&example::document());
    for outside in ["src=", "@import", "url(", "http://", "https://", "javascript:"] {
        let found = html.split("xmlns=\"http://www.w3.org/2000/svg\"").any(|part| part.contains(outside));
        assert!(!found, "{outside}");
    }
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"));
}

#[test]
fn a_cell_of_a_large_table_costs_few_bytes() {
    let document = example::large(1000, 12);
    let bytes = render::page(&document).len() - render::page(&example::large(0, 12)).len();
    let per_cell = bytes as f64 / 12_000.0;
    assert!(per_cell < 32.0, "{per_cell} bytes for a cell");
}
