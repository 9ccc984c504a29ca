//! Tables with booktabs. What is too wide for a page is split by columns, each part with the rows' names.

use super::{
    escape::{self, escape},
    heading, look, text,
};
use crate::report::{
    document::{Cell, CellKind, Column, Table},
    render::shown::{self, id, is_blank, sentence},
    wording::shorten,
};
use std::fmt::Write;

/// Longest text of a cell, in characters; a row must fit on a page.
pub(crate) const LONGEST_CELL: usize = 500;
/// A longer caption, in characters, has only the title; the rest stands above the table. TeX sets a caption on one line
/// to see whether it fits, and no line may be longer than five metres.
const LONGEST_CAPTION: usize = 400;
/// Longest word of a head, in characters.
const LONGEST_WORD: usize = 200;
/// A text wider than this in a column of numbers, in characters, is set in several lines, whatever it is.
const WIDEST_NUMBER: usize = 60;
/// More rows than this may break over pages.
const MOST_ROWS: usize = 30;
/// A text wider than this, in characters, is set in several lines.
const WIDEST_TEXT: usize = 60;
/// So is a name.
const WIDEST_NAME: usize = 26;
/// A head is broken into lines of at least this many characters.
const NARROWEST_HEAD: usize = 8;
/// Between two columns, in characters.
const GAP: usize = 2;

/// How a table is set, the roomiest first: characters on a line, and the size that gives as many. A digit is half as wide
/// as the size says; with 261 mm between the margins this leaves some room.
const SETTINGS: [(usize, &str); 3] = [(150, "\\small"), (168, "\\footnotesize"), (186, "\\scriptsize")];

/// A row longer than this, in bytes, is written in several lines.
const LONGEST_LINE: usize = 20_000;

pub(super) fn table(out: &mut String, table: &Table) {
    let name = id(&table.id);
    let widths: Vec<usize> = (0..table.columns.len()).map(|column| width(table, column)).collect();
    let (parts, (_, size)) = parts(table, &widths);
    for (index, columns) in parts.iter().enumerate() {
        let of = if parts.len() > 1 { format!(" part {} of {}", index + 1, parts.len()) } else { String::new() };
        let _ = writeln!(out, "% table {name}{of}: begin");
        let caption = if index == 0 {
            let (caption, above) = caption(table);
            if !above.is_empty() {
                let _ = writeln!(out, "{{\\small {above}\\par}}\n");
            }
            format!("\\caption{{{caption}}}\\label{{tab:{name}}}")
        } else {
            format!("\\caption{{{} (continued: more columns)}}\\label{{tab:{name}-{}}}", title(table), index + 1)
        };
        part(out, table, columns, &widths, (&caption, size));
        let _ = writeln!(out, "% table {name}{of}: end\n");
    }
}

/// Which columns stand together, and how they are set. A part after the first repeats the column of names.
fn parts(table: &Table, widths: &[usize]) -> (Vec<Vec<usize>>, (usize, &'static str)) {
    let total: usize = widths.iter().map(|w| w + GAP).sum();
    let last = SETTINGS[SETTINGS.len() - 1];
    if let Some(setting) = SETTINGS.into_iter().find(|(room, _)| total <= *room) {
        return (vec![(0..widths.len()).collect()], setting);
    }
    let named = table.rows.first().and_then(|row| row.cells.first()).is_some_and(|c| c.kind == CellKind::Name);
    let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0;
    for (column, width) in widths.iter().enumerate() {
        if used + width + GAP > last.0 && used > 0 {
            parts.push(if named { vec![0] } else { Vec::new() });
            used = if named { widths.first().map_or(0, |w| w + GAP) } else { 0 };
        }
        if let Some(part) = parts.last_mut() {
            part.push(column);
            used += width + GAP;
        }
    }
    (parts, last)
}

/// Of a column, in characters.
fn width(table: &Table, column: usize) -> usize {
    let cells = || table.rows.iter().filter_map(|row| row.cells.get(column));
    let cell =
        |cell: &Cell| cell.shown.chars().count() + cell.tags.iter().map(|tag| tag.len() * 3 / 4 + 1).sum::<usize>();
    let numbers = |cell: &&Cell| matches!(cell.kind, CellKind::Number | CellKind::Strong | CellKind::Struck);
    let widest = match table.columns.get(column) {
        Some(column) if column.numeric => {
            // Why there is no number may be wider than the numbers are, and is set in several lines.
            let missing = cells().filter(|c| !numbers(c)).map(cell).max().unwrap_or(0).min(14);
            cells().filter(numbers).map(cell).max().unwrap_or(0).min(WIDEST_NUMBER).max(missing)
        }
        _ => {
            let name = cells().next().is_some_and(|c| c.kind == CellKind::Name);
            cells().map(cell).max().unwrap_or(0).min(if name { WIDEST_NAME } else { WIDEST_TEXT })
        }
    };
    let head = table.columns.get(column).map_or("", |c| &c.head);
    let words = wrap(head, widest.max(NARROWEST_HEAD));
    words.iter().map(|line| line.chars().count()).max().unwrap_or(0).min(WIDEST_TEXT).max(widest).max(1)
}

/// One tabular with its caption.
fn part(out: &mut String, table: &Table, columns: &[usize], widths: &[usize], (caption, size): (&str, &str)) {
    let long = table.rows.len() > MOST_ROWS;
    let of = |column: usize| (table.columns.get(column), widths.get(column).copied().unwrap_or(1));
    let formats: String = columns.iter().map(|&column| of(column)).map(|(c, width)| format(c, width)).collect();
    let heads: Vec<String> = columns.iter().filter_map(|&column| Some(head(of(column).0?, of(column).1))).collect();
    let head = format!("\\toprule\n{} \\\\\n\\midrule\n", heads.join(" &\n"));
    let spacing = "\\setlength{\\tabcolsep}{0.45em}";
    if long {
        let _ = writeln!(out, "{{{size}{spacing}\n\\begin{{longtable}}{{@{{}}{formats}@{{}}}}\n{caption} \\\\");
        let _ = writeln!(out, "{head}\\endfirsthead\n{head}\\endhead\n\\bottomrule\n\\endlastfoot");
    } else {
        let _ = writeln!(out, "\\begin{{table}}[H]\n\\centering{size}{spacing}\n{caption}\n");
        let _ = writeln!(out, "\\begin{{tabular}}{{@{{}}{formats}@{{}}}}\n{head}% rows");
    }
    for row in &table.rows {
        let cells: Vec<(&Cell, bool, usize)> = columns
            .iter()
            .filter_map(|&column| Some((row.cells.get(column)?, of(column).0.is_some_and(|c| c.numeric), of(column).1)))
            .collect();
        let cells = self::row(&cells);
        let short = cells.iter().map(String::len).sum::<usize>() < LONGEST_LINE;
        let _ = writeln!(out, "{} \\\\", cells.join(if short { " & " } else { " &\n" }));
    }
    out.push_str(if long { "\\end{longtable}\n}\n" } else { "\\bottomrule\n\\end{tabular}\n\\end{table}\n" });
}

/// Cells with whether their column is one of numbers, and its width. Why there is no number takes the room of all the
/// numbers that there are not.
fn row(cells: &[(&Cell, bool, usize)]) -> Vec<String> {
    let mut row = Vec::with_capacity(cells.len());
    let mut rest = cells;
    while let Some(((cell, numeric, width), after)) = rest.split_first() {
        let blanks = after.iter().take_while(|(cell, ..)| is_blank(cell)).count();
        if cell.kind == CellKind::Missing && blanks > 0 {
            let room = width + after[..blanks].iter().map(|(.., width)| width + GAP).sum::<usize>();
            row.push(format!("\\multicolumn{{{}}}{{l}}{{{}}}", blanks + 1, self::cell(cell, true, room)));
            rest = &after[blanks..];
        } else {
            row.push(self::cell(cell, *numeric, *width));
            rest = after;
        }
    }
    row
}

fn format(column: Option<&Column>, width: usize) -> String {
    match column {
        Some(column) if column.numeric => "r".to_owned(),
        _ if width >= WIDEST_NAME => format!(">{{\\raggedright\\arraybackslash}}p{{{}em}}", half(width)),
        _ => "l".to_owned(),
    }
}

/// So many characters in em, the unit of the type size.
fn half(characters: usize) -> String {
    format!("{}.{}", characters / 2, characters % 2 * 5)
}

fn head(column: &Column, width: usize) -> String {
    let lines = wrap(&sentence(&column.head), width.max(NARROWEST_HEAD));
    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
    let side = if column.numeric { 'r' } else { 'l' };
    if lines.len() < 2 { lines.concat() } else { format!("\\headlines{{{side}}}{{{}}}", lines.join("\\\\")) }
}

/// Lines of whole words, of `width` characters where the words let them. A word may break behind `_` and `/`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = shorten(word, LONGEST_WORD);
        for (index, piece) in word.split_inclusive(['_', '/']).enumerate() {
            let space = if index == 0 { " " } else { "" };
            match lines.last_mut() {
                Some(line) if line.chars().count() + space.len() + piece.chars().count() <= width => {
                    line.push_str(space);
                    line.push_str(piece);
                }
                _ => lines.push(piece.to_owned()),
            }
        }
    }
    lines
}

fn cell(cell: &Cell, numeric: bool, width: usize) -> String {
    let shown = shorten(&shown::cell(cell), LONGEST_CELL);
    let text = match cell.kind {
        CellKind::Strong if shown.chars().count() <= WIDEST_NUMBER => format!("\\textbf{{{}}}", escape(&shown)),
        CellKind::Struck if shown.chars().count() <= WIDEST_NUMBER => format!("\\struck{{{}}}", escape(&shown)),
        CellKind::Verdict(verdict) => look(verdict, &shown),
        // A column of numbers does not break lines by itself.
        CellKind::Missing | CellKind::Text | CellKind::Name if numeric && shown.chars().count() > width => {
            format!("\\celltext{{{}em}}{{{}}}", half(width), escape(&shown))
        }
        CellKind::Number | CellKind::Strong | CellKind::Struck if shown.chars().count() > WIDEST_NUMBER => {
            format!("\\celltext{{{}em}}{{{}}}", half(WIDEST_NUMBER), escape(&shown))
        }
        _ => escape(&shown),
    };
    let tags: Vec<String> = cell.tags.iter().map(|tag| format!("\\celltag{{{}}}", escape::escape(tag))).collect();
    text + &tags.concat()
}

fn title(table: &Table) -> String {
    heading(&table.title)
}

/// Title, note and hints, the latter two in the caption or above the table, whichever they fit.
fn caption(table: &Table) -> (String, String) {
    let hints = shown::hints(table);
    let hints = if hints.is_empty() { hints } else { format!("{hints}.") };
    let words: Vec<&str> = [table.note.as_str(), &hints].into_iter().filter(|part| !part.is_empty()).collect();
    let words = words.join(" ");
    let end = if table.title.ends_with(['.', ':', '!', '?']) { "" } else { "." };
    let title = format!("\\textbf{{{}{end}}}", title(table));
    match words.chars().count() {
        0 => (title, String::new()),
        1..=LONGEST_CAPTION => (format!("{title} {}", text(&words)), String::new()),
        _ => (title, text(&words)),
    }
}
