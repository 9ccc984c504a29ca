//! `report.md`: the report as GitHub-flavoured Markdown.

use super::groups;
use crate::report::{
    Analysis, Cell, Comparison, ComparisonResult, ConfigResult, Family, Loss, MetricInfo, Role, Stratum, Tested,
    number::{self, fixed, measured_decimals, signed, tested_decimals},
    text,
    wording::{self, Look},
};
use std::fmt::Write;
use sweeper_stats::Interval;

/// Markdown text. User text is escaped; long names are shortened.
#[must_use]
pub fn markdown(analysis: &Analysis) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", name(&analysis.name));
    if analysis.partial {
        let _ = writeln!(out, "> **{}**\n", escape(&wording::partial_stamp(analysis)));
    }
    if let Some(warning) = text::determinism_warning(analysis) {
        let _ = writeln!(out, "> **{}**\n", escape(&warning));
    }
    let _ = writeln!(out, "{}. {}\n", escape(&wording::counts(&analysis.counts)), escape(&text::question(analysis)));
    let notes = text::notes(analysis);
    for (whose, note) in &notes {
        let _ = writeln!(out, "- Note on {}: {}", name(whose), escape(note));
    }
    if !notes.is_empty() {
        out.push('\n');
    }
    out.push_str("## Verdicts\n\n");
    for stratum in &analysis.strata {
        heading(&mut out, stratum);
        for family in stratum.families.iter().filter(|f| f.role == Role::Primary) {
            verdicts(&mut out, analysis, family);
        }
    }
    for role in [Role::Primary, Role::Secondary] {
        for (index, metric) in analysis.metrics.iter().enumerate() {
            if metric.primary == (role == Role::Primary) {
                section(&mut out, analysis, index, metric);
            }
        }
    }
    exceptions(&mut out, analysis);
    how_to_read(&mut out, analysis);
    provenance(&mut out, analysis);
    out
}

fn heading(out: &mut String, stratum: &Stratum) {
    if !stratum.name.is_empty() {
        let _ = writeln!(out, "### {}\n", name(&stratum.name));
    }
}

fn verdicts(out: &mut String, analysis: &Analysis, family: &Family) {
    let _ = writeln!(
        out,
        "{} {}\n",
        escape(&text::family_line(analysis, family)),
        escape(&text::correction_line(analysis, family))
    );
    for comparison in wording::verdict_order(family) {
        let word = Look::of(&comparison.result).word();
        let _ = writeln!(out, "- **{word}**: {}", escape(&comparison.sentence));
    }
    out.push('\n');
}

fn section(out: &mut String, analysis: &Analysis, index: usize, metric: &MetricInfo) {
    let role = if metric.primary { "primary" } else { "secondary" };
    let _ = writeln!(out, "## {} ({role})\n", name(&metric.name));
    for stratum in &analysis.strata {
        heading(out, stratum);
        summary_table(out, analysis, stratum, index, metric);
        if let Some(family) = stratum.families.get(index) {
            comparison_table(out, analysis, family, metric);
        }
    }
}

fn summary_table(out: &mut String, analysis: &Analysis, stratum: &Stratum, index: usize, metric: &MetricInfo) {
    let unit = metric.unit.of_value();
    let mean = number::with_unit("mean", &if unit.is_empty() { String::new() } else { format!("({unit})") });
    let confidence = number::percent(analysis.plan.confidence);
    table_head(out, &["config", "n", &mean, "SD", &format!("{confidence} interval"), "median", "min", "max"]);
    for config in &stratum.configs {
        let _ = writeln!(out, "| {} |", summary_cells(config, index).join(" | "));
    }
    out.push('\n');
}

fn summary_cells(config: &ConfigResult, index: usize) -> Vec<String> {
    let mark = if config.baseline { " (baseline)" } else { "" };
    let mut row = vec![format!("{}{mark}", name(&config.name))];
    match config.cells.get(index) {
        Some(Cell::Measured(m)) => {
            let d = measured_decimals(m);
            row.push(text::n(m, config.counts.planned));
            row.push(fixed(m.mean, d));
            row.push(m.sd.map_or_else(|| "n/a".to_owned(), |sd| fixed(sd, d)));
            row.push(m.interval.as_ref().map_or_else(|| "n/a".to_owned(), |i| number::interval(i, d)));
            row.extend([m.median, m.min, m.max].map(|v| fixed(v, d)));
        }
        Some(Cell::NoData) => {
            row.push(text::n_of(0, config.counts.planned));
            row.extend(["no data", "", "", "", "", ""].map(str::to_owned));
        }
        Some(Cell::NotMeasured) | None => row.extend(["", "not measured", "", "", "", "", ""].map(str::to_owned)),
    }
    row
}

fn comparison_table(out: &mut String, analysis: &Analysis, family: &Family, metric: &MetricInfo) {
    if family.comparisons.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}\n", escape(&text::family_caption(analysis, family)));
    let unit = metric.unit.of_difference();
    let difference = if unit.is_empty() { "difference".to_owned() } else { format!("difference ({unit})") };
    let interval = format!("{} interval", number::percent(analysis.plan.confidence));
    let effect = text::effect_head(family);
    table_head(
        out,
        &[
            "config",
            "verdict",
            &difference,
            &interval,
            "n",
            "t",
            "df",
            "p_value",
            "p_adjusted",
            &effect,
            "Welch interval",
            "Welch p_value",
            "seed correlation",
        ],
    );
    for comparison in &family.comparisons {
        let _ = writeln!(out, "| {} |", comparison_cells(comparison, analysis.plan.alpha).join(" | "));
    }
    out.push('\n');
}

fn comparison_cells(comparison: &Comparison, alpha: f64) -> Vec<String> {
    let mut row = vec![name(&comparison.config), Look::of(&comparison.result).word().to_owned()];
    match &comparison.result {
        ComparisonResult::Tested(tested) => row.extend(tested_cells(tested, &comparison.losses, alpha)),
        ComparisonResult::NotTested(why) => {
            row.push(wording::untested_short(why));
            row.resize(13, String::new());
        }
    }
    row
}

fn tested_cells(tested: &Tested, losses: &[Loss], alpha: f64) -> [String; 11] {
    let d = tested_decimals(tested);
    let signed_interval = |i: &Interval| format!("[{}, {}]", signed(i.low, d), signed(i.high, d));
    let welch = tested.welch.as_ref();
    [
        signed(tested.primary.difference, d),
        signed_interval(&tested.primary.interval),
        text::tested_n(tested, losses),
        number::statistic(tested.primary.statistic),
        number::df(tested.primary.df),
        number::p(tested.primary.p_value, alpha),
        number::p(tested.p_adjusted, alpha),
        text::effect(tested),
        welch.map_or_else(|| "n/a".to_owned(), |w| signed_interval(&w.interval)),
        welch.map_or_else(|| "n/a".to_owned(), |w| number::p(w.p_value, alpha)),
        tested.seed_correlation.map_or_else(|| "n/a".to_owned(), |r| fixed(r, 2)),
    ]
}

fn exceptions(out: &mut String, analysis: &Analysis) {
    out.push_str("## Missing and diverged trials\n\n");
    let groups = groups::exceptions(analysis);
    if groups.is_empty() {
        out.push_str("None: every planned trial completed with finite numbers.\n\n");
    } else {
        table_head(out, &["config", "replicates", "what", "reason"]);
        for group in groups {
            let reason = escape(&wording::shorten(group.reason, text::LONGEST_REASON));
            let _ = writeln!(out, "| {} | {} | {} | {reason} |", name(group.config), group.replicates, group.kind);
        }
        out.push('\n');
    }
    out.push_str("## Differences from the plan\n\n");
    if analysis.deviations.is_empty() {
        out.push_str("None.\n\n");
    }
    for deviation in &analysis.deviations {
        let _ = writeln!(out, "- {}", escape(deviation));
    }
    if !analysis.deviations.is_empty() {
        out.push('\n');
    }
}

fn how_to_read(out: &mut String, analysis: &Analysis) {
    out.push_str("## How to read this\n\n");
    for sentence in text::method(analysis) {
        let _ = writeln!(out, "- {}", escape(&sentence));
    }
    out.push('\n');
}

fn provenance(out: &mut String, analysis: &Analysis) {
    out.push_str("## Provenance\n\n");
    table_head(out, &["what", "value"]);
    for (what, value) in text::provenance(analysis) {
        let _ = writeln!(out, "| {} | {} |", escape(&what), escape(&value));
    }
    let p = &analysis.provenance;
    out.push_str("\n### Recipes\n\n");
    table_head(out, &["config", "digest", "recipe (what differs from the defaults)"]);
    for record in &p.recipes {
        let recipe = escape(&wording::shorten(&record.recipe, text::LONGEST_RECIPE));
        let _ = writeln!(out, "| {} | {} | {recipe} |", name(&record.config), escape(&record.digest));
    }
    out.push_str("\n### Seeds\n\n");
    table_head(out, &["config", "replicate", "seed"]);
    for record in &p.seeds {
        let config = record.config.as_deref().map_or_else(|| "all".to_owned(), name);
        let _ = writeln!(out, "| {config} | {} | {} |", record.replicate, record.seed);
    }
    out.push_str("\n### Sweep file\n\n");
    let fence = fence(&p.toml);
    let end = if p.toml.ends_with('\n') { "" } else { "\n" };
    let _ = writeln!(out, "{fence}toml\n{}{end}{fence}", p.toml);
}

fn table_head(out: &mut String, cells: &[&str]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(cells.len()));
}

/// A name for people, escaped.
fn name(name: &str) -> String {
    escape(&wording::display_name(name))
}

/// Text that Markdown shows as it is: in a table cell, in a heading and in a paragraph.
pub(super) fn escape(text: &str) -> String {
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
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    // A line must not begin as a heading or a list.
    if out.starts_with(['#', '+', '-', '=']) { format!("\\{out}") } else { out }
}

/// A code fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}
