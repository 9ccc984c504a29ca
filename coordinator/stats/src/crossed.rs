//! Where the noise comes from: seeds x examples as a crossed random-effects model.
//!
//! `x[seed][example]` (correct or not, or a loss) is mean + seed + example + residual, all independent. Mean squares of
//! the two-way layout estimate the variances; the residual holds seed-by-example interaction as well, and the crossed design has
//! only one value per cell. The mean then has a different error for each of the populations it may speak about.
//!
//! Source of the estimators: Searle, Casella and McCulloch, "Variance components" (Wiley, 1992), chapter 4; of the
//! reading of the seed variance: Jordan, "On the variance of neural network training with respect to test sets and
//! distributions", ICLR 2024.

use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_sample, finite};
use crate::moments::{Moments, compensated_sum};

pub use crate::bits::BitMatrix;
pub use crate::clusters::{ClusterSums, Clusters, crossed_clusters};
pub use crate::pigeonhole::{PIGEONHOLE_DOMAIN, Pigeonhole, pigeonhole, pigeonhole_clusters};

/// An estimate of a variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The estimate, in squared units of the values; never negative.
    pub value: f64,
    /// Whether the unbiased estimate was negative and 0 took its place.
    pub clamped: bool,
}

/// Variance components and standard errors of the mean of a seeds x examples table of n rows and m columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossed {
    /// Rows n.
    pub seeds: usize,
    /// Columns m: examples, or clusters of examples.
    pub examples: usize,
    /// Mean of all values.
    pub mean: f64,
    /// Mean square of seeds, `m * sum (row mean - mean)^2 / (n - 1)`.
    pub mean_square_seed: f64,
    /// Mean square of examples, `n * sum (column mean - mean)^2 / (m - 1)`.
    pub mean_square_example: f64,
    /// Residual mean square on `(n - 1)(m - 1)` degrees of freedom.
    pub mean_square_residual: f64,
    /// `(MS_seed - MS_residual) / m`: variance of a model's true accuracy, over the distribution.
    pub variance_seed: Component,
    /// `(MS_example - MS_residual) / n`: how much examples differ in difficulty.
    pub variance_example: Component,
    /// `MS_residual`.
    pub variance_residual: Component,
    /// Standard error for new seeds on the same test set: `sqrt(MS_seed / (n m))`, on n - 1 degrees of freedom. 0 when
    /// all rows have one mean.
    pub se_same_test_set: f64,
    /// Standard error for new seeds and new examples: `sqrt((MS_seed + MS_example - MS_residual) / (n m))`, from the
    /// clamped components.
    pub se_new_examples: f64,
    /// Satterthwaite's degrees of freedom of `se_new_examples`.
    pub df_new_examples: f64,
    /// Standard error of the accuracy of one of these models, the one deployed, for new examples:
    /// `sqrt((variance_example + variance_residual) / m)`, before clamping.
    pub se_one_model: f64,
    /// Number of seeds at which seeds and examples add equally to `se_new_examples`:
    /// `(m variance_seed + variance_residual) / variance_example`. With more, only more test data helps much. `None` when
    /// no variance of examples was found.
    pub seeds_until: Option<f64>,
}

impl Crossed {
    /// Standard error of the mean over examples, these seeds taken as given: `sqrt(MS_example / (n m))`. With clusters this is
    /// the cluster-robust error of the mean of per-example means.
    #[must_use]
    pub fn se_examples(&self) -> f64 {
        (self.mean_square_example / (self.seeds as f64 * self.examples as f64)).sqrt()
    }

    /// Kish's design effect: how many times as large as that of `plain`, the same table with every example by itself, the
    /// squared [`se_examples`](Self::se_examples) of this clustered one is. `None` where the examples of `plain` do not vary.
    #[must_use]
    pub fn design_effect(&self, plain: &Self) -> Option<f64> {
        let ratio = (self.se_examples() / plain.se_examples()).powi(2);
        ratio.is_finite().then_some(ratio)
    }
}

/// Sums of squares of the two-way layout, in scaled units.
pub(crate) struct Squares {
    seed: f64,
    example: f64,
    residual: f64,
}

/// `(ms - residual) / count`, at least 0. Mean squares that are equal to within rounding leave 0 and clamp nothing.
fn component(ms: f64, residual: f64, count: f64) -> Component {
    let excess = ms - residual;
    let rounding = 1e-12 * residual;
    Component { value: if excess > rounding { excess / count } else { 0.0 }, clamped: excess < -rounding }
}

/// `unit` turns scaled units into units of the values.
pub(crate) fn crossed(
    (seeds, examples): (usize, usize),
    mean: f64,
    squares: &Squares,
    unit: impl Fn(f64) -> f64,
) -> Result<Crossed, Degenerate> {
    let (n, m) = (seeds as f64, examples as f64);
    let (df_s, df_e) = (n - 1.0, m - 1.0);
    let (ms_s, ms_e, ms_r) = (squares.seed / df_s, squares.example / df_e, squares.residual / (df_s * df_e));
    if ms_s == 0.0 && ms_e == 0.0 && ms_r == 0.0 {
        return Err(Degenerate::ZeroVariance { value: mean });
    }
    let (seed, example) = (component(ms_s, ms_r, m), component(ms_e, ms_r, n));
    let new_examples = seed.value / n + example.value / m + ms_r / (n * m);
    let used = |clamped: bool, ms: f64| if clamped { 0.0 } else { ms };
    let (used_s, used_e) = (used(seed.clamped, ms_s), used(example.clamped, ms_e));
    // Coefficient of MS_r in the sum that is left after clamping.
    let used_r = ms_r * (1.0 - f64::from(u8::from(!seed.clamped)) - f64::from(u8::from(!example.clamped)));
    let spread = used_s * used_s / df_s + used_e * used_e / df_e + used_r * used_r / (df_s * df_e);
    let squared = |v: f64| finite("a mean square", unit(unit(v)));
    let in_units = |c: Component| Ok(Component { value: squared(c.value)?, clamped: c.clamped });
    let one_model = (squares.example + squares.residual) / (n * df_e * m);
    Ok(Crossed {
        seeds,
        examples,
        mean,
        mean_square_seed: squared(ms_s)?,
        mean_square_example: squared(ms_e)?,
        mean_square_residual: squared(ms_r)?,
        variance_seed: in_units(seed)?,
        variance_example: in_units(example)?,
        variance_residual: in_units(component(ms_r, 0.0, 1.0))?,
        se_same_test_set: unit((ms_s / (n * m)).sqrt()),
        se_new_examples: unit(new_examples.sqrt()),
        df_new_examples: finite("the degrees of freedom", (new_examples * n * m).powi(2) / spread)?,
        se_one_model: unit(one_model.sqrt()),
        seeds_until: (example.value > 0.0).then(|| (m * seed.value + ms_r) / example.value),
    })
}

/// Exact integer sums of a table: of values, of squares, of squared row sums and of squared column sums.
struct Sums {
    total: i128,
    squares: i128,
    rows: i128,
    columns: i128,
}

impl Sums {
    fn crossed(&self, seeds: usize, examples: usize) -> Result<Crossed, Degenerate> {
        let (n, m) = (seeds as i128, examples as i128);
        let square = self.total * self.total;
        let over = |numerator: i128| numerator as f64 / (n * m) as f64;
        let squares = Squares {
            seed: over(n * self.rows - square),
            example: over(m * self.columns - square),
            residual: over(n * m * self.squares - n * self.rows - m * self.columns + square),
        };
        crossed((seeds, examples), over(self.total), &squares, |v| v)
    }
}

pub(crate) fn check_size(seeds: usize, examples: usize) -> Result<(), Degenerate> {
    let n = seeds.min(examples);
    if n < 2 { Err(Degenerate::TooFew { n, needed: 2 }) } else { Ok(()) }
}

/// Variance components of a 0/1 table. Counts stay in bits and integers, so the sums are exact.
///
/// # Errors
/// [`Degenerate::TooFew`] below two seeds or two examples, [`Degenerate::ZeroVariance`] when all values are equal.
pub fn crossed_bits(table: &BitMatrix) -> Result<Crossed, Degenerate> {
    check_size(table.seeds(), table.examples())?;
    let rows = table.row_sums();
    let total: u64 = rows.iter().sum();
    Sums {
        total: i128::from(total),
        squares: i128::from(total),
        rows: rows.iter().map(|&r| i128::from(r) * i128::from(r)).sum(),
        columns: table.column_products(table),
    }
    .crossed(table.seeds(), table.examples())
}

/// Variance components of the differences `a - b` per seed and example of two 0/1 tables, for the difference of two
/// configurations. Row i of both must be of one seed, or paired at random.
///
/// # Errors
/// [`Degenerate::LengthMismatch`] for tables of different size, and as [`crossed_bits`].
pub fn crossed_bit_differences(a: &BitMatrix, b: &BitMatrix) -> Result<Crossed, Degenerate> {
    for (a, b) in [(a.seeds(), b.seeds()), (a.examples(), b.examples())] {
        if a != b {
            return Err(Degenerate::LengthMismatch { a, b });
        }
    }
    check_size(a.seeds(), a.examples())?;
    let rows: Vec<i128> = a.row_sums().iter().zip(b.row_sums()).map(|(&a, b)| i128::from(a) - i128::from(b)).collect();
    Sums {
        total: rows.iter().sum(),
        squares: i128::from(a.disagreements(b)),
        rows: rows.iter().map(|r| r * r).sum(),
        columns: a.column_products(a) + b.column_products(b) - 2 * a.column_products(b),
    }
    .crossed(a.seeds(), a.examples())
}

/// Checks a rectangular table and gives its width and all its values.
pub(crate) fn flat(rows: &[Vec<f64>]) -> Result<(usize, Vec<f64>), Degenerate> {
    let width = rows.first().map_or(0, Vec::len);
    if let Some(row) = rows.iter().find(|row| row.len() != width) {
        return Err(Degenerate::LengthMismatch { a: width, b: row.len() });
    }
    check_size(rows.len(), width)?;
    let values = rows.concat();
    check_sample(&values, 2)?;
    Ok((width, values))
}

/// `values` are deviations from about their mean; rows of `width`.
pub(crate) fn sums_of_squares(values: &[f64], width: usize) -> Squares {
    let (n, m) = ((values.len() / width) as f64, width as f64);
    let mean = compensated_sum(values.iter().copied()) / (n * m);
    let mut columns = vec![0.0; width];
    let mut rows = Vec::new();
    for row in values.chunks_exact(width) {
        rows.push(compensated_sum(row.iter().map(|v| v - mean)) / m);
        columns.iter_mut().zip(row).for_each(|(sum, v)| *sum += v - mean);
    }
    columns.iter_mut().for_each(|sum| *sum /= n);
    let residual = compensated_sum(
        values
            .chunks_exact(width)
            .zip(&rows)
            .flat_map(|(row, own)| row.iter().zip(&columns).map(move |(v, c)| (v - mean - own - c).powi(2))),
    );
    // Below the rounding of the deviations a sum of squares is none.
    let floor = |value: f64, size: f64| if value <= 1e-28 * size { 0.0 } else { value };
    let total = compensated_sum(values.iter().map(|v| v * v));
    Squares {
        seed: floor(m * compensated_sum(rows.iter().map(|r| r * r)), total),
        example: floor(n * compensated_sum(columns.iter().map(|c| c * c)), total),
        residual: floor(residual, total),
    }
}

/// Variance components of a table of values, one row per seed. For differences of configurations give
/// [`difference_rows`].
///
/// # Errors
/// [`Degenerate::TooFew`] below two seeds or two examples, [`Degenerate::LengthMismatch`] for rows of different length,
/// [`Degenerate::NotFinite`] (index in the table row after row), [`Degenerate::ZeroVariance`], [`Degenerate::Domain`] for
/// mean squares beyond `f64`.
pub fn crossed_values(rows: &[Vec<f64>]) -> Result<Crossed, Degenerate> {
    let (width, values) = flat(rows)?;
    let moments = Moments::of(&values);
    let squares = sums_of_squares(moments.deviations(), width);
    crossed((rows.len(), width), moments.mean(), &squares, |v| moments.in_units(v))
}

/// `a - b` per seed and example.
///
/// # Errors
/// [`Degenerate::LengthMismatch`] for tables of different size.
pub fn difference_rows(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Degenerate> {
    if a.len() != b.len() {
        return Err(Degenerate::LengthMismatch { a: a.len(), b: b.len() });
    }
    let row = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        if a.len() == b.len() {
            Ok(a.iter().zip(b).map(|(a, b)| a - b).collect())
        } else {
            Err(Degenerate::LengthMismatch { a: a.len(), b: b.len() })
        }
    };
    a.iter().zip(b).map(row).collect()
}
