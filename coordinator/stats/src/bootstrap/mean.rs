//! Means and differences of means: a resample is a few sums of centred values.

use std::ops::Add;

use super::limits::{Acceleration, Replicates};
use super::{BootstrapInterval, BootstrapKind, Resampling, check};
use crate::degenerate::{Degenerate, check_pairs, check_sample, finite};
use crate::moments::Moments;
use crate::random::{BOOTSTRAP, Below, Cursor, each_draw};

/// Share of the squares below which a variance is a rounding error.
const NO_VARIANCE: f64 = 1e-13;

/// Largest sample whose sums of two values are tabulated: 63 kB.
const MAX_TABULATED: usize = 90;

/// A sum and a sum of squares.
#[derive(Debug, Clone, Copy, Default)]
struct Both(f64, f64);

impl Add for Both {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

/// A sample as deviations from its mean, in a unit common to all samples.
struct Centred {
    values: Vec<f64>,
    below: Below,
    /// `values[i] + values[j]` at `n i + j`, and the same of squares; empty for large samples.
    sums: Vec<f64>,
    squares: Vec<f64>,
    /// +1 where the statistic adds the mean, -1 where it subtracts it.
    sign: f64,
}

impl Centred {
    fn new(values: Vec<f64>, sign: f64) -> Self {
        let tabulated = if values.len() <= MAX_TABULATED { values.as_slice() } else { &[] };
        let table = |f: fn(f64) -> f64| {
            tabulated.iter().flat_map(|x| tabulated.iter().map(move |y| f(*x) + f(*y))).collect::<Vec<f64>>()
        };
        let (sums, squares) = (table(|v| v), table(|v| v * v));
        Self { below: Below::new(values.len()), values, sums, squares, sign }
    }

    fn n(&self) -> f64 {
        self.values.len() as f64
    }

    /// Signed mean of a resample, and with `SPREAD` the square of its standard error, else 0.
    #[inline]
    fn resample<const SPREAD: bool>(&self, cursor: &mut Cursor) -> (f64, f64) {
        let (sum, squares) = if SPREAD {
            let pair = |at: usize| Both(self.sums[at], self.squares[at]);
            let single = |i: usize| Both(self.values[i], self.values[i] * self.values[i]);
            let Both(sum, squares) = self.total(cursor, pair, single);
            (sum, squares)
        } else {
            (self.total(cursor, |at| self.sums[at], |i| self.values[i]), 0.0)
        };
        (self.sign * sum / self.n(), if SPREAD { squared_error(sum, squares, self.n()) } else { 0.0 })
    }

    /// Sum over a resample, from a table of pairs where there is one.
    #[inline]
    fn total<T: Copy + Default + Add<Output = T>>(
        &self,
        cursor: &mut Cursor,
        pair: impl Fn(usize) -> T,
        single: impl Fn(usize) -> T,
    ) -> T {
        let n = self.values.len();
        if self.sums.is_empty() {
            let mut sum = T::default();
            cursor.indices(self.below, n, |i| sum = sum + single(i));
            return sum;
        }
        cursor.sum_pairs(self.below, n, pair, single)
    }

    fn squared_error(&self) -> f64 {
        squared_error(self.values.iter().sum(), self.values.iter().map(|v| v * v).sum(), self.n())
    }
}

fn squared_error(sum: f64, squares: f64, n: f64) -> f64 {
    let variance = squares - sum * sum / n;
    if variance <= NO_VARIANCE * squares { 0.0 } else { variance / (n * (n - 1.0)) }
}

fn interval(
    samples: &[Centred],
    estimate: f64,
    unit: f64,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let stream = resampling.draws().stream(BOOTSTRAP);
    let count = u64::from(resampling.resamples);
    // Deviations have mean 0, and so has the estimate in their units.
    let replicates = |values| Replicates { values, estimate: 0.0, to_value: |v: f64| estimate + v * unit, unit };
    if kind == BootstrapKind::Studentized {
        let pairs = each_draw(
            count,
            || (),
            |draw, ()| {
                let mut cursor = Cursor::new(&stream, draw);
                samples.iter().map(|s| s.resample::<true>(&mut cursor)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1))
            },
        );
        let errors: Vec<f64> = pairs.iter().map(|(_, squared)| squared.sqrt()).collect();
        let error = samples.iter().map(Centred::squared_error).sum::<f64>().sqrt();
        let values = pairs.into_iter().map(|(value, _)| value).collect();
        return replicates(values).studentized(&errors, error, confidence, resampling);
    }
    let values = each_draw(
        count,
        || (),
        |draw, ()| {
            let mut cursor = Cursor::new(&stream, draw);
            samples.iter().map(|sample| sample.resample::<false>(&mut cursor).0).sum()
        },
    );
    let acceleration = || {
        let mut acceleration = Acceleration::default();
        for sample in samples {
            // Leaving a value out moves the mean by its deviation over n - 1.
            acceleration.add_deviations(sample.values.iter().map(|v| sample.sign * v), sample.n());
        }
        Ok(acceleration.value())
    };
    replicates(values).interval(kind, acceleration, confidence, resampling)
}

/// Bootstrap interval of the mean.
///
/// # Errors
/// [`Degenerate::TooFew`] below two values or 100 resamples, [`Degenerate::ZeroVariance`] when all values are equal,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1) or a limit that has no value.
pub fn bootstrap_mean(
    x: &[f64],
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    check(confidence, resampling)?;
    check_sample(x, 2)?;
    one(&Moments::of(x), kind, confidence, resampling)
}

/// Bootstrap interval of the mean of paired differences `a - b`: pairs are resampled.
///
/// # Errors
/// As [`bootstrap_mean`], and [`Degenerate::LengthMismatch`].
pub fn bootstrap_paired_difference(
    a: &[f64],
    b: &[f64],
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    check(confidence, resampling)?;
    check_pairs(a, b, 2)?;
    one(&Moments::of_differences(a, b), kind, confidence, resampling)
}

fn one(
    moments: &Moments,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let mean = finite("the mean", moments.mean())?;
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: mean });
    }
    let sample = Centred::new(moments.deviations().to_vec(), 1.0);
    interval(&[sample], mean, moments.in_units(1.0), kind, confidence, resampling)
}

/// Bootstrap interval of `mean(a) - mean(b)` of independent samples, each resampled by itself.
///
/// # Errors
/// As [`bootstrap_mean`], for either sample; [`Degenerate::ZeroVariance`] when both are constant.
pub fn bootstrap_mean_difference(
    a: &[f64],
    b: &[f64],
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    check(confidence, resampling)?;
    check_sample(a, 2)?;
    check_sample(b, 2)?;
    let (a, b) = (Moments::of(a), Moments::of(b));
    let difference = finite("the difference", a.mean_less(&b))?;
    if a.is_constant() && b.is_constant() {
        return Err(Degenerate::ZeroVariance { value: difference });
    }
    // A constant sample has deviations of 0 in any unit.
    let unit = |m: &Moments| if m.is_constant() { 0.0 } else { m.in_units(1.0) };
    let common = unit(&a).max(unit(&b));
    let centred = |m: &Moments, sign: f64| {
        let factor = unit(m) / common;
        Centred::new(m.deviations().iter().map(|v| v * factor).collect(), sign)
    };
    interval(&[centred(&a, 1.0), centred(&b, -1.0)], difference, common, kind, confidence, resampling)
}
