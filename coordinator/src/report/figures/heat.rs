//! Grids of effects or of p-values: two factors, or configs against configs.

use super::{
    Caption, Figure, FigureError, WIDTH,
    axes::{self, Digits, Kind, Scale},
    rows::thinned,
    style::{HEAT, cell_class},
    svg::{Path, Svg, isolated},
};
use crate::report::number;

/// A grid of comparisons.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// What the figure is called.
    pub caption: Caption,
    /// What colours and numbers show.
    pub view: HeatView,
    /// The effect with its unit, for the legend, such as `difference in pp`.
    pub effect: String,
    /// Cells with a p-value of at most this have a frame.
    pub alpha: f64,
    /// Name of what the columns are.
    pub columns_name: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Name of what the rows are.
    pub rows_name: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Row by row; none where nothing was compared, such as a config with itself.
    pub cells: Vec<Option<HeatCell>>,
}

/// What a grid shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeatView {
    /// Effects: two colours away from 0; p-values below the numbers.
    Effects,
    /// P-values: the stronger the colour, the smaller.
    PValues,
}

/// One comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatCell {
    /// Difference.
    pub effect: f64,
    /// P-value; one outside of [0, 1] counts as none.
    pub p: Option<f64>,
}

impl HeatCell {
    fn p(&self) -> Option<f64> {
        self.p.filter(|p| (0.0..=1.0).contains(p))
    }
}

/// Most cells that are drawn.
const MOST: usize = 62_500;
/// With more cells than this they are drawn by colour, without hover titles of their own.
const TITLED: usize = 2_500;
const FIGURE: &str = "heat map";

/// Draws a [`HeatMap`].
///
/// # Errors
/// [`FigureError::Mismatch`] unless there is one cell per row and column, [`FigureError::TooMany`] above 62,500 cells,
/// [`FigureError::Empty`] when no cell has a finite number.
pub fn heat_map(input: &HeatMap) -> Result<Figure, FigureError> {
    let expected = input.rows.len().saturating_mul(input.columns.len());
    if expected > MOST {
        return Err(FigureError::TooMany { figure: FIGURE, what: "cells", found: expected, limit: MOST });
    }
    if input.cells.len() != expected {
        return Err(FigureError::Mismatch { figure: FIGURE, what: "cells", expected, found: input.cells.len() });
    }
    let colours = Colours::of(input).ok_or(FigureError::Empty { figure: FIGURE })?;
    let mut svg = Svg::default();
    let place = Place::of(input);
    place.names(&mut svg, input);
    if expected <= TITLED {
        draw_cells(&mut svg, input, &place, &colours)
    } else {
        draw_runs(&mut svg, input, &place, &colours)
    }
    draw_marks(&mut svg, input, &place, &colours);
    let bottom = place.top + count(input.rows.len()) * place.cell.1;
    draw_legend(&mut svg, input, &colours, &place, bottom + 18.0);
    let refused = |c: &&HeatCell| match input.view {
        HeatView::Effects => !c.effect.is_finite(),
        HeatView::PValues => c.p.is_some() && c.p().is_none(),
    };
    let left_out = input.cells.iter().flatten().filter(refused).count();
    Ok(Figure::new(&input.caption, bottom + 62.0, svg, left_out))
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// How values become colours.
struct Colours {
    view: HeatView,
    alpha: f64,
    /// Size of an effect that has the strongest colour.
    limit: f64,
    digits: Digits,
}

impl Colours {
    fn of(input: &HeatMap) -> Option<Self> {
        let mut sizes: Vec<f64> =
            input.cells.iter().flatten().map(|c| c.effect.abs()).filter(|v| v.is_finite() && *v > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        // A few large effects do not make all others pale.
        let limit = sizes.get((sizes.len() * 19 / 20).min(sizes.len().saturating_sub(1))).copied().unwrap_or(1.0);
        let limit = limit.clamp(1e-300, 1e300);
        let digits = Scale::fixed((-limit, limit), (0.0, 300.0), Kind::Lying).digits();
        let colours = Self { view: input.view, alpha: input.alpha, limit, digits };
        input.cells.iter().flatten().any(|c| colours.shown(c).is_finite()).then_some(colours)
    }

    /// The number that decides about the colour.
    fn shown(&self, cell: &HeatCell) -> f64 {
        match self.view {
            HeatView::Effects => cell.effect,
            HeatView::PValues => cell.p().unwrap_or(f64::NAN),
        }
    }

    fn level(&self, cell: &HeatCell) -> Option<i32> {
        let value = self.shown(cell);
        if !value.is_finite() {
            return None;
        }
        Some(match self.view {
            HeatView::Effects => {
                let level = ((value / self.limit).clamp(-1.0, 1.0) * f64::from(HEAT)).round() as i32;
                // Only 0 itself has the colour of the middle.
                if level == 0 && value != 0.0 { if value < 0.0 { -1 } else { 1 } } else { level }
            }
            HeatView::PValues => i32::try_from(self.bounds().iter().filter(|&&b| value <= b).count()).unwrap_or(0),
        })
    }

    /// Upper ends of the classes of p-values, below the palest.
    fn bounds(&self) -> [f64; 6] {
        [0.5, 2.0 * self.alpha, self.alpha, self.alpha / 10.0, self.alpha / 100.0, self.alpha / 1e4]
    }

    fn number(&self, cell: &HeatCell) -> String {
        match self.view {
            HeatView::Effects => self.digits.signed(cell.effect),
            HeatView::PValues => cell.p().map_or_else(String::new, |p| p_text(p, self.alpha)),
        }
    }
}

fn p_text(p: f64, alpha: f64) -> String {
    number::p(p, alpha).replace("e-", "e−")
}

/// Where the cells are.
struct Place {
    left: f64,
    top: f64,
    cell: (f64, f64),
    names_turned: bool,
}

impl Place {
    fn of(input: &HeatMap) -> Self {
        let widest = |names: &[String], room: f64| {
            names.iter().map(|n| axes::width(&axes::fit(n, room, 11.0), 11.0)).fold(30.0, f64::max)
        };
        let left = widest(&input.rows, 190.0) + 40.0;
        let wide = ((WIDTH - left - 10.0) / count(input.columns.len().max(1))).min(96.0);
        let high = if wide >= 44.0 { 36.0 } else { wide };
        let names_turned = widest(&input.columns, 190.0) > wide - 8.0 && (wide < 60.0 || input.columns.len() > 12);
        let names_high = if names_turned { widest(&input.columns, 150.0) } else { 14.0 };
        Self { left, top: 26.0 + names_high + 8.0, cell: (wide, high), names_turned }
    }

    /// Whether cells are large enough for a frame.
    fn framed(&self) -> bool {
        self.cell.0 >= 9.0
    }

    /// Whether cells are too small for the number of an effect.
    fn bare(&self, view: HeatView) -> bool {
        self.cell.0 < 44.0 && view == HeatView::Effects
    }

    fn of_cell(&self, index: usize, columns: usize) -> (f64, f64) {
        let (row, column) = (index / columns, index % columns);
        (self.left + count(column) * self.cell.0, self.top + count(row) * self.cell.1)
    }

    fn names(&self, svg: &mut Svg, input: &HeatMap) {
        let (wide, high) = self.cell;
        let across = count(input.columns.len()) * wide;
        svg.text("f-q f-m", (self.left + across / 2.0).max(120.0), 16.0, &axes::fit(&input.columns_name, 600.0, 13.0));
        let down = count(input.rows.len()) * high;
        svg.turned(
            "f-q f-m",
            15.0,
            self.top + (down / 2.0).max(60.0),
            &axes::fit(&input.rows_name, down.max(120.0), 13.0),
        );
        for index in thinned(input.columns.iter().map(|_| false), wide) {
            let Some(name) = input.columns.get(index) else { continue };
            let x = self.left + (count(index) + 0.5) * wide;
            if self.names_turned {
                svg.turned("f-s", x + 4.0, self.top - 6.0, &axes::fit(name, 150.0, 11.0));
            } else {
                svg.name("f-s f-m", (x, self.top - 6.0), &axes::fit(name, wide - 6.0, 11.0), name);
            }
        }
        for index in thinned(input.rows.iter().map(|_| false), high) {
            let Some(name) = input.rows.get(index) else { continue };
            let y = self.top + (count(index) + 0.5) * high + 4.0;
            svg.name("f-s f-e", (self.left - 7.0, y), &axes::fit(name, 190.0, 11.0), name);
        }
    }
}

/// Each cell by itself, with title and, where there is room, numbers.
fn draw_cells(svg: &mut Svg, input: &HeatMap, place: &Place, colours: &Colours) {
    let columns = input.columns.len();
    for (index, cell) in input.cells.iter().enumerate() {
        let (x, y) = place.of_cell(index, columns);
        let (wide, high) = place.cell;
        let Some((cell, level)) = cell.as_ref().and_then(|c| Some((c, colours.level(c)?))) else { continue };
        let class = cell_class(level);
        let mut d = Path::default();
        // A hair's breadth of paper between cells.
        let gap = if wide >= 12.0 { 1.0 } else { 0.0 };
        d.rectangle(x, y, wide - gap, high - gap);
        svg.path_titled(&class, &d, &title(input, index, cell, colours));
        let text = colours.number(cell);
        let p =
            cell.p().filter(|_| colours.view == HeatView::Effects).map(|p| format!("p {}", p_text(p, colours.alpha)));
        let two = p.filter(|p| high >= 34.0 && axes::width(p, 11.0) < wide - 4.0);
        if axes::width(&text, 11.0) < wide - 4.0 && high >= 15.0 {
            let middle = (x + wide / 2.0, y + high / 2.0);
            let up = if two.is_some() { -3.0 } else { 4.0 };
            svg.text(&format!("f-s {class}-t"), middle.0, middle.1 + up, &text);
            if let Some(p) = two {
                svg.text(&format!("f-s {class}-t"), middle.0, middle.1 + 11.0, &p);
            }
        }
    }
}

fn title(input: &HeatMap, index: usize, cell: &HeatCell, colours: &Colours) -> String {
    let columns = input.columns.len();
    let name = |names: &[String], i: usize| names.get(i).map(|n| isolated(n)).unwrap_or_default();
    let p = cell.p().map(|p| format!(", {}", number::p_equals(p, colours.alpha))).unwrap_or_default();
    let effect = if cell.effect.is_nan() { "?".to_owned() } else { colours.digits.signed(cell.effect) };
    format!("{} × {}: {effect}{p}", name(&input.rows, index / columns), name(&input.columns, index % columns))
}

/// Neighbours of one colour in a row become one rectangle, and all of one colour one path.
fn draw_runs(svg: &mut Svg, input: &HeatMap, place: &Place, colours: &Colours) {
    let columns = input.columns.len();
    let levels: Vec<Option<i32>> = input.cells.iter().map(|c| c.as_ref().and_then(|c| colours.level(c))).collect();
    for level in -HEAT..=HEAT {
        let mut d = Path::default();
        for (row, cells) in levels.chunks(columns).enumerate() {
            let mut column = 0;
            while column < cells.len() {
                let run = cells.iter().skip(column).take_while(|&&l| l == Some(level)).count();
                if run > 0 {
                    let (x, y) = place.of_cell(row * columns + column, columns);
                    d.rectangle(x, y, count(run) * place.cell.0, place.cell.1);
                }
                column += run.max(1);
            }
        }
        svg.path(&cell_class(level), &d);
    }
}

/// What colour alone would say: a frame around small p-values, a stroke through negative effects without a number. On
/// strong colours both are drawn in the colour of paper.
fn draw_marks(svg: &mut Svg, input: &HeatMap, place: &Place, colours: &Colours) {
    let mut frames = [Path::default(), Path::default()];
    let mut strokes = [Path::default(), Path::default()];
    let (wide, high) = place.cell;
    let inset = if wide < 24.0 { 1.5 } else { 2.5 };
    let bare = place.bare(input.view);
    for (index, cell) in input.cells.iter().enumerate() {
        let Some((cell, level)) = cell.as_ref().and_then(|c| Some((c, colours.level(c)?))) else { continue };
        let (x, y) = place.of_cell(index, input.columns.len());
        let strong = usize::from(level.abs() >= 4);
        if let (true, Some(frames)) =
            (place.framed() && cell.p().is_some_and(|p| p <= input.alpha), frames.get_mut(strong))
        {
            frames.rectangle(x + inset, y + inset, wide - 2.0 * inset - 1.0, high - 2.0 * inset - 1.0);
        }
        if let (true, Some(strokes)) = (bare && cell.effect < 0.0, strokes.get_mut(strong)) {
            strokes.segment((x + wide * 0.25, y + high * 0.5), (x + wide * 0.75, y + high * 0.5));
        }
    }
    let thick = if wide < 24.0 { "" } else { " f-wide" };
    for (class, stroke, frame) in strokes.iter().zip(&frames).zip(["f-ink", "f-white"]).map(|((s, f), c)| (c, s, f)) {
        svg.path(class, stroke);
        svg.path(&format!("{class}{thick}"), frame);
    }
}

fn draw_legend(svg: &mut Svg, input: &HeatMap, colours: &Colours, place: &Place, top: f64) {
    let mut x = 40.0;
    let mut cell = |svg: &mut Svg, level: i32, text: &str, wide: f64| {
        let mut d = Path::default();
        d.rectangle(x, top, wide, 12.0);
        svg.path(&cell_class(level), &d);
        svg.text("f-s f-q f-m", x + wide / 2.0, top + 25.0, text);
        x += wide;
    };
    let about = match colours.view {
        HeatView::Effects => {
            for level in -HEAT..=HEAT {
                let value = colours.limit * f64::from(level) / f64::from(HEAT);
                let text = if level % HEAT == 0 { colours.digits.signed(value) } else { String::new() };
                cell(svg, level, &text, 26.0);
            }
            let beyond = input.cells.iter().flatten().any(|c| c.effect.is_finite() && c.effect.abs() > colours.limit);
            let effect = axes::fit(&input.effect, 240.0, 11.0);
            if beyond { format!("{effect} (some beyond the ends)") } else { effect }
        }
        HeatView::PValues => {
            cell(svg, 0, "> 0.5", 64.0);
            for (level, bound) in (1..).zip(colours.bounds()) {
                cell(svg, level, &format!("≤ {}", axes::plain(bound)), 64.0);
            }
            "p-value".to_owned()
        }
    };
    x += 36.0;
    svg.text("f-s f-q", x, top + 10.0, &about);
    let mut marks = Vec::new();
    if place.framed() && input.cells.iter().flatten().any(|c| c.p().is_some()) {
        marks.push(format!("framed: p ≤ {}", axes::plain(input.alpha)));
    }
    if place.bare(input.view) {
        marks.push("stroke: below 0".to_owned());
    }
    svg.text("f-s f-q", x, top + 25.0, &marks.join("; "));
}
