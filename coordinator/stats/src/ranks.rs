//! Rank tests with exact p-values, ties included.
//!
//! The null distribution is that of every arrangement of the mid-ranks that were observed, counted by dynamic
//! programming on doubled ranks, which are whole numbers. A p-value is then a ratio of two counts, rounded once.

use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_pairs, check_sample, finite};
use crate::distributions::{ln_normal_cdf, normal_sf};
use crate::units::Differences;

/// Which differences speak against the null hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Alternative {
    /// Either sign. The two-sided p is that of a statistic at least as far from its expectation.
    #[default]
    TwoSided,
    /// The first sample tends to larger values.
    Greater,
    /// The first sample tends to smaller values.
    Less,
}

/// Where a p-value of a rank test comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RankKind {
    /// Every arrangement of the observed ranks counted.
    Exact,
    /// Normal approximation with the variance of the observed (tied) ranks and continuity correction.
    NormalApproximation,
}

/// A rank test of two samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankTest {
    /// Mann-Whitney: pairs in which the first sample is larger, ties counted half. Wilcoxon: sum of the ranks of
    /// positive differences.
    pub statistic: f64,
    /// p-value for `alternative`; 0 only when it is below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
    /// What it was tested against.
    pub alternative: Alternative,
    /// Whether p is exact.
    pub kind: RankKind,
    /// Values (Mann-Whitney) or pairs of different values (Wilcoxon) that entered the sum.
    pub used: usize,
    /// Pairs without a difference; 0 for Mann-Whitney.
    pub zeros: usize,
    /// Whether ranks were shared among those used.
    pub ties: bool,
}

/// Largest number of additions that an exact count may take: about a third of a second.
pub const MAX_ADDITIONS: f64 = 3e8;
/// Arrangements are counted in 128 bits; one is left for sums.
const MAX_LOG2_ARRANGEMENTS: f64 = 126.5;

/// Mann-Whitney's rank-sum test of two independent samples.
///
/// p is exact while the arrangements `C(na + nb, na)` are below 2^126 (two samples of 65, say) and their count takes
/// at most 3e8 additions; above, it is the normal approximation. Two-sided it counts the arrangements whose U is at
/// least as far from `na nb / 2`; without ties, and with equal sizes, that is twice the smaller tail.
///
/// Sources: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the
/// other", Annals of Mathematical Statistics 18 (1947); Streitberg and Röhmel, "Exact distributions for permutation
/// and rank tests", Statistical Software Newsletter 12 (1986).
///
/// # Errors
/// [`Degenerate::TooFew`] below two values in a sample, [`Degenerate::ZeroVariance`] when all values are equal,
/// [`Degenerate::NotFinite`].
pub fn mann_whitney(a: &[f64], b: &[f64], alternative: Alternative) -> Result<RankTest, Degenerate> {
    mann_whitney_within(a, b, alternative, MAX_ADDITIONS)
}

/// [`mann_whitney`] whose exact count may take `additions` at most, [`MAX_ADDITIONS`] where that is more.
///
/// # Errors
/// As [`mann_whitney`].
pub fn mann_whitney_within(
    a: &[f64],
    b: &[f64],
    alternative: Alternative,
    additions: f64,
) -> Result<RankTest, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    let mut pooled: Vec<(f64, bool)> = a.iter().map(|&v| (v, true)).chain(b.iter().map(|&v| (v, false))).collect();
    pooled.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (ranks, ties) = doubled_ranks(&pooled, |first, next| first.0 == next.0);
    if ranks.first() == ranks.last() {
        return Err(Degenerate::ZeroVariance { value: 0.0 });
    }
    let (na, nb) = (a.len(), b.len());
    let sum_a: u64 = ranks.iter().zip(&pooled).filter(|(_, (_, in_a))| *in_a).map(|(rank, _)| *rank).sum();
    let statistic = (sum_a - (na * (na + 1)) as u64) as f64 / 2.0;
    // The smaller sample is counted; a large sum of one is a small sum of the other.
    let (k, sum, side) = if na <= nb {
        (na, sum_a, alternative)
    } else {
        (nb, ranks.iter().sum::<u64>() - sum_a, mirrored(alternative))
    };
    let exact = subset_sums(&ranks, k, additions.min(MAX_ADDITIONS)).map(|sums| {
        let offset = k as u64 * ranks[0];
        let expected = (k * (na + nb + 1)) as u64;
        sums.p_value(|s| offset + s, sum, expected, side)
    });
    let (p_value, log10_p, kind) = if let Some(p) = exact {
        (p, p.log10(), RankKind::Exact)
    } else {
        let n = (na + nb) as f64;
        let centre = n + 1.0;
        let squares: f64 = ranks.iter().map(|&r| (r as f64 - centre).powi(2)).sum::<f64>() / 4.0;
        let sd = (na as f64 * nb as f64 / (n * (n - 1.0)) * squares).sqrt();
        let (p, log10_p) = approximate(statistic - 0.5 * na as f64 * nb as f64, sd, alternative)?;
        (p, log10_p, RankKind::NormalApproximation)
    };
    Ok(RankTest { statistic, p_value, log10_p, alternative, kind, used: na + nb, zeros: 0, ties })
}

/// Wilcoxon's signed-rank test of `a - b`, zeros ranked and then left out (Pratt): a pair without a difference makes
/// the others neither more nor less extreme, which dropping it before ranking would.
///
/// Differences count as equal, or as 0, to within the rounding of the inputs. p is exact up to 126 differences that
/// are not 0, by the signs that each may have; above, it is the normal approximation.
///
/// Sources: Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945); Pratt, "Remarks on
/// zeros and ties in the Wilcoxon signed rank procedures", Journal of the American Statistical Association 54 (1959).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two pairs, [`Degenerate::ZeroVariance`] when all
/// differences are 0, [`Degenerate::NotFinite`].
pub fn wilcoxon(a: &[f64], b: &[f64], alternative: Alternative) -> Result<RankTest, Degenerate> {
    check_pairs(a, b, 2)?;
    let differences = Differences::of(a, b);
    if differences.all_zero() {
        return Err(Degenerate::ZeroVariance { value: 0.0 });
    }
    let mut sorted = differences.values;
    sorted.sort_by(|x, y| x.abs().total_cmp(&y.abs()));
    let zeros = sorted.iter().filter(|d| **d == 0.0).count();
    let (ranks, _) = doubled_ranks(&sorted, |first, next| next.abs() - first.abs() <= differences.rounding);
    let (ranks, sorted) = (&ranks[zeros..], &sorted[zeros..]);
    let sum: u64 = ranks.iter().zip(sorted).filter(|(_, d)| **d > 0.0).map(|(rank, _)| *rank).sum();
    let total: u64 = ranks.iter().sum();
    let (p_value, log10_p, kind) = if let Some(sums) = sign_sums(ranks) {
        // Doubled once more, so that the expectation is a whole number.
        let p = sums.p_value(|s| 2 * s, 2 * sum, total, alternative);
        (p, p.log10(), RankKind::Exact)
    } else {
        let sd = (ranks.iter().map(|&r| (r as f64).powi(2)).sum::<f64>() / 16.0).sqrt();
        let (p, log10_p) = approximate(sum as f64 / 2.0 - total as f64 / 4.0, sd, alternative)?;
        (p, log10_p, RankKind::NormalApproximation)
    };
    let ties = ranks.windows(2).any(|pair| pair[0] == pair[1]);
    Ok(RankTest { statistic: sum as f64 / 2.0, p_value, log10_p, alternative, kind, used: ranks.len(), zeros, ties })
}

fn mirrored(alternative: Alternative) -> Alternative {
    match alternative {
        Alternative::TwoSided => Alternative::TwoSided,
        Alternative::Greater => Alternative::Less,
        Alternative::Less => Alternative::Greater,
    }
}

/// Twice the mid-ranks of sorted items, and whether any are shared. `tied` compares the first of a group with a later
/// item.
fn doubled_ranks<T>(sorted: &[T], tied: impl Fn(&T, &T) -> bool) -> (Vec<u64>, bool) {
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut ties = false;
    while ranks.len() < sorted.len() {
        let start = ranks.len();
        let length = sorted[start..].iter().take_while(|item| tied(&sorted[start], item)).count().max(1);
        ties |= length > 1;
        let rank = (2 * start + length + 1) as u64;
        ranks.extend(std::iter::repeat_n(rank, length));
    }
    (ranks, ties)
}

/// How many arrangements have each sum, the sum counted in steps.
struct Sums {
    counts: Vec<u128>,
    step: u64,
}

impl Sums {
    /// Share of arrangements at least as extreme as `observed`; `value` turns a multiple of the step into the units
    /// of `observed` and `expected`.
    fn p_value(&self, value: impl Fn(u64) -> u64, observed: u64, expected: u64, side: Alternative) -> f64 {
        let distance = observed.abs_diff(expected);
        let extreme = |s: u64| match side {
            Alternative::TwoSided => s.abs_diff(expected) >= distance,
            Alternative::Greater => s >= observed,
            Alternative::Less => s <= observed,
        };
        let (mut hits, mut total) = (0, 0);
        for (i, &count) in self.counts.iter().enumerate() {
            total += count;
            if extreme(value(i as u64 * self.step)) {
                hits += count;
            }
        }
        ratio(hits, total)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Sums of `k` of the ranks, less k times the smallest; `None` where counting takes more than `most` additions.
fn subset_sums(ranks: &[u64], k: usize, most: f64) -> Option<Sums> {
    let n = ranks.len();
    let log2_arrangements: f64 = (0..k).map(|i| ((n - i) as f64).log2() - ((i + 1) as f64).log2()).sum();
    let step = ranks.iter().fold(0, |step, rank| gcd(step, rank - ranks[0])).max(1);
    let items: Vec<usize> = ranks.iter().map(|rank| ((rank - ranks[0]) / step) as usize).collect();
    let largest: usize = items[n - k..].iter().sum();
    let additions = n as f64 * k as f64 * largest as f64;
    if log2_arrangements > MAX_LOG2_ARRANGEMENTS || additions > most {
        return None;
    }
    let counts =
        if log2_arrangements < 63.0 { subset_counts::<u64>(&items, k) } else { subset_counts::<u128>(&items, k) };
    Some(Sums { counts, step })
}

/// Number of subsets of `k` of the ascending `items` with each sum.
fn subset_counts<T: Copy + AddAssign + From<bool> + Into<u128>>(items: &[usize], k: usize) -> Vec<u128> {
    let width = items[items.len() - k..].iter().sum::<usize>() + 1;
    let zero = T::from(false);
    // Row j: subsets of j items among those taken so far.
    let mut rows = vec![zero; (k + 1) * width];
    rows[0] = T::from(true);
    for (taken, &item) in items.iter().enumerate() {
        for j in (1..=k.min(taken + 1)).rev() {
            // No subset of j − 1 earlier items sums to more than the largest of them.
            let reach: usize = items[taken + 1 - j..taken].iter().sum();
            let (below, row) = rows[(j - 1) * width..(j + 1) * width].split_at_mut(width);
            let end = (reach + item + 1).min(width);
            row[item..end].iter_mut().zip(&below[..end - item]).for_each(|(to, from)| *to += *from);
        }
    }
    rows[k * width..].iter().map(|&count| count.into()).collect()
}

/// Sums of the positive ones among signed ranks; `None` above 126 ranks.
fn sign_sums(ranks: &[u64]) -> Option<Sums> {
    if ranks.len() as f64 > MAX_LOG2_ARRANGEMENTS {
        return None;
    }
    let step = ranks.iter().fold(0, |step, &rank| gcd(step, rank)).max(1);
    let total: u64 = ranks.iter().sum();
    let mut counts = vec![0_u128; (total / step) as usize + 1];
    counts[0] = 1;
    let mut reach = 0;
    for rank in ranks {
        let item = (rank / step) as usize;
        reach += item;
        for s in (item..=reach).rev() {
            counts[s] += counts[s - item];
        }
    }
    Some(Sums { counts, step })
}

/// `count / total` rounded once, for `count <= total`, `0 < total < 2^127`: long division in base 2, with a last bit
/// for what remains.
fn ratio(count: u128, total: u128) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let mut rest = count;
    let mut exponent = 0;
    while rest < total {
        rest <<= 1;
        exponent += 1;
    }
    let mut quotient: u64 = 0;
    for _ in 0..62 {
        quotient <<= 1;
        if rest >= total {
            rest -= total;
            quotient |= 1;
        }
        rest <<= 1;
    }
    quotient = quotient << 1 | u64::from(rest != 0);
    quotient as f64 * 2_f64.powi(-62 - exponent)
}

/// p of a statistic `deviation` from its expectation under a normal distribution, continuity corrected by half.
fn approximate(deviation: f64, sd: f64, alternative: Alternative) -> Result<(f64, f64), Degenerate> {
    let sd = finite("the standard deviation of the rank sum", sd)?;
    let (z, factor) = match alternative {
        Alternative::TwoSided => ((deviation.abs() - 0.5).max(0.0) / sd, 2.0),
        Alternative::Greater => ((deviation - 0.5) / sd, 1.0),
        Alternative::Less => ((-deviation - 0.5) / sd, 1.0),
    };
    let p = (factor * normal_sf(z)).min(1.0);
    let log10_p = if p > 1e-300 { p.log10() } else { (f64::ln(factor) + ln_normal_cdf(-z)) / std::f64::consts::LN_10 };
    Ok((p, log10_p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_rounded_once() {
        for (count, total) in [(1_u128, 3_u128), (2, 3), (1, 1), (0, 7), (5, 10), ((1 << 53) + 1, 1 << 54)] {
            assert_eq!(ratio(count, total), count as f64 / total as f64, "{count} / {total}");
        }
        // A plain division would round both to 2^100 first.
        let total = (1_u128 << 100) + (1 << 46);
        assert_eq!(ratio((1 << 100) - (1 << 46), total), 1.0 - 0.5 * f64::EPSILON);
        assert_eq!(ratio(1, 1 << 126), 2_f64.powi(-126));
    }

    #[test]
    fn both_widths_count_the_same() {
        let items: Vec<usize> = [0, 0, 1, 3, 3, 3, 6, 7, 9, 9, 12, 13].to_vec();
        for k in 1..=6 {
            let counts = subset_counts::<u64>(&items, k);
            assert_eq!(counts, subset_counts::<u128>(&items, k));
            let mut brute = vec![0_u128; counts.len()];
            for subset in (0_u32..1 << items.len()).filter(|s| s.count_ones() as usize == k) {
                brute[(0..items.len()).filter(|i| subset >> i & 1 == 1).map(|i| items[i]).sum::<usize>()] += 1;
            }
            assert_eq!(counts, brute);
        }
    }
}
