//! The summary table and the verdicts for a terminal.

use crate::report::{
    Analysis, Cell, Comparison, Family, MetricInfo, Role, Stratum,
    document::{Table, stamps, task_tables},
    number::{fixed, measured_decimals},
    source, text,
    wording::{Look, display_name, shorten, subject_within, verdict_order},
};
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// Longest config name in the table, in characters.
const NAME: usize = 32;

/// Plain text; with `color`, verdicts and headings carry ANSI styles. Every line ends with a line feed.
#[must_use]
pub fn terminal(analysis: &Analysis, color: bool) -> String {
    let paint = Paint { color };
    let mut out = String::new();
    let title = format!("{} ({}, {})", display_name(&analysis.name), analysis.provenance.sweep, analysis.state);
    line(&mut out, &paint.as_style(&title, Style::new().bold()));
    for stamp in stamps(analysis) {
        line(&mut out, &paint.as_style(&stamp, warning()));
    }
    analysis.planned_line().iter().for_each(|planned| line(&mut out, planned));
    line(&mut out, &source::counts(analysis));
    for stratum in &analysis.strata {
        line(&mut out, "");
        if !stratum.name.is_empty() {
            line(&mut out, &paint.as_style(&display_name(&stratum.name), Style::new().bold()));
        }
        table(&mut out, analysis, stratum, paint);
        if let Some(family) = stratum.families.iter().find(|f| f.role == Role::Primary) {
            verdicts(&mut out, analysis, family, paint);
        }
    }
    for table in task_tables(analysis) {
        line(&mut out, "");
        line(&mut out, &paint.as_style(&format!("Across tasks: {}", table.title), Style::new().bold()));
        plain_table(&mut out, &table, paint);
    }
    out
}

/// A table of the page as lines of text.
fn plain_table(out: &mut String, table: &Table, paint: Paint) {
    let head: Vec<String> = table.columns.iter().map(|c| c.head.clone()).collect();
    let rows: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.cells.iter().map(|cell| shorten(&cell.shown, NAME)).collect()).collect();
    let mut widths: Vec<usize> = head.iter().map(|c| c.chars().count()).collect();
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(w, cell)| *w = (*w).max(cell.chars().count()));
    }
    line(out, &paint.as_style(&joined(&head, &widths), Style::new().bold()));
    rows.iter().for_each(|row| line(out, &joined(row, &widths)));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn warning() -> Style {
    AnsiColor::Yellow.on_default().bold()
}

#[derive(Clone, Copy)]
struct Paint {
    color: bool,
}

impl Paint {
    fn as_style(self, text: &str, style: Style) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The primary metric and every plain accuracy.
fn shown(analysis: &Analysis) -> Vec<(usize, &MetricInfo)> {
    let wanted = |metric: &MetricInfo| metric.primary || metric.name.starts_with("accuracy/");
    analysis.metrics.iter().enumerate().filter(|(_, m)| wanted(m)).collect()
}

fn table(out: &mut String, analysis: &Analysis, stratum: &Stratum, paint: Paint) {
    let metrics = shown(analysis);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for config in &stratum.configs {
        let mark = if config.baseline { " *" } else { "" };
        let mut row = vec![format!("{}{mark}", shorten(&config.name, NAME))];
        for &(m, _) in &metrics {
            row.extend(cells(config.cells.get(m), config.counts.planned));
        }
        rows.push(row);
    }
    let baseline = stratum.configs.iter().any(|config| config.baseline);
    let mut head = vec![if baseline { "config (* baseline)" } else { "config" }.to_owned()];
    head.extend(metrics.iter().flat_map(|_| ["mean", "SD", "n"].map(str::to_owned)));
    let mut widths: Vec<usize> = head.iter().map(|c| c.chars().count()).collect();
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(w, cell)| *w = (*w).max(cell.chars().count()));
    }
    let titles: Vec<String> = metrics.iter().map(|(_, m)| title(m)).collect();
    // A title spans three columns; the last of them is widened where it is longer.
    for (index, title) in titles.iter().enumerate() {
        let span = &mut widths[1 + 3 * index..4 + 3 * index];
        let room: usize = span.iter().sum::<usize>() + 2;
        span[0] += title.chars().count().saturating_sub(room);
    }
    let mut top = " ".repeat(widths[0]);
    for (index, title) in titles.iter().enumerate() {
        let room = widths[1 + 3 * index..4 + 3 * index].iter().sum::<usize>() + 2;
        let _ = write!(top, "  {title:>room$}");
    }
    line(out, &paint.as_style(top.trim_end(), Style::new().bold()));
    line(out, &paint.as_style(&joined(&head, &widths), Style::new().bold()));
    for row in &rows {
        line(out, &joined(row, &widths));
    }
}

fn title(metric: &MetricInfo) -> String {
    let name = shorten(&metric.name, NAME);
    let unit = metric.unit.of_value();
    if unit.is_empty() { name } else { format!("{name} {unit}") }
}

fn cells(cell: Option<&Cell>, planned: usize) -> [String; 3] {
    match cell {
        Some(Cell::Measured(m)) => {
            let decimals = measured_decimals(m);
            let n = text::n(m, planned);
            [fixed(m.mean, decimals), m.sd.map_or_else(|| "-".to_owned(), |sd| fixed(sd, decimals)), n]
        }
        Some(Cell::NotMeasured) | None => ["not measured".to_owned(), String::new(), String::new()],
        Some(Cell::NoData) => ["no data".to_owned(), String::new(), text::n_of(0, planned)],
    }
}

/// The first cell to the left, the others to the right.
fn joined(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let _ = if index == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
    }
    text.trim_end().to_owned()
}

fn verdicts(out: &mut String, analysis: &Analysis, family: &Family, paint: Paint) {
    line(out, "");
    line(out, &text::family_line(analysis, family));
    line(out, &text::correction_line(analysis, family));
    for comparison in verdict_order(family) {
        let name = subject_within(comparison, analysis.plan.family, NAME);
        line(out, &format!("  {}  {name}: {}", badge(comparison, paint), comparison.evidence));
    }
}

fn badge(comparison: &Comparison, paint: Paint) -> String {
    let look = Look::of(&comparison.result);
    let style = match look {
        Look::Better => AnsiColor::Blue.on_default().bold(),
        Look::Worse => AnsiColor::Red.on_default().bold(),
        Look::NegligiblyBetter | Look::NegligiblyWorse | Look::Equivalent | Look::Undecided | Look::Equal => {
            Style::new()
        }
        Look::NotMeasured | Look::NotTested => Style::new().dimmed(),
    };
    paint.as_style(&format!("{} {:<12}", look.mark(), look.word()), style)
}
