//! Almost stochastic order: whether the runs of one configuration are ahead of another's at every quantile, and if not,
//! how much of their distance goes the other way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bootstrap::Resampling;
use crate::degenerate::{Degenerate, check_fraction, check_sample};
use crate::distributions::normal_quantile;
use crate::random::{BOOTSTRAP, Below, Cursor, each_draw};

/// How nearly the first sample's distribution is the higher one at every quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dominance {
    /// [`violation`] of the samples.
    pub violation: f64,
    /// Upper confidence bound of the violation: below 1/2 the first sample almost dominates.
    pub bound: f64,
    /// Standard deviation of the violation over resamples; 0 where no resample has another one.
    pub standard_error: f64,
    /// Resamples drawn.
    pub resamples: u32,
}

/// Share of the squared distance of the quantile functions of `a` and `b` that lies where those of `a` are lower:
/// `integral of max(G(t) - F(t), 0)^2 / integral of (F(t) - G(t))^2` over t from 0 to 1, with F and G the quantile
/// functions of `a` and `b`. 0 says that `a` is stochastically larger than `b`, 1 that it is smaller; exchanging the samples
/// gives 1 minus it. It is exact: both functions are steps, and the integrals are sums over the n + m - 1 pieces between
/// them.
///
/// Source: del Barrio, Cuesta-Albertos and Matran, "An optimal transportation approach for assessing almost stochastic
/// order" (arXiv:1705.01788, 2017).
///
/// # Errors
/// [`Degenerate::TooFew`] for an empty sample, [`Degenerate::NotFinite`], [`Degenerate::ZeroVariance`] when the samples do
/// not differ at any quantile.
pub fn violation(a: &[f64], b: &[f64]) -> Result<f64, Degenerate> {
    check_sample(a, 1)?;
    check_sample(b, 1)?;
    let [a, b] = [a, b].map(ascending);
    ratio(&a, &b).ok_or(Degenerate::ZeroVariance { value: 0.0 })
}

/// [`violation`] with the upper bound `violation + z se` at `confidence`, cut off at 0 and 1. The standard error is that of
/// resamples of both samples, each by itself; a resample without a distance counts 1/2.
///
/// Source: Dror, Shlomov and Reichart, "Deep dominance: how to properly compare deep neural models" (ACL 2019).
///
/// # Errors
/// As [`violation`]; [`Degenerate::TooFew`] below two values in a sample or 100 resamples, [`Degenerate::Domain`] for a
/// confidence outside of (0, 1).
pub fn almost_dominates(
    a: &[f64],
    b: &[f64],
    confidence: f64,
    resampling: &Resampling,
) -> Result<Dominance, Degenerate> {
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    check_fraction("confidence", confidence)?;
    crate::bootstrap::check(confidence, resampling)?;
    let violation = violation(a, b)?;
    let sorted = [a, b].map(ascending);
    let stream = resampling.draws().stream(BOOTSTRAP);
    let values = each_draw(u64::from(resampling.resamples), <[Scratch; 2]>::default, |draw, scratch| {
        let mut cursor = Cursor::new(&stream, draw);
        for (sorted, scratch) in sorted.iter().zip(scratch.iter_mut()) {
            scratch.resample(sorted, &mut cursor);
        }
        ratio(&scratch[0].values, &scratch[1].values).unwrap_or(0.5)
    });
    let standard_error = crate::summary(&values)?.sd.unwrap_or(0.0);
    let bound = (violation + normal_quantile(confidence)? * standard_error).clamp(0.0, 1.0);
    Ok(Dominance { violation, bound, standard_error, resamples: resampling.resamples })
}

fn ascending(x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// A resample in ascending order.
#[derive(Default)]
struct Scratch {
    times: Vec<u32>,
    values: Vec<f64>,
}

impl Scratch {
    /// Of values in ascending order. Counting how often each is drawn leaves nothing to sort.
    fn resample(&mut self, sorted: &[f64], cursor: &mut Cursor) {
        self.times.clear();
        self.times.resize(sorted.len(), 0);
        cursor.indices(Below::new(sorted.len()), sorted.len(), |i| self.times[i] += 1);
        self.values.clear();
        for (value, times) in sorted.iter().zip(&self.times) {
            self.values.extend((0..*times).map(|_| *value));
        }
    }
}

/// [`violation`] of samples in ascending order; none where they have no distance.
fn ratio(a: &[f64], b: &[f64]) -> Option<f64> {
    let (n, m) = (a.len() as u64, b.len() as u64);
    // No difference of quantiles is larger than the one between the ends; halves, so that it is finite.
    let far = |x: f64, y: f64| (0.5 * x - 0.5 * y).abs();
    let unit = far(*a.last()?, *b.first()?).max(far(*b.last()?, *a.first()?));
    if unit == 0.0 {
        return None;
    }
    // Where t stands, in units of 1 / (n m).
    let (mut i, mut j, mut at) = (0_u64, 0_u64, 0_u64);
    let (mut ahead, mut behind) = (0.0, 0.0);
    while i < n && j < m {
        let (end_a, end_b) = ((i + 1) * m, (j + 1) * n);
        let end = end_a.min(end_b);
        let difference = (0.5 * a[i as usize] - 0.5 * b[j as usize]) / unit;
        let part = difference * difference * (end - at) as f64;
        *if difference < 0.0 { &mut behind } else { &mut ahead } += part;
        i += u64::from(end == end_a);
        j += u64::from(end == end_b);
        at = end;
    }
    Some(behind / (ahead + behind)).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::float_cmp)]
    use super::*;

    const RESAMPLING: Resampling = Resampling { resamples: 1_000, seed: 1, part: 0 };

    #[test]
    fn by_hand() {
        // Behind by 1 on one half and ahead by 1 on the other; then behind by 2.
        assert_eq!(violation(&[4.0, 1.0], &[2.0, 3.0]).unwrap(), 0.5);
        assert!((violation(&[1.0, 5.0], &[3.0, 4.0]).unwrap() - 0.8).abs() < 1e-15);
        // Thirds against halves: ahead by 1 on 1/3 and by 4 - 2 on 1/6; behind by as much.
        assert!((violation(&[1.0, 2.0, 3.0], &[0.0, 4.0]).unwrap() - 0.5).abs() < 1e-15);
        assert_eq!(violation(&[2.0, 3.0], &[1.0]).unwrap(), 0.0);
        assert_eq!(violation(&[1.0, 1.0], &[1.0]).unwrap_err(), Degenerate::ZeroVariance { value: 0.0 });
        assert_eq!(violation(&[], &[1.0]).unwrap_err(), Degenerate::TooFew { n: 0, needed: 1 });
        assert_eq!(violation(&[1.0, f64::NAN], &[1.0]).unwrap_err(), Degenerate::NotFinite { index: 1 });
    }

    #[test]
    fn separated_samples_are_certain_and_equal_ones_are_not() {
        let a: Vec<f64> = (0..20).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|v| v + 100.0).collect();
        let (worse, better) =
            (almost_dominates(&a, &b, 0.95, &RESAMPLING), almost_dominates(&b, &a, 0.95, &RESAMPLING));
        assert_eq!((worse.unwrap().bound, better.unwrap().bound), (1.0, 0.0));
        let shuffled: Vec<f64> = a.iter().map(|v| v * 1.01 - 0.095).collect();
        assert!(almost_dominates(&a, &shuffled, 0.95, &RESAMPLING).unwrap().bound > 0.5);
    }
}
