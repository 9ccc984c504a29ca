//! What is measured, and when.

use serde::{Deserialize, Serialize};

/// What is measured, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluate {
    /// When.
    pub when: When,
    /// Images of the training split measured.
    pub train: TrainEvaluation,
    /// β of smoothed accuracy: 1 to 8 different numbers, each from 0.001 to 1,000. The first is the metric
    /// `smoothed_accuracy`, each further one `smoothed_accuracy_<β>`.
    pub betas: Vec<f64>,
    /// Whether mirrored validation images count too.
    pub flip: EvaluateFlip,
    /// Accuracy of every class on its own, `accuracy_class_<class>`.
    pub per_class: bool,
    /// Keep for every validation image whether it was right, for comparisons image by image.
    pub predictions: bool,
    /// Images per forward pass, 1 to 65,536. It may change low bits, so it is part of the recipe.
    pub batch_size: u32,
}

/// When to evaluate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Once, at the end.
    #[default]
    Final,
    /// After every epoch.
    Epoch,
}

/// How the training split is measured, after the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainEvaluation {
    /// As study A: through the training loader, shuffled, cropped, mirrored, last partial batch dropped.
    #[default]
    Loader,
    /// Every image once, unchanged.
    Clean,
    /// `loader` as `…/train`, `clean` as `…/train_clean`.
    Both,
    /// Not at all.
    None,
}

/// Whether mirrored validation images count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvaluateFlip {
    /// No.
    #[default]
    None,
    /// As images of their own: 2 N predictions (study E).
    FlipConcat,
    /// Logits of an image and its mirror image are averaged: N predictions.
    FlipMeanLogits,
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            when: When::Final,
            train: TrainEvaluation::Loader,
            betas: vec![3.0],
            flip: EvaluateFlip::None,
            per_class: false,
            predictions: false,
            batch_size: 128,
        }
    }
}
