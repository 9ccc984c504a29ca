//! The settings themselves. Every struct is total: a field that the user leaves out has the default given here.
//! Ranges are checked in `check.rs`, which every way of making a [`Recipe`] goes through.
//!
//! Map: `data` · `augment` · `model` · `optimizer` with the schedule and number formats · `loss` · `prior` ·
//! `evaluate` · `synthetic`.

mod augment;
mod data;
mod evaluate;
mod loss;
mod model;
mod optimizer;
mod prior;
mod synthetic;

pub use augment::*;
pub use data::*;
pub use evaluate::*;
pub use loss::*;
pub use model::*;
pub use optimizer::*;
pub use prior::*;
pub use synthetic::*;

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
    /// Images per optimizer step, 1 to 65,536.
    #[serde(default = "batch_128")]
    pub batch_size: u32,
    /// Number format of the forward and backward pass.
    #[serde(default)]
    pub precision: Precision,
    /// Whether a repeated training on equal hardware must give equal bits.
    #[serde(default)]
    pub mode: Mode,
    /// Train once what differs in evaluation only, and evaluate it once per config.
    #[serde(default)]
    pub share_training: bool,
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
    /// State on disk, from which an interrupted training goes on. No part of the digest.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// Anything that a person wants to remember, at most 1,000 bytes, no control characters but line breaks and tabs. No
    /// part of the digest.
    #[serde(default)]
    pub meta: String,
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

/// Whether a repeated training on equal hardware must give equal bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Yes: deterministic kernels, no TF32, no choice of kernels by timing.
    #[default]
    Repro,
    /// No: on a GPU, kernels are chosen by timing and may add in any order. A CPU makes no difference.
    Fast,
}

/// State on disk, from which an interrupted training goes on with the same bits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// Epochs between two checkpoints; 0 for none. 0 to 10,000.
    pub every: u32,
}
