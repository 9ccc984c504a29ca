//! Which trials a spec has, in which order, and with which seeds.
//!
//! Order: strata one after the other (a stratum is a maximal sequence of configs with one stratum name); inside a
//! stratum replicate-major: replicate 0 of every config, then replicate 1, and so on. So a sweep that is stopped half
//! way has (nearly) equally many observations of every config of the strata it reached.

use crate::spec::{ConfigSpec, Pairing, SweepSpec};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// The most trials that one sweep may have.
pub const MAX_TRIALS: u64 = 4_000_000;

/// Rows of equal width: the replicates `first_replicate ..` of the same configs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    first_index: u64,
    first_replicate: u32,
    rows: u32,
    /// Ascending indices into `spec.configs`.
    configs: Vec<u32>,
}

/// The plan of a spec: a dense index for every (config, replicate), both ways in logarithmic time.
///
/// Needs memory in proportion to the number of configs where their replicates agree, and never more than the number
/// of trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
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
        let mut plan = Self { segments: Vec::new(), strata: Vec::with_capacity(spec.configs.len()), trials: 0 };
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
            self.segments.push(Segment { first_index: self.trials, first_replicate: begin, rows, configs });
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
        Some(segment.first_index + u64::from(row) * segment.configs.len() as u64 + column as u64)
    }

    /// The (config, replicate) at a place of the plan; none past its end.
    #[must_use]
    pub fn trial(&self, index: u64) -> Option<(u32, u32)> {
        let at = self.segments.partition_point(|s| s.first_index <= index).checked_sub(1)?;
        let segment = self.segments.get(at)?;
        let width = segment.configs.len() as u64;
        let offset = index - segment.first_index;
        let row = u32::try_from(offset / width).ok().filter(|row| *row < segment.rows)?;
        let config = *segment.configs.get(usize::try_from(offset % width).ok()?)?;
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
    strata(&spec.configs).flat_map(|(first, stratum)| {
        let rows = stratum.iter().map(|c| c.replicates).max().unwrap_or(0);
        (0..rows).flat_map(move |replicate| {
            let row = stratum.iter().enumerate().filter(move |(_, c)| c.replicates > replicate);
            row.map(move |(i, _)| (as_u32(first + i), replicate))
        })
    })
}

/// The seed of a trial: the first eight bytes, little endian, of the SHA-256 of
/// `"sweeper/trial-seed/1"`, the sweep's seed (8 bytes, little endian) and the replicate (4 bytes, little endian);
/// with [`Pairing::Independent`] followed by the config's recipe digest as text.
///
/// So it depends neither on the order or number of configs nor on the number of replicates, and equal trials of
/// different sweeps have equal seeds. A config that does not exist counts as one with an empty digest.
#[must_use]
pub fn trial_seed(spec: &SweepSpec, config: u32, replicate: u32) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"sweeper/trial-seed/1");
    hash.update(spec.seed.to_le_bytes());
    hash.update(replicate.to_le_bytes());
    if spec.pairing == Pairing::Independent {
        let digest = spec.configs.get(config as usize).map_or("", |c| c.recipe_digest.as_str());
        hash.update(digest.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(8).rev().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
