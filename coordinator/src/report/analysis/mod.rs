//! `Analysis`: every number and every sentence of a report, computed once. All formats are renderings of this value,
//! and its JSON form is `report.json`.
//!
//! Map: this page the whole · `observed` single configs and trials · `comparison` pairs of configs · `provenance` where the
//! numbers come from.

mod comparison;
mod observed;
mod provenance;

pub use self::{comparison::*, observed::*, provenance::*};

use super::{
    LookTaken, Planning,
    beyond::{AcrossTasks, BestSet, DesignAudit, Factors, FailureRate, LearningCurves, Noise, PowerCurves},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::{Correction, Direction, FamilyKind, Missing, Pairing, Tasks};

/// Version of the JSON form of [`Analysis`]; raised when a field changes its meaning or goes away.
pub const ANALYSIS_SCHEMA: u32 = 1;

/// Up to this many replicates a result is marked as resting on few.
pub const FEW: usize = 3;

/// A sweep, analysed by the plan that was stored before its first trial ran. What was taken over from earlier sweeps
/// existed before the plan, and `deviations` says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// [`ANALYSIS_SCHEMA`].
    pub schema: u32,
    /// The sweep's name.
    pub name: String,
    /// Who made the numbers.
    #[serde(default)]
    pub source: Source,
    /// `running`, `finished` or `cancelled`.
    pub state: String,
    /// Why it was cancelled; none unless it was and a reason is known.
    #[serde(default)]
    pub cancel_reason: Option<String>,
    /// Whether planned trials are still open or were cancelled: the numbers may change or never become complete.
    pub partial: bool,
    /// How the sweep was to be judged.
    pub plan: Plan,
    /// Whether it was there before the data.
    #[serde(default)]
    pub planning: Planning,
    /// What became of the planned trials.
    pub counts: Counts,
    /// Every final metric of any config, the primary one first. Tables keep this order.
    pub metrics: Vec<MetricInfo>,
    /// Results, one entry per stratum in sweep order; one unnamed entry when the sweep has no strata.
    pub strata: Vec<Stratum>,
    /// Trials without a usable observation, ordered by (config, replicate).
    pub exceptions: Vec<Exception>,
    /// Where the data differ from the plan, one sentence each.
    pub deviations: Vec<String>,
    /// Repeated outcomes compared with the accepted ones.
    pub determinism: Determinism,
    /// What replicates vary and what they hold fixed.
    pub scope: Scope,
    /// Whether the trials were made as an experiment should be.
    #[serde(default)]
    pub audit: DesignAudit,
    /// Looks taken by the stopping rule, in their order; none for a fixed design.
    #[serde(default)]
    pub looks: Vec<LookTaken>,
    /// Learning curves, by stratum.
    #[serde(default)]
    pub curves: Vec<LearningCurves>,
    /// Where the noise of the primary metric comes from, and what makes it smaller.
    #[serde(default)]
    pub noise: Noise,
    /// Configs over all tasks; none unless the plan says that strata are tasks.
    #[serde(default)]
    pub across_tasks: Option<AcrossTasks>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// The plan of analysis, as written in the sweep file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Primary metric.
    pub metric: String,
    /// Which way the primary metric improves.
    #[schemars(with = "schema::Direction")]
    pub direction: Direction,
    /// Name of the config that the others of its stratum are compared with; empty when pairs are compared and none is
    /// named.
    pub baseline: String,
    /// Which pairs are compared.
    #[schemars(with = "schema::FamilyKind")]
    pub family: FamilyKind,
    /// Smallest difference of the primary metric that matters, in its unit.
    pub delta: Option<f64>,
    /// Metrics declared beside the primary one.
    pub secondary: Vec<String>,
    /// What the main analysis does with lost trials.
    #[schemars(with = "schema::Missing")]
    pub missing: Missing,
    /// What counts as a task.
    #[serde(default)]
    #[schemars(with = "schema::Tasks")]
    pub tasks: Tasks,
    /// Trainings that were spent on tuning single configs before the sweep, as far as that was declared, in sweep order.
    #[serde(default)]
    pub tuning: Vec<Tuned>,
    /// Family-wise error rate.
    pub alpha: f64,
    /// Correction inside a family.
    #[schemars(with = "schema::Correction")]
    pub correction: Correction,
    /// Coverage of every interval.
    pub confidence: f64,
    /// Whether replicate r has one seed for all configs; it decides the primary test.
    #[schemars(with = "schema::Pairing")]
    pub pairing: Pairing,
    /// SHA-256 of the plan, hex.
    pub digest: String,
}

/// What tuning a config took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tuned {
    /// Name of the config.
    pub config: String,
    /// Trainings spent on it before the sweep, by what the plan says.
    pub trainings: u32,
}

/// Numbers of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// In all.
    pub planned: usize,
    /// Finished with finite numbers.
    pub completed: usize,
    /// Finished with NaN or infinity.
    pub diverged: usize,
    /// Given up after failing attempts.
    pub abandoned: usize,
    /// Cancelled before they finished.
    pub cancelled: usize,
    /// Behind a look that had decided their config: not needed, and left out where they ran all the same.
    #[serde(default)]
    pub stopped: usize,
    /// Pending or leased.
    pub open: usize,
    /// Completed or diverged in an earlier sweep and taken from there.
    pub reused: usize,
}

/// A final metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricInfo {
    /// `metric/split`.
    pub name: String,
    /// Whether it is the planned primary one.
    pub primary: bool,
    /// Whether the plan declares it beside the primary one.
    #[serde(default)]
    pub secondary: bool,
    /// Which way it improves; none when that is not known, and then no verdict says better or worse.
    #[schemars(with = "Option<schema::Direction>")]
    pub direction: Option<Direction>,
    /// Unit of its values.
    pub unit: Unit,
}

/// Unit of a metric's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// 0 to 100; differences are percentage points.
    Percent,
    /// 0 to 1, of a share or an accuracy.
    Fraction,
    /// Natural logarithm.
    Nats,
    /// Unknown.
    None,
}

impl Unit {
    /// Of a value.
    #[must_use]
    pub const fn of_value(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Nats => "nats",
            Self::Fraction | Self::None => "",
        }
    }

    /// Of a difference of two values.
    #[must_use]
    pub const fn of_difference(self) -> &'static str {
        match self {
            Self::Percent => "pp",
            Self::Nats => "nats",
            Self::Fraction | Self::None => "",
        }
    }

    /// What a perfect value is; none where a metric has no scale that different data share.
    #[must_use]
    pub const fn perfect(self) -> Option<f64> {
        match self {
            Self::Percent => Some(100.0),
            Self::Fraction => Some(1.0),
            Self::Nats | Self::None => None,
        }
    }
}

/// Configs that are compared with each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stratum {
    /// Its name; empty when the sweep has none.
    pub name: String,
    /// Its configs in sweep order.
    pub configs: Vec<ConfigResult>,
    /// Comparisons, one family per metric, in the order of [`super::Analysis::metrics`].
    pub families: Vec<Family>,
    /// How often trainings were lost, by config; empty where none was.
    #[serde(default)]
    pub failures: Vec<FailureRate>,
    /// Which configs may be the best on the primary metric.
    #[serde(default)]
    pub best: Option<BestSet>,
    /// What single settings do to the primary metric.
    #[serde(default)]
    pub factors: Option<Factors>,
    /// Power against the true difference on the primary metric.
    #[serde(default)]
    pub power: Option<PowerCurves>,
}

impl Stratum {
    /// The config with this index in the sweep. Configs are in sweep order.
    pub(super) fn config(&self, index: u32) -> Option<&ConfigResult> {
        let at = self.configs.binary_search_by_key(&index, |config| config.index).ok()?;
        self.configs.get(at)
    }
}
