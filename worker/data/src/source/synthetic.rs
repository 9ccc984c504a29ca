//! Images made from a seed: a pattern of 5 × 5 dark and bright cells per class and channel, under noise that is
//! stronger than the pattern. Classes take turns, so that any limit keeps all of them.

use std::path::PathBuf;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use sweeper_recipe::{Data, Source};

use super::{Small, fits, repeated_mean};
use crate::{
    DataSet, Labels,
    error::{DataError, hex},
    seeding::{Domain, Stream},
};

const SIDE: usize = 28;
const CELLS: usize = 5;
const CLASSES: usize = 10;
/// Half the contrast of the pattern, and half the range of the noise, in grey levels around 128.
const PATTERN: i32 = 40;
const NOISE: i32 = 80;

/// `data.synthetic_images` images of `data.side()` (28 where that is 0) pixels a side and `data.channels` (1 where that
/// is 0) channels: training rows, then validation rows. Mean and deviation 0.5 and 0.25 are rounded ones.
///
/// # Errors
/// More than fits in memory.
pub(crate) fn load(data: &Data) -> Result<DataSet, DataError> {
    let side = if data.side() == 0 { SIDE } else { data.side() as usize };
    let channels = if data.channels == 0 { 1 } else { data.channels as usize };
    let classes = if data.label_count == 0 { CLASSES } else { data.label_count as usize };
    let [training, validation] = data.synthetic_images.map(|count| count as usize);
    let rows = training + validation;
    let bytes_each = side * side * channels;
    let mut pixels = fits(rows, bytes_each, "data.synthetic_images and data.size")?;
    let patterns = patterns(u64::from(data.split_seed), classes * channels);
    let noise = Stream::new(u64::from(data.split_seed), Domain::Divide, 1);
    pixels.par_chunks_mut(bytes_each).enumerate().for_each(|(row, image)| {
        let first = (row * bytes_each.div_ceil(16)) as u64;
        let pattern = &patterns[row % classes * channels..];
        for (block, bytes) in image.chunks_mut(16).enumerate() {
            let words = noise.block(first + block as u64).map(u32::to_le_bytes).concat();
            for (place, (byte, word)) in bytes.iter_mut().zip(words).enumerate() {
                let at = block * 16 + place;
                let (x, y) = (at / channels % side, at / channels / side);
                let bright = pattern[at % channels][y * CELLS / side * CELLS + x * CELLS / side];
                let level = if bright { PATTERN } else { -PATTERN };
                *byte = (128 + level + i32::from(word) * 2 * NOISE / 255 - NOISE) as u8;
            }
        }
    });
    let labels: Vec<u16> = (0..rows).map(|row| (row % classes) as u16).collect();
    let mut hasher = Sha256::new();
    for size in [training, validation, side, channels, classes] {
        hasher.update((size as u64).to_le_bytes());
    }
    hasher.update(&pixels);
    let names = (0..classes).map(|class| class.to_string()).collect();
    let small = Small { pixels, height: side, width: side, channels };
    let mut set = small.into_set(Source::Synthetic, PathBuf::new(), &[], names, hex(&hasher.finalize()));
    set.labels = Labels::Single(labels);
    set.validation = (0..rows).map(|row| row >= training).collect();
    let (mean, deviation) = repeated_mean(0.5, 0.25, channels);
    Ok(DataSet { mean, deviation, ..set })
}

/// Which cells are bright: fair coins, so that some 30 million patterns are possible.
fn patterns(seed: u64, count: usize) -> Vec<[bool; CELLS * CELLS]> {
    let coins = Stream::new(seed, Domain::Divide, 2);
    let cell = |pattern: usize, cell: usize| coins.coin((pattern * CELLS * CELLS + cell) as u64);
    (0..count).map(|pattern| std::array::from_fn(|at| cell(pattern, at))).collect()
}
