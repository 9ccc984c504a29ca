//! Where the noise comes from, and what makes it smaller.

use super::{Block, Cell, Column, Row, Section, Table, clusters, pictures};
use crate::report::{
    Adjusted, Analysis, Component, Components, DifferenceResult, ImageComparison, ImageNoise, ImagesResult, NoImages,
    SeedGain, Smoothed, Spread, StratumNoise,
    number::{self, fixed, signed},
    wording::{degenerate_short, display_name, shorten},
};
use sweeper_core::spec::FamilyKind;
use sweeper_stats::Interval;

/// Rows of a table, and sentences, that are shown of one stratum.
const MOST_ROWS: usize = 60;

/// The section; none where nothing was measured.
pub(super) fn section(analysis: &Analysis) -> Option<Section> {
    let noise = &analysis.noise;
    let mut blocks = Vec::new();
    for (s, stratum) in noise.strata.iter().enumerate() {
        let own = Stratum { analysis, stratum, s }.blocks();
        if !own.is_empty() && !stratum.stratum.is_empty() {
            blocks.push(Block::Heading(display_name(&stratum.stratum)));
        }
        blocks.extend(own);
    }
    let bits = match (noise.left_out_beyond, &noise.split) {
        (Some(limit), _) => Some(format!(
            "Which images each training had right is left out here: it takes more than {} MiB. sweeper export --predictions \
             prints it.",
            number::exact(limit as f64 / f64::from(1 << 20)).trim_end_matches(".0")
        )),
        (None, None) => Some(
            "No completed training kept which validation images it had right, so nothing tells noise of seeds from noise of \
             images. evaluate.predictions = true in the recipe keeps it."
                .to_owned(),
        ),
        (None, Some(_)) => None,
    };
    if blocks.is_empty() && noise.left_out_beyond.is_none() {
        return None;
    }
    let note = "Where replicates share their validation images, intervals of other sections speak of new seeds on these very images. \
                Other images would give other numbers, for all configs at once.";
    let head = [Block::Note(note.to_owned())].into_iter().chain(bits.map(Block::Text)).chain(clusters::about(noise));
    Some(Section::new("noise", "Where the noise comes from", head.chain(blocks).collect()))
}

/// One stratum of the section.
struct Stratum<'a> {
    analysis: &'a Analysis,
    stratum: &'a StratumNoise,
    s: usize,
}

impl Stratum<'_> {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = self.stratum.images.as_ref().map_or_else(Vec::new, |images| self.images(images));
        let fold = |(summary, table): (&str, Table)| Block::Fold {
            summary: summary.to_owned(),
            open: false,
            blocks: vec![Block::Table(table)],
        };
        let tables = [
            ("Scatter of trainings compared (exploratory)", self.spreads()),
            ("What pairing on the seed gains", self.gains()),
            ("Differences adjusted for the run of the same seed (sensitivity)", self.adjusted()),
            ("Smoothed accuracy, another metric, beside the plain one", self.smoothed()),
        ];
        let some = tables.into_iter().filter(|(_, table)| !table.rows.is_empty());
        blocks.extend(some.map(fold));
        blocks
    }

    fn images(&self, images: &ImageNoise) -> Vec<Block> {
        let mut blocks = vec![Block::Text(about(self.analysis, images))];
        let id = |what: &str| format!("noise-{what}-s{}", self.s);
        blocks.extend(pictures::noise(images, MOST_ROWS, &id("figure")).map(Block::Figure));
        let configs = images.configs.iter().map(|config| {
            let n = if config.with_bits < config.completed {
                format!("{} ({} of {} trainings)", display_name(&config.config), config.with_bits, config.completed)
            } else {
                display_name(&config.config)
            };
            let found = match &config.result {
                ImagesResult::Crossed(found) => Ok(found.as_ref()),
                ImagesResult::NotUsed(why) => Err(why),
            };
            (Cell::name(n).tag(config.baseline, "baseline"), found)
        });
        let configs: Vec<_> = configs.collect();
        let confidence = self.analysis.plan.confidence;
        let clustered =
            clusters::errors((id("clusters"), "Single configs with clusters of images", false), confidence, &configs);
        blocks.push(Block::Table(components(id("configs"), "Single configs", configs)));
        blocks.extend(clustered.map(Block::Table));
        let sentences = images.comparisons.iter().take(MOST_ROWS).map(|c| c.sentence.clone());
        if !images.comparisons.is_empty() {
            blocks.push(Block::List(sentences.collect()));
        }
        let differences: Vec<_> = images.comparisons.iter().filter(|c| !single(c)).collect();
        if !differences.is_empty() {
            blocks.push(Block::Table(self.intervals(&differences, id("intervals"))));
            let rows = differences.iter().map(|c| {
                let found = match &c.result {
                    DifferenceResult::Crossed(found) => Ok(&found.components),
                    DifferenceResult::NotUsed(why) => Err(why),
                    DifferenceResult::Single(_) => Err(&NoImages::NoBits),
                };
                (self.name(&c.config, &c.baseline), found)
            });
            let rows: Vec<_> = rows.collect();
            let title = "Differences with clusters of images";
            let clustered = clusters::errors((id("difference-clusters"), title, true), confidence, &rows);
            blocks.push(Block::Table(components(id("differences"), "Differences per seed and image", rows)));
            blocks.extend(clustered.map(Block::Table));
        }
        let singles: Vec<_> = images.comparisons.iter().filter(|c| single(c)).collect();
        if !singles.is_empty() {
            blocks.push(Block::Table(self.mcnemar(&singles, id("single"))));
        }
        if images.more > 0 {
            blocks.push(Block::Note(format!("{} further comparisons were not made image by image.", images.more)));
        }
        blocks
    }

    /// Whose a row is.
    fn name(&self, config: &str, baseline: &str) -> Cell {
        match self.analysis.plan.family {
            FamilyKind::Baseline => Cell::name(display_name(config)),
            _ => Cell::name(format!("{} v {}", display_name(config), display_name(baseline))),
        }
    }

    fn unit(&self) -> &'static str {
        self.analysis.metrics.iter().find(|m| m.primary).map_or("", |m| m.unit.of_difference())
    }

    /// Which population each interval of a difference speaks of.
    fn intervals(&self, comparisons: &[&ImageComparison], id: String) -> Table {
        let clustered = self.analysis.noise.clusters.is_some();
        let width = if clustered { 6 } else { 5 };
        let row = |c: &&ImageComparison| {
            let mut cells = vec![self.name(&c.config, &c.baseline)];
            match &c.result {
                DifferenceResult::Crossed(found) => {
                    let (own, check) = (&found.components, found.bootstrap.as_ref());
                    let d = number::decimals(Some(own.se_new_images));
                    cells.push(Cell::strong(signed(own.mean, d), [own.mean]));
                    cells.push(range(own.same_images.as_ref(), d));
                    cells.push(range(own.new_images.as_ref(), d));
                    cells.extend(clustered.then(|| range(clusters::interval(own), d)));
                    cells.push(range(check.map(|check| &check.interval), d));
                    cells.push(error(own.se_one_model));
                }
                DifferenceResult::NotUsed(why) => cells.extend(absent(why, width)),
                DifferenceResult::Single(_) => cells.extend(absent(&NoImages::NoBits, width)),
            }
            Row { marked: false, cells }
        };
        let confidence = number::percent(self.analysis.plan.confidence);
        let head = |what: &str| Column::number(format!("{confidence}, {what}"));
        let mut columns = vec![
            Column::text("config"),
            Column::number("difference (pp)"),
            head("new seeds, these images"),
            head("new seeds, new images"),
            head("the same, bootstrap").hint("seeds and images drawn with replacement: a check, on the wide side"),
            Column::number("SE of one deployed pair (pp)")
                .hint("of the difference of two trained models on new images"),
        ];
        if clustered {
            columns
                .insert(4, head("new seeds, new clusters").hint("images of one cluster are alike, and drawn together"));
        }
        let unchecked =
            |c: &&&ImageComparison| matches!(&c.result, DifferenceResult::Crossed(d) if d.bootstrap.is_none());
        let left_out = match comparisons.iter().filter(unchecked).count() {
            0 => String::new(),
            n => format!(" The bootstrap was left out of {n}, so that the report is made in a short time."),
        };
        let clusters =
            if clustered { ", the third of other clusters of them; the bootstrap draws clusters" } else { "" };
        let note = format!(
            "Uncorrected. The first interval speaks of these validation images only, the second of other images of their kind as \
             well{clusters}.{left_out}"
        );
        let title = "Differences and what their intervals speak of".to_owned();
        table((id, title, note), columns, comparisons.iter().map(row).collect())
    }

    fn mcnemar(&self, comparisons: &[&ImageComparison], id: String) -> Table {
        let alpha = self.analysis.plan.alpha;
        let row = |c: &&ImageComparison| {
            let DifferenceResult::Single(pair) = &c.result else { return None };
            let t = &pair.test;
            let count = |n: u64| Cell::number(n.to_string(), [n as f64]);
            let p = |p: f64| Cell::number(number::p(p, alpha), [p]);
            let name = self.name(&c.config, &c.baseline);
            let cells = vec![name, count(t.only_a), count(t.only_b), p(t.exact_p), p(t.mid_p)];
            Some(Row { marked: false, cells })
        };
        let columns = vec![
            Column::text("config"),
            Column::number("only the first right"),
            Column::number("only the second right"),
            Column::number("exact p"),
            Column::number("mid-p").hint("not exact, but nearer to the level"),
        ];
        let note =
            "McNemar's test. It ignores seeds: it is about these two models, not about their configs.".to_owned();
        let rows = comparisons.iter().filter_map(row).collect();
        table((id, "Two single models".to_owned(), note), columns, rows)
    }

    fn spreads(&self) -> Table {
        let alpha = self.analysis.plan.alpha;
        let paired = self.stratum.spreads.iter().any(|s| s.paired.is_some());
        let row = |s: &Spread| {
            let mut cells = vec![self.name(&s.config, &s.baseline), size(s.n), error(s.sd.0), error(s.sd.1)];
            let test = match (&s.paired, &s.unpaired) {
                (Some(t), _) => Some((ratio(t.ratio, &t.interval), t.statistic, vec![t.df])),
                (None, Some(t)) => {
                    let both = s.sd.0 / s.sd.1;
                    let shown = if both.is_finite() { Cell::number(fixed(both, 2), [both]) } else { none() };
                    Some((shown, t.statistic, vec![t.df_numerator, t.df_denominator]))
                }
                (None, None) => None,
            };
            match (test, s.p_value(), s.p_adjusted) {
                (Some((ratio, statistic, df)), Some(p), Some(adjusted)) => {
                    let dfs: Vec<String> = df.iter().map(|df| number::df(*df)).collect();
                    let shown = format!("{} ({})", number::statistic(statistic), dfs.join(", "));
                    cells.extend([ratio, Cell::number(shown, [statistic].into_iter().chain(df))]);
                    cells.extend([p, adjusted].map(|p| Cell::number(number::p(p, alpha), [p])));
                }
                _ => {
                    let why = s.missing.as_ref().map_or_else(|| "n/a".to_owned(), degenerate_short);
                    cells.extend(std::iter::once(Cell::missing(why)).chain((0..3).map(|_| none())));
                }
            }
            Row { marked: false, cells }
        };
        let size = self.stratum.spreads.iter().filter(|s| s.p_value().is_some()).count();
        let unit = self.unit();
        let columns = vec![
            Column::text("config"),
            Column::number("n"),
            Column::number(number::with_unit("SD", &bracketed(unit))),
            Column::number(number::with_unit("SD of the other", &bracketed(unit))),
            Column::number("ratio"),
            Column::number(if paired { "t (df)" } else { "F (df)" }),
            Column::number("p"),
            Column::number("adjusted p"),
        ];
        let test = if paired {
            "Pitman and Morgan's test, for both were measured on the same seeds"
        } else {
            "Brown and Forsythe's test"
        };
        let s = if size == 1 { "" } else { "s" };
        let note = format!("Exploratory: {test}; adjusted by Holm over {size} comparison{s}.");
        let rows = self.stratum.spreads.iter().map(row).collect();
        table((self.id("spread"), "Standard deviations of trainings".to_owned(), note), columns, rows)
    }

    fn id(&self, what: &str) -> String {
        format!("{what}-s{}", self.s)
    }

    fn gains(&self) -> Table {
        let row = |g: &SeedGain| Row {
            marked: false,
            cells: vec![
                self.name(&g.config, &g.baseline),
                Cell::number(g.n.to_string(), [g.n as f64]),
                Cell::number(fixed(g.correlation, 2), [g.correlation]),
                g.gain_equal.map_or_else(none, |gain| Cell::strong(number::statistic(gain), [gain])),
                Cell::number(number::statistic(g.gain), [g.gain]),
                Cell::number(fixed(g.break_even, 2), [g.break_even]),
            ],
        };
        let columns = vec![
            Column::text("config"),
            Column::number("pairs"),
            Column::number("seed r").hint("correlation over shared seeds"),
            Column::number("1 / (1 - r)").hint("times as many runs that unpaired trials would take, with equal SDs"),
            Column::number("with these SDs").hint("the same with the two SDs as they are"),
            Column::number("pays from r ="),
        ];
        let note = "How many times as many trainings the same interval would take without pairs. Pairing was decided by the plan, \
                    not by this.";
        let rows = self.stratum.gains.iter().map(row).collect();
        table((self.id("gain"), "Gain of pairing".to_owned(), note.to_owned()), columns, rows)
    }

    fn adjusted(&self) -> Table {
        let row = |a: &Adjusted| {
            let test = |t: &sweeper_stats::TTest| {
                let d = number::decimals(Some(t.standard_error));
                [Cell::number(signed(t.difference, d), [t.difference]), range(Some(&t.interval), d)]
            };
            let mut cells = vec![self.name(&a.config, &a.baseline), size((a.n, a.control))];
            cells.extend(test(&a.unadjusted));
            cells.extend(test(&a.adjusted));
            cells.push(Cell::number(fixed(a.slope, 2), [a.slope]));
            cells.push(Cell::number(number::statistic(a.gain), [a.gain]));
            Row { marked: false, cells }
        };
        let confidence = number::percent(self.analysis.plan.confidence);
        let difference = number::with_unit("difference", &bracketed(self.unit()));
        let columns = vec![
            Column::text("config"),
            Column::number("n").hint("pairs, and trainings of the other config"),
            Column::number(difference),
            Column::number(confidence.clone()),
            Column::number("adjusted"),
            Column::number(format!("{confidence}, adjusted")),
            Column::number("slope"),
            Column::number("gain").hint("times as many runs that unpaired trials without adjustment would take"),
        ];
        let note = "Analysis of covariance with the other config's run of the same seed; it says more than pairs where that config has \
                    further trainings. Smoothed accuracy of a config's own trainings is not used: what changes the accuracy changes it, too, and \
                    the adjustment would take a part of the effect away.";
        let rows = self.stratum.adjusted.iter().map(row).collect();
        table((self.id("adjusted"), "Sensitivity: adjusted differences".to_owned(), note.to_owned()), columns, rows)
    }

    fn smoothed(&self) -> Table {
        let alpha = self.analysis.plan.alpha;
        let row = |s: &Smoothed| {
            let d = s.bias_interval.map_or(3, |i| number::decimals(Some((i.high - i.low) / 4.0)));
            let mut cells = vec![
                Cell::name(display_name(&s.config)),
                Cell::name(display_name(&s.metric)),
                Cell::number(s.n.to_string(), [s.n as f64]),
                Cell::strong(signed(s.bias, d), [s.bias]),
                range(s.bias_interval.as_ref(), d),
            ];
            cells.extend(s.sd.map_or_else(|| [none(), none()], |(a, b)| [error(a), error(b)]));
            match &s.test {
                Some(t) => {
                    cells.push(ratio(t.ratio, &t.interval));
                    cells.push(Cell::number(number::p(t.p_value, alpha), [t.p_value]));
                }
                None => {
                    let why = s.missing.as_ref().map_or_else(|| "n/a".to_owned(), degenerate_short);
                    cells.extend([Cell::missing(why), none()]);
                }
            }
            Row { marked: false, cells }
        };
        // Accuracies of files may be fractions.
        let metric = |s: &Smoothed| self.analysis.metrics.iter().find(|m| m.name == s.metric);
        let unit = self.stratum.smoothed.iter().find_map(metric).map_or("pp", |m| m.unit.of_difference());
        let of = |what: &str| if unit.is_empty() { what.to_owned() } else { format!("{what} ({unit})") };
        let columns = vec![
            Column::text("config"),
            Column::text("metric"),
            Column::number("n"),
            Column::number(of("bias")).hint("mean of smoothed minus plain"),
            Column::number(number::percent(self.analysis.plan.confidence)),
            Column::number(of("SD smoothed")),
            Column::number(of("SD plain")),
            Column::number("ratio"),
            Column::number("p").hint("Pitman and Morgan's test of equal SDs, uncorrected"),
        ];
        let note = "It is off the accuracy by its bias, and a smaller SD gains nothing where effects shrink with it.";
        let rows = self.stratum.smoothed.iter().map(row).collect();
        table((self.id("smoothed"), "Smoothed minus plain accuracy".to_owned(), note.to_owned()), columns, rows)
    }
}

/// Which images, and what is counted.
fn about(analysis: &Analysis, images: &ImageNoise) -> String {
    let metric = display_name(&images.metric);
    let which = if images.primary {
        format!("From which images each training had right: {metric}, the primary metric.")
    } else {
        let primary = display_name(&analysis.plan.metric);
        format!(
            "{primary} is no accuracy of images whose bits were kept. From which images each training had right: {metric}."
        )
    };
    match images.gap.filter(|gap| *gap > 1e-6) {
        Some(gap) => format!(
            "{which} A sample counts as right as a whole here; the metric counts otherwise, and differs by up to {} points.",
            number::statistic(gap)
        ),
        None => which,
    }
}

fn single(comparison: &ImageComparison) -> bool {
    matches!(comparison.result, DifferenceResult::Single(_))
}

pub(super) fn none() -> Cell {
    Cell::missing("n/a")
}

fn bracketed(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!("({unit})") }
}

/// A standard error, standard deviation or variance with two significant digits.
pub(super) fn error(value: f64) -> Cell {
    let d = if value > 0.0 { number::decimals(Some(value)) } else { 0 };
    Cell::number(fixed(value, d), [value])
}

pub(super) fn range(interval: Option<&Interval>, d: usize) -> Cell {
    let shown = |i: &Interval| Cell::number(format!("[{}, {}]", signed(i.low, d), signed(i.high, d)), [i.low, i.high]);
    interval.map_or_else(none, shown)
}

fn ratio(ratio: f64, interval: &Interval) -> Cell {
    let shown = format!("{} {}", fixed(ratio, 2), number::interval(interval, 2));
    Cell::number(shown, [ratio, interval.low, interval.high])
}

fn size((a, b): (usize, usize)) -> Cell {
    if a == b {
        Cell::number(a.to_string(), [a as f64])
    } else {
        Cell::number(format!("{a}, {b}"), [a as f64, b as f64])
    }
}

/// The reason in the first of `cells` cells.
pub(super) fn absent(why: &NoImages, cells: usize) -> impl Iterator<Item = Cell> {
    std::iter::once(Cell::missing(shorten(&why.words(), 60))).chain((1..cells).map(|_| none()))
}

pub(super) fn table((id, title, note): (String, String, String), columns: Vec<Column>, mut rows: Vec<Row>) -> Table {
    let all = rows.len();
    rows.truncate(MOST_ROWS);
    let cut = if all > MOST_ROWS {
        format!(" The first {MOST_ROWS} of {all} are shown; report.json holds all.")
    } else {
        String::new()
    };
    Table { id, title, note: note + &cut, columns, rows }
}

fn components(id: String, title: &str, rows: Vec<(Cell, Result<&Components, &NoImages>)>) -> Table {
    let part = |c: Component| Cell { tags: Vec::new(), ..error(c.value) }.tag(c.clamped, "clamped");
    let row = |(name, found): (Cell, Result<&Components, &NoImages>)| {
        let mut cells = vec![name];
        match found {
            Ok(c) => {
                let d = number::decimals(Some(c.se_new_images));
                cells.push(Cell::number(format!("{} × {}", c.seeds, c.images), [c.seeds as f64, c.images as f64]));
                cells.push(Cell::strong(fixed(c.mean, d), [c.mean]));
                cells.extend([part(c.variance_seed), part(c.variance_image), error(c.variance_rest)]);
                cells.extend([c.se_same_images, c.se_new_images, c.se_one_model].map(error));
                let until = |until: f64| Cell::number(fixed(until, usize::from(until < 9.95)), [until]);
                cells.push(c.seeds_until.map_or_else(none, until));
            }
            Err(why) => cells.extend(absent(why, 9)),
        }
        Row { marked: false, cells }
    };
    let columns = vec![
        Column::text("config"),
        Column::number("seeds × images"),
        Column::number("mean (pp)"),
        Column::number("seeds (pp²)").hint("variance of a model's accuracy on endlessly many images"),
        Column::number("images (pp²)").hint("how much images differ in difficulty"),
        Column::number("rest (pp²)").hint("what a seed does to a single image"),
        Column::number("SE, these images").hint("of the mean, for new seeds on the same validation images"),
        Column::number("SE, new images").hint("of the mean, for new seeds and new images"),
        Column::number("SE, one model").hint("of one deployed model, for new images"),
        Column::number("more seeds help until n ≈").hint("from there on only more test data does"),
    ];
    let note = "Variance components of a 0 or 100 per seed and image. Clamped: the unbiased estimate was negative, and 0 takes its \
                place.";
    table((id, title.to_owned(), note.to_owned()), columns, rows.into_iter().map(row).collect())
}
