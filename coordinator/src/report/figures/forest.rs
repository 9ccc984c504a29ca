//! Differences with their intervals.

use super::{
    Axis, Caption, Figure, FigureError, Interval, Verdict,
    axes::{self, Digits, Kind, Range, Scale},
    dots::bar,
    rows::{Key, Layout, legend},
    svg::{Path, Svg, isolated},
};

/// Comparisons of one family.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forest {
    /// What the figure is called.
    pub caption: Caption,
    /// The difference: which minus which, in what unit.
    pub axis: Axis,
    /// Smallest difference that matters; a band from minus to plus it is drawn.
    pub margin: Option<f64>,
    /// Name of [`ForestRow::interval`], such as `95 % interval`.
    pub interval_name: String,
    /// Name of [`ForestRow::simultaneous`], such as `simultaneous 95 % interval (9 comparisons)`.
    pub simultaneous_name: String,
    /// Comparisons, from top to bottom.
    pub rows: Vec<ForestRow>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestRow {
    /// Its name: the config, or both.
    pub name: String,
    /// Difference; none when nothing could be compared.
    pub difference: Option<f64>,
    /// Interval for this comparison alone: the thick line.
    pub interval: Option<Interval>,
    /// Interval that holds for all comparisons together: the thin line.
    pub simultaneous: Option<Interval>,
    /// What the comparison came to.
    pub verdict: Verdict,
    /// Shown in place of the numbers when there is no difference.
    pub note: String,
}

/// Draws a [`Forest`]. Rows keep their order.
///
/// # Errors
/// [`FigureError::Empty`] when no difference is finite.
pub fn forest(input: &Forest) -> Result<Figure, FigureError> {
    let empty = FigureError::Empty { figure: "forest" };
    let range = range(input).ok_or_else(|| empty.clone())?;
    let rough = Scale::new(range.clone(), (0.0, 480.0), Kind::Lying).ok_or_else(|| empty.clone())?.digits();
    let numbers: Vec<String> = input.rows.iter().map(|r| number(r, rough)).collect();
    let mut svg = Svg::default();
    let top = legend(&mut svg, 12.0, 4.0, &entries(input)) + 8.0;
    let layout = Layout::new(input.rows.iter().map(|r| r.name.as_str()), &numbers, top);
    let scale = Scale::new(range, layout.plot, Kind::Lying).ok_or(empty)?;
    layout.strips(&mut svg, input.rows.len());
    if let Some(margin) = margin(input) {
        let mut zone = Path::default();
        zone.rectangle(scale.at(-margin), top, scale.at(margin) - scale.at(-margin), layout.bottom - top);
        svg.path("f-zone", &zone);
    }
    axes::lying_axis(&mut svg, &scale, (top, layout.bottom), &axes::axis_title(&input.axis));
    let mut zero = Path::default();
    zero.segment((scale.at(0.0), top), (scale.at(0.0), layout.bottom));
    svg.path("f-ref", &zero);
    let names: Vec<(&str, bool)> =
        input.rows.iter().map(|r| (r.name.as_str(), !layout.roomy() && r.verdict.differs())).collect();
    layout.names(&mut svg, &names);
    for (index, (row, text)) in input.rows.iter().zip(&numbers).enumerate() {
        layout.number(&mut svg, index, text);
        layout.hover(&mut svg, index, &format!("{}: {text}, {}", isolated(&row.name), row.verdict.word()));
        draw_row(&mut svg, row, &layout, index, &scale);
    }
    let left_out = input.rows.iter().filter_map(|r| r.difference).filter(|d| !d.is_finite()).count();
    Ok(Figure::new(&input.caption, layout.height(), svg, left_out))
}

fn margin(input: &Forest) -> Option<f64> {
    input.margin.filter(|m| m.is_finite() && *m > 0.0)
}

fn range(input: &Forest) -> Option<Range> {
    let mut range = Range::default();
    let differences = || input.rows.iter().filter_map(|r| r.difference).filter(|d| d.is_finite());
    differences().next()?;
    differences().chain([0.0]).for_each(|v| range.point(v));
    for row in &input.rows {
        range.interval(row.interval.and_then(Interval::usable));
        range.interval(row.simultaneous.and_then(Interval::usable));
    }
    range.interval(margin(input).map(|m| Interval { low: -m, high: m }));
    Some(range)
}

fn number(row: &ForestRow, digits: Digits) -> String {
    match row.difference.filter(|d| d.is_finite()) {
        Some(difference) => digits.estimate(difference, row.interval.and_then(Interval::usable), true),
        None if row.note.is_empty() => Verdict::Untested.word().to_owned(),
        None => row.note.clone(),
    }
}

fn entries(input: &Forest) -> Vec<(&'static str, Key, String)> {
    let mut entries: Vec<(&'static str, Key, String)> = Verdict::ALL
        .into_iter()
        .filter(|&v| input.rows.iter().any(|r| r.verdict == v))
        .map(|v| (v.tone(), Key::Mark(v.mark().0, v.mark().1), v.word().to_owned()))
        .collect();
    if input.rows.iter().any(|r| r.interval.is_some()) {
        entries.push(("t-soft", Key::Line("f-thick"), input.interval_name.clone()));
    }
    if input.rows.iter().any(|r| r.simultaneous.is_some()) {
        entries.push(("t-soft", Key::Line("f-thin"), input.simultaneous_name.clone()));
    }
    if let Some(margin) = margin(input) {
        let unit = if input.axis.unit.is_empty() { String::new() } else { format!(" {}", input.axis.unit) };
        entries.push(("", Key::Field("f-zone"), format!("too small to matter: within ±{}{unit}", axes::plain(margin))));
    }
    entries
}

fn draw_row(svg: &mut Svg, row: &ForestRow, layout: &Layout, index: usize, scale: &Scale) {
    let (tone, y) = (row.verdict.tone(), layout.middle(index));
    let Some(difference) = row.difference.filter(|d| d.is_finite()) else { return };
    let (cap, r) = match layout.row {
        h if h >= 30.0 => (5.0, 6.0),
        h if h >= 20.0 => (4.0, 5.0),
        h if h >= 12.0 => (3.0, 4.0),
        h if h >= 8.0 => (2.0, 3.2),
        _ => (0.0, 2.2),
    };
    if let Some(interval) = row.simultaneous.and_then(Interval::usable) {
        let mut d = Path::default();
        bar(&mut d, interval, scale, y, cap);
        svg.path(&format!("f-thin {tone}"), &d);
    }
    if let Some(interval) = row.interval.and_then(Interval::usable) {
        let mut d = Path::default();
        bar(&mut d, interval, scale, y, 0.0);
        svg.path(&format!("{} {tone}", if layout.row >= 12.0 { "f-thick" } else { "f-bold" }), &d);
    }
    let (shape, fill) = row.verdict.mark();
    let mut d = Path::default();
    // Among many thin rows those that differ must be found at a glance.
    let larger = !layout.roomy() && row.verdict.differs();
    shape.draw(&mut d, scale.at(difference), y, if larger { 1.4 * r } else { r });
    svg.path(&format!("{fill} {tone}"), &d);
}
