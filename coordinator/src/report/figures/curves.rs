//! Learning curves, and the share of runs that reach a score: lines with bands.

use super::{
    Axis, Caption, Figure, FigureError, Interval,
    lines::{self, Line, Plane, Point, Rule, Spread},
};

/// Learning curves of several configs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// What the figure is called.
    pub caption: Caption,
    /// Such as `epoch`.
    pub x: Axis,
    /// The metric.
    pub y: Axis,
    /// A value drawn across with its name, such as 0 for differences.
    pub reference: Option<(f64, String)>,
    /// One per config.
    pub curves: Vec<Curve>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// Its name, written at its end.
    pub name: String,
    /// Whether it has colour, band and name where there are more than 12 lines; the others are then thin and grey.
    /// When none is chosen, the first six are.
    pub strong: bool,
    /// Its points in the order of x.
    pub points: Vec<CurvePoint>,
}

/// One point of a line.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CurvePoint {
    /// Such as the epoch.
    pub x: f64,
    /// The mean; a value that is not finite leaves a gap.
    pub y: f64,
    /// The band's ends here.
    pub band: Option<Interval>,
}

/// Most lines with colour and name.
const STRONG: usize = 24;

/// Draws [`Curves`].
///
/// # Errors
/// [`FigureError::Empty`] when no point is finite.
pub fn learning_curves(input: &Curves) -> Result<Figure, FigureError> {
    let rule = |(value, text): &(f64, String)| Rule { value: *value, text: text.clone() };
    let lines = lines_of(&input.curves);
    lines::draw(&Plane {
        figure: "learning curves",
        caption: &input.caption,
        x: &input.x,
        y: &input.y,
        places: None,
        counts: true,
        ends: None,
        lying: input.reference.iter().map(rule).collect(),
        upright: vec![],
        spread: Spread::Band,
        steps: false,
        left_out: lines::not_finite(&lines),
        lines,
        others: "other configs",
    })
}

fn lines_of(curves: &[Curve]) -> Vec<Line<'_>> {
    let wanted: Vec<bool> = curves.iter().map(|c| c.strong).collect();
    let point = |p: &CurvePoint| Point { x: p.x, y: p.y, interval: p.band };
    let mut lines = Vec::with_capacity(curves.len());
    for (curve, look) in curves.iter().zip(lines::looks(&wanted, STRONG)) {
        lines.push(Line { name: &curve.name, points: curve.points.iter().map(point).collect(), look });
    }
    lines
}

/// Performance profiles: for each score the share of runs that reach it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profiles {
    /// What the figure is called.
    pub caption: Caption,
    /// The score.
    pub score: Axis,
    /// What the share is of, such as `share of runs with at least this score`.
    pub share: Axis,
    /// One per config; x is the score, y the share from 0 to 1. A share keeps its value until the next score.
    pub curves: Vec<Curve>,
}

/// Draws [`Profiles`].
///
/// # Errors
/// [`FigureError::Empty`] when no point is finite.
pub fn performance_profiles(input: &Profiles) -> Result<Figure, FigureError> {
    let lines = lines_of(&input.curves);
    lines::draw(&Plane {
        figure: "performance profiles",
        caption: &input.caption,
        x: &input.score,
        y: &input.share,
        places: None,
        counts: false,
        ends: Some((0.0, 1.0)),
        lying: vec![],
        upright: vec![],
        spread: Spread::Band,
        steps: true,
        left_out: lines::not_finite(&lines),
        lines,
        others: "other configs",
    })
}
