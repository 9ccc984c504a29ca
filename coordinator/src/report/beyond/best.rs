//! Which configs may be the best: a set, not a winner.

use crate::report::analysis::{Cell, ConfigResult, Measured, Observation, Stratum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};
use sweeper_core::spec::Direction;
use sweeper_stats::{
    Interval, WithBest,
    best::mcb_paired,
    many::hsu_mcb,
    rank_intervals::{rank_intervals, residual_errors, shrink_means},
};

/// Configs with more pairs than this get no rank intervals: all pairs of them would have to be tested.
const MOST_RANKED: usize = 200;
/// A config is left out no more when so few are left.
const FEWEST_RANKED: usize = 2;

/// Which configs of a stratum may be the best on the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BestSet {
    /// Configs with at least two values, best mean first.
    pub contenders: Vec<Contender>,
    /// Replicates that ranks rest on: those that all contenders completed where trials are paired; none if not ranked.
    pub ranked_on: Option<usize>,
    /// Where trials are paired the replicates that all contenders completed: ranks, intervals and shrunken means rest on these.
    #[serde(default)]
    pub shared: Option<usize>,
    /// Configs that are no contenders, in the order of the sweep.
    #[serde(default)]
    pub not_ranked: Vec<NotRanked>,
    /// Largest over smallest standard deviation of the contenders; none where one of them does not vary.
    #[serde(default)]
    pub sd_ratio: Option<f64>,
    /// Simultaneous coverage of the intervals, between 0 and 1.
    pub confidence: f64,
}

/// A config that may be the best, or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contender {
    /// Name of the config.
    pub config: String,
    /// Its trainings that diverged or were abandoned: its numbers are of the survivors.
    #[serde(default)]
    pub lost: usize,
    /// Its mean.
    pub mean: f64,
    /// Its mean over the replicates that all contenders completed, where these are fewer than its own; else none.
    #[serde(default)]
    pub shared_mean: Option<f64>,
    /// Its mean, shrunken towards all means: the best of many looks better than it is. Where trials are paired, the mean over
    /// the replicates that all contenders completed, shrunken by what is noise among configs of the same seeds.
    pub shrunken: Option<f64>,
    /// Interval of its mean minus the best of the others: from the paired differences where trials are paired, else Hsu's.
    pub with_best: Option<Interval>,
    /// Whether it was not shown to be worse than the best.
    pub among_best: bool,
    /// Its rank and the ranks that it may have, 1 the best, for all configs at once.
    pub rank: Option<(usize, usize, usize)>,
}

/// A config that is no contender: it has fewer than two values, or lost so many trainings that the others would have had to be
/// compared on fewer than half of their replicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotRanked {
    /// Name of the config.
    pub config: String,
    /// Replicates with a value.
    pub values: usize,
    /// Trainings that diverged or were abandoned.
    pub lost: usize,
    /// Trainings planned.
    pub planned: usize,
}

/// A config with its values.
type Entry<'a> = (&'a ConfigResult, Measured);

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
    let mut configs: Vec<Entry<'_>> =
        stratum.configs.iter().filter_map(|config| Some((config, measured(config)?))).collect();
    if configs.len() < 3 {
        return None;
    }
    if paired {
        leave_out(&mut configs);
    }
    let not_ranked = not_ranked(stratum, m, &configs);
    let values: Vec<Vec<f64>> = configs.iter().map(|(_, m)| m.plain()).collect();
    let blocks = paired.then(|| blocks(&configs));
    let shared = blocks.as_ref().and_then(|blocks| blocks.first()).map(Vec::len);
    let used: Vec<&[f64]> = blocks.as_ref().unwrap_or(&values).iter().map(Vec::as_slice).collect();
    let mcb: Option<Vec<WithBest>> = if paired {
        mcb_paired(&used, higher, confidence).ok()
    } else {
        hsu_mcb(&used, higher, confidence).ok().map(|mcb| mcb.groups)
    };
    let shrunken = shrunken(&configs, &used, paired);
    let (ranked_on, ranks): (Option<usize>, Option<Vec<Ranked>>) = ranks(&used, paired, higher, confidence).unzip();
    let shared_mean = |at: usize, m: &Measured| {
        let own = used.get(at).filter(|own| paired && !own.is_empty() && own.len() < m.n)?;
        Some(sweeper_stats::summary(own).ok()?.mean)
    };
    let mut contenders: Vec<Contender> = configs
        .iter()
        .enumerate()
        .map(|(at, (config, measured))| Contender {
            config: config.name.clone(),
            lost: config.counts.diverged + config.counts.abandoned,
            mean: measured.mean,
            shared_mean: shared_mean(at, measured),
            shrunken: shrunken.as_ref().and_then(|means| means.get(at).copied()),
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
    let by = |c: &Contender| c.shared_mean.unwrap_or(c.mean);
    contenders.sort_by(|a, b| if higher { by(b).total_cmp(&by(a)) } else { by(a).total_cmp(&by(b)) });
    Some(BestSet { contenders, ranked_on, shared, not_ranked, sd_ratio: sd_ratio(&configs), confidence })
}

/// Drops configs that lost trainings, those with most losses first, until the others share at least half of the replicates
/// that they could share: what the best-covered of them completed, or where plans differ what was planned for all.
fn leave_out(configs: &mut Vec<Entry<'_>>) {
    let completed = |(_, m): &Entry<'_>| m.values.iter().map(|o| o.replicate).collect::<BTreeSet<u32>>();
    let ended = |entry: &Entry<'_>| completed(entry).into_iter().chain(entry.0.lost.iter().copied()).collect();
    let (mut values, mut ends) = (Shared::of(configs.iter().map(completed)), Shared::of(configs.iter().map(ended)));
    while configs.len() > FEWEST_RANKED {
        let covered = configs.iter().map(|(_, m)| m.values.len()).max().unwrap_or(0);
        if 2 * values.count() >= covered.min(ends.count()) {
            return;
        }
        // Of equals the last one of the sweep.
        let losses = |(at, (config, m)): (usize, &Entry<'_>)| (config.lost.len(), Reverse(m.values.len()), at);
        let worst = configs.iter().enumerate().map(losses).max().filter(|(lost, ..)| *lost > 0);
        let Some((.., worst)) = worst else { return };
        let entry = configs.remove(worst);
        values.remove(&completed(&entry));
        ends.remove(&ended(&entry));
    }
}

/// Sets of replicates, of which those that are in all are wanted again and again.
struct Shared {
    sets: usize,
    /// In how many sets each is.
    members: BTreeMap<u32, usize>,
}

impl Shared {
    fn of(sets: impl Iterator<Item = BTreeSet<u32>>) -> Self {
        let mut shared = Self { sets: 0, members: BTreeMap::new() };
        for set in sets {
            shared.sets += 1;
            set.into_iter().for_each(|replicate| *shared.members.entry(replicate).or_default() += 1);
        }
        shared
    }

    /// Takes away one of the sets.
    fn remove(&mut self, set: &BTreeSet<u32>) {
        self.sets -= 1;
        for replicate in set {
            if let Some(count) = self.members.get_mut(replicate) {
                *count -= 1;
            }
        }
    }

    /// How many replicates are in all sets.
    fn count(&self) -> usize {
        self.members.values().filter(|count| **count == self.sets).count()
    }
}

/// Configs that should have values and are no contenders.
fn not_ranked(stratum: &Stratum, m: usize, contenders: &[Entry<'_>]) -> Vec<NotRanked> {
    let of = |config: &ConfigResult| {
        let values = match config.cells.get(m)? {
            Cell::Measured(measured) => measured.n,
            Cell::NoData => 0,
            Cell::NotMeasured => return None,
        };
        let counts = &config.counts;
        let lost = counts.diverged + counts.abandoned;
        Some(NotRanked { config: config.name.clone(), values, lost, planned: counts.planned })
    };
    let ranked: BTreeSet<u32> = contenders.iter().map(|(config, _)| config.index).collect();
    stratum.configs.iter().filter(|config| !ranked.contains(&config.index)).filter_map(of).collect()
}

/// With seeds in common the errors are those of the means relative to each other, else each mean's own.
fn shrunken(configs: &[Entry<'_>], used: &[&[f64]], paired: bool) -> Option<Vec<f64>> {
    let (means, errors) = if paired {
        let found = residual_errors(used).ok()?;
        (found.means, found.standard_errors)
    } else {
        let means = configs.iter().map(|(_, m)| m.mean).collect();
        (means, configs.iter().map(|(_, m)| m.se).collect::<Option<Vec<f64>>>()?)
    };
    Some(shrink_means(&means, &errors).ok()?.means)
}

fn sd_ratio(configs: &[Entry<'_>]) -> Option<f64> {
    let sds: Option<Vec<f64>> = configs.iter().map(|(_, m)| m.sd).collect();
    let sds = sds?;
    let (least, most) = sds.iter().fold((f64::MAX, 0.0_f64), |(least, most), sd| (least.min(*sd), most.max(*sd)));
    Some(most / least).filter(|ratio| ratio.is_finite())
}

/// A rank with the lowest and highest that it may be.
type Ranked = (usize, usize, usize);

/// Replicates that the ranks rest on, and per config its rank with the lowest and highest that it may have.
fn ranks(samples: &[&[f64]], paired: bool, higher: bool, confidence: f64) -> Option<(usize, Vec<Ranked>)> {
    if samples.len() > MOST_RANKED {
        return None;
    }
    let found = rank_intervals(samples, paired, higher, confidence).ok()?;
    let least = samples.iter().map(|sample| sample.len()).min()?;
    Some((least, found.ranks.iter().map(|r| (r.rank, r.low, r.high)).collect()))
}

/// Values of the replicates that all of them completed.
fn blocks(configs: &[Entry<'_>]) -> Vec<Vec<f64>> {
    let in_all = |replicate: u32| {
        configs.iter().all(|(_, m)| m.values.binary_search_by_key(&replicate, |o| o.replicate).is_ok())
    };
    let of = |m: &Measured| m.values.iter().filter(|o: &&Observation| in_all(o.replicate)).map(|o| o.value).collect();
    configs.iter().map(|(_, m)| of(m)).collect()
}
