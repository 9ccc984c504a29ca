//! `report.md`: a document as GitHub-flavoured Markdown. Figures are files beside it, in `figures/`.

use super::shown::{self, cited, id, lines, plain};
use crate::report::document::{Block, Cell, CellKind, Document, Figure, Table};
use std::fmt::Write;

/// Markdown text. Every text is escaped; a minus sign stays a hyphen, so that numbers can be copied from it.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", heading(&document.title));
    // Asterisks around nothing would be a rule.
    for stamp in document.stamps.iter().map(|stamp| inline(stamp)).filter(|stamp| !stamp.is_empty()) {
        let _ = writeln!(out, "> **{stamp}**\n");
    }
    list(&mut out, &document.facts);
    for section in &document.sections {
        let tag = section.tag.map_or_else(String::new, |tag| format!(" ({tag})"));
        let _ = writeln!(out, "## {}\n", heading(&format!("{}{tag}", section.title)));
        section.blocks.iter().for_each(|block| self::block(&mut out, block));
    }
    out
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => {
            let _ = writeln!(out, "### {}\n", heading(text));
        }
        Block::Lead(text) if inline(text).is_empty() => {}
        Block::Lead(text) => {
            let _ = writeln!(out, "**{}**\n", inline(text));
        }
        Block::Text(text) | Block::Note(text) => {
            let _ = writeln!(out, "{}\n", paragraph(text));
        }
        Block::List(items) => list(out, items),
        Block::Methods(methods) => {
            for method in methods {
                let formula = method.formula.map_or_else(String::new, |f| format!("  \n  {}", inline(f.plain)));
                let _ = writeln!(out, "- {}{formula}", paragraph(&cited(method)));
            }
            out.push('\n');
        }
        Block::References(works) => {
            let _ = writeln!(out, "### References\n");
            list(out, &works.iter().map(|work| work.reference()).collect::<Vec<String>>());
        }
        Block::Claims(claims) => {
            for claim in claims {
                let _ = writeln!(out, "- **{}**: {}", claim.look.word(), inline(&claim.sentence));
            }
            out.push('\n');
        }
        Block::Facts(facts) => {
            for (what, value) in facts {
                let _ = writeln!(out, "- {}: {}", paragraph(what), inline(value));
            }
            out.push('\n');
        }
        Block::Table(table) => self::table(out, table),
        Block::FilesOnly(table) => {
            let _ = writeln!(out, "{}\n", paragraph(&table.elsewhere()));
        }
        Block::Figure(figure) => self::figure(out, figure),
        Block::Code { language, text } => code(out, language, text),
        Block::Fold { summary, open, blocks } => {
            // Inside of HTML, which GitHub lets through for folds, the rules of HTML hold and not those of Markdown.
            let open = if *open { " open" } else { "" };
            let _ = writeln!(out, "<details{open}>\n<summary>{}</summary>\n", html(summary));
            blocks.iter().for_each(|block| self::block(out, block));
            out.push_str("</details>\n\n");
        }
    }
}

fn list(out: &mut String, items: &[String]) {
    for item in items {
        let _ = writeln!(out, "- {}", paragraph(item));
    }
    if !items.is_empty() {
        out.push('\n');
    }
}

fn table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "#### {}\n", heading(&table.title));
    let hints = shown::hints(table);
    for text in [&table.note, &hints].into_iter().filter(|text| !text.trim().is_empty()) {
        let _ = writeln!(out, "{}\n", paragraph(text));
    }
    if table.columns.is_empty() {
        return;
    }
    let heads: Vec<String> = table.columns.iter().map(|c| inline(&c.head)).collect();
    let rules: String = table.columns.iter().map(|c| if c.numeric { "---:|" } else { "---|" }).collect();
    let _ = writeln!(out, "| {} |\n|{rules}", heads.join(" | "));
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.push('\n');
}

/// `1.5 (few)`; numbers are left as they are where they mean nothing to Markdown.
fn cell(cell: &Cell) -> String {
    let number = matches!(cell.kind, CellKind::Number | CellKind::Strong | CellKind::Struck);
    let text = if number && is_harmless(&cell.shown) { cell.shown.clone() } else { inline(&cell.shown) };
    let text = if cell.kind == CellKind::Struck && !text.is_empty() { format!("~~{text}~~") } else { text };
    if cell.tags.is_empty() { text } else { format!("{text} ({})", inline(&cell.tags.join(", "))) }
}

fn is_harmless(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',' | 'e' | ' ' | '[' | ']' | '(' | ')');
    text.chars().all(digits) && !text.contains("](") && !text.contains("][")
}

fn figure(out: &mut String, figure: &Figure) {
    let (title, file) = (inline(&figure.title), id(&figure.id));
    let _ = writeln!(out, "![{title}](figures/{file}.svg)\n");
    let caption =
        if title.is_empty() { paragraph(&figure.caption) } else { format!("**{title}** {}", inline(&figure.caption)) };
    let _ = writeln!(out, "{caption}\n");
}

/// A code fence longer than any run of backticks in the text.
fn code(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}{language}");
    for line in lines(text) {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{fence}\n");
}

/// Text that Markdown shows as it is: in a cell of a table, in a heading and inside a line.
fn inline(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// [`inline`] as a heading, whose last number signs would be taken for its end.
fn heading(text: &str) -> String {
    let out = inline(text);
    let kept = out.trim_end_matches('#').len();
    format!("{}{}", &out[..kept], out[kept..].replace('#', "\\#"))
}

/// [`inline`] at the beginning of a line, where some characters make a heading, a list or a rule.
fn paragraph(text: &str) -> String {
    let out = inline(text);
    if out.starts_with(['#', '+', '-', '=']) {
        return format!("\\{out}");
    }
    let digits = out.chars().take_while(char::is_ascii_digit).count();
    match out.get(digits..digits + 1) {
        Some(mark @ ("." | ")")) if digits > 0 => format!("{}\\{mark}{}", &out[..digits], &out[digits + 1..]),
        _ => out,
    }
}

fn html(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
