//! Counter-based random numbers: each one is a pure function of (seed, domain, part, index). Nothing depends on what was
//! drawn before, on the thread or the time.
//!
//! Generator: Philox-4x32 with 10 rounds (Salmon, Moraes, Dror and Shaw, SC 2011). The 64-bit seed is the key; the
//! counter is (index low, index high, part, domain). Whoever draws names its domains itself.

use std::f64::consts::TAU;

/// Philox-4x32-10: four words from a counter and a key.
#[must_use]
#[inline]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let left = u64::from(counter[0]) * 0xD251_1F53;
        let right = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
    }
    counter
}

/// One sequence of numbers, addressed by index.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    key: [u32; 2],
    domain: u32,
    part: u32,
}

impl Stream {
    /// The sequence of (seed, domain, part); sequences that differ in any of them are independent.
    #[must_use]
    pub fn new(seed: u64, domain: impl Into<u32>, part: u32) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32], domain: domain.into(), part }
    }

    /// Four uniform words at `index`.
    #[must_use]
    #[inline]
    pub fn block(&self, index: u64) -> [u32; 4] {
        philox([index as u32, (index >> 32) as u32, self.part, self.domain], self.key)
    }

    /// 64 uniform bits at `index`.
    #[must_use]
    pub fn bits(&self, index: u64) -> u64 {
        let [low, high, ..] = self.block(index);
        u64::from(high) << 32 | u64::from(low)
    }

    /// Uniform in [0, 1) with 53 bits.
    #[must_use]
    pub fn uniform(&self, index: u64) -> f64 {
        unit(self.bits(index))
    }

    /// Two independent numbers at `index`, each uniform in [0, 1) with 53 bits.
    #[must_use]
    pub fn pair(&self, index: u64) -> [f64; 2] {
        let [a, b, c, d] = self.block(index);
        [unit(u64::from(b) << 32 | u64::from(a)), unit(u64::from(d) << 32 | u64::from(c))]
    }

    /// True with probability 1/2.
    #[must_use]
    pub fn coin(&self, index: u64) -> bool {
        self.block(index)[0] & 1 == 1
    }

    /// Uniform in 0 … `count` − 1, by multiplication (bias below `count` / 2⁶⁴); 0 for a `count` of 0.
    #[must_use]
    pub fn below(&self, index: u64, count: u64) -> u64 {
        ((u128::from(self.bits(index)) * u128::from(count)) >> 64) as u64
    }

    /// The first `count` standard normals: Box-Muller, two of each block.
    #[must_use]
    pub fn normals(&self, count: usize) -> Vec<f64> {
        let mut normals = Vec::with_capacity(count + 1);
        for index in 0..count.div_ceil(2) as u64 {
            let [u, v] = self.pair(index);
            // 1 − u is in (0, 1], so that its logarithm is finite.
            let radius = (-2.0 * (1.0 - u).ln()).sqrt();
            let angle = TAU * v;
            normals.extend([radius * angle.cos(), radius * angle.sin()]);
        }
        normals.truncate(count);
        normals
    }

    /// A random order of 0 … count − 1: Fisher-Yates from the end; the partner of position i comes from index i.
    #[must_use]
    pub fn permutation(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i as u64, i as u64 + 1) as usize);
        }
        order
    }
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (0.5f64).powi(53)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// The three vectors that the generator's authors publish with their library.
    #[test]
    fn published_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let (counter, key) = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        assert_eq!(philox(counter, key), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn every_part_of_the_position_counts() {
        let base = Stream::new(7, 2u32, 0).block(0);
        assert_ne!(base, Stream::new(8, 2u32, 0).block(0));
        assert_ne!(base, Stream::new(7 | 1 << 40, 2u32, 0).block(0));
        assert_ne!(base, Stream::new(7, 3u32, 0).block(0));
        assert_ne!(base, Stream::new(7, 2u32, 1).block(0));
        assert_ne!(base, Stream::new(7, 2u32, 0).block(1));
        assert_ne!(base, Stream::new(7, 2u32, 0).block(1 << 32));
    }

    #[test]
    fn permutation_holds_every_index_once_and_moves_most() {
        let order = Stream::new(3, 2u32, 2).permutation(1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..1000));
        assert!(order.iter().enumerate().filter(|&(i, &o)| i == o).count() < 10);
    }

    /// All 24 orders of four things come about equally often.
    #[test]
    fn permutations_are_uniform() {
        let mut seen = std::collections::BTreeMap::new();
        for seed in 0..24_000 {
            *seen.entry(Stream::new(seed, 2u32, 0).permutation(4)).or_insert(0u32) += 1;
        }
        assert_eq!(seen.len(), 24);
        let chi2: f64 = seen.values().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi2 < 60.0, "chi-square {chi2} with 23 degrees of freedom");
    }

    #[test]
    fn normals_have_the_moments_of_a_standard_normal() {
        let x = Stream::new(11, 1u32, 0).normals(100_001);
        assert_eq!(x.len(), 100_001);
        let n = x.len() as f64;
        let moment = |k: i32| x.iter().map(|v| v.powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.015 && (moment(2) - 1.0).abs() < 0.02, "{} {}", moment(1), moment(2));
        assert!(moment(3).abs() < 0.05 && (moment(4) - 3.0).abs() < 0.1, "{} {}", moment(3), moment(4));
    }

    #[test]
    fn longer_sequences_begin_with_the_shorter_ones() {
        let stream = Stream::new(5, 1u32, 3);
        assert_eq!(stream.normals(10)[..7], stream.normals(7));
        assert!((0..1000).all(|i| (0.0..1.0).contains(&stream.uniform(i)) && stream.pair(i)[0] == stream.uniform(i)));
    }
}
