//! Numbers as text. Digits follow the standard error; a p-value is never shown as 0.

use super::analysis::{Measured, Tested, Unit};
use sweeper_stats::Interval;

/// Significant digits of a double.
const DIGITS: usize = 17;
/// From here on whole digits are more than a double has.
const UNREADABLE: f64 = 1e17;

/// Shortest text that reads back to the same bits; exponent form for very large and very small values.
pub(crate) fn exact(value: f64) -> String {
    format!("{value:?}")
}

/// Decimals that show a standard error with two significant digits, between 0 and 12.
pub(crate) fn decimals(standard_error: Option<f64>) -> usize {
    match standard_error {
        Some(se) if se.is_finite() && se > 0.0 => {
            // Through the text form, so that 0.0996 counts as 0.10 and not as 0.099.
            let exponent: i32 = format!("{se:.1e}").split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
            usize::try_from((1 - exponent).clamp(0, 12)).unwrap_or(0)
        }
        _ => 3,
    }
}

/// The middle one, or the smaller of the two in the middle; none of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// Six significant digits, without needless zeros and without the noise of binary fractions.
pub(crate) fn rounded(value: f64) -> String {
    format!("{value:.5e}").parse().map_or_else(|_| exact(value), exact)
}

/// Decimals of everything that is shown of one config on one metric.
pub(crate) fn measured_decimals(measured: &Measured) -> usize {
    decimals(measured.se)
}

/// Decimals of the difference of a comparison and of its interval.
pub(crate) fn tested_decimals(tested: &Tested) -> usize {
    decimals(Some(tested.primary.standard_error))
}

/// Fixed number of decimals, as far as a double has digits; six significant digits in exponent form where fixed form would
/// be unreadable.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let size = value.abs();
    if size >= UNREADABLE || (size > 0.0 && size < 1e-9) {
        return format!("{value:.5e}");
    }
    let whole = format!("{size:.0}").len();
    let decimals = decimals.min(DIGITS.saturating_sub(whole));
    let text = format!("{value:.decimals$}");
    // "-0.00" would claim a sign that the digits do not show.
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_owned(),
        _ => text,
    }
}

/// [`fixed`] with a plus sign for positive values.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if value > 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { format!("+{text}") } else { text }
}

/// `[10.1, 14.6]`.
pub(crate) fn interval(interval: &Interval, decimals: usize) -> String {
    format!("[{}, {}]", fixed(interval.low, decimals), fixed(interval.high, decimals))
}

/// `+10.1 to +14.6 pp`.
pub(crate) fn interval_in_words(interval: &Interval, decimals: usize, unit: Unit) -> String {
    let text = format!("{} to {}", signed(interval.low, decimals), signed(interval.high, decimals));
    with_unit(&text, unit.of_difference())
}

/// Text and unit, with a space between unless there is no unit.
pub(crate) fn with_unit(text: &str, unit: &str) -> String {
    if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") }
}

/// A p-value with two significant digits: `0.026`, `3.5e-6`, `< 1e-300`. More digits only where two would hide on
/// which side of `alpha` it lies.
pub(crate) fn p(value: f64, alpha: f64) -> String {
    if value < 1e-300 {
        return "< 1e-300".to_owned();
    }
    (2..=6).map(|digits| p_digits(value, digits)).find(|text| tells(text, value, alpha)).unwrap_or_else(|| exact(value))
}

/// `p = 0.026` or `p < 1e-300`.
pub(crate) fn p_equals(value: f64, alpha: f64) -> String {
    let text = p(value, alpha);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

fn p_digits(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if exponent < -3 {
        return scientific;
    }
    let decimals = usize::try_from(i32::try_from(digits).unwrap_or(2) - 1 - exponent).unwrap_or(0);
    format!("{value:.decimals$}")
}

fn tells(text: &str, value: f64, alpha: f64) -> bool {
    let Ok(shown) = text.parse::<f64>() else { return true };
    (shown <= alpha) == (value <= alpha) && (shown == alpha) == (value == alpha)
}

/// A test statistic, an effect size or a correlation: two decimals, or three significant digits when large.
pub(crate) fn statistic(value: f64) -> String {
    let size = value.abs();
    if size < 1e-6 {
        fixed(0.0, 2)
    } else if size >= 1e6 {
        format!("{value:.2e}")
    } else if size >= 100.0 {
        fixed(value, 0)
    } else if size >= 10.0 {
        fixed(value, 1)
    } else {
        fixed(value, 2)
    }
}

/// Degrees of freedom: whole where they are whole, else one decimal.
pub(crate) fn df(value: f64) -> String {
    if value.fract() == 0.0 { fixed(value, 0) } else { fixed(value, 1) }
}

/// A share as percent without needless decimals: `95 %`, `99.9 %`.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_have_two_digits_and_are_never_zero() {
        let shown: Vec<String> =
            [1.0, 0.26, 0.031, 0.0012, 0.000_35, 3.5e-6, 1.04e-299, 1e-301, 0.0].iter().map(|&v| p(v, 0.05)).collect();
        assert_eq!(shown, ["1.0", "0.26", "0.031", "0.0012", "3.5e-4", "3.5e-6", "1.0e-299", "< 1e-300", "< 1e-300"]);
        assert_eq!(p_equals(0.0, 0.05), "p < 1e-300");
        assert_eq!(p_equals(0.26, 0.05), "p = 0.26");
    }

    #[test]
    fn a_p_value_near_alpha_shows_its_side() {
        assert_eq!(p(0.0496, 0.05), "0.0496");
        assert_eq!(p(0.050_04, 0.05), "0.05004");
        assert_eq!(p(0.05, 0.05), "0.050");
        assert_eq!(p(0.999, 0.05), "1.0");
    }

    #[test]
    fn decimals_follow_the_standard_error() {
        let of = |se| decimals(Some(se));
        assert_eq!((of(0.63), of(0.063), of(12.0), of(0.0996), of(1234.0)), (2, 3, 0, 2, 0));
        assert_eq!((decimals(None), decimals(Some(0.0)), decimals(Some(f64::NAN))), (3, 3, 3));
    }

    #[test]
    fn signs_are_shown_only_where_digits_carry_them() {
        assert_eq!((signed(0.4, 1), signed(-0.4, 1), signed(-0.004, 2)), ("+0.4".into(), "-0.4".into(), "0.00".into()));
        assert_eq!((signed(0.001, 2), signed(0.0, 2), fixed(-0.0, 1)), ("0.00".into(), "0.00".into(), "0.0".into()));
    }

    #[test]
    fn large_values_keep_the_digits_of_their_error() {
        assert_eq!(
            (fixed(1_000_000_000.004_2, 4), fixed(1.25e12, 2)),
            ("1000000000.0042".into(), "1250000000000.00".into())
        );
        // Seventeen digits are all that there are.
        assert_eq!((fixed(1e9, 12), fixed(-3e16, 5)), ("1000000000.0000000".into(), "-30000000000000000".into()));
        assert_eq!((fixed(1e17, 2), fixed(-1.25e300, 0)), ("1.00000e17".into(), "-1.25000e300".into()));
    }

    #[test]
    fn noise_is_not_shown() {
        assert_eq!((rounded(0.010_000_000_000_005_116), rounded(-1.0 / 3.0)), ("0.01".into(), "-0.333333".into()));
        assert_eq!((rounded(123_456_789.0), rounded(f64::INFINITY)), ("123457000.0".into(), "inf".into()));
        assert_eq!(
            (statistic(2.023_37e-32), statistic(-1e-7), statistic(0.006)),
            ("0.00".into(), "0.00".into(), "0.01".into())
        );
        assert_eq!((median([3.0, 1.0, 2.0, 9.0].into_iter()), median([].into_iter())), (Some(2.0), None));
    }

    #[test]
    fn shares_have_no_needless_zeros() {
        assert_eq!((percent(0.95), percent(0.999), percent(0.05)), ("95 %".into(), "99.9 %".into(), "5 %".into()));
    }
}
