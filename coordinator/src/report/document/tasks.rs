//! Configs over several tasks: what all runs together say, planned comparisons, each task for itself, a profile.

use super::{Block, Cell, Column, Figure, Row, Section, Table, pictures::caption};
use crate::report::{
    AcrossTasks, Analysis, MeanDifference, MetricInfo, SharedSeeds, TaskComparison, TaskConfig, TaskDifference, Told,
    Unit,
    figures::{self, Axis, Curve, CurvePoint, Interval, Profiles},
    number::{self, fixed, signed},
    wording::{direction, display_name, shorten},
};
use sweeper_core::spec::FamilyKind;

/// Tasks that have a column of their own.
const MOST_COLUMNS: usize = 12;
/// Names listed in one sentence.
const MOST_NAMES: usize = 12;

/// The section; none unless the plan says that strata are tasks.
pub(super) fn section(analysis: &Analysis) -> Option<Section> {
    let page = Page::of(analysis)?;
    let across = page.across;
    let mut blocks = vec![Block::List(page.about())];
    if across.configs.is_empty() {
        blocks.push(Block::Text("No config has values in every task: nothing can be told of all of them.".to_owned()));
        return Some(Section::new("tasks", "Across tasks", blocks));
    }
    blocks.extend(page.profile().map(Block::Figure));
    blocks.extend(across.one_scale.then(|| Block::Table(page.configs())));
    if !across.comparisons.is_empty() {
        blocks.push(Block::Table(page.comparisons()));
        blocks.extend(across.one_scale.then(|| Block::Table(page.mean_differences())));
    }
    blocks.push(Block::Table(page.means()));
    Some(Section::new("tasks", "Across tasks", blocks))
}

/// The tables that tell configs and comparisons over all tasks; none where nothing can be told.
pub(in crate::report) fn tables(analysis: &Analysis) -> Vec<Table> {
    let Some(page) = Page::of(analysis).filter(|page| !page.across.configs.is_empty()) else { return Vec::new() };
    let comparisons = (!page.across.comparisons.is_empty()).then(|| page.comparisons());
    page.across.one_scale.then(|| page.configs()).into_iter().chain(comparisons).collect()
}

struct Page<'a> {
    analysis: &'a Analysis,
    across: &'a AcrossTasks,
    metric: &'a MetricInfo,
    confidence: String,
}

/// `a, b, c and 4 more`.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| display_name(name)).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

fn with_unit(head: &str, unit: &str) -> String {
    if unit.is_empty() { head.to_owned() } else { format!("{head} ({unit})") }
}

impl<'a> Page<'a> {
    fn of(analysis: &'a Analysis) -> Option<Self> {
        let metric = analysis.metrics.iter().find(|m| m.primary)?;
        let confidence = number::percent(analysis.plan.confidence);
        Some(Self { analysis, across: analysis.across_tasks.as_ref()?, metric, confidence })
    }

    /// What is put together, and what its intervals speak of.
    fn about(&self) -> Vec<String> {
        let (across, metric) = (self.across, display_name(&self.metric.name));
        let mut lines = vec![format!(
            "{} tasks, each a stratum: {}. On {metric}; each task by itself is told in the section of that metric.",
            across.tasks.len(),
            listed(&across.tasks)
        )];
        lines.push(
            match across.seeds {
                SharedSeeds::Own if self.analysis.source.is_read() => {
                    "Seeds are not known: every training counts as one of its own, and is resampled by itself within its task."
                }
                SharedSeeds::Own => "Every training has a seed of its own, and is resampled by itself within its task.",
                SharedSeeds::WithinTasks => {
                    "Replicate r has one seed in all configs of a task: pairs are resampled together, within each task."
                }
                SharedSeeds::AcrossTasks => {
                    "Replicate r has one seed in all configs and all tasks: all trainings of a seed are resampled together."
                }
            }
            .to_owned(),
        );
        lines.push(
            "Intervals for these tasks speak of new seeds on the same tasks. Those for new tasks speak of tasks like these, as if \
             they had been drawn at random, and draw tasks anew as well as seeds. Resampled intervals (BCa, 10,000 resamples) are \
             shown from 15 trainings in every task on, and those for new tasks from 15 tasks on: with fewer they cover too \
             seldom. No verdict rests on this section."
                .to_owned(),
        );
        lines.push(if across.one_scale {
            let (values, perfect) = if self.is_fraction() { ("from 0 to 1", "1") } else { ("in percent", "100 %") };
            format!(
                "Values {values} are put together as they are, without a normalisation: a task with a larger spread weighs more, \
                 and one with more trainings, too. The optimality gap is the mean shortfall from {perfect}."
            )
        } else {
            format!(
                "{metric} has no scale that all tasks share, so no mean over tasks is told: only the probability of improvement, \
                 which needs no scale."
            )
        });
        if !across.left_out.is_empty() {
            lines.push(format!("Left out, without a value in some task: {}.", listed(&across.left_out)));
        }
        if across.comparisons_left_out > 0 {
            lines.push(format!("{} further comparisons are left out.", across.comparisons_left_out));
        }
        lines
    }

    fn subject(&self, comparison: &TaskComparison) -> String {
        match self.analysis.plan.family {
            FamilyKind::Baseline => display_name(&comparison.config),
            _ => format!("{} v {}", display_name(&comparison.config), display_name(&comparison.baseline)),
        }
    }

    fn told(told: &Told, show: impl Fn(f64) -> String) -> Cell {
        match told {
            Told::Interval { interval: i, .. } => {
                Cell::number(format!("[{}, {}]", show(i.low), show(i.high)), [i.low, i.high])
            }
            Told::Hidden { why } => Cell::missing(format!("hidden: {why}")),
        }
    }

    /// Whether a perfect value is 1 and not 100 %.
    fn is_fraction(&self) -> bool {
        self.metric.unit == Unit::Fraction
    }

    /// Decimals of all means of configs: by the standard error of the middle one.
    fn decimals(&self) -> usize {
        let m = self.analysis.metrics.iter().position(|m| m.primary).unwrap_or(0);
        let configs = self.analysis.strata.iter().flat_map(|s| &s.configs);
        let errors = configs.filter_map(|c| c.cells.get(m)?.measured()?.se.filter(|se| *se > 0.0));
        number::decimals(number::median(errors))
    }

    fn configs(&self) -> Table {
        let (unit, d) = (self.metric.unit.of_value(), self.decimals());
        let row = |config: &TaskConfig| {
            let mut cells = vec![
                Cell::name(display_name(&config.config)).tag(config.baseline, "baseline"),
                Cell::number(config.n.0.to_string(), [config.n.0 as f64]),
            ];
            match &config.pooled {
                Some(p) => {
                    cells.push(Cell::number(fixed(p.mean, d), [p.mean]));
                    cells.push(Cell::number(fixed(p.median, d), [p.median]));
                    cells.push(Cell::strong(fixed(p.iqm, d), [p.iqm]));
                    let interval = config.iqm_interval.as_ref().map(|told| Self::told(told, |v| fixed(v, d)));
                    cells.push(interval.unwrap_or_else(|| Cell::missing("n/a")));
                    cells.push(Cell::number(fixed(p.optimality_gap, d), [p.optimality_gap]));
                }
                None => cells.resize(7, Cell::missing("n/a")),
            }
            Row { marked: config.baseline, cells }
        };
        Table {
            id: "tasks-configs".to_owned(),
            title: with_unit("Over trainings and tasks", unit),
            note: String::new(),
            columns: vec![
                Column::text("config"),
                Column::number("trainings"),
                Column::number("mean"),
                Column::number("median"),
                Column::number("IQM").hint("interquartile mean: of the middle half of the trainings of all tasks"),
                Column::number(format!("{}, these tasks", self.confidence)).hint("interval of the interquartile mean"),
                Column::number("optimality gap").hint(if self.is_fraction() {
                    "mean shortfall from 1"
                } else {
                    "mean shortfall from 100 %"
                }),
            ],
            rows: self.across.configs.iter().map(row).collect(),
        }
    }

    fn comparisons(&self) -> Table {
        let (unit, scale) = (self.metric.unit.of_difference(), self.across.one_scale);
        let share = |v: f64| fixed(v, 3);
        let row = |comparison: &TaskComparison| {
            let mut cells = vec![
                Cell::name(self.subject(comparison)),
                Cell::number(comparison.n.to_string(), [comparison.n as f64]),
            ];
            if scale {
                let d = comparison.decimals();
                cells.extend(three(comparison.iqm.as_ref(), |v| signed(v, d)));
            }
            cells.extend(three(comparison.improvement.as_ref(), share));
            let of = |found: &Option<TaskDifference>, show: &dyn Fn(f64) -> String| {
                let error = found.as_ref().and_then(TaskDifference::monte_carlo_error);
                error.map_or_else(|| Cell::missing("n/a"), |error| Cell::number(show(error), [error]))
            };
            if scale {
                cells.push(of(&comparison.iqm, &|v| fixed(v, comparison.decimals() + 1)));
            }
            cells.push(of(&comparison.improvement, &|v| fixed(v, 4)));
            Row { marked: false, cells }
        };
        let (these, new) = (format!("{}, these tasks", self.confidence), format!("{}, new tasks", self.confidence));
        let mut columns =
            vec![Column::text("config"), Column::number("n").hint("trainings, or pairs, in the task with the fewest")];
        if scale {
            columns.push(Column::number(with_unit("difference of IQMs", unit)));
            columns.extend([&these, &new].map(|head| Column::number(format!("IQMs: {head}"))));
        }
        columns.push(
            Column::number("P(better)")
                .hint("probability that a training of the config is better than one of the baseline on the same task, the mean over tasks"),
        );
        columns.extend([&these, &new].map(|head| Column::number(format!("P: {head}"))));
        if scale {
            columns.push(Column::number("IQMs: Monte-Carlo error").hint(MONTE_CARLO));
        }
        columns.push(Column::number("P: Monte-Carlo error").hint(MONTE_CARLO));
        Table {
            id: "tasks-comparisons".to_owned(),
            title: "Planned comparisons over all tasks".to_owned(),
            note: self.against(),
            columns,
            rows: self.across.comparisons.iter().map(row).collect(),
        }
    }

    fn against(&self) -> String {
        let way = direction(self.metric.direction);
        match self.analysis.plan.family {
            FamilyKind::Baseline => {
                format!("Config minus {}; {way}. Not adjusted.", display_name(&self.analysis.plan.baseline))
            }
            _ => format!("First config minus second; {way}. Not adjusted."),
        }
    }

    /// Differences task by task, and their mean with t intervals, which hold with few trainings.
    fn mean_differences(&self) -> Table {
        let row = |comparison: &TaskComparison| {
            let d = comparison.decimals();
            let mut cells = vec![Cell::name(self.subject(comparison))];
            let of = |v: &f64| Cell::number(signed(*v, d), [*v]);
            cells.extend(comparison.differences.iter().take(MOST_COLUMNS).map(of));
            match &comparison.mean_difference {
                Some(MeanDifference { estimate, these_tasks, new_tasks }) => {
                    cells.push(Cell::strong(signed(*estimate, d), [*estimate]));
                    cells.extend([these_tasks, new_tasks].map(|told| Self::told(told, |v| signed(v, d))));
                }
                None => cells.extend(vec![Cell::missing("n/a"); 3]),
            }
            Row { marked: false, cells }
        };
        let mut columns = vec![Column::text("config")];
        columns.extend(self.task_columns());
        columns.extend([
            Column::number("mean over tasks"),
            Column::number(format!("{}, these tasks", self.confidence))
                .hint("t interval; where tasks share seeds, over the seeds that every task has"),
            Column::number(format!("{}, new tasks", self.confidence)).hint("t interval, each task one observation"),
        ]);
        Table {
            id: "tasks-differences".to_owned(),
            title: with_unit("Differences of means, task by task", self.metric.unit.of_difference()),
            note: format!("{} t intervals need no large number of trainings.{}", self.against(), self.more_tasks()),
            columns,
            rows: self.across.comparisons.iter().map(row).collect(),
        }
    }

    fn task_columns(&self) -> impl Iterator<Item = Column> {
        self.across.tasks.iter().take(MOST_COLUMNS).map(|task| Column::number(shorten(task, 32)))
    }

    fn more_tasks(&self) -> String {
        match self.across.tasks.len().saturating_sub(MOST_COLUMNS) {
            0 => String::new(),
            more => format!(" {more} further tasks have no column of their own; report.json holds all."),
        }
    }

    fn means(&self) -> Table {
        let d = self.decimals();
        let row = |config: &TaskConfig| {
            let mut cells = vec![Cell::name(display_name(&config.config)).tag(config.baseline, "baseline")];
            cells.extend(config.means.iter().take(MOST_COLUMNS).map(|mean| Cell::number(fixed(*mean, d), [*mean])));
            Row { marked: config.baseline, cells }
        };
        let mut columns = vec![Column::text("config")];
        columns.extend(self.task_columns());
        Table {
            id: "tasks-means".to_owned(),
            title: with_unit("Means, task by task", self.metric.unit.of_value()),
            note: self.more_tasks().trim().to_owned(),
            columns,
            rows: self.across.configs.iter().map(row).collect(),
        }
    }

    fn profile(&self) -> Option<Figure> {
        let profiles = self.across.profiles.as_ref()?;
        let curve = |own: &crate::report::ConfigProfile| {
            let point = |(at, (x, y)): (usize, (&f64, &f64))| {
                let band = own
                    .band
                    .as_ref()
                    .and_then(|(low, high)| Some(Interval { low: *low.get(at)?, high: *high.get(at)? }));
                CurvePoint { x: *x, y: *y, band }
            };
            let points = profiles.scores.iter().zip(&own.shares).enumerate().map(point).collect();
            Curve { name: display_name(&own.config), strong: own.baseline, points }
        };
        let banded = profiles.configs.iter().any(|c| c.band.is_some());
        let band = if banded {
            format!("; the band holds for a whole profile with {} confidence, for these tasks", self.confidence)
        } else {
            ", without a band: that takes 15 trainings in every task".to_owned()
        };
        let left_out = match profiles.left_out {
            0 => String::new(),
            n => format!(" The baseline and the best by their IQM; {n} configs are left out."),
        };
        let words = format!("Share of trainings above each value, the mean over tasks{band}.{left_out}");
        let (id, title) = ("profile", "Performance profile");
        let drawn = figures::performance_profiles(&Profiles {
            caption: caption(id, title, &words),
            score: Axis {
                label: display_name(&self.metric.name),
                unit: self.metric.unit.of_value().to_owned(),
                note: direction(self.metric.direction).to_owned(),
            },
            share: Axis { label: "share of trainings above".to_owned(), ..Axis::default() },
            curves: profiles.configs.iter().map(curve).collect(),
        });
        Figure::of(&words, title, id, drawn)
    }
}

const MONTE_CARLO: &str =
    "what another seed of the report would change of an end of the intervals, as a standard error";

/// An estimate with its two intervals.
fn three(found: Option<&TaskDifference>, show: impl Fn(f64) -> String) -> Vec<Cell> {
    match found {
        Some(d) => vec![
            Cell::strong(show(d.estimate), [d.estimate]),
            Page::told(&d.these_tasks, &show),
            Page::told(&d.new_tasks, &show),
        ],
        None => vec![Cell::missing("n/a"); 3],
    }
}

impl TaskDifference {
    /// The larger of both intervals; none where neither is shown.
    fn monte_carlo_error(&self) -> Option<f64> {
        let of = |told: &Told| match told {
            Told::Interval { monte_carlo_error, .. } => *monte_carlo_error,
            Told::Hidden { .. } => None,
        };
        [&self.these_tasks, &self.new_tasks].into_iter().filter_map(of).reduce(f64::max)
    }
}

impl TaskComparison {
    /// By the standard error of the mean difference.
    fn decimals(&self) -> usize {
        let error = self.mean_difference.as_ref().and_then(|mean| match mean.these_tasks {
            Told::Interval { standard_error, .. } => standard_error,
            Told::Hidden { .. } => None,
        });
        number::decimals(error)
    }
}
