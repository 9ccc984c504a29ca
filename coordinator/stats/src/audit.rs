//! Checks of how runs were made, before any result is looked at: confounding with workers, drift, copies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::distributions::chi_squared_upper_tail;
use crate::factorial::dense;
use crate::linear::Qr;
use crate::moments::{Moments, compensated_sum};
use crate::tails::FTest;

/// Association of the rows and columns of a contingency table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CramersV {
    /// `sqrt(chi^2 / (N min(r - 1, c - 1)))`: 0 for independence, 1 when one side tells the other.
    pub v: f64,
    /// The same with the bias of small tables removed. Source: Bergsma, "A bias-correction for Cramer's V and
    /// Tschuprow's T", Journal of the Korean Statistical Society 42 (2013).
    pub v_corrected: f64,
    /// Pearson's chi-squared.
    pub chi_squared: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Upper tail of chi-squared, which is approximate for expected counts below about 5.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
    /// Sum of the table.
    pub observations: u64,
}

/// Table of how often each level of `a` (rows) meets each level of `b` (columns), levels ascending.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] without observations.
pub fn contingency(a: &[usize], b: &[usize]) -> Result<Vec<Vec<u64>>, Degenerate> {
    if a.len() != b.len() {
        return Err(Degenerate::LengthMismatch { a: a.len(), b: b.len() });
    }
    if a.is_empty() {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    let ((a, rows), (b, columns)) = (dense(a), dense(b));
    let mut table = vec![vec![0; columns]; rows];
    for (a, b) in a.into_iter().zip(b) {
        table[a][b] += 1;
    }
    Ok(table)
}

/// Cramer's V of a table of counts, such as configuration by worker. Rows and columns of zeros are left out.
///
/// Source: Cramer, "Mathematical methods of statistics" (Princeton, 1946), chapter 21.
///
/// # Errors
/// [`Degenerate::LengthMismatch`] for rows of different length, [`Degenerate::TooFew`] when fewer than two rows or
/// columns have counts (then nothing can be confounded, or everything is).
pub fn cramers_v(table: &[Vec<u64>]) -> Result<CramersV, Degenerate> {
    let width = table.first().map_or(0, Vec::len);
    if let Some(row) = table.iter().find(|row| row.len() != width) {
        return Err(Degenerate::LengthMismatch { a: width, b: row.len() });
    }
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.map(|c| c as f64).sum::<f64>();
    let row_sums: Vec<f64> = table.iter().map(|row| sum(&mut row.iter().copied())).collect();
    let column_sums: Vec<f64> = (0..width).map(|j| sum(&mut table.iter().map(|row| row[j]))).collect();
    let filled = |sums: &[f64]| sums.iter().filter(|s| **s > 0.0).count();
    let (rows, columns) = (filled(&row_sums), filled(&column_sums));
    let smaller = rows.min(columns);
    if smaller < 2 {
        return Err(Degenerate::TooFew { n: smaller, needed: 2 });
    }
    let n: f64 = row_sums.iter().sum();
    let mut parts = Vec::new();
    for (row, row_sum) in table.iter().zip(&row_sums).filter(|(_, sum)| **sum > 0.0) {
        for (count, column_sum) in row.iter().zip(&column_sums).filter(|(_, sum)| **sum > 0.0) {
            let expected = row_sum * (column_sum / n);
            parts.push((*count as f64 - expected).powi(2) / expected);
        }
    }
    let chi_squared = compensated_sum(parts);
    let df = ((rows - 1) * (columns - 1)) as f64;
    let upper = chi_squared_upper_tail(chi_squared, df)?;
    let (r, c) = (rows as f64, columns as f64);
    let phi = (chi_squared / n - df / (n - 1.0)).max(0.0);
    let corrected = |k: f64| k - (k - 1.0).powi(2) / (n - 1.0);
    let smallest = corrected(r).min(corrected(c)) - 1.0;
    Ok(CramersV {
        v: (chi_squared / n / (smaller - 1) as f64).sqrt().min(1.0),
        v_corrected: if smallest > 0.0 { (phi / smallest).sqrt().min(1.0) } else { 0.0 },
        chi_squared,
        df,
        p_value: upper.p,
        log10_p: upper.log10_p,
        observations: n as u64,
    })
}

/// `values` less their mean within each group: the part that differences between groups cannot explain.
pub(crate) fn within(values: &[f64], group: &[usize], groups: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); groups];
    for (value, &g) in values.iter().zip(group) {
        sums[g].0 += value;
        sums[g].1 += 1.0;
    }
    // Twice: the second pass removes what the rounding of the first mean left.
    let mut rest: Vec<f64> = values.iter().zip(group).map(|(v, &g)| v - sums[g].0 / sums[g].1).collect();
    let mut left = vec![0.0; groups];
    rest.iter().zip(group).for_each(|(v, &g)| left[g] += v);
    rest.iter_mut().zip(group).for_each(|(v, &g)| *v -= left[g] / sums[g].1);
    rest
}

/// What is swept out before a worker or the run order is looked at: configurations and, where replicates share what
/// they vary, blocks.
struct Swept {
    factors: Vec<(Vec<usize>, usize)>,
    /// Rank of the additive model of both.
    rank: usize,
}

/// Passes over the factors at most; blocks and configurations that were crossed as planned need two.
const MOST_PASSES: usize = 10_000;

impl Swept {
    fn new(config: &[usize], block: Option<&[usize]>) -> Self {
        let config = dense(config);
        let Some(block) = block.map(dense) else {
            return Self { rank: config.1, factors: vec![config] };
        };
        let rank = config.1 + block.1 - components(&config, &block);
        Self { factors: vec![config, block], rank }
    }

    /// `values` less what the factors explain: by taking off the means of one after the other until nothing changes.
    /// Source: Halperin, "The product of projection operators", Acta Scientiarum Mathematicarum 23 (1962).
    fn rest_of(&self, values: &[f64]) -> Result<Vec<f64>, Degenerate> {
        let mut rest = values.to_vec();
        let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for _ in 0..MOST_PASSES {
            let before = rest.clone();
            for (group, groups) in &self.factors {
                rest = within(&rest, group, *groups);
            }
            let change = rest.iter().zip(&before).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            if self.factors.len() == 1 || change <= 1e-15 * largest {
                return Ok(rest);
            }
        }
        Err(Degenerate::domain("configurations and blocks hardly meet: their parts cannot be told apart"))
    }
}

/// Groups of configurations and blocks that no run connects.
fn components((a, rows): &(Vec<usize>, usize), (b, columns): &(Vec<usize>, usize)) -> usize {
    let mut parent: Vec<usize> = (0..rows + columns).collect();
    fn root(parent: &mut [usize], mut node: usize) -> usize {
        while parent[node] != node {
            parent[node] = parent[parent[node]];
            node = parent[node];
        }
        node
    }
    let mut count = rows + columns;
    for (&a, &b) in a.iter().zip(b) {
        let (x, y) = (root(&mut parent, a), root(&mut parent, rows + b));
        count -= usize::from(x != y);
        parent[x] = y;
    }
    count
}

fn check_groups(y: &[f64], groups: &[&[usize]]) -> Result<Moments, Degenerate> {
    check_sample(y, 2)?;
    if let Some(other) = groups.iter().find(|g| g.len() != y.len()) {
        return Err(Degenerate::LengthMismatch { a: y.len(), b: other.len() });
    }
    let moments = Moments::of(y);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: y[0] });
    }
    Ok(moments)
}

fn squares(x: &[f64]) -> f64 {
    compensated_sum(x.iter().map(|v| v * v))
}

/// F-test of the worker (or device, or library version) adjusted for the configuration: does the additive model
/// configuration + worker fit better than configuration alone? With `block`, the replicate whose seed all configurations
/// share, the test is blocked by it: runs of one seed go up and down together, and without the block a worker that
/// happened to get the good seeds would look like the cause. What is adjusted for is swept out, so any number of
/// configurations costs little. Source of that: Frisch and Waugh, Econometrica 1 (1933).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::ZeroVariance`],
/// [`Degenerate::TooFew`] without residual degrees of freedom, [`Degenerate::Domain`] when worker and configuration
/// cannot be told apart, or the model fits every value.
pub fn worker_effect(
    y: &[f64],
    config: &[usize],
    block: Option<&[usize]>,
    worker: &[usize],
) -> Result<FTest, Degenerate> {
    let moments = check_groups(y, &[config, worker, block.unwrap_or(config)])?;
    let (swept, (worker, workers)) = (Swept::new(config, block), dense(worker));
    let column = |w: usize| -> Vec<f64> { worker.iter().map(|&own| f64::from(u8::from(own == w))).collect() };
    let columns: Vec<Vec<f64>> = (1..workers).map(|w| swept.rest_of(&column(w))).collect::<Result<_, _>>()?;
    // A worker that ran whole configurations leaves only the rounding of its column; the tolerance of the rank is relative.
    let columns = columns.into_iter().filter(|column| column.iter().any(|v| v.abs() > 1e-9)).collect();
    let qr = Qr::new(columns);
    if qr.rank() == 0 {
        return Err(Degenerate::domain(
            "worker and configuration cannot be told apart: every configuration ran on one",
        ));
    }
    if y.len() <= swept.rank + qr.rank() {
        return Err(Degenerate::TooFew { n: y.len(), needed: swept.rank + qr.rank() + 1 });
    }
    let mut rest = swept.rest_of(moments.deviations())?;
    let total = squares(&rest);
    qr.apply_transposed(&mut rest);
    let (explained, error) = rest.split_at(qr.rank());
    let (explained, error) = (squares(explained), squares(error));
    if error <= 1e-26 * total || total <= 1e-26 * squares(moments.deviations()) {
        return Err(Degenerate::domain("configuration and worker fit every value: no error is left to compare with"));
    }
    let (d1, d2) = (qr.rank() as f64, (y.len() - swept.rank - qr.rank()) as f64);
    FTest::new(explained / d1 / (error / d2), d1, d2)
}

/// Drift over the run order, adjusted for the configuration, and with `block` for the replicate as in
/// [`worker_effect`]: slope of y on `order` (start time or position; any unit) beside them. `difference`, its interval
/// and standard error are in units of y per unit of `order`; degrees of freedom are runs less the rank of what is
/// adjusted for less 1.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::ZeroVariance`] when y or, within
/// configurations and blocks, the order is constant, [`Degenerate::TooFew`], [`Degenerate::Domain`] when the line fits every
/// value, for a confidence outside of (0, 1) or a slope beyond `f64`.
pub fn run_order_drift(
    y: &[f64],
    config: &[usize],
    block: Option<&[usize]>,
    order: &[f64],
    confidence: f64,
) -> Result<TTest, Degenerate> {
    let moments = check_groups(y, &[config, block.unwrap_or(config)])?;
    check_fraction("confidence", confidence)?;
    if order.len() != y.len() {
        return Err(Degenerate::LengthMismatch { a: y.len(), b: order.len() });
    }
    check_sample(order, 2)?;
    let swept = Swept::new(config, block);
    if y.len() < swept.rank + 2 {
        return Err(Degenerate::TooFew { n: y.len(), needed: swept.rank + 2 });
    }
    let positions = Moments::of(order);
    let (x, rest) = (swept.rest_of(positions.deviations())?, swept.rest_of(moments.deviations())?);
    let sxx = squares(&x);
    if sxx <= 1e-26 * y.len() as f64 {
        return Err(Degenerate::ZeroVariance { value: order[0] });
    }
    let slope = compensated_sum(x.iter().zip(&rest).map(|(x, y)| x * y)) / sxx;
    let residuals: Vec<f64> = x.iter().zip(&rest).map(|(x, y)| y - slope * x).collect();
    let error = squares(&residuals);
    if error <= 1e-26 * squares(&rest) || squares(&rest) <= 1e-26 * squares(moments.deviations()) {
        return Err(Degenerate::domain("the line fits every value: no error is left to compare with"));
    }
    let df = (y.len() - swept.rank - 1) as f64;
    let standard_error = (error / df / sxx).sqrt();
    let unit = finite("the slope", moments.in_units(1.0) / positions.in_units(1.0))?;
    TTest::new(slope * unit, standard_error * unit, slope / standard_error, df, confidence)
}

/// Runs whose metrics are equal to the last bit although their seeds differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// Indices of the runs, ascending; at least two seeds among them.
    pub runs: Vec<usize>,
}

/// Groups of runs whose whole row of `metrics` (one row per run) is bit-equal under different `seeds`: a sign of a seed
/// that does nothing, or of one run counted twice. Rows with a value that is not finite do not count; 0 and -0 differ.
///
/// Give it metrics of fine resolution (losses). Accuracies on a few hundred images coincide by chance, see
/// [`expected_coincidences`].
///
/// # Errors
/// [`Degenerate::LengthMismatch`] for seeds or rows of different length, [`Degenerate::TooFew`] for rows without metrics.
pub fn duplicates(metrics: &[Vec<f64>], seeds: &[u64]) -> Result<Vec<Duplicate>, Degenerate> {
    if metrics.len() != seeds.len() {
        return Err(Degenerate::LengthMismatch { a: metrics.len(), b: seeds.len() });
    }
    let width = metrics.first().map_or(1, Vec::len);
    if width == 0 {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    let mut groups: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for (run, row) in metrics.iter().enumerate() {
        if row.len() != width {
            return Err(Degenerate::LengthMismatch { a: width, b: row.len() });
        }
        if row.iter().all(|v| v.is_finite()) {
            groups.entry(row.iter().map(|v| v.to_bits()).collect()).or_default().push(run);
        }
    }
    let mut found: Vec<Duplicate> = groups
        .into_values()
        .filter(|runs| runs.iter().map(|&run| seeds[run]).collect::<BTreeSet<_>>().len() > 1)
        .map(|runs| Duplicate { runs })
        .collect();
    found.sort_by(|a, b| a.runs.cmp(&b.runs));
    Ok(found)
}

/// Pairs of equal values to expect by chance among `runs` of one configuration, for a metric that moves in steps of
/// `step` (1 / number of test images for an accuracy) with standard deviation `sd` in the same unit: pairs times
/// `step / (2 sqrt(pi) sd)`, the density at 0 of the difference of two normal values, at most all pairs.
///
/// # Errors
/// [`Degenerate::Domain`] for an `sd` or `step` that is not positive and finite.
pub fn expected_coincidences(runs: usize, sd: f64, step: f64) -> Result<f64, Degenerate> {
    for (name, value) in [("the standard deviation", sd), ("the step", step)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Degenerate::domain(format!("{name} is {value}, it must be positive and finite")));
        }
    }
    let pairs = 0.5 * runs as f64 * (runs as f64 - 1.0).max(0.0);
    Ok(pairs * (step / (2.0 * std::f64::consts::PI.sqrt() * sd)).min(1.0))
}
