//! Adjustment of p-values for the number of comparisons made.

/// Holm's step-down adjustment: with the m p-values in ascending order, the i-th (from 0) becomes the largest of
/// `(m - j) p_j` over `j <= i`, at most 1. It bounds the family-wise error rate under any dependence.
///
/// `None`, or a value that is no number in [0, 1], leaves the family: it stays `None` and m does not count it.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
/// (1979).
#[must_use]
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let family = |value: f64| (0.0..=1.0).contains(&value);
    step_down(p, family, |value, factor| value * factor, 1.0)
}

/// [`holm`] on base-10 logarithms, for p-values below the smallest double. Values above 0 and NaN leave the family.
#[must_use]
pub fn holm_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    let family = |value: f64| value <= 0.0 && value.is_finite();
    step_down(log10_p, family, |value, factor| value + factor.log10(), 0.0)
}

fn step_down(
    p: &[Option<f64>],
    family: impl Fn(f64) -> bool,
    times: impl Fn(f64, f64) -> f64,
    cap: f64,
) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        p.iter().enumerate().filter_map(|(i, p)| p.filter(|&p| family(p)).map(|p| (i, p))).collect();
    order.sort_by(|x, y| x.1.total_cmp(&y.1));
    let m = order.len();
    let mut adjusted = vec![None; p.len()];
    let mut running = f64::NEG_INFINITY;
    for (rank, &(index, value)) in order.iter().enumerate() {
        running = running.max(times(value, (m - rank) as f64));
        adjusted[index] = Some(running.min(cap));
    }
    adjusted
}
