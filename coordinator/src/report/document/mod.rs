//! The report as a page: sections of text, tables and figures, made once from an `Analysis`. Every format for people is
//! a rendering of this value, so that no format can tell another number than the others.
//!
//! All texts are plain: names in them are shortened and free of control characters, and each format escapes them by its
//! own rules. A minus sign is a hyphen here; formats that have a better one put it in.
//!
//! Map: this page the value · `build` an analysis to a document, in the order of the report · `summary` single configs ·
//! `comparisons` pairs of configs · `looks` sequential designs · `noise` where it comes from, `clusters` where images come in
//! such · `beyond` everything else, of which `best` what its table of contenders needs said and `factors` single settings ·
//! `tasks` configs over several tasks · `plan` what was planned · `tuning` what came before · `pictures` and `grids` figures.

mod best;
mod beyond;
mod build;
mod clusters;
mod comparisons;
mod factors;
mod grids;
mod looks;
mod noise;
mod pictures;
mod plan;
mod summary;
mod tasks;
mod tuning;

pub(in crate::report) use build::stamps;
pub(in crate::report) use tasks::tables as task_tables;

pub use super::methods::{Formula, Method, Work};
use super::wording::Look;

/// A whole report.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The sweep's name.
    pub title: String,
    /// What a reader must know before anything else: that the report is partial, exploratory, or contradicts itself.
    pub stamps: Vec<String>,
    /// What was run and asked, one sentence each.
    pub facts: Vec<String>,
    /// The parts, in order.
    pub sections: Vec<Section>,
}

/// A part of the report with a heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Unique in the document; letters, digits and hyphens: anchors and file names are made of it.
    pub id: String,
    /// Heading.
    pub title: String,
    /// A word beside the heading, e.g. `primary metric`.
    pub tag: Option<&'static str>,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading inside the section, e.g. the name of a stratum.
    Heading(String),
    /// A paragraph that carries the message.
    Lead(String),
    /// A paragraph.
    Text(String),
    /// A paragraph that explains.
    Note(String),
    /// Sentences, each an item.
    List(Vec<String>),
    /// Verdicts, each an item.
    Claims(Vec<Claim>),
    /// How numbers were made, each an item: with its formula, and cited works behind it.
    Methods(Vec<Method>),
    /// The works cited, under a heading of their own.
    References(Vec<&'static Work>),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// Rows and columns.
    Table(Table),
    /// Rows and columns that `report.csv` holds and pages do not: too many to read.
    FilesOnly(Table),
    /// A picture.
    Figure(Figure),
    /// Text as it is, e.g. the sweep file.
    Code {
        /// What it is, e.g. `toml`; empty for plain text.
        language: &'static str,
        /// The text; may hold anything.
        text: String,
    },
    /// Blocks that a page may hide behind their summary. Paper shows them.
    Fold {
        /// The line that is always shown.
        summary: String,
        /// Shown from the beginning.
        open: bool,
        /// What is inside.
        blocks: Vec<Block>,
    },
}

/// A verdict with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The verdict.
    pub look: Look,
    /// Whose it is, e.g. the config's name.
    pub subject: String,
    /// The numbers behind it.
    pub evidence: String,
    /// Subject, verdict and evidence as one sentence.
    pub sentence: String,
    /// What the verdict says nothing about, for who stays on it; may be empty.
    pub scope: String,
}

/// Rows and columns. Every row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Unique in the document; letters, digits and hyphens.
    pub id: String,
    /// Heading, e.g. `Comparisons, differences in pp`.
    pub title: String,
    /// What its numbers are; may be empty.
    pub note: String,
    /// Heads.
    pub columns: Vec<Column>,
    /// Content.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Head.
    pub head: String,
    /// What the head means, where that is not plain; may be empty.
    pub hint: &'static str,
    /// Whether its cells are numbers, set flush right.
    pub numeric: bool,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Set apart from the others, e.g. the baseline's.
    pub marked: bool,
    /// One per column.
    pub cells: Vec<Cell>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// How it looks.
    pub kind: CellKind,
    /// What is shown.
    pub shown: String,
    /// Small words behind it, e.g. `few`, `baseline`.
    pub tags: Vec<&'static str>,
    /// The numbers that `shown` shows, in its order and in full precision; none in a text.
    pub values: Vec<f64>,
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A name or a text.
    Text,
    /// A row's name: its head.
    Name,
    /// One or several numbers.
    Number,
    /// The number that counts.
    Strong,
    /// A number that does not hold, and is shown struck through.
    Struck,
    /// A verdict.
    Verdict(Look),
    /// Why there is no number.
    Missing,
}

/// A picture with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Unique in the document; letters, digits and hyphens: the name of its file.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// For a page that has the figures' style sheet.
    pub svg: String,
    /// The same as a whole file of its own.
    pub file: String,
}

impl Cell {
    /// A text.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { kind: CellKind::Text, shown: shown.into(), tags: Vec::new(), values: Vec::new() }
    }

    /// A row's name.
    pub fn name(shown: impl Into<String>) -> Self {
        Self { kind: CellKind::Name, ..Self::text(shown) }
    }

    /// Numbers and how they are shown.
    pub fn number(shown: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Self { kind: CellKind::Number, values: values.into_iter().collect(), ..Self::text(shown) }
    }

    /// The number that counts.
    pub fn strong(shown: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Self { kind: CellKind::Strong, ..Self::number(shown, values) }
    }

    /// A number that does not hold.
    pub fn struck(shown: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Self { kind: CellKind::Struck, ..Self::number(shown, values) }.tag(true, "void")
    }

    /// Why there is no number.
    pub fn missing(why: impl Into<String>) -> Self {
        Self { kind: CellKind::Missing, ..Self::text(why) }
    }

    /// A verdict.
    #[must_use]
    pub fn verdict(look: Look) -> Self {
        Self { kind: CellKind::Verdict(look), ..Self::text(look.word()) }
    }

    /// With a word behind it, where `on`.
    #[must_use]
    pub fn tag(mut self, on: bool, tag: &'static str) -> Self {
        if on {
            self.tags.push(tag);
        }
        self
    }
}

impl Table {
    /// What a page says in its place when it is in the files only.
    #[must_use]
    pub fn elsewhere(&self) -> String {
        format!("{}: {} rows, in report.csv and report.json.", self.title, self.rows.len())
    }
}

impl Column {
    /// A column of names or texts.
    pub fn text(head: impl Into<String>) -> Self {
        Self { head: head.into(), hint: "", numeric: false }
    }

    /// A column of numbers.
    pub fn number(head: impl Into<String>) -> Self {
        Self { head: head.into(), hint: "", numeric: true }
    }

    /// With an explanation.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }
}

impl Document {
    /// Every table, those inside folds included, in order.
    pub fn tables(&self) -> Vec<(&Section, &Table)> {
        fn collect<'a>(section: &'a Section, blocks: &'a [Block], found: &mut Vec<(&'a Section, &'a Table)>) {
            for block in blocks {
                match block {
                    Block::Table(table) | Block::FilesOnly(table) => found.push((section, table)),
                    Block::Fold { blocks, .. } => collect(section, blocks, found),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        self.sections.iter().for_each(|section| collect(section, &section.blocks, &mut found));
        found
    }

    /// Every work of its lists of references, in order.
    pub fn works(&self) -> Vec<&'static Work> {
        fn collect(blocks: &[Block], found: &mut Vec<&'static Work>) {
            for block in blocks {
                match block {
                    Block::References(works) => found.extend(works),
                    Block::Fold { blocks, .. } => collect(blocks, found),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        self.sections.iter().for_each(|section| collect(&section.blocks, &mut found));
        found
    }

    /// Every picture, those inside folds included, in order.
    pub fn figures(&self) -> Vec<&Figure> {
        fn collect<'a>(blocks: &'a [Block], found: &mut Vec<&'a Figure>) {
            for block in blocks {
                match block {
                    Block::Figure(figure) => found.push(figure),
                    Block::Fold { blocks, .. } => collect(blocks, found),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        self.sections.iter().for_each(|section| collect(&section.blocks, &mut found));
        found
    }
}
