//! How small the p-value of a test that counts arrangements can be: with few replicates there are few arrangements, and no
//! effect, however large, makes p smaller.

use super::Design;
use serde::Serialize;
use sweeper_core::spec::Correction;
use sweeper_stats::{
    max_t::ADVISED_N,
    permutation::RANDOM_ARRANGEMENTS,
    power::{smallest_p_rank_sum, smallest_p_sign_flip},
};

/// More replicates are not looked at.
const MOST_REPLICATES: usize = 1000;

/// A test that counts arrangements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloorTest {
    /// Signs of the per-seed differences, or their signed ranks.
    SignFlip,
    /// Labels of two configs, or their rank sum.
    RankSum,
    /// The largest statistic of the family under changed signs of whole replicates.
    MaxTSignFlip,
    /// The largest statistic of the family under exchanged labels.
    MaxTLabels,
}

/// The smallest p-value of such a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Floor {
    /// Which test.
    pub test: FloorTest,
    /// Whether its p-value is the one that decides; else it stands beside the planned one.
    pub decides: bool,
    /// Smallest p-value of one comparison by itself; for max-T the smallest adjusted one.
    pub smallest_p: f64,
    /// What it must not exceed: alpha, or for a test that is corrected afterwards the first step of its family.
    pub needed_p: f64,
    /// Whether it can.
    pub reachable: bool,
    /// Fewest replicates with which it can; none where a thousand are not enough.
    pub replicates_needed: Option<usize>,
    /// Whether there are fewer replicates than max-T by sign flips is meant for.
    pub few_for_max_t: bool,
}

/// None where nothing is compared or there are no replicates.
#[allow(clippy::cast_precision_loss)]
pub(super) fn of(design: &Design, n: usize) -> Option<Floor> {
    if design.comparisons == 0 || n == 0 {
        return None;
    }
    let max_t = matches!(design.correction, Correction::MaxT | Correction::MaxTSingleStep);
    let test = match (max_t, design.paired) {
        (true, true) => FloorTest::MaxTSignFlip,
        (true, false) => FloorTest::MaxTLabels,
        (false, true) => FloorTest::SignFlip,
        (false, false) => FloorTest::RankSum,
    };
    let needed_p = match design.correction {
        _ if max_t => design.alpha,
        Correction::None => design.alpha,
        _ => design.alpha / design.comparisons as f64,
    };
    let smallest = |n: usize| smallest_p(test, n, design.groups);
    let reaches = |n: usize| smallest(n) <= needed_p;
    Some(Floor {
        test,
        decides: max_t || design.ranks,
        smallest_p: smallest(n),
        needed_p,
        reachable: reaches(n),
        replicates_needed: (2..=MOST_REPLICATES).find(|&n| reaches(n)),
        few_for_max_t: test == FloorTest::MaxTSignFlip && n < ADVISED_N,
    })
}

/// Of `n` replicates of each of `groups` configs.
///
/// Max-T by signs: the arrangement seen and its mirror image among 2^n. Max-T by labels, with all of one config's values far
/// from all others: its values must stay together in any of the configs or in the baseline, and those that its variance is
/// measured against must be the same, which leaves `2 (k - 1)` of the `C(kn, n) C(kn - n, n)` ways to choose the two, k
/// configs with the baseline. Random arrangements have a floor of their own.
#[allow(clippy::cast_precision_loss)]
fn smallest_p(test: FloorTest, n: usize, groups: usize) -> f64 {
    let drawn = 1.0 / (RANDOM_ARRANGEMENTS as f64 + 1.0);
    match test {
        FloorTest::SignFlip => smallest_p_sign_flip(n),
        FloorTest::RankSum => smallest_p_rank_sum(n),
        FloorTest::MaxTSignFlip if n < 20 => smallest_p_sign_flip(n),
        FloorTest::MaxTSignFlip => drawn,
        FloorTest::MaxTLabels => {
            let ways = ln_choose(groups * n, n) + ln_choose(groups * n - n, n);
            // With two configs nothing else is left, and the formula is 2 / C(2n, n).
            let mirrored = 2.0 * (groups - 1) as f64;
            (mirrored.ln() - ways).exp().clamp(0.0, 1.0).max(if ways > 30.0 { drawn } else { 0.0 })
        }
    }
}

/// Natural logarithm of the number of ways to choose.
#[allow(clippy::cast_precision_loss)]
fn ln_choose(all: usize, some: usize) -> f64 {
    (0..some).map(|i| ((all - i) as f64).ln() - ((i + 1) as f64).ln()).sum()
}
