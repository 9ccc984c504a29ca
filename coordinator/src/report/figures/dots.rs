//! Every run as a dot, with mean and interval of each config.

use super::{
    Axis, Caption, Figure, FigureError, Interval, Verdict,
    axes::{self, Digits, Kind, Range, Scale},
    rows::{Key, Layout, legend},
    svg::{Path, Shape, Svg, isolated},
};

/// Runs of all configs on one metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dots {
    /// What the figure is called.
    pub caption: Caption,
    /// The metric.
    pub axis: Axis,
    /// Such as `mean with 95 % interval`, for the legend.
    pub interval_name: String,
    /// A value drawn through all rows, such as the control's mean, with its name.
    pub reference: Option<(f64, String)>,
    /// Configs, from top to bottom.
    pub rows: Vec<DotRow>,
}

/// One config.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DotRow {
    /// Its name.
    pub name: String,
    /// Whether it is the control.
    pub baseline: bool,
    /// What its comparison came to; none for the control, and where verdicts are not shown.
    pub verdict: Option<Verdict>,
    /// Its runs.
    pub runs: Vec<Run>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Interval of the mean.
    pub interval: Option<Interval>,
    /// Shown in place of the numbers when there is no mean.
    pub note: String,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// What the hover title calls it, such as `seed 3`.
    pub label: String,
    /// Its value.
    pub value: f64,
}

/// With more dots than this, single dots have no hover titles; rows keep theirs.
const TITLED: usize = 1500;

/// Draws [`Dots`].
///
/// # Errors
/// [`FigureError::Empty`] when no run and no mean is finite.
pub fn dots(input: &Dots) -> Result<Figure, FigureError> {
    let empty = FigureError::Empty { figure: "dots" };
    let range = range(input);
    let rough = Scale::new(range.clone(), (0.0, 480.0), Kind::Lying).ok_or_else(|| empty.clone())?.digits();
    let numbers: Vec<String> = input.rows.iter().map(|r| number(r, rough)).collect();
    let mut svg = Svg::default();
    let top = legend(&mut svg, 12.0, 4.0, &entries(input)) + 8.0;
    let layout = Layout::new(input.rows.iter().map(|r| r.name.as_str()), &numbers, top);
    let scale = Scale::new(range, layout.plot, Kind::Lying).ok_or(empty)?;
    layout.strips(&mut svg, input.rows.len());
    axes::lying_axis(&mut svg, &scale, (top, layout.bottom), &axes::axis_title(&input.axis));
    if let Some((value, _)) = input.reference.as_ref().filter(|r| r.0.is_finite()) {
        let mut line = Path::default();
        line.segment((scale.at(*value), top), (scale.at(*value), layout.bottom));
        svg.path("f-ref", &line);
    }
    let names: Vec<(&str, bool)> = input.rows.iter().map(|r| (r.name.as_str(), r.baseline)).collect();
    layout.names(&mut svg, &names);
    let runs: usize = input.rows.iter().map(|r| r.runs.len()).sum();
    for (index, (row, text)) in input.rows.iter().zip(&numbers).enumerate() {
        layout.number(&mut svg, index, text);
        let finite = row.runs.iter().filter(|r| r.value.is_finite()).count();
        let runs_word = if finite == 1 { "training" } else { "trainings" };
        layout.hover(&mut svg, index, &format!("{}: {text} ({finite} {runs_word})", isolated(&row.name)));
        draw_row(&mut svg, row, &layout, index, &scale, layout.roomy() && runs <= TITLED);
    }
    let left_out = input.rows.iter().flat_map(|r| &r.runs).filter(|r| !r.value.is_finite()).count();
    Ok(Figure::new(&input.caption, layout.height(), svg, left_out))
}

fn range(input: &Dots) -> Range {
    let mut range = Range::default();
    for row in &input.rows {
        row.runs.iter().map(|r| r.value).chain(row.mean).for_each(|v| range.point(v));
        range.interval(row.interval.and_then(Interval::usable));
    }
    if let (Some((value, _)), true) = (&input.reference, input.rows.iter().any(|r| !r.runs.is_empty())) {
        range.point(*value);
    }
    range
}

fn number(row: &DotRow, digits: Digits) -> String {
    match row.mean.filter(|m| m.is_finite()) {
        Some(mean) => digits.estimate(mean, row.interval.and_then(Interval::usable), false),
        None => row.note.clone(),
    }
}

fn look(row: &DotRow) -> (&'static str, Shape, &'static str) {
    match (row.baseline, row.verdict) {
        (true, _) => ("t-base", Shape::Square, "f-full"),
        (false, Some(verdict)) => (verdict.tone(), verdict.mark().0, verdict.mark().1),
        (false, None) => ("t-0", Shape::Circle, "f-full"),
    }
}

fn entries(input: &Dots) -> Vec<(&'static str, Key, String)> {
    let mut entries = vec![("t-soft", Key::Dot("f-dot"), "one training".to_owned())];
    if !input.interval_name.is_empty() {
        entries.push(("t-soft", Key::Line("f-mid"), input.interval_name.clone()));
    }
    if input.rows.iter().any(|r| r.baseline) {
        entries.push(("t-base", Key::Mark(Shape::Square, "f-full"), "baseline".to_owned()));
    }
    for verdict in Verdict::ALL {
        if input.rows.iter().any(|r| !r.baseline && r.verdict == Some(verdict)) {
            let (shape, class) = verdict.mark();
            entries.push((verdict.tone(), Key::Mark(shape, class), verdict.word().to_owned()));
        }
    }
    if let Some((_, name)) = &input.reference {
        entries.push(("t-base", Key::Line("f-ref"), name.clone()));
    }
    entries
}

fn draw_row(svg: &mut Svg, row: &DotRow, layout: &Layout, index: usize, scale: &Scale, titled: bool) {
    let (tone, shape, fill) = look(row);
    let middle = layout.middle(index);
    // In a high row dots lie above and the interval below; in a thin one the interval lies on the dots.
    let (cloud, line, r) = match layout.row {
        h if h >= 30.0 => (middle - 5.0, middle + 10.5, 5.0),
        h if h >= 20.0 => (middle - 4.0, middle + 6.5, 4.2),
        h if h >= 12.0 => (middle - 2.5, middle + 3.0, 3.4),
        h if h >= 8.0 => (middle - 1.5, middle + 1.5, 3.4),
        _ => (middle, middle, 1.5),
    };
    let lanes: &[f64] = match layout.row {
        h if h >= 30.0 => &[0.0, -4.5, 4.5, -9.0],
        h if h >= 20.0 => &[0.0, -4.5],
        _ => &[0.0],
    };
    let class = if layout.roomy() { format!("f-dot {tone}") } else { format!("f-dot-s {tone}") };
    let mut all = Path::default();
    for (run, (x, y)) in row.runs.iter().filter(|r| r.value.is_finite()).zip(swarm(row, scale, lanes)) {
        if titled {
            let mut d = Path::default();
            d.dot(x, cloud + y);
            let value = scale.digits().value(run.value);
            svg.path_titled(&class, &d, &format!("{} – {}: {value}", isolated(&row.name), isolated(&run.label)));
        } else {
            all.dot(x, cloud + y);
        }
    }
    svg.path(&class, &all);
    if let Some(interval) = row.interval.and_then(Interval::usable) {
        let mut d = Path::default();
        bar(&mut d, interval, scale, line, if layout.roomy() { 3.5 } else { 0.0 });
        svg.path(&format!("{} {tone}", if layout.row >= 8.0 { "f-mid" } else { "f-thin" }), &d);
    }
    if let Some(mean) = row.mean.filter(|m| m.is_finite()) {
        let mut d = Path::default();
        // Among many thin rows those that differ must be found at a glance.
        let larger = !layout.roomy() && row.verdict.is_some_and(Verdict::differs);
        shape.draw(&mut d, scale.at(mean), line, if larger { 1.4 * r } else { r });
        svg.path(&format!("{fill} {tone}"), &d);
    }
}

/// A lying line. It has an end mark of half height `cap` where the interval ends inside of the picture, and the head of
/// an arrow where it goes on.
pub(super) fn bar(d: &mut Path, interval: Interval, scale: &Scale, y: f64, cap: f64) {
    d.segment((scale.at(interval.low), y), (scale.at(interval.high), y));
    for (end, inward) in [(interval.low, 7.0), (interval.high, -7.0)] {
        let x = scale.at(end);
        if !scale.holds(end) {
            let high = cap.max(2.0) + 1.5;
            d.segment((x, y), (x + inward, y - high));
            d.segment((x, y), (x + inward, y + high));
        } else if cap > 0.0 {
            d.segment((x, y - cap), (x, y + cap));
        }
    }
}

/// A place for every finite run, in their order: at its value, on the first lane that is free there, else on the one
/// that has been free for longest. Nothing is random, so equal data look equal.
fn swarm(row: &DotRow, scale: &Scale, lanes: &[f64]) -> Vec<(f64, f64)> {
    let places: Vec<f64> = row.runs.iter().map(|r| r.value).filter(|v| v.is_finite()).map(|v| scale.at(v)).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places.get(a).partial_cmp(&places.get(b)).unwrap_or(a.cmp(&b)).then(a.cmp(&b)));
    let mut last = vec![f64::NEG_INFINITY; lanes.len()];
    let mut out: Vec<(f64, f64)> = places.iter().map(|&x| (x, 0.0)).collect();
    for index in order {
        let Some(slot) = out.get_mut(index) else { continue };
        let free = last.iter().position(|&l| slot.0 - l >= 5.0);
        let oldest = last.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let lane = free.unwrap_or(oldest);
        slot.1 = lanes.get(lane).copied().unwrap_or(0.0);
        if let Some(l) = last.get_mut(lane) {
            *l = slot.0;
        }
    }
    out
}
