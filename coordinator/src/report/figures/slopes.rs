//! Paired seeds: a line per seed from the baseline's value to the config's, one panel per comparison.

use super::{
    Axis, Caption, Figure, FigureError, WIDTH,
    axes::{self, Kind, Range, Scale},
    rows::{Key, legend},
    svg::{Path, Shape, Svg, isolated},
};

/// Comparisons on shared seeds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slopes {
    /// What the figure is called.
    pub caption: Caption,
    /// The metric; all panels share its scale.
    pub axis: Axis,
    /// One per comparison.
    pub panels: Vec<SlopePanel>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SlopePanel {
    /// The config at the left.
    pub baseline: String,
    /// The config at the right.
    pub config: String,
    /// One per seed that both have; a pair with a value that is not finite is left out.
    pub pairs: Vec<Pair>,
    /// Means at the left and at the right.
    pub means: Option<(f64, f64)>,
}

/// Two runs with one seed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pair {
    /// What the hover title calls it, such as `seed 3`.
    pub label: String,
    /// The baseline's value.
    pub baseline: f64,
    /// The config's value.
    pub config: f64,
}

impl Pair {
    fn finite(&self) -> bool {
        self.baseline.is_finite() && self.config.is_finite()
    }
}

/// Panels in a row of panels, and height of their drawing.
fn grid(panels: usize) -> (usize, f64) {
    match panels {
        0..=1 => (1, 280.0),
        2 => (2, 260.0),
        3 => (3, 240.0),
        4..=12 => (4, 190.0),
        13..=60 => (6, 130.0),
        _ => (10, 90.0),
    }
}

/// Draws [`Slopes`].
///
/// # Errors
/// [`FigureError::Empty`] when no pair is finite.
pub fn slopes(input: &Slopes) -> Result<Figure, FigureError> {
    let mut range = Range::default();
    for pair in input.panels.iter().flat_map(|p| &p.pairs).filter(|p| p.finite()) {
        range.point(pair.baseline);
        range.point(pair.config);
    }
    let (columns, height) = grid(input.panels.len());
    let mut svg = Svg::default();
    let top = legend(&mut svg, 40.0, 4.0, &entries(input)) + 12.0;
    let upright = Scale::new(range, (height, 0.0), Kind::Upright).ok_or(FigureError::Empty { figure: "slopes" })?;
    let left = 40.0 + axes::ticks_width(&upright);
    let wide = (WIDTH - left) / f64::from(u32::try_from(columns).unwrap_or(1));
    // Name of the panel above, names of its sides below.
    let high = height + if columns > 4 { 30.0 } else { 64.0 };
    let rows = f64::from(u32::try_from(input.panels.len().div_ceil(columns)).unwrap_or(u32::MAX));
    let total = (top + rows * high).max(top + 240.0);
    let along = (total - top).min(360.0);
    svg.turned("f-q f-m", 15.0, top + along / 2.0, &axes::fit(&axes::axis_title(&input.axis), along, 13.0));
    for (index, panel) in input.panels.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let place = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let (x, y) = (left + place(column) * wide, top + 20.0 + place(row) * high);
        let scale = upright.moved(y);
        // One panel alone does not need the whole width.
        let wide = wide.min(420.0);
        axes::upright_lines(&mut svg, &scale, (x, x + wide - 14.0), column == 0);
        draw_panel(&mut svg, panel, &scale, (x, y, wide - 14.0, height), columns);
    }
    let left_out = input.panels.iter().flat_map(|p| &p.pairs).filter(|p| !p.finite()).count();
    Ok(Figure::new(&input.caption, total, svg, left_out))
}

fn entries(input: &Slopes) -> Vec<(&'static str, Key, String)> {
    let any = |wanted: fn(&Pair) -> bool| input.panels.iter().flat_map(|p| &p.pairs).any(wanted);
    let mut entries = Vec::new();
    if any(|p| p.config > p.baseline) {
        entries.push(("t-0", Key::Line("f-mid"), "seed on which the config is higher".to_owned()));
    }
    if any(|p| p.config < p.baseline) {
        entries.push(("t-1", Key::Line("f-mid f-d1"), "lower".to_owned()));
    }
    if any(|p| p.config == p.baseline) {
        entries.push(("t-soft", Key::Line("f-mid f-d2"), "equal".to_owned()));
    }
    if input.panels.iter().any(|p| p.means.is_some()) {
        entries.push(("t-base", Key::Line("f-thick"), "means".to_owned()));
    }
    entries
}

fn draw_panel(svg: &mut Svg, panel: &SlopePanel, scale: &Scale, place: (f64, f64, f64, f64), columns: usize) {
    let (x, y, wide, height) = place;
    let inset = if columns > 4 { 10.0 } else { wide * 0.18 };
    let (from, to) = (x + inset, x + wide - inset);
    let size = if columns > 4 { 11.0 } else { 13.0 };
    let bold = if columns > 4 { "f-m f-b f-s" } else { "f-m f-b" };
    svg.name(bold, (x + wide / 2.0, y - 6.0), &axes::fit(&panel.config, wide, size), &panel.config);
    let titles = format!("{} against {}", isolated(&panel.config), isolated(&panel.baseline));
    svg.area((x, y), (wide, height), &titles);
    for pair in panel.pairs.iter().filter(|p| p.finite()) {
        let class = match pair.config.total_cmp(&pair.baseline) {
            _ if pair.config == pair.baseline => "f-thin f-d2 t-soft",
            std::cmp::Ordering::Less => "f-thin f-d1 t-1",
            _ => "f-thin t-0",
        };
        let ends = ((from, scale.at(pair.baseline)), (to, scale.at(pair.config)));
        let mut d = Path::default();
        d.segment(ends.0, ends.1);
        if columns > 6 {
            svg.path(class, &d);
            continue;
        }
        let digits = scale.digits();
        let (a, b) = (digits.value(pair.baseline), digits.value(pair.config));
        svg.path_titled(class, &d, &format!("{}: {a} to {b}", isolated(&pair.label)));
        let mut dots = Path::default();
        dots.dot(ends.0.0, ends.0.1);
        dots.dot(ends.1.0, ends.1.1);
        svg.path(if class.ends_with('0') { "f-dot-s t-0" } else { "f-dot-s t-1" }, &dots);
    }
    if let Some((a, b)) = panel.means.filter(|m| m.0.is_finite() && m.1.is_finite()) {
        let (mut line, mut marks) = (Path::default(), Path::default());
        line.segment((from, scale.at(a)), (to, scale.at(b)));
        let r = if columns > 4 { 3.0 } else { 4.5 };
        Shape::Square.draw(&mut marks, from, scale.at(a), r);
        Shape::Square.draw(&mut marks, to, scale.at(b), r);
        svg.path(if columns > 4 { "f-mid t-base" } else { "f-bold t-base" }, &line);
        svg.path("f-full t-base", &marks);
    }
    if columns <= 4 {
        // Side by side where both have room, else one below the other.
        let half = wide / 2.0 - 5.0;
        let short = [&panel.baseline, &panel.config].iter().all(|name| axes::width(name, 11.0) <= half);
        let (room, second) = if short { (half, 0.0) } else { (wide, 14.0) };
        let below = y + height + 13.0;
        svg.name("f-s f-q", (x, below), &axes::fit(&panel.baseline, room, 11.0), &panel.baseline);
        let at = (x + wide, below + second);
        svg.name("f-s f-q f-e", at, &axes::fit(&panel.config, room, 11.0), &panel.config);
    }
}
