//! Pictures of an analysis.

use super::Figure;
use crate::report::{
    Analysis, ConfigImages, ConfigResult, Family, ImageNoise, ImagesResult, LearningCurves, MetricInfo, Source,
    Stratum, Verdict,
    figures::{
        self, Axis, Caption, Curve, CurvePoint, Curves, DotRow, Dots, FigureError, Forest, ForestRow, Interval, Pair,
        Run, SlopePanel, Slopes, Variance, VarianceRow,
    },
    number, text,
    wording::{Look, direction, display_name, subject},
};

/// Rows of a figure with one row per config or comparison: beyond that nobody finds a row.
const MOST_ROWS: usize = 300;
/// Curves that stand out where there are too many to tell them apart.
const STRONG_CURVES: usize = 6;
/// With so many curves all of them can be told apart.
const ALL_CURVES: usize = 12;

/// Which of many rows are shown, in their order: those that must be, then others from the first on; and what to say of it.
fn capped(needed: impl ExactSizeIterator<Item = bool>, what: &str) -> (Vec<bool>, String) {
    let needed: Vec<bool> = needed.collect();
    let all = needed.len();
    if all <= MOST_ROWS {
        return (vec![true; all], String::new());
    }
    let mut shown = vec![false; all];
    let mut room = MOST_ROWS;
    for wanted in [true, false] {
        for (slot, _) in shown.iter_mut().zip(&needed).filter(|(_, n)| **n == wanted).take(room) {
            *slot = true;
        }
        room = MOST_ROWS.saturating_sub(shown.iter().filter(|s| **s).count());
    }
    (shown, format!(" Shown are {MOST_ROWS} of {all} {what}, the decided ones first; report.json holds all."))
}

/// The items that are shown.
fn kept<'a, T: 'a>(items: impl Iterator<Item = &'a T> + 'a, shown: &'a [bool]) -> impl Iterator<Item = &'a T> + 'a {
    items.zip(shown).filter(|(_, shown)| **shown).map(|(item, _)| item)
}

/// Panels of a slope plot: decided comparisons come first.
const MOST_PANELS: usize = 12;
/// Trainings in a picture that are drawn singly. More of them merge into bars of ink, and make a page of many megabytes.
const MOST_DOTS: usize = 10_000;

impl Figure {
    /// None where there is nothing to draw.
    pub(super) fn of(
        caption: &str,
        title: &str,
        id: &str,
        drawn: Result<figures::Figure, FigureError>,
    ) -> Option<Self> {
        let drawing = drawn.ok()?;
        let (id, title, caption) = (id.to_owned(), title.to_owned(), caption.to_owned());
        Some(Self { id, title, caption, svg: drawing.inline().into_string(), file: drawing.file() })
    }
}

pub(super) fn interval(interval: &sweeper_stats::Interval) -> Interval {
    Interval { low: interval.low, high: interval.high }
}

pub(super) fn caption(id: &str, title: &str, description: &str) -> Caption {
    Caption { id: id.to_owned(), title: title.to_owned(), description: description.to_owned() }
}

fn verdict(look: Look) -> figures::Verdict {
    match look {
        Look::Better => figures::Verdict::Better,
        Look::Worse => figures::Verdict::Worse,
        Look::NegligiblyBetter | Look::NegligiblyWorse => figures::Verdict::Negligible,
        Look::Equivalent => figures::Verdict::Equivalent,
        Look::Undecided => figures::Verdict::Undecided,
        // Equal to the bit is a finding, but no test and no claim about a margin.
        Look::Equal | Look::NotMeasured | Look::NotTested => figures::Verdict::Untested,
    }
}

/// Every training as a dot, with mean and interval.
pub(super) fn values(
    analysis: &Analysis,
    stratum: &Stratum,
    (m, metric): (usize, &MetricInfo),
    id: &str,
) -> Option<Figure> {
    let confidence = number::percent(analysis.plan.confidence);
    let baseline = stratum.configs.iter().find(|c| c.baseline);
    let reference =
        baseline.and_then(|c| c.cells.get(m)?.measured()).map(|b| (b.mean, "mean of the baseline".to_owned()));
    let look = |config: &ConfigResult| {
        let family = stratum.families.get(m)?;
        let comparison = family.comparisons.iter().find(|c| c.index == config.index)?;
        Some(verdict(Look::of(&comparison.result)))
    };
    let cells = stratum.configs.iter().filter_map(|config| config.cells.get(m)?.measured());
    let dotted = cells.map(|measured| measured.n).sum::<usize>() <= MOST_DOTS;
    let row = |config: &ConfigResult| {
        let measured = config.cells.get(m).and_then(|cell| cell.measured());
        let run = |o: &crate::report::Observation| Run { label: format!("replicate {}", o.replicate), value: o.value };
        DotRow {
            name: display_name(&config.name),
            baseline: config.baseline,
            verdict: if super::beyond::has_baseline(analysis) { look(config) } else { None },
            runs: measured.filter(|_| dotted).map(|m| m.values.iter().map(run).collect()).unwrap_or_default(),
            mean: measured.map(|m| m.mean),
            interval: measured.and_then(|m| m.interval.as_ref()).map(interval),
            note: measured.map_or_else(|| "no value".to_owned(), text::mean_and_interval),
        }
    };
    let decided = |config: &ConfigResult| {
        config.baseline || matches!(look(config), Some(figures::Verdict::Better | figures::Verdict::Worse))
    };
    let (shown, cut) = capped(stratum.configs.iter().map(decided), "configs");
    let dots = match analysis.source {
        // Of single trainings nothing is known.
        Source::Table => "The mark is the published mean with its",
        _ if dotted => "Every training as a dot; the mark is the mean with its",
        _ => "Too many trainings for a dot each. The mark is the mean with its",
    };
    let words = format!("{dots} {confidence} interval.{cut}");
    let title = if analysis.source == Source::Table { "Published means" } else { "All trainings" };
    let axis = Axis {
        label: display_name(&metric.name),
        unit: metric.unit.of_value().to_owned(),
        note: direction(metric.direction).to_owned(),
    };
    let drawn = figures::dots(&Dots {
        caption: caption(id, title, &words),
        axis,
        interval_name: format!("{confidence} interval of the mean"),
        reference,
        rows: kept(stratum.configs.iter(), &shown).map(row).collect(),
    });
    Figure::of(&words, title, id, drawn)
}

/// Differences with their intervals, for each alone and for all at once.
pub(super) fn differences(analysis: &Analysis, family: &Family, metric: &MetricInfo, id: &str) -> Option<Figure> {
    let confidence = number::percent(analysis.plan.confidence);
    let row = |comparison: &crate::report::Comparison| {
        let tested = comparison.result.tested();
        let d = tested.map_or(3, number::tested_decimals);
        let note = tested.map_or_else(String::new, |t| {
            let difference = number::signed(t.primary.difference, d);
            let ends = t.interval().map(|i| [i.low, i.high].map(|v| number::signed(v, d)));
            ends.map_or_else(|| difference.clone(), |[low, high]| format!("{difference} [{low}, {high}]"))
        });
        ForestRow {
            name: subject(comparison, analysis.plan.family),
            difference: tested.map(|t| t.primary.difference),
            interval: tested.and_then(|t| t.interval()).map(interval),
            simultaneous: tested.and_then(|t| t.simultaneous.as_ref()).map(interval),
            verdict: verdict(Look::of(&comparison.result)),
            note,
        }
    };
    let against = match analysis.plan.baseline.as_str() {
        name if super::beyond::has_baseline(analysis) => format!("minus {}", display_name(name)),
        _ => "first minus second".to_owned(),
    };
    let tested: Vec<&crate::report::Comparison> =
        family.comparisons.iter().filter(|c| c.result.tested().is_some()).collect();
    let decided = |c: &&crate::report::Comparison| matches!(Look::of(&c.result), Look::Better | Look::Worse);
    let (shown, cut) = capped(tested.iter().map(decided), "comparisons");
    let words = format!(
        "The mark is the mean difference, the thick line its {confidence} interval, the thin one holds for all at once.{cut}"
    );
    let drawn = figures::forest(&Forest {
        caption: caption(id, "Differences", &words),
        axis: Axis {
            label: format!("{} {against}", display_name(&metric.name)),
            unit: metric.unit.of_difference().to_owned(),
            note: direction(metric.direction).to_owned(),
        },
        margin: analysis.plan.delta.filter(|_| metric.primary),
        interval_name: format!("{confidence} interval"),
        simultaneous_name: format!("simultaneous {confidence} interval"),
        rows: kept(tested.iter(), &shown).map(|c| row(c)).collect(),
    });
    Figure::of(&words, "Differences", id, drawn)
}

/// Baseline value to config value, seed by seed.
pub(super) fn slopes(
    (stratum, family): (&Stratum, &Family),
    (m, metric): (usize, &MetricInfo),
    id: &str,
) -> Option<Figure> {
    let value = |index: u32, replicate: u32| {
        let config = stratum.configs.iter().find(|c| c.index == index)?;
        let values = &config.cells.get(m)?.measured()?.values;
        values.iter().find(|o| o.replicate == replicate).map(|o| o.value)
    };
    let panel = |comparison: &&crate::report::Comparison| {
        let tested = comparison.result.tested().filter(|t| !t.pairs.is_empty())?;
        let pair = |o: &crate::report::Observation| {
            Some(Pair {
                label: format!("replicate {}", o.replicate),
                baseline: value(comparison.baseline_index, o.replicate)?,
                config: value(comparison.index, o.replicate)?,
            })
        };
        let pairs: Vec<Pair> = tested.pairs.iter().filter_map(pair).collect();
        let mean = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len().max(1) as f64;
        let means = (!pairs.is_empty()).then(|| (mean(|p| p.baseline), mean(|p| p.config)));
        let (baseline, config) = (display_name(&comparison.baseline), display_name(&comparison.config));
        Some(SlopePanel { baseline, config, pairs, means })
    };
    let decided = |c: &&crate::report::Comparison| {
        matches!(c.result.tested().map(|t| t.verdict), Some(Verdict::Better | Verdict::Worse))
    };
    let all = || family.comparisons.iter();
    let ordered = all().filter(decided).chain(all().filter(|c| !decided(c)));
    let panels: Vec<SlopePanel> = ordered.filter_map(|c| panel(&c)).take(MOST_PANELS).collect();
    let words = "Each line is a seed, from its value with the first config to that with the second; thick: the means.";
    let axis = Axis {
        label: display_name(&metric.name),
        unit: metric.unit.of_value().to_owned(),
        note: direction(metric.direction).to_owned(),
    };
    let drawn = figures::slopes(&Slopes { caption: caption(id, "Pairs of one seed", words), axis, panels });
    Figure::of(words, "Pairs of one seed", id, drawn)
}

/// Configs that end farthest above the baseline and farthest below it; none where all curves can be told apart.
fn farthest(curves: &LearningCurves) -> Vec<&str> {
    if curves.configs.len() <= ALL_CURVES {
        return Vec::new();
    }
    let end = |own: &crate::report::ConfigCurve| own.difference.as_ref()?.mean.last().copied();
    let mut ends: Vec<(&str, f64)> =
        curves.configs.iter().filter_map(|own| Some((own.config.as_str(), end(own)?))).collect();
    ends.sort_by(|x, y| y.1.total_cmp(&x.1));
    // Half of them from each end.
    let (all, half) = (ends.len(), STRONG_CURVES / 2);
    let chosen = ends.into_iter().enumerate().filter(|(at, _)| *at < half || at + half >= all);
    chosen.map(|(_, (name, _))| name).collect()
}

/// Learning curves of a stratum: means, or differences from the baseline.
pub(super) fn learning(
    curves: &LearningCurves,
    metric: &MetricInfo,
    (differences, confidence): (bool, f64),
    id: &str,
) -> Option<Figure> {
    let far = farthest(curves);
    let curve = |own: &crate::report::ConfigCurve| {
        let band = if differences { own.difference.as_ref() } else { Some(&own.mean) };
        let point = |(at, epoch): (usize, &u32)| {
            let band = band?;
            Some(CurvePoint {
                x: f64::from(*epoch),
                y: *band.mean.get(at)?,
                band: Some(Interval { low: *band.low.get(at)?, high: *band.high.get(at)? }),
            })
        };
        // One without a difference keeps its place, so that a config looks the same in both figures.
        let points = own.epochs.iter().enumerate().filter_map(point).collect();
        let strong = own.baseline || far.contains(&own.config.as_str());
        Curve { name: display_name(&own.config), strong, points }
    };
    let (title, unit) = if differences {
        ("Difference from the baseline, epoch by epoch", metric.unit.of_difference())
    } else {
        ("Learning curves", metric.unit.of_value())
    };
    let words = format!(
        "Means over trainings; a band holds for a whole curve with {} confidence. What is compared is the last epoch.{}",
        number::percent(confidence),
        if far.is_empty() { "" } else { " In colour: the baseline, and those that end highest and lowest against it." }
    );
    let drawn = figures::learning_curves(&Curves {
        caption: caption(id, title, &words),
        x: Axis { label: "epoch".to_owned(), unit: String::new(), note: String::new() },
        y: Axis {
            label: display_name(&metric.name),
            unit: unit.to_owned(),
            note: direction(metric.direction).to_owned(),
        },
        reference: differences.then(|| (0.0, "no difference".to_owned())),
        curves: curves.configs.iter().map(curve).collect(),
    });
    Figure::of(&words, title, id, drawn)
}

/// What seeds, images and the rest add to the noise of every mean, of the first `most` configs.
pub(super) fn noise(images: &ImageNoise, most: usize, id: &str) -> Option<Figure> {
    let row = |config: &ConfigImages| {
        let ImagesResult::Crossed(c) = &config.result else { return None };
        Some(VarianceRow {
            name: display_name(&config.config),
            components: c.shares().into(),
            errors: [c.se_same_images, c.se_new_images, c.se_one_model].map(Some).into(),
        })
    };
    let words = "Bars: what seeds, images and the rest add to the variance of a config's mean, for new seeds and new images. \
                 Marks: its standard error for new seeds on the same images, for new images, too, and that of one of these models.";
    let axis = |label: &str, unit: &str| Axis { label: label.to_owned(), unit: unit.to_owned(), note: String::new() };
    let names = |names: [&str; 3]| names.map(str::to_owned).into();
    let title = "Sources of noise";
    let drawn = figures::variance(&Variance {
        caption: caption(id, title, words),
        variance: axis("variance of the mean", "pp²"),
        error: axis("standard error", "pp"),
        components: names(["seeds", "images", "rest"]),
        targets: names(["same images, new seeds", "new images, too", "one deployed model"]),
        rows: images.configs.iter().take(most).filter_map(row).collect(),
    });
    Figure::of(words, title, id, drawn)
}
