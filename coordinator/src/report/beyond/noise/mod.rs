//! Where the noise of the results comes from, and what makes it smaller.
//!
//! Map: `sets` which validation images a training was measured on, and its bits · `images` seeds and images as sources of
//! noise, from the bits of single images · `clusters` the same where images come in clusters · `spread` standard deviations compared, pairing, the baseline's run of the same
//! seed, smoothed accuracy.

mod clusters;
mod images;
mod sets;
mod spread;

pub use clusters::{ClusterError, ClusteredErrors, ClusteredResult, ImageClusters};
pub use images::{
    BootstrapCheck, Component, Components, ConfigImages, CrossedDifference, DifferenceResult, ImageComparison,
    ImageNoise, ImagesResult, NoImages, SinglePair,
};
pub use sets::ImageSet;
pub use spread::{Adjusted, SeedGain, Smoothed, Spread};

pub(in crate::report) use self::{clusters::Grouping, sets::image_set};

use crate::{
    predictions::Predictions,
    report::{
        analysis::{MetricInfo, Plan, Stratum},
        trials::ConfigTrials,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::Pairing;

/// Sources of noise and what was gained against them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// The split whose images are used: the primary metric's where trainings kept bits of it, else the first one of which
    /// they did; none when no completed training kept any.
    pub split: Option<String>,
    /// Bytes of predictions that would have been exceeded, where they were left out for that.
    pub left_out_beyond: Option<usize>,
    /// Into which clusters the images were put, where such were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ImageClusters>,
    /// By stratum, in sweep order.
    pub strata: Vec<StratumNoise>,
}

/// Noise in one stratum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StratumNoise {
    /// Name of the stratum.
    pub stratum: String,
    /// Seeds and images as sources of noise; none when no training of the stratum kept which images it had right.
    pub images: Option<ImageNoise>,
    /// Standard deviations of the two configs of every planned comparison on the primary metric. Exploratory.
    pub spreads: Vec<Spread>,
    /// What pairing on the seed gains, by planned comparison; empty when trials are not paired.
    pub gains: Vec<SeedGain>,
    /// Differences adjusted for the run of the same seed of what is compared with; empty when trials are not paired.
    /// A sensitivity analysis.
    pub adjusted: Vec<Adjusted>,
    /// Smoothed accuracies of the primary metric's split beside the plain one, by config.
    pub smoothed: Vec<Smoothed>,
}

/// What all parts are computed from.
pub(super) struct Input<'a> {
    pub(super) configs: &'a [ConfigTrials<'a>],
    pub(super) predictions: &'a Predictions,
    /// Of the images of the predictions.
    pub(super) clusters: Option<&'a Grouping>,
    pub(super) metrics: &'a [MetricInfo],
    /// Index of the primary metric.
    pub(super) primary: usize,
    pub(super) plan: &'a Plan,
    /// What every random number of the report derives from.
    pub(super) seed: u64,
}

impl Input<'_> {
    pub(super) fn paired(&self) -> bool {
        self.plan.pairing == Pairing::Common
    }
}

/// `split` of `metric/split`; empty where there is none.
pub(super) fn split_of(metric: &str) -> &str {
    metric.split_once('/').map_or("", |(_, split)| split)
}

/// Noise of the primary metric in every stratum.
pub(in crate::report) fn noise(
    configs: &[ConfigTrials<'_>],
    (predictions, clusters): (&Predictions, Option<&Grouping>),
    strata: &[Stratum],
    metrics: &[MetricInfo],
    (plan, seed): (&Plan, u64),
) -> Noise {
    let Some(primary) = metrics.iter().position(|metric| metric.primary) else { return Noise::default() };
    let input = Input { configs, predictions, clusters, metrics, primary, plan, seed };
    let split = sets::split(configs, predictions, &metrics[primary].name);
    let mut work = images::Work::default();
    let of_stratum = |stratum: &Stratum| StratumNoise {
        stratum: stratum.name.clone(),
        images: split.as_deref().and_then(|split| images::of(&input, stratum, split, &mut work)),
        spreads: spread::spreads(&input, stratum),
        gains: spread::gains(&input, stratum),
        adjusted: spread::adjusted(&input, stratum),
        smoothed: spread::smoothed(&input, stratum),
    };
    let strata = strata.iter().map(of_stratum).collect();
    let clusters = clusters.map(Grouping::told);
    Noise { strata, left_out_beyond: predictions.limit(), clusters, split }
}
