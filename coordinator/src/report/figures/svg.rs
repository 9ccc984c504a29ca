//! SVG text: elements, escaped texts, paths, marks. Nothing here knows what a figure shows.

use crate::report::wording;
use std::fmt::Write as _;

/// Longest text in a hover title, in characters.
const LONGEST_TITLE: usize = 300;

/// Elements, one after the other.
#[derive(Debug, Default)]
pub(super) struct Svg {
    out: String,
}

impl Svg {
    pub(super) fn into_string(self) -> String {
        self.out
    }

    /// A path; nothing when it has no commands.
    pub(super) fn path(&mut self, class: &str, d: &Path) {
        if !d.0.is_empty() {
            self.add(format_args!("<path class=\"{class}\" d=\"{}\"/>", d.0));
        }
    }

    /// A path with a text that shows while the pointer rests on it.
    pub(super) fn path_titled(&mut self, class: &str, d: &Path, title: &str) {
        self.add(format_args!(
            "<path class=\"{class}\" d=\"{}\"><title>{}</title></path>",
            d.0,
            clean(title, LONGEST_TITLE)
        ));
    }

    /// A text at a place; the class says which end of it lies there.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let (x, y) = (Coordinate(x), Coordinate(y));
        self.add(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", clean(text, LONGEST_TITLE)));
    }

    /// A text that was cut to `shown`, with the full one in a hover title when they differ.
    pub(super) fn name(&mut self, class: &str, (x, y): (f64, f64), shown: &str, full: &str) {
        if shown == full {
            return self.text(class, x, y, shown);
        }
        let (x, y) = (Coordinate(x), Coordinate(y));
        let (shown, full) = (clean(shown, LONGEST_TITLE), clean(full, LONGEST_TITLE));
        self.add(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{shown}<title>{full}</title></text>"));
    }

    /// A text turned by a quarter to the left, for the title of an upright axis.
    pub(super) fn turned(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let (x, y, text) = (Coordinate(x), Coordinate(y), clean(text, LONGEST_TITLE));
        self.add(format_args!(
            "<text class=\"{class}\" transform=\"translate({x} {y}) rotate(-90)\" x=\"0\" y=\"0\">{text}</text>"
        ));
    }

    /// A rectangle that is not seen and has a hover title: a place for the pointer that is easy to hit.
    pub(super) fn area(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
        let mut d = Path::default();
        d.rectangle(x, y, width, height);
        self.path_titled("f-hit", &d, title);
    }

    fn add(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a string has no way to fail.
        let _ = self.out.write_fmt(part);
    }
}

/// A coordinate with at most one decimal.
struct Coordinate(f64);

impl std::fmt::Display for Coordinate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths == 0.0 {
            f.write_str("0")
        } else if tenths % 10.0 == 0.0 {
            write!(f, "{}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

/// Commands of a path.
#[derive(Debug, Default)]
pub(super) struct Path(String);

impl Path {
    fn add(&mut self, command: char, x: f64, y: f64) {
        let _ = write!(self.0, "{command}{} {}", Coordinate(x), Coordinate(y));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn start(&mut self, x: f64, y: f64) {
        self.add('M', x, y);
    }

    pub(super) fn line(&mut self, x: f64, y: f64) {
        self.add('L', x, y);
    }

    pub(super) fn close(&mut self) {
        self.0.push('Z');
    }

    /// A line from one place to another.
    pub(super) fn segment(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.start(from.0, from.1);
        if from.1 == to.1 {
            let _ = write!(self.0, "H{}", Coordinate(to.0));
        } else if from.0 == to.0 {
            let _ = write!(self.0, "V{}", Coordinate(to.1));
        } else {
            self.line(to.0, to.1);
        }
    }

    /// A line of no length: its round ends are a dot.
    pub(super) fn dot(&mut self, x: f64, y: f64) {
        self.start(x, y);
        self.0.push_str("h0");
    }

    pub(super) fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64) {
        self.start(x, y);
        let _ = write!(self.0, "h{}v{}h{}z", Coordinate(width), Coordinate(height), Coordinate(-width));
    }

    /// A closed line through all places.
    pub(super) fn polygon(&mut self, places: &[(f64, f64)]) {
        for (index, &(x, y)) in places.iter().enumerate() {
            self.add(if index == 0 { 'M' } else { 'L' }, x, y);
        }
        self.close();
    }
}

/// Shapes that tell things apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Cross,
    Plus,
    Dash,
}

impl Shape {
    /// Draws itself around a place; `r` is about half its width.
    pub(super) fn draw(self, d: &mut Path, x: f64, y: f64, r: f64) {
        match self {
            Self::Circle => {
                d.start(x - r, y);
                let (r, across) = (Coordinate(r), Coordinate(2.0 * r));
                let _ = write!(d.0, "a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z");
            }
            Self::Square => d.rectangle(x - 0.85 * r, y - 0.85 * r, 1.7 * r, 1.7 * r),
            Self::Diamond => {
                d.polygon(&[(x, y - 1.25 * r), (x + 1.25 * r, y), (x, y + 1.25 * r), (x - 1.25 * r, y)]);
            }
            Self::Up => d.polygon(&[(x, y - 1.1 * r), (x + 1.1 * r, y + 0.9 * r), (x - 1.1 * r, y + 0.9 * r)]),
            Self::Down => d.polygon(&[(x, y + 1.1 * r), (x + 1.1 * r, y - 0.9 * r), (x - 1.1 * r, y - 0.9 * r)]),
            Self::Cross => {
                d.segment((x - r, y - r), (x + r, y + r));
                d.segment((x - r, y + r), (x + r, y - r));
            }
            Self::Plus => {
                d.segment((x - r, y), (x + r, y));
                d.segment((x, y - r), (x, y + r));
            }
            Self::Dash => d.segment((x - r, y), (x + r, y)),
        }
    }
}

/// Text that may stand in XML and reads the same everywhere: bounded, without control characters, marks that reorder
/// their surroundings and characters that XML forbids; escaped.
pub(super) fn clean(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest) + 8);
    for c in wording::shorten(text, longest).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{61c}' | '\u{fffe}' | '\u{ffff}' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A name for use inside a sentence: one that is written from the right keeps its neighbours in place.
pub(super) fn isolated(name: &str) -> String {
    let name = wording::display_name(name);
    let from_right = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    // An Arabic or Hebrew letter sets the direction of what follows it, up to the next strong letter; the left-to-right
    // mark is one.
    if name.contains(from_right) { format!("{name}\u{200e}") } else { name }
}
