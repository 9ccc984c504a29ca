//! Numbers to places and to texts: ranges, scales with round ticks, digits, widths of texts, labels that make room for
//! each other. No logarithm or power of the platform's library is used, so that places are the same everywhere.

use super::{Axis, Interval, WIDTH, svg::Path, svg::Svg};
use crate::report::{number, wording};

/// Values beyond this lie at the edge, so that no difference of two places overflows.
const LARGEST: f64 = 1e300;

/// What an axis has to show. Points are always inside; of an interval that is much longer than the others only a part
/// is, because it would press all points together.
#[derive(Debug, Clone, Default)]
pub(super) struct Range {
    points: Option<(f64, f64)>,
    ends: Option<(f64, f64)>,
    lengths: Vec<f64>,
}

impl Range {
    pub(super) fn point(&mut self, value: f64) {
        if value.is_finite() {
            self.points = Some(joined(self.points, value.clamp(-LARGEST, LARGEST)));
        }
    }

    pub(super) fn interval(&mut self, interval: Option<Interval>) {
        let Some(interval) = interval else { return };
        for end in [interval.low, interval.high].into_iter().filter(|v| v.is_finite()) {
            self.ends = Some(joined(self.ends, end.clamp(-LARGEST, LARGEST)));
        }
        self.lengths.push(interval.high / 2.0 - interval.low / 2.0);
    }

    /// Low and high end of the axis; none when there is no point.
    fn limits(mut self) -> Option<(f64, f64)> {
        let (mut low, mut high) = self.points?;
        if let Some((first, last)) = self.ends {
            self.lengths.retain(|l| l.is_finite());
            self.lengths.sort_by(f64::total_cmp);
            let usual = self.lengths.get(self.lengths.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
            let spare = (0.6 * (high - low)).max(4.0 * usual);
            let spare = if spare > 0.0 { spare } else { LARGEST };
            (low, high) = (low.min(first.max(low - spare)), high.max(last.min(high + spare)));
        }
        let size = low.abs().max(high.abs());
        let least = (size * 1e-12).max(1e-300);
        let pad = match high - low {
            span if span > least => span * 0.03,
            _ if size < 1e-290 => 1.0,
            _ => size * 0.01,
        };
        Some(((low - pad).max(-LARGEST * 1.1), (high + pad).min(LARGEST * 1.1)))
    }
}

fn joined(range: Option<(f64, f64)>, value: f64) -> (f64, f64) {
    range.map_or((value, value), |(low, high)| (low.min(value), high.max(value)))
}

/// A straight scale between values and places.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    step: f64,
}

/// What a scale is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ticks stand side by side.
    Lying,
    /// Ticks stand one above the other.
    Upright,
    /// Lying, and only whole numbers have ticks.
    Counts,
}

impl Scale {
    /// None when the range has no point.
    pub(super) fn new(range: Range, (from, to): (f64, f64), kind: Kind) -> Option<Self> {
        let (low, high) = range.limits()?;
        Some(Self::fixed((low, high), (from, to), kind))
    }

    /// Between two given values, of which the second is larger.
    pub(super) fn fixed((low, high): (f64, f64), (from, to): (f64, f64), kind: Kind) -> Self {
        let length = (to - from).abs();
        let mut scale = Self { low, high, from, to, step: high - low };
        for wanted in (1..=8).rev() {
            let step = round_step((high - low) / f64::from(wanted));
            scale.step = if kind == Kind::Counts { step.max(1.0) } else { step };
            let digits = scale.digits();
            let ticks = scale.ticks();
            let widest = ticks.iter().map(|&t| width(&digits.tick(t), 13.0)).fold(0.0, f64::max);
            let room = if kind == Kind::Upright { 32.0 } else { widest + 16.0 };
            let count = f64::from(u32::try_from(ticks.len()).unwrap_or(u32::MAX));
            if count * room <= length {
                break;
            }
        }
        scale
    }

    /// The place of a value, at the edge when it is outside; always finite.
    pub(super) fn at(&self, value: f64) -> f64 {
        if value.is_nan() {
            return self.from;
        }
        let share = ((value.clamp(self.low, self.high) - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Places of the lowest and of the highest value.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// Whether a value lies between the ends of the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    pub(super) fn ticks(&self) -> Vec<f64> {
        let first = (self.low / self.step).ceil();
        (0..40).map(|i| (first + f64::from(i)) * self.step).take_while(|&v| v <= self.high).collect()
    }

    /// The same scale from 0 on, for values that cannot be negative.
    pub(super) fn starting_at_zero(self) -> Self {
        let kind = Kind::Lying;
        if self.high > 0.0 { Self::fixed((0.0, self.high), (self.from, self.to), kind) } else { self }
    }

    /// The same scale, its places shifted by `by`.
    pub(super) fn moved(&self, by: f64) -> Self {
        Self { from: self.from + by, to: self.to + by, ..self.clone() }
    }

    pub(super) fn digits(&self) -> Digits {
        Digits { step: exponent(self.step), size: exponent(self.low.abs().max(self.high.abs())) }
    }
}

/// `1`, `2` or `5` times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = exponent(rough);
    let of = |factor: u32, power: i32| format!("{factor}e{power}").parse().unwrap_or(rough);
    let steps = [of(1, power), of(2, power), of(5, power), of(1, power + 1)];
    steps.into_iter().find(|&s: &f64| s >= rough * (1.0 - 1e-12)).unwrap_or(rough)
}

/// Power of ten of the first digit, read from the text form: exact, and the same on every platform.
fn exponent(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    format!("{value:e}").split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// How the numbers of one axis are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digits {
    step: i32,
    size: i32,
}

impl Digits {
    /// A tick: no more digits than the step has.
    pub(super) fn tick(self, value: f64) -> String {
        self.shown(value, self.step)
    }

    /// A value: two more digits than a tick.
    pub(super) fn value(self, value: f64) -> String {
        self.shown(value, self.step.saturating_sub(2))
    }

    /// A value with a sign.
    pub(super) fn signed(self, value: f64) -> String {
        self.signed_to(value, self.step.saturating_sub(2))
    }

    fn signed_to(self, value: f64, last: i32) -> String {
        let text = self.shown(value, last);
        let zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
        if value > 0.0 && !zero { format!("+{text}") } else { text }
    }

    /// `91.2 [90.1, 92.3]`, without the brackets when there is no interval; with it, digits follow the standard error,
    /// which is about a quarter of the interval's length.
    pub(super) fn estimate(self, value: f64, interval: Option<Interval>, signed: bool) -> String {
        let last = match interval.map(|i| i.high / 4.0 - i.low / 4.0).filter(|se| se.is_finite() && *se > 0.0) {
            Some(se) => (exponent(se) - 1).clamp(self.step.saturating_sub(4), self.step.max(0)),
            None => self.step.saturating_sub(2),
        };
        let one = |v: f64| if signed { self.signed_to(v, last) } else { self.shown(v, last) };
        match interval {
            Some(i) => format!("{} [{}, {}]", one(value), one(i.low), one(i.high)),
            None => one(value),
        }
    }

    fn shown(self, value: f64, last: i32) -> String {
        if value.is_infinite() {
            return if value > 0.0 { "∞".to_owned() } else { "−∞".to_owned() };
        }
        let scientific = self.size >= 15 || self.size <= -5 || (self.size >= 7 && last >= 3);
        let text = if scientific && value == 0.0 {
            "0".to_owned()
        } else if scientific {
            let digits = usize::try_from((exponent(value) - last).clamp(0, 15)).unwrap_or(0);
            let text = format!("{value:.digits$e}");
            // A rest of a subtraction, where the axis has its zero.
            if exponent(value) < last { "0".to_owned() } else { text.replace("e-", "e−") }
        } else {
            let decimals = usize::try_from((-last).clamp(0, 17)).unwrap_or(0);
            if value.abs() < 1e15 { number_text(value, decimals) } else { number::fixed(value, decimals) }
        };
        text.strip_prefix('-').map_or(text.clone(), |rest| format!("−{rest}"))
    }
}

/// A number that stands in a text, with the digits that it has.
pub(super) fn plain(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 || (1e-5..1e9).contains(&size) { format!("{value}") } else { format!("{value:e}") };
    text.replace('-', "−")
}

/// Fixed decimals, without a sign that the digits do not show.
fn number_text(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_owned(),
        _ => text,
    }
}

/// `accuracy/valid in % – higher is better`.
pub(super) fn axis_title(axis: &Axis) -> String {
    let label = fit(&axis.label, 420.0, 13.0);
    let unit = if axis.unit.is_empty() { String::new() } else { format!(" in {}", wording::shorten(&axis.unit, 24)) };
    let note = if axis.note.is_empty() { String::new() } else { format!(" – {}", wording::shorten(&axis.note, 60)) };
    format!("{label}{unit}{note}")
}

/// Width of a text, rather too much than too little: the widths of a broad sans-serif font.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '/' => 0.36,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '"' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' | '+' | '−' | '=' | '<' | '>' => 1.0,
        'a'..='z' | '0'..='9' => 0.63,
        'A'..='Z' => 0.72,
        // Marks that sit on the letter before them.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0.0,
        c if c < '\u{1100}' => 0.68,
        _ => 1.1,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// The name as far as there is room for it, with an ellipsis before its last characters.
pub(super) fn fit(name: &str, room: f64, size: f64) -> String {
    let whole = wording::shorten(name, 160);
    if width(&whole, size) <= room {
        return whole;
    }
    let (mut fits, mut too_long) = (1, whole.chars().count());
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        if width(&wording::shorten(name, middle), size) <= room { fits = middle } else { too_long = middle }
    }
    wording::shorten(name, fits)
}

/// Places for labels that are at least `gap` apart, between `low` and `high`, as near to the wanted places as that
/// allows and in the same order. When they do not fit, the gap shrinks.
pub(super) fn spread(wanted: &[f64], gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let of = |i: usize| wanted.get(i).copied().unwrap_or(low);
    order.sort_by(|&a, &b| of(a).total_cmp(&of(b)).then(a.cmp(&b)));
    let count = f64::from(u32::try_from(wanted.len()).unwrap_or(u32::MAX));
    let gap = if count > 1.0 { gap.min((high - low) / (count - 1.0)) } else { gap };
    // Neighbours that would overlap become one block around the mean of what they want (pool adjacent violators).
    let mut blocks: Vec<(f64, f64)> = Vec::new();
    for &index in &order {
        let mut block = (of(index).clamp(low, high), 1.0);
        while let Some(&(centre, size)) = blocks.last() {
            if block.0 - centre >= (size + block.1) / 2.0 * gap - 1e-9 {
                break;
            }
            blocks.pop();
            let joined = size + block.1;
            let half = (joined - 1.0) / 2.0 * gap;
            let mean = (centre * size + block.0 * block.1) / joined;
            block = (mean.min(high - half).max(low + half), joined);
        }
        blocks.push(block);
    }
    let mut places = vec![low; wanted.len()];
    let starts = blocks.iter().flat_map(|&(centre, size)| {
        let first = centre - (size - 1.0) / 2.0 * gap;
        (0..size as u32).map(move |i| first + f64::from(i) * gap)
    });
    for (&index, place) in order.iter().zip(starts) {
        if let Some(slot) = places.get_mut(index) {
            *slot = place;
        }
    }
    places
}

/// Upright lines at the ticks of a lying axis, their numbers and the axis's title below.
pub(super) fn lying_axis(svg: &mut Svg, scale: &Scale, (top, bottom): (f64, f64), title: &str) {
    let (digits, mut lines) = (scale.digits(), Path::default());
    for tick in scale.ticks() {
        lines.segment((scale.at(tick), top), (scale.at(tick), bottom));
        let text = digits.tick(tick);
        let half = width(&text, 13.0) / 2.0;
        svg.text("f-q f-m", scale.at(tick).min(WIDTH - half).max(half), bottom + 17.0, &text);
    }
    svg.path("f-grid", &lines);
    let mut base = Path::default();
    base.segment((scale.from, bottom), (scale.to, bottom));
    svg.path("f-axis", &base);
    svg.text("f-q f-m", (scale.from + scale.to) / 2.0, bottom + 36.0, title);
}

/// Lying lines at the ticks of an upright axis, with their numbers to the left where they are wanted.
pub(super) fn upright_lines(svg: &mut Svg, scale: &Scale, (left, right): (f64, f64), numbers: bool) {
    let (digits, mut lines) = (scale.digits(), Path::default());
    for tick in scale.ticks() {
        lines.segment((left, scale.at(tick)), (right, scale.at(tick)));
        if numbers {
            svg.text("f-q f-e", left - 7.0, scale.at(tick) + 4.5, &digits.tick(tick));
        }
    }
    svg.path("f-grid", &lines);
}

/// Width of the widest number of an upright axis.
pub(super) fn ticks_width(scale: &Scale) -> f64 {
    let digits = scale.digits();
    scale.ticks().iter().map(|&t| width(&digits.tick(t), 13.0)).fold(0.0, f64::max)
}
