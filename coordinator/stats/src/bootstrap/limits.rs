//! Limits of an interval from replicates of a statistic.

use std::f64::consts::PI;

use super::{BootstrapInterval, BootstrapKind, Resampling};
use crate::degenerate::{Degenerate, finite};
use crate::distributions::{normal_cdf, normal_quantile};
use crate::summary::{Interval, quantile_sorted};

/// Replicates within this share of the largest deviation from the estimate count as equal to it.
const EQUAL: f64 = 1e-12;

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// A limit with its Monte-Carlo standard error.
#[derive(Clone, Copy)]
struct Limit {
    value: f64,
    error: f64,
}

/// Share of replicates below a limit, and the standard error of that share from drawing.
#[derive(Clone, Copy)]
struct Level {
    level: f64,
    error: f64,
}

/// The quantiles at both levels, the first not above the second. Quantiles a standard error of the level on either
/// side tell what becomes of a limit. Reorders `values`, and sorts no more of them than it needs.
fn limits(values: &mut [f64], levels: [Level; 2]) -> [Limit; 2] {
    let last = values.len() - 1;
    let place = |level: f64| level.clamp(0.0, 1.0) * last as f64;
    let low_end = (place(levels[0].level + levels[0].error).ceil() as usize + 1).min(last);
    let high_start = place(levels[1].level - levels[1].error).floor() as usize;
    if low_end < high_start {
        values.select_nth_unstable_by(low_end, f64::total_cmp);
        values[..low_end].sort_unstable_by(f64::total_cmp);
        let high = &mut values[low_end..];
        high.select_nth_unstable_by(high_start - low_end, f64::total_cmp);
        values[high_start..].sort_unstable_by(f64::total_cmp);
    } else {
        values.sort_unstable_by(f64::total_cmp);
    }
    levels.map(|Level { level, error }| {
        let at = |level: f64| quantile_sorted(values, level.clamp(0.0, 1.0));
        Limit { value: at(level), error: 0.5 * (at(level + error) - at(level - error)) }
    })
}

/// Both tails, in ascending order.
fn percentile(count: usize, confidence: f64) -> [Level; 2] {
    let tail = 0.5 * (1.0 - confidence);
    let error = (tail * (1.0 - tail) / count as f64).sqrt();
    [Level { level: tail, error }, Level { level: 1.0 - tail, error }]
}

/// With `z0` the normal quantile of the share of replicates below the estimate and `a` the acceleration, the levels
/// are `Phi(z0 + (z0 + z) / (1 - a (z0 + z)))` for both normal quantiles z of the tails.
fn bca(values: &[f64], estimate: f64, acceleration: f64, confidence: f64) -> Result<[Level; 2], Degenerate> {
    let count = values.len() as f64;
    let equal = EQUAL * values.iter().fold(0.0, |spread: f64, v| spread.max((v - estimate).abs()));
    let below = values.iter().filter(|v| **v < estimate - equal).count();
    let not_above = values.iter().filter(|v| **v <= estimate + equal).count();
    let share = (below + not_above) as f64 / (2.0 * count);
    if share <= 0.0 || share >= 1.0 {
        return Err(Degenerate::domain("every resample lies on one side of the estimate: no bias can be corrected"));
    }
    let z0 = normal_quantile(share)?;
    let z = normal_quantile(0.5 * (1.0 - confidence))?;
    let mut levels = [Level { level: 0.0, error: 0.0 }; 2];
    for (corrected, z) in levels.iter_mut().zip([z, -z]) {
        let sum = z0 + z;
        let room = 1.0 - acceleration * sum;
        if room <= 0.0 {
            return Err(Degenerate::domain("the acceleration is beyond what a BCa interval can correct"));
        }
        let z = z0 + sum / room;
        let level = normal_cdf(z);
        // The share below the estimate is random too, and not independent of the quantile.
        let slope = density(z) * (1.0 + 1.0 / (room * room)) / density(z0);
        let covariance = level.min(share) - level * share;
        let variance = level * (1.0 - level) + slope * slope * share * (1.0 - share) - 2.0 * slope * covariance;
        *corrected = Level { level, error: (variance.max(0.0) / count).sqrt() };
    }
    Ok(levels)
}

/// `sum U^3 / n^3` and `sum U^2 / n^2` over the jackknife deviations `U = (n - 1) (mean - value)` of each stratum;
/// `a = cubes / (6 squares^(3/2))`. Source: Davison and Hinkley, "Bootstrap methods and their application" (Cambridge
/// University Press, 1997), equation 5.32.
#[derive(Default)]
pub(super) struct Acceleration {
    cubes: f64,
    squares: f64,
}

impl Acceleration {
    /// Adds a stratum by the values that the statistic takes when each of its members is left out.
    pub(super) fn add(&mut self, left_out: &[f64]) {
        let n = left_out.len() as f64;
        let first = left_out.first().copied().unwrap_or_default();
        let mean = first + left_out.iter().map(|v| v - first).sum::<f64>() / n;
        self.add_deviations(left_out.iter().map(|v| (n - 1.0) * (mean - v)), n);
    }

    /// Adds a stratum of `n` members by its deviations U.
    pub(super) fn add_deviations(&mut self, deviations: impl Iterator<Item = f64>, n: f64) {
        for u in deviations {
            let u = u / n;
            self.squares += u * u;
            self.cubes += u * u * u;
        }
    }

    pub(super) fn value(&self) -> f64 {
        if self.squares == 0.0 { 0.0 } else { self.cubes / (6.0 * self.squares.powf(1.5)) }
    }
}

/// Replicates of a statistic in units of the computation, and how these become units of the data.
pub(crate) struct Replicates<F: Fn(f64) -> f64> {
    pub(crate) values: Vec<f64>,
    pub(crate) estimate: f64,
    /// A value in units of the data.
    pub(crate) to_value: F,
    /// What one unit of the computation is in units of the data.
    pub(crate) unit: f64,
}

impl<F: Fn(f64) -> f64> Replicates<F> {
    /// Percentile or BCa interval; `acceleration` is asked for BCa alone.
    pub(crate) fn interval(
        mut self,
        kind: BootstrapKind,
        acceleration: impl FnOnce() -> Result<f64, Degenerate>,
        confidence: f64,
        resampling: &Resampling,
    ) -> Result<BootstrapInterval, Degenerate> {
        check_values(self.estimate, &self.values)?;
        let spread = spread(&self.values);
        if self.values.iter().all(|v| *v == self.values[0]) {
            return Err(Degenerate::ZeroVariance { value: finite("the estimate", (self.to_value)(self.estimate))? });
        }
        let levels = match kind {
            BootstrapKind::Percentile => percentile(self.values.len(), confidence),
            BootstrapKind::Bca => bca(&self.values, self.estimate, acceleration()?, confidence)?,
            BootstrapKind::Studentized => return Err(super::no_studentized()),
        };
        let value = |v: f64| finite("a limit of the interval", (self.to_value)(v));
        let [low, high] = limits(&mut self.values, levels);
        Ok(BootstrapInterval {
            estimate: value(self.estimate)?,
            interval: Interval { low: value(low.value)?, high: value(high.value)?, confidence },
            low_error: finite("the Monte-Carlo error", low.error * self.unit)?,
            high_error: finite("the Monte-Carlo error", high.error * self.unit)?,
            standard_error: finite("the standard error", spread * self.unit)?,
            resamples: resampling.resamples,
            kind,
        })
    }

    /// Studentized interval. The values are estimates with their standard errors, `standard_error` is that of the
    /// data.
    pub(super) fn studentized(
        self,
        standard_errors: &[f64],
        standard_error: f64,
        confidence: f64,
        resampling: &Resampling,
    ) -> Result<BootstrapInterval, Degenerate> {
        check_values(self.estimate, &self.values)?;
        if !(standard_error > 0.0 && standard_error.is_finite()) {
            let value = finite("the estimate", (self.to_value)(self.estimate))?;
            return Err(Degenerate::ZeroVariance { value });
        }
        let t = |(value, error): (&f64, &f64)| match (value - self.estimate, *error) {
            (difference, error) if error > 0.0 => difference / error,
            (0.0, _) => 0.0,
            // A resample without spread is infinitely far away; a limit there is refused below.
            (difference, _) => f64::INFINITY.copysign(difference),
        };
        let mut statistics: Vec<f64> = self.values.iter().zip(standard_errors).map(t).collect();
        let levels = percentile(statistics.len(), confidence);
        let [low, high] = limits(&mut statistics, levels);
        // Quantiles of t swap sides; the most distant replicates may be infinite, and so an error.
        let value = |t: Limit| {
            finite("a studentized limit (too many resamples have no spread)", t.value)?;
            finite("a limit of the interval", (self.to_value)(self.estimate - t.value * standard_error))
        };
        let error = |t: Limit| finite("the Monte-Carlo error", t.error * standard_error * self.unit);
        Ok(BootstrapInterval {
            estimate: finite("the estimate", (self.to_value)(self.estimate))?,
            interval: Interval { low: value(high)?, high: value(low)?, confidence },
            low_error: error(high)?,
            high_error: error(low)?,
            standard_error: finite("the standard error", spread(&self.values) * self.unit)?,
            resamples: resampling.resamples,
            kind: BootstrapKind::Studentized,
        })
    }
}

fn check_values(estimate: f64, values: &[f64]) -> Result<(), Degenerate> {
    if estimate.is_finite() && values.iter().all(|v| v.is_finite()) {
        return Ok(());
    }
    Err(Degenerate::domain("the statistic has no finite value for the data or for one of the resamples"))
}

/// Standard deviation of the replicates.
fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values[0] + values.iter().map(|v| v - values[0]).sum::<f64>() / n;
    let largest = values.iter().fold(0.0, |largest: f64, v| largest.max((v - mean).abs()));
    if largest == 0.0 {
        return 0.0;
    }
    largest * (values.iter().map(|v| ((v - mean) / largest).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}
