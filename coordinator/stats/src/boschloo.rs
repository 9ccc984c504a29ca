//! Boschloo's test: Fisher's one-sided p as the statistic of an unconditional test.

use crate::counts::{CountTest, check_table, ln_hypergeometric, ln_sum};
use crate::degenerate::Degenerate;

/// Largest sum of the table; the work grows with its square.
const MAX_COUNT: u64 = 4000;

/// Values of Fisher's p that agree to this, relative, count as equal.
const TIE: f64 = 1e-11;

/// Points of the grid over the logit of the common rate.
const GRID: usize = 400;

/// Peaks of the grid within this factor (natural logarithm) of the highest are refined.
const NEAR_HIGHEST: f64 = 0.1;

/// Boschloo's exact test of two rates (rows are configurations, columns outcomes): uniformly at least as powerful as
/// [`fisher_exact`](crate::counts::fisher_exact). Two-sided as twice the smaller one-sided p-value, at most 1.
///
/// The one-sided p-value is the largest probability, over the common rate, of a table whose one-sided Fisher p is at
/// most the observed one. The maximum is searched on a fixed grid of the rate's logit and its peaks refined by golden
/// section, so the answer is deterministic.
///
/// Source: Boschloo, "Raised conditional level of significance for the 2 x 2 table when testing the equality of two
/// probabilities", Statistica Neerlandica 24 (1970).
///
/// # Errors
/// [`Degenerate::TooFew`] for a row without counts, [`Degenerate::ZeroVariance`] when all outcomes are the same,
/// [`Degenerate::Domain`] for a table of more than 4,000 counts.
pub fn boschloo(table: [[u64; 2]; 2]) -> Result<CountTest, Degenerate> {
    let [n1, n2] = check_table(table)?;
    if n1 + n2 > MAX_COUNT {
        return Err(Degenerate::domain(format!("Boschloo's test takes up to {MAX_COUNT} counts; use Fisher's")));
    }
    let (x1, x2) = (table[0][0], table[1][0]);
    let less = Region::new((x1, n1), (x2, n2))?.largest();
    let greater = Region::new((x2, n2), (x1, n1))?.largest();
    Ok(CountTest::new(table, less.min(greater) + 2.0_f64.ln()))
}

/// Tables at least as extreme as the observed one towards a smaller first rate.
struct Region {
    n: [u64; 2],
    /// Logarithms of binomial coefficients of either row.
    ln_choose: [Vec<f64>; 2],
    /// For each first count the smallest second count in the region; `n2 + 1` for none.
    from: Vec<u64>,
}

/// `ln P(X1 <= x1)` given the sum of both counts.
fn ln_fisher(x1: u64, x2: u64, n: [u64; 2]) -> Result<f64, Degenerate> {
    let (low, weights) = ln_hypergeometric(n, x1 + x2)?;
    let (tail, rest) = weights.split_at((x1 - low) as usize + 1);
    if rest.is_empty() {
        return Ok(0.0);
    }
    Ok(ln_sum(tail.iter().copied()) - ln_sum(weights.iter().copied()))
}

fn ln_choose(n: u64) -> Vec<f64> {
    let step = |ln: &mut f64, k: u64| {
        if k > 0 {
            *ln += ((n - k + 1) as f64 / k as f64).ln();
        }
        Some(*ln)
    };
    (0..=n).scan(0.0, step).collect()
}

impl Region {
    fn new((x1, n1): (u64, u64), (x2, n2): (u64, u64)) -> Result<Self, Degenerate> {
        let limit = ln_fisher(x1, x2, [n1, n2])? + TIE;
        let mut from = Vec::new();
        // Fisher's p falls with the second count and rises with the first: one staircase.
        let mut second = 0;
        for first in 0..=n1 {
            while second <= n2 && ln_fisher(first, second, [n1, n2])? > limit {
                second += 1;
            }
            from.push(second);
        }
        Ok(Self { n: [n1, n2], ln_choose: [ln_choose(n1), ln_choose(n2)], from })
    }

    /// Logarithm of the region's probability when both rates have this logit.
    fn ln_probability(&self, logit: f64) -> f64 {
        // ln p and ln (1 - p), right at either end.
        let soft = |u: f64| if u > 0.0 { -(-u).exp().ln_1p() } else { u - u.exp().ln_1p() };
        let (ln_p, ln_q) = (soft(logit), soft(-logit));
        let ln_point =
            |row: usize, k: u64| self.ln_choose[row][k as usize] + k as f64 * ln_p + (self.n[row] - k) as f64 * ln_q;
        // Upper tails of the second count, from the top.
        let mut tails = vec![f64::NEG_INFINITY; self.n[1] as usize + 2];
        for k in (0..=self.n[1]).rev() {
            let (a, b) = (tails[k as usize + 1], ln_point(1, k));
            let (small, large) = (a.min(b), a.max(b));
            tails[k as usize] = large + (small - large).exp().ln_1p();
        }
        let parts = self.from.iter().enumerate().map(|(first, &from)| ln_point(0, first as u64) + tails[from as usize]);
        ln_sum(parts)
    }

    /// Logarithm of the largest probability over the common rate.
    fn largest(&self) -> f64 {
        if self.from[0] == 0 {
            return 0.0;
        }
        let reach = (1000.0 * (self.n[0] + self.n[1]) as f64).ln();
        let step = 2.0 * reach / (GRID - 1) as f64;
        let at = |i: usize| -reach + step * i as f64;
        let values: Vec<f64> = (0..GRID).map(|i| self.ln_probability(at(i))).collect();
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut best = highest;
        for i in 1..GRID - 1 {
            let peak = values[i] >= values[i - 1] && values[i] >= values[i + 1];
            if peak && values[i] >= highest - NEAR_HIGHEST {
                best = best.max(self.refine(at(i - 1), at(i + 1)));
            }
        }
        best.min(0.0)
    }

    /// Golden-section search of the maximum between two logits.
    fn refine(&self, mut low: f64, mut high: f64) -> f64 {
        let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
        let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
        let (mut at_left, mut at_right) = (self.ln_probability(left), self.ln_probability(right));
        for _ in 0..40 {
            if at_left < at_right {
                (low, left, at_left) = (left, right, at_right);
                right = low + ratio * (high - low);
                at_right = self.ln_probability(right);
            } else {
                (high, right, at_right) = (right, left, at_left);
                left = high - ratio * (high - low);
                at_left = self.ln_probability(left);
            }
        }
        at_left.max(at_right)
    }
}
