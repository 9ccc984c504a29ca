//! Counts: failures of configurations, disagreements of two models.

use std::f64::consts::LN_10;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction};
use crate::distributions::{binomial_at_most, binomial_pmf, normal_upper_quantile};
use crate::summary::Interval;

pub use crate::boschloo::boschloo;

/// More values of a count than this are refused; the sums would be slow.
const MAX_SUPPORT: u64 = 5_000_000;

/// Probabilities that agree to this, relative, count as equal when tables are ordered.
const TIE: f64 = 1e-9;

/// McNemar's test of two single models on the same examples. It knows nothing of seeds: another pair of models of
/// the same configurations may tell another story.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McNemar {
    /// Examples that only the first model got right.
    pub only_a: u64,
    /// Examples that only the second model got right.
    pub only_b: u64,
    /// Exact two-sided p-value.
    pub exact_p: f64,
    /// Its base-10 logarithm.
    pub log10_exact_p: f64,
    /// Mid-p value: the observed count enters with half its probability. Not exact, but nearer to the level.
    pub mid_p: f64,
    /// Its base-10 logarithm.
    pub log10_mid_p: f64,
}

/// McNemar's test from the two counts of examples on which the models disagree: twice the tail of the binomial
/// distribution with probability 1/2.
///
/// Source: McNemar, Psychometrika 12 (1947); mid-p: Fagerland, Lydersen and Laake, "The McNemar test for binary
/// matched-pairs data", BMC Medical Research Methodology 13 (2013).
///
/// # Errors
/// [`Degenerate::TooFew`] when the models never disagree, [`Degenerate::Domain`] beyond 1e8 disagreements.
pub fn mcnemar(only_a: u64, only_b: u64) -> Result<McNemar, Degenerate> {
    let n = only_a.saturating_add(only_b);
    if n == 0 {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    let k = only_a.min(only_b);
    let ln_tail = binomial_at_most(k, n, 0.5)?.log10_p * LN_10;
    let ln_point = binomial_pmf(k, n, 0.5)?.log10_p * LN_10;
    let ln_exact = (ln_tail + 2.0_f64.ln()).min(0.0);
    // 2 P(X <= k) - P(X = k); the point is at most the whole tail, so half of the digits stay at least.
    let ln_mid = if only_a == only_b {
        0.0
    } else {
        (ln_tail + 2.0_f64.ln() + (-0.5 * (ln_point - ln_tail).min(0.0).exp()).ln_1p()).min(0.0)
    };
    Ok(McNemar {
        only_a,
        only_b,
        exact_p: ln_exact.exp(),
        log10_exact_p: ln_exact / LN_10,
        mid_p: ln_mid.exp(),
        log10_mid_p: ln_mid / LN_10,
    })
}

/// Wilson's interval of a rate, such as the share of runs that diverged: the rates that the score test does not reject.
/// With no or only successes it ends at 0 or 1 and still has a width.
///
/// Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
///
/// # Errors
/// [`Degenerate::TooFew`] without trials, [`Degenerate::Domain`] for more successes than trials or a confidence outside of
/// (0, 1).
pub fn wilson(successes: u64, trials: u64, confidence: f64) -> Result<Interval, Degenerate> {
    check_fraction("confidence", confidence)?;
    if trials == 0 {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    if successes > trials {
        return Err(Degenerate::domain(format!("{successes} successes of {trials} trials")));
    }
    let z = normal_upper_quantile(0.5 * (1.0 - confidence))?;
    // The upper limit from the other outcome, so that neither cancels: low(k) = 2 k / (2 k + z^2 + root) * ...
    let low = |k: u64, n: f64| {
        let k = k as f64;
        let root = z * (z * z + 4.0 * k * ((n - k) / n)).sqrt();
        // Product of both roots of the quadratic is k^2 / (n (n + z^2)).
        2.0 * k * (k / n) / (2.0 * k + z * z + root)
    };
    let n = trials as f64;
    Ok(Interval { low: low(successes, n), high: 1.0 - low(trials - successes, n), confidence })
}

/// A test of two rates from a two-by-two table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CountTest {
    /// Two-sided p-value; 0 only when below the smallest double.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
    /// Rate of the first column in row 0 less that in row 1.
    pub difference: f64,
    /// Sample odds ratio `ad / (bc)`; `None` where a cell makes it 0/0 or infinite.
    pub odds_ratio: Option<f64>,
}

impl CountTest {
    pub(crate) fn new(table: [[u64; 2]; 2], ln_p: f64) -> Self {
        let ln_p = ln_p.min(0.0);
        let [[a, b], [c, d]] = table.map(|row| row.map(|count| count as f64));
        let odds = (a * d) / (b * c);
        Self {
            p_value: ln_p.exp(),
            log10_p: ln_p / LN_10,
            difference: a / (a + b) - c / (c + d),
            odds_ratio: odds.is_finite().then_some(odds),
        }
    }
}

/// Row sums of a table in which both rows and both columns have counts.
pub(crate) fn check_table(table: [[u64; 2]; 2]) -> Result<[u64; 2], Degenerate> {
    let sum = |a: u64, b: u64| {
        a.checked_add(b).filter(|s| *s <= 1 << 52).ok_or_else(|| Degenerate::domain("counts beyond 2^52"))
    };
    let rows = [sum(table[0][0], table[0][1])?, sum(table[1][0], table[1][1])?];
    let columns = [sum(table[0][0], table[1][0])?, sum(table[0][1], table[1][1])?];
    if rows.contains(&0) {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    if columns.contains(&0) {
        return Err(Degenerate::ZeroVariance { value: if columns[0] == 0 { 0.0 } else { 1.0 } });
    }
    Ok(rows)
}

/// Logarithms of the hypergeometric weights of the upper left count, relative to the largest, with the smallest count.
pub(crate) fn ln_hypergeometric(rows: [u64; 2], first_column: u64) -> Result<(u64, Vec<f64>), Degenerate> {
    let low = first_column.saturating_sub(rows[1]);
    let high = first_column.min(rows[0]);
    if high - low > MAX_SUPPORT {
        return Err(Degenerate::domain(format!("the exact test takes up to {MAX_SUPPORT} possible tables")));
    }
    let mut weights = vec![0.0];
    let mut ln_weight = 0.0;
    for k in low..high {
        let up = (first_column - k) as f64 * (rows[0] - k) as f64;
        let down = (k + 1) as f64 * (rows[1] + k + 1 - first_column) as f64;
        ln_weight += (up / down).ln();
        weights.push(ln_weight);
    }
    let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    weights.iter_mut().for_each(|w| *w -= largest);
    Ok((low, weights))
}

/// `ln sum e^w`.
pub(crate) fn ln_sum(weights: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = weights.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + weights.map(|w| (w - largest).exp()).sum::<f64>().ln()
}

/// Fisher's exact test of two rates (rows are configurations, columns outcomes), two-sided: the probability of all
/// tables with these margins that are no more likely than the observed one.
///
/// Source: Fisher, "Statistical methods for research workers", 5th edition (Oliver and Boyd, 1934); two-sided form:
/// Freeman and Halton, Biometrika 38 (1951).
///
/// # Errors
/// [`Degenerate::TooFew`] for a row without counts, [`Degenerate::ZeroVariance`] when all outcomes are the same,
/// [`Degenerate::Domain`] for counts that are too large.
pub fn fisher_exact(table: [[u64; 2]; 2]) -> Result<CountTest, Degenerate> {
    let rows = check_table(table)?;
    let (low, weights) = ln_hypergeometric(rows, table[0][0] + table[1][0])?;
    let limit = weights[(table[0][0] - low) as usize] + TIE;
    let no_more_likely = weights.iter().copied().filter(|w| *w <= limit);
    let rest = ln_sum(weights.iter().copied().filter(|w| *w > limit));
    let total = ln_sum(weights.iter().copied());
    let ln_p = if rest == f64::NEG_INFINITY { 0.0 } else { ln_sum(no_more_likely) - total };
    Ok(CountTest::new(table, ln_p))
}
