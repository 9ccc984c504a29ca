//! Least squares by Householder QR with rank detection, with classical and heteroscedasticity-consistent errors.
//!
//! Columns are taken in their order; one that depends on those before it moves to the end and is called *aliased*.
//! So later terms of a model are aliased with earlier ones, never the other way round. That is the limited pivoting
//! of R's `lm`; pivoting by norm would find the same rank but choose the victims by scale.

use serde::{Deserialize, Serialize};

use crate::compare::TTest;
use crate::degenerate::{Degenerate, check_sample, finite};
use crate::moments::{Moments, compensated_sum, largest, scale_to_one};

/// A column counts as dependent when less than this share of its length is left outside of the span of the columns
/// before it. Centre covariates, or a large offset looks like the intercept.
const DEPENDENT: f64 = 1e-10;

/// A residual this close to determined by its own observation has no heteroscedasticity-consistent error.
const FULL_LEVERAGE: f64 = 1.0 - 1e-9;

/// A dense matrix of finite values, row after row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// A matrix from `rows * columns` values, row after row.
    ///
    /// # Errors
    /// [`Degenerate::LengthMismatch`] for another number of values, [`Degenerate::NotFinite`],
    /// [`Degenerate::TooFew`] without rows or columns.
    pub fn new(rows: usize, columns: usize, values: Vec<f64>) -> Result<Self, Degenerate> {
        let wanted = rows.checked_mul(columns).ok_or_else(|| Degenerate::domain("the matrix is too large"))?;
        if values.len() != wanted {
            return Err(Degenerate::LengthMismatch { a: wanted, b: values.len() });
        }
        check_sample(&values, 1)?;
        Ok(Self { rows, columns, values })
    }

    /// A matrix from rows of equal length.
    ///
    /// # Errors
    /// As [`Matrix::new`].
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Self, Degenerate> {
        let columns = rows.first().map_or(0, Vec::len);
        if let Some(other) = rows.iter().find(|row| row.len() != columns) {
            return Err(Degenerate::LengthMismatch { a: columns, b: other.len() });
        }
        Self::new(rows.len(), columns, rows.concat())
    }

    /// Number of rows (observations).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The columns, each times a power of two that brings it near 1, and these powers.
    fn to_columns(&self) -> (Vec<Vec<f64>>, Vec<f64>) {
        let column = |j: usize| -> (Vec<f64>, f64) {
            let values: Vec<f64> = self.values.iter().skip(j).step_by(self.columns).copied().collect();
            let scale = scale_to_one(largest(&values));
            (values.iter().map(|v| v * scale).collect(), scale)
        };
        (0..self.columns).map(column).unzip()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// A factored matrix. Column k holds R above and on the diagonal and the reflector below; `heads` are the reflectors'
/// first entries.
#[derive(Debug, Clone)]
pub(crate) struct Qr {
    columns: Vec<Vec<f64>>,
    /// Original index of each column.
    order: Vec<usize>,
    heads: Vec<f64>,
    rank: usize,
}

impl Qr {
    /// Factors columns of equal length.
    pub(crate) fn new(mut columns: Vec<Vec<f64>>) -> Self {
        let rows = columns.first().map_or(0, Vec::len);
        let mut order: Vec<usize> = (0..columns.len()).collect();
        let mut lengths: Vec<f64> = columns.iter().map(|c| norm(c)).collect();
        let mut heads = Vec::new();
        let (mut k, mut end) = (0, columns.len());
        while k < end && k < rows {
            let left = norm(&columns[k][k..]);
            if left <= DEPENDENT * lengths[k] {
                columns[k..end].rotate_left(1);
                order[k..end].rotate_left(1);
                lengths[k..end].rotate_left(1);
                end -= 1;
                continue;
            }
            let (done, rest) = columns.split_at_mut(k + 1);
            let column = &mut done[k];
            let diagonal = if column[k] > 0.0 { -left } else { left };
            let head = column[k] - diagonal;
            column[k] = diagonal;
            heads.push(head);
            for other in rest {
                reflect(head, &column[k + 1..], diagonal, &mut other[k..]);
            }
            k += 1;
        }
        Self { columns, order, heads, rank: k }
    }

    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// Original indices of the independent columns, ascending.
    pub(crate) fn independent(&self) -> &[usize] {
        &self.order[..self.rank]
    }

    /// Original indices of the dependent columns, ascending.
    pub(crate) fn aliased(&self) -> Vec<usize> {
        let mut aliased = self.order[self.rank..].to_vec();
        aliased.sort_unstable();
        aliased
    }

    fn reflector(&self, k: usize) -> (f64, &[f64], f64) {
        (self.heads[k], &self.columns[k][k + 1..], self.columns[k][k])
    }

    /// `y` becomes Q'y.
    pub(crate) fn apply_transposed(&self, y: &mut [f64]) {
        for k in 0..self.rank {
            let (head, tail, diagonal) = self.reflector(k);
            reflect(head, tail, diagonal, &mut y[k..]);
        }
    }

    /// `y` becomes Q y.
    pub(crate) fn apply(&self, y: &mut [f64]) {
        for k in (0..self.rank).rev() {
            let (head, tail, diagonal) = self.reflector(k);
            reflect(head, tail, diagonal, &mut y[k..]);
        }
    }

    /// Solves `R x = b` for the independent columns; `b` starts with `rank` values.
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b[..self.rank].to_vec();
        for k in (0..self.rank).rev() {
            x[k] /= self.columns[k][k];
            let value = x[k];
            for (i, v) in x[..k].iter_mut().enumerate() {
                *v -= value * self.columns[k][i];
            }
        }
        x
    }

    /// Solves `R' x = b` for the independent columns.
    pub(crate) fn solve_transposed(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b[..self.rank].to_vec();
        for k in 0..self.rank {
            x[k] = (x[k] - dot(&x[..k], &self.columns[k][..k])) / self.columns[k][k];
        }
        x
    }

    /// The triangle above the diagonal of the first `rank` rows, as columns in original order, of `height` rows.
    pub(crate) fn triangle(&self, height: usize) -> Vec<Vec<f64>> {
        let mut triangle = vec![vec![0.0; height]; self.columns.len()];
        for (k, &index) in self.order.iter().enumerate() {
            let filled = self.rank.min(if k < self.rank { k + 1 } else { self.rank });
            triangle[index][..filled].copy_from_slice(&self.columns[k][..filled]);
        }
        triangle
    }
}

/// Householder reflection with vector (head, tail) applied to `y`; the vector maps its column to `diagonal`.
fn reflect(head: f64, tail: &[f64], diagonal: f64, y: &mut [f64]) {
    // v'v / 2 = -head * diagonal.
    let factor = (head * y[0] + dot(tail, &y[1..])) / (head * diagonal);
    y[0] += factor * head;
    for (y, v) in y[1..].iter_mut().zip(tail) {
        *y += factor * v;
    }
}

/// Rank of a matrix and the columns that depend on earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// Number of independent columns.
    pub rank: usize,
    /// Number of columns.
    pub columns: usize,
    /// Indices of the columns that are linear combinations of earlier ones, ascending.
    pub aliased: Vec<usize>,
}

/// Rank of a design matrix.
#[must_use]
pub fn rank(design: &Matrix) -> Rank {
    let qr = Qr::new(design.to_columns().0);
    Rank { rank: qr.rank(), columns: design.columns, aliased: qr.aliased() }
}

/// Which standard error a contrast of coefficients gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covariance {
    /// One error variance for all observations.
    Classical,
    /// HC3: squared residuals over `(1 - leverage)^2`, valid for any variances. Source: MacKinnon and White, "Some
    /// heteroskedasticity-consistent covariance matrix estimators with improved finite sample properties", Journal of
    /// Econometrics 29 (1985).
    Hc3,
}

/// A least-squares fit.
#[derive(Debug, Clone)]
pub struct LinearFit {
    /// One per column, in units of y over units of the column; `None` for an aliased column, which counts as 0.
    pub coefficients: Vec<Option<f64>>,
    /// Columns that depend on earlier ones, ascending.
    pub aliased: Vec<usize>,
    /// Number of independent columns.
    pub rank: usize,
    /// Observations less rank.
    pub df_residual: usize,
    /// y less fitted value, in units of y.
    pub residuals: Vec<f64>,
    /// Diagonal of the hat matrix, between 0 and 1, with sum `rank`.
    pub leverages: Vec<f64>,
    /// Sum of squared residuals. May be infinite where the squares of y are beyond `f64`; nothing else is then.
    pub residual_sum_squares: f64,
    /// Powers of two that the columns were multiplied by.
    scales: Vec<f64>,
    qr: Qr,
}

/// Least squares of `y` (length: rows of `design`) on the columns of `design`. An intercept is a column of ones of
/// the caller's.
///
/// y is centred first, and the fit of the constant added again, so that an offset costs no digits. Source: Golub,
/// "Numerical methods for solving linear least squares problems", Numerische Mathematik 7 (1965).
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::Domain`] when a coefficient is beyond
/// `f64`.
pub fn least_squares(design: &Matrix, y: &[f64]) -> Result<LinearFit, Degenerate> {
    if y.len() != design.rows {
        return Err(Degenerate::LengthMismatch { a: design.rows, b: y.len() });
    }
    check_sample(y, 1)?;
    let (columns, scales) = design.to_columns();
    let qr = Qr::new(columns);
    let moments = Moments::of(y);
    let (mut deviations, mut ones) = (moments.deviations().to_vec(), vec![1.0; y.len()]);
    qr.apply_transposed(&mut deviations);
    qr.apply_transposed(&mut ones);
    let (slopes, constant) = (qr.solve(&deviations), qr.solve(&ones));
    let mut coefficients = vec![None; design.columns];
    for (k, &column) in qr.independent().iter().enumerate() {
        let value = moments.in_units(slopes[k] * scales[column]) + moments.mean() * constant[k] * scales[column];
        coefficients[column] = Some(finite("a coefficient", value)?);
    }
    deviations[..qr.rank].fill(0.0);
    qr.apply(&mut deviations);
    ones[..qr.rank].fill(0.0);
    // What rounding leaves of the constant must not be multiplied by a large mean.
    let has_intercept = norm(&ones) <= DEPENDENT * (y.len() as f64).sqrt();
    let residuals: Vec<f64> = if has_intercept {
        deviations.iter().map(|d| moments.in_units(*d)).collect()
    } else {
        qr.apply(&mut ones);
        deviations.iter().zip(&ones).map(|(d, one)| moments.in_units(*d) + moments.mean() * one).collect()
    };
    let residual_sum_squares = compensated_sum(residuals.iter().map(|r| r * r));
    Ok(LinearFit {
        coefficients,
        aliased: qr.aliased(),
        rank: qr.rank,
        df_residual: y.len() - qr.rank,
        leverages: leverages(&qr, y.len()),
        residuals,
        residual_sum_squares,
        scales,
        qr,
    })
}

pub(crate) fn leverages(qr: &Qr, rows: usize) -> Vec<f64> {
    let mut leverages = vec![0.0; rows];
    for k in 0..qr.rank {
        let mut column = vec![0.0; rows];
        column[k] = 1.0;
        qr.apply(&mut column);
        leverages.iter_mut().zip(&column).for_each(|(h, q)| *h += q * q);
    }
    leverages.iter_mut().for_each(|h| *h = h.min(1.0));
    leverages
}

impl LinearFit {
    /// Estimate, interval and t test of `sum weights[j] coefficients[j]`, one weight per column. Degrees of freedom are
    /// `df_residual` for either error.
    ///
    /// # Errors
    /// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::TooFew`] without residual degrees of
    /// freedom, [`Degenerate::ZeroVariance`] when the model fits every value, [`Degenerate::Domain`] for a contrast
    /// that the aliased columns make inestimable, for HC3 where an observation determines its own fit, for a
    /// confidence outside of (0, 1).
    pub fn contrast(&self, weights: &[f64], covariance: Covariance, confidence: f64) -> Result<TTest, Degenerate> {
        if weights.len() != self.coefficients.len() {
            return Err(Degenerate::LengthMismatch { a: self.coefficients.len(), b: weights.len() });
        }
        check_sample(weights, 1)?;
        if self.df_residual == 0 {
            return Err(Degenerate::TooFew { n: self.residuals.len(), needed: self.rank + 1 });
        }
        let scaled: Vec<f64> = weights.iter().zip(&self.scales).map(|(w, scale)| w * scale).collect();
        let own: Vec<f64> = self.qr.independent().iter().map(|&j| scaled[j]).collect();
        let solved = self.qr.solve_transposed(&own);
        self.check_estimable(&scaled, &solved)?;
        let estimate = compensated_sum(
            self.coefficients.iter().zip(weights).filter_map(|(c, w)| c.map(|c| if *w == 0.0 { 0.0 } else { c * w })),
        );
        // Residuals over their largest: their squares stay in range.
        let unit = largest(&self.residuals);
        if unit == 0.0 {
            return Err(Degenerate::ZeroVariance { value: finite("the estimate", estimate)? });
        }
        let share = match covariance {
            Covariance::Classical => {
                let squares = compensated_sum(self.residuals.iter().map(|r| (r / unit).powi(2)));
                (squares / self.df_residual as f64).sqrt() * norm(&solved)
            }
            Covariance::Hc3 => self.hc3_share(solved, unit)?,
        };
        let standard_error = unit * share;
        if standard_error == 0.0 {
            return Err(Degenerate::ZeroVariance { value: finite("the estimate", estimate)? });
        }
        TTest::new(estimate, standard_error, estimate / standard_error, self.df_residual as f64, confidence)
    }

    /// Standard error by HC3, over `unit`.
    fn hc3_share(&self, mut solved: Vec<f64>, unit: f64) -> Result<f64, Degenerate> {
        solved.resize(self.residuals.len(), 0.0);
        self.qr.apply(&mut solved);
        let influence = largest(&solved);
        let mut sum = 0.0;
        for ((a, residual), leverage) in solved.iter().zip(&self.residuals).zip(&self.leverages) {
            if *leverage < FULL_LEVERAGE {
                sum += (a * (residual / unit) / (1.0 - leverage)).powi(2);
            } else if a.abs() > DEPENDENT * influence {
                return Err(Degenerate::domain("one observation determines its own fit: HC3 has no error for it"));
            }
        }
        Ok(sum.sqrt())
    }

    /// `solved` is `R'^-1` times the weights of the independent columns.
    fn check_estimable(&self, weights: &[f64], solved: &[f64]) -> Result<(), Degenerate> {
        let size = largest(weights);
        for (k, &column) in self.qr.order.iter().enumerate().skip(self.rank) {
            let implied = dot(solved, &self.qr.columns[k][..self.rank]);
            if (implied - weights[column]).abs() > 1e-8 * size.max(implied.abs()) {
                return Err(Degenerate::domain("the contrast is not estimable: an aliased column takes part in it"));
            }
        }
        Ok(())
    }
}
