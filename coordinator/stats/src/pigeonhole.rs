//! Bootstrap of both seeds and examples.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sweeper_counter::Stream;

use crate::clusters::ClusterSums;
use crate::crossed::flat;
use crate::degenerate::Degenerate;
use crate::moments::Moments;

/// Domain of the counter generator; the draw number is its part.
pub const PIGEONHOLE_DOMAIN: u32 = 1030;

/// Answer of the pigeonhole bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pigeonhole {
    /// Standard deviation of the mean over the draws.
    pub standard_error: f64,
    /// Number of draws; the standard error itself is off by about `1 / sqrt(2 draws)` of it.
    pub draws: u32,
}

/// Standard error of the mean of a seeds x examples table for new seeds and new examples: rows and columns are drawn
/// with replacement, independently, and the mean of the cells where they meet is taken.
///
/// A check of [`Crossed::se_new_examples`](crate::crossed::Crossed::se_new_examples), not a replacement: it counts the
/// residual about three times and the others (n - 1) / n times, which is little where seeds or examples prevail. Source:
/// Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007).
///
/// # Errors
/// [`Degenerate::TooFew`] below two seeds, examples or draws, [`Degenerate::LengthMismatch`],
/// [`Degenerate::NotFinite`], [`Degenerate::ZeroVariance`] when all values are equal, [`Degenerate::Domain`] for 2^32 or
/// more examples.
pub fn pigeonhole(rows: &[Vec<f64>], draws: u32, seed: u64) -> Result<Pigeonhole, Degenerate> {
    let (width, values) = flat(rows)?;
    if draws < 2 {
        return Err(Degenerate::TooFew { n: draws as usize, needed: 2 });
    }
    let (seeds, examples) = (number(rows.len())?, number(width)?);
    let moments = Moments::of(&values);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: values[0] });
    }
    let deviations = moments.deviations();
    let (kinds, of_example) = kinds(deviations, width);
    let mean = |draw: u32| {
        let mut words = Words::of(seed, draw);
        let sums = words.seeds(seeds, &kinds);
        let sum: f64 = (0..examples).map(|_| sums[of_example[words.below(examples)]]).sum();
        sum / values.len() as f64
    };
    let means: Vec<f64> = (0..draws).into_par_iter().map(mean).collect();
    Ok(Pigeonhole { standard_error: moments.in_units(Moments::of(&means).sd()), draws })
}

/// [`pigeonhole`] that draws seeds and whole clusters of examples: a check of what
/// [`ClusterSums::crossed`](crate::crossed::ClusterSums::crossed) says of new examples. As many clusters are drawn as there are, so the number of
/// examples varies from draw to draw where their sizes differ, as it would in new data.
///
/// # Errors
/// [`Degenerate::TooFew`] below two draws, [`Degenerate::ZeroVariance`] when every cluster of every seed has the same mean,
/// [`Degenerate::Domain`] for 2^32 or more seeds or clusters.
pub fn pigeonhole_clusters(table: &ClusterSums<'_>, draws: u32, seed: u64) -> Result<Pigeonhole, Degenerate> {
    if draws < 2 {
        return Err(Degenerate::TooFew { n: draws as usize, needed: 2 });
    }
    let sizes: Vec<f64> = table.sizes().iter().map(|size| *size as f64).collect();
    let (seeds, clusters) = (number(table.seeds())?, number(sizes.len())?);
    let values: Vec<f64> = table.sums().iter().map(|sum| *sum as f64).collect();
    let cluster_means: Vec<f64> = values.iter().zip(sizes.iter().cycle()).map(|(sum, size)| sum / size).collect();
    if Moments::of(&cluster_means).is_constant() {
        return Err(Degenerate::ZeroVariance { value: cluster_means[0] });
    }
    let mean = |draw: u32| {
        let mut words = Words::of(seed, draw);
        let sums = words.seeds(seeds, &values);
        let (mut sum, mut size) = (0.0, 0.0);
        for _ in 0..clusters {
            let drawn = words.below(clusters);
            sum += sums[drawn];
            size += sizes[drawn];
        }
        sum / (f64::from(seeds) * size)
    };
    let means: Vec<f64> = (0..draws).into_par_iter().map(mean).collect();
    Ok(Pigeonhole { standard_error: Moments::of(&means).sd(), draws })
}

fn number(count: usize) -> Result<u32, Degenerate> {
    u32::try_from(count)
        .map_err(|_| Degenerate::domain("the bootstrap takes fewer than 2^32 seeds, examples and clusters"))
}

/// The columns that differ, as rows of one value per kind, and which kind each example is. Most examples of a 0/1 table
/// are alike, and each draw sums every kind once.
fn kinds(deviations: &[f64], width: usize) -> (Vec<f64>, Vec<usize>) {
    let (mut first, mut known) = (Vec::new(), HashMap::new());
    let of_example = (0..width).map(|j| {
        let column: Vec<u64> = deviations.iter().skip(j).step_by(width).map(|v| v.to_bits()).collect();
        *known.entry(column).or_insert_with(|| {
            first.push(j);
            first.len() - 1
        })
    });
    let of_example = of_example.collect();
    let kinds = deviations.chunks_exact(width).flat_map(|row| first.iter().map(|&j| row[j])).collect();
    (kinds, of_example)
}

/// 32-bit words of a stream, in order.
struct Words {
    stream: Stream,
    index: u64,
    block: [u32; 4],
}

impl Words {
    fn of(seed: u64, draw: u32) -> Self {
        Self { stream: Stream::new(seed, PIGEONHOLE_DOMAIN, draw), index: 0, block: [0; 4] }
    }

    /// Draws as many rows of `table` as it has, with replacement, and gives the sums of their columns.
    fn seeds(&mut self, seeds: u32, table: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; seeds as usize];
        for _ in 0..seeds {
            weights[self.below(seeds)] += 1.0;
        }
        let mut sums = vec![0.0; table.len() / weights.len()];
        for (values, weight) in table.chunks_exact(sums.len()).zip(&weights).filter(|(_, weight)| **weight > 0.0) {
            sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v * weight);
        }
        sums
    }

    /// Uniform below `count`, by multiplication; its bias is below `count / 2^32`.
    fn below(&mut self, count: u32) -> usize {
        let place = (self.index % 4) as usize;
        if place == 0 {
            self.block = self.stream.block(self.index / 4);
        }
        self.index += 1;
        ((u64::from(self.block[place]) * u64::from(count)) >> 32) as usize
    }
}
