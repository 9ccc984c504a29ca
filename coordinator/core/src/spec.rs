//! What a sweep is to the scheduler: configs, replicates, and the plan of analysis written before any data existed.
//! A recipe is opaque bytes and a digest here.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// One TOML file's whole experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepSpec {
    /// Its name; part of file names, so letters, digits, `.`, `_` and `-` only.
    pub name: String,
    /// Everything random derives from it.
    pub seed: u64,
    /// Whether replicate r has one seed for all configs.
    pub pairing: Pairing,
    /// Among several sweeps, larger runs first.
    pub priority: i32,
    /// Failing attempts that a trial may have before it is abandoned.
    pub max_failures: u32,
    /// The things compared, in report order; strata follow each other.
    pub configs: Vec<ConfigSpec>,
    /// How to judge.
    pub analysis: AnalysisPlan,
    /// SHA-256, hex, of everything above in canonical form; equal digests are the same sweep.
    pub digest: String,
    /// SHA-256, hex, of the analysis plan alone, with names of configs and replicates.
    pub plan_digest: String,
    /// The sweep file as written.
    pub toml: String,
    /// `key=value` overrides from the command line.
    pub overrides: Vec<String>,
}

/// One combination of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigSpec {
    /// Unique in its stratum.
    pub name: String,
    /// Name of its stratum; empty when the sweep has none. Comparisons stay inside a stratum.
    pub stratum: String,
    /// Observations wanted.
    pub replicates: u32,
    /// The canonical recipe.
    pub recipe: Vec<u8>,
    /// Digest of what decides the recipe's results, hex. Recipes of one digest observe the same, though their bytes may
    /// differ in settings that change no result, such as a note.
    pub recipe_digest: String,
    /// Names the data set; configs of one key must train on data of one digest.
    pub data_key: String,
    /// Configs of one such digest train the same with one seed and differ in evaluation only, so that a worker may train
    /// once for all of them; empty for a config that shares no training.
    #[serde(default)]
    pub training_digest: String,
    /// How many configs before this one have its recipe digest, where every trial has a seed of its own: without it,
    /// twins would have one seed and observe the same. 0 with common seeds. Set by [`SweepSpec::number_twins`], and
    /// stored, for the seeds of a sweep never change; sweeps from before it was counted have 0 everywhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub twins_before: u32,
}

const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl SweepSpec {
    /// Counts, for a new sweep, the twins before every config.
    pub fn number_twins(&mut self) {
        let independent = self.pairing == Pairing::Independent;
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for config in &mut self.configs {
            let ConfigSpec { recipe_digest, twins_before, .. } = config;
            let twins = seen.entry(recipe_digest).or_default();
            *twins_before = if independent { *twins } else { 0 };
            *twins += 1;
        }
    }
}

/// Whether configs share the seed of a replicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// Replicate r has the same initialisation, data order and augmentation in every config.
    Common,
    /// Every trial has a seed of its own.
    Independent,
}

/// How the sweep is to be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalysisPlan {
    /// Primary metric, `metric/split`.
    pub metric: String,
    /// Which way is better.
    pub direction: Direction,
    /// Name of the config that the others are compared with, in every stratum; empty where `family` needs none and none
    /// is named.
    pub baseline: String,
    /// Family-wise error rate.
    pub alpha: f64,
    /// Correction inside a family.
    pub correction: Correction,
    /// Coverage of intervals.
    pub confidence: f64,
    /// Which pairs of configs are compared.
    #[serde(default)]
    pub family: FamilyKind,
    /// Smallest difference of the primary metric that matters, in its unit, above 0. Without it nothing is called
    /// equivalent or negligible.
    #[serde(default)]
    pub delta: Option<f64>,
    /// Metrics that were declared beside the primary one. Others are reported, too, as not planned.
    #[serde(default)]
    pub secondary: Vec<String>,
    /// What the main analysis does with trials that diverged or were abandoned.
    #[serde(default)]
    pub missing: Missing,
    /// What counts as a task, over which configs are told together.
    #[serde(default)]
    pub tasks: Tasks,
    /// Trainings that were spent on tuning a config before this sweep, by its name; of configs that are not in here
    /// nothing was said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tuning: BTreeMap<String, u32>,
    /// When a comparison may end before all its replicates have run.
    #[serde(default)]
    pub stopping: Stopping,
}

/// When a comparison may end before all its replicates have run. Each rule keeps the family-wise error rate over all
/// looks together; what a look decides is the statistics' affair, when it is taken and what it stops is told here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case")]
pub enum Stopping {
    /// Never: one analysis at the end.
    #[default]
    Fixed,
    /// At looks that are planned before the first result. Trials behind the next look wait for it.
    Looks {
        /// When.
        looks: LookPlan,
        /// How the error rate is spent over them.
        spending: Spending,
        /// Whether to stop as futile, too.
        futility: bool,
    },
    /// After every replicate from the second one on, by e-values. No trial waits.
    EValue,
}

/// Replicates at which to look; the end of the plan is always a look besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LookPlan {
    /// So many, about equally far apart; fewer where that would be a look at less than 3 replicates.
    Count(u32),
    /// After these numbers of replicates, ascending.
    At(Vec<u32>),
}

/// How an error rate is spent over planned looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spending {
    /// In proportion to the square of the part of the plan that is done.
    #[default]
    Quadratic,
    /// Hardly anything early.
    #[serde(rename = "obrien-fleming")]
    OBrienFleming,
    /// Nearly the same bound at every look.
    Pocock,
}

impl Stopping {
    /// Replicates at every look of a stratum with `planned` replicates, ascending; `planned` is the last. Empty where
    /// nothing is looked at before the end.
    #[must_use]
    pub fn looks(&self, planned: u32) -> Vec<u32> {
        let early: Vec<u32> = match self {
            _ if planned == 0 => return Vec::new(),
            Self::Fixed => return Vec::new(),
            Self::Looks { looks: LookPlan::At(at), .. } => at.clone(),
            Self::Looks { looks: LookPlan::Count(count), .. } => {
                let (planned, count) = (u64::from(planned), u64::from((*count).clamp(1, planned)));
                let nth = |k: u64| u32::try_from((planned * k).div_ceil(count)).unwrap_or(u32::MAX);
                (1..count).map(nth).filter(|n| *n > 2).collect()
            }
            Self::EValue => (2..planned).collect(),
        };
        let mut looks: Vec<u32> = early.into_iter().filter(|n| (2..planned).contains(n)).chain([planned]).collect();
        looks.sort_unstable();
        looks.dedup();
        looks
    }

    /// Whether trials behind the next look wait for it.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Looks { .. })
    }
}

/// Which pairs of configs of a stratum are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FamilyKind {
    /// Every config with the baseline.
    #[default]
    Baseline,
    /// Every two configs whose recipes differ in one setting.
    OneFactor,
    /// Every two configs.
    AllPairs,
    /// Every config of one sweep with the one of the same name of another; no sweep file can ask for it.
    Matched,
}

/// What an analysis does with trials that have no final value because they diverged or were abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Leaves out the replicate in both configs of a paired comparison, or the trial in an unpaired one.
    #[default]
    CompletedPairs,
    /// Ranks them below every observed value, so that losing trials counts against a config.
    WorstRank,
}

/// What counts as a task. Tasks change no comparison: they are told together in a section of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tasks {
    /// Nothing: strata are budgets, and stay apart.
    #[default]
    None,
    /// Every stratum is one, e.g. a data set.
    Strata,
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Larger is better.
    Maximize,
    /// Smaller is better.
    Minimize,
}

/// Correction for the number of comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Holm's step-down procedure.
    Holm,
    /// Every p-value times their number.
    Bonferroni,
    /// Step-down max-T of Westfall and Young: as Holm, with the correlation that one shared baseline makes.
    MaxT,
    /// Single-step max-T, which has simultaneous intervals of its own.
    MaxTSingleStep,
    /// Dunnett's test against one baseline, for equal variances.
    Dunnett,
    /// Tukey and Kramer's test of all pairs, for equal variances.
    TukeyKramer,
    /// Games and Howell's test of all pairs, for any variances.
    GamesHowell,
    /// `p_adjusted` equals `p_value`.
    None,
}
