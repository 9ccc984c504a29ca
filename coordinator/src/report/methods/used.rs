//! What a report used, told by its own numbers.

use crate::report::{Analysis, Family, Role, Test, Tested};
use sweeper_core::spec::Correction;

/// Methods that left a number in the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    /// Any comparison has a p-value.
    pub(super) any: bool,
    pub(super) paired_t: bool,
    pub(super) welch_t: bool,
    pub(super) worst_rank: bool,
    pub(super) secondary: bool,
    pub(super) simultaneous: bool,
    pub(super) max_t: bool,
    pub(super) sequential: bool,
    pub(super) tost: bool,
    pub(super) effect: bool,
    pub(super) superiority: bool,
    pub(super) sign_flip: bool,
    pub(super) permutation: bool,
    /// Arrangements that were drawn, since there were too many to count.
    pub(super) drawn: bool,
    pub(super) signed_rank: bool,
    pub(super) rank_sum: bool,
    pub(super) trimmed: bool,
    pub(super) detectable: bool,
    pub(super) needed: bool,
    pub(super) best: bool,
    pub(super) ranks: bool,
    pub(super) shrunken: bool,
    pub(super) anova: bool,
    pub(super) wilson: bool,
    pub(super) boschloo: bool,
}

impl Used {
    pub(super) fn by(analysis: &Analysis) -> Self {
        let mut used = Self::default();
        let correction = analysis.plan.correction;
        for stratum in &analysis.strata {
            stratum.families.iter().for_each(|family| used.family(family, correction));
            used.wilson |= stratum.failures.iter().any(|f| f.rate.is_some());
            used.boschloo |= stratum.failures.iter().any(|f| f.p_value.is_some());
            used.anova |= stratum.factors.as_ref().is_some_and(|f| !f.terms.is_empty());
            for contender in stratum.best.iter().flat_map(|best| &best.contenders) {
                used.best |= contender.with_best.is_some();
                used.ranks |= contender.rank.is_some();
                used.shrunken |= contender.shrunken.is_some();
            }
        }
        used
    }

    fn family(&mut self, family: &Family, correction: Correction) {
        for tested in family.comparisons.iter().filter_map(|c| c.result.tested()) {
            self.any = true;
            self.secondary |= family.role == Role::Secondary && family.corrected_over > 1;
            self.max_t |= matches!(correction, Correction::MaxT | Correction::MaxTSingleStep);
            self.tested(tested);
        }
    }

    fn tested(&mut self, tested: &Tested) {
        match tested.test {
            // The t-test stays beside the ranks, with its difference and interval.
            Test::PairedT | Test::WorstRankPaired => self.paired_t = true,
            Test::WelchT | Test::WorstRankUnpaired => self.welch_t = true,
        }
        self.worst_rank |= matches!(tested.test, Test::WorstRankPaired | Test::WorstRankUnpaired);
        self.simultaneous |= tested.simultaneous.is_some() && tested.sequential.is_none();
        self.sequential |= tested.sequential.is_some();
        self.tost |= tested.equivalence.tost.is_some();
        self.effect |= tested.effect.is_some() || tested.effect_av.is_some();
        self.superiority |= tested.superiority.is_some();
        self.detectable |= tested.detectable.is_some();
        self.needed |= tested.needed.is_some();
        let paired = tested.test.is_paired();
        let rank = tested.worst_rank.is_some();
        self.signed_rank |= rank && paired;
        self.rank_sum |= rank && !paired;
        let Some(robust) = &tested.robustness else { return };
        self.sign_flip |= robust.permutation.is_some() && paired;
        self.permutation |= robust.permutation.is_some() && !paired;
        self.drawn |= robust.permutation.as_ref().is_some_and(|p| !p.exact);
        self.signed_rank |= robust.rank.is_some() && paired;
        self.rank_sum |= robust.rank.is_some() && !paired;
        self.trimmed |= robust.trimmed.is_some();
    }
}
