//! Correlation of two paired samples.

use crate::degenerate::{Degenerate, check_pairs};
use crate::moments::{Moments, compensated_sum};

/// Pearson's product-moment correlation, between -1 and 1:
/// `sum (a - mean a)(b - mean b) / sqrt(sum (a - mean a)^2 * sum (b - mean b)^2)`.
///
/// Source: Pearson, "Notes on regression and inheritance in the case of two parents", Proceedings of the Royal
/// Society of London 58 (1895).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::TooFew`] below two pairs, [`Degenerate::ZeroVariance`] when one of
/// the samples is constant, [`Degenerate::NotFinite`].
pub fn correlation(a: &[f64], b: &[f64]) -> Result<f64, Degenerate> {
    check_pairs(a, b, 2)?;
    let (first, second) = (Moments::of(a), Moments::of(b));
    for (moments, sample) in [(&first, a), (&second, b)] {
        if moments.is_constant() {
            return Err(Degenerate::ZeroVariance { value: sample[0] });
        }
    }
    let squares = |x: &[f64]| compensated_sum(x.iter().map(|d| d * d));
    let (x, y) = (first.deviations(), second.deviations());
    let products = compensated_sum(x.iter().zip(y).map(|(x, y)| x * y));
    // The squares are sums of numbers up to about 1: their product is in range.
    Ok((products / (squares(x) * squares(y)).sqrt()).clamp(-1.0, 1.0))
}
