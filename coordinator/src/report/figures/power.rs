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

/// A test with several looks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequential {
    /// What the figure is called.
    pub caption: Caption,
    /// Such as `runs per config` or `look`.
    pub x: Axis,
    /// The statistic.
    pub y: Axis,
    /// Name of the statistic's line.
    pub statistic_name: String,
    /// Name of the boundary's line.
    pub boundary_name: String,
    /// Whether a statistic below minus the boundary counts, too.
    pub two_sided: bool,
    /// The looks, planned ones included.
    pub looks: Vec<Look>,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Look {
    /// Where it lies on the x axis.
    pub x: f64,
    /// The statistic; none for a look that is still to come.
    pub statistic: Option<f64>,
    /// Boundary of significance; infinite where the test cannot end here.
    pub boundary: f64,
}

/// Draws [`Sequential`].
///
/// # Errors
/// [`FigureError::Empty`] when no statistic and no boundary is finite.
pub fn sequential(input: &Sequential) -> Result<Figure, FigureError> {
    let of = |y: &dyn Fn(&Look) -> Option<f64>| -> Vec<Point> {
        input.looks.iter().filter_map(|l| Some(Point { x: l.x, y: y(l)?, interval: None })).collect()
    };
    let lower = format!("−{}", input.boundary_name);
    let mut all = vec![
        Line { name: &input.statistic_name, points: of(&|l| l.statistic), look: Some(0) },
        Line { name: &input.boundary_name, points: of(&|l| bounded(l.boundary)), look: Some(1) },
    ];
    if input.two_sided {
        all.push(Line { name: &lower, points: of(&|l| bounded(-l.boundary)), look: Some(2) });
    }
    let zero = Rule { value: 0.0, text: String::new() };
    lines::draw(&Plane {
        figure: "looks",
        caption: &input.caption,
        x: &input.x,
        y: &input.y,
        places: None,
        counts: true,
        ends: None,
        lying: if input.two_sided { vec![zero] } else { vec![] },
        upright: vec![],
        spread: Spread::Band,
        steps: false,
        left_out: lines::not_finite(&all),
        lines: all,
        others: "",
    })
}

/// An infinite boundary is no point: nothing reaches it.
fn bounded(boundary: f64) -> Option<f64> {
    (!boundary.is_infinite()).then_some(boundary)
}
