//! Any statistic of one or two samples.

use super::limits::{Acceleration, Replicates};
use super::{BootstrapInterval, BootstrapKind, Resampling, check, no_studentized};
use crate::degenerate::{Degenerate, check_sample, finite};
use crate::random::{BOOTSTRAP, Below, Cursor, each_draw};

/// Resamples of every sample, each by itself, in `out`.
fn resample(samples: &[&[f64]], cursor: &mut Cursor, out: &mut Vec<Vec<f64>>) {
    out.resize_with(samples.len(), Vec::new);
    for (x, out) in samples.iter().zip(out) {
        out.clear();
        cursor.indices(Below::new(x.len()), x.len(), |i| out.push(x[i]));
    }
}

fn owned(samples: &[&[f64]]) -> Vec<Vec<f64>> {
    samples.iter().map(|x| x.to_vec()).collect()
}

/// Acceleration by leaving out each value of each sample in turn.
fn acceleration(samples: &[&[f64]], statistic: impl Fn(&mut [Vec<f64>]) -> f64) -> Result<f64, Degenerate> {
    let mut acceleration = Acceleration::default();
    for (index, x) in samples.iter().enumerate() {
        let without = |skip: usize| {
            let mut rest = owned(samples);
            rest[index].remove(skip);
            statistic(&mut rest)
        };
        acceleration.add(&(0..x.len()).map(without).collect::<Vec<f64>>());
    }
    finite("the statistic without one of the runs", acceleration.value())
}

fn interval(
    samples: &[&[f64]],
    statistic: impl Fn(&mut [Vec<f64>]) -> f64 + Sync,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    check(confidence, resampling)?;
    samples.iter().try_for_each(|x| check_sample(x, 2))?;
    if kind == BootstrapKind::Studentized {
        return Err(no_studentized());
    }
    let stream = resampling.draws().stream(BOOTSTRAP);
    let values = each_draw(u64::from(resampling.resamples), Vec::new, |draw, scratch| {
        resample(samples, &mut Cursor::new(&stream, draw), scratch);
        statistic(scratch)
    });
    let estimate = statistic(&mut owned(samples));
    let replicates = Replicates { values, estimate, to_value: |v| v, unit: 1.0 };
    replicates.interval(kind, || acceleration(samples, &statistic), confidence, resampling)
}

/// Bootstrap interval of any `statistic` of one sample, by percentiles or BCa. It may reorder its argument, which is
/// scratch; NaN says that it has no value.
///
/// # Errors
/// [`Degenerate::TooFew`] below two values or 100 resamples, [`Degenerate::ZeroVariance`] when every resample gives
/// the same, [`Degenerate::NotFinite`], [`Degenerate::Domain`] for a confidence outside of (0, 1), a studentized
/// interval, a statistic without a finite value or a limit that has no value.
pub fn bootstrap_one(
    x: &[f64],
    statistic: impl Fn(&mut [f64]) -> f64 + Sync,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    interval(&[x], |samples| statistic(&mut samples[0]), kind, confidence, resampling)
}

/// Bootstrap interval of any `statistic` of two independent samples, each resampled by itself; as [`bootstrap_one`].
///
/// # Errors
/// As [`bootstrap_one`], for either sample.
pub fn bootstrap_two(
    a: &[f64],
    b: &[f64],
    statistic: impl Fn(&mut [f64], &mut [f64]) -> f64 + Sync,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let both = |samples: &mut [Vec<f64>]| {
        let (first, second) = samples.split_at_mut(1);
        statistic(&mut first[0], &mut second[0])
    };
    interval(&[a, b], both, kind, confidence, resampling)
}

/// Studentized bootstrap interval of any statistic of one sample that comes with a standard error: `estimate` answers
/// both. It may reorder its argument, which is scratch.
///
/// # Errors
/// As [`bootstrap_one`]; [`Degenerate::ZeroVariance`] when the standard error of the data is not positive.
pub fn bootstrap_studentized(
    x: &[f64],
    estimate: impl Fn(&mut [f64]) -> (f64, f64) + Sync,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    check(confidence, resampling)?;
    check_sample(x, 2)?;
    let stream = resampling.draws().stream(BOOTSTRAP);
    let pairs = each_draw(u64::from(resampling.resamples), Vec::new, |draw, scratch| {
        resample(&[x], &mut Cursor::new(&stream, draw), scratch);
        estimate(&mut scratch[0])
    });
    let (values, errors): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (value, error) = estimate(&mut x.to_vec());
    let replicates = Replicates { values, estimate: value, to_value: |v| v, unit: 1.0 };
    replicates.studentized(&errors, error, confidence, resampling)
}
