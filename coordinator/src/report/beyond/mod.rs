//! What a report tells beside single configs and pairs of them.
//!
//! Map: `audit` whether the trials were made as an experiment should be, `copies` those of a file · `failures` lost trainings as an outcome ·
//! `best` which configs may be the best · `factors` what single settings do · `curves` how trainings went · `noise` where
//! the noise comes from · `power` what can be found · `tasks` configs over several tasks ·
//! `tuning` who was tuned how long before.

mod audit;
mod best;
mod copies;
mod curves;
mod factors;
mod failures;
mod noise;
mod power;
mod tasks;
mod tuning;

/// Standard deviations that differ by more than this factor are told, and methods beside those that take them as equal.
pub(in crate::report) const UNEQUAL: f64 = 2.0;

pub use audit::{Association, Copies, DesignAudit, DriftSpan};
pub use best::{BestSet, Contender, NotRanked};
pub use curves::{ConfigCurve, LearningCurves};
pub use factors::{CellMean, FactorCell, FactorTerm, Factors, Interaction, InteractionMeans};
pub use failures::FailureRate;
pub use noise::{
    Adjusted, BootstrapCheck, ClusterError, ClusteredErrors, ClusteredResult, Component, Components, ConfigImages,
    CrossedDifference, DifferenceResult, ImageClusters, ImageComparison, ImageNoise, ImageSet, ImagesResult, NoImages,
    Noise, SeedGain, SinglePair, Smoothed, Spread, StratumNoise,
};
pub use power::{PowerCurves, PowerOfComparison};
pub use tasks::{
    AcrossTasks, ConfigProfile, MeanDifference, SharedSeeds, TaskComparison, TaskConfig, TaskDifference, TaskProfiles,
    Told,
};
pub use tuning::MoreTuned;

pub(super) use self::{
    audit::design_audit,
    best::best_set,
    curves::learning_curves,
    factors::factors,
    failures::failure_rates,
    noise::{Grouping, image_set, noise},
    power::power_curves,
    tasks::across_tasks,
    tuning::tuned,
};
