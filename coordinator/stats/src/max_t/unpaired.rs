//! Unpaired families: labels of all groups exchanged.

use super::{Family, MaxT, MaxTComparison, restore};
use crate::compare::welch_t;
use crate::degenerate::{Degenerate, check_sample};
use crate::moments::{Moments, largest};
use crate::permutation::{MAX_ENUMERATED, RANDOM_ARRANGEMENTS, combinations};
use crate::random::{Cursor, Draws, MAX_T_UNPAIRED, count_draws};

/// Spread of a group, in units of the largest deviation, below which its values are equal.
const NO_SPREAD: f64 = 1e-14;

/// Comparisons of each of `configs` with `control`, independent samples of any sizes from two values on, adjusted by
/// exchanging the labels of all groups; the statistic is Welch's t. Exact p-values under the null hypothesis that all
/// groups have one distribution; for subsets of true hypotheses it relies on equal shapes of the groups.
///
/// Exact up to [`MAX_ENUMERATED`] arrangements, else by [`RANDOM_ARRANGEMENTS`] random ones, `(b + 1) / (B + 1)`. No
/// simultaneous intervals.
///
/// Source: Westfall and Young, "Resampling-based multiple testing" (Wiley, 1993).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample or without a comparison, [`Degenerate::NotFinite`],
/// [`Degenerate::Domain`] for a result beyond `f64`. A comparison of two constant samples answers
/// [`Degenerate::ZeroVariance`] itself and leaves the family, with its values.
pub fn max_t_unpaired(configs: &[&[f64]], control: &[f64], draws: Draws) -> Result<MaxT, Degenerate> {
    if configs.is_empty() {
        return Err(Degenerate::TooFew { n: 0, needed: 1 });
    }
    check_sample(control, 2)?;
    let (mut members, mut outcomes) = (Vec::new(), Vec::new());
    let (mut pooled, mut sizes) = (control.to_vec(), vec![control.len()]);
    for config in configs {
        // The confidence serves the interval alone, which is not used.
        match welch_t(config, control, 0.95) {
            Ok(test) => {
                members.push(MaxTComparison {
                    difference: test.difference,
                    standard_error: test.standard_error,
                    statistic: test.statistic,
                    p_raw: 1.0,
                    p_single_step: 1.0,
                    p_step_down: 1.0,
                    monte_carlo_se: None,
                    interval: None,
                });
                pooled.extend_from_slice(config);
                sizes.push(config.len());
                outcomes.push(Ok(()));
            }
            Err(reason @ Degenerate::ZeroVariance { .. }) => outcomes.push(Err(reason)),
            Err(reason) => return Err(reason),
        }
    }
    let number = number_of_arrangements(&sizes).filter(|&number| number <= MAX_ENUMERATED);
    let arrangements = number.unwrap_or(RANDOM_ARRANGEMENTS);
    if !members.is_empty() {
        let groups = Groups::new(&pooled, sizes);
        if groups.is_lost() {
            let what = "the values of one group are so far from the others' that their spread is lost beside it";
            return Err(Degenerate::domain(what));
        }
        let family = groups.family();
        let counts = match number {
            Some(_) => groups.count_all(&family),
            None => groups.count_random(&family, draws),
        };
        family.adjust(&counts, arrangements, number.is_some(), &mut members);
    }
    let family = members.len();
    let comparisons = restore(outcomes, members);
    Ok(MaxT { comparisons, family, exact: number.is_some(), arrangements, critical: None })
}

/// Ways to hand out the labels of groups of these sizes; `None` when beyond 64 bits.
fn number_of_arrangements(sizes: &[usize]) -> Option<u64> {
    let mut left: usize = sizes.iter().sum();
    sizes.iter().try_fold(1_u64, |product, &size| {
        let next = product.checked_mul(combinations(left, size)?);
        left -= size;
        next
    })
}

/// The next arrangement of labels in lexicographic order; false after the last.
fn next_arrangement(labels: &mut [usize]) -> bool {
    let Some(pivot) = labels.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    if let Some(swap) = labels.iter().rposition(|&label| label > labels[pivot]) {
        labels.swap(pivot, swap);
    }
    labels[pivot + 1..].reverse();
    true
}

/// Mean and squared standard error of one group.
#[derive(Clone, Copy, Default)]
struct Group {
    mean: f64,
    variance: f64,
}

/// Pooled values, group after group, the control first.
struct Groups {
    /// Deviations from the pooled mean, the largest near 1.
    values: Vec<f64>,
    sizes: Vec<usize>,
    /// What the rounding of the inputs can make of a mean, in the same units.
    rounding: f64,
}

impl Groups {
    fn new(pooled: &[f64], sizes: Vec<usize>) -> Self {
        let moments = Moments::of(pooled);
        let rounding = f64::EPSILON * (1.0 + moments.in_deviations(largest(pooled)).min(1.0 / f64::EPSILON));
        Self { values: moments.deviations().to_vec(), sizes, rounding }
    }

    /// Hands size and standard error of every member's difference from the control to `take`, for values that stand
    /// group after group.
    fn each_difference(&self, values: &[f64], mut take: impl FnMut(f64, f64)) {
        let mut control = Group::default();
        let mut start = 0;
        for (group, &n) in self.sizes.iter().enumerate() {
            let x = &values[start..start + n];
            start += n;
            let mean = x.iter().sum::<f64>() / n as f64;
            let squares: f64 = x.iter().map(|v| (v - mean) * (v - mean)).sum();
            let now = Group { mean, variance: squares / (n as f64 * (n - 1) as f64) };
            if group == 0 {
                control = now;
            } else {
                take((now.mean - control.mean).abs(), (now.variance + control.variance).sqrt());
            }
        }
    }

    /// |t| of every member; infinite for different groups of equal values.
    fn statistics(&self, values: &[f64], sizes: &mut Vec<f64>) {
        sizes.clear();
        self.each_difference(values, |difference, error| {
            sizes.push(match (error <= NO_SPREAD, difference <= NO_SPREAD) {
                (false, _) => difference / error,
                (true, true) => 0.0,
                (true, false) => f64::INFINITY,
            });
        });
    }

    /// Whether a member's spread is lost beside that of the values of all groups.
    fn is_lost(&self) -> bool {
        let mut lost = false;
        self.each_difference(&self.values, |_, error| lost |= error <= NO_SPREAD);
        lost
    }

    fn family(&self) -> Family {
        let mut observed = Vec::new();
        self.statistics(&self.values, &mut observed);
        let mut tolerances = Vec::new();
        self.each_difference(&self.values, |difference, error| {
            let size = if error <= NO_SPREAD { 0.0 } else { difference / error };
            tolerances.push(1e-11 * size + 4.0 * self.rounding / error.max(NO_SPREAD));
        });
        Family::new(&observed, &tolerances)
    }

    fn count_all(&self, family: &Family) -> Vec<u64> {
        let starts: Vec<usize> = self.sizes.iter().scan(0, |end, n| Some(std::mem::replace(end, *end + n))).collect();
        let mut labels: Vec<usize> =
            self.sizes.iter().enumerate().flat_map(|(group, &n)| std::iter::repeat_n(group, n)).collect();
        let (mut ends, mut counts) = (starts.clone(), vec![0; family.width()]);
        let (mut values, mut sizes) = (self.values.clone(), Vec::new());
        loop {
            ends.clone_from(&starts);
            for (value, &label) in self.values.iter().zip(&labels) {
                values[ends[label]] = *value;
                ends[label] += 1;
            }
            self.statistics(&values, &mut sizes);
            family.count(&sizes, &mut counts);
            if !next_arrangement(&mut labels) {
                return counts;
            }
        }
    }

    fn count_random(&self, family: &Family, draws: Draws) -> Vec<u64> {
        let stream = draws.stream(MAX_T_UNPAIRED);
        let scratch = || (Vec::new(), Vec::new());
        count_draws(RANDOM_ARRANGEMENTS, family.width(), scratch, |draw, (values, sizes), counts| {
            values.clear();
            values.extend_from_slice(&self.values);
            Cursor::new(&stream, draw).shuffle_front(values, self.values.len());
            self.statistics(values, sizes);
            family.count(sizes, counts);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrangement_comes_once() {
        let mut labels = vec![0, 0, 1, 1, 1, 2];
        let mut seen = std::collections::BTreeSet::from([labels.clone()]);
        while next_arrangement(&mut labels) {
            assert!(seen.insert(labels.clone()));
        }
        assert_eq!(Some(seen.len() as u64), number_of_arrangements(&[2, 3, 1]));
        assert_eq!(number_of_arrangements(&[30; 10]), None);
    }
}
