//! Figures of a report as SVG. Each is a pure function from a small struct of plain values to a [`Figure`]; the same
//! input gives the same bytes.
//!
//! Map: `svg` elements, escaping, marks · `style` colours and the style sheet · `axes` ranges, scales, ticks, digits,
//! widths of texts · `rows` figures with one row per config · `dots` runs with intervals · `forest` differences ·
//! `slopes` paired seeds · `variance` components and standard errors · `heat` grids · `lines` what all figures with
//! lines share · `curves` learning curves and performance profiles · `power` power and looks · `interaction`.
//!
//! # Why no plotting crate
//!
//! The page forbids scripts. That rules out `charming` and `plotly`: both draw in the browser. `plotters` writes
//! colours and sizes into every element, so a style sheet cannot turn a figure dark or ready for print; it has neither
//! titles nor roles, and measures texts with the fonts of the system. `poloto` does use classes, but knows lines, bars
//! and points only: rows with two intervals, grids and names at the ends of lines would be own code around its scales.
//! What is left to write is text, which is what this module does, in no more lines than the adapters would take.
//!
//! # What every figure keeps to
//!
//! - A number that is not finite never becomes a coordinate. A point is left out, and the description says how many
//!   were; an infinite end of an interval is drawn to the edge. A figure without any point is a [`FigureError`].
//! - Values beyond 1e300 lie at the edge, and so does the part of an interval that is much longer than the others'.
//! - Colours are those of Okabe and Ito, and no colour is alone: shapes, dashes, positions or numbers say the same.
//! - Names are cut where there is no room, with up to 300 characters of them in a hover title.

mod axes;
mod curves;
mod dots;
mod forest;
mod heat;
mod interaction;
mod lines;
mod power;
mod rows;
mod slopes;
mod style;
mod svg;
mod variance;

pub use curves::{Curve, CurvePoint, Curves, Profiles, learning_curves, performance_profiles};
pub use dots::{DotRow, Dots, Run, dots};
pub use forest::{Forest, ForestRow, forest};
pub use heat::{HeatCell, HeatMap, HeatView, heat_map};
pub use interaction::{Interaction, Level, Mean, interaction};
pub use power::{Looks, Path, Power, PowerCurve, looks, power};
pub use slopes::{Pair, SlopePanel, Slopes, slopes};
pub use variance::{Variance, VarianceRow, variance};

use maud::{Markup, PreEscaped};
use svg::{Shape, clean};

#[cfg(test)]
mod tests;

/// Width of every figure in its own units, which are pixels where there is room for them.
const WIDTH: f64 = 900.0;

/// What a figure is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caption {
    /// Unique in a page: the ids of title and description start with it. All but ASCII letters, digits, `-` and `_`
    /// become `-`.
    pub id: String,
    /// Short title: read aloud first, and drawn above the figure in a file of its own.
    pub title: String,
    /// What is to be seen, in a few sentences, for those who do not see it.
    pub description: String,
}

/// What an axis shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Axis {
    /// Quantity.
    pub label: String,
    /// Unit; empty when there is none.
    pub unit: String,
    /// Such as `higher is better`; empty for none.
    pub note: String,
}

/// An interval. It is drawn unless an end is NaN; an infinite end lies at the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    fn usable(self) -> Option<Self> {
        (!self.low.is_nan() && !self.high.is_nan() && self.low <= self.high).then_some(self)
    }
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Differs, for the better.
    Better,
    /// Differs, for the worse.
    Worse,
    /// No difference that matters.
    Equivalent,
    /// Differs, but by less than matters.
    Negligible,
    /// Neither shown to differ nor to be equivalent.
    Undecided,
    /// No test was possible.
    Untested,
}

impl Verdict {
    const ALL: [Self; 6] =
        [Self::Better, Self::Worse, Self::Equivalent, Self::Negligible, Self::Undecided, Self::Untested];

    const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Negligible => "real but negligible",
            Self::Undecided => "undecided",
            Self::Untested => "not tested",
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::Better => "t-better",
            Self::Worse => "t-worse",
            Self::Equivalent => "t-same",
            Self::Negligible => "t-small",
            Self::Undecided | Self::Untested => "t-open",
        }
    }

    /// Shape, and the class that fills it or leaves it hollow.
    const fn mark(self) -> (Shape, &'static str) {
        match self {
            Self::Better => (Shape::Up, "f-full"),
            Self::Worse => (Shape::Down, "f-full"),
            Self::Equivalent => (Shape::Square, "f-full"),
            Self::Negligible => (Shape::Diamond, "f-full"),
            Self::Undecided => (Shape::Circle, "f-hollow"),
            Self::Untested => (Shape::Cross, "f-stroke"),
        }
    }

    const fn differs(self) -> bool {
        matches!(self, Self::Better | Self::Worse)
    }
}

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FigureError {
    /// No finite value.
    #[error("{figure}: no finite number to draw")]
    Empty {
        /// Which figure.
        figure: &'static str,
    },
    /// Two lists that belong together differ in length.
    #[error("{figure}: {what}: {found} given, {expected} expected")]
    Mismatch {
        /// Which figure.
        figure: &'static str,
        /// What was counted.
        what: &'static str,
        /// Number that the other list asks for.
        expected: usize,
        /// Number found.
        found: usize,
    },
    /// More than a figure can show.
    #[error("{figure}: {found} {what}, at most {limit} can be drawn; show a part, or the table")]
    TooMany {
        /// Which figure.
        figure: &'static str,
        /// What was counted.
        what: &'static str,
        /// Number found.
        found: usize,
        /// Largest number.
        limit: usize,
    },
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    id: String,
    title: String,
    description: String,
    height: f64,
    body: String,
}

/// Room for the title above a figure in a file of its own.
const HEAD: f64 = 34.0;

impl Figure {
    /// `left_out` is the number of points that were not finite.
    fn new(caption: &Caption, height: f64, body: svg::Svg, left_out: usize) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        let id: String = caption.id.chars().take(80).map(plain).collect();
        let mut description = clean(&caption.description, 2000);
        if left_out > 0 {
            let (values, are) = if left_out == 1 { ("value", "is") } else { ("values", "are") };
            description.push_str(&format!(" {left_out} {values} that {are} not finite: left out."));
        }
        Self {
            // An id starts with a letter.
            id: format!("fig-{id}"),
            title: clean(&caption.title, 200),
            description: description.trim().to_owned(),
            height: height.ceil(),
            body: body.into_string(),
        }
    }

    /// For a page that has [`style_sheet`] once in its head. As wide as its container; a page that is read on phones
    /// gives it a least width inside of a container that scrolls.
    #[must_use]
    pub fn inline(&self) -> Markup {
        let open = self.open("", 0.0);
        PreEscaped(format!("{open}{}</svg>", self.body))
    }

    /// A file of its own: valid XML with colours for light and dark, and the title drawn above the figure.
    #[must_use]
    pub fn file(&self) -> String {
        let height = self.height + HEAD;
        let size = format!(" xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\"");
        let style = style::of_file().replace('&', "&amp;").replace('<', "&lt;");
        let paper = format!("<path class=\"f-paper\" d=\"M0 -{HEAD}h{WIDTH}v{height}h-{WIDTH}z\"/>");
        let title = axes::fit(&unescaped(&self.title), WIDTH - 24.0, 15.0);
        let title = format!("<text class=\"f-h\" x=\"12\" y=\"-12\">{}</text>", clean(&title, 200));
        let open = self.open(&size, HEAD);
        format!("{open}<style>{style}</style>{paper}{title}{}</svg>\n", self.body)
    }

    /// Width and height in units of its view box, as [`Figure::inline`] has them.
    #[must_use]
    pub fn size(&self) -> (f64, f64) {
        (WIDTH, self.height)
    }

    fn open(&self, more: &str, head: f64) -> String {
        let Self { id, title, description, height, .. } = self;
        let top = if head > 0.0 { format!("-{head}") } else { "0".to_owned() };
        let mut open = format!(
            "<svg{more} class=\"fig\" viewBox=\"0 {top} {WIDTH} {}\" role=\"img\" aria-labelledby=\"{id}-t{}\">\
             <title id=\"{id}-t\">{title}</title>",
            height + head,
            if description.is_empty() { String::new() } else { format!(" {id}-d") },
        );
        if !description.is_empty() {
            open.push_str(&format!("<desc id=\"{id}-d\">{description}</desc>"));
        }
        open
    }
}

/// What [`clean`] escaped, as it was.
fn unescaped(text: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    marks.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The rules that [`Figure::inline`] needs, once per page. They follow the variables of the report's own style sheet
/// (`--ink`, `--soft`, `--line`, `--paper`, `--card`, `--better`, `--worse`) and stand without them.
#[must_use]
pub fn style_sheet() -> String {
    style::of_page()
}
