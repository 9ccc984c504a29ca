//! A finished training in memory, for trials that differ from it in evaluation only (`share_training`).

use sweeper_recipe::When;
use tch::Tensor;

use crate::training::{Observed, Setup};

/// A finished training: every epoch of it.
pub(crate) struct Shared {
    /// Of the settings that decide the parameters, seed, and digest of the data.
    pub key: (String, u64, String),
    pub epochs: Vec<Epoch>,
}

/// One epoch of a training.
pub(crate) struct Epoch {
    /// The model after it, where it was to be evaluated.
    pub state: Option<Vec<(String, Tensor)>>,
    /// Optimizer steps until its end.
    pub step: u64,
    /// What the training itself showed in it.
    pub metrics: Vec<Observed>,
}

impl Shared {
    /// Whether it can stand for the training of `setup`: the same one, with every model that is to be evaluated.
    pub(crate) fn serves(&self, setup: &Setup<'_>) -> bool {
        let every_epoch = setup.recipe.evaluate.when == When::Epoch;
        let complete = self.epochs.iter().rev().skip(1).all(|epoch| epoch.state.is_some() || !every_epoch);
        setup.recipe.share_training && complete && self.key == setup.training_key()
    }
}
