//! Interaction of two factors: a line per level of one, over the levels of the other.

use super::{
    Axis, Caption, Figure, FigureError, Interval,
    lines::{self, Line, Plane, Point, Spread},
};

/// Means of the cells of two factors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interaction {
    /// What the figure is called.
    pub caption: Caption,
    /// The factor along the x axis.
    pub x: Axis,
    /// The metric.
    pub y: Axis,
    /// Levels of the factor along the x axis.
    pub places: Vec<String>,
    /// Levels of the other factor.
    pub levels: Vec<Level>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Level {
    /// Its name, written at its end.
    pub name: String,
    /// One per level of the x axis; none leaves a gap.
    pub means: Vec<Option<Mean>>,
}

/// Mean of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mean {
    /// Its value.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
}

/// Most lines.
const MOST: usize = 24;

/// Draws an [`Interaction`].
///
/// # Errors
/// [`FigureError::Mismatch`] when a line has not one entry per place, [`FigureError::TooMany`] above 24 lines,
/// [`FigureError::Empty`] when no mean is finite.
pub fn interaction(input: &Interaction) -> Result<Figure, FigureError> {
    let figure = "interaction";
    let (found, expected) = (input.levels.len(), input.places.len());
    if found > MOST {
        return Err(FigureError::TooMany { figure, what: "lines", found, limit: MOST });
    }
    if let Some(level) = input.levels.iter().find(|l| l.means.len() != expected) {
        return Err(FigureError::Mismatch { figure, what: "means of a line", expected, found: level.means.len() });
    }
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    // Lines stand side by side within a third of the distance of two places, so that bars do not hide each other.
    let shift = |line: usize| (count(line) - (count(found) - 1.0) / 2.0) * (0.3 / count(found)).min(0.06);
    // A gap is a point that nothing is drawn of.
    let gap = Mean { value: f64::NAN, interval: None };
    let mut lines = Vec::with_capacity(found);
    for (index, level) in input.levels.iter().enumerate() {
        let points = level.means.iter().enumerate().map(|(place, mean)| {
            let mean = mean.unwrap_or(gap);
            Point { x: count(place) + shift(index), y: mean.value, interval: mean.interval }
        });
        lines.push(Line { name: &level.name, points: points.collect(), look: Some(index) });
    }
    let left_out = input.levels.iter().flat_map(|l| &l.means).flatten().filter(|m| !m.value.is_finite()).count();
    lines::draw(&Plane {
        figure,
        caption: &input.caption,
        x: &input.x,
        y: &input.y,
        places: Some(&input.places),
        counts: true,
        ends: None,
        lying: vec![],
        upright: vec![],
        spread: Spread::Bars,
        steps: false,
        lines,
        others: "",
        left_out,
    })
}
