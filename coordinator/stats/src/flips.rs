//! On which single runs the verdict of a t test hangs.
//!
//! [`crate::leave_one_out`] repeats a test for every run. Here the test without a run is told from sums over all runs, and
//! repeated where that is too close to call: the answers are the same, and samples of hundreds take microseconds.

use crate::compare::{paired_t, satterthwaite, welch_t};
use crate::degenerate::{Degenerate, check_fraction};
use crate::distributions::student_t_critical;
use crate::robust::{Omitted, without};

/// A statistic within this share of the critical value is computed again without the run.
const CLOSE: f64 = 1e-6;
/// A run that holds all but this share of the squares leaves too few digits for the others.
const LEFT: f64 = 1e-6;
/// Confidence of intervals that nobody looks at.
const ANY: f64 = 0.95;

/// Sums over a sample, in a unit and from an origin common to both samples.
struct Sums {
    values: Vec<f64>,
    mean: f64,
    squares: f64,
}

impl Sums {
    fn of(x: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = x.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum();
        Self { values, mean, squares }
    }

    fn n(&self) -> usize {
        self.values.len()
    }

    /// Mean and squared standard error.
    fn whole(&self) -> (f64, f64) {
        (self.mean, self.squares / (self.n() * (self.n() - 1)) as f64)
    }

    /// Mean and squared standard error without value `at` of three or more; `None` where the rest has too few digits.
    fn without(&self, at: usize) -> Option<(f64, f64)> {
        let n = self.n() as f64;
        let deviation = self.values[at] - self.mean;
        let squares = self.squares - deviation * deviation * n / (n - 1.0);
        let mean = self.mean - deviation / (n - 1.0);
        (squares > LEFT * self.squares).then(|| (mean, squares / ((n - 1.0) * (n - 2.0))))
    }
}

/// Values less `origin`, over `unit`; `None` unless the unit is an ordinary number.
fn centred(x: &[f64], origin: f64, unit: f64) -> Option<Sums> {
    (unit.is_finite() && unit > 0.0).then(|| Sums::of(x.iter().map(|v| (v - origin) / unit)))
}

/// Largest distance from the first value.
fn spread(x: &[f64], origin: f64) -> f64 {
    x.iter().fold(0.0, |largest: f64, v| largest.max((v - origin).abs()))
}

/// Whether `|t|` is significant, by critical values for fewest and most degrees of freedom; `None`: too close to call.
fn significant(t: f64, [most, least]: [f64; 2]) -> Option<bool> {
    match t.abs() {
        t if t > most * (1.0 + CLOSE) => Some(true),
        t if t < least * (1.0 - CLOSE) => Some(false),
        _ => None,
    }
}

/// The runs without any one of which Welch's test, significant at `p <= alpha`, gives the other verdict.
///
/// # Errors
/// [`Degenerate::Domain`] for an `alpha` outside of (0, 1); what [`welch_t`] says of all runs. Without a run it may refuse:
/// then nothing hangs on that run.
pub fn welch_flips(a: &[f64], b: &[f64], alpha: f64) -> Result<Vec<Omitted>, Degenerate> {
    check_fraction("alpha", alpha)?;
    let planned = welch_t(a, b, ANY)?.p_value <= alpha;
    let again = |omitted| {
        let test = match omitted {
            Omitted::Second(at) => welch_t(a, &without(b, at), ANY),
            Omitted::First(at) | Omitted::Pair(at) => welch_t(&without(a, at), b, ANY),
        };
        test.is_ok_and(|test| (test.p_value <= alpha) != planned)
    };
    let all = || (0..a.len()).map(Omitted::First).chain((0..b.len()).map(Omitted::Second));
    let (origin, unit) = (a[0], spread(a, a[0]).max(spread(b, a[0])));
    let sums = centred(a, origin, unit).zip(centred(b, origin, unit)).filter(|_| a.len().min(b.len()) > 2);
    let Some((x, y)) = sums else { return Ok(all().filter(|omitted| again(*omitted)).collect()) };
    // t and degrees of freedom without each run.
    let quick = |omitted| {
        let ((mean_a, square_a), (mean_b, square_b), n_a, n_b) = match omitted {
            Omitted::First(at) | Omitted::Pair(at) => (x.without(at)?, y.whole(), x.n() - 1, y.n()),
            Omitted::Second(at) => (x.whole(), y.without(at)?, x.n(), y.n() - 1),
        };
        if square_a + square_b == 0.0 {
            return None;
        }
        let (df, error) = satterthwaite((square_a.sqrt(), n_a), (square_b.sqrt(), n_b));
        Some(((mean_a - mean_b) / error, df))
    };
    let found: Vec<(Omitted, Option<(f64, f64)>)> = all().map(|omitted| (omitted, quick(omitted))).collect();
    let dfs = || found.iter().filter_map(|(_, quick)| quick.map(|(_, df)| df));
    let limits = [dfs().fold(f64::INFINITY, f64::min), dfs().fold(f64::NEG_INFINITY, f64::max)];
    let limits = limits.map(|df| student_t_critical(1.0 - alpha, df).unwrap_or(f64::NAN));
    let flips = |(omitted, quick): (Omitted, Option<(f64, f64)>)| {
        let verdict = quick.and_then(|(t, _)| significant(t, limits));
        verdict.map_or_else(|| again(omitted), |verdict| verdict != planned).then_some(omitted)
    };
    Ok(found.into_iter().filter_map(flips).collect())
}

/// The pairs without any one of which the paired t test gives the other verdict, by their index.
///
/// # Errors
/// As [`welch_flips`], of [`paired_t`].
pub fn paired_flips(a: &[f64], b: &[f64], alpha: f64) -> Result<Vec<usize>, Degenerate> {
    check_fraction("alpha", alpha)?;
    let planned = paired_t(a, b, ANY)?.p_value <= alpha;
    let again = |at| paired_t(&without(a, at), &without(b, at), ANY).is_ok_and(|t| (t.p_value <= alpha) != planned);
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    // Differences of large values are rounded; where that could be seen, the test itself decides.
    let size = spread(a, 0.0).max(spread(b, 0.0));
    let unit = spread(&differences, differences[0]);
    let sums = centred(&differences, 0.0, unit).filter(|_| a.len() > 2 && unit > 1e-6 * size);
    let limit = student_t_critical(1.0 - alpha, (a.len().max(3) - 2) as f64).unwrap_or(f64::NAN);
    let flips = |at: &usize| {
        let quick = sums.as_ref().and_then(|sums| sums.without(*at));
        let verdict = quick.and_then(|(mean, square)| significant(mean / square.sqrt(), [limit, limit]));
        verdict.map_or_else(|| again(*at), |verdict| verdict != planned)
    };
    Ok((0..a.len()).filter(flips).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::robust::{leave_one_out, leave_one_pair_out};
    use sweeper_counter::Stream;

    fn sample(part: u32, n: usize, shift: f64, scale: f64, offset: f64) -> Vec<f64> {
        Stream::new(3, 77u32, part).normals(n).iter().map(|v| offset + scale * (v + shift)).collect()
    }

    /// The test repeated for every run is the reference; hundreds of samples near the critical value, some with a run
    /// far away, on offsets and scales that cost digits.
    #[test]
    fn flips_are_those_of_the_test_repeated() {
        let (mut flips, mut none) = (0, 0);
        for part in 0..400_u32 {
            let n = [2, 3, 5, 12, 40][part as usize % 5];
            let (scale, offset) = [(1.0, 0.0), (0.01, 1e6), (1e150, 0.0), (1e-200, 0.0)][part as usize % 4];
            let mut a = sample(2 * part, n, 2.2 / (n as f64).sqrt(), scale, offset);
            let b = sample(2 * part + 1, n + part as usize % 3, 0.0, scale, offset);
            if part % 7 == 0 {
                a[0] = offset + 1e5 * scale;
            }
            let p = |a: &[f64], b: &[f64]| welch_t(a, b, 0.9).map(|t| t.p_value);
            let expected: Vec<Omitted> = leave_one_out(&a, &b, 0.05, p).unwrap().flips().collect();
            assert_eq!(welch_flips(&a, &b, 0.05).unwrap(), expected, "{part}");
            flips += expected.len();
            none += usize::from(expected.is_empty());
            let b = &b[..n];
            let p = |a: &[f64], b: &[f64]| paired_t(a, b, 0.9).map(|t| t.p_value);
            let expected: Vec<Omitted> = leave_one_pair_out(&a, b, 0.05, p).unwrap().flips().collect();
            let found: Vec<Omitted> = paired_flips(&a, b, 0.05).unwrap().into_iter().map(Omitted::Pair).collect();
            assert_eq!(found, expected, "{part}");
        }
        assert!(flips > 200 && none > 100, "{flips} {none}");
    }

    #[test]
    fn what_varies_in_one_run_alone_is_still_told() {
        let (a, b) = ([1.0, 1.0, 1.0, 9.0], [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(welch_flips(&a, &b, 0.05).unwrap(), []);
        assert!(welch_flips(&[1.0; 4], &[1.0; 4], 0.05).is_err());
        assert!(welch_flips(&a, &b, 1.5).is_err());
    }
}
