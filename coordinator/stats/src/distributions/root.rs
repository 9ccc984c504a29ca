//! Root of an increasing function.

use crate::degenerate::Degenerate;

/// Two arguments around a root with their function values, `low.1 <= 0 <= high.1`.
struct Bracket {
    low: (f64, f64),
    high: (f64, f64),
}

/// Grows a bracket from `start` by steps of `step > 0` that double.
fn bracket(f: &impl Fn(f64) -> f64, start: f64, step: f64) -> Option<Bracket> {
    let first = (start, f(start));
    let mut bracket = Bracket { low: first, high: first };
    let mut reach = step;
    for _ in 0..200 {
        if bracket.low.1 > 0.0 {
            bracket.high = bracket.low;
            let x = bracket.low.0 - reach;
            bracket.low = (x, f(x));
        } else if bracket.high.1 < 0.0 {
            bracket.low = bracket.high;
            let x = bracket.high.0 + reach;
            bracket.high = (x, f(x));
        } else {
            return bracket.high.0.is_finite().then_some(bracket).filter(|b| b.low.0.is_finite());
        }
        reach *= 2.0;
    }
    None
}

/// Root of an increasing `f` near `start`, to about a relative 1e-14 of the larger of root and `step > 0`, by the
/// Illinois form of false position.
///
/// Source: Dowell and Jarratt, "A modified regula falsi method", BIT 11 (1971).
///
/// # Errors
/// [`Degenerate::Domain`] when no change of sign is found.
pub(crate) fn increasing_root(f: impl Fn(f64) -> f64, start: f64, step: f64) -> Result<f64, Degenerate> {
    let Bracket { mut low, mut high } = bracket(&f, start, step).ok_or_else(|| {
        Degenerate::domain("no limit found: the statistic is too extreme for its noncentral distribution")
    })?;
    // Positive when the last point replaced `high`, negative when it replaced `low`.
    let mut replaced = 0;
    let mut previous = f64::NAN;
    for _ in 0..200 {
        if low.1 == 0.0 {
            return Ok(low.0);
        }
        if high.1 == 0.0 {
            return Ok(high.0);
        }
        let crossing = low.0 + (high.0 - low.0) * (low.1 / (low.1 - high.1));
        let next = if low.0 < crossing && crossing < high.0 { crossing } else { f64::midpoint(low.0, high.0) };
        let tolerance = 1e-14 * next.abs().max(step);
        if (next - previous).abs() <= tolerance || high.0 - low.0 <= tolerance {
            return Ok(next);
        }
        previous = next;
        let value = f(next);
        if value < 0.0 {
            low = (next, value);
            // The same end stayed twice: halve its weight, or false position would creep.
            if replaced < 0 {
                high.1 *= 0.5;
            }
            replaced = -1;
        } else {
            high = (next, value);
            if replaced > 0 {
                low.1 *= 0.5;
            }
            replaced = 1;
        }
    }
    Ok(f64::midpoint(low.0, high.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn roots_near_and_far_from_the_start() {
        for (start, step) in [(0.0, 1.0), (-50.0, 0.5), (900.0, 1e-3), (3.0_f64.cbrt(), 1.0)] {
            let root = increasing_root(|x| x * x * x - 3.0, start, step).unwrap();
            assert!((root - 3.0_f64.cbrt()).abs() < 1e-13, "{start}: {root}");
        }
        assert_eq!(increasing_root(|x| x, 0.0, 1.0), Ok(0.0));
        assert!(increasing_root(|_| -1.0, 0.0, 1.0).is_err());
    }
}
