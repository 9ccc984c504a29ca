//! Power against the true difference, and a statistic against its boundary from look to look.

use super::{
    Axis, Caption, Figure, FigureError,
    axes::plain,
    lines::{self, Line, Plane, Point, Rule, Spread},
};

/// Power of a design.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Power {
    /// What the figure is called.
    pub caption: Caption,
    /// Such as `true difference`.
    pub x: Axis,
    /// Power that is asked for, usually 0.8.
    pub target: f64,
    /// Places on the x axis to mark, each with its words, such as the smallest difference that matters.
    pub marks: Vec<(f64, String)>,
    /// One per comparison or design.
    pub curves: Vec<PowerCurve>,
}

/// Power of one comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PowerCurve {
    /// Its name, written at its end.
    pub name: String,
    /// Places on the x axis with the power of each, from 0 to 1.
    pub points: Vec<(f64, f64)>,
}

/// Draws [`Power`].
///
/// # Errors
/// [`FigureError::Empty`] when no point is finite.
pub fn power(input: &Power) -> Result<Figure, FigureError> {
    let point = |&(x, y): &(f64, f64)| Point { x, y, interval: None };
    let mut lines = Vec::with_capacity(input.curves.len());
    for (curve, look) in input.curves.iter().zip(lines::looks(&vec![false; input.curves.len()], 24)) {
        lines.push(Line { name: &curve.name, points: curve.points.iter().map(point).collect(), look });
    }
    let target = Rule { value: input.target.clamp(0.0, 1.0), text: format!("power {}", plain(input.target)) };
    lines::draw(&Plane {
        figure: "power",
        caption: &input.caption,
        x: &input.x,
        y: &Axis { label: "power".to_owned(), ..Axis::default() },
        places: None,
        counts: false,
        ends: Some((0.0, 1.0)),
        lying: vec![target],
        upright: input.marks.iter().map(|(value, text)| Rule { value: *value, text: text.clone() }).collect(),
        spread: Spread::Band,
        steps: false,
        left_out: lines::not_finite(&lines),
        lines,
        others: "other comparisons",
    })
}

/// Comparisons with several looks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Looks {
    /// What the figure is called.
    pub caption: Caption,
    /// Such as `replicates`.
    pub x: Axis,
    /// Such as `t / boundary`: at 1 and -1 a comparison is decided.
    pub y: Axis,
    /// One per comparison.
    pub paths: Vec<Path>,
}

/// A comparison from look to look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Its name, written at its end.
    pub name: String,
    /// Whether it was decided: these stand out where there are too many.
    pub decided: bool,
    /// Places on the x axis, each with the statistic over its boundary.
    pub points: Vec<(f64, f64)>,
}

/// Draws [`Looks`].
///
/// # Errors
/// [`FigureError::Empty`] when no point is finite.
pub fn looks(input: &Looks) -> Result<Figure, FigureError> {
    let point = |&(x, y): &(f64, f64)| Point { x, y, interval: None };
    let decided: Vec<bool> = input.paths.iter().map(|path| path.decided).collect();
    let named = input.paths.iter().zip(lines::looks(&decided, 24));
    let all: Vec<Line<'_>> = named
        .map(|(path, look)| Line { name: &path.name, points: path.points.iter().map(point).collect(), look })
        .collect();
    let rule = |value: f64, text: &str| Rule { value, text: text.to_owned() };
    lines::draw(&Plane {
        figure: "looks",
        caption: &input.caption,
        x: &input.x,
        y: &input.y,
        places: None,
        counts: true,
        ends: None,
        lying: vec![rule(1.0, "boundary"), rule(0.0, ""), rule(-1.0, "")],
        upright: vec![],
        spread: Spread::Band,
        steps: false,
        left_out: lines::not_finite(&all),
        lines: all,
        others: "other comparisons",
    })
}
