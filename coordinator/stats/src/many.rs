//! Comparisons of several groups at once: adjusted p-values and intervals that hold together.
//!
//! A group is the slice of one configuration's runs. Except for Games-Howell and Welch's analysis of variance, which
//! let every group have its own variance, the groups share one, pooled over all of them.

use std::f64::consts::SQRT_2;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::compare::{TTest, paired_t, welch_t};
use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::distributions::{Dunnett, Sides, StudentizedRange, Tail, f_upper_tail};
use crate::moments::{Moments, compensated_sum};
use crate::summary::Interval;

/// One of several comparisons of two means, adjusted for the whole family. `difference`, `standard_error` and
/// `interval` are in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Index of the first group.
    pub first: usize,
    /// Index of the second group.
    pub second: usize,
    /// Mean of the first group less the mean of the second.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// t, `difference / standard_error`; a studentized range is `sqrt(2) |t|`.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Interval of the difference; all intervals of the family hold together with its confidence.
    pub interval: Interval,
    /// Two-sided p-value, adjusted for the family; 0 only when it is below the smallest double, and then `log10_p`
    /// still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the adjusted p-value.
    pub log10_p: f64,
}

/// A family of comparisons with a common variance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// The comparisons, in the order of the function that made them.
    pub comparisons: Vec<Comparison>,
    /// Degrees of freedom of the pooled standard deviation.
    pub df: f64,
    /// Pooled standard deviation of single values, in the units of the data.
    pub pooled_sd: f64,
    /// Groups differ, at one minus the confidence, when the size of their t is above this.
    pub critical: f64,
}

/// One group against the best of the others, in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WithBest {
    /// Interval of this group's mean less the best mean among the others. It always holds 0 or touches it, and the
    /// intervals of all groups hold together.
    pub interval: Interval,
    /// Whether the group was not shown to be worse than the best.
    pub among_best: bool,
    /// p-value of the hypothesis that no other group is better, adjusted for the number of groups.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

/// Multiple comparisons with the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mcb {
    /// Each group against the best of the others, in the order of the groups.
    pub groups: Vec<WithBest>,
    /// Degrees of freedom of the pooled standard deviation.
    pub df: f64,
    /// Pooled standard deviation of single values, in the units of the data.
    pub pooled_sd: f64,
}

/// Welch's analysis of variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WelchAnova {
    /// Welch's F.
    pub statistic: f64,
    /// Degrees of freedom between groups, their number less 1.
    pub df_between: f64,
    /// Degrees of freedom within groups; fractional.
    pub df_within: f64,
    /// p-value of the hypothesis that all means are equal; 0 only when it is below the smallest double.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

/// Pairs of the groups `0 .. groups` in the order of the all-pairs functions: (0, 1), (0, 2), ..., (1, 2), ...
pub fn pairs(groups: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..groups).flat_map(move |first| (first + 1..groups).map(move |second| (first, second)))
}

fn check_groups(groups: &[&[f64]], needed: usize, confidence: f64) -> Result<(), Degenerate> {
    check_fraction("confidence", confidence)?;
    if groups.len() < 2 {
        return Err(Degenerate::TooFew { n: groups.len(), needed: 2 });
    }
    groups.iter().try_for_each(|group| check_sample(group, needed))
}

/// Groups with a common variance.
struct Pooled {
    moments: Vec<Moments>,
    sd: f64,
    df: f64,
}

impl Pooled {
    /// `groups` are checked and not empty.
    fn of(groups: &[&[f64]]) -> Result<Self, Degenerate> {
        let moments: Vec<Moments> = groups.iter().map(|group| Moments::of(group)).collect();
        let values: usize = moments.iter().map(Moments::n).sum();
        if values == groups.len() {
            return Err(Degenerate::TooFew { n: values, needed: groups.len() + 1 });
        }
        let df = (values - groups.len()) as f64;
        let sds =
            moments.iter().map(|m| if m.is_constant() { Ok(0.0) } else { finite("a standard deviation", m.sd()) });
        let sds: Vec<f64> = sds.collect::<Result<_, _>>()?;
        let largest = sds.iter().fold(0.0, |largest: f64, &sd| largest.max(sd));
        if largest == 0.0 {
            return Err(Degenerate::ZeroVariance { value: moments[0].mean() });
        }
        // Relative to the largest, so that no square leaves the range of a double.
        let squares = sds.iter().zip(&moments).map(|(sd, m)| (sd / largest).powi(2) * (m.n() - 1) as f64);
        Ok(Self { sd: largest * (compensated_sum(squares) / df).sqrt(), moments, df })
    }

    fn standard_error(&self, first: usize, second: usize) -> f64 {
        let inverse = |group: usize| 1.0 / self.moments[group].n() as f64;
        self.sd * (inverse(first) + inverse(second)).sqrt()
    }

    /// Mean of the first less mean of the second, and that over its standard error.
    fn difference(&self, first: usize, second: usize) -> Result<(f64, f64), Degenerate> {
        let difference = finite("the difference", self.moments[first].mean_less(&self.moments[second]))?;
        let statistic = finite("the t statistic", difference / self.standard_error(first, second))?;
        Ok((difference, statistic))
    }

    fn family(
        &self,
        pairs: impl Iterator<Item = (usize, usize)>,
        critical: f64,
        confidence: f64,
        tail: impl Fn(f64) -> Result<Tail, Degenerate>,
    ) -> Result<Family, Degenerate> {
        let compare = |(first, second)| {
            let (difference, statistic) = self.difference(first, second)?;
            let standard_error = self.standard_error(first, second);
            let Tail { p, log10_p } = tail(statistic.abs())?;
            let interval = Interval::around(difference, critical * standard_error, confidence)?;
            let df = self.df;
            Ok(Comparison { first, second, difference, standard_error, statistic, df, interval, p_value: p, log10_p })
        };
        let comparisons = pairs.map(compare).collect::<Result<_, _>>()?;
        Ok(Family { comparisons, df: self.df, pooled_sd: self.sd, critical })
    }

    /// Square root of the share of the group in the runs of both: the lambda of Dunnett's distribution.
    fn lambda(&self, group: usize, control: usize) -> f64 {
        let (runs, control) = (self.moments[group].n() as f64, self.moments[control].n() as f64);
        (runs / (runs + control)).sqrt()
    }
}

/// All pairs of groups with a common variance, by the studentized range: `sqrt(2) |t|` is compared with the range of as
/// many means as there are groups. Exact for groups of equal size, conservative for others. Groups may have one
/// value, as long as one has two. The comparisons are in the order of [`pairs`].
///
/// Source: Tukey, "The problem of multiple comparisons" (Princeton, 1953); Kramer, Biometrics 12 (1956).
///
/// # Errors
/// [`Degenerate::TooFew`] for fewer than two groups, an empty one, or one value in each; [`Degenerate::ZeroVariance`]
/// when every group is constant; [`Degenerate::NotFinite`]; [`Degenerate::Domain`] for a confidence outside of (0, 1)
/// or a figure beyond `f64`.
pub fn tukey_kramer(groups: &[&[f64]], confidence: f64) -> Result<Family, Degenerate> {
    check_groups(groups, 1, confidence)?;
    let pooled = Pooled::of(groups)?;
    let range = StudentizedRange::new(groups.len())?;
    let critical = range.upper_quantile(1.0 - confidence, pooled.df)? / SQRT_2;
    pooled.family(pairs(groups.len()), critical, confidence, |t| range.upper_tail(SQRT_2 * t, pooled.df))
}

/// Every other group (`first`, ascending) against the group at index `control` (`second`) with a common variance, by
/// Dunnett's two-sided distribution with the correlations that the group sizes give. Groups may have one value, as long
/// as one has two.
///
/// Source: Dunnett, "A multiple comparison procedure for comparing several treatments with a control", Journal of the
/// American Statistical Association 50 (1955).
///
/// # Errors
/// As [`tukey_kramer`]; [`Degenerate::Domain`] for a `control` that is no index.
pub fn dunnett(groups: &[&[f64]], control: usize, confidence: f64) -> Result<Family, Degenerate> {
    check_groups(groups, 1, confidence)?;
    if control >= groups.len() {
        return Err(Degenerate::domain(format!("the control is group {control}, there are {}", groups.len())));
    }
    let pooled = Pooled::of(groups)?;
    let others = || (0..groups.len()).filter(|&group| group != control);
    let lambdas: Vec<f64> = others().map(|group| pooled.lambda(group, control)).collect();
    let largest = Dunnett::new(&lambdas, Sides::Two)?;
    let critical = largest.upper_quantile(1.0 - confidence, pooled.df)?;
    let pairs = others().map(|group| (group, control));
    pooled.family(pairs, critical, confidence, |t| largest.upper_tail(t, pooled.df))
}

/// All pairs of groups, each with its own variance: Welch's t and degrees of freedom of the pair, compared with the
/// studentized range of as many means as there are groups. The comparisons are in the order of [`pairs`]; a pair
/// without a value (both constant) holds the reason and leaves the others as they are.
///
/// Source: Games and Howell, "Pairwise multiple comparison procedures with unequal n's and/or variances", Journal of
/// Educational Statistics 1 (1976).
///
/// # Errors
/// [`Degenerate::TooFew`] for fewer than two groups or fewer than two values in one, [`Degenerate::NotFinite`],
/// [`Degenerate::Domain`] for a confidence outside of (0, 1).
pub fn games_howell(groups: &[&[f64]], confidence: f64) -> Result<Vec<Result<Comparison, Degenerate>>, Degenerate> {
    check_groups(groups, 2, confidence)?;
    let range = StudentizedRange::new(groups.len())?;
    let compare = |(first, second): (usize, usize)| {
        let TTest { difference, statistic, df, standard_error, .. } =
            welch_t(groups[first], groups[second], confidence)?;
        let critical = range.upper_quantile(1.0 - confidence, df)? / SQRT_2;
        let Tail { p, log10_p } = range.upper_tail(SQRT_2 * statistic.abs(), df)?;
        let interval = Interval::around(difference, critical * standard_error, confidence)?;
        Ok(Comparison { first, second, difference, standard_error, statistic, df, interval, p_value: p, log10_p })
    };
    let pairs: Vec<(usize, usize)> = pairs(groups.len()).collect();
    Ok(pairs.into_par_iter().map(compare).collect())
}

/// Intervals of several differences of means that hold together by Bonferroni's inequality: t intervals (paired, or
/// Welch's) at the confidence `1 - (1 - confidence) / m`, where m counts the pairs that have a value. They carry the
/// confidence of the family.
///
/// Source: Dunn, "Multiple comparisons among means", Journal of the American Statistical Association 56 (1961).
///
/// # Errors
/// Each pair's own, as [`paired_t`] or [`welch_t`].
#[must_use]
pub fn bonferroni_intervals(
    pairs: &[(&[f64], &[f64])],
    paired: bool,
    confidence: f64,
) -> Vec<Result<Interval, Degenerate>> {
    let test = if paired { paired_t } else { welch_t };
    let tests: Vec<_> = pairs.iter().map(|(a, b)| test(a, b, confidence)).collect();
    let family = tests.iter().filter(|test| test.is_ok()).count();
    let each = 1.0 - (1.0 - confidence) / family as f64;
    let interval = |(&(a, b), alone): (&_, Result<TTest, Degenerate>)| {
        alone?;
        Ok(Interval { confidence, ..test(a, b, each)?.interval })
    };
    pairs.iter().zip(tests).map(interval).collect()
}

/// One group as the control of a one-sided comparison with all others, in units in which larger is better.
struct Candidate {
    /// Half-width factor of the one-sided intervals with this group as control.
    critical: f64,
    tail: Tail,
}

/// Multiple comparisons with the best: for every group the interval of its mean less the best mean of the others, and
/// whether it may be the best. With `d_i` the one-sided critical value of Dunnett's distribution with group i as
/// control and `s_ij` the standard error of a difference, the upper limit is `max(0, min_j (m_i - m_j + d_i s_ij))`;
/// the groups where it is positive are those not shown worse than the best. The lower limit is 0 when the group is
/// the only one of these, else the smallest `m_i - m_j - d_j s_ij` over the others j of these. A group is one of
/// these exactly when its p-value is above one minus the confidence.
///
/// Source: Hsu, "Multiple comparisons: theory and methods" (Chapman and Hall, 1996), chapter 4.
///
/// # Errors
/// As [`tukey_kramer`]; [`Degenerate::Domain`] for a confidence so low that a one-sided critical value would be
/// negative.
pub fn hsu_mcb(groups: &[&[f64]], larger_is_better: bool, confidence: f64) -> Result<Mcb, Degenerate> {
    check_groups(groups, 1, confidence)?;
    let pooled = Pooled::of(groups)?;
    let count = groups.len();
    let sign = if larger_is_better { 1.0 } else { -1.0 };
    let others = |i: usize| (0..count).filter(move |&j| j != i);
    // Differences and t of i less j, in units in which larger is better.
    let difference = |i: usize, j: usize| pooled.difference(i, j).map(|(d, t)| (sign * d, sign * t));
    let candidates: Vec<Candidate> = candidates(
        &pooled,
        |i| others(i).try_fold(f64::NEG_INFINITY, |worst, j| Ok(worst.max(-difference(i, j)?.1))),
        confidence,
    )?;
    let mut upper = vec![f64::INFINITY; count];
    for i in 0..count {
        for j in others(i) {
            upper[i] = upper[i].min(difference(i, j)?.0 + candidates[i].critical * pooled.standard_error(i, j));
        }
    }
    let with_best = |i: usize| {
        let mut lower: f64 = 0.0;
        for j in others(i).filter(|&j| upper[j] > 0.0) {
            lower = lower.min(difference(i, j)?.0 - candidates[j].critical * pooled.standard_error(i, j));
        }
        let (lower, upper) = (finite("the lower limit", lower)?, finite("the upper limit", upper[i].max(0.0))?);
        let (low, high) = if larger_is_better { (lower, upper) } else { (0.0 - upper, 0.0 - lower) };
        let Tail { p, log10_p } = candidates[i].tail;
        Ok(WithBest { interval: Interval { low, high, confidence }, among_best: upper > 0.0, p_value: p, log10_p })
    };
    let groups = (0..count).map(with_best).collect::<Result<_, _>>()?;
    Ok(Mcb { groups, df: pooled.df, pooled_sd: pooled.sd })
}

/// Every group as control; `largest` is the largest t of another group less group i. Groups of one size share their
/// distribution.
fn candidates(
    pooled: &Pooled,
    largest: impl Fn(usize) -> Result<f64, Degenerate> + Sync,
    confidence: f64,
) -> Result<Vec<Candidate>, Degenerate> {
    let count = pooled.moments.len();
    let mut sizes: Vec<usize> = pooled.moments.iter().map(Moments::n).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of_size = |&size: &usize| -> Result<Vec<(usize, Candidate)>, Degenerate> {
        let members: Vec<usize> = (0..count).filter(|&i| pooled.moments[i].n() == size).collect();
        let control = members[0];
        let lambdas: Vec<f64> = (0..count).filter(|&j| j != control).map(|j| pooled.lambda(j, control)).collect();
        let distribution = Dunnett::new(&lambdas, Sides::One)?;
        let critical = distribution.upper_quantile(1.0 - confidence, pooled.df)?;
        let candidate =
            |i: usize| Ok((i, Candidate { critical, tail: distribution.upper_tail(largest(i)?, pooled.df)? }));
        members.into_par_iter().map(candidate).collect()
    };
    let by_size: Vec<Vec<(usize, Candidate)>> = sizes.par_iter().map(of_size).collect::<Result<_, _>>()?;
    let mut candidates: Vec<(usize, Candidate)> = by_size.into_iter().flatten().collect();
    candidates.sort_by_key(|(i, _)| *i);
    Ok(candidates.into_iter().map(|(_, candidate)| candidate).collect())
}

/// Welch's test that the means of several groups of any variances are equal: with `w_i = n_i / var_i`, W their sum, the
/// weighted mean m and `L = sum (1 - w_i / W)^2 / (n_i - 1)`, the statistic
/// `sum w_i (m_i - m)^2 / (k - 1) / (1 + 2 (k - 2) L / (k^2 - 1))` is compared with F on `k - 1` and `(k^2 - 1) / (3
/// L)` degrees of freedom.
///
/// Source: Welch, "On the comparison of several mean values: an alternative approach", Biometrika 38 (1951).
///
/// # Errors
/// [`Degenerate::TooFew`] for fewer than two groups or fewer than two values in one, [`Degenerate::ZeroVariance`]
/// when a group is constant, which would have all the weight; [`Degenerate::NotFinite`]; [`Degenerate::Domain`] when
/// a figure leaves the range of `f64`.
pub fn welch_anova(groups: &[&[f64]]) -> Result<WelchAnova, Degenerate> {
    check_groups(groups, 2, 0.5)?;
    let moments: Vec<Moments> = groups.iter().map(|group| Moments::of(group)).collect();
    if let Some(constant) = moments.iter().find(|m| m.is_constant()) {
        return Err(Degenerate::ZeroVariance { value: constant.mean() });
    }
    let errors: Vec<f64> = moments.iter().map(|m| finite("a standard error", m.se())).collect::<Result<_, _>>()?;
    let smallest = errors.iter().fold(f64::INFINITY, |smallest: f64, &se| smallest.min(se));
    let weights: Vec<f64> = errors.iter().map(|se| (smallest / se).powi(2)).collect();
    let total = compensated_sum(weights.iter().copied());
    // Means less that of the group with the smallest error, which has the largest weight.
    let anchor = errors.iter().position(|&se| se == smallest).unwrap_or(0);
    let offsets: Vec<f64> = moments.iter().map(|m| m.mean_less(&moments[anchor])).collect();
    let centre = compensated_sum(weights.iter().zip(&offsets).map(|(w, d)| w / total * d));
    let between = compensated_sum(offsets.iter().zip(&errors).map(|(d, se)| ((d - centre) / se).powi(2)));
    let spread = weights.iter().zip(&moments).map(|(w, m)| (1.0 - w / total).powi(2) / (m.n() - 1) as f64);
    let spread = compensated_sum(spread);
    let k = groups.len() as f64;
    let statistic = between / (k - 1.0) / (1.0 + 2.0 * (k - 2.0) * spread / (k * k - 1.0));
    let statistic = finite("Welch's F", statistic)?;
    let (df_between, df_within) = (k - 1.0, (k * k - 1.0) / (3.0 * spread));
    let Tail { p, log10_p } = f_upper_tail(statistic, df_between, df_within)?;
    Ok(WelchAnova { statistic, df_between, df_within, p_value: p, log10_p })
}
