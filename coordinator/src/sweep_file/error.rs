//! Mistakes in a sweep file: typed, placed, and rendered the way compilers do.

use std::fmt::{self, Write};

/// A run of mistakes is cut here; the rest is counted.
pub(super) const MOST_MISTAKES: usize = 10;
/// Characters of a source line that are quoted.
const LINE_WIDTH: usize = 120;
/// Characters of a name or value that are repeated in a message.
const QUOTE_WIDTH: usize = 300;

/// What kind of mistake; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MistakeKind {
    /// `--set` without the form KEY=VALUE.
    Override,
    /// The text is not TOML.
    NotToml,
    /// A key that does not exist.
    UnknownKey,
    /// A key that must be there and is not.
    Missing,
    /// A value of another type.
    WrongType,
    /// A value outside its range.
    OutOfRange,
    /// A name that is none of the choices.
    UnknownName,
    /// Values that are fine alone, but not together.
    Conflict,
    /// Two configs, strata or levels of one name.
    DuplicateName,
    /// A baseline that is no config, or a metric that is not measured.
    UnknownReference,
    /// The file cannot be read, is too large, or is not UTF-8.
    Unreadable,
}

impl MistakeKind {
    /// The documented exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Override => 2,
            Self::NotToml => 10,
            Self::UnknownKey | Self::Missing => 11,
            Self::WrongType => 12,
            Self::OutOfRange | Self::UnknownName | Self::Conflict => 13,
            Self::DuplicateName => 14,
            Self::UnknownReference => 15,
            Self::Unreadable => 16,
        }
    }
}

/// Where a mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the file as a whole.
    File,
    /// At a place of its text.
    Text {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// Characters to mark, at least 1.
        width: usize,
        /// The line.
        source: String,
    },
    /// In an override: `KEY=VALUE` as given.
    Override(String),
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Name of the file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// Key path, `recipe.optimizer.lr`; empty for the file as a whole.
    pub key: String,
    /// What kind.
    pub kind: MistakeKind,
    /// What is wrong, one line.
    pub message: String,
    /// What would be right.
    pub expected: Option<String>,
    /// The valid name that was probably meant.
    pub nearest: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// Message, place with the line quoted, expectation, hint. Whoever prints it puts `error: ` in front.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean(&self.message, 2 * QUOTE_WIDTH))?;
        let mut bar = " ".to_string();
        match &self.place {
            Place::File => write!(f, "\n{bar}--> {}", clean(&self.file, QUOTE_WIDTH))?,
            Place::Override(text) => write!(f, "\n{bar}--> --set {}", clean(text, QUOTE_WIDTH))?,
            Place::Text { line, column, width, source } => {
                let number = line.to_string();
                bar = " ".repeat(number.len());
                let (source, column) = excerpt(source, *column);
                let left = source.chars().count().saturating_sub(column - 1).max(1);
                write!(f, "\n{bar}--> {}:{line}:{}", clean(&self.file, QUOTE_WIDTH), self.column())?;
                write!(f, "\n{bar} |\n{number} | {source}\n{bar} | ")?;
                write!(f, "{}{}", " ".repeat(column - 1), "^".repeat((*width).clamp(1, left)))?;
            }
        }
        if !self.key.is_empty() && !self.message.contains(&format!("`{}`", self.key)) {
            write!(f, "\n{bar} = key: {}", clean(&self.key, QUOTE_WIDTH))?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "\n{bar} = expected: {}", clean(expected, 4 * QUOTE_WIDTH))?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "\n{bar} = did you mean `{}`?", clean(nearest, QUOTE_WIDTH))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{bar} = hint: {}", clean(hint, 4 * QUOTE_WIDTH))?;
        }
        Ok(())
    }
}

impl Mistake {
    fn column(&self) -> usize {
        if let Place::Text { column, .. } = self.place { column } else { 1 }
    }
}

/// The part of a long line around `column`, and the column in that part. Tabs become blanks.
fn excerpt(source: &str, column: usize) -> (String, usize) {
    let skip = if column > LINE_WIDTH { column - LINE_WIDTH / 2 } else { 0 };
    let part: String = source.chars().skip(skip).collect();
    (clean(&part, LINE_WIDTH), column - skip)
}

/// At most `width` characters, and none that a terminal would act on.
fn clean(text: &str, width: usize) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == width {
            out.push('…');
            break;
        }
        out.push(match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        });
    }
    out
}

/// All mistakes found, in the order of the file, at most ten; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepFileError {
    first: Box<Mistake>,
    others: Vec<Mistake>,
    cut: bool,
}

impl SweepFileError {
    /// From a list in order; none if it is empty.
    pub(super) fn new(mistakes: Vec<Mistake>, cut: bool) -> Option<Self> {
        let mut mistakes = mistakes.into_iter();
        mistakes.next().map(|first| Self { first: Box::new(first), others: mistakes.collect(), cut })
    }

    /// For a file that cannot even be read.
    pub(super) fn unreadable(file: &str, message: String, hint: Option<String>) -> Self {
        let first = Mistake {
            file: file.to_string(),
            place: Place::File,
            key: String::new(),
            kind: MistakeKind::Unreadable,
            message,
            expected: None,
            nearest: None,
            hint,
        };
        Self { first: Box::new(first), others: Vec::new(), cut: false }
    }

    /// Every mistake, the first one first.
    pub fn mistakes(&self) -> impl Iterator<Item = &Mistake> {
        std::iter::once(&*self.first).chain(&self.others)
    }

    /// The exit code of the first mistake.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.first.kind.exit_code()
    }
}

/// All mistakes; `error: ` stands before each but the first, which whoever prints it announces like any other error.
impl fmt::Display for SweepFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        for mistake in &self.others {
            write!(f, "\n\nerror: {mistake}")?;
        }
        if self.cut {
            f.write_str("\n\nThere are more; these are the first ones found.")?;
        }
        Ok(())
    }
}

impl std::error::Error for SweepFileError {}

/// `a`, `b`, `c`: names for a message, cut where it gets long.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for (i, name) in names.into_iter().enumerate() {
        if i == 20 {
            out.push_str(", …");
            break;
        }
        let _ = write!(out, "{}`{name}`", if i == 0 { "" } else { ", " });
    }
    out
}
