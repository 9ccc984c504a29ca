//! What single settings do: analysis of variance, interactions, what the design cannot tell apart.

use super::{
    Block, Cell, Column, Row, Section, Table,
    beyond::{of_strata, primary, section},
    grids,
};
use crate::report::{
    Analysis, FactorTerm, Factors, Interaction,
    number::{self, fixed, signed},
    wording::{display_name, shorten},
};
use sweeper_core::spec::Pairing;

/// What single settings do.
pub(super) fn factors(analysis: &Analysis) -> Option<Section> {
    let blocks = of_strata(analysis, |s, stratum| {
        stratum.factors.as_ref().map_or_else(Vec::new, |factors| factor_blocks(analysis, factors, s))
    });
    let note = "Settings that vary among the configs, as factors of an experiment. Uncorrected: for questions that were not \
                planned, these are leads and not findings.";
    section("factors", "What single settings do", note, blocks)
}

fn factor_blocks(analysis: &Analysis, factors: &Factors, s: usize) -> Vec<Block> {
    let names: Vec<String> = factors
        .factors
        .iter()
        .zip(&factors.levels)
        .map(|(factor, levels)| format!("{} ({})", display_name(factor), shorten(&levels.join(", "), 80)))
        .collect();
    let (main, two_way) = (factors.main_rank, factors.two_way_rank);
    let mut lines = vec![
        format!("Factors: {}.", names.join("; ")),
        format!(
            "Estimable: {} of {} main-effect terms, {} of {} with interactions of two; {} pairs of configs differ in one \
             setting.",
            main.0, main.1, two_way.0, two_way.1, factors.one_apart
        ),
    ];
    if factors.empty_cells > 0.0 {
        // A product of numbers of levels, which may be beyond what an integer holds.
        let n = factors.empty_cells;
        let words = if n == 1.0 { "combination of levels has" } else { "combinations of levels have" };
        lines.push(format!("{} {words} no config.", number::fixed(n, 0)));
    }
    if !factors.terms.is_empty() {
        let configs: Vec<String> = factors.grid.iter().map(|c| display_name(c)).collect();
        lines.push(format!("Analysed: the largest complete grid, {}.", shorten(&configs.join(", "), 400)));
    }
    lines.extend(factors.merged.iter().map(|merged| format!("{merged} act as one factor there.")));
    if !factors.aliased.is_empty() {
        let names: Vec<String> = factors.aliased.iter().map(|term| display_name(term)).collect();
        // Without a grid the terms are those of all configs, some of which may be told in part.
        let part = if factors.terms.is_empty() { ", in whole or in part" } else { "" };
        lines.push(format!("Not to be told apart from others{part}: {}.", shorten(&names.join(", "), 800)));
    }
    let mut blocks = vec![Block::List(lines)];
    if !factors.terms.is_empty() {
        blocks.push(Block::Table(anova_table(analysis, factors, format!("anova-s{s}"))));
    }
    if let Some(metric) = primary(analysis) {
        let figure = |(at, means)| grids::interactions(analysis, means, metric, &format!("interaction-s{s}-{at}"));
        blocks.extend(factors.means.iter().enumerate().filter_map(figure).map(Block::Figure));
    }
    if !factors.interactions.is_empty() {
        blocks.push(Block::Table(interaction_table(analysis, &factors.interactions, format!("interactions-s{s}"))));
    }
    blocks
}

fn anova_table(analysis: &Analysis, factors: &Factors, id: String) -> Table {
    let alpha = analysis.plan.alpha;
    let robust = factors.terms.iter().any(|term| term.robust.is_some());
    let row = |term: &FactorTerm| {
        let share = term.interval.as_ref().map(|i| {
            let shown = format!("[{}, {}]", fixed(i.low, 2), fixed(i.high, 2));
            Cell::number(shown, [i.low, i.high])
        });
        let mut cells = vec![
            Cell::name(display_name(&term.term)),
            Cell::number(format!("{}, {}", term.df.0, term.df.1), [term.df.0 as f64, term.df.1 as f64]),
            Cell::number(number::statistic(term.statistic), [term.statistic]),
            Cell::strong(number::p(term.p_value, alpha), [term.p_value]),
        ];
        if robust {
            cells.extend(match &term.robust {
                Some(test) => {
                    let df = [test.df_numerator, test.df_denominator];
                    let shown =
                        format!("{} ({}, {})", number::statistic(test.statistic), number::df(df[0]), number::df(df[1]));
                    [
                        Cell::number(shown, [test.statistic, df[0], df[1]]),
                        Cell::strong(number::p(test.p_value, alpha), [test.p_value]),
                    ]
                }
                None => ["n/a"; 2].map(Cell::missing),
            });
        }
        cells.extend([
            Cell::number(fixed(term.omega_squared, 2), [term.omega_squared]),
            Cell::number(fixed(term.eta_squared, 2), [term.eta_squared]),
            share.unwrap_or_else(|| Cell::missing("n/a")),
        ]);
        Row { marked: false, cells }
    };
    let mut columns = vec![Column::text("term"), Column::number("df"), Column::number("F"), Column::number("p")];
    if robust {
        let hint = "takes no standard deviations as equal";
        columns.extend([Column::number("robust F (df)").hint(hint), Column::number("robust p").hint(hint)]);
    }
    columns.extend([
        Column::number("partial ω²"),
        Column::number("partial η²").hint("biased upwards"),
        Column::number("share of variance").hint("confidence interval of what both estimate"),
    ]);
    let title = "Analysis of variance, type II".to_owned();
    let note = if robust { robust_note(analysis, factors) } else { String::new() };
    Table { id, title, note, columns, rows: factors.terms.iter().map(row).collect() }
}

/// Which of two tests of a term takes what for granted.
fn robust_note(analysis: &Analysis, factors: &Factors) -> String {
    let differ = match factors.sd_ratio {
        Some(ratio) => format!("differ by a factor of {}", fixed(ratio, 1)),
        None => "differ, and one config does not vary at all".to_owned(),
    };
    let test = match analysis.plan.pairing {
        Pairing::Common => "Hotelling's test of the same contrasts per replicate",
        Pairing::Independent => "Welch's and James's test of the same contrasts",
    };
    format!(
        "Standard deviations of these configs {differ}: F and p take them as equal, robust F and p ({test}) do not."
    )
}

fn interaction_table(analysis: &Analysis, interactions: &[Interaction], id: String) -> Table {
    let (alpha, unit) = (analysis.plan.alpha, primary(analysis).map_or("", |m| m.unit.of_difference()));
    let row = |found: &Interaction| {
        let (test, d) = (&found.test, number::decimals(Some(found.test.standard_error)));
        let interval = format!("[{}, {}]", signed(test.interval.low, d), signed(test.interval.high, d));
        let configs: Vec<String> = found.configs.iter().map(|c| shorten(c, 40)).collect();
        Row {
            marked: false,
            cells: vec![
                Cell::name(format!("{} × {}", display_name(&found.factors.0), display_name(&found.factors.1))),
                Cell::text(configs.join(" | ")),
                Cell::strong(signed(test.difference, d), [test.difference]),
                Cell::number(interval, [test.interval.low, test.interval.high]),
                Cell::number(number::p(test.p_value, alpha), [test.p_value]),
            ],
        }
    };
    let own = match analysis.plan.pairing {
        Pairing::Common => {
            "Interval and p are those of the paired t-test of these four configs alone; F of the same settings above takes one \
             error for all configs of its grid, so its p may be another."
        }
        Pairing::Independent => {
            "Interval and p are Welch's, of these four configs alone and each with its own variance; F of the same settings above \
             takes one error for all configs of its grid, so its p may be another."
        }
    };
    let columns = vec![
        Column::text("settings"),
        Column::text("configs: neither | first | second | both"),
        Column::number("difference in differences"),
        Column::number(format!("{} interval", number::percent(analysis.plan.confidence))),
        Column::number("p"),
    ];
    Table {
        id,
        title: if unit.is_empty() { "Interactions".to_owned() } else { format!("Interactions, in {unit}") },
        note: format!("How much more the first setting does where the second one is there, too. {own}"),
        columns,
        rows: interactions.iter().map(row).collect(),
    }
}
