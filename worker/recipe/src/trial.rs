//! What one training is given, tells while it goes on, and gives back.

use crate::Recipe;

/// One trial to train. Nothing in it depends on the worker, the attempt or the time.
#[derive(Debug, Clone)]
pub struct Task {
    /// `s7/c3/r12#2`, for messages only.
    pub label: String,
    /// What to train.
    pub recipe: Recipe,
    /// Everything random derives from it.
    pub seed: u64,
    /// Digest that the data must have; none while no outcome has fixed it.
    pub data_digest: Option<String>,
}

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u64,
    /// Optimizer steps in all.
    pub steps: u64,
    /// Epochs done.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// `loading`, `training` or `evaluating`.
    pub phase: &'static str,
    /// Training loss last seen; NaN before the first.
    pub loss: f64,
}

/// One observed number.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// `metric/split`.
    pub name: String,
    /// Epochs completed.
    pub epoch: u32,
    /// The value.
    pub value: f64,
    /// Whether the analysis uses it.
    pub is_final: bool,
}

/// Whether a training reached its end with finite numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It did.
    Completed,
    /// It went to NaN or infinity. That is an observation.
    Diverged {
        /// Epochs completed.
        epoch: u32,
        /// Steps completed.
        step: u64,
        /// What was not finite.
        what: String,
    },
}

/// What a trial observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Every number observed.
    pub metrics: Vec<Metric>,
    /// Of the data trained on; empty for trainers without data.
    pub data_digest: String,
    /// SHA-256 of the trained parameters, hex; empty for trainers without parameters.
    pub parameter_digest: String,
    /// `cpu`, or the GPU's name.
    pub device: String,
    /// e.g. `libtorch 2.11.0`.
    pub library: String,
    /// Seconds of training.
    pub train_seconds: f64,
    /// Seconds of evaluation.
    pub evaluate_seconds: f64,
    /// Which validation images were right; empty unless the recipe's `evaluate.predictions` asks for them.
    pub predictions: Vec<Prediction>,
}

/// Which images of one validation split a trained network had right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Name of the split, `balanced`; at most one entry each.
    pub split: String,
    /// Images, in file order; at least one, over all splits at most 10,000,000.
    pub rows: u32,
    /// `rows` bits in ⌈rows / 8⌉ bytes: image i is bit i mod 8 of byte ⌊i / 8⌋, lowest bit first; unused bits are 0.
    pub correct: Vec<u8>,
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// The stop check said so.
    #[error("stopped")]
    Stopped,
    /// This worker cannot train it: data missing, truncated or other than expected. The trial is handed back
    /// unharmed, and the worker ends with this exit code.
    #[error("{message}")]
    Unusable {
        /// Documented exit code of the worker.
        exit_code: u8,
        /// What, where, expected, hint.
        message: String,
    },
    /// Code failed.
    #[error("{0}")]
    Failed(String),
}
