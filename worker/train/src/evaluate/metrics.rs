//! Metrics of one split from logits on the host, in float64: percent, but for the loss. A metric that has no value (of
//! no rows, of a class that does not occur) is missing, never 0 or NaN.

use sweeper_recipe::smoothed_accuracy;

use crate::loss::log_sum_exp;

/// Why logits and labels do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Numbers that do not fill rows, or a vector as long as no row.
    #[error("{what}: {found} numbers, expected {expected}")]
    Length {
        /// What has the wrong length.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The right one.
        expected: String,
    },
    /// Two matrices of different shapes.
    #[error("mirrored logits are {mirrored:?}, expected {plain:?} as without mirroring")]
    Shape {
        /// Rows and columns of the logits without mirroring.
        plain: (usize, usize),
        /// Those of the mirrored ones.
        mirrored: (usize, usize),
    },
    /// A label or position that does not exist.
    #[error("{what} {found}, expected less than {limit}")]
    Range {
        /// What is out of range.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The first value that is too large.
        limit: usize,
    },
}

/// Logits, a row per prediction and a column per class.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    values: Vec<f32>,
    columns: usize,
}

impl Matrix {
    /// `values` row by row.
    ///
    /// # Errors
    /// Values that are not whole rows; no columns.
    pub fn new(values: Vec<f32>, columns: usize) -> Result<Self, MetricError> {
        if columns == 0 || !values.len().is_multiple_of(columns) {
            let expected = format!("whole rows of {columns}, at least 1 each");
            return Err(MetricError::Length { what: "logits", found: values.len(), expected });
        }
        Ok(Self { values, columns })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// Number of classes.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.columns)
    }

    /// The rows at `positions`, in that order, with `bias` (one number per column) added in float32.
    ///
    /// # Errors
    /// A position that does not exist; a bias of another length.
    pub fn select(&self, positions: &[usize], bias: Option<&[f32]>) -> Result<Self, MetricError> {
        same_length("bias", bias.map_or(self.columns, <[f32]>::len), self.columns)?;
        let mut values = Vec::with_capacity(positions.len() * self.columns);
        for &position in positions {
            let row = self.values.chunks_exact(self.columns).nth(position);
            let (what, limit) = ("row", self.rows());
            let row = row.ok_or(MetricError::Range { what, found: position, limit })?;
            match bias {
                Some(bias) => values.extend(row.iter().zip(bias).map(|(value, bias)| value + bias)),
                None => values.extend_from_slice(row),
            }
        }
        Ok(Self { values, columns: self.columns })
    }

    /// The mean over rows of what `f` makes of each row, in float64, and its number. None of no rows.
    #[must_use]
    pub fn mean(&self, mut f: impl FnMut(usize, &[f64]) -> f64) -> Option<f64> {
        let mut wide = vec![0.0; self.columns];
        let mut sum = 0.0;
        for (at, row) in self.iter().enumerate() {
            widen(row, 1.0, &mut wide);
            sum += f(at, &wide);
        }
        (self.rows() > 0).then(|| sum / self.rows() as f64)
    }

    fn argmax(row: &[f32]) -> usize {
        (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    }
}

/// Validation logits and those of the mirrored images as 2N predictions (study E): `plain`, then `mirrored`. The
/// labels are to be repeated in the same way.
///
/// # Errors
/// Different shapes.
pub fn flip_concat(plain: &Matrix, mirrored: &Matrix) -> Result<Matrix, MetricError> {
    same_shape(plain, mirrored)?;
    Ok(Matrix { values: [&plain.values[..], &mirrored.values].concat(), columns: plain.columns })
}

/// Means of the two logits, N predictions.
///
/// # Errors
/// Different shapes.
pub fn flip_mean_logits(plain: &Matrix, mirrored: &Matrix) -> Result<Matrix, MetricError> {
    same_shape(plain, mirrored)?;
    // Halves first: a sum could leave float32's range.
    let mean = |(a, b): (&f32, &f32)| 0.5 * a + 0.5 * b;
    Ok(Matrix { values: plain.values.iter().zip(&mirrored.values).map(mean).collect(), columns: plain.columns })
}

/// Metrics of one split with their names, which lack the split, in the order of `Recipe::metric_names`; then those per
/// class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    /// Name and value.
    pub entries: Vec<(String, f64)>,
}

impl Scores {
    /// The value of one metric, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.entries.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    fn push(&mut self, name: impl Into<String>, value: Option<f64>) {
        self.entries.extend(value.map(|value| (name.into(), value)));
    }

    fn push_recalls(&mut self, counts: &[Counts]) {
        for (class, count) in counts.iter().enumerate() {
            self.push(format!("accuracy_class_{class}"), count.recall());
        }
    }
}

/// Scores of biased `logits` against one class per row:
///
/// - `accuracy`: share of rows whose largest logit, of equal ones the first, is their class's;
/// - `smoothed_accuracy`, and `smoothed_accuracy_<β>` for each further β: mean of softmax(β z) at the class (study E);
/// - `macro_f1`: mean over all classes of 2TP / (2TP + FP + FN), 0 where that is 0/0;
/// - `loss`: what `loss` says, if it says anything;
/// - with `per_class`, `accuracy_class_<k>`: share of rows of class k that are right, missing where there are none.
///
/// # Errors
/// Another number of labels than rows; a label that is no column.
pub fn single_label(
    logits: &Matrix,
    labels: &[u16],
    betas: &[f64],
    per_class: bool,
    loss: Option<f64>,
) -> Result<Scores, MetricError> {
    let counts = count_classes(logits, labels)?;
    let right: u64 = counts.iter().map(|class| class.right).sum();
    let mut scores = Scores::default();
    scores.push("accuracy", percent(right as f64, labels.len()));
    let mut scaled = vec![0.0; logits.columns];
    for (place, &beta) in betas.iter().enumerate() {
        let shares = logits.iter().zip(labels).map(|(row, label)| {
            widen(row, beta, &mut scaled);
            (scaled[usize::from(*label)] - log_sum_exp(&scaled)).exp()
        });
        scores.push(smoothed_accuracy(place, beta), percent(shares.sum(), labels.len()));
    }
    scores.push("macro_f1", macro_f1(&counts, labels.len()));
    scores.push("loss", loss);
    if per_class {
        scores.push_recalls(&counts);
    }
    Ok(scores)
}

/// Scores of `logits` against `targets`, one 0 or 1 per row and column, row by row. A label is predicted where its
/// probability is at least 0.5, which is a logit of at least 0:
///
/// - `accuracy`: share of all N·C predictions that are right;
/// - `average_precision`: [`average_precision`] of each label, mean over the labels that have a positive;
/// - `macro_f1` as in [`single_label`], over all labels;
/// - `loss`: what `loss` says, if it says anything;
/// - with `per_class`, `accuracy_class_<k>`: share of label k's positives that are predicted.
///
/// # Errors
/// Another number of targets than logits.
pub fn multi_label(logits: &Matrix, targets: &[u8], per_class: bool, loss: Option<f64>) -> Result<Scores, MetricError> {
    same_length("targets", targets.len(), logits.values.len())?;
    let mut counts = vec![Counts::default(); logits.columns];
    let mut right = 0u64;
    for (row, targets) in logits.iter().zip(targets.chunks_exact(logits.columns)) {
        for ((count, value), target) in counts.iter_mut().zip(row).zip(targets) {
            let (predicted, actual) = (*value >= 0.0, *target != 0);
            count.add(predicted, actual);
            right += u64::from(predicted == actual);
        }
    }
    let precisions: Vec<f64> = (0..logits.columns)
        .filter_map(|label| {
            let column = |at: usize| at * logits.columns + label;
            let pairs = (0..logits.rows()).map(|at| (logits.values[column(at)], targets[column(at)] != 0));
            average_precision(pairs.collect())
        })
        .collect();
    let mut scores = Scores::default();
    scores.push("accuracy", percent(right as f64, targets.len()));
    scores.push("average_precision", percent(precisions.iter().sum(), precisions.len()));
    scores.push("macro_f1", macro_f1(&counts, logits.rows()));
    scores.push("loss", loss);
    if per_class {
        scores.push_recalls(&counts);
    }
    Ok(scores)
}

/// Average precision of scores, each with whether it belongs to a positive: Σ (R_k − R_{k−1}) P_k over the distinct
/// scores, the highest first, with recall R_k and precision P_k of all that score at least as high. None without
/// positives.
#[must_use]
pub fn average_precision(mut pairs: Vec<(f32, bool)>) -> Option<f64> {
    pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let positives = pairs.iter().filter(|(_, positive)| *positive).count() as f64;
    let (mut above, mut positives_above, mut sum) = (0usize, 0usize, 0.0);
    // By `==`, for which the two zeros are one score; in order they are neighbours.
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let found = tied.iter().filter(|(_, positive)| *positive).count();
        above += tied.len();
        positives_above += found;
        sum += found as f64 / positives * (positives_above as f64 / above as f64);
    }
    (positives > 0.0).then_some(sum)
}

/// Which rows' largest logit is their class's: bit i mod 8, from the lowest, of byte ⌊i/8⌋ for row i.
///
/// # Errors
/// Another number of labels than rows.
pub fn right_rows(logits: &Matrix, labels: &[u16]) -> Result<Vec<u8>, MetricError> {
    same_length("labels", labels.len(), logits.rows())?;
    Ok(bits(logits.iter().zip(labels).map(|(row, label)| Matrix::argmax(row) == usize::from(*label))))
}

/// Which rows have every label right, in bits as [`right_rows`].
///
/// # Errors
/// Another number of targets than logits.
pub fn fully_right_rows(logits: &Matrix, targets: &[u8]) -> Result<Vec<u8>, MetricError> {
    same_length("targets", targets.len(), logits.values.len())?;
    let rows = logits.iter().zip(targets.chunks_exact(logits.columns));
    Ok(bits(
        rows.map(|(row, targets)| row.iter().zip(targets).all(|(value, target)| (*value >= 0.0) == (*target != 0))),
    ))
}

/// How often a class was predicted, was there, and both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    predicted: u64,
    actual: u64,
    right: u64,
}

impl Counts {
    fn add(&mut self, predicted: bool, actual: bool) {
        self.predicted += u64::from(predicted);
        self.actual += u64::from(actual);
        self.right += u64::from(predicted && actual);
    }

    /// Percent; none for a class that was never there.
    fn recall(self) -> Option<f64> {
        (self.actual > 0).then(|| 100.0 * self.right as f64 / self.actual as f64)
    }

    fn f1(self) -> f64 {
        match self.predicted + self.actual {
            0 => 0.0,
            all => 2.0 * self.right as f64 / all as f64,
        }
    }
}

fn count_classes(logits: &Matrix, labels: &[u16]) -> Result<Vec<Counts>, MetricError> {
    same_length("labels", labels.len(), logits.rows())?;
    let limit = logits.columns;
    let mut counts = vec![Counts::default(); limit];
    for (row, label) in logits.iter().zip(labels) {
        let label = usize::from(*label);
        if label >= limit {
            return Err(MetricError::Range { what: "label", found: label, limit });
        }
        let predicted = Matrix::argmax(row);
        counts[predicted].predicted += 1;
        counts[label].actual += 1;
        counts[label].right += u64::from(predicted == label);
    }
    Ok(counts)
}

fn macro_f1(counts: &[Counts], rows: usize) -> Option<f64> {
    percent(counts.iter().map(|class| class.f1()).sum(), counts.len()).filter(|_| rows > 0)
}

fn percent(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| 100.0 * sum / count as f64)
}

fn widen(row: &[f32], factor: f64, wide: &mut [f64]) {
    wide.iter_mut().zip(row).for_each(|(wide, value)| *wide = factor * f64::from(*value));
}

fn bits(rows: impl Iterator<Item = bool>) -> Vec<u8> {
    let rows: Vec<bool> = rows.collect();
    let byte = |rows: &[bool]| rows.iter().enumerate().fold(0, |byte, (at, right)| byte | u8::from(*right) << at);
    rows.chunks(8).map(byte).collect()
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), MetricError> {
    let wrong = || MetricError::Length { what, found, expected: expected.to_string() };
    if found == expected { Ok(()) } else { Err(wrong()) }
}

fn same_shape(plain: &Matrix, mirrored: &Matrix) -> Result<(), MetricError> {
    let shape = |matrix: &Matrix| (matrix.rows(), matrix.columns);
    let wrong = || MetricError::Shape { plain: shape(plain), mirrored: shape(mirrored) };
    if shape(plain) == shape(mirrored) { Ok(()) } else { Err(wrong()) }
}
