//! Colours and the style sheet. Lines and marks use the palette of Okabe and Ito (Color Universal Design, 2008,
//! jfly.uni-koeln.de/color), darkened where a hue is too light on paper; the dark variants keep hue and order.

/// Name, on paper, on a dark page. The first five follow the page's own variables of that name.
pub(super) const COLOURS: [(&str, &str, &str); 21] = [
    ("ink", "#1b1f24", "#e6e9ec"),
    ("soft", "#57606a", "#a2abb5"),
    ("line", "#d5dae0", "#39414a"),
    ("paper", "#ffffff", "#14171b"),
    ("card", "#f6f7f9", "#1d2127"),
    // Blue, vermilion, bluish green, reddish purple, orange, sky blue, black, brown (a dark yellow).
    ("c0", "#0072b2", "#56b4e9"),
    ("c1", "#d55e00", "#ff9c5a"),
    ("c2", "#00805c", "#2cc79b"),
    ("c3", "#a8457f", "#e79bc4"),
    ("c4", "#b87900", "#f0b63c"),
    ("c5", "#2b87c4", "#8ccbf2"),
    ("c6", "#1b1f24", "#e6e9ec"),
    ("c7", "#7a6a00", "#e3d548"),
    // Bars, from dark to light on paper and the other way round in the dark: they stay apart without hue.
    ("b0", "#0063a6", "#a5d8f8"),
    ("b1", "#e69f00", "#b87900"),
    ("b2", "#dde2e8", "#353d46"),
    ("better", "#0063a6", "#6cbcf5"),
    ("worse", "#b34700", "#ff9c5a"),
    ("same", "#00704f", "#2cc79b"),
    ("small", "#8f3a6c", "#e79bc4"),
    ("open", "#5c6670", "#a2abb5"),
];

/// Names that the page's own style sheet gives a value.
const OF_PAGE: [&str; 7] = ["ink", "soft", "line", "paper", "card", "better", "worse"];

/// Number of colours for series.
pub(super) const SERIES: usize = 8;

/// Steps of the heat map on each side of its middle.
pub(super) const HEAT: i32 = 6;

/// Everything but colours of cells.
const RULES: &str = "\
.fig{display:block;width:100%;height:auto}\
.fig text{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--f-ink);font-variant-numeric:tabular-nums}\
.fig text.f-s{font-size:11px}.fig text.f-h{font-weight:600;font-size:15px}\
.fig text.f-q{fill:var(--f-soft)}.fig text.f-e{text-anchor:end}.fig text.f-m{text-anchor:middle}.fig text.f-b{font-weight:600}\
.fig text.f-o{paint-order:stroke;stroke:var(--f-paper);stroke-width:3px;stroke-linejoin:round}\
.fig path{fill:none}\
.fig .f-hit{fill:transparent;stroke:none}.fig .f-hit:hover{fill:var(--f-soft);fill-opacity:.12}\
.fig .f-paper{fill:var(--f-paper)}\
.fig .f-grid{stroke:var(--f-line)}.fig .f-axis{stroke:var(--f-soft)}\
.fig .f-strip{fill:var(--f-card)}\
.fig .f-ref{stroke:var(--f-ink);stroke-width:1.2;stroke-dasharray:4 3}\
.fig .f-zone{fill:var(--f-soft);fill-opacity:.13;stroke:var(--f-soft);stroke-dasharray:2 3;stroke-width:.8}\
.fig .f-lead{stroke:var(--f-soft);stroke-width:.8;stroke-dasharray:1 2}\
.fig .f-dot{stroke:var(--f-t);stroke-width:5;stroke-linecap:round;stroke-opacity:.55}\
.fig .f-dot-s{stroke:var(--f-t);stroke-width:3;stroke-linecap:round;stroke-opacity:.5}\
.fig .f-thin{stroke:var(--f-t);stroke-width:1.1}.fig .f-mid{stroke:var(--f-t);stroke-width:1.8}.fig .f-thick{stroke:var(--f-t);stroke-width:4}\
.fig .f-bold{stroke:var(--f-t);stroke-width:2.4}\
.fig .f-full{fill:var(--f-t);stroke:var(--f-paper);stroke-width:.8}.fig .f-hollow{fill:var(--f-paper);stroke:var(--f-t);stroke-width:1.8}\
.fig .f-stroke{stroke:var(--f-t);stroke-width:2}\
.fig .f-bar{fill:var(--f-t);stroke:var(--f-ink);stroke-width:.7}\
.fig .f-band{fill:var(--f-t);fill-opacity:.13}.fig .f-edge{stroke:var(--f-t);stroke-width:.6;stroke-opacity:.6}\
.fig .f-d1{stroke-dasharray:7 3}.fig .f-d2{stroke-dasharray:2 2.5}.fig .f-d3{stroke-dasharray:9 3 2 3}\
.fig .f-many{stroke:var(--f-soft);stroke-width:.7;stroke-opacity:.35}\
.fig .f-ink{stroke:var(--f-ink);stroke-width:.8}.fig .f-white{stroke:var(--f-paper);stroke-width:.8}.fig .f-wide{stroke-width:1.8}\
.t-base{--f-t:var(--f-ink)}.t-soft{--f-t:var(--f-soft)}\
.t-better{--f-t:var(--f-better)}.t-worse{--f-t:var(--f-worse)}.t-same{--f-t:var(--f-same)}.t-small{--f-t:var(--f-small)}.t-open{--f-t:var(--f-open)}\
.t-b0{--f-t:var(--f-b0)}.t-b1{--f-t:var(--f-b1)}.t-b2{--f-t:var(--f-b2)}\
.t-0{--f-t:var(--f-c0)}.t-1{--f-t:var(--f-c1)}.t-2{--f-t:var(--f-c2)}.t-3{--f-t:var(--f-c3)}\
.t-4{--f-t:var(--f-c4)}.t-5{--f-t:var(--f-c5)}.t-6{--f-t:var(--f-c6)}.t-7{--f-t:var(--f-c7)}\
@media print{.fig .f-hit{fill:none}.fig{break-inside:avoid}}";

/// Rules for all figures of a page: colours follow the page's variables `--ink`, `--soft`, `--line`, `--paper`,
/// `--card`, `--better` and `--worse` where it has them.
pub(super) fn of_page() -> String {
    sheet(true)
}

/// Rules of a file that stands alone.
pub(super) fn of_file() -> String {
    sheet(false)
}

fn sheet(page: bool) -> String {
    let light: String = COLOURS.iter().map(|&(name, light, _)| variable(name, light, page)).collect();
    let dark: String = COLOURS.iter().map(|&(name, _, dark)| variable(name, dark, page)).collect();
    let (cells, dark_cells) = (cells(LIGHT_RAMP), cells(DARK_RAMP));
    format!(
        ".fig{{{light}}}{cells}@media screen and (prefers-color-scheme:dark){{.fig{{{dark}}}{dark_cells}}}{RULES}{}",
        if page { "" } else { "svg.fig{max-width:100%}" }
    )
}

fn variable(name: &str, value: &str, page: bool) -> String {
    if page && OF_PAGE.contains(&name) {
        format!("--f-{name}:var(--{name},{value});")
    } else {
        format!("--f-{name}:{value};")
    }
}

type Rgb = [u8; 3];

/// Far below the middle, half way, the middle, half way, far above it: vermilion to blue.
const LIGHT_RAMP: [Rgb; 5] = [[122, 47, 0], [229, 129, 53], [244, 244, 242], [73, 152, 205], [0, 58, 102]];
const DARK_RAMP: [Rgb; 5] = [[255, 190, 140], [186, 88, 24], [38, 43, 50], [26, 110, 168], [150, 214, 255]];

/// Class of a cell: `level` from -[`HEAT`] to [`HEAT`].
pub(super) fn cell_class(level: i32) -> String {
    let level = level.clamp(-HEAT, HEAT);
    if level < 0 { format!("f-n{}", -level) } else { format!("f-p{level}") }
}

fn cells(ramp: [Rgb; 5]) -> String {
    let mut out = String::new();
    for level in -HEAT..=HEAT {
        let [r, g, b] = mix(ramp, level);
        // The letters with more contrast; squares are near enough to the curve of relative luminance.
        let part = |v: u8| (f64::from(v) / 255.0) * (f64::from(v) / 255.0);
        let dark = 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) < 0.212;
        let ink = if dark { "#fff" } else { "#0b0d10" };
        let class = cell_class(level);
        out.push_str(&format!(
            ".fig .{class}{{fill:#{r:02x}{g:02x}{b:02x}}}.fig text.{class}-t{{fill:{ink};text-anchor:middle}}"
        ));
    }
    out
}

fn mix(ramp: [Rgb; 5], level: i32) -> Rgb {
    let place = f64::from(level + HEAT) / f64::from(2 * HEAT) * 4.0;
    let [a, b, c, d, e] = ramp;
    let (from, to, part) = match place {
        p if p < 1.0 => (a, b, p),
        p if p < 2.0 => (b, c, p - 1.0),
        p if p < 3.0 => (c, d, p - 2.0),
        p => (d, e, p - 3.0),
    };
    let one = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8;
    [one(from[0], to[0]), one(from[1], to[1]), one(from[2], to[2])]
}
