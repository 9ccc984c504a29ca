//! Figures with one row per config: heights of rows, names to the left, numbers to the right, a legend above.

use super::{
    WIDTH, axes,
    svg::{Path, Shape, Svg},
};

/// Height of a row, by their number.
fn height(rows: usize) -> f64 {
    match rows {
        0..=16 => 34.0,
        17..=60 => 24.0,
        61..=120 => 14.0,
        121..=300 => 9.0,
        _ => 5.0,
    }
}

/// Least distance of two names, from baseline to baseline.
const NAME_GAP: f64 = 12.0;

/// Most room for the numbers to the right.
const NUMBERS: f64 = 250.0;

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Height of a row.
    pub(super) row: f64,
    /// Upper end of the first row.
    pub(super) top: f64,
    /// Lower end of the last row.
    pub(super) bottom: f64,
    /// Left and right end of the drawing.
    pub(super) plot: (f64, f64),
    font: f64,
}

impl Layout {
    /// `numbers` are the texts to the right; with thin rows there is no room for them.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>, numbers: &[String], top: f64) -> Self {
        let row = height(numbers.len());
        let font = if row >= 20.0 { 13.0 } else { 11.0 };
        let names = names.map(|n| 1.1 * axes::width(&axes::fit(n, 220.0, font), font)).fold(40.0, f64::max);
        let texts = match row >= 20.0 {
            true => numbers.iter().map(|t| axes::width(t, 11.0)).fold(0.0, f64::max).min(NUMBERS),
            false => 0.0,
        };
        let count = f64::from(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
        // 22 is room for half of the last tick's number.
        let plot = (names + 24.0, WIDTH - (texts + 12.0).max(22.0));
        Self { row, top, bottom: top + count * row, plot, font }
    }

    /// Whether numbers and single dots have room.
    pub(super) fn roomy(&self) -> bool {
        self.row >= 20.0
    }

    /// The middle of a row.
    pub(super) fn middle(&self, index: usize) -> f64 {
        self.top + (f64::from(u32::try_from(index).unwrap_or(u32::MAX)) + 0.5) * self.row
    }

    /// Height of the whole figure with one axis below.
    pub(super) fn height(&self) -> f64 {
        self.bottom + 46.0
    }

    /// Every second row on a strip, so that the eye keeps to its row; only where rows are high.
    pub(super) fn strips(&self, svg: &mut Svg, count: usize) {
        if !self.roomy() || count < 4 {
            return;
        }
        let mut strips = Path::default();
        for index in (1..count).step_by(2) {
            strips.rectangle(0.0, self.middle(index) - self.row / 2.0, WIDTH, self.row);
        }
        svg.path("f-strip", &strips);
    }

    /// Names to the left. With thin rows the strong ones come first, then as many others as have room.
    pub(super) fn names(&self, svg: &mut Svg, names: &[(&str, bool)]) {
        for index in thinned(names.iter().map(|n| n.1), self.row) {
            let Some(&(name, strong)) = names.get(index) else { continue };
            // Bold letters are wider.
            let room = (self.plot.0 - 16.0) * if strong { 0.9 } else { 1.0 };
            let shown = axes::fit(name, room, self.font);
            let class = match (self.roomy(), strong) {
                (true, true) => "f-e f-b",
                (true, false) => "f-e",
                (false, true) => "f-e f-s f-b",
                (false, false) => "f-e f-s",
            };
            svg.name(class, (self.plot.0 - 12.0, self.middle(index) + self.font * 0.35), &shown, name);
        }
    }

    /// A number to the right of a row.
    pub(super) fn number(&self, svg: &mut Svg, index: usize, text: &str) {
        if self.roomy() {
            // Half of a number would be another number: where both ends have no room, the estimate stands alone.
            let estimate = text.strip_suffix(']').and_then(|t| t.split_once(" [")).map_or(text, |(e, _)| e);
            let shown = if axes::width(text, 11.0) > NUMBERS { estimate } else { text };
            svg.text("f-s f-e", WIDTH - 6.0, self.middle(index) + 4.0, &axes::fit(shown, NUMBERS, 11.0));
        }
    }

    /// The whole row as a place for the pointer.
    pub(super) fn hover(&self, svg: &mut Svg, index: usize, title: &str) {
        svg.area((0.0, self.middle(index) - self.row / 2.0), (WIDTH, self.row), title);
    }
}

/// Indices of the names that have room: strong ones first, in their order, then others.
pub(super) fn thinned(strong: impl Iterator<Item = bool> + Clone, row: f64) -> Vec<usize> {
    let every = if row >= NAME_GAP { 0 } else { (NAME_GAP / row).ceil() as usize };
    let count = strong.clone().count();
    let mut taken = vec![false; count];
    let mut chosen = Vec::new();
    for wanted in [true, false] {
        for (index, _) in strong.clone().enumerate().filter(|&(_, s)| s == wanted) {
            let near = index.saturating_sub(every.saturating_sub(1))..(index + every.max(1)).min(count);
            if taken.get(near).is_some_and(|near| near.iter().all(|t| !t)) {
                chosen.push(index);
                if let Some(slot) = taken.get_mut(index) {
                    *slot = true;
                }
            }
        }
    }
    chosen.sort_unstable();
    chosen
}

/// How a legend shows an entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    /// A shape with its class.
    Mark(Shape, &'static str),
    /// A dot as runs have it, of this class.
    Dot(&'static str),
    /// A short line of this class.
    Line(&'static str),
    /// A filled field of this class.
    Field(&'static str),
}

/// A legend from `left` on; gives the height that it took.
pub(super) fn legend(svg: &mut Svg, left: f64, top: f64, entries: &[(&str, Key, String)]) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    let (mut x, mut y) = (left, top + 12.0);
    for (tone, key, text) in entries {
        let shown = axes::fit(text, 240.0, 11.0);
        let width = 30.0 + axes::width(&shown, 11.0);
        if x + width > WIDTH && x > left {
            (x, y) = (left, y + 18.0);
        }
        let mut d = Path::default();
        let class = match *key {
            Key::Mark(shape, class) => {
                shape.draw(&mut d, x + 9.0, y - 4.0, 4.5);
                class
            }
            Key::Dot(class) => {
                d.dot(x + 9.0, y - 4.0);
                class
            }
            Key::Line(class) => {
                d.segment((x, y - 4.0), (x + 18.0, y - 4.0));
                class
            }
            Key::Field(class) => {
                d.rectangle(x + 2.0, y - 10.0, 14.0, 11.0);
                class
            }
        };
        svg.path(&format!("{class} {tone}"), &d);
        svg.name("f-s f-q", (x + 22.0, y), &shown, text);
        x += width + 10.0;
    }
    y - top + 10.0
}
