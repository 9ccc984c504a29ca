//! Differences of pairs for tests that compare sums of them.

use crate::moments::{largest, scale_to_one};

/// Differences `a[i] - b[i]` in units of a power of two, the largest of at most about 2.
pub(crate) struct Differences {
    /// The scaled differences; exactly 0 where they are within the rounding of the inputs.
    pub(crate) values: Vec<f64>,
    /// What the rounding of the inputs can make of one difference, in the same units.
    pub(crate) rounding: f64,
}

impl Differences {
    /// Of finite values, equal lengths, not empty.
    ///
    /// Inputs read from decimal text are off by half a unit in the last place each: differences that should be equal
    /// may differ by two such units, and count as equal to within [`Differences::rounding`].
    pub(crate) fn of(a: &[f64], b: &[f64]) -> Self {
        let largest = largest(a).max(largest(b));
        let scale = scale_to_one(largest);
        let rounding = 2.0 * f64::EPSILON * (largest * scale);
        let difference = |(a, b): (&f64, &f64)| {
            let difference = a * scale - b * scale;
            if difference.abs() <= rounding { 0.0 } else { difference }
        };
        Self { values: a.iter().zip(b).map(difference).collect(), rounding }
    }

    /// Whether every difference is 0.
    pub(crate) fn all_zero(&self) -> bool {
        self.values.iter().all(|d| *d == 0.0)
    }
}
