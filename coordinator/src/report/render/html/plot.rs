//! Dot-and-interval plots. Every row is a small inline SVG that stretches to the width it is given, with strokes that
//! do not, beside labels that are HTML: so a plot is as readable on a phone as on paper, and a long name wraps.

use crate::report::number;
use maud::{Markup, html};

/// Width of the drawing in its own units.
const WIDTH: f64 = 1000.0;
/// Height of a row in pixels.
const HEIGHT: u32 = 30;

/// One row.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) baseline: bool,
    /// Class of the mean's colour.
    pub(super) class: &'static str,
    /// Shape that repeats what the colour says.
    pub(super) mark: &'static str,
    /// Single observations.
    pub(super) dots: Vec<f64>,
    pub(super) mean: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// Numbers beside the row, or why there are none.
    pub(super) text: String,
}

/// A plot. `reference` is drawn through all rows.
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    pub(super) axis: &'a str,
    pub(super) caption: &'a str,
    pub(super) reference: Option<f64>,
    pub(super) rows: Vec<Row>,
}

struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Plot<'_> {
    /// The figure; nothing when no row has a number.
    pub(super) fn draw(&self) -> Markup {
        let Some(scale) = Scale::of(self) else {
            return html! { p.note { (self.title) ": no row has a number to draw." } };
        };
        let ticks = scale.ticks();
        html! {
            figure.plot {
                figcaption { strong { (self.title) } " " (self.caption) }
                @for row in &self.rows { (self.row(row, &scale, &ticks)) }
                div.row.axis {
                    div.label {}
                    div.ticks {
                        @for &tick in &ticks {
                            span style={ "left:" (format!("{:.1}", scale.x(tick) / WIDTH * 100.0)) "%" } {
                                (super::minus(&number::fixed(tick, scale.decimals())))
                            }
                        }
                    }
                    div.numbers {}
                }
                p.unit { (self.axis) }
            }
        }
    }

    fn row(&self, row: &Row, scale: &Scale, ticks: &[f64]) -> Markup {
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let label = format!("{}: {}", row.label, row.text);
        html! {
            div class={ "row " (row.class) (if row.mean.is_some() { "" } else { " empty" }) } {
                div.label {
                    span.mark aria-hidden="true" { (row.mark) }
                    span { (row.label) @if row.baseline { " " span.tag { "baseline" } } }
                }
                svg viewBox=(view) preserveAspectRatio="none" role="img" aria-label=(label) {
                    path.grid d=(verticals(ticks, scale)) {}
                    @if let Some(reference) = self.reference { path.reference d=(verticals(&[reference], scale)) {} }
                    @if !row.dots.is_empty() { path.dots d=(dots(&row.dots, scale)) {} }
                    @if let Some(interval) = row.interval { path.interval d=(interval_path(interval, scale)) {} }
                    @if let Some(mean) = row.mean {
                        path class=(if row.baseline { "mean square" } else { "mean" }) d={ "M" (scale.text(mean)) " 21h0" } {}
                    }
                }
                div.numbers { (super::minus(&row.text)) }
            }
        }
    }
}

fn verticals(at: &[f64], scale: &Scale) -> String {
    at.iter().map(|&v| format!("M{} 0V{HEIGHT}", scale.text(v))).collect()
}

/// Lines of no length: their round ends are the dots.
fn dots(values: &[f64], scale: &Scale) -> String {
    values.iter().map(|&v| format!("M{} 9h0", scale.text(v))).collect()
}

/// A line with an end mark where the interval ends inside of the picture.
fn interval_path((low, high): (f64, f64), scale: &Scale) -> String {
    let mut path = format!("M{} 21H{}", scale.text(low), scale.text(high));
    for end in [low, high] {
        if end >= scale.low && end <= scale.high {
            path.push_str(&format!("M{} 17v8", scale.text(end)));
        }
    }
    path
}

impl Scale {
    /// Holds all dots, means and the reference; intervals only as far as they do not squeeze the dots together.
    fn of(plot: &Plot<'_>) -> Option<Self> {
        let points = plot.rows.iter().flat_map(|r| r.dots.iter().copied().chain(r.mean)).chain(plot.reference);
        let (low, high) = bounds(points)?;
        let room = if high > low { high - low } else { (low.abs() * 0.01).max(1e-3) };
        let ends = plot.rows.iter().filter_map(|r| r.interval).flat_map(|(l, h)| [l, h]);
        let ends = ends.map(|v| v.clamp(low - 0.6 * room, high + 0.6 * room));
        let (low, high) = bounds(ends.chain([low, high]))?;
        let pad = if high > low { (high - low) * 0.03 } else { room };
        let (low, high) = (low - pad, high + pad);
        Some(Self { low, high, step: step(high - low) })
    }

    /// Place of a value; at the edge when it is outside.
    fn x(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low) * WIDTH).clamp(0.0, WIDTH)
    }

    fn text(&self, value: f64) -> String {
        let text = format!("{:.1}", self.x(value));
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    }

    fn ticks(&self) -> Vec<f64> {
        let first = (self.low / self.step).ceil();
        (0..12).map(|i| (first + f64::from(i)) * self.step).take_while(|&v| v <= self.high).collect()
    }

    fn decimals(&self) -> usize {
        usize::try_from((-self.step.log10().floor() as i32).clamp(0, 12)).unwrap_or(0)
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |found, v| match found {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// A round distance that gives four to eight ticks.
fn step(span: f64) -> f64 {
    let rough = span / 6.0;
    let power = 10f64.powi(rough.log10().floor() as i32);
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= rough).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for (low, high) in [(0.0, 1.0), (56.3, 73.9), (-0.004, 0.011), (1e6, 1.5e6), (-3.0, -2.9)] {
            let scale = Scale { low, high, step: step(high - low) };
            let ticks = scale.ticks();
            assert!((3..=8).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|t| (low..=high).contains(t)));
        }
    }

    #[test]
    fn one_wide_interval_does_not_squeeze_the_dots() {
        let row = |interval| Row {
            label: String::new(),
            baseline: false,
            class: "",
            mark: "",
            dots: vec![1.0, 2.0],
            mean: Some(1.5),
            interval: Some(interval),
            text: String::new(),
        };
        let plot = Plot {
            title: "",
            axis: "",
            caption: "",
            reference: None,
            rows: vec![row((-900.0, 900.0)), row((1.4, 1.6))],
        };
        let scale = Scale::of(&plot).map(|s| (s.low, s.high));
        assert!(scale.is_some_and(|(low, high)| high - low < 2.5), "{scale:?}");
        assert!(Scale::of(&Plot { rows: vec![], ..plot }).is_none());
    }
}
