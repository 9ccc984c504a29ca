//! Comparisons with the best where the groups share their seeds.

use rayon::prelude::*;

use crate::degenerate::{Degenerate, check_fraction, check_pairs, finite};
use crate::distributions::{student_t_critical, student_t_upper_tail};
use crate::many::{WithBest, pairs};
use crate::moments::Moments;
use crate::summary::Interval;

/// One group less another, in units in which larger is better.
#[derive(Debug, Clone, Copy, Default)]
struct Against {
    difference: f64,
    standard_error: f64,
    t: f64,
}

impl Against {
    fn of(a: &[f64], b: &[f64], sign: f64) -> Result<Self, Degenerate> {
        let differences = Moments::of_differences(a, b);
        if differences.is_constant() {
            return Err(Degenerate::ZeroVariance { value: finite("the difference", differences.mean())? });
        }
        Ok(Self {
            difference: sign * finite("the difference", differences.mean())?,
            standard_error: finite("the standard error", differences.se())?,
            t: sign * finite("the t statistic", differences.mean_over_se())?,
        })
    }

    fn at(&self, errors: f64) -> f64 {
        self.difference + errors * self.standard_error
    }
}

/// Multiple comparisons with the best of groups whose values are paired by position: for every group the interval of
/// its mean less the best mean of the others, and whether it may be the best.
///
/// With the mean difference `d_ij` of pair i, j, its standard error `s_ij` and the one-sided critical value c of Student's
/// t on n - 1 degrees of freedom at `(1 - confidence) / (k - 1)`: the upper limit is `max(0, min_j (d_ij + c s_ij))`, and the
/// groups where it is positive are those not shown worse than the best. The lower limit is 0 for a group that is the only one of
/// these, else the smallest `d_ij - c s_ij` over the others j of these, or 0 if that is smaller. All intervals hold together
/// when the k - 1 one-sided bounds around the true best do, and these do by Bonferroni's inequality: nothing is assumed of how
/// the groups' variances and correlations compare, which the pooled form ([`crate::many::hsu_mcb`]) must.
///
/// Source: Edwards and Hsu, "Multiple comparisons with the best treatment", Journal of the American Statistical
/// Association 78 (1983).
///
/// # Errors
/// [`Degenerate::TooFew`] below two groups or two pairs, [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`],
/// [`Degenerate::ZeroVariance`] when two groups differ by a constant, [`Degenerate::Domain`] for a confidence outside of
/// [0.5, 1) or a result beyond `f64`.
pub fn mcb_paired(groups: &[&[f64]], larger_is_better: bool, confidence: f64) -> Result<Vec<WithBest>, Degenerate> {
    check_fraction("confidence", confidence)?;
    if confidence < 0.5 {
        return Err(Degenerate::domain(format!("confidence is {confidence}, it must be at least 0.5")));
    }
    let k = groups.len();
    if k < 2 {
        return Err(Degenerate::TooFew { n: k, needed: 2 });
    }
    groups.iter().try_for_each(|group| check_pairs(groups[0], group, 2))?;
    let sign = if larger_is_better { 1.0 } else { -1.0 };
    let others = (k - 1) as f64;
    let pairs: Vec<(usize, usize)> = pairs(k).collect();
    let tests: Vec<Against> =
        pairs.par_iter().map(|&(i, j)| Against::of(groups[i], groups[j], sign)).collect::<Result<_, _>>()?;
    let df = (groups[0].len() - 1) as f64;
    let critical = student_t_critical(1.0 - 2.0 * (1.0 - confidence) / others, df)?;
    let mut against = vec![vec![Against::default(); k]; k];
    for (&(i, j), test) in pairs.iter().zip(tests) {
        against[i][j] = test;
        against[j][i] = Against { difference: -test.difference, t: -test.t, ..test };
    }
    let rivals = |i: usize| (0..k).filter(move |&j| j != i);
    let upper: Vec<f64> =
        (0..k).map(|i| rivals(i).map(|j| against[i][j].at(critical)).fold(f64::INFINITY, f64::min)).collect();
    let with_best = |i: usize| {
        let bounds = rivals(i).filter(|&j| upper[j] > 0.0).map(|j| against[i][j].at(-critical));
        let lower = finite("the lower limit", bounds.fold(0.0, f64::min))?;
        let limit = finite("the upper limit", upper[i].max(0.0))?;
        let (low, high) = if larger_is_better { (lower, limit) } else { (0.0 - limit, 0.0 - lower) };
        let beaten_by = rivals(i).map(|j| against[j][i].t).fold(f64::NEG_INFINITY, f64::max);
        let tail = student_t_upper_tail(beaten_by, df)?;
        Ok(WithBest {
            interval: Interval { low, high, confidence },
            among_best: upper[i] > 0.0,
            p_value: (others * tail.p).min(1.0),
            log10_p: (others.log10() + tail.log10_p).min(0.0),
        })
    };
    (0..k).map(with_best).collect()
}
