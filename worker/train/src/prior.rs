//! Apriori-softmax: constant biases that are added to the logits, one while training, one per evaluated split
//! (the ten configs of `deploy/sweeps/apriori-demo.toml`). With several labels per sample each label is a choice
//! between two, and its bias is ln p − ln (1 − p).

use sweeper_data::{Split, Splits, log_proportions};
use sweeper_recipe::{Prior, TrainPrior, ValidationPrior};
use tch::{TchError, Tensor};

use crate::evaluate::Part;

/// The biases of one training, float32, one number per class or label.
#[derive(Debug)]
pub struct Biases {
    settings: Prior,
    several: bool,
    train: Option<Vec<f32>>,
    /// `train` on the device.
    tensor: Option<Tensor>,
}

impl Biases {
    /// The biases that `settings` ask for on these splits; `several` with several labels per sample.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn new(settings: &Prior, splits: &Splits, several: bool, device: tch::Device) -> Result<Self, TchError> {
        let train = match settings.train {
            TrainPrior::None => None,
            TrainPrior::Zero => Some(vec![0.0; splits.train.proportions.len()]),
            TrainPrior::Train => Some(log_prior(&splits.train, several)),
        };
        let tensor = train.as_ref().map(|bias| Tensor::f_from_slice(bias)?.f_to_device(device)).transpose()?;
        Ok(Self { settings: settings.clone(), several, train, tensor })
    }

    /// Training logits with the training bias; without the layer, the logits themselves.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn add_to(&self, logits: Tensor) -> Result<Tensor, TchError> {
        match &self.tensor {
            Some(bias) => logits.f_add(bias),
            None => Ok(logits),
        }
    }

    /// The bias while evaluating `part`, whose rows are `split`; none without the layer. The training split keeps the
    /// training bias. `split` is study A's choice: on the balanced split its log-prior after every epoch, and zeros at
    /// the end (`is_final`).
    #[must_use]
    pub fn evaluation(&self, part: Part, split: &Split, is_final: bool) -> Option<Vec<f32>> {
        let zeros = || Some(vec![0.0; split.proportions.len()]);
        match (part, self.settings.validation) {
            (Part::Train | Part::TrainClean, _) => self.train.clone(),
            (_, ValidationPrior::None) => None,
            (_, ValidationPrior::Zero) => zeros(),
            (Part::Balanced, ValidationPrior::Split) if is_final => zeros(),
            (_, ValidationPrior::Split | ValidationPrior::EverySplit) => Some(log_prior(split, self.several)),
        }
    }
}

fn log_prior(split: &Split, several: bool) -> Vec<f32> {
    let logs = log_proportions(&split.proportions);
    if !several {
        return logs.into_iter().map(|log| log as f32).collect();
    }
    let others: Vec<f64> = split.proportions.iter().map(|share| 1.0 - share).collect();
    logs.into_iter().zip(log_proportions(&others)).map(|(log, other)| (log - other) as f32).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn split(proportions: &[f64]) -> Split {
        Split { rows: vec![0], counts: vec![1; proportions.len()], proportions: proportions.to_vec() }
    }

    fn biases(validation: ValidationPrior, several: bool) -> Biases {
        let splits = Splits { train: split(&[0.9, 0.1]), balanced: split(&[0.5, 0.5]), parts: None };
        Biases::new(&Prior { train: TrainPrior::Train, validation }, &splits, several, tch::Device::Cpu).unwrap()
    }

    #[test]
    fn study_a_evaluates_the_balanced_split_without_prior_at_the_end_only() {
        let (balanced, half) = (split(&[0.25, 0.75]), Some([0.25f64, 0.75].map(|share| share.ln() as f32).to_vec()));
        let study_a = biases(ValidationPrior::Split, false);
        assert_eq!(study_a.evaluation(Part::Balanced, &balanced, true), Some(vec![0.0, 0.0]));
        assert_eq!(study_a.evaluation(Part::Balanced, &balanced, false), half);
        assert_eq!(study_a.evaluation(Part::Perverse, &balanced, true), half);
        assert_eq!(biases(ValidationPrior::EverySplit, false).evaluation(Part::Balanced, &balanced, true), half);
        let zero = biases(ValidationPrior::Zero, false);
        assert_eq!(zero.evaluation(Part::Perverse, &balanced, false), Some(vec![0.0, 0.0]));
        let train = [0.9f64, 0.1].map(|share| share.ln() as f32).to_vec();
        assert_eq!(zero.evaluation(Part::Train, &balanced, true), Some(train));
    }

    #[test]
    fn with_several_labels_each_is_a_choice_between_two() {
        let bias = biases(ValidationPrior::EverySplit, true).evaluation(Part::Train, &split(&[0.5; 2]), true).unwrap();
        assert!((bias[0] - 9f32.ln()).abs() < 1e-6 && (bias[1] + 9f32.ln()).abs() < 1e-6, "{bias:?}");
    }
}
