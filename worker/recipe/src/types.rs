//! The settings themselves. Every struct is total: a field that the user leaves out has the default given here.
//! Ranges are checked in `check.rs`, which every way of making a [`Recipe`] goes through.

use serde::{Deserialize, Serialize};

/// All settings that determine one training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What trains it.
    #[serde(default)]
    pub trainer: TrainerKind,
    /// Passes over the training split, 1 to 10,000.
    #[serde(default = "one")]
    pub epochs: u32,
    /// Images per optimizer step, 1 to 65,536. A last partial batch is dropped.
    #[serde(default = "batch_128")]
    pub batch_size: u32,
    /// What it trains on.
    #[serde(default)]
    pub data: Data,
    /// Random changes of training images.
    #[serde(default)]
    pub augment: Augment,
    /// The network.
    #[serde(default)]
    pub model: Model,
    /// How parameters move.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How the learning rate moves.
    #[serde(default)]
    pub schedule: Schedule,
    /// What is minimised.
    #[serde(default)]
    pub loss: Loss,
    /// Apriori-softmax: constant biases added to the logits.
    #[serde(default)]
    pub prior: Prior,
    /// What is measured, and when.
    #[serde(default)]
    pub evaluate: Evaluate,
    /// Settings of the synthetic trainer; the torch trainer does not read them.
    #[serde(default)]
    pub synthetic: Synthetic,
}

fn one() -> u32 {
    1
}

fn batch_128() -> u32 {
    128
}

/// What trains a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainerKind {
    /// libtorch.
    #[default]
    Torch,
    /// Numbers with a known effect and noise, no training: for tests and load.
    Synthetic,
}

/// What a recipe trains on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The data set, found as a folder of this name in the worker's data directory.
    pub source: Source,
    /// Use only the first n training images of the file; 0 for all. 0, or 10 to 10,000,000.
    pub train_limit: u32,
    /// Use only the first n validation images; 0 for all. 0, or 10 to 10,000,000.
    pub validation_limit: u32,
    /// The unbalanced column.
    pub unbalance: Unbalance,
}

/// A data set that the worker can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Four IDX files, 28 × 28 grey, 10 classes, 60,000 + 10,000 images.
    #[default]
    FashionMnist,
    /// The same four files for handwritten digits.
    Mnist,
}

/// Drops 5 % … 95 % of each class; the validation set keeps what was dropped as its `perverse` split.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unbalance {
    /// Off: train on all, evaluate on train and balanced only.
    pub enabled: bool,
    /// The draw. Equal seeds give equal splits, whatever the replicate.
    pub seed: u64,
    /// Mix the replicate's seed into the draw, so that replicates vary the split too.
    pub per_replicate: bool,
}

/// Random changes of training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Mirror each training image with probability 1/2.
    pub flip: bool,
}

impl Default for Augment {
    fn default() -> Self {
        Self { flip: true }
    }
}

/// The network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Which.
    pub arch: Arch,
    /// The xresnet family's activation; `small-cnn` always has relu.
    pub activation: Activation,
    /// The xresnet family's down-sampling in identity paths.
    pub pool: Pool,
}

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// About 29,000 parameters, for 28 × 28 images on one CPU core.
    #[default]
    SmallCnn,
    /// Two residual blocks per stage, plain.
    Xresnet18,
    /// 32 groups and squeeze-excitation; study A's network.
    XseResnext18,
}

/// Non-linearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// x·tanh(softplus x).
    Mish,
}

/// 2 × 2 down-sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Mean.
    #[default]
    Average,
    /// Maximum.
    Max,
}

/// How parameters move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Which.
    pub kind: OptimizerKind,
    /// Peak learning rate, above 0, at most 100.
    pub lr: f64,
    /// Decay of the mean gradient, 0 up to but not 1.
    pub beta1: f64,
    /// Decay of the mean squared gradient, 0 up to but not 1.
    pub beta2: f64,
    /// Added to the root of the squared gradient, above 0, at most 1.
    pub eps: f64,
    /// Decoupled decay of convolution and linear weights, 0 to 1; never of biases and norm parameters.
    pub weight_decay: f64,
}

/// An optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with decoupled decay.
    #[default]
    Adamw,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self { kind: OptimizerKind::Adamw, lr: 3e-3, beta1: 0.9, beta2: 0.99, eps: 1e-6, weight_decay: 0.01 }
    }
}

/// How the learning rate moves, over optimizer steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Which.
    pub kind: ScheduleKind,
    /// `flat-cosine`: the share of steps before the fall begins, 0 to 1.
    pub pct_start: f64,
}

/// A schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Flat, then a cosine from lr to lr/100,000.
    #[default]
    FlatCosine,
    /// Flat.
    Constant,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { kind: ScheduleKind::FlatCosine, pct_start: 0.75 }
    }
}

/// What is minimised: cross-entropy against smoothed targets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// Where ε of the target goes.
    pub smoothing: Smoothing,
}

/// Label smoothing: target (1−ε)·one-hot + ε·distribution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smoothing {
    /// The distribution.
    pub kind: SmoothingKind,
    /// ε, 0 up to but not 1. 0 is plain cross-entropy.
    pub eps: f64,
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
}

/// Apriori-softmax: constant biases added to the logits, one while training, one while evaluating.
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
    /// Study A's columns: log-prior of the unbalanced and perverse split, 0 on the balanced one.
    Split,
    /// Log-prior of each evaluated split.
    EverySplit,
}

/// What is measured, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluate {
    /// When.
    pub when: When,
    /// Images of the training split measured.
    pub train: TrainEvaluation,
    /// β of smoothed accuracy, above 0, at most 1,000.
    pub beta: f64,
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

/// How the training split is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainEvaluation {
    /// As study A: through the training loader, shuffled, mirrored, last partial batch dropped.
    #[default]
    Loader,
    /// Every image once, unchanged.
    Clean,
    /// `loader` as `…/train`, `clean` as `…/train_clean`.
    Both,
    /// Not at all.
    None,
}

impl Default for Evaluate {
    fn default() -> Self {
        Self { when: When::Final, train: TrainEvaluation::Loader, beta: 3.0, batch_size: 128 }
    }
}

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
