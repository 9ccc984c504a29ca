//! What single settings do: analysis of variance on the largest complete grid among the configs of a stratum.

use super::UNEQUAL;
use crate::report::{
    analysis::{Measured, Stratum},
    compare::Settings,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_stats::{
    FTest, Interval, TTest,
    contrast::{
        CellError, cell_contrast, difference_in_differences, paired_cell_contrast, paired_difference_in_differences,
    },
    factorial::{FactorialOptions, Term, factorial_anova},
    grid::{Merge, SubGrid, design_audit, interaction_squares, largest_complete_subgrid},
    robust_terms,
};

/// More varying settings than this are no designed experiment.
const MOST_FACTORS: usize = 8;
/// Configs that are searched for a grid.
const MOST_CONFIGS: usize = 256;
/// Interactions whose means are told, and levels that a factor of them may have.
const MOST_MEANS: usize = 3;
const MOST_LEVELS: usize = 12;
/// Interaction contrasts that are told.
const MOST_SQUARES: usize = 40;

/// What the settings that vary among the configs of a stratum do to the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Factors {
    /// The settings, by path.
    pub factors: Vec<String>,
    /// Levels of each.
    pub levels: Vec<Vec<String>>,
    /// Combinations of levels that no config has.
    pub empty_cells: f64,
    /// Rank and number of columns of the model with main effects only.
    pub main_rank: (usize, usize),
    /// The same with all interactions of two.
    pub two_way_rank: (usize, usize),
    /// Pairs of configs that differ in one setting.
    pub one_apart: usize,
    /// Configs of the grid that was analysed; empty if there is none.
    pub grid: Vec<String>,
    /// Settings that act as one factor in it, e.g. the stages of one procedure.
    pub merged: Vec<String>,
    /// Analysis of variance on that grid.
    pub terms: Vec<FactorTerm>,
    /// Largest over smallest standard deviation of the configs of that grid; none without an analysis, or where a config does
    /// not vary.
    #[serde(default)]
    pub sd_ratio: Option<f64>,
    /// Terms that cannot be told from others there; without an analysis those of all configs, in whole or in part.
    pub aliased: Vec<String>,
    /// Levels of every config with a value, one per factor, as indices into `levels`.
    #[serde(default)]
    pub cells: Vec<FactorCell>,
    /// Means over the levels of two factors of the analysed grid, for interactions in the order of their p-values.
    #[serde(default)]
    pub means: Vec<InteractionMeans>,
    /// Differences in differences of all 2 × 2 squares of configs, in the metric's unit.
    pub interactions: Vec<Interaction>,
}

/// One line of the analysis of variance (type II).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactorTerm {
    /// `replicate`, a factor, or `factor × factor`.
    pub term: String,
    /// Degrees of freedom, its own and the residual's.
    pub df: (usize, usize),
    /// F.
    pub statistic: f64,
    /// Its p-value, uncorrected.
    pub p_value: f64,
    /// Base-10 logarithm of it.
    pub log10_p: f64,
    /// Partial η², biased upwards.
    pub eta_squared: f64,
    /// Partial ω², nearly unbiased.
    pub omega_squared: f64,
    /// Interval of the share of variance that both estimate.
    pub interval: Option<Interval>,
    /// The test that takes no variances as equal, where the configs' standard deviations differ by more than a factor of 2:
    /// Welch's and James's, and where trials are paired Hotelling's. None for replicates, and with too few trainings.
    #[serde(default)]
    pub robust: Option<FTest>,
}

/// Where a config stands in the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactorCell {
    /// Its name.
    pub config: String,
    /// Its level of each factor.
    pub levels: Vec<usize>,
}

/// Means of the primary metric over the levels of two factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InteractionMeans {
    /// The two factors.
    pub factors: (String, String),
    /// Levels of each.
    pub levels: (Vec<String>, Vec<String>),
    /// Configs that one mean is over: those that differ in other factors.
    pub over: usize,
    /// By level of the first factor, then of the second.
    pub means: Vec<Vec<Option<CellMean>>>,
}

/// Mean of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellMean {
    /// Mean, each config counting alike.
    pub mean: f64,
    /// Its t interval.
    pub interval: Option<Interval>,
}

/// What one setting does under two levels of another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interaction {
    /// The two settings.
    pub factors: (String, String),
    /// The four configs: neither, the first, the second, both.
    pub configs: [String; 4],
    /// How much more the first does where the second is there.
    pub test: TTest,
}

/// One level per factor and config.
struct Grid {
    factors: Vec<String>,
    levels: Vec<Vec<String>>,
    cells: Vec<Vec<usize>>,
}

/// Factors of a stratum on the metric at `m`; none unless at least two settings vary.
pub(in crate::report) fn factors(
    stratum: &Stratum,
    settings: &[Option<Settings>],
    m: usize,
    (paired, confidence): (bool, f64),
) -> Option<Factors> {
    let measured: Vec<(&str, &Measured, &Settings)> = stratum
        .configs
        .iter()
        .zip(settings)
        .filter_map(|(config, settings)| {
            let measured = config.cells.get(m)?.measured().filter(|m| !m.values.is_empty())?;
            Some((config.name.as_str(), measured, settings.as_ref()?))
        })
        .collect();
    let grid = Grid::of(&measured.iter().map(|(_, _, settings)| *settings).collect::<Vec<_>>())?;
    let audit = design_audit(&grid.cells).ok()?;
    let name = |cell: usize| measured.get(cell).map_or_else(String::new, |(name, ..)| (*name).to_owned());
    let mut factors = Factors {
        one_apart: audit.edges.len(),
        empty_cells: audit.empty_cells,
        main_rank: (audit.main_rank.rank, audit.main_rank.columns),
        two_way_rank: (audit.two_way_rank.rank, audit.two_way_rank.columns),
        factors: grid.factors.clone(),
        levels: grid.levels.clone(),
        grid: Vec::new(),
        merged: Vec::new(),
        terms: Vec::new(),
        sd_ratio: None,
        aliased: Vec::new(),
        cells: (0..).zip(&grid.cells).map(|(at, l)| FactorCell { config: name(at), levels: l.clone() }).collect(),
        means: Vec::new(),
        interactions: interactions(&grid, &measured, (paired, confidence)),
    };
    if let Ok(Some(found)) = largest_complete_subgrid(&grid.cells, Merge::Allowed) {
        factors.grid = found.cells.iter().map(|&cell| name(cell)).collect();
        let joined =
            |group: &Vec<usize>| group.iter().map(|&f| grid.factors[f].as_str()).collect::<Vec<_>>().join(" + ");
        factors.merged = found.groups.iter().filter(|group| group.len() > 1).map(joined).collect();
        let values: Vec<&Measured> = found.cells.iter().filter_map(|&cell| Some(measured.get(cell)?.1)).collect();
        factors.analyse(&grid, &found, &values, (paired, confidence));
    }
    if factors.terms.is_empty() {
        let of = |f: usize| grid.factors.get(f).cloned().unwrap_or_default();
        factors.aliased = audit.two_way_rank.aliased.iter().map(|term| named(term, of)).collect();
    }
    Some(factors)
}

impl Grid {
    /// None unless two to [`MOST_FACTORS`] settings vary and no two configs are one cell.
    fn of(settings: &[&Settings]) -> Option<Self> {
        if settings.len() < 4 || settings.len() > MOST_CONFIGS {
            return None;
        }
        let paths: BTreeSet<&String> = settings.iter().flat_map(|s| s.keys()).collect();
        let levels_of = |path: &String| -> Vec<String> {
            let all = settings.iter().map(|s| s.get(path).cloned().unwrap_or_default());
            // In the order in which they come first, so that the plain config has the lowest levels.
            let mut seen: Vec<String> = Vec::new();
            all.for_each(|level| {
                if !seen.contains(&level) {
                    seen.push(level)
                }
            });
            seen
        };
        let varying: Vec<(String, Vec<String>)> =
            paths.into_iter().map(|path| (path.clone(), levels_of(path))).filter(|(_, l)| l.len() > 1).collect();
        if varying.len() < 2 || varying.len() > MOST_FACTORS {
            return None;
        }
        let level = |settings: &Settings, (path, levels): &(String, Vec<String>)| {
            let own = settings.get(path).cloned().unwrap_or_default();
            levels.iter().position(|level| *level == own).unwrap_or(0)
        };
        let cells: Vec<Vec<usize>> = settings.iter().map(|s| varying.iter().map(|v| level(s, v)).collect()).collect();
        let distinct: BTreeSet<&Vec<usize>> = cells.iter().collect();
        if distinct.len() != cells.len() {
            return None;
        }
        let (factors, levels) = varying.into_iter().unzip();
        Some(Self { factors, levels, cells })
    }
}

impl Factors {
    /// Fills in the analysis of variance of a complete grid.
    fn analyse(&mut self, grid: &Grid, found: &SubGrid, values: &[&Measured], (paired, confidence): (bool, f64)) {
        let varying: Vec<(usize, &Vec<usize>)> =
            found.groups.iter().enumerate().filter(|(at, _)| found.levels[*at].len() > 1).collect();
        let replicates = if paired { common(values) } else { BTreeSet::new() };
        let (mut y, mut block) = (Vec::new(), Vec::new());
        let mut levels: Vec<Vec<usize>> = vec![Vec::new(); varying.len()];
        for (&cell, measured) in found.cells.iter().zip(values) {
            for value in measured.values.iter().filter(|o| !paired || replicates.contains(&o.replicate)) {
                y.push(value.value);
                block.push(value.replicate as usize);
                for ((at, group), of) in varying.iter().zip(&mut levels) {
                    let own: Vec<usize> = group.iter().map(|&factor| grid.cells[cell][factor]).collect();
                    of.push(found.levels[*at].iter().position(|level| *level == own).unwrap_or(0));
                }
            }
        }
        let slices: Vec<&[usize]> = levels.iter().map(Vec::as_slice).collect();
        let options = FactorialOptions { confidence, ..FactorialOptions::default() };
        let kept: Vec<Vec<f64>> = values
            .iter()
            .map(|m| {
                let kept = m.values.iter().filter(|o| !paired || replicates.contains(&o.replicate));
                kept.map(|o| o.value).collect()
            })
            .collect();
        let Ok(anova) = factorial_anova(&y, &slices, paired.then_some(block.as_slice()), &options) else { return };
        let factor = |at: usize| {
            let group = varying.get(at).map_or(&[][..], |(_, group)| group.as_slice());
            group.iter().map(|&f| grid.factors[f].as_str()).collect::<Vec<_>>().join(" + ")
        };
        let mut pairs: Vec<(usize, usize, f64)> = anova
            .terms
            .iter()
            .filter_map(|term| match term.term {
                Term::Interaction(a, b) => Some((a, b, term.p_value)),
                Term::Block | Term::Main(_) => None,
            })
            .collect();
        pairs.sort_by(|x, y| x.2.total_cmp(&y.2));
        let shown = pairs.iter().take(MOST_MEANS);
        let layout = Layout { grid, found, varying: &varying, kept: &kept };
        self.means = shown.filter_map(|(a, b, _)| layout.means((*a, *b), (paired, confidence))).collect();
        self.aliased = anova.aliased.iter().map(|term| named(term, factor)).collect();
        self.sd_ratio = layout.sds().and_then(|(least, most)| Some(most / least).filter(|ratio| ratio.is_finite()));
        let robust = layout.robust(paired);
        self.terms = anova
            .terms
            .iter()
            .map(|term| FactorTerm {
                term: named(&term.term, factor),
                df: (term.df, anova.residual_df),
                statistic: term.statistic,
                p_value: term.p_value,
                log10_p: term.log10_p,
                eta_squared: term.partial_eta_squared,
                omega_squared: term.partial_omega_squared,
                interval: Some(term.interval),
                robust: robust.get(&term.term).copied(),
            })
            .collect();
    }
}

/// `replicate`, a factor, or `factor × factor`.
fn named(term: &Term, factor: impl Fn(usize) -> String) -> String {
    match term {
        Term::Block => "replicate".to_owned(),
        Term::Main(a) => factor(*a),
        Term::Interaction(a, b) => format!("{} × {}", factor(*a), factor(*b)),
    }
}

/// The analysed grid.
struct Layout<'a> {
    grid: &'a Grid,
    found: &'a SubGrid,
    /// Factors with several levels: place in the sub-grid, and the settings that it joins.
    varying: &'a [(usize, &'a Vec<usize>)],
    /// Values by config of the grid.
    kept: &'a [Vec<f64>],
}

impl Layout<'_> {
    fn name(&self, factor: usize) -> Option<String> {
        let (_, group) = self.varying.get(factor)?;
        Some(group.iter().map(|&f| self.grid.factors[f].as_str()).collect::<Vec<_>>().join(" + "))
    }

    fn levels(&self, factor: usize) -> Option<Vec<String>> {
        let (at, group) = self.varying.get(factor)?;
        let name = |level: &Vec<usize>| {
            let of = level.iter().zip(*group).map(|(&l, &f)| self.grid.levels[f].get(l).map_or("", String::as_str));
            of.collect::<Vec<_>>().join(" / ")
        };
        Some(self.found.levels[*at].iter().map(name).collect())
    }

    /// Level of a config of the grid.
    fn level(&self, factor: usize, config: usize) -> Option<usize> {
        let (at, group) = self.varying.get(factor)?;
        let cell = self.grid.cells.get(*self.found.cells.get(config)?)?;
        let own: Vec<usize> = group.iter().map(|&f| cell[f]).collect();
        self.found.levels[*at].iter().position(|level| *level == own)
    }

    /// Smallest and largest standard deviation of a config.
    fn sds(&self) -> Option<(f64, f64)> {
        let sd = |values: &Vec<f64>| sweeper_stats::summary(values).ok()?.sd;
        let sds: Vec<f64> = self.kept.iter().map(sd).collect::<Option<_>>()?;
        Some((sds.iter().copied().reduce(f64::min)?, sds.iter().copied().reduce(f64::max)?))
    }

    /// Tests that take no variances as equal, where these differ.
    fn robust(&self, paired: bool) -> BTreeMap<Term, FTest> {
        if self.sds().is_none_or(|(least, most)| most <= UNEQUAL * least) {
            return BTreeMap::new();
        }
        let levels = |config| (0..self.varying.len()).map(|factor| self.level(factor, config)).collect();
        let levels: Option<Vec<Vec<usize>>> = (0..self.kept.len()).map(levels).collect();
        let cells: Vec<&[f64]> = self.kept.iter().map(Vec::as_slice).collect();
        let found = levels.and_then(|levels| robust_terms(&cells, &levels, paired, true).ok()).unwrap_or_default();
        found.into_iter().filter_map(|found| Some((found.term, found.test.ok()?))).collect()
    }

    /// Means of two factors; none where they have too many levels to be seen.
    fn means(&self, (a, b): (usize, usize), how: (bool, f64)) -> Option<InteractionMeans> {
        let levels = (self.levels(a)?, self.levels(b)?);
        if levels.0.len().max(levels.1.len()) > MOST_LEVELS {
            return None;
        }
        let of = |i: usize, j: usize| -> Vec<&[f64]> {
            let inside = |&c: &usize| self.level(a, c) == Some(i) && self.level(b, c) == Some(j);
            (0..self.kept.len()).filter(inside).map(|c| self.kept[c].as_slice()).collect()
        };
        let row = |i: usize| (0..levels.1.len()).map(|j| cell_mean(&of(i, j), how)).collect();
        let over = of(0, 0).len();
        Some(InteractionMeans {
            factors: (self.name(a)?, self.name(b)?),
            means: (0..levels.0.len()).map(row).collect(),
            levels,
            over,
        })
    }
}

/// Mean of the means of some configs; with shared seeds its interval is that of the means of the seeds.
fn cell_mean(configs: &[&[f64]], (paired, confidence): (bool, f64)) -> Option<CellMean> {
    let weights = vec![1.0 / configs.len() as f64; configs.len()];
    let found = if paired {
        paired_cell_contrast(configs, &weights, confidence)
    } else {
        cell_contrast(configs, &weights, CellError::Welch, confidence)
    };
    let means: Option<Vec<f64>> = configs.iter().map(|c| Some(sweeper_stats::summary(c).ok()?.mean)).collect();
    let mean = sweeper_stats::summary(&means?).ok()?.mean;
    Some(CellMean { mean, interval: found.ok().map(|test| test.interval) })
}

/// Replicates that all of them completed.
fn common(values: &[&Measured]) -> BTreeSet<u32> {
    let of = |m: &Measured| m.values.iter().map(|o| o.replicate).collect::<BTreeSet<u32>>();
    let mut sets = values.iter().map(|m| of(m));
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |all, set| all.intersection(&set).copied().collect())
}

fn interactions(
    grid: &Grid,
    measured: &[(&str, &Measured, &Settings)],
    (paired, confidence): (bool, f64),
) -> Vec<Interaction> {
    let squares = interaction_squares(&grid.cells).unwrap_or_default();
    let contrast = |square: &sweeper_stats::grid::Square| {
        let cells: Vec<&Measured> = square.cells.iter().filter_map(|&cell| Some(measured.get(cell)?.1)).collect();
        let replicates = common(&cells);
        let keep = |m: &Measured| -> Vec<f64> {
            m.values.iter().filter(|o| !paired || replicates.contains(&o.replicate)).map(|o| o.value).collect()
        };
        let values: Vec<Vec<f64>> = cells.iter().map(|m| keep(m)).collect();
        let [a, b, c, d] = values.as_slice() else { return None };
        let cells: [&[f64]; 4] = [a, b, c, d];
        let test = if paired {
            paired_difference_in_differences(cells, confidence)
        } else {
            difference_in_differences(cells, CellError::Welch, confidence)
        };
        let name = |at: usize| measured[square.cells[at]].0.to_owned();
        Some(Interaction {
            factors: (grid.factors[square.factors.0].clone(), grid.factors[square.factors.1].clone()),
            configs: [name(0), name(1), name(2), name(3)],
            test: test.ok()?,
        })
    };
    squares.iter().filter_map(contrast).take(MOST_SQUARES).collect()
}
