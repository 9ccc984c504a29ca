//! Contrasts of cell means, in the units of the data: interactions as differences in differences, main effects as
//! averages over cells.

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::moments::{Moments, compensated_sum, largest};

/// Which variance of a cell mean a contrast uses. Both allow for different variances in different cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellError {
    /// `s^2 / n`, as in Welch's test; this is HC2 of the model of cell means.
    Welch,
    /// `s^2 / (n - 1)`: HC3 of the model of cell means, which is a little wider.
    Hc3,
}

/// `sum weights[c] mean(cells[c])` with Satterthwaite's degrees of freedom
/// `(sum u)^2 / sum (u^2 / (n - 1))`, `u = weight^2 * variance of the cell mean`. Cells of weight 0 do not take part.
/// For two cells with weights 1 and -1 it is Welch's test.
///
/// Source: Welch, "On the comparison of several mean values", Biometrika 38 (1951); Satterthwaite, Biometrics
/// Bulletin 2 (1946).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two values in a cell that takes part,
/// [`Degenerate::ZeroVariance`] when all of them are constant, [`Degenerate::NotFinite`], [`Degenerate::Domain`] when
/// every weight is 0, for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn cell_contrast(
    cells: &[&[f64]],
    weights: &[f64],
    error: CellError,
    confidence: f64,
) -> Result<TTest, Degenerate> {
    check_weights(cells, weights)?;
    check_fraction("confidence", confidence)?;
    let mut parts = Vec::new();
    for (cell, weight) in cells.iter().zip(weights).filter(|(_, w)| **w != 0.0) {
        check_sample(cell, 2)?;
        parts.push((Moments::of(cell), *weight));
    }
    // Means relative to the first cell's: an offset common to all cells must not cost digits.
    let reference = &parts[0].0;
    let total = compensated_sum(weights.iter().copied());
    let offset = if total.abs() <= 1e-12 * largest(weights) { 0.0 } else { total * reference.mean() };
    let difference = offset + compensated_sum(parts.iter().map(|(cell, w)| w * cell.mean_less(reference)));
    let difference = finite("the difference", difference)?;
    let errors: Vec<f64> = parts
        .iter()
        .map(|(cell, weight)| match error {
            CellError::Welch => weight.abs() * cell.se(),
            CellError::Hc3 => weight.abs() * cell.se() * (cell.n() as f64 / (cell.n() - 1) as f64).sqrt(),
        })
        .collect();
    let unit = finite("the standard error", largest(&errors))?;
    if unit == 0.0 {
        return Err(Degenerate::ZeroVariance { value: difference });
    }
    let shares: Vec<f64> = errors.iter().map(|e| (e / unit).powi(2)).collect();
    let sum: f64 = shares.iter().sum();
    let df = sum * sum / shares.iter().zip(&parts).map(|(u, (cell, _))| u * u / (cell.n() - 1) as f64).sum::<f64>();
    let standard_error = unit * sum.sqrt();
    TTest::new(difference, standard_error, difference / standard_error, df, confidence)
}

/// The contrast per seed, `sum weights[c] cells[c][seed]`, tested against 0 by Student's t on n - 1 degrees of
/// freedom: for cells that share their seeds. No variance has to be equal, and no correlation known.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two seeds, [`Degenerate::ZeroVariance`] when the contrast
/// is the same for all seeds to within the rounding of the values, [`Degenerate::NotFinite`], [`Degenerate::Domain`] when every
/// weight is 0, for a confidence outside of (0, 1) or a result beyond `f64`.
pub fn paired_cell_contrast(cells: &[&[f64]], weights: &[f64], confidence: f64) -> Result<TTest, Degenerate> {
    check_weights(cells, weights)?;
    check_fraction("confidence", confidence)?;
    let seeds = cells[0].len();
    for cell in cells {
        if cell.len() != seeds {
            return Err(Degenerate::LengthMismatch { a: seeds, b: cell.len() });
        }
        check_sample(cell, 2)?;
    }
    let value = |seed: usize| compensated_sum(cells.iter().zip(weights).map(|(cell, w)| w * cell[seed]));
    let values: Vec<f64> = (0..seeds).map(value).collect();
    check_sample(&values, 2).map_err(|_| Degenerate::domain("the contrast is beyond the range of a double"))?;
    let moments = Moments::of(&values);
    let rounding = cells.iter().zip(weights).map(|(cell, w)| w.abs() * largest(cell)).fold(0.0, f64::max);
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
    if high - low <= 4.0 * f64::EPSILON * rounding {
        return Err(Degenerate::ZeroVariance { value: moments.mean() });
    }
    TTest::new(moments.mean(), moments.se(), moments.mean_over_se(), (seeds - 1) as f64, confidence)
}

fn check_weights(cells: &[&[f64]], weights: &[f64]) -> Result<(), Degenerate> {
    if cells.len() != weights.len() {
        return Err(Degenerate::LengthMismatch { a: cells.len(), b: weights.len() });
    }
    check_sample(weights, 1)?;
    if weights.iter().all(|w| *w == 0.0) {
        return Err(Degenerate::domain("every weight of the contrast is 0"));
    }
    Ok(())
}

/// Weights of the corners of a [`Square`](crate::grid::Square): effect of the first factor at the high level of the
/// second, less that at the low level.
const INTERACTION: [f64; 4] = [1.0, -1.0, -1.0, 1.0];

/// Difference in differences of four independent cells, in the order of [`Square`](crate::grid::Square):
/// `(high, high) - (low, high) - (high, low) + (low, low)`.
///
/// # Errors
/// As [`cell_contrast`].
pub fn difference_in_differences(cells: [&[f64]; 4], error: CellError, confidence: f64) -> Result<TTest, Degenerate> {
    cell_contrast(&cells, &INTERACTION, error, confidence)
}

/// [`difference_in_differences`] of cells that share their seeds.
///
/// # Errors
/// As [`paired_cell_contrast`].
pub fn paired_difference_in_differences(cells: [&[f64]; 4], confidence: f64) -> Result<TTest, Degenerate> {
    paired_cell_contrast(&cells, &INTERACTION, confidence)
}
