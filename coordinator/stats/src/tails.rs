//! F tests, and the interval of the share of variance behind one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, finite};
use crate::distributions::{chi_squared_upper_quantile, f_upper_tail, noncentral_f_interval};
use crate::summary::Interval;

/// Above this `df * F` the limits of the noncentrality are taken from their limiting form.
const LARGE_NONCENTRALITY: f64 = 1e6;

/// An F test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FTest {
    /// F, the ratio of two mean squares.
    pub statistic: f64,
    /// Degrees of freedom of the numerator.
    pub df_numerator: f64,
    /// Degrees of freedom of the denominator.
    pub df_denominator: f64,
    /// Upper tail of F; 0 only when it is below the smallest double, and then `log10_p` still tells it.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
}

impl FTest {
    /// The test of an observed F.
    pub(crate) fn new(statistic: f64, df_numerator: f64, df_denominator: f64) -> Result<Self, Degenerate> {
        let statistic = finite("the F statistic", statistic)?;
        let upper = f_upper_tail(statistic.max(0.0), df_numerator, df_denominator)?;
        Ok(Self { statistic, df_numerator, df_denominator, p_value: upper.p, log10_p: upper.log10_p })
    }
}

/// Confidence interval of the population share of variance `ncp / (ncp + n)` behind an observed F, from the
/// noncentrality limits. Where `d1 * f` exceeds 1e6, the limits are those of a fixed numerator over a chi-squared
/// denominator: `P(F' <= f)` tends to `P(ncp <= d1 f chi2 / d2)`.
///
/// Source: Steiger, "Beyond the F test", Psychological Methods 9 (2004).
pub(crate) fn share_interval(f: f64, d1: f64, d2: f64, n: f64, confidence: f64) -> Result<Interval, Degenerate> {
    check_fraction("confidence", confidence)?;
    let (tail, scale) = (0.5 * (1.0 - confidence), d1 * f);
    let (low, high) = if f <= 0.0 {
        (0.0, 0.0)
    } else if scale > LARGE_NONCENTRALITY {
        let limit = |cdf: f64| Ok(scale * (chi_squared_upper_quantile(cdf, d2)? / d2));
        (limit(1.0 - tail)?, limit(tail)?)
    } else {
        noncentral_f_interval(f, d1, d2, confidence)?
    };
    let share = |ncp: f64| ncp / (ncp + n);
    Ok(Interval { low: share(low).min(share(high)), high: share(high), confidence })
}
