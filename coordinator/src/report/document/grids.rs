//! Pictures of grids of configs and of what a design can find: heat maps, interactions, power.

use super::{
    Figure,
    pictures::{caption, interval},
};
use crate::report::{
    Analysis, Comparison, Family, InteractionMeans, MetricInfo, PowerCurves, Stratum,
    figures::{
        self, Axis, HeatCell, HeatMap, HeatView, Interaction, Level, Mean, Power, PowerCurve, heat_map, interaction,
    },
    number,
    wording::{direction, display_name, shorten},
};
use sweeper_core::spec::{Direction, FamilyKind};

/// Configs of a heat map of all pairs, and levels of a factor.
const MOST_SIDE: usize = 30;

/// Differences and adjusted p-values of a family as a grid: two factors, or configs against configs. None where the family
/// is neither.
pub(super) fn heat(
    analysis: &Analysis,
    (stratum, family): (&Stratum, &Family),
    (m, metric): (usize, &MetricInfo),
    id: &str,
) -> Option<Figure> {
    match analysis.plan.family {
        FamilyKind::AllPairs => all_pairs(analysis, (stratum, family), (m, metric), id),
        FamilyKind::Baseline => two_factors(analysis, (stratum, family), metric, id),
        FamilyKind::OneFactor | FamilyKind::Matched => None,
    }
}

fn cell(comparison: &Comparison, sign: f64) -> Option<HeatCell> {
    let tested = comparison.result.tested()?;
    Some(HeatCell { effect: sign * tested.primary.difference, p: Some(tested.p_adjusted) })
}

fn effect(metric: &MetricInfo) -> String {
    let unit = metric.unit.of_difference();
    if unit.is_empty() { "difference".to_owned() } else { format!("difference in {unit}") }
}

fn colours(analysis: &Analysis) -> String {
    let alpha = number::exact(analysis.plan.alpha);
    format!(
        "Blue: higher, orange: lower; a frame: adjusted p at most {alpha}. Where cells have room, the adjusted p stands below the difference."
    )
}

/// Configs against configs, the best mean first.
fn all_pairs(
    analysis: &Analysis,
    (stratum, family): (&Stratum, &Family),
    (m, metric): (usize, &MetricInfo),
    id: &str,
) -> Option<Figure> {
    let mut configs: Vec<(u32, &str, f64)> = stratum
        .configs
        .iter()
        .filter_map(|c| Some((c.index, c.name.as_str(), c.cells.get(m)?.measured()?.mean)))
        .collect();
    let sign = if metric.direction == Some(Direction::Minimize) { 1.0 } else { -1.0 };
    configs.sort_by(|x, y| (sign * x.2).total_cmp(&(sign * y.2)).then(x.0.cmp(&y.0)));
    let all = configs.len();
    configs.truncate(MOST_SIDE);
    let side = configs.len();
    if side < 3 {
        return None;
    }
    let place = |index: u32| configs.iter().position(|c| c.0 == index);
    let mut cells = vec![None; side * side];
    for comparison in &family.comparisons {
        let Some((a, b)) = place(comparison.index).zip(place(comparison.baseline_index)) else { continue };
        cells[a * side + b] = cell(comparison, 1.0);
        cells[b * side + a] = cell(comparison, -1.0);
    }
    let left_out = if all > side { format!(" Shown are the {side} best of {all} configs.") } else { String::new() };
    let words = format!("Row minus column, the best mean first. {}{left_out}", colours(analysis));
    let names: Vec<String> = configs.iter().map(|c| display_name(c.1)).collect();
    let title = "Every two configs";
    let drawn = heat_map(&HeatMap {
        caption: caption(id, title, &words),
        view: HeatView::Effects,
        effect: effect(metric),
        alpha: analysis.plan.alpha,
        columns_name: "minus second config".to_owned(),
        columns: names.clone(),
        rows_name: "first config".to_owned(),
        rows: names,
        cells,
    });
    Figure::of(&words, title, id, drawn)
}

/// Every config against the baseline, where exactly two settings vary.
fn two_factors(
    analysis: &Analysis,
    (stratum, family): (&Stratum, &Family),
    metric: &MetricInfo,
    id: &str,
) -> Option<Figure> {
    let factors = stratum.factors.as_ref()?;
    let ([rows_name, columns_name], [rows, columns]) = (factors.factors.as_slice(), factors.levels.as_slice()) else {
        return None;
    };
    if rows.len().min(columns.len()) < 2 || rows.len().max(columns.len()) > MOST_SIDE {
        return None;
    }
    let mut cells = vec![None; rows.len() * columns.len()];
    let mut baseline = None;
    for place in &factors.cells {
        let [row, column] = *place.levels.as_slice() else { continue };
        if place.config == analysis.plan.baseline {
            baseline = rows.get(row).zip(columns.get(column));
        }
        let comparison = family.comparisons.iter().find(|c| c.config == place.config);
        if let Some(slot) = cells.get_mut(row * columns.len() + column) {
            *slot = comparison.and_then(|c| cell(c, 1.0));
        }
    }
    let at = baseline.map_or_else(String::new, |(row, column)| {
        format!(
            " ({} {}, {} {}, left empty)",
            display_name(rows_name),
            shorten(row, 24),
            display_name(columns_name),
            shorten(column, 24)
        )
    });
    let against = display_name(&analysis.plan.baseline);
    let words = format!("Each config of the grid minus {against}{at}. {}", colours(analysis));
    let title = "Differences over the grid";
    let shown = |levels: &[String]| levels.iter().map(|level| display_name(level)).collect();
    let drawn = heat_map(&HeatMap {
        caption: caption(id, title, &words),
        view: HeatView::Effects,
        effect: effect(metric),
        alpha: analysis.plan.alpha,
        columns_name: display_name(columns_name),
        columns: shown(columns),
        rows_name: display_name(rows_name),
        rows: shown(rows),
        cells,
    });
    Figure::of(&words, title, id, drawn)
}

/// Means over two factors: a line per level of the one with fewer of them.
pub(super) fn interactions(
    analysis: &Analysis,
    means: &InteractionMeans,
    metric: &MetricInfo,
    id: &str,
) -> Option<Figure> {
    let turned = means.levels.0.len() > means.levels.1.len();
    let (lines, places) = if turned { (&means.levels.1, &means.levels.0) } else { (&means.levels.0, &means.levels.1) };
    let (line_factor, place_factor) =
        if turned { (&means.factors.1, &means.factors.0) } else { (&means.factors.0, &means.factors.1) };
    let mean = |line: usize, place: usize| {
        let (a, b) = if turned { (place, line) } else { (line, place) };
        let found = (*means.means.get(a)?.get(b)?)?;
        Some(Mean { value: found.mean, interval: found.interval.as_ref().map(interval) })
    };
    let level = |(line, level): (usize, &String)| Level {
        name: display_name(level),
        means: (0..places.len()).map(|place| mean(line, place)).collect(),
    };
    let over = match means.over {
        0 | 1 => String::new(),
        n => format!(" Each is over {n} configs that differ in other settings."),
    };
    let title = format!("{} × {}", shorten(place_factor, 60), shorten(line_factor, 60));
    let words = format!(
        "Means with their {} intervals; a line per level of {}. Lines that are not parallel are an interaction.{over}",
        number::percent(analysis.plan.confidence),
        display_name(line_factor)
    );
    let drawn = interaction(&Interaction {
        caption: caption(id, &title, &words),
        x: Axis { label: display_name(place_factor), ..Axis::default() },
        y: Axis {
            label: display_name(&metric.name),
            unit: metric.unit.of_value().to_owned(),
            note: direction(metric.direction).to_owned(),
        },
        places: places.iter().map(|place| display_name(place)).collect(),
        levels: lines.iter().enumerate().map(level).collect(),
    });
    Figure::of(&words, &title, id, drawn)
}

/// Power against the true difference.
pub(super) fn power(analysis: &Analysis, curves: &PowerCurves, metric: &MetricInfo, id: &str) -> Option<Figure> {
    let unit = metric.unit.of_difference();
    let shown = |value: f64| number::with_unit(&number::fixed(value, number::decimals(Some(value))), unit);
    let few = curves.comparisons == curves.curves.len();
    let own = |comparison: &crate::report::PowerOfComparison| match analysis.plan.family {
        FamilyKind::Baseline => display_name(&comparison.config),
        _ => format!("{} v {}", shorten(&comparison.config, 40), shorten(&comparison.baseline, 40)),
    };
    let curve = |(at, comparison): (usize, &crate::report::PowerOfComparison)| {
        let which = ["most", "middle", "least"].get(at).copied().unwrap_or_default();
        PowerCurve {
            name: if few { own(comparison) } else { format!("{which}: {}", own(comparison)) },
            points: curves.differences.iter().copied().zip(comparison.power.iter().copied()).collect(),
        }
    };
    let middle = curves.curves.get(curves.curves.len() / 2)?;
    let whose = if curves.curves.len() > 1 { format!(" ({})", shorten(&own(middle), 24)) } else { String::new() };
    let mut marks = vec![(middle.detectable, format!("80 % at {}{whose}", shown(middle.detectable)))];
    let end = curves.differences.last().copied().unwrap_or_default();
    let delta = analysis.plan.delta.filter(|_| metric.primary);
    marks.extend(
        delta
            .filter(|d| *d <= end)
            .map(|d| (d, format!("smallest that matters: {}", number::with_unit(&number::exact(d), unit)))),
    );
    let beyond = delta.filter(|d| *d > end).map_or_else(String::new, |d| {
        format!(
            " The smallest difference that matters, {}, lies beyond the axis.",
            number::with_unit(&number::exact(d), unit)
        )
    });
    let n = match middle.n {
        (a, b) if a == b => a.to_string(),
        (a, b) => format!("{a} and {b}"),
    };
    let others = if few {
        String::new()
    } else {
        format!(" Of {} comparisons those with the most, the middle and the least power.", curves.comparisons)
    };
    let words = format!(
        "Probability to find a true difference with n = {n} at level {}, the strictest of the family; standard deviation at its \
         upper 80 % confidence limit.{others}{beyond}",
        number::p(curves.level, analysis.plan.alpha)
    );
    let title = "Power against the true difference";
    let drawn = figures::power(&Power {
        caption: caption(id, title, &words),
        x: Axis { label: "true difference".to_owned(), unit: unit.to_owned(), note: String::new() },
        target: 0.8,
        marks,
        curves: curves.curves.iter().enumerate().map(curve).collect(),
    });
    Figure::of(&words, title, id, drawn)
}
