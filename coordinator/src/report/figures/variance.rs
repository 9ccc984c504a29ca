//! Where the noise comes from: components of the variance as stacked bars, and standard errors beside them.

use super::{
    Axis, Caption, Figure, FigureError, WIDTH,
    axes::{self, Kind, Range, Scale},
    rows::{Key, Layout, legend},
    svg::{Path, Shape, Svg, isolated},
};

/// Variance components of several configs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variance {
    /// What the figure is called.
    pub caption: Caption,
    /// The variance, such as `variance` in `pp²`.
    pub variance: Axis,
    /// The standard error, such as `standard error` in `pp`.
    pub error: Axis,
    /// Names of the components, such as `seed`, `example`, `rest`; at most 8.
    pub components: Vec<String>,
    /// What the standard errors are about, such as `same test set, new seeds`; at most 4.
    pub targets: Vec<String>,
    /// Configs, from top to bottom.
    pub rows: Vec<VarianceRow>,
}

/// One config.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VarianceRow {
    /// Its name.
    pub name: String,
    /// One per component. A negative estimate is drawn as 0, and its hover title tells the estimate.
    pub components: Vec<f64>,
    /// One per target; none where it cannot be estimated.
    pub errors: Vec<Option<f64>>,
}

/// Tone of a component: lightness differs from one to the next, so that bars stay apart in print.
const TONES: [&str; 8] = ["t-b0", "t-b1", "t-b2", "t-6", "t-5", "t-1", "t-2", "t-3"];

/// Shapes of the targets.
const TARGETS: [(&str, Shape, &str); 4] = [
    ("t-0", Shape::Circle, "f-full"),
    ("t-1", Shape::Square, "f-full"),
    ("t-base", Shape::Diamond, "f-hollow"),
    ("t-2", Shape::Plus, "f-stroke"),
];

const FIGURE: &str = "variance";

/// Draws [`Variance`].
///
/// # Errors
/// [`FigureError::Empty`] when no component is finite, [`FigureError::Mismatch`] when a row has another number of
/// components or errors than there are names, [`FigureError::TooMany`] with more than 8 components or 4 targets.
pub fn variance(input: &Variance) -> Result<Figure, FigureError> {
    check(input)?;
    let empty = FigureError::Empty { figure: FIGURE };
    let mut svg = Svg::default();
    let mut top = legend(&mut svg, 12.0, 4.0, &component_entries(input));
    top += legend(&mut svg, 12.0, 4.0 + top, &target_entries(input)) + 8.0;
    let blank = vec![String::new(); input.rows.len()];
    let layout = Layout::new(input.rows.iter().map(|r| r.name.as_str()), &blank, top);
    let with_errors = input.rows.iter().flat_map(|r| &r.errors).flatten().any(|e| e.is_finite());
    let (left, right) = layout.plot;
    let middle = if with_errors { left + (right - left) * 0.56 } else { right };
    let (bars, errors) = ranges(input);
    let bars = Scale::new(bars, (left, middle), Kind::Lying).ok_or(empty)?.starting_at_zero();
    layout.strips(&mut svg, input.rows.len());
    axes::lying_axis(&mut svg, &bars, (top, layout.bottom), &axes::axis_title(&input.variance));
    let errors = Scale::new(errors, (middle + 36.0, right), Kind::Lying).map(Scale::starting_at_zero);
    if let Some(errors) = &errors {
        axes::lying_axis(&mut svg, errors, (top, layout.bottom), &axes::axis_title(&input.error));
    }
    let names: Vec<(&str, bool)> = input.rows.iter().map(|r| (r.name.as_str(), false)).collect();
    layout.names(&mut svg, &names);
    for (index, row) in input.rows.iter().enumerate() {
        layout.hover(&mut svg, index, &title(input, row, &bars, errors.as_ref()));
        draw_bar(&mut svg, row, &layout, index, &bars);
        if let Some(errors) = &errors {
            draw_errors(&mut svg, row, &layout, index, errors);
        }
    }
    let values = input.rows.iter().flat_map(|r| r.components.iter().copied().chain(r.errors.iter().flatten().copied()));
    let left_out = values.filter(|v| !v.is_finite()).count();
    Ok(Figure::new(&input.caption, layout.height(), svg, left_out))
}

fn check(input: &Variance) -> Result<(), FigureError> {
    for (what, found, limit) in [
        ("components", input.components.len(), TONES.len()),
        ("targets of standard errors", input.targets.len(), TARGETS.len()),
    ] {
        if found > limit {
            return Err(FigureError::TooMany { figure: FIGURE, what, found, limit });
        }
    }
    for row in &input.rows {
        for (what, found, expected) in [
            ("components of a config", row.components.len(), input.components.len()),
            ("standard errors of a config", row.errors.len(), input.targets.len()),
        ] {
            if found != expected {
                return Err(FigureError::Mismatch { figure: FIGURE, what, expected, found });
            }
        }
    }
    Ok(())
}

fn drawn(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

fn ranges(input: &Variance) -> (Range, Range) {
    let (mut bars, mut errors) = (Range::default(), Range::default());
    for row in input.rows.iter().filter(|r| r.components.iter().any(|c| c.is_finite())) {
        bars.point(0.0);
        bars.point(row.components.iter().map(|&c| drawn(c)).sum::<f64>().min(f64::MAX));
    }
    for error in input.rows.iter().flat_map(|r| &r.errors).flatten().filter(|e| e.is_finite()) {
        errors.point(0.0);
        errors.point(*error);
    }
    (bars, errors)
}

fn component_entries(input: &Variance) -> Vec<(&'static str, Key, String)> {
    input.components.iter().zip(TONES).map(|(name, tone)| (tone, Key::Field("f-bar"), name.clone())).collect()
}

fn target_entries(input: &Variance) -> Vec<(&'static str, Key, String)> {
    let one = |(name, (tone, shape, class)): (&String, _)| (tone, Key::Mark(shape, class), name.clone());
    input.targets.iter().zip(TARGETS).map(one).collect()
}

fn title(input: &Variance, row: &VarianceRow, bars: &Scale, errors: Option<&Scale>) -> String {
    let parts = input.components.iter().zip(&row.components).filter(|(_, v)| v.is_finite()).map(|(name, &value)| {
        let negative = if value < 0.0 { " (negative estimate)" } else { "" };
        format!("{} {}{negative}", isolated(name), bars.digits().value(value))
    });
    let more = input.targets.iter().zip(&row.errors).filter_map(|(name, error)| {
        let error = error.filter(|e| e.is_finite())?;
        Some(format!("standard error, {}: {}", isolated(name), errors?.digits().value(error)))
    });
    let all: Vec<String> = parts.chain(more).collect();
    format!("{}: {}", isolated(&row.name), all.join("; "))
}

fn draw_bar(svg: &mut Svg, row: &VarianceRow, layout: &Layout, index: usize, scale: &Scale) {
    let high = layout.row * if layout.roomy() { 0.56 } else { 0.8 };
    let y = layout.middle(index) - high / 2.0;
    let mut sum = 0.0;
    for (&value, tone) in row.components.iter().zip(TONES) {
        let (from, to) = (scale.at(sum), scale.at(sum + drawn(value)));
        sum += drawn(value);
        if to - from >= 0.05 {
            let mut d = Path::default();
            d.rectangle(from, y, to - from, high);
            svg.path(&format!("f-bar {tone}"), &d);
        }
    }
}

fn draw_errors(svg: &mut Svg, row: &VarianceRow, layout: &Layout, index: usize, scale: &Scale) {
    let y = layout.middle(index);
    let r = if layout.roomy() { 5.0 } else { (layout.row * 0.35).max(1.6) };
    for (error, (tone, shape, class)) in row.errors.iter().zip(TARGETS) {
        if let Some(error) = error.filter(|e| e.is_finite()) {
            let mut d = Path::default();
            shape.draw(&mut d, scale.at(error).min(WIDTH), y, r);
            svg.path(&format!("{class} {tone}"), &d);
        }
    }
}
