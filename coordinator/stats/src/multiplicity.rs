//! Adjustment of p-values for the number of comparisons made.
//!
//! Every adjustment here comes twice: for p-values, and for their base-10 logarithms, which hold where p underflows.

/// Holm's step-down adjustment: with the m p-values in ascending order, the i-th (from 0) becomes the largest of
/// `(m - j) p_j` over `j <= i`, at most 1. It bounds the family-wise error rate under any dependence.
///
/// `None`, or a value that is no number in [0, 1], leaves the family: it stays `None` and m does not count it.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
/// (1979).
#[must_use]
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_down(p, &PLAIN, &|m, rank| m - rank)
}

/// [`holm`] on base-10 logarithms, for p-values below the smallest double. Values above 0 and NaN leave the family.
#[must_use]
pub fn holm_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_down(log10_p, &LOG10, &|m, rank| m - rank)
}

/// Bonferroni's adjustment: `m p`, at most 1. `None` and values that are no number in [0, 1] leave the family, as in
/// [`holm`]. It bounds the family-wise error rate under any dependence.
///
/// Source: Dunn, "Multiple comparisons among means", Journal of the American Statistical Association 56 (1961).
#[must_use]
pub fn bonferroni(p: &[Option<f64>]) -> Vec<Option<f64>> {
    plain(p, &PLAIN, &|m, _| m)
}

/// [`bonferroni`] on base-10 logarithms.
#[must_use]
pub fn bonferroni_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    plain(log10_p, &LOG10, &|m, _| m)
}

/// Hochberg's step-up adjustment: with the m p-values in ascending order, the i-th (from 0) becomes the smallest of
/// `(m - j) p_j` over `j >= i`, at most 1. Members as in [`holm`], which it never exceeds. It bounds the family-wise
/// error rate for independent and for positively dependent statistics, not under any dependence.
///
/// Source: Hochberg, "A sharper Bonferroni procedure for multiple tests of significance", Biometrika 75 (1988).
#[must_use]
pub fn hochberg(p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(p, &PLAIN, &|m, rank| m - rank)
}

/// [`hochberg`] on base-10 logarithms.
#[must_use]
pub fn hochberg_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(log10_p, &LOG10, &|m, rank| m - rank)
}

/// Benjamini's and Hochberg's step-up adjustment: the i-th p-value in ascending order (from 0) becomes the smallest of
/// `m / (j + 1) p_j` over `j >= i`, at most 1. Members as in [`holm`]. It bounds the expected share of false ones among
/// the rejected hypotheses for independent and for positively dependent statistics.
///
/// Source: Benjamini and Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society
/// B 57 (1995).
#[must_use]
pub fn benjamini_hochberg(p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(p, &PLAIN, &|m, rank| m / (rank + 1.0))
}

/// [`benjamini_hochberg`] on base-10 logarithms.
#[must_use]
pub fn benjamini_hochberg_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(log10_p, &LOG10, &|m, rank| m / (rank + 1.0))
}

/// Benjamini's and Yekutieli's adjustment: [`benjamini_hochberg`] with every factor multiplied by
/// `1 + 1/2 + ... + 1/m`, which makes it hold under any dependence.
///
/// Source: Benjamini and Yekutieli, "The control of the false discovery rate in multiple testing under dependency",
/// Annals of Statistics 29 (2001).
#[must_use]
pub fn benjamini_yekutieli(p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(p, &PLAIN, &|m, rank| harmonic(m) * m / (rank + 1.0))
}

/// [`benjamini_yekutieli`] on base-10 logarithms.
#[must_use]
pub fn benjamini_yekutieli_log10(log10_p: &[Option<f64>]) -> Vec<Option<f64>> {
    step_up(log10_p, &LOG10, &|m, rank| harmonic(m) * m / (rank + 1.0))
}

fn harmonic(m: f64) -> f64 {
    (1..=m as u64).rev().map(|i| 1.0 / i as f64).sum()
}

/// How p-values are written: who belongs to a family, what a multiple is, and what 1 is.
struct Form {
    family: fn(f64) -> bool,
    times: fn(f64, f64) -> f64,
    cap: f64,
}

const PLAIN: Form = Form { family: |p| (0.0..=1.0).contains(&p), times: |p, factor| p * factor, cap: 1.0 };

const LOG10: Form = Form { family: |p| p <= 0.0 && p.is_finite(), times: |p, factor| p + factor.log10(), cap: 0.0 };

/// Members of the family with their places, ascending.
fn ordered(p: &[Option<f64>], form: &Form) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> =
        p.iter().enumerate().filter_map(|(i, p)| p.filter(|&p| (form.family)(p)).map(|p| (i, p))).collect();
    order.sort_by(|x, y| x.1.total_cmp(&y.1));
    order
}

/// Each value by its own factor of (m, rank).
fn plain(p: &[Option<f64>], form: &Form, factor: &dyn Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
    let order = ordered(p, form);
    let m = order.len() as f64;
    let mut adjusted = vec![None; p.len()];
    for (rank, &(index, value)) in order.iter().enumerate() {
        adjusted[index] = Some((form.times)(value, factor(m, rank as f64)).min(form.cap));
    }
    adjusted
}

/// Each value by its own factor, and the smallest of those and of all larger values' results.
fn step_up(p: &[Option<f64>], form: &Form, factor: &dyn Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
    let mut adjusted = plain(p, form, factor);
    let mut running = form.cap;
    for (index, _) in ordered(p, form).into_iter().rev() {
        running = adjusted[index].map_or(running, |value| running.min(value));
        adjusted[index] = Some(running);
    }
    adjusted
}

fn step_down(p: &[Option<f64>], form: &Form, factor: &dyn Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
    let mut adjusted = plain(p, form, factor);
    let mut running = f64::NEG_INFINITY;
    for (index, _) in ordered(p, form) {
        running = adjusted[index].map_or(running, |value| running.max(value));
        adjusted[index] = Some(running);
    }
    adjusted
}
