//! Other tests of the same comparison. They are displayed; none of them replaces the planned one.

use crate::report::analysis::{Flip, Measured, Plan, Robustness};
use sweeper_stats::{
    Draws, TTest,
    dominance::violation,
    flips::{paired_flips, welch_flips},
    permutation::{
        MAX_EXACT_VALUES, PermutationTest, RANDOM_ARRANGEMENTS, label_permutation_of, labels_are_counted, sign_flip_of,
    },
    power::{smallest_p_rank_sum, smallest_p_sign_flip},
    ranks::{Alternative, mann_whitney_within, wilcoxon},
    robust::{Omitted, TRIM, yuen, yuen_paired},
};

/// Values that the random arrangements of one family may move in all: a second or two.
const MOST_MOVED: u64 = 200_000_000;
/// Fewer random arrangements than this tell no p-value.
const FEWEST_ARRANGEMENTS: u64 = 9_999;
/// Additions that the exact rank tests of one family may take in all: a second or two.
const MOST_ADDITIONS: f64 = 3e9;

/// What one comparison of a family may cost. It depends on the shape of the data alone, so that the same report comes of
/// them wherever it is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Comparisons of the family.
    pub(super) comparisons: usize,
    pub(super) draws: Draws,
}

impl Budget {
    /// Random arrangements of `n` values; none where too few are left for each comparison.
    fn arrangements(&self, n: usize) -> Option<u64> {
        let left = MOST_MOVED / (self.comparisons.max(1) as u64).saturating_mul(n.max(1) as u64);
        (left >= FEWEST_ARRANGEMENTS).then_some(left.min(RANDOM_ARRANGEMENTS))
    }

    fn sign_flip(&self, a: &[f64], b: &[f64]) -> Option<PermutationTest> {
        let counted = a.len() <= MAX_EXACT_VALUES;
        let arrangements = if counted { RANDOM_ARRANGEMENTS } else { self.arrangements(a.len())? };
        sign_flip_of(a, b, Alternative::TwoSided, self.draws, arrangements).ok()
    }

    fn label_permutation(&self, a: &[f64], b: &[f64]) -> Option<PermutationTest> {
        let counted = labels_are_counted(a.len(), b.len());
        let arrangements = if counted { RANDOM_ARRANGEMENTS } else { self.arrangements(a.len().min(b.len()))? };
        label_permutation_of(a, b, Alternative::TwoSided, self.draws, arrangements).ok()
    }

    pub(super) fn additions(&self) -> f64 {
        MOST_ADDITIONS / self.comparisons.max(1) as f64
    }
}

/// Of pairs: `replicates` are those of `a` and `b`.
pub(super) fn paired(
    replicates: &[u32],
    (a, b): (&[f64], &[f64]),
    primary: &TTest,
    plan: &Plan,
    budget: Budget,
) -> Robustness {
    let flip = |at: usize| Some(Flip { config: None, replicate: *replicates.get(at)? });
    let robustness = Robustness {
        permutation: budget.sign_flip(a, b),
        rank: wilcoxon(a, b, Alternative::TwoSided).ok(),
        trimmed: yuen_paired(a, b, TRIM, plan.confidence).ok(),
        order: violation(a, b).ok(),
        flips: paired_flips(a, b, plan.alpha).unwrap_or_default().into_iter().filter_map(flip).collect(),
        disagree: false,
        floor: smallest_p_sign_flip(a.len()),
    };
    robustness.compared(primary.p_value, plan.alpha)
}

/// Of independent trainings.
pub(super) fn unpaired(
    names: [&String; 2],
    (config, baseline): (&Measured, &Measured),
    primary: &TTest,
    plan: &Plan,
    budget: Budget,
) -> Robustness {
    let (a, b) = (config.plain(), baseline.plain());
    let flip = |omitted| {
        let (side, of, at) = match omitted {
            Omitted::First(at) | Omitted::Pair(at) => (0, config, at),
            Omitted::Second(at) => (1, baseline, at),
        };
        Some(Flip { config: Some(names[side].clone()), replicate: of.values.get(at)?.replicate })
    };
    let robustness = Robustness {
        permutation: budget.label_permutation(&a, &b),
        rank: mann_whitney_within(&a, &b, Alternative::TwoSided, budget.additions()).ok(),
        trimmed: yuen(&a, &b, TRIM, plan.confidence).ok(),
        order: violation(&a, &b).ok(),
        flips: welch_flips(&a, &b, plan.alpha).unwrap_or_default().into_iter().filter_map(flip).collect(),
        disagree: false,
        floor: smallest_p_rank_sum(a.len().min(b.len())),
    };
    robustness.compared(primary.p_value, plan.alpha)
}

impl Robustness {
    /// With `disagree` filled in. A rank or permutation test that cannot reach alpha at any effect contradicts nothing.
    pub(super) fn compared(self, planned: f64, alpha: f64) -> Self {
        let exact = [self.permutation.as_ref().map(|t| t.p_value), self.rank.as_ref().map(|t| t.p_value)];
        let exact = exact.into_iter().flatten().filter(|_| self.floor <= alpha);
        let mut others = exact.chain(self.trimmed.as_ref().map(|t| t.p_value));
        let disagree = others.any(|p| (p <= alpha) != (planned <= alpha));
        Self { disagree, ..self }
    }
}
