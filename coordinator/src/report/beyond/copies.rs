//! Trainings of a file that are one and the same, where nobody knows their seeds.
//!
//! Equal numbers prove nothing where digits are few: accuracies on a hundred images are equal in many pairs. So the pairs
//! that agree in all their numbers are held against those that chance leads to expect, from how fine the numbers are, how
//! much they scatter and how they go together.

use super::audit::Made;
use std::collections::{BTreeMap, BTreeSet};
use sweeper_stats::audit::expected_coincidences;

/// Largest probability, over all configs of a file together, with which copies are found where there are none.
const FALSE_ALARM: f64 = 1e-3;
/// Metrics that count as evidence, of the first so many by name.
const MOST_METRICS: (usize, usize) = (6, 50);
/// A metric counts beside others if they leave this share of its variance.
const LEAST_OWN: f64 = 0.1;
/// Distinct values from which on a standard deviation can be used.
const LEAST_DISTINCT: usize = 3;
/// Steps into which the smallest gap between two values may fall.
const MOST_STEPS: u32 = 100;

/// Up to so many times their last digit numbers do not show on which grid they lie.
const UNSEEN: f64 = 8.0;

/// Everything that a training gave, to the bit: copies agree in all of it.
type Numbers<'a> = Vec<(&'a str, u32, bool, u64)>;

/// Groups of trainings of one config that agree in every number, which chance does not explain.
pub(super) fn groups<'a, 'r>(made: &'a [Made<'r>], stratum: impl Fn(u32) -> usize) -> Vec<Vec<&'a Made<'r>>> {
    let mut by_stratum: BTreeMap<usize, BTreeMap<u32, Vec<&Made<'r>>>> = BTreeMap::new();
    for m in made {
        let config = m.trial.config;
        by_stratum.entry(stratum(config)).or_default().entry(config).or_default().push(m);
    }
    let configs = by_stratum.values().map(BTreeMap::len).sum::<usize>();
    by_stratum.into_values().flat_map(|own| in_stratum(own, configs)).collect()
}

fn in_stratum<'a, 'r>(by_config: BTreeMap<u32, Vec<&'a Made<'r>>>, configs: usize) -> Vec<Vec<&'a Made<'r>>> {
    let equal: Vec<Vec<Vec<&'a Made<'r>>>> = by_config.values().map(|members| equal_groups(members)).collect();
    if equal.iter().all(|groups| groups.iter().all(|group| group.len() < 2)) {
        return Vec::new();
    }
    let evidence = Evidence::of(&equal);
    let found = equal.into_iter().filter(|groups| evidence.tells(groups, configs));
    found.flatten().filter(|group| group.len() > 1).collect()
}

/// The trainings of a config, those that agree in every number together.
fn equal_groups<'a, 'r>(members: &[&'a Made<'r>]) -> Vec<Vec<&'a Made<'r>>> {
    let mut groups: BTreeMap<Numbers<'r>, Vec<&Made<'r>>> = BTreeMap::new();
    for m in members {
        let metrics = m.trial.metrics.iter().filter(|metric| !metric.is_timing());
        let numbers = metrics.map(|m| (m.name.as_str(), m.epoch, m.is_final, m.value.to_bits())).collect();
        groups.entry(numbers).or_default().push(m);
    }
    groups.into_values().collect()
}

/// The final value of a training on a metric.
fn value(m: &Made<'_>, name: &str) -> Option<f64> {
    let found = m.trial.metrics.iter().rev().find(|metric| metric.is_final && metric.name == name)?;
    found.value.is_finite().then_some(found.value)
}

/// What equal values of two trainings of a stratum say.
struct Evidence<'a> {
    /// Metrics that every training has, the most telling first.
    metrics: Vec<Fine<'a>>,
}

/// How fine a metric is.
struct Fine<'a> {
    name: &'a str,
    /// Smallest difference that its values can have.
    step: f64,
    /// Standard deviation of the trainings of a config, where they have too few distinct values to tell their own.
    sd: f64,
    /// Share of its variance that the metrics before it leave.
    own: f64,
}

impl<'a> Evidence<'a> {
    /// From one training of each group: copies say nothing of scatter.
    fn of(equal: &[Vec<Vec<&'a Made<'_>>>]) -> Self {
        let distinct: Vec<Vec<&Made<'_>>> =
            equal.iter().map(|groups| groups.iter().filter_map(|group| group.first().copied()).collect()).collect();
        let all = || distinct.iter().flatten();
        let names = |m: &&'a Made<'_>| -> BTreeSet<&'a str> {
            m.trial.metrics.iter().filter(|m| m.is_final && !m.is_timing()).map(|m| m.name.as_str()).collect()
        };
        let common = all().map(names).reduce(|a, b| a.intersection(&b).copied().collect()).unwrap_or_default();
        let fine = |name: &'a str| {
            let values: Vec<f64> = all().map(|m| value(m, name)).collect::<Option<_>>()?;
            let sd = median(distinct.iter().filter_map(|members| spread(members, name)).collect())?;
            Some(Fine { name, step: step(values)?, sd, own: 1.0 })
        };
        let mut metrics: Vec<Fine<'a>> = common.into_iter().take(MOST_METRICS.1).filter_map(fine).collect();
        metrics.sort_by(|a, b| (a.step / a.sd).total_cmp(&(b.step / b.sd)));
        let residuals: Vec<Vec<f64>> = metrics.iter().map(|metric| centred(&distinct, metric.name)).collect();
        let freedom = distinct.iter().map(|members| members.len().saturating_sub(1)).sum::<usize>();
        Self { metrics: independent(metrics, &residuals, MOST_METRICS.0.min(1 + freedom / 5)) }
    }

    /// Whether the trainings of a config that agree are more than chance explains.
    fn tells(&self, groups: &[Vec<&Made<'_>>], configs: usize) -> bool {
        let copies = groups.iter().map(|group| group.len() - 1).sum::<usize>();
        let runs = groups.iter().map(Vec::len).sum::<usize>();
        let members: Vec<&Made<'_>> = groups.iter().filter_map(|group| group.first().copied()).collect();
        let repeated = || groups.iter().filter(|group| group.len() > 1).filter_map(|group| group.first());
        let tie = |metric: &Fine<'_>| {
            // A whole number may be where a metric ends, as 100 %, which many trainings reach.
            if repeated().any(|m| value(m, metric.name).is_none_or(|v| v.fract() == 0.0)) {
                return 1.0;
            }
            let sd = spread(&members, metric.name).unwrap_or(metric.sd);
            expected_coincidences(2, sd, metric.step).unwrap_or(1.0)
        };
        let pair: f64 = self.metrics.iter().map(|m| (tie(m) / m.own.sqrt()).min(1.0)).product();
        let expected = 0.5 * runs as f64 * (runs as f64 - 1.0) * pair;
        // The probability of so many under Poisson's law is at most expected^copies / copies!.
        let bound: f64 = (1..=copies).map(|k| (expected / k as f64).ln()).sum();
        copies > 0 && bound.exp() * (configs as f64) < FALSE_ALARM
    }
}

/// The first metrics of which those before leave enough, with what they leave: the probability that two trainings are
/// equal in several metrics is that in each, divided by the root of the determinant of their correlations.
fn independent<'a>(metrics: Vec<Fine<'a>>, residuals: &[Vec<f64>], most: usize) -> Vec<Fine<'a>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (mut kept, mut axes): (Vec<Fine<'a>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    for (metric, residual) in metrics.into_iter().zip(residuals) {
        let whole = dot(residual, residual);
        let mut left = residual.clone();
        for axis in &axes {
            let along = dot(&left, axis);
            left.iter_mut().zip(axis).for_each(|(x, a)| *x -= along * a);
        }
        let rest = dot(&left, &left);
        let own = if whole > 0.0 { rest / whole } else { 0.0 };
        if kept.len() < most && own >= LEAST_OWN {
            axes.push(left.iter().map(|x| x / rest.sqrt()).collect());
            kept.push(Fine { own, ..metric });
        }
    }
    kept
}

/// Values less the mean of their config.
fn centred(configs: &[Vec<&Made<'_>>], name: &str) -> Vec<f64> {
    let of = |members: &Vec<&Made<'_>>| {
        let values: Vec<f64> = members.iter().filter_map(|m| value(m, name)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.into_iter().map(move |v| v - mean)
    };
    configs.iter().flat_map(of).collect()
}

/// Standard deviation of trainings that differ; none with too few values.
fn spread(members: &[&Made<'_>], name: &str) -> Option<f64> {
    let values: Vec<f64> = members.iter().filter_map(|m| value(m, name)).collect();
    if values.iter().map(|v| v.to_bits()).collect::<BTreeSet<u64>>().len() < LEAST_DISTINCT {
        return None;
    }
    sweeper_stats::summary(&values).ok()?.sd.filter(|sd| *sd > 0.0)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Smallest difference that values can have: that of their last digit, or that of a grid on which they all lie, such as
/// 1 / 3925 for accuracies on as many images; none with one value.
fn step(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let largest = values.iter().map(|v| v.abs()).reduce(f64::max)?;
    let digit = values.iter().map(|v| last_digit(*v)).reduce(f64::min)?;
    // Numbers of single precision are exact in double precision, with digits that say nothing.
    #[allow(clippy::cast_possible_truncation)]
    let single = values.iter().all(|v| f64::from(*v as f32) == *v);
    let digit = digit.max(largest * if single { f64::from(f32::EPSILON) } else { f64::EPSILON });
    values.dedup_by(|b, a| *b - *a <= digit * 0.5);
    let first = *values.first()?;
    let gap = values.windows(2).map(|pair| pair[1] - pair[0]).reduce(f64::min)?;
    // The width of a step is as well known as the widest gap so far that it fits into.
    let on_grid = |step: f64| {
        let (mut step, mut known) = (step, gap);
        values.iter().map(|v| v - first).all(|far| {
            let steps = (far / step).round();
            let tolerance = (2.0 * digit / step * (1.0 + far / known)).min(0.2);
            let fits = (far / step - steps).abs() <= tolerance;
            if fits && far > known {
                (step, known) = (far / steps, far);
            }
            fits
        })
    };
    let grids = (1..=MOST_STEPS).map(|steps| gap / f64::from(steps)).take_while(|step| *step >= UNSEEN * digit);
    // A finer grid would hide behind the digits.
    Some(grids.into_iter().find(|step| on_grid(*step)).unwrap_or(gap.min(UNSEEN * digit)))
}

/// What the last digit of a number is worth, of at most 15: the 16th and 17th come from arithmetic.
fn last_digit(value: f64) -> f64 {
    let text = format!("{value:.14e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, d)| d.trim_end_matches('0').len());
    let exponent: i32 = exponent.parse().unwrap_or(0);
    10f64.powi(exponent - i32::try_from(decimals).unwrap_or(14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_digits_and_of_images() {
        let about = |values: &[f64], expected: f64| {
            let found = step(values.to_vec()).unwrap_or(f64::NAN);
            assert!((found / expected - 1.0).abs() < 1e-2, "{values:?}: {found:e}, expected {expected:e}");
        };
        let images = |n: f64, scale: f64| [3169.0, 3170.0, 3101.0, 3188.0, 3155.0, 3140.0].map(|k| scale * k / n);
        about(&images(3925.0, 1.0), 1.0 / 3925.0);
        about(&images(3925.0, 100.0), 100.0 / 3925.0);
        about(&images(3925.0, 100.0).map(|v| (v * 1e4).round() / 1e4), 100.0 / 3925.0);
        about(&images(3925.0, 1.0).map(|v| f64::from(v as f32)), 1.0 / 3925.0);
        about(&[80.0, 79.0, 81.0, 85.0], 1.0);
        let losses = [0.432_109_876_543, 0.428_123_987_213_1, 0.441_987_312_345_7, 0.439_871_230_987_5];
        assert!(step(losses.to_vec()).is_some_and(|step| step < 1e-12));
        let single = losses.map(|v| f64::from(v as f32));
        assert!(step(single.to_vec()).is_some_and(|step| step > 1e-8 && step < 1e-6));
        // Digits may hide a grid, and few values seem to lie on one: then steps are taken for wider than they are.
        let between =
            |values: &[f64], low: f64, high: f64| step(values.to_vec()).is_some_and(|s| s >= low && s <= high);
        let four = [80.1728, 80.4108, 87.346_200_000_000_01, 79.3484, 80.4527, 80.2232, 80.7315];
        assert!(between(&four, 1e-4, 5e-3));
        assert!(between(&images(3925.0, 100.0).map(|v| (v * 100.0).round() / 100.0), 0.019, 0.031));
        assert_eq!((step(vec![1.5, 1.5]), step(Vec::new())), (None, None));
    }

    #[test]
    fn metrics_that_go_together_count_once() {
        let fine = |name| Fine { name, step: 1e-4, sd: 1.0, own: 1.0 };
        let (a, b) = (vec![1.0, -1.0, 1.0, -1.0], vec![1.0, 1.0, -1.0, -1.0]);
        let error: Vec<f64> = a.iter().map(|x| -2.0 * x).collect();
        let kept = independent(vec![fine("a"), fine("error"), fine("b")], &[a, error, b], 6);
        let names: Vec<(&str, f64)> = kept.iter().map(|m| (m.name, m.own)).collect();
        assert_eq!(names, [("a", 1.0), ("b", 1.0)]);
    }
}
