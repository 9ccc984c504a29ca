//! What all figures with lines share: a plane, lines with bands, and their names at the ends.

use super::{
    Axis, Caption, Figure, FigureError, Interval, WIDTH,
    axes::{self, Digits, Kind, Range, Scale},
    style::SERIES,
    svg::{Path, Shape, Svg, isolated},
};

/// A point of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<Interval>,
}

/// How intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// As an area along the line.
    Band,
    /// As a bar at each point, which also has the line's mark.
    Bars,
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<Point>,
    /// Index of its look; none for a thin grey line without a name.
    pub(super) look: Option<usize>,
}

/// A straight line across the plane.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) value: f64,
    pub(super) text: String,
}

/// Everything that is drawn.
#[derive(Debug, Clone)]
pub(super) struct Plane<'a> {
    pub(super) figure: &'static str,
    pub(super) caption: &'a Caption,
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
    /// Names of the places 0, 1, 2 … on the x axis; none for a numeric axis.
    pub(super) places: Option<&'a [String]>,
    /// Whether x counts something.
    pub(super) counts: bool,
    /// Ends of the y axis where they are known beforehand.
    pub(super) ends: Option<(f64, f64)>,
    pub(super) lying: Vec<Rule>,
    pub(super) upright: Vec<Rule>,
    pub(super) spread: Spread,
    /// Whether a line keeps its value until the next point.
    pub(super) steps: bool,
    pub(super) lines: Vec<Line<'a>>,
    /// What the thin grey lines are.
    pub(super) others: &'a str,
    /// Number of given points that are not finite.
    pub(super) left_out: usize,
}

const SHAPES: [Shape; 6] = [Shape::Circle, Shape::Square, Shape::Up, Shape::Diamond, Shape::Down, Shape::Dash];
const DASHES: [&str; 4] = ["", " f-d1", " f-d2", " f-d3"];

/// Classes and shape of a look: colours repeat after eight, shapes after six, dashes after four, so that the first 24
/// looks differ from each other even without colour or without dashes in at least one of the other two.
fn look(index: usize) -> (String, &'static str, Shape) {
    let dash = DASHES.get((index + index / SERIES) % DASHES.len()).copied().unwrap_or("");
    let shape = SHAPES.get(index % SHAPES.len()).copied().unwrap_or(Shape::Circle);
    (format!("t-{}", index % SERIES), dash, shape)
}

/// Which of several lines have a look: all while they are few; else those that were asked for, at most `most`.
pub(super) fn looks(wanted: &[bool], most: usize) -> Vec<Option<usize>> {
    let all = wanted.len() <= 12;
    let any = wanted.iter().any(|&w| w);
    let mut next = 0;
    let one = |(index, &wanted): (usize, &bool)| {
        let chosen = all || wanted || (!any && index < 6);
        (chosen && next < most).then(|| {
            next += 1;
            next - 1
        })
    };
    wanted.iter().enumerate().map(one).collect()
}

/// Draws a plane.
pub(super) fn draw(plane: &Plane<'_>) -> Result<Figure, FigureError> {
    let empty = FigureError::Empty { figure: plane.figure };
    let named = plane.lines.iter().filter(|l| l.look.is_some() && l.points.iter().any(finite));
    let names: Vec<String> = named.map(|l| axes::fit(l.name, NAME, 11.0)).collect();
    let height = 300.0_f64.max(axes_count(names.len()) * 16.0);
    let (top, bottom) = (16.0, 16.0 + height);
    let banded =
        plane.spread == Spread::Band && plane.lines.iter().filter(|l| l.look.is_some() && has_band(l)).count() <= BANDS;
    let y = match plane.ends {
        Some(ends) => Some(Scale::fixed(ends, (bottom, top), Kind::Upright)),
        None => Scale::new(y_range(plane, banded), (bottom, top), Kind::Upright),
    };
    let y = y.filter(|_| plane.lines.iter().any(|l| l.points.iter().any(finite))).ok_or_else(|| empty.clone())?;
    let widest = names.iter().map(|n| axes::width(n, 11.0)).fold(0.0, f64::max);
    let left = 40.0 + axes::ticks_width(&y);
    let right = WIDTH - (widest + 34.0).max(24.0);
    let x = x_scale(plane, (left, right)).ok_or(empty)?;
    let mut svg = Svg::default();
    frame(&mut svg, plane, &x, &y);
    for line in plane.lines.iter().filter(|l| l.look.is_none()) {
        thin_line(&mut svg, plane, line, &x, &y);
    }
    let strong = || plane.lines.iter().filter(|l| l.look.is_some());
    if banded {
        strong().for_each(|l| band(&mut svg, plane, l, &x, &y));
    }
    for line in strong() {
        strong_line(&mut svg, plane, line, &x, &y);
    }
    rule_texts(&mut svg, plane, &x, &y);
    end_names(&mut svg, plane, &x, &y);
    let others = plane.lines.iter().filter(|l| l.look.is_none() && l.points.iter().any(finite)).count();
    let mut notes = Vec::new();
    if others > 0 {
        notes.push(format!("Thin grey lines: {others} {}.", plane.others));
    }
    if plane.spread == Spread::Band && !banded {
        notes.push(format!("Bands of more than {BANDS} lines would hide each other and are left out."));
    }
    let mut below = bottom + 46.0;
    for note in &notes {
        svg.text("f-s f-q", left, below + 6.0, note);
        below += 16.0;
    }
    Ok(Figure::new(plane.caption, below, svg, plane.left_out))
}

/// Most room for the name of a line.
const NAME: f64 = 190.0;
/// Most lines with bands.
const BANDS: usize = 8;

fn has_band(line: &Line<'_>) -> bool {
    line.points.iter().any(|p| finite(p) && p.interval.and_then(Interval::usable).is_some())
}

fn axes_count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Number of points with a coordinate that is not finite.
pub(super) fn not_finite<'a>(lines: impl IntoIterator<Item = &'a Line<'a>>) -> usize {
    lines.into_iter().flat_map(|l| &l.points).filter(|p| !finite(p)).count()
}

fn finite(point: &Point) -> bool {
    point.x.is_finite() && point.y.is_finite()
}

/// Intervals that are not drawn take no room.
fn y_range(plane: &Plane<'_>, banded: bool) -> Range {
    let mut range = Range::default();
    for line in &plane.lines {
        for point in line.points.iter().filter(|p| finite(p)) {
            range.point(point.y);
            let drawn = line.look.is_some() && (banded || plane.spread == Spread::Bars);
            range.interval(point.interval.and_then(Interval::usable).filter(|_| drawn));
        }
    }
    plane.lying.iter().for_each(|r| range.point(r.value));
    range
}

fn x_scale(plane: &Plane<'_>, ends: (f64, f64)) -> Option<Scale> {
    if let Some(places) = plane.places {
        let last = axes_count(places.len()) - 0.5;
        return Some(Scale::fixed((-0.5, last.max(0.5)), ends, Kind::Counts));
    }
    let mut range = Range::default();
    plane.lines.iter().flat_map(|l| &l.points).filter(|p| finite(p)).for_each(|p| range.point(p.x));
    plane.upright.iter().for_each(|r| range.point(r.value));
    Scale::new(range, ends, if plane.counts { Kind::Counts } else { Kind::Lying })
}

fn frame(svg: &mut Svg, plane: &Plane<'_>, x: &Scale, y: &Scale) {
    let ((left, right), (bottom, top)) = (x.ends(), y.ends());
    axes::upright_lines(svg, y, (left, right), true);
    svg.turned("f-q f-m", 15.0, (top + bottom) / 2.0, &axes::fit(&axes::axis_title(plane.y), bottom - top, 13.0));
    match plane.places {
        None => axes::lying_axis(svg, x, (top, bottom), &axes::axis_title(plane.x)),
        Some(places) => {
            let room = ((right - left) / axes_count(places.len().max(1)) - 8.0).max(8.0);
            let every = (30.0 / (room + 8.0)).ceil().max(1.0) as usize;
            for (index, name) in places.iter().enumerate().step_by(every) {
                let room = room * axes_count(every);
                svg.name("f-q f-m", (x.at(axes_count(index)), bottom + 17.0), &axes::fit(name, room, 13.0), name);
            }
            let mut base = Path::default();
            base.segment((left, bottom), (right, bottom));
            svg.path("f-axis", &base);
            svg.text("f-q f-m", (left + right) / 2.0, bottom + 36.0, &axes::axis_title(plane.x));
        }
    }
    let mut rules = Path::default();
    for rule in plane.lying.iter().filter(|r| r.value.is_finite()) {
        rules.segment((left, y.at(rule.value)), (right, y.at(rule.value)));
    }
    for rule in plane.upright.iter().filter(|r| r.value.is_finite()) {
        rules.segment((x.at(rule.value), top), (x.at(rule.value), bottom));
    }
    svg.path("f-ref", &rules);
}

/// Words beside the straight lines, above everything else.
fn rule_texts(svg: &mut Svg, plane: &Plane<'_>, x: &Scale, y: &Scale) {
    let ((left, right), (bottom, _)) = (x.ends(), y.ends());
    for rule in plane.lying.iter().filter(|r| r.value.is_finite()) {
        svg.text("f-s f-o", left + 6.0, y.at(rule.value) - 5.0, &axes::fit(&rule.text, right - left, 11.0));
    }
    for (index, rule) in plane.upright.iter().filter(|r| r.value.is_finite()).enumerate() {
        let at = x.at(rule.value);
        let text = axes::fit(&rule.text, 200.0, 11.0);
        // To the side with more room; below the one before it, so that two close ones can be read.
        let line = bottom - 8.0 - 15.0 * axes_count(index % 4);
        let (class, x) = if at > (left + right) / 2.0 { ("f-s f-o f-e", at - 5.0) } else { ("f-s f-o", at + 5.0) };
        svg.text(class, x, line, &text);
    }
}

/// Runs of points without a gap.
fn pieces<'a>(line: &'a Line<'_>) -> impl Iterator<Item = &'a [Point]> {
    line.points.split(|p| !finite(p)).filter(|piece| !piece.is_empty())
}

fn trace(line: &Line<'_>, steps: bool, x: &Scale, y: &Scale) -> Path {
    let mut d = Path::default();
    for piece in pieces(line) {
        let mut before: Option<f64> = None;
        for point in piece {
            let (at, height) = (x.at(point.x), y.at(point.y));
            match before {
                None => d.start(at, height),
                Some(last) => {
                    if steps {
                        d.line(at, last);
                    }
                    d.line(at, height);
                }
            }
            before = Some(height);
        }
        if let [only] = piece {
            d.dot(x.at(only.x), y.at(only.y));
        }
    }
    d
}

fn thin_line(svg: &mut Svg, plane: &Plane<'_>, line: &Line<'_>, x: &Scale, y: &Scale) {
    let d = trace(line, plane.steps, x, y);
    if !d.is_empty() {
        svg.path_titled("f-many", &d, &axes::fit(line.name, 600.0, 11.0));
    }
}

fn band(svg: &mut Svg, plane: &Plane<'_>, line: &Line<'_>, x: &Scale, y: &Scale) {
    let Some((tone, ..)) = line.look.map(look) else { return };
    let (mut area, mut edges) = (Path::default(), Path::default());
    let usable = |p: &Point| finite(p) && p.interval.and_then(Interval::usable).is_some();
    for piece in line.points.split(|p| !usable(p)) {
        let ends = |end: fn(Interval) -> f64| {
            let mut places: Vec<(f64, f64)> = Vec::new();
            for point in piece {
                let Some(interval) = point.interval else { continue };
                let place = (x.at(point.x), y.at(end(interval)));
                if let (true, Some(&(_, last))) = (plane.steps, places.last()) {
                    places.push((place.0, last));
                }
                places.push(place);
            }
            places
        };
        let (low, mut high) = (ends(|i| i.low), ends(|i| i.high));
        if low.len() < 2 {
            continue;
        }
        for side in [&low, &high] {
            for (index, place) in side.iter().enumerate() {
                if index == 0 { edges.start(place.0, place.1) } else { edges.line(place.0, place.1) }
            }
        }
        high.reverse();
        area.polygon(&[low, high].concat());
    }
    svg.path(&format!("f-band {tone}"), &area);
    svg.path(&format!("f-edge {tone}"), &edges);
}

fn strong_line(svg: &mut Svg, plane: &Plane<'_>, line: &Line<'_>, x: &Scale, y: &Scale) {
    let Some((tone, dash, shape)) = line.look.map(look) else { return };
    let name = isolated(line.name);
    let d = trace(line, plane.steps, x, y);
    if d.is_empty() {
        return;
    }
    svg.path_titled(&format!("f-mid{dash} {tone}"), &d, &name);
    let count = line.points.len();
    let mut marks = Path::default();
    let fill = if matches!(shape, Shape::Dash) { "f-stroke" } else { "f-full" };
    for (index, point) in line.points.iter().enumerate().filter(|(_, p)| finite(p)) {
        let (at, height) = (x.at(point.x), y.at(point.y));
        if plane.spread == Spread::Bars {
            let mut bar = Path::default();
            if let Some(interval) = point.interval.and_then(Interval::usable) {
                bar.segment((at, y.at(interval.low)), (at, y.at(interval.high)));
                for end in [interval.low, interval.high].into_iter().filter(|&e| y.holds(e)) {
                    bar.segment((at - 3.0, y.at(end)), (at + 3.0, y.at(end)));
                }
            }
            svg.path(&format!("f-mid {tone}"), &bar);
            let mut mark = Path::default();
            shape.draw(&mut mark, at, height, 4.5);
            svg.path_titled(&format!("{fill} {tone}"), &mark, &title(plane, &name, point, x.digits(), y.digits()));
        } else if count <= 60 {
            svg.area((at - 4.0, height - 4.0), (8.0, 8.0), &title(plane, &name, point, x.digits(), y.digits()));
            // A few marks along the line, at other places on each, tell lines apart in print.
            let every = count.div_ceil(4).max(1);
            if (index + line.look.unwrap_or(0)) % every == every / 2 || index + 1 == count {
                shape.draw(&mut marks, at, height, 3.6);
            }
        } else if index + 1 == count || (index + 7 * line.look.unwrap_or(0)) % (count / 4) == count / 8 {
            shape.draw(&mut marks, at, height, 3.6);
        }
    }
    svg.path(&format!("{fill} {tone}"), &marks);
}

fn title(plane: &Plane<'_>, name: &str, point: &Point, x: Digits, y: Digits) -> String {
    let interval = point.interval.and_then(Interval::usable);
    let place = match plane.places {
        // Places are whole numbers, moved a little so that bars do not hide each other.
        Some(places) => places.get(point.x.round().max(0.0) as usize).map(|p| isolated(p)).unwrap_or_default(),
        None if point.x.fract() == 0.0 => axes::plain(point.x),
        None => x.value(point.x),
    };
    format!("{name}, {} {place}: {}", plane.x.label, y.estimate(point.y, interval, false))
}

/// Names to the right of the plane, each as near to the end of its line as its neighbours allow.
fn end_names(svg: &mut Svg, plane: &Plane<'_>, x: &Scale, y: &Scale) {
    let ((_, right), (bottom, top)) = (x.ends(), y.ends());
    let last = |l: &Line<'_>| l.points.iter().rev().find(|p| finite(p)).copied();
    let named: Vec<(&Line<'_>, Point)> =
        plane.lines.iter().filter(|l| l.look.is_some()).filter_map(|l| Some((l, last(l)?))).collect();
    let wanted: Vec<f64> = named.iter().map(|(_, p)| y.at(p.y)).collect();
    for ((line, point), place) in named.iter().zip(axes::spread(&wanted, 15.0, (top, bottom))) {
        let Some((tone, _, shape)) = line.look.map(look) else { continue };
        let (end, mark) = ((x.at(point.x), y.at(point.y)), right + 14.0);
        let mut lead = Path::default();
        lead.segment((end.0 + 4.0, end.1), (mark - 6.0, place));
        svg.path("f-lead", &lead);
        let mut d = Path::default();
        shape.draw(&mut d, mark, place, 4.0);
        svg.path(&format!("{} {tone}", if matches!(shape, Shape::Dash) { "f-stroke" } else { "f-full" }), &d);
        let shown = axes::fit(line.name, NAME, 11.0);
        svg.name("f-s", (mark + 9.0, place + 4.0), &shown, line.name);
    }
}
