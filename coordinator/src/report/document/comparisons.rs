//! Tables of pairs of configs: what was tested, and other ways to test it.

use super::{Cell, Column, Row, Table};
use crate::report::{
    Analysis, Comparison, ComparisonResult, Family, Flip, MetricInfo, Ranked, Robustness, Tested, WorstRank,
    number::{self, signed, tested_decimals},
    text,
    wording::{Look, display_name, shorten, subject, untested_short},
};
use sweeper_stats::Interval;

/// Names of trainings listed in one cell.
const MOST_FLIPS: usize = 5;

/// All comparisons of one family.
pub(super) fn table(analysis: &Analysis, family: &Family, metric: &MetricInfo, id: String) -> Table {
    let unit = metric.unit.of_difference();
    let confidence = number::percent(analysis.plan.confidence);
    let factors = family.comparisons.iter().any(|c| c.factor.is_some());
    let mut columns = vec![Column::text("config")];
    columns.extend(factors.then(|| Column::text("differs in")));
    columns.push(Column::text("verdict"));
    let simultaneous = Column::number(format!("simultaneous {confidence}"));
    columns.extend([
        Column::number("difference"),
        Column::number(format!("{confidence} interval")).hint("for this comparison alone"),
        simultaneous.hint("holds for all comparisons of the table at once"),
        Column::number("n"),
        Column::number("t (df)"),
        Column::number("p"),
        Column::number("adjusted p"),
    ]);
    let e_values = family.comparisons.iter().filter_map(|c| c.result.tested()).any(|t| log10_e(t).is_some());
    let e_value = Column::number("log10 e").hint("base-10 logarithm of the e-value after the last replicate");
    columns.extend(e_values.then_some(e_value));
    columns.extend([
        Column::number(text::effect_head(family)),
        Column::number("A12")
            .hint("probability that a training of the first config gives the larger value, ties counted half"),
        Column::number("seed r").hint("correlation across seeds"),
    ]);
    let width = columns.len();
    Table {
        id,
        title: if unit.is_empty() { "Comparisons".to_owned() } else { format!("Comparisons, differences in {unit}") },
        note: text::family_caption(analysis, family),
        rows: family.comparisons.iter().map(|c| row(c, analysis, (factors, e_values), width)).collect(),
        columns,
    }
}

/// Of a test that holds however often somebody looked, and rests on an e-value.
fn log10_e(tested: &Tested) -> Option<f64> {
    tested.extended.map(|e| e.log10_e).or_else(|| tested.sequential.as_ref()?.log10_e)
}

fn row(comparison: &Comparison, analysis: &Analysis, (factors, e_values): (bool, bool), width: usize) -> Row {
    let mut cells = vec![Cell::name(subject(comparison, analysis.plan.family))];
    if factors {
        cells.push(Cell::text(comparison.factor.as_deref().map_or_else(String::new, display_name)));
    }
    cells.push(Cell::verdict(Look::of(&comparison.result)));
    match &comparison.result {
        ComparisonResult::Tested(tested) => {
            cells.extend(numbers(tested, !comparison.losses.is_empty(), analysis.plan.alpha, e_values));
        }
        ComparisonResult::Ranked(ranked) => cells.extend(ranks(ranked, analysis.plan.alpha)),
        ComparisonResult::NotTested(why) => cells.push(Cell::missing(untested_short(why))),
    }
    cells.resize(width, Cell::missing(""));
    Row { marked: false, cells }
}

fn numbers(tested: &Tested, losses: bool, alpha: f64, e_values: bool) -> Vec<Cell> {
    let d = tested_decimals(tested);
    let primary = &tested.primary;
    let t = format!("{} ({})", number::statistic(primary.statistic), number::df(primary.df));
    let sizes = [tested.n_config, tested.n_baseline];
    let superiority = tested.superiority.as_ref().map(|s| {
        let shown = [s.a12, s.interval.low, s.interval.high].map(|v| number::fixed(v, 2));
        Cell::number(format!("{} [{}, {}]", shown[0], shown[1], shown[2]), [s.a12, s.interval.low, s.interval.high])
    });
    let r = tested.seed_correlation.map(|r| Cell::number(number::fixed(r, 2), [r]));
    let p = match &tested.extended {
        Some(extended) => Cell::struck(number::p(extended.classical, alpha), [extended.classical]),
        None => Cell::number(number::p(tested.p_value, alpha), [tested.p_value]),
    };
    let adjusted = Cell::strong(number::p(tested.p_adjusted, alpha), [tested.p_adjusted]);
    let e_value = log10_e(tested).map_or_else(|| Cell::missing("n/a"), |e| Cell::number(number::statistic(e), [e]));
    let mut cells = vec![
        Cell::strong(signed(primary.difference, d), [primary.difference]),
        interval(tested.interval(), d),
        interval(tested.simultaneous.as_ref(), d),
        Cell::number(text::sizes(sizes), sizes.map(|n| n as f64)).tag(tested.few, "few").tag(losses, "survivors"),
        Cell::number(t, [primary.statistic, primary.df]),
        p,
        adjusted.tag(tested.extended.is_some(), "always valid"),
    ];
    cells.extend(e_values.then_some(e_value));
    cells.extend([
        effect(tested),
        superiority.unwrap_or_else(|| Cell::missing("n/a")),
        r.unwrap_or_else(|| Cell::missing("n/a")),
    ]);
    cells
}

/// Up to the adjusted p-value; ranks have nothing of what follows.
fn ranks(ranked: &Ranked, alpha: f64) -> Vec<Cell> {
    let Ranked { rank, p_adjusted, instead, .. } = ranked;
    let sizes = [rank.n_config, rank.n_baseline];
    let none = || Cell::missing("n/a");
    vec![
        Cell::missing(untested_short(instead)),
        none(),
        none(),
        Cell::number(text::sizes(sizes), sizes.map(|n| n as f64)).tag(true, "lost ranked worst"),
        none(),
        Cell::number(number::p(rank.test.p_value, alpha), [rank.test.p_value]),
        Cell::strong(number::p(*p_adjusted, alpha), [*p_adjusted]),
    ]
}

fn effect(tested: &Tested) -> Cell {
    let Some(effect) = &tested.effect else { return Cell::missing(text::effect(tested)) };
    let average = tested.effect_av.as_ref().map(|e| format!("; av {}", number::statistic(e.g))).unwrap_or_default();
    let values = [effect.g, effect.interval.low, effect.interval.high];
    let shown = format!("{}{average}", text::effect(tested));
    Cell::number(shown, values.into_iter().chain(tested.effect_av.as_ref().map(|e| e.g)))
}

pub(super) fn interval(interval: Option<&Interval>, decimals: usize) -> Cell {
    let Some(i) = interval else { return Cell::missing("n/a") };
    Cell::number(format!("[{}, {}]", signed(i.low, decimals), signed(i.high, decimals)), [i.low, i.high])
}

/// Why a permutation test is missing where the other tests are not.
const TOO_MANY: &str = " Random arrangements are not drawn for so many comparisons of so many trainings: there would be \
                        too few for each.";

/// Other tests of the same comparisons; none where the plan does not name the metric.
pub(super) fn robustness(analysis: &Analysis, family: &Family, metric: &MetricInfo, id: String) -> Option<Table> {
    let alpha = analysis.plan.alpha;
    let unit = metric.unit.of_difference();
    let row = |comparison: &Comparison| {
        let tested = comparison.result.tested()?;
        let robust = tested.robustness.as_ref()?;
        let p = |value: Option<f64>| match value {
            Some(value) => Cell::number(number::p(value, alpha), [value]),
            None => Cell::missing("n/a"),
        };
        let d = tested_decimals(tested);
        let trimmed = robust.trimmed.as_ref().map(|t| Cell::number(signed(t.difference, d), [t.difference]));
        Some(Row {
            marked: false,
            cells: vec![
                Cell::name(subject(comparison, analysis.plan.family)),
                p(Some(tested.p_value)),
                p(robust.permutation.as_ref().map(|t| t.p_value)),
                p(robust.rank.as_ref().map(|t| t.p_value)),
                p(robust.trimmed.as_ref().map(|t| t.p_value)),
                trimmed.unwrap_or_else(|| Cell::missing("n/a")),
                p(tested.worst_rank.as_ref().map(|t| t.test.p_value)),
                robust
                    .order
                    .map_or_else(|| Cell::missing("n/a"), |order| Cell::number(number::fixed(order, 2), [order])),
                Cell::text(flips(tested, &robust.flips)),
                Cell::text(agreement(tested, robust, alpha)),
            ],
        })
    };
    let rows: Vec<Row> = family.comparisons.iter().filter_map(row).collect();
    let paired = family.comparisons.iter().filter_map(|c| c.result.tested()).any(|t| t.test.is_paired());
    let mut robust = family.comparisons.iter().filter_map(|c| c.result.tested()?.robustness.as_ref());
    let undrawn = robust.any(|r| r.permutation.is_none() && r.rank.is_some());
    let (permutation, rank) = if paired { ("sign-flip p", "signed-rank p") } else { ("permutation p", "rank-sum p") };
    let difference =
        if unit.is_empty() { "trimmed difference".to_owned() } else { format!("trimmed difference ({unit})") };
    (!rows.is_empty()).then(|| Table {
        id,
        title: "Other tests of the same comparisons, uncorrected".to_owned(),
        note: format!(
            "Displayed beside the planned test and never put in its place. The last column says whether all tests fall on the \
             same side of alpha, the one before it whether one training decides.{}{}",
            floors(family, alpha),
            if undrawn { TOO_MANY } else { "" }
        ),
        columns: vec![
            Column::text("config"),
            Column::number("planned p"),
            Column::number(permutation),
            Column::number(rank),
            Column::number("trimmed-mean p").hint("Yuen's test of the 20 % trimmed means"),
            Column::number(difference),
            Column::number("worst-rank p").hint("rank test with lost trials ranked worst"),
            Column::number("order ε").hint(
                "share of the squared distance between the quantiles where the first config has the lower value: 0 is above at \
                 every quantile, 1 below",
            ),
            Column::text("hangs on").hint("trainings without which the uncorrected planned test falls on the other side of alpha"),
            Column::text("agreement"),
        ],
        rows,
    })
}

/// Which of the tests cannot reach alpha at any effect.
fn floors(family: &Family, alpha: f64) -> String {
    let robust = family.comparisons.iter().filter_map(|c| c.result.tested()?.robustness.as_ref());
    let (all, stuck, worst) = robust.fold((0, 0, 0.0_f64), |(all, stuck, worst), r| {
        (all + 1, stuck + usize::from(r.floor > alpha), worst.max(r.floor))
    });
    match stuck {
        0 => String::new(),
        _ => format!(
            " In {stuck} of {all} comparisons there are too few replicates for the permutation and the rank test: they cannot \
             reach alpha at any effect, their smallest p is {}.",
            number::p(worst.min(1.0), alpha)
        ),
    }
}

fn flips(tested: &Tested, flips: &[Flip]) -> String {
    if tested.test.is_worst_rank() {
        return "not told of ranks".to_owned();
    }
    if tested.n_config.min(tested.n_baseline) < 3 {
        return "too few to tell".to_owned();
    }
    let one = |flip: &Flip| match &flip.config {
        Some(config) => format!("replicate {} of {}", flip.replicate, shorten(config, 24)),
        None => format!("replicate {}", flip.replicate),
    };
    let mut text: Vec<String> = flips.iter().take(MOST_FLIPS).map(one).collect();
    if flips.len() > MOST_FLIPS {
        text.push(format!("{} more", flips.len() - MOST_FLIPS));
    }
    if text.is_empty() { "no single one".to_owned() } else { text.join(", ") }
}

fn agreement(tested: &Tested, robust: &Robustness, alpha: f64) -> &'static str {
    let opposite = |rank: &WorstRank| f64::from(rank.side) * tested.primary.difference < 0.0;
    let lost = tested.worst_rank.as_ref().filter(|_| !tested.test.is_worst_rank()).is_some_and(|rank| {
        let (planned, ranked) = (tested.p_value <= alpha, rank.test.p_value <= alpha);
        (planned != ranked && (ranked || rank.floor <= alpha)) || (ranked && opposite(rank))
    });
    match (robust.disagree, lost) {
        (false, false) => "agree",
        (true, false) => "DISAGREE",
        (false, true) => "DISAGREE on lost trials",
        (true, true) => "DISAGREE, also on lost trials",
    }
}
