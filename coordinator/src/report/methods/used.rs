//! What a report used, told by its own numbers.

use crate::report::{
    AcrossTasks, Analysis, ClusteredResult, ComparisonResult, Components, DifferenceResult, Family, ImagesResult,
    Noise, Ranked, Role, SharedSeeds, StratumNoise, TaskComparison, Test, Tested, Told,
};
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
    pub(super) extended: bool,
    /// Holm's correction in the place of another.
    pub(super) instead: bool,
    pub(super) tost: bool,
    pub(super) effect: bool,
    pub(super) superiority: bool,
    /// Of values that came in pairs.
    pub(super) superiority_of_pairs: bool,
    pub(super) sign_flip: bool,
    pub(super) permutation: bool,
    /// Arrangements that were drawn, since there were too many to count.
    pub(super) drawn: bool,
    pub(super) signed_rank: bool,
    pub(super) rank_sum: bool,
    pub(super) own_intervals: bool,
    pub(super) trimmed: bool,
    pub(super) order: bool,
    pub(super) detectable: bool,
    pub(super) needed: bool,
    pub(super) best: bool,
    pub(super) ranks: bool,
    pub(super) shrunken: bool,
    pub(super) anova: bool,
    pub(super) robust_terms: bool,
    pub(super) wilson: bool,
    pub(super) boschloo: bool,
    pub(super) clusters: bool,
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
            let mut terms = stratum.factors.iter().flat_map(|f| &f.terms);
            used.robust_terms |= terms.any(|term| term.robust.is_some());
            for contender in stratum.best.iter().flat_map(|best| &best.contenders) {
                used.best |= contender.with_best.is_some();
                used.ranks |= contender.rank.is_some();
                used.shrunken |= contender.shrunken.is_some();
            }
        }
        used.clusters = components(analysis).any(|c| matches!(c.clustered, Some(ClusteredResult::Clustered(_))));
        used
    }

    fn family(&mut self, family: &Family, correction: Correction) {
        self.instead |= family.instead.is_some();
        for comparison in &family.comparisons {
            match &comparison.result {
                ComparisonResult::Tested(tested) => self.tested(tested),
                ComparisonResult::Ranked(ranked) => self.ranked(ranked),
                ComparisonResult::NotTested(_) => continue,
            }
            self.any = true;
            self.secondary |= family.role == Role::Secondary && family.corrected_over > 1;
            self.own_intervals |= family.instead.is_none();
            self.max_t |=
                family.instead.is_none() && matches!(correction, Correction::MaxT | Correction::MaxTSingleStep);
        }
    }

    fn ranked(&mut self, ranked: &Ranked) {
        let paired = ranked.test.is_paired();
        self.worst_rank = true;
        self.signed_rank |= paired;
        self.rank_sum |= !paired;
    }

    fn tested(&mut self, tested: &Tested) {
        match tested.test {
            // The t-test stays beside the ranks, with its difference and interval.
            Test::PairedT | Test::WorstRankPaired => self.paired_t = true,
            Test::WelchT | Test::WorstRankUnpaired => self.welch_t = true,
        }
        self.worst_rank |= matches!(tested.test, Test::WorstRankPaired | Test::WorstRankUnpaired);
        self.simultaneous |= tested.simultaneous.is_some() && tested.is_fixed();
        self.sequential |= tested.sequential.is_some();
        self.extended |= tested.extended.is_some();
        self.tost |= tested.equivalence.tost.is_some();
        self.effect |= tested.effect.is_some() || tested.effect_av.is_some();
        self.superiority |= tested.superiority.is_some();
        self.superiority_of_pairs |= tested.superiority.is_some() && tested.test.is_paired();
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
        self.order |= robust.order.is_some();
    }
}

/// Methods of the section on noise that left a number in the report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsedOnNoise {
    /// Variances of seeds, of images and of the rest.
    pub(super) components: bool,
    pub(super) bootstrap: bool,
    /// Two single models compared.
    pub(super) single: bool,
    /// Standard deviations of pairs compared, of configs or of smoothed and plain accuracy.
    pub(super) spread_of_pairs: bool,
    pub(super) spread: bool,
    /// Such tests adjusted for their number.
    pub(super) spread_adjusted: bool,
    /// Differences adjusted for the run of the same seed.
    pub(super) regression: bool,
}

impl UsedOnNoise {
    pub(super) fn by(noise: &Noise) -> Self {
        let mut used = Self::default();
        noise.strata.iter().for_each(|stratum| used.stratum(stratum));
        used
    }

    fn stratum(&mut self, stratum: &StratumNoise) {
        if let Some(images) = &stratum.images {
            self.components |= images.configs.iter().any(|c| matches!(c.result, ImagesResult::Crossed(_)));
            for comparison in &images.comparisons {
                match &comparison.result {
                    DifferenceResult::Crossed(found) => {
                        self.components = true;
                        self.bootstrap |= found.bootstrap.is_some();
                    }
                    DifferenceResult::Single(_) => self.single = true,
                    DifferenceResult::NotUsed(_) => {}
                }
            }
        }
        for spread in &stratum.spreads {
            self.spread_of_pairs |= spread.paired.is_some();
            self.spread |= spread.unpaired.is_some();
            self.spread_adjusted |= spread.p_adjusted.is_some();
        }
        self.spread_of_pairs |= stratum.smoothed.iter().any(|smoothed| smoothed.test.is_some());
        self.regression |= !stratum.adjusted.is_empty();
    }
}

/// Methods of the section on tasks that left a number in the report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsedOnTasks {
    /// The interquartile mean and the optimality gap.
    pub(super) pooled: bool,
    pub(super) improvement: bool,
    pub(super) profiles: bool,
    /// Intervals from resamples.
    pub(super) resampled: bool,
    /// Mean differences whose degrees of freedom are put together from those of the tasks.
    pub(super) contrast: bool,
}

impl UsedOnTasks {
    pub(super) fn by(across: &AcrossTasks) -> Self {
        let mut used = Self { profiles: across.profiles.is_some(), ..Self::default() };
        for config in &across.configs {
            used.pooled |= config.pooled.is_some();
            used.resampled |= config.iqm_interval.as_ref().is_some_and(is_shown);
        }
        across.comparisons.iter().for_each(|comparison| used.comparison(comparison, across.seeds));
        used
    }

    fn comparison(&mut self, comparison: &TaskComparison, seeds: SharedSeeds) {
        self.improvement |= comparison.improvement.is_some();
        for told in [&comparison.iqm, &comparison.improvement].into_iter().flatten() {
            self.resampled |= is_shown(&told.these_tasks) || is_shown(&told.new_tasks);
        }
        let own = comparison.mean_difference.as_ref().filter(|_| seeds != SharedSeeds::AcrossTasks);
        self.contrast |= own.is_some_and(|mean| is_shown(&mean.these_tasks));
    }
}

fn is_shown(told: &Told) -> bool {
    told.interval().is_some()
}

/// Components of variance of single configs and of differences.
fn components(analysis: &Analysis) -> impl Iterator<Item = &Components> {
    let images = || analysis.noise.strata.iter().filter_map(|stratum| stratum.images.as_ref());
    let of_config = images().flat_map(|i| &i.configs).filter_map(|config| match &config.result {
        ImagesResult::Crossed(found) => Some(found.as_ref()),
        ImagesResult::NotUsed(_) => None,
    });
    let of_difference = images().flat_map(|i| &i.comparisons).filter_map(|comparison| match &comparison.result {
        DifferenceResult::Crossed(found) => Some(&found.components),
        _ => None,
    });
    of_config.chain(of_difference)
}
