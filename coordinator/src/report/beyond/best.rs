//! Which configs may be the best: a set, not a winner.

use crate::report::analysis::{ConfigResult, Measured, Observation, Stratum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    Interval, WithBest,
    best::mcb_paired,
    many::hsu_mcb,
    rank_intervals::{rank_intervals, shrink_means},
};

/// Configs with more pairs than this get no rank intervals: all pairs of them would have to be tested.
const MOST_RANKED: usize = 200;

/// Which configs of a stratum may be the best on the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BestSet {
    /// Configs with at least two values, best mean first.
    pub contenders: Vec<Contender>,
    /// Replicates that ranks rest on: those that all contenders completed where trials are paired; none if not ranked.
    pub ranked_on: Option<usize>,
    /// How much of the spread between the means is thought real: 1 − this is what the shrunken means lose.
    pub confidence: f64,
}

/// A config that may be the best, or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contender {
    /// Name of the config.
    pub config: String,
    /// Its mean.
    pub mean: f64,
    /// Its mean, shrunken towards all means: the best of many looks better than it is.
    pub shrunken: Option<f64>,
    /// Interval of its mean minus the best of the others: from the paired differences where trials are paired, else Hsu's.
    pub with_best: Option<Interval>,
    /// Whether it was not shown to be worse than the best.
    pub among_best: bool,
    /// Its rank and the ranks that it may have, 1 the best, for all configs at once.
    pub rank: Option<(usize, usize, usize)>,
}

/// The best set of a stratum on one metric; none with fewer than three configs, or without a known better side.
pub(in crate::report) fn best_set(
    stratum: &Stratum,
    m: usize,
    direction: Option<Direction>,
    (paired, confidence): (bool, f64),
) -> Option<BestSet> {
    let higher = direction? == Direction::Maximize;
    let measured = |config: &'_ ConfigResult| {
        config.cells.get(m)?.measured().filter(|m| m.n >= 2 && !m.values.is_empty()).cloned()
    };
    let configs: Vec<(&ConfigResult, Measured)> =
        stratum.configs.iter().filter_map(|config| Some((config, measured(config)?))).collect();
    if configs.len() < 3 {
        return None;
    }
    let values: Vec<Vec<f64>> = configs.iter().map(|(_, m)| m.plain()).collect();
    let groups: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let paired_values = paired.then(|| blocks(&configs));
    let mcb: Option<Vec<WithBest>> = match &paired_values {
        Some(values) => {
            let groups: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
            mcb_paired(&groups, higher, confidence).ok()
        }
        None => hsu_mcb(&groups, higher, confidence).ok().map(|mcb| mcb.groups),
    };
    let means: Vec<f64> = configs.iter().map(|(_, m)| m.mean).collect();
    let errors: Option<Vec<f64>> = configs.iter().map(|(_, m)| m.se).collect();
    let shrunken = errors.and_then(|errors| shrink_means(&means, &errors).ok());
    let (ranked_on, ranks): (Option<usize>, Option<Vec<Ranked>>) =
        ranks(paired_values.as_deref().unwrap_or(&values), paired, higher, confidence).unzip();
    let mut contenders: Vec<Contender> = configs
        .iter()
        .enumerate()
        .map(|(at, (config, measured))| Contender {
            config: config.name.clone(),
            mean: measured.mean,
            shrunken: shrunken.as_ref().and_then(|s| s.means.get(at).copied()),
            with_best: mcb.as_ref().and_then(|m| Some(m.get(at)?.interval)),
            // Where the intervals cannot be had, for two configs that differ by a constant say, the ranks still tell.
            among_best: match (mcb.as_ref().and_then(|m| m.get(at)), ranks.as_ref().and_then(|r| r.get(at))) {
                (Some(group), _) => group.among_best,
                (None, Some((_, best_rank, _))) => *best_rank == 1,
                (None, None) => true,
            },
            rank: ranks.as_ref().and_then(|ranks| ranks.get(at).copied()),
        })
        .collect();
    contenders.sort_by(|a, b| if higher { b.mean.total_cmp(&a.mean) } else { a.mean.total_cmp(&b.mean) });
    Some(BestSet { contenders, ranked_on, confidence })
}

/// A rank with the lowest and highest that it may be.
type Ranked = (usize, usize, usize);

/// Replicates that the ranks rest on, and per config its rank with the lowest and highest that it may have.
fn ranks(samples: &[Vec<f64>], paired: bool, higher: bool, confidence: f64) -> Option<(usize, Vec<Ranked>)> {
    if samples.len() > MOST_RANKED {
        return None;
    }
    let slices: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let found = rank_intervals(&slices, paired, higher, confidence).ok()?;
    let least = samples.iter().map(Vec::len).min()?;
    Some((least, found.ranks.iter().map(|r| (r.rank, r.low, r.high)).collect()))
}

/// Values of the replicates that all of them completed.
fn blocks(configs: &[(&ConfigResult, Measured)]) -> Vec<Vec<f64>> {
    let in_all = |replicate: u32| {
        configs.iter().all(|(_, m)| m.values.binary_search_by_key(&replicate, |o| o.replicate).is_ok())
    };
    let of = |m: &Measured| m.values.iter().filter(|o: &&Observation| in_all(o.replicate)).map(|o| o.value).collect();
    configs.iter().map(|(_, m)| of(m)).collect()
}
