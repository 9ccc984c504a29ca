//! What is minimised.

use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// Which; a data set with several labels per sample needs `bce`, every other one `cross-entropy`.
    pub kind: LossKind,
    /// Where ε of the target goes.
    pub smoothing: Smoothing,
    /// One weight per class for the part of the loss that looks at the label, each above 0, at most 1e6; empty for none.
    pub class_weights: Vec<f64>,
    /// How a batch's losses become one number.
    pub reduction: Reduction,
    /// Class rectification.
    pub rectification: Rectification,
}

/// A loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Of softmax against one class.
    #[default]
    CrossEntropy,
    /// Binary cross-entropy of sigmoids against a set of labels, mean over labels and samples.
    Bce,
}

/// How a batch's losses become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Mean.
    #[default]
    Mean,
    /// Sum.
    Sum,
}

/// Label smoothing: target (1−ε)·one-hot + ε·distribution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smoothing {
    /// The distribution.
    pub kind: SmoothingKind,
    /// ε, 0 up to but not 1. 0 is plain cross-entropy.
    pub eps: f64,
    /// `val-matched`: the split in whose terms ε is meant; `val-matched` must name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<SmoothingTarget>,
}

/// What the smoothed part of the target is spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmoothingKind {
    /// All classes alike.
    #[default]
    Uniform,
    /// The class proportions of the training split: apriori smoothing.
    TrainPrior,
    /// The same, with an ε per class such that it is ε towards `target`'s proportions once the prior is switched.
    ValMatched,
}

/// A validation split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmoothingTarget {
    /// The whole validation set.
    Balanced,
    /// Its rows with the training split's proportions.
    Unbalanced,
    /// Its other rows.
    Perverse,
}

/// Class rectification (arXiv 1804.10851): loss (1−α)·base + α·rectification, α = η·Ω.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rectification {
    /// On or off.
    pub enabled: bool,
    /// η, 0 to 1e6; α must not exceed 1.
    pub eta: f64,
    /// Margin m, 0 to 1,000.
    pub margin: f64,
    /// Hardest positives and negatives per anchor, κ, 1 to 1,024.
    pub kappa: u32,
    /// Share of a batch that its minority classes may have together, ρ, 0 to 1.
    pub rho: f64,
    /// Where the hardest samples are looked for.
    pub mining: Mining,
    /// Which labels of a batch count as minority, with several labels per sample.
    pub minority: Minority,
    /// Divide by the triplets above zero instead of by all.
    pub active_only: bool,
    /// Ω: how far the training split is from uniform.
    pub omega: Omega,
    /// `given`: Ω itself, 0 to 1e6.
    pub omega_value: f64,
    /// Log classes, counts, samples, targets and logits of the first n batches. 0 to 1,000. No part of the digest.
    pub inspect: u32,
}

impl Default for Rectification {
    fn default() -> Self {
        Self {
            enabled: false,
            eta: 0.01,
            margin: 0.5,
            kappa: 25,
            rho: 0.5,
            mining: Mining::Class,
            minority: Minority::Batch,
            active_only: false,
            omega: Omega::MaxDeficit,
            omega_value: 0.0,
            inspect: 0,
        }
    }
}

/// Where the hardest samples are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mining {
    /// Among predicted probabilities.
    #[default]
    Class,
    /// Among distances of features, the inputs of the last linear layer.
    Instance,
}

/// Which labels of a batch count as minority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Minority {
    /// The rarest labels that together have at most ρ of the batch.
    #[default]
    Batch,
    /// Each label alone: the rarer of having it and not having it, where that side has at most ρ of the batch.
    PerLabel,
}

/// Ω from class counts n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Omega {
    /// (max − min) / max.
    #[default]
    MaxDeficit,
    /// 1 − mean / max.
    MeanDeficit,
    /// min / max, study D's inverted choice: more imbalance, smaller weight.
    MinOverMax,
    /// `omega_value`.
    Given,
}
