//! Apriori-softmax: constant biases that are added to the logits, one while training, one per evaluated split
//! (the ten configs of `deploy/sweeps/apriori-demo.toml`).

use sweeper_recipe::{Prior, TrainPrior, ValidationPrior};
use tch::{TchError, Tensor};

use crate::{
    data::{Split, Splits, log_proportions},
    evaluate::Part,
};

/// The biases of one training, float32, one number per class.
#[derive(Debug, Clone, PartialEq)]
pub struct Biases {
    settings: Prior,
    train: Option<Vec<f32>>,
}

impl Biases {
    /// The biases that `settings` ask for on these splits.
    #[must_use]
    pub fn new(settings: &Prior, splits: &Splits) -> Self {
        let train = match settings.train {
            TrainPrior::None => None,
            TrainPrior::Zero => Some(vec![0.0; splits.train.proportions.len()]),
            TrainPrior::Train => Some(log_prior(&splits.train)),
        };
        Self { settings: settings.clone(), train }
    }

    /// Training logits with the training bias; without the layer, the logits themselves.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn add_to(&self, logits: Tensor) -> Result<Tensor, TchError> {
        match &self.train {
            Some(bias) => logits.f_add(&Tensor::f_from_slice(bias)?),
            None => Ok(logits),
        }
    }

    /// The bias while evaluating `part`, whose rows are `split`; none without the layer. The training split keeps the
    /// training bias. `split` leaves the balanced split without prior, as study A's final evaluation does.
    #[must_use]
    pub fn evaluation(&self, part: Part, split: &Split) -> Option<Vec<f32>> {
        match (part, self.settings.validation) {
            (Part::Train | Part::TrainClean, _) => self.train.clone(),
            (_, ValidationPrior::None) => None,
            (_, ValidationPrior::Zero) | (Part::Balanced, ValidationPrior::Split) => {
                Some(vec![0.0; split.proportions.len()])
            }
            (_, ValidationPrior::Split | ValidationPrior::EverySplit) => Some(log_prior(split)),
        }
    }
}

fn log_prior(split: &Split) -> Vec<f32> {
    log_proportions(&split.proportions).into_iter().map(|log| log as f32).collect()
}
