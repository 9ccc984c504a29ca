//! The parts of the page below the verdicts.

use super::{
    badge, class, minus,
    plot::{Plot, Row},
    stratum_heading, tables,
};
use crate::report::{
    Analysis, Cell, Comparison, ConfigResult, MetricInfo, Stratum, number,
    render::groups,
    text,
    wording::{self, Look, direction, display_name},
};
use maud::{Markup, html};

/// The primary metric: pictures and tables, in full.
pub(super) fn primary(analysis: &Analysis) -> Markup {
    html! {
        @for (index, metric) in analysis.metrics.iter().enumerate().filter(|(_, m)| m.primary) {
            section {
                h2 { (display_name(&metric.name)) " " span.tag { "primary metric" } }
                @for stratum in &analysis.strata { (metric_body(analysis, stratum, index, metric)) }
            }
        }
    }
}

/// With more configs than this in a stratum, another metric than the primary one shows its decided comparisons only,
/// so that the page stays one that a browser opens at once.
const IN_FULL: usize = 60;

/// Every other metric, folded.
pub(super) fn secondary(analysis: &Analysis) -> Markup {
    let others = || analysis.metrics.iter().enumerate().filter(|(_, m)| !m.primary);
    html! {
        @if others().next().is_some() {
            section {
                h2 { "Other metrics" }
                p.note { "Each is a family of its own in each stratum, and exploratory." }
                @for (index, metric) in others() {
                    details {
                        summary { strong { (display_name(&metric.name)) } span.note { " " (family_tallies(analysis, index)) } }
                        @for stratum in &analysis.strata {
                            @if stratum.configs.len() > IN_FULL { (decided_only(analysis, stratum, index, metric)) } @else {
                                (metric_body(analysis, stratum, index, metric))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn family_tallies(analysis: &Analysis, index: usize) -> String {
    let families = analysis.strata.iter().filter_map(|s| Some((s, s.families.get(index)?)));
    let one = |(stratum, family): (&Stratum, _)| {
        let tally = wording::tally(family);
        if stratum.name.is_empty() { tally } else { format!("{}: {tally}", wording::shorten(&stratum.name, 24)) }
    };
    families.map(one).collect::<Vec<String>>().join("; ")
}

fn metric_body(analysis: &Analysis, stratum: &Stratum, index: usize, metric: &MetricInfo) -> Markup {
    let family = stratum.families.get(index);
    html! {
        (stratum_heading(stratum))
        (value_plot(analysis, stratum, index, metric))
        @if let Some(family) = family.filter(|f| f.size > 0) {
            (difference_plot(analysis, &family.comparisons, metric))
        }
        @if let Some(family) = family.filter(|f| !f.comparisons.is_empty()) {
            (tables::comparisons(analysis, family, metric))
        }
        (tables::summary(analysis, stratum, index, metric))
    }
}

fn decided_only(analysis: &Analysis, stratum: &Stratum, index: usize, metric: &MetricInfo) -> Markup {
    let Some(family) = stratum.families.get(index) else { return html! {} };
    let mut shown = family.clone();
    shown.comparisons.retain(|c| matches!(Look::of(&c.result), Look::Better | Look::Worse));
    let (some, all) = (shown.comparisons.len(), family.comparisons.len());
    html! {
        (stratum_heading(stratum))
        p.note { "Of " (all) " comparisons the " (some) " decided ones are shown; report.json and report.md hold all." }
        (difference_plot(analysis, &shown.comparisons, metric))
        @if some > 0 { (tables::comparisons(analysis, &shown, metric)) }
    }
}

fn value_plot(analysis: &Analysis, stratum: &Stratum, index: usize, metric: &MetricInfo) -> Markup {
    let baseline = stratum.configs.iter().find(|c| c.baseline);
    let reference = baseline.and_then(|c| c.cells.get(index)?.measured()).map(|m| m.mean);
    let comparison = |config: &ConfigResult| {
        stratum.families.get(index).and_then(|f| f.comparisons.iter().find(|c| c.index == config.index))
    };
    let caption = format!(
        "Every training as a dot; below the dots the mean with its {} interval. Dashed: mean of the baseline.",
        number::percent(analysis.plan.confidence)
    );
    let plot = Plot {
        title: "All trainings.",
        axis: &axis_title(&display_name(&metric.name), metric.unit.of_value(), direction(metric.direction)),
        caption: &caption,
        reference,
        rows: stratum.configs.iter().map(|c| value_row(c, index, comparison(c))).collect(),
    };
    plot.draw()
}

fn axis_title(name: &str, unit: &str, way: &str) -> String {
    if unit.is_empty() { format!("{name} – {way}") } else { format!("{name} in {unit} – {way}") }
}

fn value_row(config: &ConfigResult, index: usize, comparison: Option<&Comparison>) -> Row {
    let (class, mark) = row_look(config.baseline, comparison);
    let cell = config.cells.get(index);
    let measured = cell.and_then(Cell::measured);
    Row {
        label: display_name(&config.name),
        baseline: config.baseline,
        class,
        mark,
        dots: measured.map(|m| m.values.iter().map(|o| o.value).collect()).unwrap_or_default(),
        mean: measured.map(|m| m.mean),
        interval: measured.and_then(|m| m.interval.as_ref()).map(|i| (i.low, i.high)),
        text: match (measured, cell) {
            (Some(m), _) => text::mean_and_interval(m),
            (None, Some(Cell::NoData)) => "no data".to_owned(),
            _ => "not measured".to_owned(),
        },
    }
}

fn row_look(baseline: bool, comparison: Option<&Comparison>) -> (&'static str, &'static str) {
    if baseline {
        return ("base", "■");
    }
    let look = comparison.map_or(Look::NotTested, |c| Look::of(&c.result));
    (class(look), look.mark())
}

fn difference_plot(analysis: &Analysis, comparisons: &[Comparison], metric: &MetricInfo) -> Markup {
    let row = |comparison: &Comparison| {
        let tested = comparison.result.tested()?;
        let (class, mark) = row_look(false, Some(comparison));
        let d = number::tested_decimals(tested);
        let interval = &tested.primary.interval;
        let numbers = [tested.primary.difference, interval.low, interval.high].map(|v| number::signed(v, d));
        Some(Row {
            label: display_name(&comparison.config),
            baseline: false,
            class,
            mark,
            dots: tested.pairs.iter().map(|o| o.value).collect(),
            mean: Some(tested.primary.difference),
            interval: Some((interval.low, interval.high)),
            text: format!("{} [{}, {}]", numbers[0], numbers[1], numbers[2]),
        })
    };
    let name = format!("{} minus baseline", display_name(&metric.name));
    let pairs = comparisons.iter().filter_map(|c| c.result.tested()).any(|t| !t.pairs.is_empty());
    let dots = if pairs { "Every pair of trainings with one seed as a dot; below them the" } else { "The" };
    let caption = format!(
        "{dots} mean difference with its {} interval. Dashed: no difference.",
        number::percent(analysis.plan.confidence)
    );
    let plot = Plot {
        title: "Difference from the baseline.",
        axis: &axis_title(&name, metric.unit.of_difference(), direction(metric.direction)),
        caption: &caption,
        reference: Some(0.0),
        rows: comparisons.iter().filter_map(row).collect(),
    };
    plot.draw()
}

/// All metrics of all configs: means and standard deviations.
pub(super) fn overview(analysis: &Analysis) -> Markup {
    html! {
        section {
            h2 { "All metrics" }
            p.note { "Mean, and below it the sample standard deviation of single trainings. A dash: not measured by this config." }
            @for stratum in &analysis.strata {
                (stratum_heading(stratum))
                (tables::matrix(analysis, stratum))
            }
        }
    }
}

/// What is missing, and what differs from the plan.
pub(super) fn exceptions(analysis: &Analysis) -> Markup {
    let groups = groups::exceptions(analysis);
    html! {
        section {
            h2 { "Missing and diverged trials" }
            @if groups.is_empty() { p { "None: every planned trial completed with finite numbers." } } @else {
                div.scroll { table {
                    thead { tr { th { "config" } th { "replicates" } th { "what" } th { "reason" } } }
                    tbody { @for group in &groups { tr {
                        th scope="row" { (display_name(group.config)) }
                        td { (group.replicates) }
                        td { (group.kind) }
                        td.text { (wording::shorten(group.reason, text::LONGEST_REASON)) }
                    } } }
                } }
            }
            h3 { "Differences from the plan" }
            @if analysis.deviations.is_empty() { p { "None." } } @else {
                ul { @for deviation in &analysis.deviations { li { (deviation) } } }
            }
        }
    }
}

/// How the numbers were made.
pub(super) fn how_to_read(analysis: &Analysis) -> Markup {
    html! {
        section {
            h2 { "How to read this" }
            ul.method { @for sentence in text::method(analysis) { li { (sentence) } } }
            p.note.legend {
                @for look in Look::ALL { (badge(look)) " " }
            }
        }
    }
}

/// Where the numbers come from.
pub(super) fn provenance(analysis: &Analysis) -> Markup {
    let p = &analysis.provenance;
    html! {
        section {
            h2 { "Provenance" }
            dl { @for (what, value) in text::provenance(analysis) { div { dt { (what) } dd { (minus(&value)) } } } }
            details { summary { "Sweep file" } pre { (p.toml) } }
            details {
                summary { "Recipes (what differs from the defaults)" }
                @for record in &p.recipes {
                    p.recipe { strong { (display_name(&record.config)) } " " code { (record.digest) } }
                    pre { (wording::shorten(&record.recipe, text::LONGEST_RECIPE)) }
                }
            }
            details {
                summary { "Seeds" }
                div.scroll { table {
                    thead { tr { th { "config" } th.number { "replicate" } th.number { "seed" } } }
                    tbody { @for record in &p.seeds { tr {
                        th scope="row" { (record.config.as_deref().map_or_else(|| "all".to_owned(), display_name)) }
                        td.number { (record.replicate) }
                        td.number { (record.seed) }
                    } } }
                } }
            }
        }
    }
}
