//! Permutation tests of a difference of means.
//!
//! Sums are compared in units of the spread, and count as equal to within what the rounding of the inputs can make
//! of them: otherwise the arrangement that mirrors the observed one might or might not be counted, by luck.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_pairs, check_sample, finite};
use crate::moments::{Moments, largest};
use crate::random::{Cursor, Draws, LABEL_PERMUTATION, SIGN_FLIP, count_draws};
use crate::ranks::Alternative;
use crate::units::Differences;

/// Arrangements that are always enumerated; many more are where a split into two halves allows it.
pub const MAX_ENUMERATED: u64 = 1_000_000;
/// Values up to which all arrangements are counted by halves, whatever their number.
pub const MAX_EXACT_VALUES: usize = 36;
/// Random arrangements drawn where counting all is infeasible.
pub const RANDOM_ARRANGEMENTS: u64 = 100_000;

/// Whether [`label_permutation`] of samples of `a` and `b` values counts all arrangements.
#[must_use]
pub fn labels_are_counted(a: usize, b: usize) -> bool {
    a + b <= MAX_EXACT_VALUES || combinations(a + b, a.min(b)).is_some_and(|number| number <= MAX_ENUMERATED)
}

/// A permutation test of a difference of means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PermutationTest {
    /// Mean of the first sample less the mean of the second, in the units of the data.
    pub difference: f64,
    /// Share of arrangements at least as extreme; of random ones `(b + 1) / (B + 1)`.
    pub p_value: f64,
    /// What it was tested against.
    pub alternative: Alternative,
    /// Whether all arrangements were counted.
    pub exact: bool,
    /// Arrangements counted, or drawn.
    pub arrangements: u64,
    /// Standard error of the p-value from drawing; `None` when exact.
    pub monte_carlo_se: Option<f64>,
}

/// Where a sum of values counts as at least as extreme as the observed one, whose expectation is 0.
#[derive(Clone, Copy)]
struct Threshold {
    observed: f64,
    tolerance: f64,
    alternative: Alternative,
}

impl Threshold {
    fn reached(&self, sum: f64) -> bool {
        match self.alternative {
            Alternative::TwoSided => sum.abs() >= self.observed.abs() - self.tolerance,
            Alternative::Greater => sum >= self.observed - self.tolerance,
            Alternative::Less => sum <= self.observed + self.tolerance,
        }
    }

    /// Limits outside of which sums count: at most the first, or at least the second.
    fn limits(&self) -> (f64, f64) {
        let size = self.observed.abs() - self.tolerance;
        match self.alternative {
            Alternative::TwoSided => (-size, size),
            Alternative::Greater => (f64::NEG_INFINITY, self.observed - self.tolerance),
            Alternative::Less => (self.observed + self.tolerance, f64::INFINITY),
        }
    }

    /// Number of pairs of one sum of each list that count.
    fn pairs_of(&self, first: &[f64], second: &[f64]) -> u64 {
        let (low, high) = self.limits();
        if low >= high {
            return first.len() as u64 * second.len() as u64;
        }
        let (mut below, mut above) = (0, second.len());
        let mut count = 0;
        // `first` ascends: the partners above `high` grow, those below `low` shrink.
        let mut low_end = second.len();
        for &sum in first {
            while above > 0 && sum + second[above - 1] >= high {
                above -= 1;
            }
            while low_end > 0 && sum + second[low_end - 1] > low {
                low_end -= 1;
            }
            below += low_end as u64;
            count += (second.len() - above) as u64;
        }
        count + below
    }
}

/// Test of the difference of two means by exchanging labels: under the null hypothesis that both samples come from one
/// distribution every assignment of the pooled values to the samples is equally likely. Two-sided it counts
/// differences of at least the observed size.
///
/// Exact up to [`MAX_ENUMERATED`] arrangements and up to [`MAX_EXACT_VALUES`] values in all (Horowitz and Sahni,
/// "Computing partitions with applications to the knapsack problem", Journal of the ACM 21, 1974: sums of both halves
/// are sorted and matched); else of [`RANDOM_ARRANGEMENTS`] random ones, `(b + 1) / (B + 1)` (Phipson and Smyth,
/// "Permutation p-values should never be zero", Statistical Applications in Genetics and Molecular Biology 9, 2010).
///
/// Source: Pitman, "Significance tests which may be applied to samples from any populations", Supplement to the
/// Journal of the Royal Statistical Society 4 (1937).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when all values are equal,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a difference beyond `f64`.
pub fn label_permutation(
    a: &[f64],
    b: &[f64],
    alternative: Alternative,
    draws: Draws,
) -> Result<PermutationTest, Degenerate> {
    label_permutation_of(a, b, alternative, draws, RANDOM_ARRANGEMENTS)
}

/// [`label_permutation`] of `arrangements` random ones where it is not exact, at least one.
///
/// # Errors
/// As [`label_permutation`].
pub fn label_permutation_of(
    a: &[f64],
    b: &[f64],
    alternative: Alternative,
    draws: Draws,
    arrangements: u64,
) -> Result<PermutationTest, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    let difference = finite("the difference", Moments::of(a).mean_less(&Moments::of(b)))?;
    let pooled: Vec<f64> = a.iter().chain(b).copied().collect();
    let moments = Moments::of(&pooled);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: 0.0 });
    }
    // The sum of centred values of one sample tells the difference, and that of the other is its negative.
    let values = moments.deviations();
    let (first, second) = values.split_at(a.len());
    let (k, observed, side) = if a.len() <= b.len() {
        (a.len(), first.iter().sum::<f64>(), alternative)
    } else {
        (b.len(), second.iter().sum::<f64>(), opposite(alternative))
    };
    let rounding = moments.in_deviations(largest(&pooled)).min(1.0 / f64::EPSILON) * f64::EPSILON + f64::EPSILON;
    let tolerance = 2.0 * pooled.len() as f64 * rounding;
    let threshold = Threshold { observed, tolerance, alternative: side };
    let outcome = match combinations(values.len(), k) {
        Some(number) if values.len() <= MAX_EXACT_VALUES => {
            Outcome::exact(subsets_by_halves(values, k, threshold), number)
        }
        Some(number) if number <= MAX_ENUMERATED => {
            Outcome::exact(subsets_one_by_one(values, k, 0.0, threshold), number)
        }
        _ => {
            let stream = draws.stream(LABEL_PERMUTATION);
            Outcome::random(arrangements, |draw, scratch: &mut Vec<f64>| {
                scratch.clear();
                scratch.extend_from_slice(values);
                Cursor::new(&stream, draw).shuffle_front(scratch, k);
                threshold.reached(scratch[..k].iter().sum())
            })
        }
    };
    Ok(outcome.test(difference, alternative))
}

/// Test of the mean of paired differences `a - b` by changing their signs: under the null hypothesis that they are
/// distributed symmetrically about 0 every sign is as likely as its opposite. Two-sided it counts means of at least
/// the observed size.
///
/// Exact up to [`MAX_EXACT_VALUES`] pairs (by halves, as [`label_permutation`]); else of [`RANDOM_ARRANGEMENTS`]
/// random ones.
///
/// Source: Fisher, "The design of experiments" (Oliver and Boyd, 1935), section 21.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two pairs, [`Degenerate::ZeroVariance`] when all
/// differences are 0 to within the rounding of the values, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a
/// difference beyond `f64`.
pub fn sign_flip(a: &[f64], b: &[f64], alternative: Alternative, draws: Draws) -> Result<PermutationTest, Degenerate> {
    sign_flip_of(a, b, alternative, draws, RANDOM_ARRANGEMENTS)
}

/// [`sign_flip`] of `arrangements` random ones where it is not exact, at least one.
///
/// # Errors
/// As [`sign_flip`].
pub fn sign_flip_of(
    a: &[f64],
    b: &[f64],
    alternative: Alternative,
    draws: Draws,
    arrangements: u64,
) -> Result<PermutationTest, Degenerate> {
    check_pairs(a, b, 2)?;
    let difference = finite("the difference", Moments::of_differences(a, b).mean())?;
    let differences = Differences::of(a, b);
    if differences.all_zero() {
        return Err(Degenerate::ZeroVariance { value: 0.0 });
    }
    let values = &differences.values;
    let tolerance = values.len() as f64 * differences.rounding;
    let threshold = Threshold { observed: values.iter().sum(), tolerance, alternative };
    let outcome = if values.len() <= MAX_EXACT_VALUES {
        let (first, second) = values.split_at(values.len() / 2);
        let count = threshold.pairs_of(&signed_sums(first), &signed_sums(second));
        Outcome::exact(count, 1 << values.len())
    } else {
        let stream = draws.stream(SIGN_FLIP);
        Outcome::random(arrangements, |draw, _: &mut Vec<f64>| {
            let mut cursor = Cursor::new(&stream, draw);
            let mut sum = 0.0;
            for part in values.chunks(128) {
                let bits = cursor.words();
                for (i, value) in part.iter().enumerate() {
                    sum += if bits[i / 64] >> (i % 64) & 1 == 1 { -value } else { *value };
                }
            }
            threshold.reached(sum)
        })
    };
    Ok(outcome.test(difference, alternative))
}

fn opposite(alternative: Alternative) -> Alternative {
    match alternative {
        Alternative::TwoSided => Alternative::TwoSided,
        Alternative::Greater => Alternative::Less,
        Alternative::Less => Alternative::Greater,
    }
}

/// How many arrangements count, of how many.
struct Outcome {
    count: u64,
    arrangements: u64,
    exact: bool,
}

impl Outcome {
    fn exact(count: u64, arrangements: u64) -> Self {
        Self { count, arrangements, exact: true }
    }

    fn random(arrangements: u64, reached: impl Fn(u64, &mut Vec<f64>) -> bool + Sync) -> Self {
        let arrangements = arrangements.max(1);
        let counts = count_draws(arrangements, 1, Vec::new, |draw, scratch, counts| {
            counts[0] += u64::from(reached(draw, scratch));
        });
        Self { count: counts[0], arrangements, exact: false }
    }

    fn test(&self, difference: f64, alternative: Alternative) -> PermutationTest {
        let (p_value, monte_carlo_se) = share(self.count, self.arrangements, self.exact);
        let (exact, arrangements) = (self.exact, self.arrangements);
        PermutationTest { difference, p_value, alternative, exact, arrangements, monte_carlo_se }
    }
}

/// p-value of `count` among `arrangements`, and its standard error when these were drawn.
pub(crate) fn share(count: u64, arrangements: u64, exact: bool) -> (f64, Option<f64>) {
    if exact {
        return (count as f64 / arrangements as f64, None);
    }
    let p = (count + 1) as f64 / (arrangements + 1) as f64;
    (p, Some((p * (1.0 - p) / arrangements as f64).sqrt()))
}

/// `C(n, k)`, `None` when beyond 64 bits.
pub(crate) fn combinations(n: usize, k: usize) -> Option<u64> {
    // The smaller side, on which no partial product is larger than the result.
    let k = k.min(n.saturating_sub(k));
    (0..k as u64)
        .try_fold(1_u128, |product, i| {
            let next = product * u128::from(n as u64 - i) / u128::from(i + 1);
            (next <= u128::from(u64::MAX)).then_some(next)
        })
        .map(|number| number as u64)
}

/// Two ascending lists as one.
fn merged(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut all = Vec::with_capacity(first.len() + second.len());
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (first.get(i), second.get(j)) {
        let takes_first = x <= y;
        all.push(if takes_first { *x } else { *y });
        (i, j) = (i + usize::from(takes_first), j + usize::from(!takes_first));
    }
    all.extend_from_slice(&first[i..]);
    all.extend_from_slice(&second[j..]);
    all
}

/// Sums of `values` with every choice of signs, ascending.
fn signed_sums(values: &[f64]) -> Vec<f64> {
    values.iter().fold(vec![0.0], |sums, value| {
        let shifted = |by: f64| sums.iter().map(|sum| sum + by).collect::<Vec<f64>>();
        merged(&shifted(-value), &shifted(*value))
    })
}

/// Sums of every subset of `values`, ascending, by the size of the subset.
fn sums_by_size(values: &[f64]) -> Vec<Vec<f64>> {
    let mut sums = vec![Vec::new(); values.len() + 1];
    sums[0].push(0.0);
    for (taken, value) in values.iter().enumerate() {
        for size in (0..=taken).rev() {
            let larger: Vec<f64> = sums[size].iter().map(|sum| sum + value).collect();
            sums[size + 1] = merged(&sums[size + 1], &larger);
        }
    }
    sums
}

fn subsets_by_halves(values: &[f64], k: usize, threshold: Threshold) -> u64 {
    let (first, second) = values.split_at(values.len() / 2);
    let (sums, others) = (sums_by_size(first), sums_by_size(second));
    (0..=k.min(first.len()))
        .filter(|size| k - size <= second.len())
        .map(|size| threshold.pairs_of(&sums[size], &others[k - size]))
        .sum()
}

/// Subsets of `k` of the `values` that count when `sum` is added to theirs.
fn subsets_one_by_one(values: &[f64], k: usize, sum: f64, threshold: Threshold) -> u64 {
    if k == 0 {
        return u64::from(threshold.reached(sum));
    }
    (0..=values.len() - k).map(|i| subsets_one_by_one(&values[i + 1..], k - 1, sum + values[i], threshold)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn what_is_counted_is_told_beforehand() {
        let draws = Draws { seed: 1, part: 0 };
        for (a, b) in [(2, 40), (18, 18), (18, 19), (3, 200), (4, 60), (4, 90), (30, 30)] {
            let sample = |n: usize, shift: f64| (0..n).map(|i| (i as f64).sin() + shift).collect::<Vec<f64>>();
            let test =
                label_permutation_of(&sample(a, 0.1), &sample(b, 0.0), Alternative::TwoSided, draws, 50).unwrap();
            assert_eq!(test.exact, labels_are_counted(a, b), "{a} {b}");
            assert!(test.exact || test.arrangements == 50);
        }
    }

    #[test]
    fn halves_and_enumeration_count_the_same() {
        let values: Vec<f64> = (0..13).map(|i| f64::from(i * i % 7) - 2.5 + 0.1 * f64::from(i % 3)).collect();
        for k in 1..=6 {
            for observed in [-3.0, 0.0, 0.4, 5.1] {
                for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
                    let threshold = Threshold { observed, tolerance: 1e-12, alternative };
                    let count = subsets_one_by_one(&values, k, 0.0, threshold);
                    assert_eq!(subsets_by_halves(&values, k, threshold), count, "{k} {observed} {alternative:?}");
                }
            }
        }
        assert_eq!((combinations(36, 18), combinations(200, 100)), (Some(9_075_135_300), None));
    }
}
