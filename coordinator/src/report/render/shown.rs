//! What the formats of a document do to a text before they escape it, in one place, so that they do the same.

use crate::report::{
    document::{Cell, CellKind, Method, Table},
    wording::is_invisible,
};

/// Text on one line that acts on nothing: control characters, line breaks and marks that reorder the text around them
/// become spaces.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect()
}

/// Lines of a text shown as it is: without the characters that [`plain`] takes away, tabs aside.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    let keep = |c: char| c == '\t' || !(c.is_control() || is_invisible(c));
    text.lines().map(move |line| line.chars().map(|c| if keep(c) { c } else { ' ' }).collect())
}

/// A sentence: [`plain`], and a hyphen that is the sign of a number as a true minus sign. Such a hyphen stands before a
/// digit and after a space, an opening bracket or nothing.
pub(super) fn sentence(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let sign = c == '-' && matches!(before, ' ' | '[' | '(') && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if sign { '−' } else { c });
        before = c;
    }
    out
}

/// A method's text with the works that it cites as authors and years: `…, by Holm (Holm 1979).`
pub(super) fn cited(method: &Method) -> String {
    if method.works.is_empty() {
        return method.text.clone();
    }
    let works: Vec<&str> = method.works.iter().map(|work| work.cited).collect();
    format!("{} ({}).", method.text.trim_end_matches('.'), works.join("; "))
}

/// A cell's text: numbers as in a [`sentence`], names and other texts letter by letter.
pub(super) fn cell(cell: &Cell) -> String {
    match cell.kind {
        CellKind::Number | CellKind::Strong | CellKind::Struck => sentence(&cell.shown),
        CellKind::Text | CellKind::Name | CellKind::Verdict(_) | CellKind::Missing => plain(&cell.shown),
    }
}

/// An empty cell where there is no number: the reason before it speaks for it, too.
pub(super) fn is_blank(cell: &Cell) -> bool {
    cell.kind == CellKind::Missing && cell.shown.is_empty() && cell.tags.is_empty()
}

/// What the heads of a table mean, as one line: `seed r: correlation across seeds; n: trainings`. Empty without hints.
pub(super) fn hints(table: &Table) -> String {
    let hinted = table.columns.iter().filter(|c| !c.hint.is_empty());
    let hints: Vec<String> = hinted.map(|c| format!("{}: {}", plain(&c.head), c.hint)).collect();
    hints.join("; ")
}

/// An id as a part of a file's name, an anchor or a label: letters, digits and hyphens, whatever it was.
pub(crate) fn id(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{id, lines, plain, sentence};

    #[test]
    fn signs_become_minus_signs_and_other_hyphens_stay() {
        assert_eq!(sentence("-0.5 [-1, 2] (-3) 1e-9 a-1 -x 2-3"), "−0.5 [−1, 2] (−3) 1e-9 a-1 -x 2-3");
    }

    #[test]
    fn what_acts_becomes_a_space() {
        assert_eq!(plain("a\u{1b}[0m\nb\u{202e}c"), "a [0m b c");
        assert_eq!(lines("a\tb\u{7}\n\nc").collect::<Vec<String>>(), ["a\tb ", "", "c"]);
        assert_eq!(id("../a b"), "---a-b");
    }
}
