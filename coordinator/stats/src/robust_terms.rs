//! Terms of a factorial model without the assumption that all cells have one variance.
//!
//! A term is a set of contrasts of cell means, those that its sum of squares of type II is made of. Independent cells
//! are tested by Welch's and James's method, which needs no variances in common; cells that share their seeds by
//! Hotelling's T squared of the contrasts per seed, which needs no correlations in common either. For a term with one
//! degree of freedom these are Welch's test and the paired t-test of that contrast.

use crate::degenerate::{Degenerate, check_pairs, check_sample, finite};
use crate::factorial::{Model, SumsOfSquares, Term, base_columns};
use crate::linear::{Qr, leverages};
use crate::moments::{Moments, compensated_sum, largest};
use crate::tails::FTest;

/// A term with its test.
#[derive(Debug, Clone, PartialEq)]
pub struct RobustTerm {
    /// Which term.
    pub term: Term,
    /// Its F test, or why there is none: too few values for its degrees of freedom, or a contrast that does not vary.
    pub test: Result<FTest, Degenerate>,
}

/// Tests of the main effects and, with `interactions`, of the interactions of two factors, in the order of
/// [`factorial_anova`](crate::factorial::factorial_anova) and with its hypotheses of type II. `cells` are the values of
/// distinct cells, `levels` the level of every factor by cell. With `paired`, values at one position of the cells share
/// a seed. A term that cannot be tested has its reason; one that the design cannot tell from others is left out.
///
/// Source: Johansen, "The Welch-James approximation to the distribution of the residual sum of squares in a weighted
/// linear regression", Biometrika 67 (1980); Hotelling, "The generalization of Student's ratio", Annals of Mathematical
/// Statistics 2 (1931).
///
/// # Errors
/// [`Degenerate::TooFew`] below two cells or two values in one, [`Degenerate::LengthMismatch`] where levels are missing or
/// paired cells differ in length, [`Degenerate::NotFinite`], [`Degenerate::Domain`] without factors.
pub fn robust_terms(
    cells: &[&[f64]],
    levels: &[Vec<usize>],
    paired: bool,
    interactions: bool,
) -> Result<Vec<RobustTerm>, Degenerate> {
    if cells.len() < 2 {
        return Err(Degenerate::TooFew { n: cells.len(), needed: 2 });
    }
    for cell in cells {
        if paired { check_pairs(cells[0], cell, 2)? } else { check_sample(cell, 2)? }
    }
    let count = levels.first().map_or(0, Vec::len);
    if count == 0 {
        return Err(Degenerate::domain("the test of a term needs at least one factor"));
    }
    if levels.len() != cells.len() {
        return Err(Degenerate::LengthMismatch { a: cells.len(), b: levels.len() });
    }
    if let Some(other) = levels.iter().find(|l| l.len() != count) {
        return Err(Degenerate::LengthMismatch { a: count, b: other.len() });
    }
    let factors: Vec<Vec<usize>> = (0..count).map(|f| levels.iter().map(|l| l[f]).collect()).collect();
    let slices: Vec<&[usize]> = factors.iter().map(Vec::as_slice).collect();
    // A cell counts as often as it has values, as in the analysis of variance of all values.
    let weights: Vec<f64> = cells.iter().map(|cell| (cell.len() as f64).sqrt()).collect();
    let mut model = Model::new(&slices, None, interactions);
    for column in &mut model.columns {
        column.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w);
    }
    let test = |(term, own): &(Term, std::ops::Range<usize>)| {
        let contrasts = contrasts(&model, *term, own.clone(), &weights);
        let tested = if paired { hotelling } else { welch_james };
        (!contrasts.is_empty()).then(|| RobustTerm { term: *term, test: tested(cells, &contrasts) })
    };
    Ok(model.terms.iter().filter_map(test).collect())
}

/// Contrasts of cell means, each with a weight per cell, whose weights add up to 0: an orthonormal basis of what the
/// term's columns leave when those it is adjusted for are swept out.
fn contrasts(model: &Model, term: Term, own: std::ops::Range<usize>, weights: &[f64]) -> Vec<Vec<f64>> {
    let base = base_columns(&model.terms, term, SumsOfSquares::TypeII);
    let columns: Vec<Vec<f64>> = base.iter().copied().chain(own).map(|j| model.columns[j].clone()).collect();
    let qr = Qr::new(columns);
    let first = qr.independent().iter().take_while(|&&j| j < base.len()).count();
    let direction = |k: usize| {
        let mut column = vec![0.0; weights.len()];
        column[k] = 1.0;
        qr.apply(&mut column);
        column.iter().zip(weights).map(|(q, w)| q * w).collect()
    };
    (first..qr.rank()).map(direction).collect()
}

/// With z the contrasts' estimates, V their covariance from each cell's own variance and l their number:
/// `T = z' V^-1 z`, `F = T / (l + 2A (l - 1)/(l + 2))` on l and `l (l + 2) / (3A)` degrees of freedom, where A adds up
/// `h^2 / (n - 1)` over the cells, h being the cell's share in V (they add up to l).
fn welch_james(cells: &[&[f64]], contrasts: &[Vec<f64>]) -> Result<FTest, Degenerate> {
    let moments: Vec<Moments> = cells.iter().map(|cell| Moments::of(cell)).collect();
    let errors: Vec<f64> = moments.iter().map(Moments::se).collect();
    let unit = finite("the standard error", largest(&errors))?;
    if unit == 0.0 {
        return Err(Degenerate::ZeroVariance { value: moments[0].mean() });
    }
    let scaled = |c: &Vec<f64>| c.iter().zip(&errors).map(|(c, e)| c * (e / unit)).collect();
    let qr = own_errors(contrasts.iter().map(scaled).collect())?;
    let apart: Vec<f64> = moments.iter().map(|m| m.mean_less(&moments[0]) / unit).collect();
    let estimate = |c: &Vec<f64>| compensated_sum(c.iter().zip(&apart).map(|(c, m)| c * m));
    let z: Vec<f64> = contrasts.iter().map(estimate).collect();
    let wald = compensated_sum(qr.solve_transposed(&z).iter().map(|v| v * v));
    let shares = leverages(&qr, cells.len());
    let a = compensated_sum(shares.iter().zip(&moments).map(|(h, m)| h * h / (m.n() - 1) as f64));
    let l = contrasts.len() as f64;
    FTest::new(wald / (l + 2.0 * a * (l - 1.0) / (l + 2.0)), l, l * (l + 2.0) / (3.0 * a))
}

/// With z the means of the contrasts over the n seeds, S their covariance and l their number: `T^2 = n z' S^-1 z`,
/// `F = (n - l) / (l (n - 1)) T^2` on l and n - l degrees of freedom.
fn hotelling(cells: &[&[f64]], contrasts: &[Vec<f64>]) -> Result<FTest, Degenerate> {
    let (n, l) = (cells[0].len(), contrasts.len());
    if n <= l {
        return Err(Degenerate::TooFew { n, needed: l + 1 });
    }
    let rounding = 4.0 * f64::EPSILON * cells.iter().map(|cell| largest(cell)).fold(0.0, f64::max);
    let mut parts = Vec::new();
    for c in contrasts {
        // Differences from the first cell: what a seed adds to all cells must not cost digits.
        let value =
            |seed: usize| compensated_sum(c.iter().zip(cells).map(|(c, cell)| c * (cell[seed] - cells[0][seed])));
        let values: Vec<f64> = (0..n).map(value).collect();
        check_sample(&values, 2).map_err(|_| Degenerate::domain("a contrast is beyond the range of a double"))?;
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let moments = Moments::of(&values);
        if high - low <= rounding * largest(c) {
            return Err(Degenerate::ZeroVariance { value: moments.mean() });
        }
        parts.push((moments.mean(), moments.deviations().iter().map(|d| moments.in_units(*d)).collect::<Vec<f64>>()));
    }
    let unit = parts.iter().map(|(_, deviations)| largest(deviations)).fold(0.0, f64::max);
    let qr = own_errors(parts.iter().map(|(_, d)| d.iter().map(|d| d / unit).collect()).collect())?;
    let z: Vec<f64> = parts.iter().map(|(mean, _)| mean / unit).collect();
    let length = compensated_sum(qr.solve_transposed(&z).iter().map(|v| v * v));
    let (n, l) = (n as f64, l as f64);
    FTest::new(n * (n - l) / l * length, l, n - l)
}

/// Factors columns that all must have an error of their own.
fn own_errors(columns: Vec<Vec<f64>>) -> Result<Qr, Degenerate> {
    let wanted = columns.len();
    let qr = Qr::new(columns);
    if qr.rank() < wanted {
        return Err(Degenerate::domain("a contrast of the term does not vary: there is no error to compare it with"));
    }
    Ok(qr)
}
