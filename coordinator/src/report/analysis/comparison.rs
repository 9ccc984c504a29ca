//! Pairs of configs.

use super::Observation;
use crate::report::{Extended, Loss, Sequential};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_stats::{
    Degenerate, EffectSize, Interval, TTest,
    equivalence::Tost,
    permutation::PermutationTest,
    power::{Arm, RunsNeeded},
    ranks::RankTest,
    superiority::Superiority,
};

/// Comparisons of one stratum on one metric. The primary one and every one that was not declared are corrected each by
/// itself; those of the declared secondary metrics of a stratum together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// The metric.
    pub metric: String,
    /// What it is for.
    pub role: Role,
    /// Number of comparisons that have a p-value.
    pub size: usize,
    /// What the correction counts: `size`, or that of all declared secondary metrics together.
    pub corrected_over: usize,
    /// Why Holm's correction took the place of the planned one; none where the planned one was used.
    #[serde(default)]
    pub instead: Option<Instead>,
    /// Random arrangements that a max-T correction rests on; none where all were counted, and of other corrections.
    #[serde(default)]
    pub drawn: Option<u64>,
    /// In sweep order: every config but the baseline, or the pairs that the plan asks for.
    pub comparisons: Vec<Comparison>,
}

/// Why Holm's correction, which needs p-values and nothing else, took the place of one that needs the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Instead {
    /// Replicates were added after the first ones were known.
    Extended,
    /// A published table has no values to rearrange, or to pool.
    NoValues,
    /// Not all comparisons have the same replicates, and signs can be changed in those that all have only.
    Incomplete {
        /// Replicates that all compared configs completed.
        common: usize,
        /// Most that a comparison has.
        most: usize,
    },
    /// The planned correction is for comparisons with one baseline, or for those of all pairs, and these are others.
    Family,
    /// The planned correction is for replicates with seeds of their own, and these are pairs.
    Paired,
    /// The planned test decides by ranks, in which lost trainings count, and that one needs values.
    Ranks,
    /// The planned test has no number for these data.
    Degenerate,
}

/// What a family is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// On the primary metric: the planned question.
    Primary,
    /// On a metric that the plan declares beside it: exploratory, Benjamini and Hochberg over all of them.
    Secondary,
    /// On a metric that nobody planned for.
    Other,
}

/// One config against the baseline of its stratum on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Index of the config in the sweep.
    pub index: u32,
    /// Name of the config.
    pub config: String,
    /// Name of the config that it is compared with.
    pub baseline: String,
    /// Index of that config in the sweep.
    pub baseline_index: u32,
    /// The one setting in which the two recipes differ, as `setting: from → to`; none unless the family is one-factor.
    #[serde(default)]
    pub factor: Option<String>,
    /// Diverged and abandoned trials of the config, then of the baseline; empty when there are none.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// Numbers, or why there are none.
    pub result: ComparisonResult,
    /// The whole verdict as one sentence.
    pub sentence: String,
    /// The sentence without its subject and verdict, for places that show these apart.
    pub evidence: String,
}

/// Outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ComparisonResult {
    /// Numbers.
    Tested(Box<Tested>),
    /// Too little is left of the trainings for a difference with an interval, and the plan's rank test, in which the lost
    /// ones count, tells which config is better.
    Ranked(Ranked),
    /// No test is possible.
    NotTested(Untested),
}

impl ComparisonResult {
    /// The numbers, when there are any.
    #[must_use]
    pub fn tested(&self) -> Option<&Tested> {
        match self {
            Self::Tested(tested) => Some(tested),
            Self::Ranked(_) | Self::NotTested(_) => None,
        }
    }

    /// The same, to be changed.
    pub(in crate::report) fn tested_mut(&mut self) -> Option<&mut Tested> {
        match self {
            Self::Tested(tested) => Some(tested),
            Self::Ranked(_) | Self::NotTested(_) => None,
        }
    }

    /// The p-value of the test that decides, not corrected.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        match self {
            Self::Tested(tested) => Some(tested.p_value),
            Self::Ranked(ranked) => Some(ranked.rank.test.p_value),
            Self::NotTested(_) => None,
        }
    }
}

/// A comparison by ranks alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Which rank test.
    pub test: Test,
    /// The test, with its p-value, not corrected.
    pub rank: WorstRank,
    /// The same corrected inside the family.
    pub p_adjusted: f64,
    /// What the ranks say: better, worse or undecided.
    pub verdict: Verdict,
    /// Why there is no difference with an interval.
    pub instead: Untested,
}

/// Numbers of a comparison. Differences are config minus baseline, in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// What the verdict rests on.
    pub test: Test,
    /// The p-value of that test, not corrected. Unless the plan asks for worst ranks it is `primary.p_value`.
    pub p_value: f64,
    /// Replicates of the config used by the primary test.
    pub n_config: usize,
    /// Replicates of the baseline used by the primary test; equal to `n_config` when paired.
    pub n_baseline: usize,
    /// Unpaired: number and standard deviation of the config's values and of the baseline's.
    pub arms: Option<[Arm; 2]>,
    /// Whether either n is at most [`super::FEW`].
    pub few: bool,
    /// The t-test with its interval for this comparison alone.
    pub primary: TTest,
    /// `p_value` corrected inside the family.
    pub p_adjusted: f64,
    /// Interval that holds for all comparisons of the family at once; none where the correction is `none`, or where the
    /// method has no interval for these data.
    pub simultaneous: Option<Interval>,
    /// Welch's test on all completed replicates of both configs: the unpaired form. None when it is degenerate.
    pub welch: Option<TTest>,
    /// Standardised difference; its kind says by which standard deviation. None when it is degenerate.
    pub effect: Option<EffectSize>,
    /// Why there is no `effect`; none when there is one.
    #[serde(default)]
    pub effect_missing: Option<Degenerate>,
    /// Paired: the difference over the average standard deviation of the two configs, beside `effect`, which is over
    /// that of the differences.
    pub effect_av: Option<EffectSize>,
    /// Probability that a training of the config gives a larger value than one of the baseline, ties counted half.
    pub superiority: Option<Superiority>,
    /// What tells equivalence from a difference that matters.
    pub equivalence: Equivalence,
    /// Other ways to test the same; none for metrics that were not planned.
    pub robustness: Option<Robustness>,
    /// The rank test with lost trials ranked worst; none where nothing was lost.
    pub worst_rank: Option<WorstRank>,
    /// Smallest true difference, in the metric's unit, that the test of this family would find with probability 0.8, with
    /// the standard deviation taken at its upper 80 % confidence limit. None for metrics that were not planned.
    pub detectable: Option<f64>,
    /// Replicates that would settle it; none where it is settled or cannot be told.
    pub needed: Option<RunsNeeded>,
    /// Pearson's correlation of the two configs across replicates; none when unpaired or degenerate.
    pub seed_correlation: Option<f64>,
    /// Difference of every pair, by replicate; empty when unpaired.
    pub pairs: Vec<Observation>,
    /// How it stands in a sequential design: then `p_value`, `p_adjusted` and `simultaneous` are the sequential ones. None
    /// for a fixed design, and for other metrics than the primary one.
    #[serde(default)]
    pub sequential: Option<Sequential>,
    /// What replaced the p-value of a comparison that got more replicates after the first ones were known: then `p_value`,
    /// `p_adjusted` and `simultaneous` are always valid. None for all others.
    #[serde(default)]
    pub extended: Option<Extended>,
    /// What the numbers say.
    pub verdict: Verdict,
}

impl Tested {
    /// The interval at the plan's confidence for this comparison alone that holds however often somebody looked; none
    /// where it is not bounded yet.
    #[must_use]
    pub fn interval(&self) -> Option<&Interval> {
        match (&self.sequential, &self.extended) {
            (Some(sequential), _) => sequential.interval.as_ref(),
            (None, Some(extended)) => extended.interval.as_ref(),
            (None, None) => Some(&self.primary.interval),
        }
    }

    /// Whether its numbers hold only if the number of replicates was fixed in advance, as it was.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.sequential.is_none() && self.extended.is_none()
    }
}

/// The rank test in which every lost training ranks below every observed one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstRank {
    /// The test.
    #[serde(flatten)]
    pub test: RankTest,
    /// Whether the config's values are the higher ones (1), the lower ones (-1), or neither (0), with the lost trainings
    /// where the metric is worst.
    pub side: i8,
    /// Trainings of the config, or pairs, with the lost ones.
    pub n_config: usize,
    /// Trainings of the baseline, or pairs, with the lost ones.
    pub n_baseline: usize,
    /// Smallest p-value that the test can have with so many, at any effect: above alpha it contradicts nothing.
    #[serde(default)]
    pub floor: f64,
}

/// What a comparison says about equivalence, from the interval with coverage 1 − 2 alpha.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Equivalence {
    /// That interval.
    pub interval: Interval,
    /// Two one-sided tests against the plan's margin; none when the plan has none.
    pub tost: Option<Tost>,
    /// Equivalence would hold for every margin above this, in the metric's unit.
    pub smallest_margin: f64,
}

/// Other tests of the same comparison, displayed beside the planned one and never put in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Robustness {
    /// Sign flips of the pairs, or permutations of the labels.
    pub permutation: Option<PermutationTest>,
    /// Wilcoxon's signed-rank test of the pairs, or Mann and Whitney's.
    pub rank: Option<RankTest>,
    /// Yuen's test of the 20 % trimmed means.
    pub trimmed: Option<TTest>,
    /// Share of the squared distance between the quantiles of config and baseline that lies where the config's are the lower
    /// ones: 0 where it has the larger value at every quantile, 1 at none. None where they do not differ.
    #[serde(default)]
    pub order: Option<f64>,
    /// Trainings without which the uncorrected test of the plan falls on the other side of alpha.
    pub flips: Vec<Flip>,
    /// Whether any of these tests, uncorrected, falls on the other side of alpha than the planned one, uncorrected.
    pub disagree: bool,
    /// Smallest p-value that the permutation and the rank test can have with so few replicates, at any effect.
    #[serde(default)]
    pub floor: f64,
}

/// A training without which the verdict of one test would be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flip {
    /// Name of the config whose training it is; none for a pair.
    pub config: Option<String>,
    /// Index of the replicate.
    pub replicate: u32,
}

/// The test that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Paired t-test over the replicates completed in both configs.
    PairedT,
    /// Welch's unequal-variances t-test.
    WelchT,
    /// Wilcoxon's signed-rank test with lost trials ranked worst.
    WorstRankPaired,
    /// Mann and Whitney's test with lost trials ranked worst.
    WorstRankUnpaired,
}

impl Test {
    /// Whether it goes by pairs of one seed.
    #[must_use]
    pub const fn is_paired(self) -> bool {
        matches!(self, Self::PairedT | Self::WorstRankPaired)
    }

    /// Whether lost trainings count, ranked worst.
    #[must_use]
    pub const fn is_worst_rank(self) -> bool {
        matches!(self, Self::WorstRankPaired | Self::WorstRankUnpaired)
    }
}

/// What a comparison says, from `p_adjusted`, alpha, the sign of the difference and the margin of equivalence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// `p_adjusted` is at most alpha and the difference is an improvement.
    Better,
    /// `p_adjusted` is at most alpha and the difference is a deterioration.
    Worse,
    /// Better, and inside the plan's margin: too little to matter.
    NegligiblyBetter,
    /// Worse, and inside the plan's margin: too little to matter.
    NegligiblyWorse,
    /// Inside the plan's margin, and no difference was shown.
    Equivalent,
    /// None of these, or the metric has no known direction.
    Undecided,
}

/// Why a comparison has no numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Untested {
    /// The config, the baseline or both do not produce the metric.
    NotMeasured {
        /// Whether the config produces it.
        config: bool,
        /// Whether the baseline produces it.
        baseline: bool,
    },
    /// Bit-identical values in every replicate that both completed.
    EqualInAll {
        /// How many replicates.
        n: usize,
    },
    /// Too few replicates.
    TooFew {
        /// Pairs, or the smaller of the two numbers of replicates.
        n: usize,
        /// How many the test needs.
        needed: usize,
    },
    /// The difference is the same in every replicate, so nothing tells its error.
    ConstantDifference {
        /// Pairs, or the smaller of the two numbers of replicates.
        n: usize,
        /// The difference.
        difference: f64,
    },
    /// The sweep is not over, and its plan allows no test before.
    Waiting {
        /// Planned trials that are still open.
        open: usize,
    },
    /// Another reason of the statistics library.
    Degenerate(Degenerate),
}
