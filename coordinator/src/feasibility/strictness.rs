//! What a correction asks of a single comparison.

use super::Design;
use serde::Serialize;
use std::f64::consts::SQRT_2;
use sweeper_core::spec::Correction;
use sweeper_stats::distributions::{
    Sides, dunnett_upper_quantile, student_t_quantile, student_t_two_sided, studentized_range_upper_quantile,
};

/// The limit that the t statistic of a comparison must pass: that of the smallest p-value of its family.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Strictness {
    /// What |t| must exceed.
    pub critical: f64,
    /// Degrees of freedom of t, with equal standard deviations.
    pub df: f64,
    /// The level of an uncorrected t-test that is as strict. For Holm and Bonferroni alpha over the number of comparisons;
    /// for max-T that is an upper bound, for it depends on the data how much less it asks.
    pub level: f64,
    /// Whether `level` is such a bound.
    pub bound: bool,
}

/// None without a comparison, or where `n` replicates of each config allow no test.
#[allow(clippy::cast_precision_loss)]
pub(super) fn of(design: &Design, n: usize) -> Option<Strictness> {
    if design.comparisons == 0 || n < 2 {
        return None;
    }
    let (alpha, groups) = (design.alpha, design.groups);
    let pair = if design.paired { n as f64 - 1.0 } else { 2.0 * n as f64 - 2.0 };
    let pooled = (groups * (n - 1)) as f64;
    let family = alpha / design.comparisons as f64;
    let range = |df| studentized_range_upper_quantile(alpha, groups, df).ok().map(|q| q / SQRT_2);
    let student = |level: f64| student_t_quantile(0.5 * level, pair).ok().map(|t| -t);
    let (critical, df) = match design.correction {
        Correction::None => (student(alpha)?, pair),
        Correction::Holm | Correction::Bonferroni | Correction::MaxT | Correction::MaxTSingleStep => {
            (student(family)?, pair)
        }
        Correction::Dunnett => {
            // Groups of one size: sqrt(n / (n + n)).
            let lambdas = vec![0.5_f64.sqrt(); design.comparisons];
            (dunnett_upper_quantile(alpha, &lambdas, pooled, Sides::Two).ok()?, pooled)
        }
        Correction::TukeyKramer => (range(pooled)?, pooled),
        Correction::GamesHowell => (range(pair)?, pair),
    };
    let level = student_t_two_sided(critical, df).ok()?.p;
    let bound = matches!(design.correction, Correction::MaxT | Correction::MaxTSingleStep) && design.comparisons > 1;
    Some(Strictness { critical, df, level, bound })
}
