//! Which trials a spec has, in which order, and with which seeds.
//!
//! Order: strata one after the other (a stratum is a maximal sequence of configs with one stratum name); inside a
//! stratum replicate-major: replicate 0 of every config, then replicate 1, and so on. So a sweep that is stopped half
//! way has (nearly) equally many observations of every config of the strata it reached.
//!
//! The configs of one replicate come in an order that is drawn for it, as a function of the sweep's seed: randomised
//! complete blocks. In an order that repeats, trainings of equal length fall to workers like cards dealt around a
//! table: with two workers and an even number of configs, each config always to the same one, and no analysis could
//! tell a config's effect from its worker's. This is the order of serving only: listings and results keep the order
//! of the file.

use crate::spec::{ConfigSpec, Pairing, SweepSpec};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// The most trials that one sweep may have.
pub const MAX_TRIALS: u64 = 4_000_000;

/// The order of the configs of one replicate: a permutation of the numbers below `width`, drawn from a key and known
/// both ways without a table.
///
/// Swap-or-not (Hoang, Morris and Rogaway, "An enciphering scheme based on a card shuffle", CRYPTO 2012): every round
/// pairs the places whose sum is a drawn number modulo the width, and swaps each pair or not by a coin of its own. A
/// round undoes itself, so the way back takes the rounds backwards.
#[derive(Debug)]
struct Block {
    rounds: [Round; ROUNDS],
    width: u64,
}

/// With so many rounds the permutations of up to 6 configs are less than 10⁻⁵ from equally likely, in total variation.
const ROUNDS: usize = 24;

#[derive(Debug)]
struct Round {
    /// What the coins are drawn from.
    key: u64,
    /// Of the places of a pair, modulo the width.
    sum: u64,
}

impl Block {
    /// The block of a replicate of the stratum that begins with `first_config`; `width` configs have the replicate.
    fn new(seed: u64, first_config: u32, replicate: u32, width: usize) -> Self {
        let (block, width) = (mix(mix(mix(seed) ^ u64::from(first_config)) ^ u64::from(replicate)), width as u64);
        let rounds = core::array::from_fn(|round| {
            let key = mix(block ^ round as u64);
            // Uniform below the width, by multiplication.
            Round { key, sum: ((u128::from(key) * u128::from(width)) >> 64) as u64 }
        });
        Self { rounds, width }
    }

    /// Place, in the order, of the config that is number `column` in the file's.
    fn place(&self, column: u64) -> u64 {
        self.rounds.iter().fold(column, |at, round| self.swap_or_not(round, at))
    }

    /// The config, by its number in the file's order, at a place.
    fn column(&self, place: u64) -> u64 {
        self.rounds.iter().rev().fold(place, |at, round| self.swap_or_not(round, at))
    }

    fn swap_or_not(&self, round: &Round, at: u64) -> u64 {
        let partner = if at <= round.sum { round.sum - at } else { round.sum + self.width - at };
        let coin = mix(round.key ^ at.max(partner)) & 1;
        if coin == 1 { partner } else { at }
    }
}

/// 64 well mixed bits: one step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from this state.
const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Rows of equal width: the replicates `first_replicate ..` of the same configs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    first_index: u64,
    first_replicate: u32,
    rows: u32,
    /// The first config of the stratum.
    first_config: u32,
    /// Ascending indices into `spec.configs`.
    configs: Vec<u32>,
}

impl Segment {
    /// The order of the configs in a row.
    fn block(&self, seed: u64, row: u32) -> Block {
        Block::new(seed, self.first_config, self.first_replicate + row, self.configs.len())
    }
}

/// The plan of a spec: a dense index for every (config, replicate), both ways in logarithmic time.
///
/// Needs memory in proportion to the number of configs where their replicates agree, and never more than the number
/// of trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of the sweep; the orders inside the replicates derive from it.
    seed: u64,
    /// Ascending by `first_index`; those of one stratum follow each other, ascending by `first_replicate`.
    segments: Vec<Segment>,
    /// For every config the range of its stratum's segments.
    strata: Vec<(u32, u32)>,
    trials: u64,
}

impl Plan {
    /// The plan of `spec`.
    #[must_use]
    pub fn new(spec: &SweepSpec) -> Self {
        let strata_of = Vec::with_capacity(spec.configs.len());
        let mut plan = Self { seed: spec.seed, segments: Vec::new(), strata: strata_of, trials: 0 };
        for (first, stratum) in strata(&spec.configs) {
            let begin = as_u32(plan.segments.len());
            plan.push_stratum(first, stratum);
            let end = as_u32(plan.segments.len());
            plan.strata.extend(stratum.iter().map(|_| (begin, end)));
        }
        plan
    }

    fn push_stratum(&mut self, first: usize, stratum: &[ConfigSpec]) {
        let mut bounds: Vec<u32> = stratum.iter().map(|c| c.replicates).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let mut begin = 0;
        for end in bounds {
            if end == begin {
                continue;
            }
            let configs: Vec<u32> = stratum
                .iter()
                .enumerate()
                .filter(|(_, c)| c.replicates >= end)
                .map(|(i, _)| as_u32(first + i))
                .collect();
            let rows = end - begin;
            let size = u64::from(rows) * configs.len() as u64;
            let (first_index, first_config) = (self.trials, as_u32(first));
            self.segments.push(Segment { first_index, first_replicate: begin, rows, first_config, configs });
            self.trials += size;
            begin = end;
        }
    }

    /// How many trials there are.
    #[must_use]
    pub const fn trials(&self) -> u64 {
        self.trials
    }

    /// Place of a trial in the plan, from 0; none if the sweep has no such trial.
    #[must_use]
    pub fn index(&self, config: u32, replicate: u32) -> Option<u64> {
        let (begin, end) = *self.strata.get(config as usize)?;
        let stratum = self.segments.get(begin as usize..end as usize)?;
        let at = stratum.partition_point(|s| s.first_replicate <= replicate).checked_sub(1)?;
        let segment = stratum.get(at)?;
        let row = replicate - segment.first_replicate;
        if row >= segment.rows {
            return None;
        }
        let column = segment.configs.binary_search(&config).ok()?;
        let place = segment.block(self.seed, row).place(column as u64);
        Some(segment.first_index + u64::from(row) * segment.configs.len() as u64 + place)
    }

    /// The (config, replicate) at a place of the plan; none past its end.
    #[must_use]
    pub fn trial(&self, index: u64) -> Option<(u32, u32)> {
        let at = self.segments.partition_point(|s| s.first_index <= index).checked_sub(1)?;
        let segment = self.segments.get(at)?;
        let width = segment.configs.len() as u64;
        let offset = index - segment.first_index;
        let row = u32::try_from(offset / width).ok().filter(|row| *row < segment.rows)?;
        let column = segment.block(self.seed, row).column(offset % width);
        let config = *segment.configs.get(usize::try_from(column).ok()?)?;
        Some((config, segment.first_replicate + row))
    }
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Maximal sequences of configs with one stratum name, each with the index of its first config.
fn strata(configs: &[ConfigSpec]) -> impl Iterator<Item = (usize, &[ConfigSpec])> {
    configs.chunk_by(|a, b| a.stratum == b.stratum).scan(0, |next, stratum| {
        let first = *next;
        *next += stratum.len();
        Some((first, stratum))
    })
}

/// Every (config, replicate) of `spec` in plan order.
pub fn trials(spec: &SweepSpec) -> impl Iterator<Item = (u32, u32)> + '_ {
    strata(&spec.configs).flat_map(move |(first, stratum)| {
        let rows = stratum.iter().map(|c| c.replicates).max().unwrap_or(0);
        (0..rows).flat_map(move |replicate| {
            let row = stratum.iter().enumerate().filter(|(_, c)| c.replicates > replicate);
            let row: Vec<u32> = row.map(|(i, _)| as_u32(first + i)).collect();
            let block = Block::new(spec.seed, as_u32(first), replicate, row.len());
            (0..row.len() as u64).filter_map(move |place| {
                let column = usize::try_from(block.column(place)).ok()?;
                Some((*row.get(column)?, replicate))
            })
        })
    })
}

/// The seed of a trial: the first eight bytes, little endian, of the SHA-256 of
/// `"sweeper/trial-seed/1"`, the sweep's seed (8 bytes, little endian) and the replicate (4 bytes, little endian);
/// with [`Pairing::Independent`] followed by the config's recipe digest as text, and that, where other configs before
/// it have the same recipe, by their number (4 bytes, little endian).
///
/// So it depends neither on the order or number of other recipes nor on the number of replicates, and equal trials of
/// different sweeps have equal seeds: the first config of a recipe as the first, the second as the second. A config
/// that does not exist counts as one with an empty digest.
#[must_use]
pub fn trial_seed(spec: &SweepSpec, config: u32, replicate: u32) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"sweeper/trial-seed/1");
    hash.update(spec.seed.to_le_bytes());
    hash.update(replicate.to_le_bytes());
    if spec.pairing == Pairing::Independent {
        let config = spec.configs.get(config as usize);
        hash.update(config.map_or("", |c| c.recipe_digest.as_str()).as_bytes());
        if let Some(twins) = config.map(|c| c.twins_before).filter(|twins| *twins > 0) {
            hash.update(twins.to_le_bytes());
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(8).rev().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
