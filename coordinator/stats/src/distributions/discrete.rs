//! Binomial and hypergeometric probabilities and tails.
//!
//! Point probabilities are products of Stirling remainders and of deviances of counts from their expectations, so
//! that no large logarithms cancel. Source: Loader, "Fast and accurate computation of binomial probabilities" (2000);
//! for the hypergeometric distribution the same form over the four cells of the table, whose deviations from their
//! expectations are exact fractions.

use std::f64::consts::PI;

use super::gamma::{deviance, stirling_remainder};
use super::halves::{Halves, tail_of_ln};
use super::incomplete_beta::{Point, beta_halves};
use super::student::Tail;
use crate::degenerate::{Degenerate, check_fraction};

/// Largest number of trials, or size of a population.
const MAX_COUNT: u64 = 100_000_000;

const CERTAIN: Tail = Tail { p: 1.0, log10_p: 0.0 };

/// `ln(count!) - (count ln count - count)`.
fn ln_factorial_front(count: f64) -> f64 {
    if count == 0.0 { 0.0 } else { 0.5 * (2.0 * PI * count).ln() + stirling_remainder(count) }
}

/// `count ln(count / expected) + expected - count`, given `surplus = expected - count`.
fn cell(count: f64, surplus: f64, expected: f64) -> f64 {
    if count == 0.0 { expected } else { count * deviance(surplus / count, expected / count) }
}

fn check_count(name: &str, value: u64, largest: u64) -> Result<(), Degenerate> {
    if value <= largest {
        Ok(())
    } else {
        Err(Degenerate::domain(format!("{name} is {value}, it must be at most {largest}")))
    }
}

fn check_binomial(k: u64, n: u64, p: f64) -> Result<(), Degenerate> {
    check_count("the number of trials", n, MAX_COUNT)?;
    check_count("the number of successes", k, n)?;
    check_fraction("probability", p)
}

/// `P(X = k)` for X successes in `n` independent trials of probability `p`.
///
/// # Errors
/// [`Degenerate::Domain`] for `k` above `n`, `n` above 1e8, or `p` outside of (0, 1).
pub fn binomial_pmf(k: u64, n: u64, p: f64) -> Result<Tail, Degenerate> {
    check_binomial(k, n, p)?;
    let (hits, misses, trials) = (k as f64, (n - k) as f64, n as f64);
    let surplus = trials.mul_add(p, -hits);
    let front = ln_factorial_front(trials) - ln_factorial_front(hits) - ln_factorial_front(misses);
    let ln_p = if k == 0 {
        trials * (-p).ln_1p()
    } else if k == n {
        trials * p.ln()
    } else {
        front - cell(hits, surplus, trials * p) - cell(misses, -surplus, trials * (1.0 - p))
    };
    Ok(tail_of_ln(ln_p))
}

fn binomial_halves(k: u64, n: u64, p: f64) -> Result<Halves, Degenerate> {
    // P(X >= k) = I_p(k, n - k + 1), NIST Digital Library of Mathematical Functions, 8.17.24; k >= 1.
    let (a, b) = (k as f64, (n - k) as f64 + 1.0);
    Ok(beta_halves(&Point::new(p, 1.0 - p, a, b), a, b)?.0)
}

/// `P(X <= k)` of the binomial distribution.
///
/// # Errors
/// As [`binomial_pmf`].
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> Result<Tail, Degenerate> {
    check_binomial(k, n, p)?;
    if k == n { Ok(CERTAIN) } else { Ok(binomial_halves(k + 1, n, p)?.upper()) }
}

/// `P(X >= k)` of the binomial distribution.
///
/// # Errors
/// As [`binomial_pmf`].
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> Result<Tail, Degenerate> {
    check_binomial(k, n, p)?;
    if k == 0 { Ok(CERTAIN) } else { Ok(binomial_halves(k, n, p)?.lower()) }
}

/// An urn of a hypergeometric distribution: `draws` without replacement from `population` items, of which `successes`
/// count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Urn {
    /// Items, at most 1e8.
    pub population: u64,
    /// Items that count, at most `population`.
    pub successes: u64,
    /// Items drawn, at most `population`.
    pub draws: u64,
}

impl Urn {
    fn smallest(&self) -> u64 {
        (self.successes + self.draws).saturating_sub(self.population)
    }

    fn largest(&self) -> u64 {
        self.successes.min(self.draws)
    }

    fn check(&self, k: u64) -> Result<(), Degenerate> {
        check_count("the population", self.population, MAX_COUNT)?;
        check_count("the number of items that count", self.successes, self.population)?;
        check_count("the number of draws", self.draws, self.population)?;
        if (self.smallest()..=self.largest()).contains(&k) {
            Ok(())
        } else {
            let (low, high) = (self.smallest(), self.largest());
            Err(Degenerate::domain(format!("the count is {k}, it can only be {low} to {high}")))
        }
    }

    /// Cells of the two-by-two table with `k` successes drawn: drawn and counting, left and counting, drawn and not,
    /// left and not.
    fn cells(&self, k: u64) -> [u64; 4] {
        let others = self.population - self.successes - (self.draws - k);
        [k, self.successes - k, self.draws - k, others]
    }

    fn ln_pmf(&self, k: u64) -> f64 {
        if self.population == 0 {
            return 0.0;
        }
        let n = self.population as f64;
        // Expected less observed count of the first cell, times the population; the others differ in sign alone.
        // Products of counts of at most 1e8 are within i64.
        let surplus = (self.successes * self.draws) as i64 - (k * self.population) as i64;
        let surplus = surplus as f64 / n;
        let margins = [self.successes, self.population - self.successes, self.draws, self.population - self.draws];
        let front: f64 = margins.map(|m| ln_factorial_front(m as f64)).iter().sum();
        let signs = [1.0, -1.0, -1.0, 1.0];
        let rows = [self.successes, self.successes, self.population - self.successes, self.population - self.successes];
        let columns = [self.draws, self.population - self.draws, self.draws, self.population - self.draws];
        let mut ln_p = front - ln_factorial_front(n);
        for (i, count) in self.cells(k).into_iter().enumerate() {
            let expected = (rows[i] * columns[i]) as f64 / n;
            ln_p -= ln_factorial_front(count as f64) + cell(count as f64, signs[i] * surplus, expected);
        }
        ln_p
    }

    /// `P(X <= k) / P(X = k)`: the terms below k, each by its ratio to the one above.
    fn sum_down(&self, k: u64) -> f64 {
        let [mut a, mut b, mut c, mut d] = self.cells(k).map(|m| m as f64);
        let (mut term, mut sum) = (1.0, 1.0);
        while a > 0.0 && d > 0.0 && term > 0.1 * f64::EPSILON * sum {
            (b, c) = (b + 1.0, c + 1.0);
            term *= a * d / (b * c);
            (a, d) = (a - 1.0, d - 1.0);
            sum += term;
        }
        sum
    }

    /// The same urn with the items that do not count counted.
    fn mirrored(&self) -> Self {
        Self { successes: self.population - self.successes, ..*self }
    }

    /// `P(X = k)`.
    ///
    /// # Errors
    /// [`Degenerate::Domain`] for counts that contradict each other, a population above 1e8, or a `k` that cannot
    /// occur.
    pub fn pmf(&self, k: u64) -> Result<Tail, Degenerate> {
        self.check(k)?;
        Ok(tail_of_ln(self.ln_pmf(k)))
    }

    /// `P(X <= k)`.
    ///
    /// # Errors
    /// As [`Urn::pmf`].
    pub fn at_most(&self, k: u64) -> Result<Tail, Degenerate> {
        self.check(k)?;
        if k == self.largest() {
            return Ok(CERTAIN);
        }
        // Above the mean the other side is the smaller one, and its terms fall from the start.
        if k * self.population > self.successes * self.draws {
            let above = self.ln_at_least(k + 1);
            return Ok(Halves::of_upper(above).lower());
        }
        Ok(tail_of_ln(self.ln_pmf(k) + self.sum_down(k).ln()))
    }

    /// `ln P(X >= k)`, for k above the mean.
    fn ln_at_least(&self, k: u64) -> f64 {
        self.ln_pmf(k) + self.mirrored().sum_down(self.draws - k).ln()
    }

    /// `P(X >= k)`.
    ///
    /// # Errors
    /// As [`Urn::pmf`].
    pub fn at_least(&self, k: u64) -> Result<Tail, Degenerate> {
        self.check(k)?;
        self.mirrored().at_most(self.draws - k)
    }
}
