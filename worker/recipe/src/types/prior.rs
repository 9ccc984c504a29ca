//! Apriori-softmax.

use serde::{Deserialize, Serialize};

/// Apriori-softmax: constant biases added to the logits, one while training, one while evaluating. With several
/// labels per sample the bias is ln p − ln (1 − p) of each label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prior {
    /// While training.
    pub train: TrainPrior,
    /// While evaluating.
    pub validation: ValidationPrior,
}

/// The bias while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainPrior {
    /// No layer.
    #[default]
    None,
    /// The layer with zeros.
    Zero,
    /// Log of the training split's class proportions.
    Train,
}

/// The bias while evaluating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationPrior {
    /// No layer.
    #[default]
    None,
    /// Zeros on validation splits (on the training split: the training bias).
    Zero,
    /// Study A's columns: log-prior of the unbalanced and perverse split; on the balanced one its log-prior after the
    /// epochs before the last, and 0 at the end.
    Split,
    /// Log-prior of each evaluated split.
    EverySplit,
}
