//! Other tests of the same comparison. They are displayed; none of them replaces the planned one.

use crate::report::analysis::{Flip, Measured, Plan, Robustness};
use sweeper_stats::{
    Degenerate, Draws, TTest, paired_t,
    permutation::{label_permutation, sign_flip},
    power::{smallest_p_rank_sum, smallest_p_sign_flip},
    ranks::{Alternative, mann_whitney, wilcoxon},
    robust::{LeaveOneOut, Omitted, TRIM, leave_one_out, leave_one_pair_out, yuen, yuen_paired},
    welch_t,
};

/// Of pairs: `replicates` are those of `a` and `b`.
pub(super) fn paired(
    replicates: &[u32],
    (a, b): (&[f64], &[f64]),
    primary: &TTest,
    plan: &Plan,
    draws: Draws,
) -> Robustness {
    let p_value = |a: &[f64], b: &[f64]| paired_t(a, b, plan.confidence).map(|test| test.p_value);
    let left_out = leave_one_pair_out(a, b, plan.alpha, p_value);
    let flip = |omitted| match omitted {
        Omitted::Pair(at) | Omitted::First(at) | Omitted::Second(at) => {
            Some(Flip { config: None, replicate: *replicates.get(at)? })
        }
    };
    let robustness = Robustness {
        permutation: sign_flip(a, b, Alternative::TwoSided, draws).ok(),
        rank: wilcoxon(a, b, Alternative::TwoSided).ok(),
        trimmed: yuen_paired(a, b, TRIM, plan.confidence).ok(),
        flips: flips(left_out, flip),
        disagree: false,
    };
    robustness.compared(primary, plan.alpha, smallest_p_sign_flip(a.len()))
}

/// Of independent trainings.
pub(super) fn unpaired(
    names: [&String; 2],
    (config, baseline): (&Measured, &Measured),
    primary: &TTest,
    plan: &Plan,
    draws: Draws,
) -> Robustness {
    let (a, b) = (config.plain(), baseline.plain());
    let p_value = |a: &[f64], b: &[f64]| welch_t(a, b, plan.confidence).map(|test| test.p_value);
    let left_out = leave_one_out(&a, &b, plan.alpha, p_value);
    let flip = |omitted| {
        let (side, of, at) = match omitted {
            Omitted::First(at) | Omitted::Pair(at) => (0, config, at),
            Omitted::Second(at) => (1, baseline, at),
        };
        Some(Flip { config: Some(names[side].clone()), replicate: of.values.get(at)?.replicate })
    };
    let robustness = Robustness {
        permutation: label_permutation(&a, &b, Alternative::TwoSided, draws).ok(),
        rank: mann_whitney(&a, &b, Alternative::TwoSided).ok(),
        trimmed: yuen(&a, &b, TRIM, plan.confidence).ok(),
        flips: flips(left_out, flip),
        disagree: false,
    };
    robustness.compared(primary, plan.alpha, smallest_p_rank_sum(a.len().min(b.len())))
}

fn flips(left_out: Result<LeaveOneOut, Degenerate>, flip: impl Fn(Omitted) -> Option<Flip>) -> Vec<Flip> {
    left_out.map(|left_out| left_out.flips().filter_map(flip).collect()).unwrap_or_default()
}

impl Robustness {
    /// With `disagree` filled in. A rank or permutation test that cannot reach alpha at any effect, because its smallest
    /// p-value is `smallest`, contradicts nothing.
    fn compared(self, primary: &TTest, alpha: f64, smallest: f64) -> Self {
        let exact = [self.permutation.as_ref().map(|t| t.p_value), self.rank.as_ref().map(|t| t.p_value)];
        let exact = exact.into_iter().flatten().filter(|_| smallest <= alpha);
        let mut others = exact.chain(self.trimmed.as_ref().map(|t| t.p_value));
        let disagree = !self.flips.is_empty() || others.any(|p| (p <= alpha) != (primary.p_value <= alpha));
        Self { disagree, ..self }
    }
}
