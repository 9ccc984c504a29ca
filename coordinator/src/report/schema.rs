//! The JSON schema of `report.json`, derived from [`Analysis`], so that it cannot differ from what is written. The core,
//! which knows nothing of reports, has no schemas; its types in an analysis have mirrors here.

use super::analysis::Analysis;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};

/// See `sweeper_core::spec::Pairing`: whether configs share the seed of a replicate.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Pairing {
    /// Replicate r has the same initialisation, data order and augmentation in every config.
    Common,
    /// Every trial has a seed of its own.
    Independent,
}

/// See `sweeper_core::spec::Direction`: which way a metric improves.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Direction {
    /// Larger is better.
    Maximize,
    /// Smaller is better.
    Minimize,
}

/// See `sweeper_core::spec::Correction`: correction for the number of comparisons.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Correction {
    /// Holm's step-down procedure.
    Holm,
    /// Every p-value times their number.
    Bonferroni,
    /// Step-down max-T of Westfall and Young.
    MaxT,
    /// Single-step max-T.
    MaxTSingleStep,
    /// Dunnett's test against one baseline.
    Dunnett,
    /// Tukey and Kramer's test of all pairs.
    TukeyKramer,
    /// Games and Howell's test of all pairs.
    GamesHowell,
    /// `p_adjusted` equals `p_value`.
    None,
}

/// See `sweeper_core::spec::FamilyKind`: which pairs of configs are compared.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum FamilyKind {
    /// Every config with the baseline.
    Baseline,
    /// Every two configs whose recipes differ in one setting.
    OneFactor,
    /// Every two configs.
    AllPairs,
    /// Every config of one sweep with the one of the same name of another.
    Matched,
}

/// See `sweeper_core::spec::Missing`: what the main analysis does with lost trials.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Missing {
    /// Leaves them out.
    CompletedPairs,
    /// Ranks them below every observed value.
    WorstRank,
}

/// See `sweeper_core::spec::Tasks`: what counts as a task.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum Tasks {
    /// Nothing.
    None,
    /// Every stratum is one.
    Strata,
}

/// Of a `report.json` that this version writes, in the dialect 2020-12.
#[must_use]
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Analysis>()
}
