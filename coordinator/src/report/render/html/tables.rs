//! Tables of numbers.

use super::{class, minus};
use crate::report::{
    Analysis, Cell, Comparison, ComparisonResult, ConfigResult, Family, Loss, MetricInfo, Stratum, Tested,
    number::{self, fixed, measured_decimals, signed, tested_decimals},
    text,
    wording::{Look, display_name, untested_short},
};
use maud::{Markup, html};
use sweeper_stats::Interval;

/// n, mean, SD, interval, median, min and max of every config on one metric.
pub(super) fn summary(analysis: &Analysis, stratum: &Stratum, index: usize, metric: &MetricInfo) -> Markup {
    let unit = metric.unit.of_value();
    html! {
        h4 { "Summary" @if !unit.is_empty() { ", in " (unit) } }
        div.scroll { table {
            thead { tr {
                th { "config" }
                @for head in ["n", "mean", "SD"] { th.number { (head) } }
                th.number { (number::percent(analysis.plan.confidence)) " interval" }
                @for head in ["median", "min", "max"] { th.number { (head) } }
            } }
            tbody { @for config in &stratum.configs { (summary_row(config, index)) } }
        } }
    }
}

fn summary_row(config: &ConfigResult, index: usize) -> Markup {
    html! {
        tr.baseline[config.baseline] {
            (config_head(config))
            @match config.cells.get(index) {
                Some(Cell::Measured(m)) => {
                    @let d = measured_decimals(m);
                    td.number { (few(&text::n_of(m.n, config.counts.planned), m.few)) }
                    td.number { strong { (minus(&fixed(m.mean, d))) } }
                    td.number { (m.sd.map_or_else(|| "n/a".to_owned(), |sd| fixed(sd, d))) }
                    td.number { (m.interval.as_ref().map_or_else(|| "n/a".to_owned(), |i| minus(&number::interval(i, d)))) }
                    @for value in [m.median, m.min, m.max] { td.number { (minus(&fixed(value, d))) } }
                }
                Some(Cell::NoData) => { td.number { (text::n_of(0, config.counts.planned)) } td.none colspan="6" { "no data" } }
                _ => { td {} td.none colspan="6" { "not measured" } }
            }
        }
    }
}

fn config_head(config: &ConfigResult) -> Markup {
    html! { th scope="row" { (display_name(&config.name)) @if config.baseline { " " span.tag { "baseline" } } } }
}

fn few(n: &str, few: bool) -> Markup {
    html! { (n) @if few { " " span.few title="few replicates" { "few" } } }
}

/// All comparisons of one family.
pub(super) fn comparisons(analysis: &Analysis, family: &Family, metric: &MetricInfo) -> Markup {
    let unit = metric.unit.of_difference();
    html! {
        h4 { "Comparisons" @if !unit.is_empty() { ", differences in " (unit) } }
        p.note { (text::family_caption(analysis, family)) }
        div.scroll { table {
            thead { tr {
                th { "config" }
                th { "verdict" }
                th.number { "difference" }
                th.number { (number::percent(analysis.plan.confidence)) " interval" }
                @for head in ["n", "t (df)", "p"] { th.number { (head) } }
                th.number { "adjusted p" }
                th.number { (text::effect_head(family)) }
                th.number { "Welch interval" }
                th.number { "Welch p" }
                th.number title="correlation across seeds" { "seed r" }
            } }
            tbody { @for comparison in &family.comparisons { (comparison_row(comparison, analysis.plan.alpha)) } }
        } }
    }
}

fn comparison_row(comparison: &Comparison, alpha: f64) -> Markup {
    let result = &comparison.result;
    let look = Look::of(result);
    html! {
        tr {
            th scope="row" { (display_name(&comparison.config)) }
            td class={ "verdict " (class(look)) } { span.mark aria-hidden="true" { (look.mark()) } " " (look.word()) }
            @match result {
                ComparisonResult::Tested(tested) => (tested_cells(tested, &comparison.losses, alpha)),
                ComparisonResult::NotTested(why) => td.none colspan="10" { (untested_short(why)) },
            }
        }
    }
}

fn tested_cells(tested: &Tested, losses: &[Loss], alpha: f64) -> Markup {
    let d = tested_decimals(tested);
    let interval = |i: &Interval| minus(&format!("[{}, {}]", signed(i.low, d), signed(i.high, d)));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "n/a".to_owned());
    let welch = tested.welch.as_ref();
    html! {
        td.number { strong { (minus(&signed(tested.primary.difference, d))) } }
        td.number { (interval(&tested.primary.interval)) }
        td.number {
            (few(&text::sizes(tested), tested.few))
            @if !losses.is_empty() { " " span.few title="trials diverged or were abandoned" { "survivors" } }
        }
        td.number { (minus(&number::statistic(tested.primary.statistic))) " (" (number::df(tested.primary.df)) ")" }
        td.number { (number::p(tested.primary.p_value, alpha)) }
        td.number { strong { (number::p(tested.p_adjusted, alpha)) } }
        td.number { (minus(&text::effect(tested))) }
        td.number { (or_none(welch.map(|w| interval(&w.interval)))) }
        td.number { (or_none(welch.map(|w| number::p(w.p_value, alpha)))) }
        td.number { (or_none(tested.seed_correlation.map(|r| minus(&fixed(r, 2))))) }
    }
}

/// Mean and SD of every config on every metric.
pub(super) fn matrix(analysis: &Analysis, stratum: &Stratum) -> Markup {
    html! {
        div.scroll { table.matrix {
            thead { tr {
                th { "config" }
                th.number { "completed" }
                @for metric in &analysis.metrics { th.number { (matrix_head(metric)) } }
            } }
            tbody { @for config in &stratum.configs {
                tr.baseline[config.baseline] {
                    (config_head(config))
                    td.number { (config.counts.completed) " of " (config.counts.planned) }
                    @for cell in &config.cells { (matrix_cell(cell)) }
                }
            } }
        } }
    }
}

fn matrix_head(metric: &MetricInfo) -> Markup {
    let name = display_name(&metric.name);
    let (kind, split) = name.split_once('/').unwrap_or((name.as_str(), ""));
    let unit = metric.unit.of_value();
    html! {
        @for (i, part) in kind.split('_').enumerate() { @if i > 0 { "_" wbr; } (part) }
        @if !split.is_empty() { br; strong { (split) } }
        @if !unit.is_empty() { br; span.note { (unit) } }
    }
}

fn matrix_cell(cell: &Cell) -> Markup {
    html! {
        @match cell {
            Cell::Measured(m) => {
                @let d = measured_decimals(m);
                td.number { (minus(&fixed(m.mean, d))) @if let Some(sd) = m.sd { span.sd { (fixed(sd, d)) } } }
            }
            Cell::NoData => td.none { "no data" },
            Cell::NotMeasured => td.none title="not measured" { "–" },
        }
    }
}
