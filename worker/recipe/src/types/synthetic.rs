//! Settings of the synthetic trainer.

use serde::{Deserialize, Serialize};

/// The synthetic trainer: metric = base + effect + noise of (seed), after `seconds` of waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Synthetic {
    /// True mean of `accuracy/balanced` at effect 0, −1e9 to 1e9.
    pub base: f64,
    /// Added to the mean, −1e9 to 1e9.
    pub effect: f64,
    /// Standard deviation of the part that a seed shares across configs, 0 to 1e9.
    pub seed_noise: f64,
    /// Standard deviation of the part that a trial has alone, 0 to 1e9.
    pub trial_noise: f64,
    /// Wall time of a trial, 0 to 86,400.
    pub seconds: f64,
    /// Share of trials that diverge, 0 to 1.
    pub diverge: f64,
    /// Share of trials whose every attempt fails with an error, 0 to 1.
    pub fail: f64,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self { base: 80.0, effect: 0.0, seed_noise: 1.0, trial_noise: 0.5, seconds: 0.0, diverge: 0.0, fail: 0.0 }
    }
}
