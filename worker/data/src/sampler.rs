//! The order in which training images are drawn.

use sweeper_recipe::Sampler;

use crate::{
    Labels,
    seeding::{Domain, Stream},
    splits::Split,
};

/// Rows of one epoch, as many as `split` has. `epoch` is a stream's epoch word, so that a pass that evaluates has an
/// order of its own.
///
/// `shuffle`: every row once. `class-balanced`: with replacement; a row's weight is 1 / count, in the split, of the
/// rarest of its labels, and rows without any label count as a class of their own.
#[must_use]
pub fn order(split: &Split, labels: &Labels, sampler: Sampler, seed: u64, epoch: u32) -> Vec<usize> {
    let rows = &split.rows;
    match sampler {
        Sampler::Shuffle => {
            let order = Stream::new(seed, Domain::Order, epoch).permutation(rows.len());
            order.into_iter().map(|position| rows[position]).collect()
        }
        Sampler::ClassBalanced => {
            let sums = running_weights(split, labels);
            let total = sums.last().copied().unwrap_or(0.0);
            let stream = Stream::new(seed, Domain::Sample, epoch);
            let draw = |draw: usize| {
                let at = stream.uniform(draw as u64) * total;
                // The product may round up to the total itself.
                rows[sums.partition_point(|&sum| sum <= at).min(rows.len() - 1)]
            };
            (0..rows.len()).map(draw).collect()
        }
    }
}

/// Sum of the weights up to and with each row.
fn running_weights(split: &Split, labels: &Labels) -> Vec<f64> {
    let classes = split.counts.len();
    let rarest = |row: usize| labels.of(row, classes).map(|label| split.counts[label]).min();
    let unlabelled = split.rows.iter().filter(|&&row| rarest(row).is_none()).count() as u64;
    let weights = split.rows.iter().map(|&row| 1.0 / rarest(row).unwrap_or(unlabelled) as f64);
    weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}
