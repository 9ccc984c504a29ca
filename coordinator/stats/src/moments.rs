//! Mean and variance that survive offsets and scales.
//!
//! A sample is scaled by a power of two (exact), its mean is held as an unevaluated sum of two doubles, and squares
//! are taken of deviations from that mean after a second scaling. So neither an offset that is 1e12 times the spread
//! nor values whose squares overflow cost digits.

const EXPONENT_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1023;

/// A number as the unevaluated sum of two doubles: about 32 significant digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

impl Double {
    /// `a + b` without rounding error (Knuth's two-sum).
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let part = high - a;
        Self { high, low: (a - (high - part)) + (b - part) }
    }

    /// `self + value`, up to the rounding of the low part.
    fn plus(self, value: f64) -> Self {
        let next = Self::sum(self.high, value);
        Self { high: next.high, low: next.low + self.low }
    }

    fn minus(self, other: Self) -> Self {
        let next = self.plus(-other.high);
        Self { high: next.high, low: next.low - other.low }
    }

    fn value(self) -> f64 {
        self.high + self.low
    }

    /// `self / count`; the remainder of the first division feeds the low part.
    fn over(self, count: f64) -> Self {
        let folded = Self::sum(self.high, self.low);
        let quotient = folded.high / count;
        let remainder = quotient.mul_add(-count, folded.high);
        Self { high: quotient, low: (remainder + folded.low) / count }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { high: self.high * factor, low: self.low * factor }
    }
}

/// Compensated sum (Neumaier 1974; as a running [`Double`]).
pub(crate) fn compensated_sum(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(Double { high: 0.0, low: 0.0 }, Double::plus).value()
}

/// Power of two that brings `magnitude` into about [1, 2); 1 for 0. Kept inside of 2^+-1000, so that its inverse is
/// a normal double as well; what is left over for the most extreme magnitudes does no harm.
pub(crate) fn scale_to_one(magnitude: f64) -> f64 {
    if magnitude == 0.0 {
        return 1.0;
    }
    let exponent = (magnitude.to_bits() >> EXPONENT_BITS) as i64 - EXPONENT_BIAS;
    let wanted = (-exponent).clamp(-1000, 1000);
    f64::from_bits(((wanted + EXPONENT_BIAS) as u64) << EXPONENT_BITS)
}

/// Largest magnitude; 0 for an empty sample.
pub(crate) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()))
}

/// First two moments of a sample of finite values, at least one.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    n: usize,
    /// Mean times `scale`.
    mean: Double,
    /// Power of two that the sample was multiplied by.
    scale: f64,
    /// Deviations from the mean, times `scale` and `deviation_scale`: the largest is near 1.
    deviations: Vec<f64>,
    deviation_scale: f64,
    constant: bool,
}

impl Moments {
    /// Moments of `x`: finite values, not empty.
    pub(crate) fn of(x: &[f64]) -> Self {
        let scale = scale_to_one(largest(x));
        let values = x.iter().map(|v| Double { high: v * scale, low: 0.0 }).collect();
        Self::of_doubles(values, scale, x.iter().all(|v| *v == x[0]))
    }

    /// Moments of `a[i] - b[i]`: finite values, equal lengths, not empty.
    ///
    /// The differences count as constant when they agree to within the rounding of the inputs. Values read from
    /// decimal text are off by up to half a unit in the last place each, so equal decimal differences may differ
    /// by two units; taking that for variance would give t = 1e15.
    pub(crate) fn of_differences(a: &[f64], b: &[f64]) -> Self {
        let largest = largest(a).max(largest(b));
        let scale = scale_to_one(largest);
        let values: Vec<Double> = a.iter().zip(b).map(|(a, b)| Double::sum(a * scale, -b * scale)).collect();
        let low = values.iter().map(|d| d.high).fold(f64::INFINITY, f64::min);
        let high = values.iter().map(|d| d.high).fold(f64::NEG_INFINITY, f64::max);
        let constant = high - low <= 2.0 * f64::EPSILON * (largest * scale);
        Self::of_doubles(values, scale, constant)
    }

    fn of_doubles(values: Vec<Double>, scale: f64, constant: bool) -> Self {
        let n = values.len();
        let total = values.iter().fold(Double { high: 0.0, low: 0.0 }, |sum, v| {
            let next = sum.plus(v.high);
            Double { high: next.high, low: next.low + v.low }
        });
        // Equal values have themselves as mean; the division would round.
        let mean = if values.iter().all(|v| v.high == values[0].high && v.low == values[0].low) {
            values[0]
        } else {
            total.over(n as f64)
        };
        let mut deviations: Vec<f64> =
            if constant { vec![0.0; n] } else { values.iter().map(|v| v.minus(mean).value()).collect() };
        let deviation_scale = scale_to_one(largest(&deviations));
        deviations.iter_mut().for_each(|d| *d *= deviation_scale);
        Self { n, mean, scale, deviations, deviation_scale, constant }
    }

    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Whether nothing varies.
    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }

    pub(crate) fn mean(&self) -> f64 {
        self.mean.value() / self.scale
    }

    /// `self.mean() - other.mean()` without the rounding of either mean. Infinite when beyond `f64`.
    pub(crate) fn mean_less(&self, other: &Self) -> f64 {
        let scale = self.scale.min(other.scale);
        let here = self.mean.scaled(scale / self.scale);
        here.minus(other.mean.scaled(scale / other.scale)).value() / scale
    }

    /// Sample standard deviation, divisor n - 1; n must be at least 2. Infinite when beyond `f64`.
    pub(crate) fn sd(&self) -> f64 {
        self.scaled_sd() / self.deviation_scale / self.scale
    }

    /// `sd / sqrt(n)`.
    pub(crate) fn se(&self) -> f64 {
        self.scaled_sd() / (self.n as f64).sqrt() / self.deviation_scale / self.scale
    }

    /// `mean / se`, without leaving the scaled units: right even where the se is subnormal.
    pub(crate) fn mean_over_se(&self) -> f64 {
        let se = self.scaled_sd() / (self.n as f64).sqrt() / self.deviation_scale;
        self.mean.value() / se
    }

    /// Deviations from the mean times an unspecified power of two; the largest is near 1, or all are 0.
    pub(crate) fn deviations(&self) -> &[f64] {
        &self.deviations
    }

    /// A deviation as [`Moments::deviations`] gives it, in the units of the sample.
    pub(crate) fn in_units(&self, deviation: f64) -> f64 {
        deviation / self.deviation_scale / self.scale
    }

    /// The reverse of [`Moments::in_units`]; infinite when beyond `f64`.
    pub(crate) fn in_deviations(&self, value: f64) -> f64 {
        value * self.scale * self.deviation_scale
    }

    fn scaled_sd(&self) -> f64 {
        (compensated_sum(self.deviations.iter().map(|d| d * d)) / (self.n - 1) as f64).sqrt()
    }
}
