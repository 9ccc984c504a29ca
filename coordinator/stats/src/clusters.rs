//! Examples that come in clusters: frames of one video, crops of one photograph, questions on one text. Those of one cluster are
//! alike, so a test set holds fewer independent draws than examples; what is drawn anew is the cluster.

use crate::bits::BitMatrix;
use crate::crossed::{Crossed, check_size, crossed, flat, sums_of_squares};
use crate::degenerate::Degenerate;
use crate::factorial::dense;
use crate::moments::Moments;

/// Which cluster every example belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Indices 0, 1, ... of clusters.
    of_example: Vec<usize>,
    sizes: Vec<usize>,
}

impl Clusters {
    /// From one label per example; examples of one label are one cluster.
    ///
    /// # Errors
    /// [`Degenerate::TooFew`] below two clusters: nothing tells how clusters vary.
    pub fn new(labels: &[usize]) -> Result<Self, Degenerate> {
        let (of_example, count) = dense(labels);
        if count < 2 {
            return Err(Degenerate::TooFew { n: count, needed: 2 });
        }
        let mut sizes = vec![0; count];
        of_example.iter().for_each(|&cluster| sizes[cluster] += 1);
        Ok(Self { of_example, sizes })
    }

    /// Examples in all clusters.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.of_example.len()
    }

    /// Number of clusters.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// Examples in the largest cluster.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.sizes.iter().copied().max().unwrap_or_default()
    }

    fn check(&self, examples: usize) -> Result<(), Degenerate> {
        let clustered = self.examples();
        if clustered == examples { Ok(()) } else { Err(Degenerate::LengthMismatch { a: examples, b: clustered }) }
    }
}

/// `sums[s][g]`, row after row, to the table whose columns are clusters and whose row means are those of the examples less the
/// mean of all, see [`crossed_clusters`].
fn linearised(sums: &[f64], clusters: &Clusters) -> Vec<f64> {
    let (count, examples) = (clusters.count(), clusters.examples() as f64);
    let seeds = (sums.len() / count) as f64;
    let mean = sums.iter().sum::<f64>() / (seeds * examples);
    let weight = count as f64 / examples;
    let row = |sums: &[f64]| {
        let own = sums.iter().sum::<f64>() / examples;
        let cell = move |(sum, size): (&f64, &usize)| own - mean + weight * (sum - *size as f64 * own);
        sums.iter().zip(&clusters.sizes).map(cell).collect::<Vec<_>>()
    };
    sums.chunks_exact(count).flat_map(row).collect()
}

/// [`crossed_values`](crate::crossed::crossed_values) for m examples in K clusters that are drawn as a whole. The mean is the one over
/// examples. The columns of the table are the clusters:
///
/// `z[seed][cluster] = (row mean - mean) + K / m * sum over the cluster of (x[seed][example] - row mean)`,
///
/// whose row means are those of the examples less the mean of all. So of the result
/// - `se_same_test_set` is that without clusters: on the same examples nothing is drawn anew but seeds,
/// - [`se_examples`](Crossed::se_examples) squared is `V = K / (K - 1) * sum over clusters of (sum over the cluster of (y - mean of y))^2
///   / m^2` of the per-example means y over seeds,
/// - `se_one_model` squared is the mean over seeds of the same V of each row,
/// - `se_new_examples` squared is `max(0, S - R) + max(0, V - R) + R`, where `S = se_same_test_set^2` and the residual's share, which S and V
///   both hold, is `R = (se_one_model^2 - V) / (n - 1)`: the seeds' part stays, and the examples' part is that of clusters,
/// - `examples`, `variance_example`, `seeds_until` and the degrees of freedom are about clusters, `examples` being K.
///
/// With K = m all of it is as without clusters. With few clusters of sizes that differ much, these errors are too small, as those
/// of any cluster-robust estimate are.
///
/// Source: Miller, "Adding error bars to evals", arXiv:2411.00640 (2024), here with the factor K / (K - 1) that makes V the usual
/// estimate from K means where clusters are of one size (statsmodels' and Stata's correction of a mean); the form is the linearised ratio estimator of Cochran, "Sampling techniques"
/// (Wiley, 1977), chapter 9A.
///
/// # Errors
/// As `crossed_values`; [`Degenerate::LengthMismatch`] for clusters of another number of examples.
pub fn crossed_clusters(rows: &[Vec<f64>], clusters: &Clusters) -> Result<Crossed, Degenerate> {
    let (width, values) = flat(rows)?;
    clusters.check(width)?;
    let moments = Moments::of(&values);
    let mut sums = vec![0.0; rows.len() * clusters.count()];
    for (row, own) in moments.deviations().chunks_exact(width).zip(sums.chunks_exact_mut(clusters.count())) {
        row.iter().zip(&clusters.of_example).for_each(|(v, &c)| own[c] += v);
    }
    let squares = sums_of_squares(&linearised(&sums, clusters), clusters.count());
    crossed((rows.len(), clusters.count()), moments.mean(), &squares, |v| moments.in_units(v))
}

/// A 0/1 table, or the differences of two, as one sum per seed and cluster: all that clustered errors need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSums<'a> {
    clusters: &'a Clusters,
    /// Row after row.
    sums: Vec<i64>,
}

impl<'a> ClusterSums<'a> {
    /// Of one table.
    ///
    /// # Errors
    /// [`Degenerate::LengthMismatch`] for clusters of another number of examples, [`Degenerate::TooFew`] below two seeds.
    pub fn of_bits(table: &BitMatrix, clusters: &'a Clusters) -> Result<Self, Degenerate> {
        clusters.check(table.examples())?;
        check_size(table.seeds(), clusters.count())?;
        let mut sums = vec![0; table.seeds() * clusters.count()];
        table.add_by_cluster(&clusters.of_example, 1, &mut sums);
        Ok(Self { clusters, sums })
    }

    /// Of the differences `a - b` per seed and example.
    ///
    /// # Errors
    /// [`Degenerate::LengthMismatch`] for tables of different size, and as [`ClusterSums::of_bits`].
    pub fn of_bit_differences(a: &BitMatrix, b: &BitMatrix, clusters: &'a Clusters) -> Result<Self, Degenerate> {
        if a.seeds() != b.seeds() {
            return Err(Degenerate::LengthMismatch { a: a.seeds(), b: b.seeds() });
        }
        clusters.check(b.examples())?;
        let mut found = Self::of_bits(a, clusters)?;
        b.add_by_cluster(&clusters.of_example, -1, &mut found.sums);
        Ok(found)
    }

    /// Variance components and standard errors, see [`crossed_clusters`].
    ///
    /// # Errors
    /// [`Degenerate::ZeroVariance`] when nothing varies between clusters and seeds.
    pub fn crossed(&self) -> Result<Crossed, Degenerate> {
        let sums: Vec<f64> = self.sums.iter().map(|sum| *sum as f64).collect();
        let squares = sums_of_squares(&linearised(&sums, self.clusters), self.clusters.count());
        let total = self.sums.iter().sum::<i64>() as f64;
        let mean = total / (self.seeds() as f64 * self.clusters.examples() as f64);
        crossed((self.seeds(), self.clusters.count()), mean, &squares, |v| v)
    }

    pub(crate) fn seeds(&self) -> usize {
        self.sums.len() / self.clusters.count()
    }

    pub(crate) fn sums(&self) -> &[i64] {
        &self.sums
    }

    pub(crate) fn sizes(&self) -> &[usize] {
        &self.clusters.sizes
    }
}
